"""Every run there is of a size, whatever the allocator answers, judged by every claim that applies: as the proofs say.

Runs that meet again are judged once from there on: a run's future is decided by the loop's state, the page array and
the answers, and a claim's future by its judge. So the turns of one size are a graph; its paths are the runs, which are
counted exactly, and every judge walks along every edge with every state that some run brings it to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from model.events import DONE, FAILED, Attempt, Back, End, Event, Turn
from model.gfp import GFP_KERNEL, GFP_NORETRY, Gfp
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, Unwinding, take_turn
from proofs.engine.search import NeedsAnswer
from spec.judge import Judge, judge
from spec.monitor import Broken, Matter, Monitor
from spec.targets import TARGETS, Target
from tests.judging import REFUTED_BEFORE, applicable

FIRST_FRAME = 5000  # not 0: a slot taken for a frame must show
RETRY, NORETRY = GFP_KERNEL, GFP_KERNEL | GFP_NORETRY
Runs = tuple[tuple[int, int, int], ...]


class Contiguous:
    """Follows the script; each block begins where the last one ended. That makes the page array a function of how far
    it is filled, so that runs meet again; other layouts are drawn in test_claims_on_random_memory.py."""

    def __init__(self, answers: tuple[bool, ...], next_frame: int) -> None:
        self.answers = iter(answers)
        self.next_frame = next_frame

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the next block or None. Raises NeedsAnswer at the script's end."""
        granted = next(self.answers, None)
        if granted is None:
            raise NeedsAnswer
        if not granted:
            return None
        frame = self.next_frame
        self.next_frame += 1 << order
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed: no frame is given twice."""


class NothingAsked:
    """The allocator of an error path: it is given pages back and asked for none."""

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Say that the error path asked for a page."""
        raise AssertionError("the error path asks for pages: runs that meet in it may not be joined")

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed."""


class Below(PageArray):
    """The page array of an error path that has come down to slot ``end``: what is beyond it was left for good."""

    def __init__(self, end: int) -> None:
        super().__init__()
        self.end = end

    def load(self, slot: int) -> int | None:
        """Return the frame in ``slot``, which must be below the end."""
        assert slot < self.end, "the error path looks back up: runs that meet in it may not be joined"
        return super().load(slot)


@dataclass(frozen=True)
class Place:
    """Where a run can be between two turns: all that its future depends on beside the answers to come.

    In an error path that is the slots still to free, whatever came before: `Below` and `NothingAsked` see to it. So
    error paths are joined, unless ``apart`` asks for each on its own.
    """

    state: Any
    runs: Runs
    next_frame: int


@dataclass(frozen=True)
class Edge:
    """One turn under one sequence of answers."""

    events: tuple[Event, ...]
    to: Place


@dataclass
class Graph:
    """All runs of one call."""

    first: Place
    edges: dict[Place, list[Edge]] = field(default_factory=dict)  # each place after all that lead to it

    def runs(self) -> int:
        """Return the number of complete runs."""
        return self._from_the_end(sum)

    def most_attempts(self) -> int:
        """Return the number of attempts of the run that makes most of them."""
        return self.most(lambda event: True)

    def most(self, counts: Callable[[Attempt], bool]) -> int:
        """Return the number of attempts that ``counts`` holds of, in the run that makes most of them."""
        return self._from_the_end(
            max, lambda edge: sum(isinstance(event, Attempt) and counts(event) for event in edge.events)
        )

    def _from_the_end(self, combine: Any, weight: Any = lambda edge: 0) -> int:
        at_end = 1 if combine is sum else 0
        value: dict[Place, int] = {}
        for place in reversed(self.edges):
            values = [weight(edge) + value[edge.to] for edge in self.edges[place]]
            value[place] = combine(values) if values else at_end
        return value[self.first]


def joined(runs: list[tuple[int, int, int]]) -> Runs:
    """Return the page array's runs with those joined that continue each other."""
    after: list[tuple[int, int, int]] = []
    for slot, frame, pages in runs:
        if after and after[-1][0] + after[-1][2] == slot and after[-1][1] + after[-1][2] == frame:
            after[-1] = (after[-1][0], after[-1][1], after[-1][2] + pages)
        else:
            after.append((slot, frame, pages))
    return tuple(after)


def turns(loop: Loop, call: Call, place: Place, apart: bool) -> Iterator[Edge]:
    """Yield the next turn under every sequence of answers that it can get."""
    scripts: list[tuple[bool, ...]] = [()]
    unwinding = not apart and isinstance(place.state, Unwinding)
    while scripts:
        script = scripts.pop()
        memory = Below(place.state.i) if unwinding else PageArray()
        for one in place.runs:
            memory.store(*one)
        allocator = Contiguous(script, place.next_frame)
        try:
            kernel = Kernel(NothingAsked() if unwinding else allocator, memory)
            state, events = take_turn(loop, call, place.state, kernel)
        except NeedsAnswer:
            scripts += [(*script, False), (*script, True)]
            continue
        after = Place(state, joined(memory.runs), allocator.next_frame)
        yield Edge(tuple(events), without_the_past(after) if isinstance(state, End) or not apart else after)


def without_the_past(place: Place) -> Place:
    """Return the place without what its future cannot depend on."""
    if isinstance(place.state, End):
        return Place(place.state, (), 0)
    if isinstance(place.state, Unwinding):
        end = place.state.i
        below = [(slot, frame, min(pages, end - slot)) for slot, frame, pages in place.runs if slot < end]
        return Place(place.state, tuple(below), 0)
    return place


def graph_of(loop: Loop, call: Call, apart: bool = False) -> Graph:
    """Return all runs of ``call``. Every path ends: a place never leads back to itself, or there is no such order."""
    first = Place(loop.start(call), (), FIRST_FRAME)
    leaving: dict[Place, list[Edge]] = {}
    pending = [first]
    while pending:
        place = pending.pop()
        if place not in leaving:
            leaving[place] = [] if isinstance(place.state, End) else list(turns(loop, call, place, apart))
            pending += [edge.to for edge in leaving[place]]
    arrivals = dict.fromkeys(leaving, 0)
    for edges in leaving.values():
        for edge in edges:
            arrivals[edge.to] += 1
    arrivals_in_all = dict(arrivals)
    graph, ready = Graph(first), [] if arrivals[first] else [first]
    while ready:
        place = ready.pop()
        graph.edges[place] = [whole_way(edge, leaving, arrivals_in_all) for edge in leaving[place]]
        for edge in graph.edges[place]:
            arrivals[edge.to] -= 1
            if not arrivals[edge.to]:
                ready.append(edge.to)
    reached = [first, *(edge.to for edges in graph.edges.values() for edge in edges)]
    assert all(place in graph.edges for place in reached), "a run comes back to where it was: it never ends"
    return graph


def whole_way(edge: Edge, leaving: dict[Place, list[Edge]], arrivals: dict[Place, int]) -> Edge:
    """Return ``edge`` with the turns after it that nothing else leads to and that can go only one way."""
    events = list(edge.events)
    while arrivals[edge.to] == 1 and len(leaving[edge.to]) == 1:
        (edge,) = leaving[edge.to]
        events += edge.events
    return Edge(tuple(events), edge.to)


def breaks(graph: Graph, monitor: type[Monitor], matter: Matter) -> bool:
    """Return whether any run breaks the claim."""
    brought: dict[Place, set[Judge | Monitor]] = {place: set() for place in graph.edges}
    brought[graph.first].add(judge(monitor, matter) if monitor.watches else monitor.start(matter))
    try:
        for place, edges in graph.edges.items():
            here = list(brought.pop(place))
            for edge in edges:
                after = here
                for event in edge.events:
                    after = [state.step(event) for state in after]
                brought[edge.to].update(after)
    except Broken:
        return True
    return False


def monitors(target: Target) -> list[tuple[str, type[Monitor]]]:
    """Return claim and monitor of all that applies to ``target``; the two counts of "terminates" each by itself.

    Neither count looks at the other. One monitor of both would be brought to a place with every pair of them.
    """
    (name, both), *others = applicable(target)
    return [(name, heedless(both, Back)), (name, heedless(both, Turn)), *others]


def heedless(monitor: type[Monitor], of: type[Event]) -> type[Monitor]:
    """Return the monitor that takes no notice of one kind of event."""

    def step(self: Monitor, event: Event) -> Monitor:
        return self if isinstance(event, of) else monitor.step(self, event)

    return type(f"{monitor.__name__}Without{of.__name__}", (monitor,), {"step": step})


@dataclass
class Verdicts:
    """What judging every run of many sizes came to."""

    runs: int = 0
    most_of_a_size: int = 0
    smallest_broken: dict[str, int] = field(default_factory=dict)  # by claim


def judge_every_run(target: Target, sizes: range, gfp: Gfp) -> Verdicts:
    """Judge every run of each size by every claim that applies to ``target``."""
    verdicts = Verdicts()
    for n in sizes:
        call = Call(n, gfp, target.single_pages)
        graph = graph_of(target.loop, call)
        counted = graph.runs()
        verdicts.runs += counted
        verdicts.most_of_a_size = max(verdicts.most_of_a_size, counted)
        for name, monitor in monitors(target):
            if name not in verdicts.smallest_broken and breaks(graph, monitor, Matter(call, target.orders)):
                verdicts.smallest_broken[name] = n
    return verdicts


def expected(target: str, sizes: range) -> dict[str, int]:
    """Return the claims that the issue wants broken at ``sizes``, with the smallest n."""
    return {name: n for name, n in REFUTED_BEFORE.items() if n in sizes} if target == "pre-patch" else {}


RANGES = [
    ("patched", range(41), RETRY),
    ("patched", range(17), NORETRY),
    ("patched", range(254, 259), RETRY),
    ("single-pages", range(41), RETRY),
    ("single-pages", range(17), NORETRY),
    ("pre-patch", range(12), RETRY),
    ("pre-patch", range(9), NORETRY),
]
LARGER = [
    *(
        ("patched", range(first, past), RETRY)
        for first, past in ((41, 150), (150, 210), (210, 254), (259, 280), (280, 301))
    ),
    ("patched", range(17, 100), NORETRY),
    ("single-pages", range(41, 150), RETRY),
    ("pre-patch", range(17), RETRY),
    ("pre-patch", range(17), NORETRY),
]


@pytest.mark.parametrize(
    ("name", "sizes", "gfp"), [*RANGES, *(pytest.param(*one, marks=pytest.mark.slow) for one in LARGER)]
)
def test_every_answer_sequence_gets_the_verdicts_of_the_issue(
    name: str, sizes: range, gfp: Gfp, record_property: Any
) -> None:
    found = judge_every_run(TARGETS[name], sizes, gfp)
    at_most = f"at most {found.most_of_a_size} of one size"
    record_property("counted", f"{name}, n = {sizes[0]}..{sizes[-1]}, {gfp}: {found.runs} runs judged, {at_most}")
    assert found.runs >= 2 * len(sizes) - 1  # n = 0 has one run, every other size a success and a failure at least
    assert found.smallest_broken == expected(name, sizes)


def test_a_broken_claim_is_seen_at_its_smallest_size() -> None:
    before = TARGETS["pre-patch"]
    strict = Target("strict", before.loop, "", spare_passes=-1)
    assert judge_every_run(strict, range(4), RETRY).smallest_broken["terminates"] == 1


class GoesBack(Loop):
    """Asks for a page for ever while it is refused."""

    def start(self, call: Call) -> int:
        return call.n

    def turn(self, call: Call, state: int, kernel: Kernel) -> int | End:
        if not state:
            return DONE
        return state if kernel.alloc_pages(call.gfp, 0) is None else state - 1


def test_a_loop_that_comes_back_to_where_it_was_is_noticed() -> None:
    with pytest.raises(AssertionError, match="it never ends"):
        graph_of(GoesBack(), Call(2))


class LooksUp(GoesBack):
    """Fails at once, and reads in its error path what lies above the slots still to free."""

    def turn(self, call: Call, state: int, kernel: Kernel) -> Any:
        return Unwinding(1)

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> End:
        kernel.load(self.slot)
        return FAILED

    def __init__(self, slot: int) -> None:
        self.slot = slot


def test_error_paths_are_not_joined_where_they_look_back_up() -> None:
    assert graph_of(LooksUp(0), Call(2)).runs() == 1
    with pytest.raises(AssertionError, match="looks back up"):
        graph_of(LooksUp(1), Call(2))


@pytest.mark.parametrize("name", TARGETS)
def test_joining_error_paths_loses_no_run_and_no_verdict(name: str) -> None:
    target = TARGETS[name]
    for n in range(12 if name == "pre-patch" else 41):
        call = Call(n, RETRY, target.single_pages)
        together, apart = graph_of(target.loop, call), graph_of(target.loop, call, apart=True)
        assert together.runs() == apart.runs()
        for _, monitor in applicable(target):
            matter = Matter(call, target.orders)
            assert breaks(together, monitor, matter) == breaks(apart, monitor, matter)


def test_the_runs_of_the_loop_before_the_patch_are_counted_right() -> None:
    # n = 2: the pair granted; refused, then page and page; page and failure; failure at once
    assert graph_of(TARGETS["pre-patch"].loop, Call(2)).runs() == 4
