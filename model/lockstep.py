"""Two loops side by side, given the same answers: where they do not do the same, the run crashes.

The second follows the first turn by turn. It goes on for as long as it asks for nothing that the first did not, so that
a pass in which nothing happens may be one pass more, or less; the rollbacks go step by step. Compared are the attempts,
in order; the slots filled, with their frames; the pages cleared and freed; the end. Not compared: where a chunk's
stores stand among the other events of a turn, NULL stores, the split of a single page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.events import Attempt, Clear, End, Event, Free, Look, Split, Store
from model.gfp import NAMES, Gfp
from model.kernel import Crash, Kernel
from model.loop import Call, Loop, Unwinding, after_turn

SAME = "same-as-model"
MOST_CATCHING_UP = 50  # turns of the second during one of the first


@dataclass(frozen=True)
class Both:
    """Where the two stand, before a pass of the first one's filling loop."""

    first: Any
    second: Any
    filled_to: int  # no slot from there on was ever filled


@dataclass(frozen=True)
class BothUnwinding(Unwinding):
    """Where the two stand while the first one rolls back."""

    first: Any
    second: Any


class Ahead(Crash):
    """The second loop would do what the first has not done yet, or crashes where the first did not: a difference unless
    that turn is yet to come."""

    def __init__(self, what: str) -> None:
        super().__init__(SAME, f"the two differ: {what}")


class Listening(Kernel):
    """The first loop's kernel, which remembers what was read, and which pages were taken out of their slots."""

    def __init__(self, kernel: Kernel, filled_to: int | None) -> None:
        super().__init__(kernel.allocator, kernel.memory)
        self.loads: list[tuple[Any, Any]] = []
        self.emptied: list[Any] = []
        self.filled_to = filled_to  # no slot from there on was ever filled; None: not followed

    def load(self, slot: int) -> int | None:
        """Return the frame in the slot."""
        found = super().load(slot)
        self.loads.append((slot, found))
        return found

    def erase(self, slot: int) -> None:
        """Empty the slot; NULL where there is no page is not compared."""
        if (self.filled_to is None or slot < self.filled_to) and super().load(slot) is not None:
            self.emptied.append(slot)
        super().erase(slot)

    def store(self, slot: int, frame: int, pages: int = 1) -> None:
        """Fill slots."""
        super().store(slot, frame, pages)
        if self.filled_to is not None and slot + pages > self.filled_to:
            self.filled_to = slot + pages


class Echo(Kernel):
    """The second loop's kernel: the same request gets the first loop's answer, any other one is a difference."""

    def __init__(self, first: Listening, call: Call) -> None:
        super().__init__(first.allocator, first.memory)
        self.first = first
        self.out_of_scope = call.gfp.comp  # the callers take it away
        self.attempts = [event for event in first.events if isinstance(event, Attempt)]
        self.frees = [event for event in first.events if isinstance(event, Free)]
        self.emptied: list[Any] = []

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return what the first loop was answered."""
        if not self.attempts:
            raise Ahead("a turn is left half done")
        wanted = self.attempts.pop(0)
        require(order == wanted.order, "an attempt is of another order")
        for name in (*NAMES, "other"):
            same = getattr(gfp, name) == getattr(wanted.gfp, name)
            require(same or (name == "comp" and self.out_of_scope), f"an attempt's flag {name.upper()} differs")
        self.record(Attempt(order, gfp, wanted.frame))
        return wanted.frame

    def store(self, slot: int, frame: int, pages: int = 1) -> None:
        """Note the store; the array is the first loop's."""
        self.record(Store(slot, frame, pages))

    def load(self, slot: int) -> int | None:
        """Return what the first loop read there; it must have."""
        found: int | None
        for read, found in self.first.loads:
            if read == slot:
                return found
        raise Crash(SAME, "the two differ: another slot is read")

    def erase(self, slot: int) -> None:
        """Compare which slot is emptied: both must read the same from it from now on."""
        require(slot in self.first.emptied or self.first.memory.load(slot) is None, "another slot is emptied")
        self.emptied.append(slot)

    def free_pages(self, frame: int, order: int) -> None:
        """Compare what is freed."""
        if not self.frees:
            raise Ahead("a turn is left half done")
        wanted = self.frees.pop(0)
        require(frame == wanted.frame and order == wanted.order, "another page is freed")
        self.record(Free(frame, order))


def require(holds: object, sentence: str) -> None:
    """Crash where the two loops differ."""
    if not holds:
        raise Crash(SAME, f"the two differ: {sentence}")


class Lockstep(Loop):
    """Two loops that are to do the same."""

    def __init__(self, first: Loop, second: Loop) -> None:
        self.first = first
        self.second = second
        self.follows = False  # it is the second that is read now

    @property
    def harmless(self) -> tuple[str, ...]:
        """Return what is not compared, since the first loop does not promise it, with the reason."""
        reason = self.first.left_out().get("cleared-once")
        return (f"the pages cleared ({reason})",) if reason else ()

    def ranges(self) -> Mapping[str, tuple[int, int]]:
        """Return the ranges of the first loop's fields."""
        return {f"first.{name}": limits for name, limits in self.first.ranges().items()}

    def position(self) -> str:
        """Return where the loop stands that was read last."""
        return "the model: " if self.follows else self.first.position()

    def start(self, call: Call) -> Any:
        """Return where both stand before their first turn."""
        one, other = self.first.start(call), self.second.start(call)
        if isinstance(one, End):
            require(isinstance(other, End) and one.ok == other.ok, "one ends at once")
            return one
        return Both(one, other, 0)

    def turn(self, call: Call, state: Any, kernel: Kernel) -> Any:
        """Take a turn of the first loop, and as many of the second as that allows."""
        unwinding = isinstance(state, Unwinding)
        listening = Listening(kernel, None if unwinding else state.filled_to)
        listening.events = kernel.events
        self.follows = False
        after = (self.first.unwind if unwinding else self.first.turn)(call, state.first, listening)
        kernel.events = listening.events
        echo = Echo(listening, call)
        self.follows = True
        second = self._follow(call, state.second, echo, unwinding)
        require(not echo.attempts, "an attempt is not made")
        require(not echo.frees, "a page is not freed")
        require(all(slot in echo.emptied for slot in listening.emptied), "another slot is emptied")
        require(_same(listening.events, echo.events, Store), "a slot gets another page, or none")
        require(self.harmless or _same(listening.events, echo.events, Clear), "other pages are cleared")
        require(_same(listening.events, echo.events, Split), "another block is split")
        if isinstance(after, End):
            require(isinstance(second, End) and second.ok == after.ok, "the ends differ")
            return after
        if isinstance(after, Unwinding):
            return BothUnwinding(0, after, second)
        assert listening.filled_to is not None
        return Both(after, second, listening.filled_to)

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Any:
        """Take a step of the first loop's rollback."""
        return self.turn(call, state, kernel)

    def _follow(self, call: Call, state: Any, echo: Echo, unwinding: bool) -> Any:
        if isinstance(state, Unwinding):  # step by step
            return self._turned(call, state, echo) if unwinding else state
        for _ in range(MOST_CATCHING_UP):
            if isinstance(state, End | Unwinding):
                return state
            done = len(echo.events)
            try:
                state = self._turned(call, state, echo)
            except Ahead:
                if not all(isinstance(event, Look) for event in echo.events[done:]):
                    raise
                del echo.events[done:]
                return state
        raise Crash(SAME, "the second goes on alone")

    def _turned(self, call: Call, state: Any, echo: Echo) -> Any:
        try:
            return after_turn(self.second, call, state, echo)
        except Crash as crash:
            raise crash if crash.claim == SAME else Ahead(f"the second crashes: {crash.reason}") from None


def _same(one: Sequence[Event], other: Sequence[Event], kind: type[Event]) -> bool:
    """Return whether the events of one kind are the same, in their order."""
    left = [event for event in one if isinstance(event, kind) and not _splits_one_page(event)]
    right = [event for event in other if isinstance(event, kind) and not _splits_one_page(event)]
    return len(left) == len(right) and all(a == b for a, b in zip(left, right, strict=True))


def _splits_one_page(event: Event) -> bool:
    return isinstance(event, Split) and event.order == 0
