"""Contracts around the model for CrossHair: turns under a budget, scripted answers, postconditions; and broken loops.

CrossHair hangs on a loop that never ends, so every run here has a budget of turns, and whether the loop ended within
it is part of what is promised. Called by tests/test_crosshair.py in a child process.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, Attempt, End
from model.gfp import GFP_HIGHMEM, GFP_KERNEL, GFP_NORETRY, GFP_NOWARN, Gfp
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, Unwinding, take_turn
from model.patched import Filling, Patched, fls
from model.pre_patch import PrePatch

ARRAY = (2, 1, 0)  # the shape of {9, 8, 4, 0} at sizes that CrossHair can exhaust
MOST_N = 5
TURNS = 2 * MOST_N + len(ARRAY) + 2  # MOST_N + 3 passes at most, the last test, and the rollback


class Answers:
    """Grants what the list says, refuses when it is over; a frame is never given twice."""

    def __init__(self, answers: tuple[bool, ...]) -> None:
        self.answers = answers
        self.asked = 0
        self.next_frame = 0

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the next block or None."""
        granted = self.asked < len(self.answers) and self.answers[self.asked]
        self.asked += 1
        if not granted:
            return None
        frame = self.next_frame
        self.next_frame += 1 << order
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Forget the block."""


@dataclass(frozen=True)
class Outcome:
    """What a run was, as far as the contracts speak of it."""

    n: int
    attempts: tuple[Attempt, ...]
    ended: bool
    ok: bool

    @property
    def orders_in_array(self) -> bool:
        """Return whether every order asked for is one of the array's."""
        return all(attempt.order in ARRAY for attempt in self.attempts)

    @property
    def page_total(self) -> bool:
        """Return whether a success was granted n pages, and nothing was ever granted beyond them."""
        granted = sum(attempt.pages for attempt in self.attempts if attempt.granted)
        return granted == self.n if self.ok else granted <= self.n

    @property
    def noretry_above_0_only(self) -> bool:
        """Return whether exactly the attempts above order 0 carry NORETRY: the caller here never passes it."""
        return all(attempt.gfp.noretry == (attempt.order > 0) for attempt in self.attempts)


def outcome(loop: Loop, n: int, answers: tuple[bool, ...], single_pages: bool = False) -> Outcome:
    """Run ``loop`` for at most TURNS turns."""
    call = Call(n, GFP_KERNEL, single_pages)
    kernel = Kernel(Answers(answers), PageArray())
    attempts: list[Attempt] = []
    state = loop.start(call)
    for _ in range(TURNS):
        if isinstance(state, End):
            break
        state, events = take_turn(loop, call, state, kernel)
        attempts += [event for event in events if isinstance(event, Attempt)]
    ended = isinstance(state, End)
    return Outcome(n, tuple(attempts), ended, ended and state == DONE)


class Faulty(Loop):
    """The patched loop with one fault; the sound parts are the model's own lines."""

    guard = True  # "if (__fls(count) < order)"
    noretry_at_0 = False
    steps_down = True  # "order_idx++" when a block is refused
    array: tuple[int, ...] = ARRAY

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n, 0)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take one pass of "while (count)"."""
        i, count, order_idx = state.i, state.count, state.order_idx
        if not count:
            return DONE
        order = kernel.look(self.array, order_idx)
        if self.guard and fls(count) < order:
            return Filling(i, count, order_idx + 1)
        gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM
        if order or self.noretry_at_0:
            gfp = gfp | GFP_NORETRY
        page = kernel.alloc_pages(gfp, order)
        if page is None:
            if order:
                return Filling(i, count, order_idx + 1 if self.steps_down else order_idx)
            return Unwinding(i)
        kernel.store(i, page, 1 << order)
        return Filling(i + (1 << order), count - (1 << order), order_idx)


class ArrayWithout0(Faulty):
    """{2, 1}: the index runs off the end."""

    array = (2, 1)


class GuardMissing(Faulty):
    """Asks for more than is wanted: count goes below 0."""

    guard = False


class NoRetryAtOrder0(Faulty):
    """The fallback may not retry."""

    noretry_at_0 = True


class RetriesForEver(Faulty):
    """A refused order is asked for again, and again; with nothing but refusals it never ends."""

    steps_down = False


def run_patched(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the patched loop.

    pre: 0 <= n <= 5
    post: _.orders_in_array
    post: _.page_total
    post: _.noretry_above_0_only
    post: _.ended
    """
    return outcome(Patched(ARRAY), n, (a, b, c, d, e, f, g))


def run_single_pages(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the patched loop with DMA_ATTR_ALLOC_SINGLE_PAGES.

    pre: 0 <= n <= 5
    post: _.orders_in_array
    post: _.page_total
    post: _.noretry_above_0_only
    post: _.ended
    post: all(attempt.order == 0 for attempt in _.attempts)
    """
    return outcome(Patched(ARRAY), n, (a, b, c, d, e, f, g), single_pages=True)


def run_pre_patch(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the older loop: below 8 pages its orders are those of the array.

    pre: 0 <= n <= 5
    post: _.orders_in_array
    post: _.page_total
    post: _.noretry_above_0_only
    post: _.ended
    """
    return outcome(PrePatch(), n, (a, b, c, d, e, f, g))


def run_array_without_0(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the loop over an array without 0: the index must run off its end.

    pre: 0 <= n <= 5
    post: _.orders_in_array
    """
    return outcome(ArrayWithout0(), n, (a, b, c, d, e, f, g))


def run_guard_missing(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the loop that never drops down when it gets small.

    pre: 0 <= n <= 5
    post: _.page_total
    """
    return outcome(GuardMissing(), n, (a, b, c, d, e, f, g))


def run_noretry_at_order_0(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the loop whose fallback gives up early.

    pre: 0 <= n <= 5
    post: _.noretry_above_0_only
    """
    return outcome(NoRetryAtOrder0(), n, (a, b, c, d, e, f, g))


def run_retries_for_ever(n: int, a: bool, b: bool, c: bool, d: bool, e: bool, f: bool, g: bool) -> Outcome:
    """Run the loop that asks again for what was refused.

    pre: 0 <= n <= 5
    post: _.ended
    """
    return outcome(RetriesForEver(), n, (a, b, c, d, e, f, g))


def run_without_contract(n: int) -> Outcome:
    """Run the patched loop and promise nothing: CrossHair has nothing to say about it."""
    return outcome(Patched(ARRAY), n, (True,))


def run_without_budget(n: int) -> bool:
    """Ask for ever: CrossHair hangs on it, whatever its own time-outs.

    pre: 0 < n <= 5
    post: _
    """
    state, kernel, call = Filling(0, n, 0), Kernel(Answers(()), PageArray()), Call(n)
    loop = RetriesForEver()
    while not isinstance(state, End):
        state = take_turn(loop, call, state, kernel)[0]
    return True
