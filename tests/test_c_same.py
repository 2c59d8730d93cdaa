"""A C function and the Python model of it, side by side: the same for every size and answer, or the smallest run that
tells them apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.c.source import Source
from model.lockstep import Lockstep
from model.patched import Patched
from proofs.engine.prove import Prover
from spec.c_claims import SAME_AS_MODEL
from spec.targets import TARGETS
from stepdown.c_target import target_of
from stepdown.verify import compared

PATCHED_C = (Path(__file__).parent / "data" / "c" / "patched.c").read_text()


@pytest.mark.parametrize("single_pages", [False, True])
def test_the_retold_loop_is_the_model(single_pages: bool) -> None:
    target = target_of(Source("patched.c", PATCHED_C.encode()), "fill", "ilp32", single_pages)
    answer = compared(target, "patched")
    assert answer.word.value == "PROVED", answer


@pytest.mark.parametrize(
    ("old", "new", "n"),
    [
        ("9, 8, 4, 0", "10, 9, 4, 0", 256),
        ("gfp | __GFP_NORETRY : gfp", "gfp : gfp", 16),
        ("while (i--)", "while (--i)", 2),
        ("pages[i + j] = pages[i] + j", "pages[i + j] = pages[i] + j - 1", 16),
        ("__dma_clear_buffer(pages[i], PAGE_SIZE << order, 0);", "", 1),
        ("split_page(pages[i], order);", "", 16),
        ("goto undo", "return NULL", 1),
        ("count -= 1 << order", "count -= order ? 1 << order : count", 2),
    ],
)
def test_a_change_is_a_mismatch_at_its_smallest_size(old: str, new: str, n: int) -> None:
    assert old in PATCHED_C
    target = target_of(Source("patched.c", PATCHED_C.replace(old, new).encode()), "fill", "ilp32")
    answer = compared(target, "patched")
    assert answer.word.value == "MISMATCH", answer
    assert answer.scenario is not None and answer.scenario.call.n == n


def test_a_pass_in_which_nothing_happens_may_be_one_more() -> None:
    target = TARGETS["patched"]
    stuttering = replace(target, loop=Lockstep(Patched(), Patched((9, 8, 7, 4, 0))))
    assert Prover(stuttering).prove_claim(SAME_AS_MODEL).word.value == "REFUTED"
    twice = replace(target, loop=Lockstep(Patched(), Patched((9, 8, 4, 0, 0))))
    assert Prover(twice).prove_claim(SAME_AS_MODEL).word.value == "PROVED"
