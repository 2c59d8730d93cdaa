"""The paths of a program cover every input once, and lead where Python leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, make_dataclass
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.events import DONE, End
from model.kernel import Kernel
from model.loop import Call, Loop
from proofs.engine import explorer as exploring
from proofs.engine.coverage import Values
from proofs.engine.explorer import Explorer, NotDeterministic, Path, TooManyPaths, goes_with
from proofs.engine.literals import Literal
from proofs.engine.paths import explore_loop
from proofs.engine.solver import Solver
from proofs.engine.symbols import Bool, Int, Misuse, Undecided, boolean, variable
from proofs.engine.system import symbolic_call

INTS, BOOLEANS = ("x", "y"), ("b",)
BOX = range(-4, 5)
INPUTS = [
    {"x": x, "y": y, "b": b} for x, y, b in product(BOX, BOX, (0, 1))
]  # every one of them is put through every program

Code = Callable[[Mapping[str, Any]], Any]


def conditions() -> st.SearchStrategy[Code]:
    """Return questions about the inputs: comparisons of linear forms, a Boolean, and/or/not of them."""
    forms = st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(-5, 5))
    kinds: list[Callable[[Any], Any]] = [
        lambda v: v <= 0, lambda v: v < 0, lambda v: v == 0, lambda v: v != 0, lambda v: v > 2, lambda v: v % 3 == 1,
        lambda v: v in (0, 2), lambda v: 0 <= v < 3, lambda v: (v if v > 0 else -v).bit_length() > 1,
    ]  # fmt: skip
    compared = st.tuples(forms, st.sampled_from(kinds)).map(
        lambda t: lambda v: t[1](t[0][0] * v["x"] + t[0][1] * v["y"] + t[0][2])
    )
    leaves = st.one_of(compared, st.just(lambda v: v["b"]))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda t: lambda v: t[0](v) and t[1](v)),
            st.tuples(inner, inner).map(lambda t: lambda v: t[0](v) or t[1](v)),
            inner.map(lambda one: lambda v: not one(v)),
        ),
        max_leaves=3,
    )


def programs() -> st.SearchStrategy[Code]:
    """Return nested ifs that end in a linear form each."""
    results = st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 99)).map(
        lambda t: lambda v: t[0] * v["x"] + t[1] * v["y"] + t[2]
    )
    return st.recursive(
        results,
        lambda inner: st.tuples(conditions(), inner, inner).map(lambda t: lambda v: t[1](v) if t[0](v) else t[2](v)),
        max_leaves=5,
    )


SYMBOLS: Mapping[str, Any] = {**{name: variable(name) for name in INTS}, "b": boolean("b")}


def paths(code: Callable[[], Any], given_: tuple[Literal, ...] = ()) -> list[Path[Any]]:
    solver = Solver()
    solver.push(given_)
    return list(Explorer[Any](solver, given_).paths(code))


@dataclass(frozen=True)
class Quotients:
    """The inputs, and the quotients by 3 and by others that their names define."""

    inputs: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        if not name.startswith("div("):
            return self.inputs[name]
        body, modulus = name[4:-1].rsplit("|", 1)
        *parts, constant = body.split(" ")
        factors = (part.split("*") for part in parts)
        return (sum(int(c) * self.inputs[v] for c, v in factors) + int(constant)) // int(modulus)


def taken(found: list[Path[Any]], inputs: Mapping[str, int]) -> list[Path[Any]]:
    values: Any = Quotients(inputs)
    return [path for path in found if all(literal.holds(values) for literal in path.literals)]


@given(programs())
@settings(max_examples=120)
def test_every_input_is_on_one_path_and_it_leads_where_python_leads(program: Code) -> None:
    found = paths(lambda: program(SYMBOLS))
    for inputs in INPUTS:
        here = taken(found, inputs)
        assert len(here) == 1, inputs
        result = here[0].result
        values = result.value(inputs) if isinstance(result, Int) else result
        assert values == program({**inputs, "b": bool(inputs["b"])})


@given(programs(), st.lists(st.sampled_from(INPUTS), max_size=20))
@settings(max_examples=120)
def test_a_witness_changes_no_path_and_goes_its_own(program: Code, inputs: list[dict[str, int]]) -> None:
    witnesses = [Values(one) for one in (*inputs, {"x": 0})]  # of the last, only one symbol is known
    explorer = Explorer[Any](Solver(), (), witnesses=witnesses)
    found = list(explorer.paths(lambda: program(SYMBOLS)))
    assert [path.literals for path in found] == [path.literals for path in paths(lambda: program(SYMBOLS))]
    for path in found:
        assert list(path.witnesses) == [one for one in witnesses if goes_with(one, path.literals)]


def test_what_a_witness_does_is_not_asked_of_the_solver() -> None:
    solver = Solver()
    witnesses = [{"x": x} for x in (-1, 3, 8)]
    explorer = Explorer[int](solver, (), witnesses=witnesses)
    x = SYMBOLS["x"]
    found = list(explorer.paths(lambda: 0 if x < 0 else 1 if x < 5 else 2))
    assert [(path.result, path.witnesses) for path in found] == [(at, [one]) for at, one in enumerate(witnesses)]
    assert solver.queries == 0


def test_a_witness_of_which_not_all_that_is_given_holds_is_none() -> None:
    explorer = Explorer[int](Solver(), ((SYMBOLS["x"] >= 0).literal,), witnesses=[{"x": -1}])
    (path,) = explorer.paths(lambda: int(bool(SYMBOLS["x"] < 0)))
    assert (path.result, path.witnesses) == (0, [])


@given(programs(), st.integers(-3, 3))
@settings(max_examples=60)
def test_under_an_assumption_the_paths_cover_what_it_allows(program: Code, least: int) -> None:
    assumed = SYMBOLS["x"] >= least
    found = paths(lambda: program(SYMBOLS), (assumed.literal,))
    for inputs in INPUTS:
        if inputs["x"] >= least:
            assert len(taken(found, inputs)) == 1, inputs


@given(programs())
@settings(max_examples=60)
def test_every_path_has_an_input(program: Code) -> None:
    for path in paths(lambda: program(SYMBOLS)):
        assert Solver().satisfiable(path.literals)


x: Any = variable("x")


@given(st.integers(-20, 20), st.integers(0, 63))
@settings(max_examples=40)
def test_enumeration_gives_exactly_the_values_of_a_bounded_int(low: int, more: int) -> None:
    bounds = ((x >= low).literal, (x <= low + more).literal)
    found = paths(lambda: range(100)[x.__index__() - low] + low, bounds)
    assert sorted(int(path.result or 0) for path in found) == list(range(low, low + more + 1))


def test_an_int_of_too_many_values_is_not_enumerated() -> None:
    with pytest.raises(Undecided, match="more than 64 values"):
        paths(x.__index__, ((x >= 0).literal, (x <= 64).literal))


def test_enumeration_takes_only_the_values_that_a_congruence_leaves() -> None:
    def code() -> int:
        if x % 5 == 2:
            return int(x.__index__())
        return -1

    found = paths(code, ((x >= 0).literal, (x <= 20).literal))
    assert sorted(int(path.result or 0) for path in found if path.result != -1) == [2, 7, 12, 17]


def test_code_that_asks_other_questions_when_run_again_is_caught() -> None:
    runs: list[None] = []

    def code() -> bool:
        runs.append(None)
        return bool(x > len(runs))

    with pytest.raises(NotDeterministic):
        paths(code)


def test_code_that_asks_less_when_run_again_is_caught() -> None:
    runs: list[None] = []

    def code() -> bool:
        runs.append(None)
        return bool(x > 0) and bool(x > 5) if len(runs) == 1 else True

    with pytest.raises(NotDeterministic):
        paths(code)


def test_an_endless_loop_on_an_unbounded_symbol_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploring, "MOST_DECISIONS", 200)
    monkeypatch.setattr(exploring, "MOST_PATHS", 300)

    def code() -> int:
        left, turns = x, 0
        while left > 0:
            left, turns = left - 1, turns + 1
        return turns

    with pytest.raises(TooManyPaths):
        paths(code)


def test_an_endless_path_is_capped_by_its_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploring, "MOST_DECISIONS", 200)

    def code() -> int:
        bound = 0
        while x < bound or x >= bound:
            bound += 1
        return bound

    with pytest.raises(TooManyPaths, match="endless loop"):
        paths(code)


def swallowing(misuse: Callable[[], Any], caught: type[BaseException]) -> Callable[[], str]:
    def code() -> str:
        try:
            misuse()
        except caught:
            return "swallowed"
        return "silent"

    return code


@pytest.mark.parametrize("caught", [Exception, BaseException])
def test_a_number_that_cannot_be_known_surfaces_though_the_code_swallows_it(caught: type[BaseException]) -> None:
    with pytest.raises(Undecided):
        paths(swallowing(x.__index__, caught))


@pytest.mark.parametrize(
    "caught",
    [
        Exception,
        BaseException,
    ],
)
def test_misuse_surfaces_though_the_code_swallows_it(caught: type[BaseException]) -> None:
    with pytest.raises(Misuse):
        paths(swallowing(lambda: hash(x), caught))


def test_a_bit_length_that_cannot_be_known_surfaces_though_the_code_swallows_it() -> None:
    with pytest.raises(Undecided):
        paths(swallowing(lambda: range(x.bit_length()), BaseException), ((x >= 1 << 64).literal,))


def test_too_long_a_path_surfaces_though_the_code_swallows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploring, "MOST_DECISIONS", 20)

    def endless() -> None:
        bound = 0
        while x > bound:
            bound += 1

    with pytest.raises(TooManyPaths):
        paths(swallowing(endless, BaseException))


def test_an_assumption_excludes_a_path_by_its_name_and_keeps_the_others() -> None:
    solver = Solver()
    explorer = Explorer[str](solver)

    def code() -> str:
        if x > 3:
            explorer.assume("x is not large", x < 3)
        explorer.assume("x is not 0", x != 0)
        return "kept"

    found = list(explorer.paths(code))
    for number in BOX:
        here = [p for p in found if all(literal.holds({"x": number}) for literal in p.literals)]
        if number > 3:
            assert [path.excluded for path in here] == ["x is not large"]
        elif number == 0:
            assert here == []
        else:
            assert [(path.result, path.excluded) for path in here] == [("kept", "")]


def test_nothing_of_an_exploration_is_left_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        paths(lambda: 1 // 0 if x > 0 else 0)
    with pytest.raises(Misuse):
        bool(x > 0)


def test_a_symbol_of_one_value_needs_no_branch() -> None:
    found = paths(lambda: x + 1 if x == 7 else None, ((x >= 7).literal, (x <= 7).literal))
    assert len(found) == 1
    assert isinstance(found[0].result, Int)
    assert not isinstance(found[0].result, Bool)


def test_bounds_on_one_form_answer_without_the_solver() -> None:
    solver, n = Solver(), variable("n")
    explorer: Explorer[int] = Explorer(solver, ((n >= 0).literal,))

    def code() -> int:
        if n >= 10:
            return 1 if n >= 5 else 2
        return 3 if n >= 10 else 4

    found = sorted(path.result or 0 for path in explorer.paths(code))
    assert found == [1, 4]
    assert solver.queries == 2  # for the first question alone, both answers of it


@pytest.mark.parametrize("ask", [lambda n, m: n >= 10, lambda n, m: n == 3, lambda n, m: n != m, lambda n, m: n < m])
def test_a_number_of_which_nothing_is_known_can_be_anything(ask: Callable[[Any, Any], Any]) -> None:
    solver, n, m = Solver(), variable("n"), variable("m")
    explorer: Explorer[bool] = Explorer(solver, ((m >= 0).literal, (m <= 5).literal))
    found = list(explorer.paths(lambda: bool(ask(n, m))))
    assert sorted(path.result for path in found if path.result is not None) == [False, True]
    assert solver.queries == 0
    for path in found:
        assert solver.satisfiable((*explorer.given, *path.literals))


@pytest.mark.parametrize(
    "said", [lambda n, m: n // 8 <= 2, lambda n, m: n <= 5, lambda n, m: 2 * n == m, lambda n, m: n - m // 3 <= 0]
)
def test_a_number_that_was_mentioned_cannot(said: Callable[[Any, Any], Any]) -> None:
    """In a quotient, too."""
    n, m = variable("n"), variable("m")
    explorer: Explorer[bool] = Explorer(Solver(), (said(n, m).literal, (m <= 9).literal))
    assert [path.result for path in explorer.paths(lambda: bool(n >= 100))] == [False]


def test_a_quotient_of_what_was_mentioned_is_not_free() -> None:
    n = variable("n")
    explorer: Explorer[bool] = Explorer(Solver(), ((n >= 0).literal, (n <= 7).literal))
    assert [path.result for path in explorer.paths(lambda: bool(n // 8 == 0))] == [True]


def test_rejects_a_state_whose_field_has_the_name_of_the_calls_size() -> None:
    @dataclass(frozen=True)
    class State:
        n: int

    class Clash(Loop):
        def start(self, call: Call) -> State:
            return State(call.n)

        def turn(self, call: Call, state: State, kernel: Kernel) -> State | End:
            return State(state.n - 1) if state.n > 0 else DONE

    with pytest.raises(Misuse, match="the state is called n,"):
        explore_loop(Clash(), symbolic_call(False), "", Solver(), False)


@pytest.mark.parametrize("part", ["ghost", "memory", "gfp", "mask"])
def test_rejects_a_state_whose_part_has_a_name_of_the_proofs_own(part: str) -> None:
    """A loop of a user's kept its own count where the claim kept one, and was believed to hand out every page."""
    inner = make_dataclass("Inner", ["granted"], frozen=True)
    state_of = make_dataclass("State", ["count", part], frozen=True)

    class Clash(Loop):
        def start(self, call: Call) -> Any:
            return state_of(call.n, inner(0))

        def turn(self, call: Call, state: Any, kernel: Kernel) -> Any:
            return state_of(state.count - 1, getattr(state, part)) if state.count > 0 else DONE

    with pytest.raises(Misuse, match=rf"the state is called {part}\.granted,"):
        explore_loop(Clash(), symbolic_call(False), "", Solver(), False)


def test_an_exact_multiple_is_divided_without_a_new_variable() -> None:
    n = variable("n")
    assert repr((n * 4096) >> 12) == repr(n)
    assert repr((n * 4 + 7) // 4) == repr(n + 1)
    assert repr((n * 4 - 1) // 4) == repr(n - 1)
