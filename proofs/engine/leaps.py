"""Runs too long to make turn by turn: laps that only add to the state are leapt over.

Twice around the same turns, on the same paths, with the same gain each time: since a path's effect is linear, every
further lap gains as much; and since its conditions are linear as well, they hold on every lap between the first and the
last on which they hold. So the run is a real one, of which the turns in between need not be made. The last lap is made
all the same: it must be where the others lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from model.events import Attempt, End, Event
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, take_turn
from proofs.engine import shape as shapes
from proofs.engine.coverage import flags_asked, is_taken, of_the_call, taken
from proofs.engine.literals import Literal, definition, evaluate
from proofs.engine.sampling import MOST_TURNS, NOTHING_TOLD, Pass, RandomAnswers, Run, called_with, passes, some_mask
from proofs.engine.system import CONSTANTS, System, Transition
from spec.targets import Target

MOST_LAPS = 1 << 64  # more than any run has
MOST_LAP = 4  # turns; where an inner loop asks, a lap has two
LESS = 3  # laps less than the most that are tried, too: of what is left the path that is wanted may need some
GRANTED, REFUSED = (0.0, 0.0), (1.0, 1.0)  # the chances that an attempt is refused


@dataclass(frozen=True)
class Leap:
    """A run that makes ``lap`` as often as ``times`` says, the last time from ``last`` on, and then is at ``state``."""

    call: Call
    lap: tuple[Pass, ...]
    times: int
    last: Any
    state: Any

    def __str__(self) -> str:
        return f"{self.times} times {', '.join(_asked(event for step in self.lap for event in step.events))}"


@dataclass(frozen=True)
class Step:
    """Where a turn began, with what, and the path that it took."""

    place: Any
    data: dict[str, int]
    path: Transition


def a_leap_takes(target: Target, system: System, wanted: Transition, least: int) -> bool:
    """Return whether a run of ``least`` pages takes the path ``wanted`` after a leap: granted all that it asks for, or
    refused all from some turn on."""
    for leap in sampled_leaps(target, system, least, dict(flags_asked(wanted))):
        go_on = partial(passes, target.loop, leap.call)
        granted = go_on(leap.state, RandomAnswers(Random(1), *GRANTED), MOST_TURNS)
        states = (leap.state, *(step.after for step in granted))
        refused = (step for one in states for step in go_on(one, RandomAnswers(Random(1), *REFUSED), MOST_TURNS))
        if any(is_taken(system, wanted, leap.call, step) for step in (*granted, *refused)):
            return True
    return False


def a_leap_crashes(target: Target, system: System, claim: str, least: int) -> tuple[str, Crash] | None:
    """Return a run of ``least`` pages that crashes after a leap under the name of ``claim``, told in words, and how."""
    for leap in sampled_leaps(target, system, least):
        for chances in (REFUSED, GRANTED):
            asked: list[str] = []
            state, kernel = leap.state, Kernel(RandomAnswers(Random(1), *chances), PageArray())
            try:
                for _ in range(MOST_TURNS):
                    if isinstance(state, End):
                        break
                    state, events = take_turn(target.loop, leap.call, state, kernel)
                    asked += _asked(events)
            except Crash as crash:
                if crash.claim == claim:
                    return ", then ".join([str(leap), *asked]), crash
    return None


def _asked(events: Iterable[Event]) -> list[str]:
    attempts = (event for event in events if isinstance(event, Attempt))
    return [f"order {attempt.order} {'granted' if attempt.granted else 'refused'}" for attempt in attempts]


def sampled_leaps(target: Target, system: System, n: int, told: Mapping[str, bool] = NOTHING_TOLD) -> Iterator[Leap]:
    """Yield leaps of runs of ``n`` pages that are granted whatever they ask for up to some order, and nothing above."""
    loop = target.loop
    call = Call(n, called_with(told), target.single_pages, some_mask(loop, Random(1), told))
    for highest in sorted(set(target.orders), reverse=True):
        answers = UpTo(highest)
        try:
            first = loop.start(call)
        except Crash:
            return
        for leap in leaps(system, Run(call, first, passes(loop, call, first, answers, MOST_TURNS))):
            if lands(system, leap, passes(loop, call, leap.last, answers, len(leap.lap))):
                yield leap


class UpTo(RandomAnswers):
    """An allocator that has blocks up to some order, and as many of them as are asked for."""

    def __init__(self, highest: int) -> None:
        super().__init__(Random(1), *GRANTED)
        self.highest = highest

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return a block, or None above the highest order."""
        return super().alloc_pages(gfp, order) if order <= self.highest else None


def leaps(system: System, run: Run) -> Iterator[Leap]:
    """Yield what ``run`` comes to when its first lap is made as often as it can be, then a little less often."""
    steps = [_step(system, run.call, step) for step in run.passes]
    for turns in range(1, MOST_LAP + 1):
        for start in range(len(steps) - 2 * turns):
            first, second = steps[start : start + turns], steps[start + turns : start + 2 * turns]
            lap = [(one, other) for one, other in zip(first, second, strict=True) if one and other]
            after = steps[start + 2 * turns]
            if after is None or len(lap) < turns or any(one.path is not other.path for one, other in lap):
                continue
            begin, again = lap[0]
            gain = _gain(begin, again)
            if after.place != begin.place or _gain(again, after) != gain:
                continue
            most = min(laps_held(literal, run.call, *pair) for pair in lap for literal in pair[0].path.literals)
            for times in range(most, max(most - LESS, 2), -1):
                last, state = (
                    shapes.put_together(begin.place, {name: v + laps * gain[name] for name, v in begin.data.items()})
                    for laps in (times - 1, times)
                )
                yield Leap(run.call, run.passes[start : start + turns], times, last, state)
            return


def lands(system: System, leap: Leap, made: Sequence[Pass]) -> bool:
    """Return whether the last lap, as it was ``made``, is like the first and ends where the leap does."""
    return [*_told(system, leap.call, leap.lap)] == [*_told(system, leap.call, made)] and made[-1].after == leap.state


def _told(system: System, call: Call, lap: Iterable[Pass]) -> Iterator[tuple[Transition, list[str]]]:
    """Yield each turn's path and what is asked on it."""
    for step in lap:
        found = _step(system, call, step)
        if found is not None:
            yield found.path, _asked(step.events)


def laps_held(literal: Literal, call: Call, one: Step, other: Step) -> int:
    """Return on how many laps at most a condition of a turn holds, of which the first two are known."""
    if literal.kind in ("yes", "no"):  # an answer, the same on each; or a flag of the caller
        return MOST_LAPS
    if any(definition(name) for name, _ in literal.terms):
        return 0
    value, next_one = (
        evaluate(literal.terms, literal.constant, of_the_call(call) | step.data) for step in (one, other)
    )
    gain = next_one - value
    if literal.kind == "le":
        return -value // gain + 1 if gain > 0 else MOST_LAPS
    if literal.kind == "ne":
        return -value // gain if gain and -value % gain == 0 and -value // gain > 0 else MOST_LAPS
    return MOST_LAPS if gain % (literal.modulus or MOST_LAPS) == 0 else 0


def _step(system: System, call: Call, step: Pass) -> Step | None:
    """Return a turn's path; None where none is known, or its effect is not linear in the state before it."""
    place, data = shapes.take_apart(step.before, system.promoted, constants=CONSTANTS)
    leaving = [t for t in system.transitions if t.source is not None and t.source.loop == place]
    paths = [leaving[at] for at in taken(enumerate(leaving), data, call, step)]
    if len(paths) != 1:
        return None
    known = data.keys() | {"n"}
    linear = all(name in known for value in paths[0].post.values() for name, _ in getattr(value, "terms", ()))
    return Step(place, data, paths[0]) if linear else None


def _gain(one: Step, other: Step) -> dict[str, int]:
    return {name: other.data[name] - value for name, value in one.data.items()}
