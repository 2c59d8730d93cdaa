"""All claims judged on real runs: every answer sequence for small sizes, random memory in every environment."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.environments import OomVictim, whole_zone
from model.events import End
from model.kernel import Allocator, Crash, Kernel, PageArray
from model.loop import Call, run, take_turn
from model.machine import Machine
from proofs.engine.search import NeedsAnswer, Script
from spec.claims import CLAIMS
from spec.costs import passes_bounded
from spec.judge import Judge, broken_at, judge
from spec.monitor import Broken, Matter, Monitor
from spec.targets import TARGETS, Target
from stepdown.strategies import environments
from tests.test_proofs import REFUTED_BEFORE


def monitors(target: Target) -> dict[str, type[Monitor]]:
    """Return the monitors of every claim that must hold on ``target``."""
    found: dict[str, type[Monitor]] = {"terminates": passes_bounded(target.spare_passes)}
    for name, claim in CLAIMS.items():
        refuted = target.name == "pre-patch" and name in REFUTED_BEFORE
        if not claim.not_applicable(target) and not refuted:
            for part in claim.parts:
                if not part.not_applicable(target):
                    found[f"{name} {part.monitor.__name__}"] = part.monitor
    return found


def judged(target: Target, n: int, allocator: Allocator) -> list[str]:
    """Return the claims that one run breaks."""
    call = Call(n, single_pages=target.single_pages)
    events = list(islice(run(target.loop, call, Kernel(allocator, PageArray())), 40 * n + 100))
    assert isinstance(events[-1], End)
    matter = Matter(call, target.orders)
    return [name for name, monitor in monitors(target).items() if broken_at(monitor, matter, events) is not None]


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(allocator=environments(), n=st.one_of(st.integers(0, 80), st.sampled_from([255, 256, 511, 512, 530, 1024])))
def test_every_claim_holds_on_random_memory_in_every_environment(target: Target, allocator: Allocator, n: int) -> None:
    assert judged(target, n, allocator) == []


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize("k", [0, 20, 39])
def test_every_claim_holds_when_the_first_a_middle_or_the_last_page_is_refused(target: Target, k: int) -> None:
    pages_only = Machine([whole_zone("Normal", 64, 0)])
    assert judged(target, 40, OomVictim(pages_only, k)) == []


@pytest.mark.parametrize("name", REFUTED_BEFORE)
def test_the_loop_before_the_patch_breaks_its_six_claims_in_real_runs(name: str) -> None:
    target, part = TARGETS["pre-patch"], CLAIMS[name].parts[0]
    for n in (2, 3, 2048):
        for answers in ([False] * 12 + [True] * 40, [False, True] * 30, [True] * 40, [False, True, True] * 9):
            call = Call(n)
            kernel = Kernel(Script(answers), PageArray())
            events = []
            try:
                for event in run(target.loop, call, kernel):
                    events.append(event)
            except NeedsAnswer:
                events += kernel.events
            if broken_at(part.monitor, Matter(call, target.orders), events) is not None:
                return
    pytest.fail(f"no run breaks {name}")


def every_run(target: Target, n: int) -> int:
    """Judge every run of n pages, whatever is answered; return how many ends there are, shared beginnings once."""
    call = Call(n, single_pages=target.single_pages)
    matter = Matter(call, target.orders)
    first = tuple(judge(monitor, matter) for monitor in monitors(target).values())
    pending = [(target.loop.start(call), first, 0, PageArray())]
    seen: set[object] = set()
    ends = 0
    while pending:
        state, judges, next_frame, memory = pending.pop()
        scripts: list[tuple[bool, ...]] = [()]
        while scripts:
            script = scripts.pop()
            copy = PageArray()
            copy.runs, copy.starts = list(memory.runs), list(memory.starts)
            allocator = Script(script, next_frame)
            kernel = Kernel(allocator, copy)
            try:
                after, events = take_turn(target.loop, call, state, kernel)
            except NeedsAnswer:
                scripts += [(*script, False), (*script, True)]
                continue
            now: tuple[Judge, ...] = judges
            for event in events:
                now = tuple(one.step(event) for one in now)
            if isinstance(after, End):
                ends += 1
            elif (key := (after, now, tuple(copy.runs))) not in seen:
                seen.add(key)
                pending.append((after, now, allocator.next_frame, copy))
    return ends


@pytest.mark.parametrize(("name", "most_n"), [("patched", 40), ("single-pages", 40), ("pre-patch", 7)])
def test_every_answer_sequence_keeps_every_claim(name: str, most_n: int) -> None:
    counted = sum(every_run(TARGETS[name], n) for n in range(most_n + 1))
    print(f"{name}: {counted} ends of runs judged, n <= {most_n}")
    assert counted > most_n


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sizes"), [("patched", range(50, 120, 23)), ("pre-patch", range(8, 13))])
def test_every_answer_sequence_keeps_every_claim_for_larger_sizes(name: str, sizes: range) -> None:
    counted = sum(every_run(TARGETS[name], n) for n in sizes)
    print(f"{name}: {counted} ends of runs judged, n in {sizes}")
    assert counted > len(sizes)


def test_brute_force_sees_a_broken_loop() -> None:
    broken = TARGETS["pre-patch"]
    strict = Target("strict", broken.loop, "", spare_passes=0)
    with pytest.raises((Broken, Crash)):
        for n in range(4):
            every_run(strict, n)
