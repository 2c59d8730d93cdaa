"""The siblings that are known by name: what is retold around them, how they are read, and what must break."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.c.function import CFunction
from model.c.siblings import LARGEST_ORDER, PROFILES, around, profile_of
from model.c.source import Source
from proofs.engine.prove import Prover
from spec.c_claims import C_CLAIMS
from spec.claims import CLAIMS
from spec.targets import Target
from stepdown.c_target import target_of
from stepdown.verify import verify

VM_AREA = (Path(__file__).parent / "data" / "c" / "vm_area.c").read_text()
NAME = "vm_area_alloc_pages"
GOOD = {"PROVED", "NOT APPLICABLE"}


def read(text: str, order: int, model: str = "lp64", nid: int = 0) -> Target:
    return target_of(Source("vm_area.c", text.encode()), NAME, model, constants={"order": order, "nid": nid})


@pytest.mark.parametrize("model", ["lp64", "ilp32"])
@pytest.mark.parametrize("order", [0, 9])
def test_a_function_that_fills_its_callers_array_keeps_what_it_promises(order: int, model: str) -> None:
    prover = Prover(read(VM_AREA, order, model))
    answers = {name: prover.prove(name) for name in CLAIMS | C_CLAIMS}
    assert [answer for answer in answers.values() if answer.word.value not in GOOD] == []
    assert {name for name, answer in answers.items() if answer.reason.startswith("profile: ")} == set(
        PROFILES[NAME].left_out
    )
    assert sum(answer.word.value == "PROVED" for answer in answers.values()) == 15


BROKEN = {
    "more is said to be there than is": ("return nr;", "return nr_pages;", 0, "page-total"),
    "one page too many is said to be there": ("return nr;", "return nr + 1;", 0, "nothing-undefined"),
    "blocks overlap in the array": ("nr += 1U << order", "nr += 1", 9, "every-page-stored-once"),
    "every block goes to the beginning": ("pages[nr + i]", "pages[i]", 9, "every-page-stored-once"),
    "every bulk request fills the beginning": ("wanted, pages + nr)", "wanted, pages)", 0, "every-page-stored-once"),
    "a bulk request takes no heed of the rest": ("min(100U, nr_pages - nr)", "100U", 0, "nothing-undefined"),
    "a page that is not there is stored": ("if (!page)\n\t\t\tbreak;", "", 9, "nothing-undefined"),
    "one page of a block is left out": ("i = 0; i < (1U", "i = 1; i < (1U", 9, "every-page-stored-once"),
    "a single page after a block": ("alloc_pages_node(nid, gfp, order)", "alloc_page(gfp)", 9, "orders-from-array"),
    "it never gives up": ("if (!page)\n\t\t\tbreak;", "if (!page)\n\t\t\tcontinue;", 9, "terminates"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_change_of_it_breaks_its_claim(name: str) -> None:
    old, new, order, claim = BROKEN[name]
    assert VM_AREA.count(old) == 1
    answer = Prover(read(VM_AREA.replace(old, new), order)).prove(claim)
    assert answer.word.value == "REFUTED" and answer.scenario is not None
    assert answer.scenario.call.n % (1 << order) == 0


def test_it_is_read_with_every_order_and_with_and_without_a_node() -> None:
    target = target_of(Source("vm_area.c", VM_AREA.encode()), NAME, "lp64")
    assert len(target.readings) == 2 * (LARGEST_ORDER + 1)
    assert {(reading.orders, *settings(reading)) for reading in target.readings} == {
        ((order,), order, nid) for order in range(LARGEST_ORDER + 1) for nid in (-1, 0)
    }
    assert target.notes[0] == "read with gfp = the caller's flags, nid = -1 or 0, order = 0 to 10, nr_pages = n"
    assert "assumed: no signal is pending (fatal_signal_pending)" in target.notes
    assert f"retold in model/c/around.c: alloc_pages_bulk_array_node, around_{NAME}" in target.notes


def settings(reading: Target) -> tuple[int, int]:
    assert isinstance(reading.loop, CFunction)
    chosen = {bound.name: bound.value for bound in reading.loop.bounds}
    return chosen["order"], chosen["nid"]


def test_a_claim_must_hold_with_every_order() -> None:
    broken = VM_AREA.replace("nr += 1U << order", "nr += order == 3 ? 1 : 1U << order")
    target = target_of(Source("vm_area.c", broken.encode()), NAME, "lp64", constants={"nid": 0})
    answer = next(verify(target, ["every-page-stored-once"]))
    assert answer.word.value == "REFUTED" and "order=3" in answer.reason


def test_a_claim_that_has_cases_with_one_order_only_is_not_proved_for_lack_of_them() -> None:
    target = target_of(Source("vm_area.c", VM_AREA.encode()), NAME, "lp64", constants={"nid": 0})
    readings = tuple(reading for reading in target.readings if reading.orders[0] in (0, 9))
    answer = next(verify(Target(**{**vars(target), "readings": readings}), ["refused-order-not-asked-again"]))
    assert answer.word.value == "PROVED" and answer.reason == ""


def test_whoever_calls_the_bulk_allocator_has_its_pages_counted() -> None:
    text = """static struct page **fill(size_t size, gfp_t gfp)
{
	unsigned int n = size >> PAGE_SHIFT, i = 0;
	struct page **pages = kvcalloc(n, sizeof(*pages), gfp);

	while (i < n) {
		unsigned int got = alloc_pages_bulk_array(gfp, n - i, pages);

		if (!got)
			break;
		i += got;
	}
	return i == n ? pages : NULL;
}
"""
    target = target_of(Source("fill.c", text.encode()), "fill", "ilp32")
    assert Prover(target).prove("every-page-stored-once").word.value == "REFUTED"  # never past the first ones
    good = target_of(
        Source("fill.c", text.replace("pages);\n\n\t\tif", "pages + i);\n\n\t\tif").encode()), "fill", "ilp32"
    )
    answers = [Prover(good).prove(name) for name in ("every-page-stored-once", "page-total", "nothing-undefined")]
    assert [answer.word.value for answer in answers] == ["PROVED"] * 3


def test_a_function_of_no_profile_promises_everything() -> None:
    assert not profile_of("fill").left_out and not profile_of("fill").caller
    assert list(profile_of("fill").settings({})) == [{}]


def test_what_is_retold_is_there() -> None:
    assert {profile.caller for profile in PROFILES.values() if profile.caller} <= set(around().functions)
    assert all(set(profile.left_out) <= set(CLAIMS) for profile in PROFILES.values())
