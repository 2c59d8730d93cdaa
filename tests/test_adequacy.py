"""The specification notices each change of a loop, and a weaker one does not."""

from __future__ import annotations

import json
from functools import cache

import pytest
from click.testing import CliRunner

from proofs import adequacy
from proofs.mutations import HARMLESS, MUTATIONS, Mutation, target_of
from spec.claims import CLAIMS
from spec.targets import TARGETS
from stepdown.__main__ import cli

judged = cache(adequacy.judged)  # each mutation once, though two tests ask


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_real_runs_break_the_claim_that_a_mutation_is_for(mutation: Mutation) -> None:
    found = judged(mutation)
    assert mutation.claim in found.fallen
    assert not found.survives


@pytest.mark.parametrize("mutation", HARMLESS, ids=lambda mutation: mutation.name)
def test_a_harmless_change_breaks_nothing_and_is_proved_equivalent(mutation: Mutation) -> None:
    assert adequacy.broken_by_runs(target_of(mutation)) == set()
    assert judged(mutation).equivalent


def test_the_loop_as_it_is_breaks_nothing_and_the_one_before_its_six_claims() -> None:
    assert adequacy.broken_unchanged("patched") == frozenset()
    assert len(adequacy.broken_unchanged("pre-patch")) == 6


def test_a_mutation_that_no_claim_is_about_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    (wanted,) = (mutation for mutation in MUTATIONS if mutation.name == "not-cleared")
    monkeypatch.setattr(adequacy, "CLAIMS", {name: c for name, c in CLAIMS.items() if name != "cleared-once"})
    assert adequacy.judged(wanted).survives


def test_at_least_sixty_mutations_are_of_the_patched_loop_and_every_claim_on_it_is_needed() -> None:
    found = [judged(mutation) for mutation in adequacy.mutations_of("patched")]
    assert len(found) >= 60
    applicable = {name for name, claim in CLAIMS.items() if not claim.not_applicable(TARGETS["patched"])}
    assert {name for one in found for name in one.fallen} == applicable


def test_the_command_prints_a_line_a_mutation_and_the_table() -> None:
    ran = CliRunner().invoke(cli, ["adequacy", "single-pages"])
    assert ran.exit_code == 0, ran.output
    assert "attribute-ignored                  REFUTED     " in ran.output
    assert "single-pages: 2 mutations: 2 REFUTED" in ran.output
    told = json.loads(CliRunner().invoke(cli, ["adequacy", "single-pages", "--format", "json"]).output)
    assert [one["verdict"] for one in told["mutations"]] == ["REFUTED", "REFUTED"]
