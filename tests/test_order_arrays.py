"""Order arrays: the theorem for every array, and its side conditions against the prover's verdicts on many arrays."""

from __future__ import annotations

from itertools import pairwise, product, takewhile

import pytest
from click.testing import CliRunner

from model.kernel import Kernel
from model.loop import Call
from model.patched import Filling, Patched
from proofs import order_arrays
from proofs.engine.prove import Prover
from proofs.engine.words import Word
from spec.targets import of_order_array
from stepdown.__main__ import cli
from stepdown.verify import Usage, order_array_target

SMALL = [array for length in (1, 2) for array in product((-1, 0, 1, 4), repeat=length)]
SMALL += [(4, 2, 1, 0), (0, 0, 0), (3, 0, 3), (5, -2, 0), (1, 2, 3), (40, 0), (2**31 - 1, 4, 0), (-(2**31), 0)]
WITH_0 = [(4, 2, 0), (2, 4, 0), (4, 4, 0), (2, 0, 4), (0,), (4, 1, 2, 0), (1, 2, 1, 0), (4, -1, 2, 0), (3, 0, 1, 0)]


def test_the_theorem_holds_of_the_patched_loop() -> None:
    holds, paths = order_arrays.shown(Patched())
    assert holds
    assert paths > 100


class StepsPastThe0(Patched):
    """A refused single page makes it step on, too."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling:
        order = kernel.look(self.order_array, state.order_idx)
        if kernel.alloc_pages(call.gfp, order) is None:
            return Filling(state.i, state.count, state.order_idx + 1)
        return Filling(state.i + 1, state.count - 1, state.order_idx)


class TakesAnyEntry(Patched):
    """An entry that is not 0 is as good as one that is."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling:
        kernel.look(self.order_array, state.order_idx)
        return Filling(state.i + 1, state.count - 1, state.order_idx)


@pytest.mark.parametrize("loop", [StepsPastThe0, TakesAnyEntry])
def test_the_theorem_fails_of_a_loop_that_is_not_as_it_says(loop: type[Patched]) -> None:
    assert not order_arrays.shown(loop())[0]


def test_each_half_of_the_theorem_fails_by_itself() -> None:
    assert any(turned.wrong for turned in order_arrays.safe_with_a_0(StepsPastThe0()))
    assert any(turned.wrong for turned in order_arrays.runs_off_without_a_0(TakesAnyEntry()))


@pytest.mark.parametrize("single_pages", [False, True])
@pytest.mark.parametrize("array", SMALL, ids=str)
def test_an_array_is_in_bounds_exactly_where_the_theorem_says(array: tuple[int, ...], single_pages: bool) -> None:
    answer = Prover(of_order_array(array, single_pages)).prove("array-index-in-bounds")
    assert answer.word is (Word.PROVED if order_arrays.safe(array, single_pages) else Word.REFUTED), answer.reason
    assert answer.scenario is None or answer.scenario.call.n == 1


@pytest.mark.parametrize("array", WITH_0, ids=str)
def test_what_an_array_must_be_like_for_each_claim(array: tuple[int, ...]) -> None:
    live = [order for order in takewhile(bool, array) if order > 0]
    falls = all(one >= other for one, other in pairwise(live))
    prover = Prover(of_order_array(array))
    wanted = {
        "orders-never-increase": falls,
        "chunk-index-aligned": falls,
        "refused-order-not-asked-again": len(set(live)) == len(live),
        "attempts-bounded": True,  # counting live entries only
        "page-total": True,
    }
    found = {claim: prover.prove(claim).word for claim in wanted}
    assert found == {claim: Word.PROVED if holds else Word.REFUTED for claim, holds in wanted.items()}


def test_an_order_that_cannot_be_delivered_is_reported() -> None:
    answer = Prover(of_order_array((11, 4, 0))).prove("orders-deliverable")
    assert answer.scenario is not None
    assert answer.scenario.call.n == 1 << 11


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9,x", "ints between commas"),
        ("", "ints between"),
        (",".join(["0"] * 17), "17 entries"),
        ("9,2147483648", "int of C"),
    ],
)
def test_rejects_what_is_no_array(text: str, reason: str) -> None:
    with pytest.raises(Usage, match=reason):
        order_array_target(text, False)


def test_the_command_line_shows_the_smallest_run_of_an_array_without_0() -> None:
    found = CliRunner().invoke(cli, ["verify", "--orders", "9,8,4", "--claims", "array-index-in-bounds"])
    assert found.exit_code == 1
    assert "n = 1: the order array is read outside its entries" in found.output
    assert "if and only if a 0 is among the entries (none is)" in " ".join(found.output.split())
