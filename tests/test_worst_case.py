"""Worst cases: the forms found, against every answer tried and against forms that are wrong by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.events import DONE, FAILED, End
from model.kernel import Kernel
from model.loop import Call, Loop
from model.tlb import PAGE_ORDERS
from proofs.engine.prove import Prover
from proofs.engine.words import Word
from proofs.worst_case import (
    STATED,
    NoWorst,
    WorstCase,
    fitted,
    measured,
    most_of,
    shown,
    worst_case,
    worst_cases,
)
from spec.claims import OURS, Claim, Part
from spec.costs import closed_form
from spec.targets import TARGETS, Target, of_order_array
from spec.worst import COUNTS, EVERY_ORDER, Form, bounds
from stepdown.measures import parse_pgsizes
from stepdown.regression import cost, most_large_blocks, regressions
from stepdown.verify import Choice
from tests.test_every_answer import Graph, graph_of


@pytest.mark.parametrize("name", ["patched", "single-pages"])  # pre-patch: make verify
def test_the_worst_cases_are_found_and_proved_tight(name: str) -> None:
    found = list(shown(name))
    assert len(found) == len(STATED[name]) == 4
    assert all(as_stated for _, as_stated in found)


def on_pages_only(target: Target) -> dict[int, int]:
    costs = measured(target)
    assert costs is not None
    return {n: by_name["attempts"] for n, by_name in costs.items()}


def test_the_commit_messages_numbers_come_out_of_the_forms() -> None:
    before, after = (fitted(on_pages_only(TARGETS[name])) for name in ("pre-patch", "patched"))
    assert before is not None
    assert after is not None
    assert (before.at(1024), after.at(1024)) == (9228, 1027)
    assert all(before.at(n) == closed_form(n) for n in (*range(2000), 2**31 - 1))


@cache
def prover(name: str) -> Prover:
    return Prover(TARGETS[name])


def at_most_and_attained(name: str, form: Form) -> tuple[Word, Word]:
    monitors = bounds("attempts", form)
    assert monitors is not None
    most, exact = (prover(name).prove_claim(Claim("toy", "a toy", OURS, (Part(monitor),))).word for monitor in monitors)
    return most, exact


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (Form(0, 1, (4, 8, 9)), (Word.PROVED, Word.PROVED)),
        (Form(1, 1, (4, 8, 9)), (Word.PROVED, Word.REFUTED)),  # a bound that nothing attains
        (Form(0, 1, (4, 8)), (Word.REFUTED, Word.REFUTED)),  # exceeded from n = 512 on
        (Form(0, 1, (8, 9)), (Word.REFUTED, Word.REFUTED)),
        (Form(0, 1, (4, 8, 9, 9)), (Word.PROVED, Word.REFUTED)),
    ],
    ids=str,
)
def test_a_form_that_is_wrong_by_one_is_not_proved(form: Form, words: tuple[Word, Word]) -> None:
    assert at_most_and_attained("patched", form) == words


def graphs_to_64(loop: Loop) -> list[Graph]:
    """Return the graph of every run, of each size."""
    return [graph_of(loop, Call(n)) for n in range(65)]


@pytest.mark.parametrize("orders", [(9, 8, 4, 0), (5, 3, 3, 0), (2, 4, 1, 0), (0,), (6, 5, 4, 3, 2, 1, 0)], ids=str)
def test_the_forms_of_order_arrays_are_those_of_every_run_up_to_64(orders: tuple[int, ...]) -> None:
    target = of_order_array(orders)
    graphs = graphs_to_64(target.loop)
    for found in worst_cases(target):
        if found.cost in COUNTS:
            assert found.word is Word.PROVED, (orders, found)
            assert found.form is not None
            assert [found.form.at(n) for n in range(65)] == [graph.most(COUNTS[found.cost]) for graph in graphs]


LOOP = """
from dataclasses import dataclass
from stepdown import DONE, FAILED, Loop

@dataclass(frozen=True)
class Filling:
    left: int
    slot: int
    at: int

class Drawn(Loop):
    orders = {orders}

    def start(self, call):
        return Filling(call.n, 0, 0)

    def turn(self, call, state, kernel):
        if state.left == 0:
            return DONE
        order = self.orders[state.at]
        if state.left < 1 << order:
            return Filling(state.left, state.slot, state.at + 1)
        frame = kernel.alloc_pages(call.gfp, order)
        if frame is None:
            return FAILED if order == 0 else Filling(state.left, state.slot, state.at + 1)
        kernel.store(state.slot, frame, 1 << order)
        return Filling(state.left - (1 << order), state.slot + (1 << order), {again})
"""


def drawn(orders: tuple[int, ...], again: bool, folder: Path) -> Target:
    """Return a loop from a file: it tries each order as often as it stands there, from the first for every block, or
    goes on where it is."""
    file = folder / "drawn.py"
    file.write_text(LOOP.format(orders=(*orders, 0), again="0" if again else "state.at"))
    return Choice(f"{file}:Drawn").target()


def falling(orders: list[int]) -> tuple[int, ...]:
    return tuple(sorted(orders, reverse=True))


@settings(max_examples=5)
@given(st.lists(st.integers(1, 6), max_size=3).map(falling), st.booleans())
def test_the_form_of_a_loop_from_a_file_is_that_of_every_run_up_to_64(
    tmp_path_factory: pytest.TempPathFactory, orders: tuple[int, ...], again: bool
) -> None:
    target = drawn(orders, again, tmp_path_factory.mktemp("drawn"))
    found = worst_case(Prover(target), "attempts", on_pages_only(target))
    assert found.word is Word.PROVED
    assert found.form is not None
    assert [found.form.at(n) for n in range(65)] == [graph.most_attempts() for graph in graphs_to_64(target.loop)]


@dataclass(frozen=True)
class Comes:
    """Back to where it was, or reads the page array, or is worst where not all blocks are refused."""

    left: int
    refused: bool = False


class Odd(Loop):
    """Fails at the second refusal of a pair; pairs that are granted cost one attempt more each."""

    kind = "grants cost"

    def start(self, call: Call) -> Comes:
        return Comes(call.n)

    def turn(self, call: Call, state: Comes, kernel: Kernel) -> Comes | End:
        if not state.left:
            return DONE
        if self.kind == "comes back":
            return state if kernel.alloc_pages(call.gfp, 0) is None else Comes(state.left - 1)
        if self.kind == "reads":
            kernel.load(0)
        if state.left >= 2 and not state.refused:
            if kernel.alloc_pages(call.gfp, 1) is None:
                return Comes(state.left, refused=True)
            for _ in range(3):
                kernel.alloc_pages(call.gfp, 1)
            return Comes(state.left - 2)
        return FAILED if kernel.alloc_pages(call.gfp, 0) is None else Comes(state.left - 1, state.refused)


def test_where_no_form_is_the_worst_case_it_is_checked_and_says_so() -> None:
    target = Target("odd", Odd(), "")
    found = worst_case(Prover(target), "attempts", on_pages_only(target))
    assert found.word is Word.CHECKED
    assert found.form is None
    assert found.values[:5] == (0, 1, 4, 5, 8)
    assert str(found) == "128 at n = 64  CHECKED <= 64"


@pytest.mark.parametrize(
    ("kind", "why"), [("comes back", "comes back to where it was"), ("reads", "reads the page array")]
)
def test_what_cannot_be_tried_is_unknown(kind: str, why: str) -> None:
    loop = Odd()
    loop.kind = kind
    with pytest.raises(NoWorst, match=why):
        most_of(loop, Call(3), COUNTS["attempts"])
    assert (
        worst_case(Prover(Target("odd", loop, "")), "attempts", None) == WorstCase("attempts", Word.UNKNOWN, reason=why)
        or kind
    )


@given(
    st.integers(0, 5),
    st.integers(0, 3),
    st.lists(st.integers(1, 10), max_size=4),
    st.lists(st.integers(1, 10), max_size=4),
)
def test_a_form_is_fitted_to_its_own_values(constant: int, per_page: int, steps: list[int], each: list[int]) -> None:
    form = Form(constant, per_page, tuple(sorted(steps)), tuple(sorted(each)))
    about = {(1 << order) + more for order in range(1, 11) for more in (-1, 0, 1)}
    assert fitted({n: form.at(n) for n in {0, 1} | about}) == form
    assert form.at(700) == sum(form.at(n) - form.at(n - 1) for n in range(1, 701)) + constant


def test_a_slope_is_what_one_page_more_costs() -> None:
    for form in (Form(0, 1, (), EVERY_ORDER), Form(0, 0, (), EVERY_ORDER), Form(0, 2, (), (3, 5, 5))):
        assert all(form.at(k) - form.at(k - 1) == form.of_page(k) for k in range(1, 600))


# -- on the same memory


def test_the_best_case_got_worse_with_the_patch() -> None:
    small, _ = regressions(TARGETS["pre-patch"], TARGETS["patched"])
    attempts = next(worse for worse in small if worse.measure == "attempts")
    assert (attempts.n, attempts.old, attempts.new) == (8, 1, 8)
    assert attempts.buddyinfo == "Node 0, zone   Normal 0 0 0 1 0 0 0 0 0 0 0"
    for n, old, new in ((8, 1, 8), (255, 8, 30), (1024, 1, 2)):
        memory = (0,) * 10 + (1,)
        found = [cost(TARGETS[name], n, memory, (4096,)) for name in ("pre-patch", "patched")]
        assert [one and one.attempts() for one in found] == [old, new]


def test_large_blocks_are_lost_by_the_2_mib_begun() -> None:
    for name in ("patched", "pre-patch"):
        assert most_large_blocks(TARGETS[name]) == tuple(-(-n // 512) for n in range(1026))
    lost = most_large_blocks(TARGETS["single-pages"])
    assert lost is not None
    assert lost == tuple(int(n > 0) for n in range(len(lost)))  # as far as it goes
    assert most_large_blocks(of_order_array((9, 8))) is None


@pytest.mark.parametrize("text", ["", "4K,", "64K", "4K,3M", "1K,4K", "4K,-1", "4K,x", "4K,²", "4K,0"])
def test_rejects_other_page_sizes(text: str) -> None:
    assert parse_pgsizes("4K,64k,1M,2M") == PAGE_ORDERS
    with pytest.raises(ValueError, match="page sizes"):
        parse_pgsizes(text)
