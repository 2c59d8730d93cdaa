"""Two strategies side by side: what is kept, lost and gained, where they part, what they cost."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from proofs.engine.verdict import Answer
from proofs.engine.words import Word
from spec.costs import closed_form
from spec.targets import TARGETS
from stepdown import compare
from stepdown.__main__ import cli
from stepdown.verify import Usage
from tests.test_cli import refused


def test_dropping_the_0_loses_the_bounds_of_the_array() -> None:
    ran = CliRunner().invoke(cli, ["compare", "patched", "9,8,4", "--format", "json"])
    told = json.loads(ran.output)
    assert ran.exit_code == 1
    lost = [row["claim"] for row in told["claims"] if row["change"] == "lost"]
    assert lost == ["array-index-in-bounds"]
    assert [worst["form"] for worst in told["worst"]["old"]][:1] == ["n + [n >= 16] + [n >= 256] + [n >= 512]"]
    assert told["regressions"]["checked_up_to"] == 8
    back = CliRunner().invoke(cli, ["compare", "9,8,4", "patched", "--format", "json"])
    assert [r["claim"] for r in json.loads(back.output)["claims"] if r["change"] == "gained"] == lost


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (Word.PROVED, Word.PROVED, "kept"),
        (Word.PROVED, Word.REFUTED, "lost"),
        (Word.NOT_APPLICABLE, Word.REFUTED, "lost"),
        (Word.REFUTED, Word.NOT_APPLICABLE, "not applicable"),
        (Word.PROVED, Word.NOT_APPLICABLE, "not applicable"),
        (Word.PROVED, Word.UNKNOWN, "unknown"),
        (Word.UNSUPPORTED, Word.REFUTED, "unknown"),
    ],
)
def test_what_becomes_of_a_claim_has_a_word(old: Word, new: Word, word: str) -> None:
    assert compare.Change("toy", Answer("toy", old), Answer("toy", new)).word == word


def test_a_loop_does_what_it_does_itself_for_every_size() -> None:
    assert compare.same_behaviour(TARGETS["patched"], compare.chosen("9,8,4,0,3")).word is Word.PROVED


@pytest.mark.parametrize(("array", "n"), [("9,8,4,2,0", 4), ("9,4,0", 256), ("8,4,0", 512)])
def test_two_arrays_part_at_the_smallest_size_that_tells_them_apart(array: str, n: int) -> None:
    answer = compare.same_behaviour(TARGETS["patched"], compare.chosen(array))
    assert answer.word is Word.REFUTED
    assert answer.scenario is not None
    assert answer.scenario.call.n == n


def test_costs_are_those_of_the_commit_message_and_the_best_case_got_worse() -> None:
    rows = dict(compare.costs(TARGETS["pre-patch"], TARGETS["patched"]))
    assert rows[1024][:2] == [9228, 1027]
    assert rows[8][2:] == [1, 8]
    assert rows[255][2:] == [8, 30]
    assert all(row[0] == closed_form(n) for n, row in rows.items())
    assert all(row[1] == n + sum(n >= size for size in (16, 256, 512)) for n, row in rows.items())


def test_a_call_that_crashes_has_no_cost() -> None:
    assert dict(compare.costs(TARGETS["patched"], compare.chosen("9,8,4")))[8] == [8, None, 8, None]


def test_rejects_page_sizes_that_cannot_map_a_page() -> None:
    assert "4K must be among them" in refused("compare", "patched", "patched", "--pgsizes", "64K")


def test_rejects_a_loop_that_nobody_knows() -> None:
    with pytest.raises(Usage, match="no target is called patchd"):
        compare.chosen("patchd")
