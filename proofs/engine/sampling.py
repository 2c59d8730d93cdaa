"""Real runs of a loop, to guess from and to show that each path is taken: many sizes, many answers, few turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from model.events import Attempt, End, Event, Free, Store
from model.gfp import GFP_KERNEL, GFP_NORETRY, NAMES, Gfp
from model.kernel import Kernel, PageArray
from model.loop import MOST_ORDERS, Call, Loop, OrderBits, take_turn
from proofs.engine.environment import Unwatched, View
from proofs.engine.search import Script

SIZES = (0, 1, 2, 5, 17, 40, 256, 300, 530, 800, 1300, 70_001)
NOTHING_TOLD: Mapping[str, bool] = {}
MOST_SIZE = 1 << 20  # of a multiple of a loop's grain: what 32 bits of bytes can express
MOST_TURNS = 14  # of one run: large sizes with few turns show more than small ones with many

CHANCES = ((1.0, 0.0), (0.4, 0.1), (0.1, 0.3), (0.9, 0.4))  # of refusing a block above order 0, and a single page
REFUSING = ((0.5, 0.5), (0.2, 0.6), (0.8, 0.6))  # the same, where every way out of a turn is wanted


@dataclass(frozen=True)
class Pass:
    """One turn of a real run: the state before it, what it did, and the state or End after it."""

    before: Any
    events: tuple[Event, ...]
    after: Any


class RandomAnswers:
    """An allocator that refuses with given chances; its blocks lie anywhere, none twice."""

    def __init__(self, random: Random, refuse_high: float, refuse_page: float) -> None:
        self.random = random
        self.refuse_high = refuse_high
        self.refuse_page = refuse_page
        self.next_frame = random.randrange(3)

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return a block above every one given before, or None."""
        if self.random.random() < (self.refuse_high if order else self.refuse_page):
            return None
        self.next_frame += self.random.choice((0, 0, 1, 3, 17))
        frame = self.next_frame
        self.next_frame += 1 << order
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed: no frame is given twice."""


@dataclass(frozen=True)
class Run:
    """The first turns of a real run."""

    call: Call
    first: Any  # the state, or the End, that the loop starts with
    passes: tuple[Pass, ...]


def sample_runs(
    loop: Loop, single_pages: bool, seed: int = 1, sizes: Iterable[int] = SIZES, most_turns: int = MOST_TURNS,
    told: Mapping[str, bool] = NOTHING_TOLD, chances: Iterable[tuple[float, float]] = CHANCES,
) -> Iterator[Run]:  # fmt: skip
    """Yield the first turns of real runs, the same ones every time. ``told``: flags of the caller, by the names that
    the proof has for them."""
    callers = called_with(told)
    random = Random(seed)
    for n in in_grains(loop, sizes):
        for refuse_high, refuse_page in chances:
            gfp = callers | GFP_NORETRY if random.random() < 0.3 else callers
            call = Call(n, gfp, single_pages, some_mask(loop, random, told))
            yield _run(loop, call, RandomAnswers(random, refuse_high, refuse_page), most_turns)


def called_with(told: Mapping[str, bool]) -> Gfp:
    """Return the flags of a plain caller, but for those that are told."""
    return replace(GFP_KERNEL, **{name: told[f"gfp.{name}"] for name in NAMES if f"gfp.{name}" in told})


def some_mask(loop: Loop, random: Random, told: Mapping[str, bool]) -> OrderBits | None:
    """Return a mask of orders that a caller may pass, None where it passes none."""
    if loop.lowest_order is None:
        return None
    drawn = (told.get(f"mask.{order}", random.random() < 0.5) for order in range(MOST_ORDERS))
    return OrderBits(tuple(drawn), loop.lowest_order)


def in_grains(loop: Loop, sizes: Iterable[int]) -> list[int]:
    """Return the sizes, and as many that the loop does not turn down."""
    grain = loop.grain
    return sorted({*sizes, *(n * grain for n in sizes if n * grain < MOST_SIZE)}) if grain > 1 else list(sizes)


def _run(loop: Loop, call: Call, answers: RandomAnswers, most_turns: int) -> Run:
    first = loop.start(call)
    return Run(call, first, passes(loop, call, first, answers, most_turns))


def passes(loop: Loop, call: Call, state: Any, answers: RandomAnswers, most_turns: int) -> tuple[Pass, ...]:
    """Return the turns that a run makes from ``state`` on, to its end or to a crash."""
    kernel = Kernel(answers, PageArray())
    made = []
    for _ in range(most_turns):
        if isinstance(state, End):
            break
        try:
            after, events = take_turn(loop, call, state, kernel)
        except Exception:  # a crash, or a fault of the loop's own: the explorer reports it
            break
        made.append(Pass(state, tuple(events), after))
        state = after
    return tuple(made)


def first_turn(loop: Loop, call: Call, answers: list[bool]) -> Run:
    """Return the run of one turn under the given answers."""
    state = loop.start(call)
    if isinstance(state, End):
        return Run(call, state, ())
    kernel = Kernel(Script(answers), PageArray())
    after, events = take_turn(loop, call, state, kernel)
    return Run(call, state, (Pass(state, tuple(events), after),))


def watch_candidates(run: Run, watches: str, random: Random) -> Iterator[int]:
    """Yield two things worth watching in ``run``: slots, frames or orders that it touches."""
    if not watches:
        yield 0
        return
    if watches in ("slot", "null"):
        if run.call.n:
            yield random.randrange(min(run.call.n, 4))
            yield random.randrange(run.call.n)
        return
    attempts = [e for step in run.passes for e in step.events if isinstance(e, Attempt)]
    if watches == "order":
        yield from sorted({random.choice(attempts).order, attempts[0].order}) if attempts else ()
        return
    granted = [e for e in attempts if e.frame is not None]
    for event in granted[:1] + granted[-1:]:
        assert event.frame is not None
        yield event.frame + random.randrange(event.pages)


def view_after(view: View, watch: int, events: tuple[Event, ...]) -> View:
    """Return what the watched frame sees after ``events``."""
    if type(view) is Unwatched:
        return view
    for event in events:
        if isinstance(event, Attempt) and event.frame is not None:
            view = view.granted(watch, event.frame, event.pages)
        elif isinstance(event, Free):
            view = view.freed(watch, event.frame, 1 << event.order)
        elif isinstance(event, Store):
            view = view.written(watch, event.slot, event.frame, event.pages)
    return view
