"""The worked examples: what each promises is proved, what it does not is refuted with its smallest run."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from model.environments import Adversarial
from model.events import Attempt, End, Free
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from proofs.engine.prove import Prover
from proofs.engine.theorem import prove_all
from proofs.engine.words import Word
from spec.claims import CLAIMS
from spec.examples import EXAMPLES
from spec.judge import broken_at
from spec.monitor import Matter
from tests.judging import applicable
from tests.test_cli import stepdown

SCOPES = {"array-index-in-bounds", "single-pages", "cost-before"}  # of the claims themselves, on every example
REFUTED = {
    "system-heap-6.1": {"high-orders-never-retry": 16},
    "exact-fit-first": {
        "orders-never-increase": 17,
        "refused-order-not-asked-again": 16,
        "attempts-bounded": 16,
        "chunk-index-aligned": 17,
        "cost-after": 16,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_keeps_every_claim_but_those_it_is_known_to_break(name: str) -> None:
    target = EXAMPLES[name]
    answers = {answer.claim: answer for answer in prove_all(target, CLAIMS)}
    refuted = {c: a.scenario.call.n for c, a in answers.items() if a.word is Word.REFUTED and a.scenario}
    assert refuted == REFUTED.get(name, {})
    apart = {claim for claim, answer in answers.items() if answer.word is Word.NOT_APPLICABLE}
    assert apart == SCOPES | {claim for claim, _ in target.promises_instead}
    assert all(a.word is Word.PROVED for c, a in answers.items() if c not in refuted and c not in apart)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_ends_and_fills_its_buffer(name: str) -> None:
    prover = Prover(EXAMPLES[name])
    for claim in ("terminates", "never-asks-too-much"):
        assert prover.prove(claim).word is Word.PROVED


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_holds_of_an_example_holds_in_real_runs(name: str) -> None:
    target = EXAMPLES[name]
    claims = [(claim, monitor) for claim, monitor in applicable(target) if claim not in REFUTED.get(name, {})]
    for seed in range(40):
        n = (0, 1, 15, 16, 40, 300, 530)[seed % 7]
        events = list(islice(run(target.loop, Call(n), Kernel(Adversarial(seed), PageArray())), 40 * n + 100))
        assert isinstance(events[-1], End)
        matter = Matter(Call(n), target.orders)
        assert [claim for claim, monitor in claims if broken_at(monitor, matter, events)] == []


def test_the_system_heap_frees_each_block_as_what_it_was_granted_as() -> None:
    failed = 0
    for seed in range(200):
        events = list(run(EXAMPLES["system-heap"].loop, Call(600), Kernel(Adversarial(seed), PageArray())))
        granted = Counter((e.frame, e.order) for e in events if isinstance(e, Attempt) and e.granted)
        freed = Counter((e.frame, e.order) for e in events if isinstance(e, Free))
        ok = isinstance(events[-1], End) and events[-1].ok
        assert freed == (Counter() if ok else granted)
        failed += bool(freed) and len({order for _, order in freed}) > 1
    assert failed  # with blocks of several orders, at least once


def test_a_partial_result_of_the_drop_down_is_no_success_of_the_claims() -> None:
    apart = dict(EXAMPLES["drop-down"].promises_instead)
    answer = Prover(EXAMPLES["drop-down"]).prove("page-total")
    assert (answer.word, answer.reason) == (Word.NOT_APPLICABLE, apart["page-total"])


def test_examples_are_targets_by_name() -> None:
    said = stepdown("verify", "order-mask", "--claims", "page-total")
    assert said.returncode == 0
    assert "order-mask: dma-iommu" in said.stdout
    said = stepdown("verify", "exact-fit-first", "--claims", "chunk-index-aligned")
    assert said.returncode == 1
    assert "n = 17" in said.stdout
    assert "did you mean order-mask?" in stepdown("verify", "ordermask").stderr
