"""The judge, which watches all slots, frames and orders at once, against one that watches each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.events import Attempt, Clear, Event, Free, Split, Store
from model.gfp import GFP_KERNEL, GFP_NORETRY, Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, run
from proofs.mutations import MUTATIONS, target_of
from spec import judge as interval_judge
from spec.claims import CLAIMS
from spec.crowd import first_break
from spec.judge import broken_at
from spec.monitor import Broken, Matter, Monitor
from spec.targets import TARGETS, Target

MONITORS = sorted({part.monitor for claim in CLAIMS.values() for part in claim.parts}, key=lambda m: m.__name__)
WATCHING = [monitor for monitor in MONITORS if monitor.watches]
MOST_EVENTS = 60  # of one run: the plain judge takes events times values


class Drawn:
    """Answers and frames drawn from ``seed``; where ``overlapping`` a page may be handed out twice."""

    def __init__(self, seed: int, overlapping: bool) -> None:
        self.random = Random(seed)
        self.share = self.random.choice((0.2, 0.7, 0.95))
        self.overlapping = overlapping
        self.next_frame = 0

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        if self.random.random() > self.share:
            return None
        frame = self.random.randrange(20) if self.overlapping else self.next_frame
        self.next_frame += 1 << max(order, 0)
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed."""


@cache
def target_named(name: str) -> Target:
    """Return a target of ours, or a mutated one."""
    return TARGETS[name] if name in TARGETS else target_of(next(m for m in MUTATIONS if m.name == name))


def events_of(target: Target, call: Call, seed: int, overlapping: bool) -> list[Event]:
    """Return how a run begins, to its end, a crash or the budget."""
    kernel = Kernel(Drawn(seed, overlapping), PageArray())
    events: list[Event] = []
    with suppress(Crash):
        events += islice(run(target.loop, call, kernel), MOST_EVENTS)
    return events


def numbers_of(event: Event) -> Iterator[int]:
    """Yield the last slot, frame and order that ``event`` is about, told without the judge's help."""
    if isinstance(event, Attempt):
        yield event.order
        yield (event.frame or 0) + (1 << max(event.order, 0))
    if isinstance(event, Store):
        yield event.slot + event.pages
    if isinstance(event, Clear):
        yield event.frame + event.pages
    if isinstance(event, Split | Free):
        yield event.frame + (1 << event.order)


def plainly_broken_at(monitor: type[Monitor], matter: Matter, events: list[Event]) -> tuple[int, str] | None:
    """Return what `broken_at` promises, by one monitor for each watched value. A value beyond all that the events name
    stands for every other."""
    beyond = max((number for event in events for number in numbers_of(event)), default=0) + 1
    most = {"": 1, "slot": matter.call.n, "frame": beyond + 1, "order": beyond + 1}[monitor.watches]
    first: tuple[int, str] | None = None
    for watch in range(most):
        now = monitor.start(Matter(matter.call, matter.orders, matter.max_order, watch))
        for at, event in enumerate(events if first is None else events[: first[0]]):
            try:
                now = now.step(event)
            except Broken as broken:
                first = at, str(broken)
                break
    return first


SIZES = st.one_of(st.integers(0, 40), st.sampled_from([255, 256, 257, 511, 512, 530]))
LOOPS = st.sampled_from([*TARGETS, *(mutation.name for mutation in MUTATIONS)])


@given(LOOPS, SIZES, st.booleans(), st.booleans(), st.integers(0, 2**32))
@settings(max_examples=150)
def test_a_run_of_a_good_or_broken_loop_gets_the_verdict_that_watching_each_value_gets(
    name: str, n: int, noretry: bool, overlapping: bool, seed: int
) -> None:
    target = target_named(name)
    call = Call(n, GFP_KERNEL | GFP_NORETRY if noretry else GFP_KERNEL, target.single_pages)
    matter = Matter(call, target.orders)
    events = events_of(target, call, seed, overlapping)
    for monitor in MONITORS:
        plain = plainly_broken_at(monitor, matter, events)
        assert broken_at(monitor, matter, events) == plain, monitor.__name__
        assert first_break(monitor, matter, events) == plain, monitor.__name__


@pytest.mark.parametrize("monitor", WATCHING, ids=lambda monitor: monitor.__name__)
def test_the_runs_compared_keep_and_break_each_claim_that_watches(monitor: type[Monitor]) -> None:
    broken = {
        broken_at(monitor, Matter(Call(n)), events_of(target_named(name), Call(n), seed, False)) is None
        for name in ("patched", *(mutation.name for mutation in MUTATIONS))
        for n, seed in ((40, 1), (40, 2))
    }
    assert broken == {True, False}


@pytest.mark.parametrize("monitor", WATCHING, ids=lambda monitor: monitor.__name__)
def test_a_judge_that_tells_no_values_apart_is_found_out(
    monitor: type[Monitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interval_judge, "ends_of", lambda event, watches: ())
    for name in ("patched", *(mutation.name for mutation in MUTATIONS)):
        for seed in range(20):
            call = Call(40)
            events = events_of(target_named(name), call, seed, False)
            if broken_at(monitor, Matter(call), events) != plainly_broken_at(monitor, Matter(call), events):
                return
    pytest.fail("the comparison sees no difference")
