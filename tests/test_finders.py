"""Whoever finds a run that breaks a claim, the scenario shown is the same; and what each finder is there for."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.gfp import GFP_KERNEL
from model.kernel import Kernel
from model.loop import Call, Loop
from model.patched import Patched
from proofs.engine import finders
from proofs.engine.finders import FINDERS, Question, find, minimised
from proofs.engine.search import PLANS, Scenario
from proofs.mutations import FLAGS, MUTATIONS, Mutation, target_of
from spec.claims import CLAIMS, Part
from spec.costs import passes_bounded
from spec.monitor import Matter
from spec.targets import TARGETS, Target

BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}
EASY = ("guard-missing", "count-falls-twice-as-fast", "not-cleared", "highmem-left-out")
HARD = (
    "array-without-0",
    "smallest-chunks-first",
    "only-the-first-page-stored",
    "refused-page-asked-for-ever",
    "rollback-leaves-the-last-slot",
)
CASES = [(finder, name) for finder in FINDERS for name in (EASY if finder == "crosshair" else EASY + HARD)]


def question(target: Target, claim: str) -> Question:
    part = (CLAIMS[claim].parts or (Part(passes_bounded(target.spare_passes)),))[0]
    matter = Matter(Call(0, single_pages=target.single_pages), target.orders)
    return Question(target.loop, claim, part.monitor, matter)


def asked(name: str) -> Question:
    return question(target_of(BY_NAME[name]), BY_NAME[name].claim)


@pytest.mark.parametrize(("finder", "name"), CASES)
def test_each_finder_alone_ends_in_the_same_scenario(finder: str, name: str) -> None:
    wanted = FINDERS["breadth-first"](asked(name))
    assert wanted is not None
    assert wanted.call.n == BY_NAME[name].n
    assert find(asked(name), [finder]) == wanted


@given(
    st.sampled_from(EASY + HARD), st.integers(0, 600), st.lists(st.booleans(), max_size=30), st.sampled_from(range(3))
)
@settings(max_examples=25, deadline=None)
def test_any_run_that_breaks_a_claim_is_minimised_to_the_same(
    name: str, n: int, answers: list[bool], plan: int
) -> None:
    what = asked(name)
    found = what.tried(n, GFP_KERNEL, plan, answers)
    if found is not None:
        assert minimised(what, found) == FINDERS["breadth-first"](what)


def test_where_the_search_gives_up_what_was_found_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    what = asked("not-split")
    found = what.tried(900, GFP_KERNEL, 0, [True, False, True, True, False, True, False])
    assert found is not None
    wanted = FINDERS["breadth-first"](what)
    monkeypatch.setattr(Question, "smallest", lambda *_: None)
    assert minimised(what, found) == wanted


@pytest.mark.parametrize("finder", [*list(FINDERS)[:-1], pytest.param("crosshair", marks=pytest.mark.slow)])
def test_no_finder_finds_what_is_not_there(finder: str) -> None:
    assert find(question(TARGETS["patched"], "page-total"), [finder]) is None


def test_the_first_answer_wins_and_costlier_finders_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Question) -> Scenario | None:
        raise AssertionError("asked although there was an answer")

    monkeypatch.setitem(FINDERS, "breadth-first", lambda _: None)
    monkeypatch.setitem(FINDERS, "solver", never)
    monkeypatch.setitem(FINDERS, "crosshair", never)
    found = find(asked("not-cleared"))
    assert found is not None
    assert found.call.n == 1


def test_the_solver_finds_a_size_that_nobody_would_draw() -> None:
    flags = f"{FLAGS} if call.n != 123_457 else call.gfp"
    slip = Mutation("flags-left-out-there", "flags-pass-through", 123_457, FLAGS, flags)
    what = question(target_of(slip), slip.claim)
    assert FINDERS["breadth-first"](what) is None
    assert FINDERS["hypothesis"](what) is None
    found = find(what, ["solver"])
    assert found is not None
    assert found.call.n == 123_457


class Hangs(Patched):
    """Never comes back from its first turn."""

    def turn(self, call: Call, state: Any, kernel: Kernel) -> Any:
        while True:
            pass


class BreaksDown(Patched):
    """Takes its process with it."""

    def turn(self, call: Call, state: Any, kernel: Kernel) -> Any:
        os._exit(1)


@pytest.mark.parametrize("loop", [Hangs(), BreaksDown()], ids=["hangs", "breaks down"])
def test_crosshair_may_hang_or_break_down(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "CHILD_LIMIT", 2)
    part = CLAIMS["page-total"].parts[0]
    assert FINDERS["crosshair"](Question(loop, "page-total", part.monitor, Matter(Call(0)))) is None


def test_a_plan_goes_on_where_the_answers_end() -> None:
    for plan in range(len(PLANS)):
        found = asked("not-cleared").tried(600, GFP_KERNEL, plan, [False, False])
        assert found is not None
        assert found.answers[:2] == (False, False)
