"""What is seen at a glance follows: another look, the solver's, agrees."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proofs.engine.literals import Literal, compare, quotient_name
from proofs.engine.solver import Solver
from proofs.engine.symbols import variable
from proofs.engine.told import Told, solved

QUOTIENT = quotient_name((("x", 1),), 0, 4)
NESTED = quotient_name(((QUOTIENT, 1), ("y", 1)), 1, 3)
NAMES = ("x", "y", "z", "n", QUOTIENT, NESTED)
FORMS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((-3, -2, -1, 1, 2, 4)), min_size=1, max_size=3)


@st.composite
def atoms(draw: st.DrawFn, kinds: tuple[str, ...] = ("le", "le", "eq", "ne", "div", "ndiv", "yes", "no")) -> Literal:
    """Return a literal as symbols make them."""
    kind = draw(st.sampled_from(kinds))
    if kind in ("yes", "no"):
        return Literal(kind, ((draw(st.sampled_from("bc")), 1),))
    terms = tuple(sorted(draw(FORMS).items()))
    found = compare(kind, terms, draw(st.integers(-9, 9)), draw(st.integers(2, 6)) if "div" in kind else 0)
    return found if isinstance(found, Literal) else Literal(kinds[0], (("x", 1),), 0)


SOME = st.lists(atoms(), max_size=6)


def holding(literals: list[Literal]) -> Solver:
    solver = Solver()
    solver.push(literals)
    return solver


@given(SOME, SOME, atoms())
@settings(max_examples=400)
def test_what_it_says_of_a_literal_follows(assumed: list[Literal], path: list[Literal], asked: Literal) -> None:
    outer = Told(assumed)
    before = outer.says(asked)
    inner = Told(path, outer)
    assert outer.says(asked) == before  # another path is asked about next
    for told, literals in ((outer, assumed), (inner, [*assumed, *path])):
        said = told.says(asked)
        if said is not None:
            assert not holding(literals).satisfiable((asked.negated() if said else asked,))


@given(SOME, SOME)
@settings(max_examples=200)
def test_what_was_told_is_known(assumed: list[Literal], path: list[Literal]) -> None:
    assume(holding([*assumed, *path]).check())
    told = Told(path, Told(assumed))
    for literal in (*assumed, *path):
        assert told.says(literal) is True and told.says(literal.negated()) is False


@given(SOME, SOME)
@settings(max_examples=200)
def test_what_it_excludes_cannot_be(assumed: list[Literal], path: list[Literal]) -> None:
    told = Told(assumed)
    if told.excludes(path):
        assert not holding(assumed).satisfiable(path)


@given(SOME, atoms())
@settings(max_examples=400)
def test_what_is_left_free_can_hold_or_not(assumed: list[Literal], asked: Literal) -> None:
    solver = holding(assumed)
    assume(solver.check())
    if Told(assumed).leaves_free(asked):
        assert solver.satisfiable((asked,)) and solver.satisfiable((asked.negated(),))


def test_what_is_said_of_a_quotient_of_a_quotient_is_said_of_all_in_it() -> None:
    told = Told([Literal("le", ((NESTED, 1),), 0)])
    for name in NAMES:
        assert told.leaves_free(Literal("le", ((name, 1),), -9)) == (name in ("z", "n"))


@given(SOME, SOME, atoms(), atoms())
@settings(max_examples=200)
def test_what_it_learns_after_a_copy_stays_there(
    assumed: list[Literal], path: list[Literal], learnt: Literal, asked: Literal
) -> None:
    told = Told(path, Told(assumed))
    before = told.says(asked)
    Told((), told).learn(learnt)
    assert told.says(asked) == before


@given(st.lists(atoms(("eq",)), max_size=5))
@settings(max_examples=200)
def test_what_equalities_determine_they_do(equalities: list[Literal]) -> None:
    solver = holding(equalities)
    values = solved(tuple(equalities)).values
    for name, value in values.items():
        assert not {other for other, _ in value.terms} & values.keys()  # in terms of what is not determined
        same = compare("eq", tuple(sorted({**dict(value.terms), name: -1}.items())), value.constant)
        assert isinstance(same, Literal) and not solver.satisfiable((same.negated(),))


def test_most_questions_of_a_loop_need_no_query() -> None:
    """Each kind of conclusion: it is what saves the solver's time, and no verdict tells whether it is there."""
    n, i, count, slots = (variable(name) for name in ("n", "i", "count", "slots"))
    given = (n >= 0, n <= 1 << 60, count + i == slots, slots == n, count >= 0, i >= 0, count != 0)
    told = Told([truth.literal for truth in given])
    for implied in (i < slots, count >= 1, n == count + i, i <= 1 << 60, n - i > 0, i + 1 <= n, 2 * i <= 1 << 61):
        assert told.says(implied.literal) is True
        assert told.says(implied.literal.negated()) is False
    for open_ in (count <= 511, i == 0, n == 1, n <= (1 << 60) - 1, i <= (1 << 60) - 2, i % 512 == 0):
        assert told.says(open_.literal) is None


def test_a_sum_of_bounds_is_exact_however_large() -> None:
    """A double holds 53 bits."""
    a, b = variable("a"), variable("b")
    told = Told([(a <= 1 << 60).literal, (b <= 1).literal])
    assert told.says((a + b <= (1 << 60) + 1).literal) is True
    assert told.says((a + b <= 1 << 60).literal) is None
