"""Every theorem gets the verdict that its file states; each proof file runs alone."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from proofs import cost_before, never_more_attempts_than_before, specification_complete
from proofs.engine import search
from proofs.engine.prove import Prover
from proofs.engine.smtlib import script
from proofs.engine.theorem import PROVED, prove_all
from proofs.engine.words import Word
from spec.claims import CLAIMS
from spec.costs import closed_form
from spec.monitor import Matter
from spec.targets import TARGETS
from tests.judging import REFUTED_BEFORE


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_every_claim_gets_its_verdict(target: str) -> None:
    answers = {answer.claim: answer for answer in prove_all(TARGETS[target], CLAIMS)}
    expected = {name: import_module(claim.module).theorem.expected(target) for name, claim in CLAIMS.items()}
    assert {name: answer.word for name, answer in answers.items()} == expected
    assert not any(answer.reason == "" for answer in answers.values() if answer.word is Word.NOT_APPLICABLE)


def test_the_issues_exceptions_are_the_only_ones() -> None:
    not_applicable = {
        "patched": {"cost-before", "single-pages"},
        "single-pages": {"big-blocks-first", "cost-before", "cost-after"},
        "pre-patch": {"array-index-in-bounds", "single-pages", "cost-after"},
    }
    for target, names in not_applicable.items():
        stated = {n: import_module(c.module).theorem.expected(target) for n, c in CLAIMS.items()}
        assert {n for n, word in stated.items() if word is Word.NOT_APPLICABLE} == names
        refuted = {n for n, word in stated.items() if word is Word.REFUTED}
        assert refuted == (set(REFUTED_BEFORE) if target == "pre-patch" else set())


@pytest.mark.slow
def test_the_loop_before_the_patch_breaks_six_claims_with_their_smallest_runs() -> None:
    target = TARGETS["pre-patch"]
    for answer in prove_all(target, CLAIMS):
        assert answer.word is import_module(CLAIMS[answer.claim].module).theorem.expected("pre-patch"), answer
        if answer.word is Word.REFUTED:
            assert answer.scenario is not None
            assert answer.scenario.call.n == REFUTED_BEFORE[answer.claim]
            part = CLAIMS[answer.claim].parts[0]
            matter = Matter(answer.scenario.call, target.orders)
            assert search.replay(target.loop, part.monitor, matter, answer.scenario) == answer.scenario.sentence


@pytest.mark.slow
@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_the_specification_admits_no_other_run(target: str) -> None:
    assert specification_complete.prove(TARGETS[target]).word is PROVED


def test_a_proof_file_runs_alone_and_exits_with_0() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "proofs.never_more_attempts_than_before"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert "REFUTED  n = 2" in ran.stdout


def test_a_proof_stands_for_each_claim_and_says_its_four_paragraphs() -> None:
    for claim in CLAIMS.values():
        text = Path(__file__).parent.parent.joinpath(*claim.module.split(".")).with_suffix(".py").read_text()
        assert text.startswith(f'"""{claim.name}: ')
        for paragraph in ("Assumed:", "One turn:", "Claimed:", "Not empty:"):
            assert f"\n{paragraph}" in text, (claim.name, paragraph)


def test_the_closed_form_is_the_sum_and_a_wrong_one_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(200):
        assert closed_form(n) == sum(k.bit_length() for k in range(1, n + 1))
    assert not cost_before.step_fails(5)
    monkeypatch.setattr(cost_before, "closed_form", lambda n: closed_form(n) + n)
    assert cost_before.step_fails(5)


def test_the_smallest_memory_on_which_the_patch_costs_more_is_one_block_of_two_pages() -> None:
    found = never_more_attempts_than_before.smallest()
    assert found is not None
    assert (found.n, found.blocks, found.before, found.after) == (2, (0, 1, 0, 0), 1, 2)


def cvc5_says(text: str) -> str:
    import cvc5

    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "obligation")
    symbols = parser.getSymbolManager()
    said = ""
    while True:
        command = parser.nextCommand()
        if command.isNull():
            return said.strip()
        said += str(command.invoke(solver, symbols))


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_cvc5_agrees_on_every_obligation(target: str) -> None:
    prover, checked = Prover(TARGETS[target], obligations=True), set()
    for name in CLAIMS:
        for obligation in prover.prove(name).obligations:
            text = script(obligation)
            if text not in checked:
                checked.add(text)
                assert cvc5_says(text) == "unsat", obligation.name
                assert cvc5_says(script(obligation, with_goal=False)) == "sat", obligation.name
    assert len(checked) > 50
