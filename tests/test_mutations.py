"""A proof that survives every mutation proves nothing: each defect falls by its claim, at its smallest size."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from model.patched import Patched
from proofs.engine import search
from proofs.engine.prove import Prover
from proofs.engine.words import Word
from proofs.mutations import MUTATIONS, Mutation, edited, load, source_of, target_of
from spec.claims import CLAIMS, Part
from spec.costs import passes_bounded
from spec.monitor import Matter
from spec.targets import TARGETS

BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


def cases() -> Sequence[object]:
    """Return the mutations as parameters, those that the engine misses today marked."""
    found = []
    for mutation in MUTATIONS:
        marks = [pytest.mark.xfail(strict=True, reason=mutation.missed)] if mutation.missed else []
        found.append(pytest.param(mutation, id=mutation.name, marks=marks))
    return found


@pytest.mark.parametrize("mutation", cases())
def test_a_mutation_is_refuted_at_its_smallest_size(mutation: Mutation) -> None:
    target = target_of(mutation)
    answer = Prover(target).prove(mutation.claim)
    assert answer.word is Word.REFUTED, answer.reason
    scenario = answer.scenario
    assert scenario is not None
    assert scenario.call.n == mutation.n
    parts = CLAIMS[mutation.claim].parts or (Part(passes_bounded(target.spare_passes)),)
    matter = Matter(scenario.call, target.orders)
    sentences = (search.replay(target.loop, part.monitor, matter, scenario) for part in parts)
    assert scenario.sentence in sentences  # one after the other: a run that never ends breaks no claim but its own


def test_there_are_at_least_thirty_and_no_two_are_one() -> None:
    assert len(MUTATIONS) >= 30
    assert len(BY_NAME) == len(MUTATIONS)
    assert len({(m.target, edited(source_of(m.target), m.old, m.new)) for m in MUTATIONS}) == len(MUTATIONS)


def test_every_claim_has_a_mutation_of_its_own() -> None:
    assert {mutation.claim for mutation in MUTATIONS} == set(CLAIMS)


def test_the_source_without_a_change_is_proved_as_the_original_is() -> None:
    module = load("mutated.nothing", source_of("patched"))
    assert module.Patched is not Patched
    unchanged = Mutation("unchanged", "page-total", 0, "order_idx = 0  #", "order_idx = 0  # ")
    for claim in ("page-total", "rollback-exact", "terminates"):
        assert Prover(target_of(unchanged)).prove(claim).word is Word.PROVED


def test_rejects_a_change_that_fits_in_no_place_or_in_two() -> None:
    with pytest.raises(ValueError, match="found it 0 times"):
        edited(source_of("patched"), "order_idx -= 1", "")
    with pytest.raises(ValueError, match="found it 2 times"):
        edited(source_of("patched"), 'order_idx + 1)  # "order_idx++; continue;"', "")


def test_the_mutated_targets_are_called_as_the_originals_are() -> None:
    for mutation in MUTATIONS:
        target, original = target_of(mutation), TARGETS[mutation.target]
        assert type(target.loop) is not type(original.loop)
        assert (target.single_pages, target.int_only, target.orders) == (
            original.single_pages, original.int_only, original.orders,
        )  # fmt: skip
