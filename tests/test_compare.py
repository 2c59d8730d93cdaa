"""Two strategies side by side: what is kept, lost and gained, where they part, what they cost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from model.events import DONE, FAILED, End
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import Filling, Patched
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
    ("old", "new", "word", "reason"),
    [
        ("patched", "9,8,4", Word.REFUTED, "NEW crashes where OLD does not: the order array"),
        ("9,8,4", "patched", Word.REFUTED, "the other loop crashes: an array of 3 entries"),
        ("9,8,4", "9,8,4", Word.UNKNOWN, "NEW may crash (array-index-in-bounds); up to there the two do the same"),
        ("9,8,0,4", "9,8,0,6", Word.PROVED, ""),
    ],
)
def test_a_loop_that_crashes_does_not_do_the_same(old: str, new: str, word: Word, reason: str) -> None:
    answer = compare.same_behaviour(compare.chosen(old), compare.chosen(new))
    assert answer.word is word and answer.reason.startswith(reason)


class ReadsBack(Patched):
    """Asks for single pages alone once its first slot holds a page."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass."""
        if state.i > 0 and kernel.load(0) is not None:
            state = replace(state, order_idx=len(self.order_array) - 1)
        return super().turn(call, state, kernel)


class EndsWell(Patched):
    """Says that it succeeded, having rolled back."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take a step back."""
        after = super().unwind(call, state, kernel)
        return DONE if after == FAILED else after


@pytest.mark.parametrize("loop", [ReadsBack(), EndsWell()], ids=["reads back", "ends well"])
def test_what_of_a_loop_beside_is_not_followed_is_not_proved_the_same(loop: Loop) -> None:
    other = replace(TARGETS["patched"], loop=loop)
    answer = compare.same_behaviour(other, TARGETS["patched"])
    assert answer.word is Word.UNSUPPORTED and "not followed" in answer.reason
    assert compare.same_behaviour(TARGETS["patched"], other).word is Word.REFUTED
    assert compare.same_behaviour(other, other).word is Word.UNSUPPORTED


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
