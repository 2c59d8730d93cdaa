"""The one question that is asked of z3: it gives up by its resource count alone, and not before it was asked anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.engine import solver as engine
from proofs.engine.literals import Literal, Terms
from proofs.engine.solver import Solver, SolverUnknown, _unsaid
from proofs.engine.symbols import variable

NAMES = ("x", "y", "z")


def literals() -> st.SearchStrategy[list[Literal]]:
    """Return literals over three whole numbers, every kind of them."""
    terms = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from((-3, -1, 1, 2))), min_size=1, max_size=3)
    form = terms.map(lambda some: tuple(sorted(dict(some).items())))
    bounds = st.builds(Literal, st.sampled_from(("le", "eq", "ne")), form, st.integers(-9, 9))
    multiples = st.builds(Literal, st.sampled_from(("div", "ndiv")), form, st.integers(-9, 9), st.integers(2, 6))
    return st.lists(bounds | multiples, min_size=1, max_size=6)


def answer(literals: list[Literal], **limits: int) -> bool:
    """Return the answer of a solver to literals in scopes of their own, its values tried out where it is yes."""
    solver = Solver(**limits)
    for literal in literals:
        solver.push([literal])
    found = solver.check()
    if found:
        values = dict.fromkeys(NAMES, 0) | solver.model(NAMES)
        assert all(literal.holds(values) for literal in literals)
    for _ in literals:
        solver.pop()
    assert solver.check()  # nothing is left of them
    return found


@given(literals())
def test_asked_anew_it_answers_the_same(literals: list[Literal]) -> None:
    plain = answer(literals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "FIRST_LIMIT", 1)
        assert answer(literals) == plain


@given(st.lists(st.sampled_from(("push", "pop", "ask")) | literals(), max_size=30))
def test_what_holds_is_what_the_open_scopes_hold_whenever_it_is_asked(steps: list[str | list[Literal]]) -> None:
    solver, scopes = Solver(), [list[Literal]()]
    for step in (*steps, "ask"):
        if step == "push":
            solver.push()
            scopes.append([])
        elif step == "pop" and len(scopes) > 1:
            solver.pop()
            scopes.pop()
        elif step == "ask":
            assert solver.check() == answer([literal for scope in scopes for literal in scope])
        elif not isinstance(step, str):
            solver.assume(step)
            scopes[-1] += step


def test_one_of_none_never_holds() -> None:
    solver = Solver()
    solver.assume_any(())
    assert not solver.check()


def test_a_bound_that_follows_from_one_on_the_same_form_is_not_told() -> None:
    weak, strong, stronger = (Literal("le", (("x", -1), ("y", 1)), at) for at in (0, 3, 5))
    no = (weak.negated(), strong.negated())
    outer: dict[Terms, int] = {}
    assert list(_unsaid([(weak,), (strong,), no, (weak,)], outer)) == [no, (strong,)]
    inner = dict(outer)
    assert list(_unsaid([(weak,), (stronger,), (strong,)], inner)) == [(stronger,)]
    assert (outer, inner) == ({strong.terms: 3}, {strong.terms: 5})


def test_a_quotient_of_a_quotient_is_what_both_mean() -> None:
    x = variable("x")
    fifth = ((x // 3) // 2 == 5).literal
    solver = Solver()
    assert not solver.satisfiable((fifth, (x <= 29).literal))
    assert not solver.satisfiable((fifth, (x >= 36).literal))
    for n in (30, 35):
        assert solver.satisfiable((fifth, (x == n).literal))


def test_nothing_is_asked_of_z3_where_no_question_is() -> None:
    solver = Solver()
    solver.push([Literal("le", (("x", 1),), 0)])
    solver.pop()
    assert "context" not in vars(solver) and solver.resources() == 0


def test_a_query_is_asked_anew_before_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = [
        Literal("div", (("x", 1), ("y", 1)), 1, 6),
        Literal("le", (("x", -1), ("y", 2)), 3),
        Literal("ne", (("x", 1),), 0),
    ]
    monkeypatch.setattr(engine, "FIRST_LIMIT", 1)
    asked = []
    anew = Solver._check_anew

    def counted(solver: Solver) -> int:
        asked.append(solver)
        return anew(solver)

    monkeypatch.setattr(Solver, "_check_anew", counted)
    assert answer(hard) and asked
    with pytest.raises(SolverUnknown):
        answer(hard, resource_limit=2)
