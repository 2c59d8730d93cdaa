"""Symbols against plain ints: whatever can be computed of both is the same, whatever cannot raises."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.engine.explorer import Explorer, Path
from proofs.engine.literals import Literal, compare, definition, evaluate, substitute
from proofs.engine.solver import Solver
from proofs.engine.symbols import Bool, Int, Misuse, boolean, negation, variable

NAMES = ("x", "y", "z")
SMALL = st.integers(-12, 12)
VALUES = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(-40, 40)))

Make = Callable[[Mapping[str, Any]], Any]  # an expression, over symbols or over plain ints


def expressions() -> st.SearchStrategy[Make]:
    """Return expressions in what is linear, floor division, remainder and shifts among them."""
    leaves = st.one_of(
        st.sampled_from(NAMES).map(lambda name: lambda v: v[name]),
        SMALL.map(lambda number: lambda v: number),
    )

    def grow(inner: st.SearchStrategy[Make]) -> st.SearchStrategy[Make]:
        def pair(op: Callable[[Any, Any], Any]) -> st.SearchStrategy[Make]:
            return st.tuples(inner, inner).map(lambda t: lambda v: op(t[0](v), t[1](v)))

        def by(op: Callable[[Any, int], Any], numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Make]:
            return st.tuples(inner, numbers).map(lambda t: lambda v: op(t[0](v), t[1]))

        return st.one_of(
            pair(operator.add),
            pair(operator.sub),
            by(operator.mul, SMALL),
            by(operator.lshift, st.integers(0, 4)),
            by(operator.rshift, st.integers(0, 4)),
            by(operator.floordiv, st.integers(1, 9)),
            by(operator.mod, st.integers(1, 9)),
            by(operator.and_, st.sampled_from((0, 1, 3, 7, 15))),
            inner.map(lambda make: lambda v: -make(v)),
            inner.map(lambda make: lambda v: ~make(v)),
        )

    return st.recursive(leaves, grow, max_leaves=6)


COMPARISONS = st.sampled_from((operator.le, operator.lt, operator.ge, operator.gt, operator.eq, operator.ne))
SYMBOLS: Mapping[str, Any] = {name: variable(name) for name in NAMES}


class Quotients(dict[str, int]):
    """Values of variables; a quotient's is the one number that its definition allows."""

    def __missing__(self, name: str) -> int:
        least, most = definition(name)
        modulus = abs(dict(least.terms)[name])
        body = tuple((v, c) for v, c in least.terms if v != name)
        sign = -1 if dict(least.terms)[name] > 0 else 1
        found = sign * evaluate(body, least.constant, self) // modulus
        near = [q for q in range(found - 2, found + 3) if self._fits(name, q, (least, most))]
        assert len(near) == 1, "a quotient's definition allows one number"
        self[name] = near[0]
        return near[0]

    def _fits(self, name: str, q: int, literals: tuple[Literal, ...]) -> bool:
        values = Quotients(self)
        values[name] = q
        return all(literal.holds(values) for literal in literals)


def value(made: Any, values: Mapping[str, int]) -> int:
    return made.value(Quotients(values)) if isinstance(made, Int) else int(made)


def truth(made: Any, values: Mapping[str, int]) -> bool:
    literal = made.literal if isinstance(made, Bool) else made
    return literal.holds(Quotients(values)) if isinstance(literal, Literal) else literal


@given(expressions(), VALUES)
@settings(max_examples=400)
def test_an_expression_of_symbols_is_pythons_under_every_value(make: Make, values: dict[str, int]) -> None:
    assert value(make(SYMBOLS), values) == make(values)


@given(expressions(), expressions(), COMPARISONS, VALUES)
@settings(max_examples=400)
def test_a_comparison_of_symbols_is_pythons(
    left: Make, right: Make, compared: Callable[[Any, Any], Any], values: dict[str, int]
) -> None:
    found = compared(left(SYMBOLS), right(SYMBOLS))
    assert truth(found, values) == compared(left(values), right(values))
    assert truth(negation(found), values) != truth(found, values)


@given(expressions(), VALUES, st.integers(-2, 12), COMPARISONS)
@settings(max_examples=200)
def test_a_bit_length_compares_as_pythons(
    make: Make, values: dict[str, int], bits: int, compared: Callable[[Any, Any], Any]
) -> None:
    term = make(SYMBOLS)
    if not isinstance(term, Int):
        return
    named = variable("w")
    values = {"w": make(values)}
    results = [path.result for path in paths(lambda: bool(compared(named.bit_length(), bits))) if holds(path, values)]
    assert results == [compared(values["w"].bit_length(), bits)]


def paths(code: Callable[[], Any]) -> list[Path[Any]]:
    return list(Explorer[Any](Solver()).paths(code))


def holds(path: Path[Any], values: Mapping[str, int]) -> bool:
    return all(literal.holds(Quotients(values)) for literal in path.literals)


LITERALS = st.one_of(
    st.builds(
        lambda kind, a, b, c, m: Literal(kind, (("x", a), ("y", b)), c, m if kind in ("div", "ndiv") else 0),
        st.sampled_from(("le", "eq", "ne", "div", "ndiv")),
        SMALL.filter(bool),
        SMALL.filter(bool),
        SMALL,
        st.integers(2, 9),
    ),
    st.sampled_from(("yes", "no")).map(lambda kind: Literal(kind, (("x", 1),))),
)


@given(LITERALS, VALUES)
@settings(max_examples=300)
def test_a_negated_literal_holds_exactly_where_the_literal_does_not(literal: Literal, values: dict[str, int]) -> None:
    assert literal.negated().holds(values) != literal.holds(values)
    assert literal.negated().negated().holds(values) == literal.holds(values)


@given(st.sampled_from(("le", "eq", "ne", "div", "ndiv")), SMALL, SMALL, SMALL, st.integers(2, 9), VALUES)
@settings(max_examples=300)
def test_compare_changes_the_form_and_not_the_meaning(
    kind: str, a: int, b: int, c: int, modulus: int, values: dict[str, int]
) -> None:
    terms = tuple((name, factor) for name, factor in (("x", a), ("y", b)) if factor)
    modulus = modulus if "div" in kind else 0
    assert truth(compare(kind, terms, c, modulus), values) == Literal(kind, terms, c, modulus).holds(values)


@given(LITERALS, expressions(), VALUES)
@settings(max_examples=300)
def test_substitution_and_evaluation_agree(literal: Literal, make: Make, values: dict[str, int]) -> None:
    replaced = substitute(literal, {"x": make(SYMBOLS)})
    if literal.kind in ("yes", "no"):  # a Boolean variable has no number to be replaced by
        assert truth(replaced, values) == literal.holds(values)
        return
    assert truth(replaced, values) == literal.holds({**values, "x": make(values)})


x, y, b = variable("x"), variable("y"), boolean("b")
untyped: Any = x
flag: Any = b

MISUSES: dict[str, Callable[[], Any]] = {
    "hash of an int": lambda: hash(x),
    "hash of a Boolean": lambda: hash(b),
    "hash of a bit length": lambda: hash(x.bit_length()),
    "in a set": lambda: {x},
    "in a set of numbers": lambda: x in {1, 2},
    "as a dictionary's key": lambda: {x: 1},
    "abs": lambda: abs(untyped),
    "round": lambda: round(untyped),
    "divmod": lambda: divmod(untyped, 2),
    "divmod by it": lambda: divmod(5, untyped),
    "float": lambda: float(untyped),
    "int": lambda: int(untyped),
    "true division": lambda: x / 2,
    "power": lambda: x**2,
    "power of it": lambda: 2**untyped,
    "compared with a float": lambda: x < 1.5,
    "equal to a float": lambda: x == 1.0,
    "a float added": lambda: x + 1.5,
    "compared with a Boolean": lambda: x == b,
    "a Boolean equal to a number": lambda: b == 1,
    "& of Booleans": lambda: flag & flag,
    "| of Booleans": lambda: flag | flag,
    "^ of Booleans": lambda: flag ^ flag,
    "& with True": lambda: flag & True,
    "True &": lambda: True & flag,
    "~ of a Boolean": lambda: ~flag,
    "an f-string": lambda: f"{x}",
    "a formatted Boolean": lambda: f"{b}",
    "%d": lambda: "%d" % untyped,  # noqa: UP031 - the old form is what is tried  # the operator is what is tried
    "len": lambda: len(untyped),
    "iteration": lambda: list(untyped),
    "an item of it": lambda: untyped[0],
    "divided by 0": lambda: x // 0,
    "divided by a negative number": lambda: x // -2,
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse_raises_and_no_except_exception_swallows_it(misuse: Callable[[], Any]) -> None:
    def swallowing() -> str:
        try:
            misuse()
        except Exception:
            return "swallowed"
        return "silent"

    with pytest.raises(Misuse):
        paths(swallowing)
    assert not issubclass(Misuse, Exception)


@pytest.mark.parametrize(
    "arithmetic",
    [lambda: flag + 1, lambda: 1 + flag, lambda: -flag, lambda: flag < 1, lambda: 3 - untyped.bit_length()],
    ids=["added to", "added", "negated", "compared", "subtracted bit length"],
)
def test_what_a_symbol_lacks_and_python_has_is_misuse_too(arithmetic: Callable[[], Any]) -> None:
    with pytest.raises(Misuse):
        paths(arithmetic)


@pytest.mark.parametrize("told", [lambda: str(x), lambda: "%s" % untyped], ids=["str", "%s"])  # noqa: UP031 (the old form is what is tested)
def test_a_symbols_text_is_misuse(told: Callable[[], Any]) -> None:
    with pytest.raises(Misuse):
        paths(told)


def test_outside_an_exploration_a_symbol_has_neither_truth_nor_value() -> None:
    with pytest.raises(Misuse):
        bool(x < 3)
    with pytest.raises(Misuse):
        bool(b)
    with pytest.raises(Misuse):
        operator.index(x)


def test_isinstance_is_silently_false_which_is_why_a_lint_forbids_it() -> None:
    assert not isinstance(untyped, int)
    assert untyped is not None


def test_a_quotient_of_a_quotient_has_a_definition() -> None:
    twice = (x // 3) // 2
    assert isinstance(twice, Int)
    assert [value(twice, {"x": number}) for number in range(-13, 14)] == [n // 3 // 2 for n in range(-13, 14)]
