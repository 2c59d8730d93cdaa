"""A loop whose caller passes a mask of orders: the mask itself, the loop judged for every mask, and what must break."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from model.c.siblings import LARGEST_ORDER, LOWEST
from model.c.source import Source
from model.c.values import OrderMask
from model.events import Attempt
from model.gfp import GFP_KERNEL
from model.kernel import Unsupported
from model.loop import MOST_ORDERS, Call, OrderBits
from proofs.engine.ground import Ground
from proofs.engine.invariants import asked_of_the_call
from proofs.engine.prove import Prover
from spec.c_claims import C_CLAIMS
from spec.claims import CLAIMS
from spec.monitor import Broken, Matter, Monitor
from spec.requests import BigBlocksFirst
from spec.targets import Target
from stepdown.__main__ import cli
from stepdown.c_target import target_of
from stepdown.verify import Usage

FILE = Path(__file__).parent / "data" / "c" / "any_mask.c"
C = FILE.read_text()
NAME = "__iommu_dma_alloc_pages"
GOOD = {"PROVED", "NOT APPLICABLE"}
MASKS = st.integers(1, (1 << MOST_ORDERS) - 1)


def read(text: str, **constants: int) -> Target:
    return target_of(Source("any_mask.c", text.encode()), NAME, "ilp32", constants={"MAX_PAGE_ORDER": 10, **constants})


# -- a mask is the number that it stands for


@given(MASKS, st.lists(st.integers(0, (1 << MOST_ORDERS) - 1), max_size=4))
def test_a_mask_of_orders_is_masked_as_the_number_is(mask: int, others: list[int]) -> None:
    passed = OrderBits.of(mask)
    assert str(passed) == hex(mask) and passed.lowest == (mask & -mask).bit_length() - 1
    value = OrderMask(frozenset(range(passed.lowest, 32)), frozenset({passed.lowest}), passed).only(
        (1 << MOST_ORDERS) - 1
    )
    for other in others:
        value, mask = value.only(other), mask & other
        settled = value.settled()
        assert {order for order in settled.kept if settled.holds(order)} == {o for o in range(32) if mask >> o & 1}
        assert max(settled.kept, default=-1) == mask.bit_length() - 1
        for number in (0, 1 << max(0, mask.bit_length() - 1), mask, mask - 1, other):
            if number >= 0:
                assert value.above(number) == settled.above(number) == (mask > number)


def test_of_a_mask_nothing_is_known_above_its_orders() -> None:
    value = OrderMask(frozenset(range(32)), frozenset({0}), OrderBits.of(1))
    with pytest.raises(Unsupported, match="whether order 31 is in a mask of orders"):
        value.settled()


# -- the claim about one order at a time is the claim about all


EVENTS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=8)


def breaks(monitor: type[Monitor], matter: Matter, asked: list[tuple[int, bool]]) -> bool:
    now = monitor.start(matter)
    try:
        for order, granted in asked:
            now = now.step(Attempt(order, GFP_KERNEL, 0 if granted else None))
    except Broken:
        return True
    return False


@given(st.integers(1, 31), st.integers(0, 40), EVENTS)
def test_big_blocks_come_first_if_and_only_if_each_order_does(mask: int, n: int, asked: list[tuple[int, bool]]) -> None:
    matter = Matter(Call(n, order_mask=OrderBits.of(mask)), orders=(4, 3, 2, 1, 0))
    each = BigBlocksFirst.of_any_mask(matter.orders)
    assert len(each) == 4
    assert breaks(BigBlocksFirst, matter, asked) == any(breaks(one, matter, asked) for one in each)


# -- the loop


@pytest.mark.parametrize("lowest", [7, 10])
def test_every_claim_that_it_promises_is_proved_for_every_mask(lowest: int) -> None:
    target = read(C, lowest_order=lowest)
    prover = Prover(target)
    answers = [prover.prove(name) for name in CLAIMS | C_CLAIMS]
    assert target.sentence.endswith(f"every mask of orders whose lowest is {lowest}")
    assert [answer for answer in answers if answer.word.value not in GOOD] == []
    assert sum(answer.word.value == "PROVED" for answer in answers) == 16


def test_it_is_read_with_every_lowest_order() -> None:
    target = read(C)
    assert [reading.loop.lowest_order for reading in target.readings] == list(range(LARGEST_ORDER + 1))
    chosen = read(C, order_mask=0x301)
    assert chosen.readings == () and chosen.loop.lowest_order is None and chosen.orders == (9, 8, 0)


BROKEN = {
    "orders above the largest": ("order_mask &= GENMASK(MAX_PAGE_ORDER, 0);", "order_mask &= GENMASK(11, 0);",
                                 "orders-deliverable"),
    "a smaller order than the mask has": ("(flags, order)", "(flags, order - 1)", "orders-from-array"),
    "the size is not heeded": ("\t\torder_mask &= GENMASK(__fls(count), 0);\n", "", "never-asks-too-much"),
    "a refused order stays": ("order_mask &= ~size;", "order_mask &= ~0;", "terminates"),
    "two orders are stepped down at once": ("order_mask &= ~size;", "order_mask &= size / 2 - 1;", "big-blocks-first"),
    "a block is not counted whole": ("count -= size;", "count -= size / 2;", "nothing-undefined"),
    "the rollback leaves a page": ("while (done--)", "while (--done)", "rollback-exact"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_change_of_it_breaks_its_claim_with_some_mask(name: str) -> None:
    old, new, claim = BROKEN[name]
    assert C.count(old) == 1
    answer = Prover(read(C.replace(old, new), lowest_order=8)).prove(claim)
    assert answer.word.value == "REFUTED" and answer.scenario is not None
    mask = answer.scenario.call.order_mask
    assert mask is not None and mask.lowest == 8


def test_what_is_known_of_the_mask_at_a_location_holds_of_every_run_there() -> None:
    ground = Ground(read(C, lowest_order=8))
    base = ground.base("")
    asked = asked_of_the_call(base.system, {})
    assert any("mask.10" in str(literal) for literals in asked.values() for literal in literals)
    seen = 0
    for trace in ground.traces("", base.system.promoted):
        assert trace.call.order_mask is not None
        for location, _, _ in trace.steps:
            for literal in asked[location]:
                name, (kind, _, order) = literal.terms[0][0], literal.terms[0][0].partition(".")
                if kind == "mask":
                    assert (int(order) in trace.call.order_mask) == (literal.kind == "yes"), name
                    seen += 1
    assert seen > 100


def test_a_run_that_breaks_a_claim_tells_its_mask_and_is_replayed(tmp_path: Path) -> None:
    wrong, saved = tmp_path / "wrong.c", tmp_path / "runs.json"
    old, new, claim = BROKEN["the size is not heeded"]
    wrong.write_text(C.replace(old, new))
    how = ["--data-model", "ilp32", "--set", "MAX_PAGE_ORDER=10", "--set", f"{LOWEST}=9"]
    shown = CliRunner().invoke(cli, ["verify", f"{wrong}:{NAME}", *how, "--claims", claim, "--save", str(saved)])
    assert shown.exit_code == 1 and "order mask = 0x" in shown.stdout
    assert f"--set MAX_PAGE_ORDER=10 --set {LOWEST}=9 --claims {claim}" in shown.stdout  # again, that claim alone
    again = CliRunner().invoke(cli, ["replay", str(saved)])
    assert "still broken: " in again.stdout


def test_conform_wants_one_mask() -> None:
    result = CliRunner().invoke(cli, ["conform", f"{FILE}:{NAME}", "--set", "MAX_PAGE_ORDER=10"])
    assert isinstance(result.exception, Usage) and "--set order_mask=0x311" in str(result.exception)
