"""The smallest run that breaks a claim: real runs of the plain model, breadth first, every answer tried.

The proof that failed gives a lower bound on n: below it not even the supporting invariants leave room for a violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from model.events import FAILED, Attempt, Back, End, Event, Turn
from model.gfp import GFP_KERNEL, GFP_NORETRY, Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import MOST_ORDERS, Call, Loop, OrderBits, Unwinding, run, take_turn
from spec.judge import Judge, judge
from spec.monitor import Broken, Matter, Monitor

MOST_NODES = 30_000  # states visited in one search, all sizes together
MOST_NODES_A_SIZE = 3_000  # then long runs under plain answers are tried instead
MOST_EVENTS = 50_000  # of one such run
EVERY_N = 40  # sizes tried one by one from the lower bound on; then powers of two and their neighbours
CALLERS: tuple[Gfp, ...] = (GFP_KERNEL, GFP_KERNEL | GFP_NORETRY)  # the plainest first


@dataclass(frozen=True)
class Scenario:
    """A real run that breaks a claim: replayed by giving the same answers."""

    claim: str
    call: Call
    answers: tuple[bool, ...]
    events: tuple[Event, ...]  # to the one that breaks the claim
    sentence: str  # why that one breaks it

    @property
    def refusals(self) -> int:
        """Return the number of refused attempts."""
        return self.answers.count(False)


def masks(loop: Loop) -> tuple[OrderBits | None, ...]:
    """Return the masks of orders to search with: every order, the lowest alone, and each other one with the lowest."""
    if loop.lowest_order is None:
        return (None,)
    lowest = 1 << loop.lowest_order
    every = (1 << MOST_ORDERS) - lowest
    some = (lowest | 1 << order for order in range(loop.lowest_order, MOST_ORDERS))
    return tuple(OrderBits.of(mask) for mask in (every, *some))


class NeedsAnswer(Exception):
    """The script is over and the loop asks on."""


class Script:
    """An allocator that follows a list of answers; blocks come one after the other, each aligned to its size."""

    def __init__(self, answers: Iterable[bool], next_frame: int = 0) -> None:
        self.answers = iter(answers)
        self.next_frame = next_frame

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the next block, or None, as the script says. Raises NeedsAnswer at its end."""
        granted = next(self.answers, None)
        if granted is None:
            raise NeedsAnswer
        if not granted:
            return None
        size = 1 << max(order, 0)
        frame = -(-self.next_frame // size) * size
        self.next_frame = frame + size
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed: no frame is given twice."""


@dataclass(frozen=True)
class Node:
    """A run so far."""

    state: Any
    judge: Judge
    answers: tuple[bool, ...]
    events: tuple[Event, ...]
    next_frame: int
    runs: tuple[tuple[int, int, int], ...]


def sizes_from(least: int, most: int | None) -> Iterator[int]:
    """Yield the sizes worth trying, smallest first."""
    limit = most if most is not None else 1 << 20
    yield from range(least, min(least + EVERY_N, limit + 1))
    later = {n for bit in range(21) for n in ((1 << bit) - 1, 1 << bit, (1 << bit) + 1, (1 << bit) + 16)}
    yield from sorted(n for n in later if least + EVERY_N <= n <= limit)


def smallest(
    loop: Loop, claim: str, monitor: type[Monitor], matter: Matter, least: int, most: int | None = None,
    callers: tuple[Gfp, ...] = CALLERS,
) -> Scenario | None:  # fmt: skip
    """Return the scenario of smallest n, then fewest turns, fewest refusals, plainest flags; None: none found."""
    budget = MOST_NODES
    for n in sizes_from(least, most):
        best: tuple[tuple[int, int, int], Scenario] | None = None
        for plain, gfp in enumerate(callers):
            call = replace(matter.call, n=n, gfp=gfp)
            mine = Matter(call, matter.orders, matter.max_order)
            turns, found, visited = _breadth_first(loop, claim, monitor, mine, min(budget, MOST_NODES_A_SIZE))
            budget -= visited
            if found is None and visited > MOST_NODES_A_SIZE:
                found = next(filter(None, (tried(loop, claim, monitor, mine, plan) for plan in PLANS)), None)
            if found is not None and (best is None or (turns, found.refusals, plain) < best[0]):
                best = (turns, found.refusals, plain), found
        if best is not None:
            return best[1]
        if budget <= 0:
            return None
    return None


class Planned:
    """An allocator that gives the first answers from a list, then answers by the order alone, and notes them all."""

    def __init__(self, plan: Callable[[int], bool], first: Iterable[bool] = ()) -> None:
        self.plan = plan
        self.first = iter(first)
        self.answers: list[bool] = []
        self.script = Script(self._each())

    def _each(self) -> Iterator[bool]:
        while True:
            yield self.answers[-1]

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the next block, or None, as the list or the plan says."""
        answer = next(self.first, None)
        self.answers.append(self.plan(order) if answer is None else answer)
        return self.script.alloc_pages(gfp, order)

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed."""


PLANS: tuple[Callable[[int], bool], ...] = (lambda order: order == 0, lambda order: True, lambda order: 0 <= order <= 4)


def tried(
    loop: Loop, claim: str, monitor: type[Monitor], matter: Matter, plan: Callable[[int], bool],
    first: Iterable[bool] = (),
) -> Scenario | None:  # fmt: skip
    """Return the run with these first answers and then one plain way of answering, if it breaks the claim."""
    allocator = Planned(plan, first)
    kernel = Kernel(allocator, PageArray())
    now, seen = judge(monitor, matter), list[Event]()
    try:
        for event in islice(run(loop, matter.call, kernel), MOST_EVENTS):
            seen.append(event)
            now = now.step(event)
    except Broken as broken:
        asked = sum(isinstance(event, Attempt) for event in seen)
        return Scenario(claim, matter.call, tuple(allocator.answers[:asked]), tuple(seen), str(broken))
    except Crash as crash:
        if crash.claim == claim:
            return Scenario(claim, matter.call, tuple(allocator.answers), tuple(seen), crash.reason)
    return None


def _breadth_first(
    loop: Loop, claim: str, monitor: type[Monitor], matter: Matter, budget: int
) -> tuple[int, Scenario | None, int]:
    try:
        state = loop.start(matter.call)
    except Crash as crash:
        same = crash.claim == claim
        return 0, Scenario(claim, matter.call, (), (), crash.reason) if same else None, 1
    first = Node(state, judge(monitor, matter), (), (), 0, ())
    level, seen, visited, turns = [first], set[Any](), 0, 0
    if isinstance(state, End):
        found = _judged(first, [state], claim, matter.call, first.answers)
        return 0, found if isinstance(found, Scenario) else None, 1
    while level:
        turns += 1
        broken: list[Scenario] = []
        following: list[Node] = []
        for node in level:
            for after in _turns(loop, claim, matter.call, node):
                visited += 1
                if isinstance(after, Scenario):
                    broken.append(after)
                    continue
                key = (after.state, after.judge, after.runs)
                if not isinstance(after.state, End) and key not in seen:
                    seen.add(key)
                    following.append(after)
            if visited > budget:
                return turns, min(broken, key=lambda s: s.refusals, default=None), visited
        if broken:
            return turns, min(broken, key=lambda s: (s.refusals, s.answers)), visited
        level = following
    return turns, None, visited


def _turns(loop: Loop, claim: str, call: Call, node: Node) -> Iterator[Node | Scenario]:
    """Yield what one turn can lead to, one for each sequence of answers within it."""
    scripts: list[tuple[bool, ...]] = [()]
    while scripts:
        script = scripts.pop()
        memory = PageArray()
        for stored in node.runs:
            memory.store(*stored)
        allocator = Script(script, node.next_frame)
        kernel = Kernel(allocator, memory)
        answers = node.answers + script
        try:
            state, events = take_turn(loop, call, node.state, kernel)
        except NeedsAnswer:
            scripts += [(*script, False), (*script, True)]
            continue
        except Crash as crash:
            found = _judged(node, crash.events, claim, call, answers)
            if isinstance(found, Scenario):
                yield found
            elif crash.claim == claim:
                yield Scenario(claim, call, answers, (*node.events, *crash.events), crash.reason)
            continue
        found = _judged(node, events, claim, call, answers)
        if isinstance(found, Scenario):
            yield found
        else:
            yield Node(state, found, answers, (*node.events, *events), allocator.next_frame, tuple(memory.runs))


def _judged(node: Node, events: Sequence[Event], claim: str, call: Call, answers: tuple[bool, ...]) -> Judge | Scenario:
    now = node.judge
    for at, event in enumerate(events):
        try:
            now = now.step(event)
        except Broken as broken:
            asked = sum(isinstance(e, Attempt) for e in (*node.events, *events[: at + 1]))
            return Scenario(claim, call, answers[:asked], (*node.events, *events[: at + 1]), str(broken))
    return now


def replay(loop: Loop, monitor: type[Monitor], matter: Matter, scenario: Scenario) -> str:
    """Run the scenario's answers on the plain model from the start; return how it breaks the claim, or ""."""
    kernel = Kernel(Script(scenario.answers), PageArray())
    now, crashed = judge(monitor, matter), ""
    try:
        state = loop.start(scenario.call)
    except Crash as stop:
        return stop.reason if stop.claim == scenario.claim else ""
    events: list[Event] = [state] if isinstance(state, End) else []
    for _ in range(MOST_EVENTS):
        try:
            for event in events:
                now = now.step(event)
        except Broken as broken:
            return str(broken)
        if isinstance(state, End) or crashed:
            return crashed
        unwinding = isinstance(state, Unwinding)
        try:
            state, events = take_turn(loop, scenario.call, state, kernel)
        except (NeedsAnswer, Crash) as stop:  # the turn's events up to there still count
            events = [Back() if unwinding else Turn(), *kernel.events]
            crashed = stop.reason if isinstance(stop, Crash) and stop.claim == scenario.claim else ""
            state = FAILED
    return ""
