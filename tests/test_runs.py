"""All claims judged on real runs: random memory in every environment. Every answer: test_every_answer.py."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.environments import OomVictim, whole_zone
from model.events import End
from model.kernel import Allocator, Kernel, PageArray
from model.loop import Call, run
from model.machine import Machine
from proofs.engine.search import NeedsAnswer, Script
from spec.claims import CLAIMS
from spec.crowd import first_break
from spec.monitor import Matter
from spec.targets import TARGETS, Target
from stepdown.strategies import environments
from tests.judging import REFUTED_BEFORE, expected_to_hold


def judged(target: Target, n: int, allocator: Allocator) -> list[str]:
    """Return the claims that one run breaks."""
    call = Call(n, single_pages=target.single_pages)
    events = list(islice(run(target.loop, call, Kernel(allocator, PageArray())), 40 * n + 100))
    assert isinstance(events[-1], End)
    matter = Matter(call, target.orders)
    return [name for name, monitor in expected_to_hold(target) if first_break(monitor, matter, events) is not None]


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
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
            if first_break(part.monitor, Matter(call, target.orders), events) is not None:
                return
    pytest.fail(f"no run breaks {name}")
