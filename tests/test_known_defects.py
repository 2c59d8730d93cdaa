"""Each defect that the kernel has had is a loop by name, and the claims that it breaks refute it."""

from __future__ import annotations

import pytest

from model.environments import Adversarial
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from proofs.engine.prove import Prover
from proofs.engine.search import replay
from proofs.engine.words import Word
from spec.claims import CLAIMS, Part
from spec.costs import passes_bounded
from spec.defects import DEFECTS
from spec.judge import broken_at
from spec.monitor import Matter
from stepdown.verify import chosen_target
from tests.test_cli import stepdown

SLOW = {"smallest-first": pytest.mark.slow}  # every order that an int counts, and a walk from each
NAMES = [pytest.param(name, marks=SLOW.get(name, ())) for name in DEFECTS]


@pytest.mark.parametrize("name", NAMES)
def test_a_defect_is_refuted_by_its_claims_at_their_smallest_sizes(name: str) -> None:
    target = chosen_target(name)
    prover = Prover(target)
    for claim, n in DEFECTS[name].breaks.items():
        answer = prover.prove(claim)
        assert answer.word is Word.REFUTED, answer
        assert answer.scenario is not None
        assert answer.scenario.call.n == n
        part = (CLAIMS[claim].parts or (Part(passes_bounded(target.spare_passes)),))[0]
        assert replay(target.loop, part.monitor, Matter(answer.scenario.call, target.orders), answer.scenario)


def test_the_six_of_the_facts_are_there() -> None:
    assert len({defect.fixed_by for defect in DEFECTS.values()}) == len(DEFECTS) == 6


@pytest.mark.parametrize("name", DEFECTS)
def test_what_a_defect_is_not_about_holds_in_real_runs(name: str) -> None:
    target = chosen_target(name)
    for claim in ("page-total", "never-asks-too-much", "every-page-stored-once"):
        if claim in dict(target.promises_instead):
            continue
        for seed in range(30):
            n = (1, 5, 17, 300)[seed % 4]
            events = []
            for event in run(target.loop, Call(n), Kernel(Adversarial(seed), PageArray())):
                events.append(event)
                if len(events) > 3000:
                    break
            matter = Matter(Call(n), target.orders)
            assert broken_at(CLAIMS[claim].parts[0].monitor, matter, events) is None


def test_a_defect_is_a_target_by_name() -> None:
    said = stepdown("verify", "bulk-livelock", "--claims", "terminates")
    assert said.returncode == 1
    assert "bulk-livelock: a caller of the bulk allocator" in said.stdout
