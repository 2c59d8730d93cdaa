"""The engine's word against something else's: another solver, real turns, and proofs that must not go through."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Self

import cvc5
import pytest
from cvc5 import Kind

from model.events import DONE, Attempt, Back, End, Event
from model.gfp import NAMES
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import Filling, Patched
from proofs.engine import prove as proving
from proofs.engine import sampling
from proofs.engine import shape as shapes
from proofs.engine.coverage import Values
from proofs.engine.environment import Unwatched
from proofs.engine.explorer import Explorer
from proofs.engine.finders import FINDERS
from proofs.engine.invariants import hypotheses
from proofs.engine.literals import Literal, definition
from proofs.engine.paths import explore_loop
from proofs.engine.prove import Prover
from proofs.engine.solver import Solver
from proofs.engine.symbols import Int
from proofs.engine.system import CONSTANTS, Location, System, Transition, symbolic_call
from proofs.engine.verdict import Answer, Obligation
from proofs.engine.words import Word
from spec.claims import CLAIMS, NO_PAGE_TWICE, Claim, Part
from spec.monitor import Monitor, require
from spec.targets import TARGETS, Target
from tests.crashing import with_turn


@cache
def answers(target: str) -> dict[str, Answer]:
    prover = Prover(TARGETS[target], obligations=True)
    return {name: prover.prove(name) for name in CLAIMS}


def obligations(target: str) -> list[Obligation]:
    found = (o for answer in answers(target).values() for o in answer.obligations)
    return list(dict.fromkeys(found))


class Second:
    """cvc5 behind the same question, its terms built here and not by the engine."""

    def __init__(self) -> None:
        self.terms = cvc5.TermManager()
        self.solver = cvc5.Solver(self.terms)
        self.solver.setLogic("QF_LIA")
        self.solver.setOption("incremental", "true")
        self.solver.setOption("produce-models", "true")
        self.solver.setOption("rlimit-per", "2000000")
        self.variables: dict[str, Any] = {}
        self.literals: dict[Literal, Any] = {}

    def can(self, literals: tuple[Literal, ...], also: list[Any]) -> bool:
        """Return whether all of them can hold together, with the meaning of every quotient."""
        self.solver.push()
        held = [*map(self.literal, literals), *also]
        for name in list(self.variables):
            held += map(self.literal, definition(name))
        for term in held:
            self.solver.assertFormula(term)
        result = self.solver.checkSat()
        assert not result.isUnknown(), "cvc5 gave up"
        self.values = {}
        if result.isSat():
            for name, term in self.variables.items():
                value = self.solver.getValue(term)
                self.values[name] = int(value.getBooleanValue() if value.isBooleanValue() else value.getIntegerValue())
        self.solver.pop()
        return bool(result.isSat())

    def neither(self, conjunctions: tuple[tuple[Literal, ...], ...]) -> list[Any]:
        return [self.not_all(literals) for literals in conjunctions]

    def not_all(self, literals: tuple[Literal, ...]) -> Any:
        terms = [self.literal(literal).notTerm() for literal in literals]
        return terms[0] if len(terms) == 1 else self.terms.mkTerm(Kind.OR, *terms) if terms else self.terms.mkFalse()

    def literal(self, literal: Literal) -> Any:
        if literal not in self.literals:
            self.literals[literal] = self._built(literal)
        return self.literals[literal]

    def _built(self, literal: Literal) -> Any:
        make, number = self.terms.mkTerm, self.terms.mkInteger
        if literal.kind in ("yes", "no"):
            flag = self._variable(literal.terms[0][0], self.terms.getBooleanSort())
            return flag if literal.kind == "yes" else flag.notTerm()
        form = number(literal.constant)
        for name, factor in literal.terms:
            one = self._variable(name, self.terms.getIntegerSort())
            form = make(Kind.ADD, form, make(Kind.MULT, number(factor), one))
        if literal.kind == "le":
            return make(Kind.LEQ, form, number(0))
        if literal.kind in ("div", "ndiv"):
            form = make(Kind.INTS_MODULUS, form, number(literal.modulus))
        equal = make(Kind.EQUAL, form, number(0))
        return equal if literal.kind in ("eq", "div") else equal.notTerm()

    def _variable(self, name: str, sort: Any) -> Any:
        if name not in self.variables:
            self.variables[name] = self.terms.mkConst(sort, f"v{len(self.variables)}")
        return self.variables[name]


def batches(target: str) -> Iterator[tuple[Second, Obligation]]:
    """Yield each obligation with a second solver, which is shared by a few: a new one knows no variables."""
    for at, obligation in enumerate(obligations(target)):
        if at % 50 == 0:
            second = Second()
        yield second, obligation


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_another_solver_agrees_on_every_obligation(target: str) -> None:
    assert len(obligations(target)) > 50
    for second, obligation in batches(target):
        wrong = second.neither(obligation.cases)
        if obligation.goals:
            wrong.append(second.not_all(obligation.goals))
        assert not second.can(obligation.given, wrong), obligation.name


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_another_solver_agrees_that_every_goal_is_needed(target: str) -> None:
    empty = []
    for second, obligation in batches(target):
        if not (obligation.cases or obligation.goals):
            continue
        if not second.can(obligation.given, []):
            empty.append(obligation.name)
            continue
        values = Values(second.values)
        assert all(literal.holds(values) for literal in obligation.given)
        assert all(goal.holds(values) for goal in obligation.goals)
        if obligation.cases:
            assert any(all(literal.holds(values) for literal in case) for case in obligation.cases)
    assert not empty, f"{len(empty)} obligations hold because nothing satisfies what is given, as {empty[0]}"


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_small_numbers_violate_no_obligation(target: str) -> None:
    random = Random(4)
    satisfied = 0
    for obligation in obligations(target):
        names = {v for literal in (*obligation.given, *obligation.goals) for v, _ in literal.terms}
        names |= {v for case in obligation.cases for literal in case for v, _ in literal.terms}
        for _ in range(60):
            values = Values({name: random.randrange(2) for name in names if not name.startswith("div(")})
            size = random.choice((1, 2, 17, 40, 600, 2000))
            for name in values:
                if name not in ("gfp.other",) and not name.startswith(("gfp.", "granted!", "null!")):
                    values[name] = random.randrange(size)
            if "n" in values and "count" in values:  # else hardly any of them is a state
                values["i"] = min(values.get("i", 0), values["n"])
                values["count"] = values["n"] - values["i"]
            if not all(literal.holds(values) for literal in obligation.given):
                continue
            satisfied += 1
            assert all(goal.holds(values) for goal in obligation.goals), obligation.name
            if obligation.cases:
                assert any(all(literal.holds(values) for literal in case) for case in obligation.cases), obligation.name
            assert obligation.goals or obligation.cases, f"{obligation.name}: it happens"
    assert satisfied > 200


# -- the symbolic reading of a turn against the concrete one


def located(target: Target, system: System) -> Iterator[tuple[Call, Location, dict[str, int], sampling.Pass]]:
    """Yield where real runs stand before each turn, and the turn."""
    for seed in (1, 7) if not target.int_only else (1,):
        for run in sampling.sample_runs(target.loop, target.single_pages, seed=seed):
            for step in run.passes:
                shape, data = shapes.take_apart(step.before, system.promoted, constants=CONSTANTS)
                view, _ = shapes.take_apart(Unwatched(), system.promoted, "memory", CONSTANTS)
                yield run.call, Location(shape, view), data | {"n": run.call.n}, step


@pytest.mark.parametrize("name", TARGETS)
def test_a_real_turn_is_on_one_path_and_ends_where_the_path_says(name: str) -> None:
    target = TARGETS[name]
    solver = Solver()
    system = explore_loop(target.loop, symbolic_call(target.single_pages), "", solver, target.int_only)
    by_source: dict[Location | None, list[Transition]] = {}
    for transition in system.transitions:
        by_source.setdefault(transition.source, []).append(transition)
    compared = 0
    for call, location, data, step in located(target, system):
        values = turn_values(call, data, step)
        here = [t for t in by_source[location] if all(literal.holds(values) for literal in t.literals)]
        # a read of unwatched memory may be anything: which frame it gave is not among the events' attempts
        assert len(here) == 1, (call, location, data)
        ends(here[0], system, values, step)
        compared += 1
    assert compared > 100


def turn_values(call: Call, data: dict[str, int], step: sampling.Pass) -> Values:
    values = Values(data)
    for name in (*NAMES, "other"):
        values[f"gfp.{name}"] = int(getattr(call.gfp, name))
    answered: list[int | None] = [event.frame for event in step.events if isinstance(event, Attempt)]
    if isinstance(step.before, Unwinding):
        answered = [event.frame for event in step.events if not isinstance(event, End | Back)]  # type: ignore[union-attr]  # a rollback only frees
    for at, frame in enumerate(answered, 1):
        values[f"granted!{at}"] = int(frame is not None)
        values[f"null!{at}"] = int(frame is None)
        values[f"frame!{at}"] = frame or 0
    return values


def ends(transition: Transition, system: System, values: Values, step: sampling.Pass) -> None:
    """Compare the state and the events at the end of the path with the real ones."""
    assert not transition.wrong
    if isinstance(step.after, End):
        assert transition.target is None
    else:
        assert transition.target is not None
        shape, data = shapes.take_apart(step.after, system.promoted, constants=CONSTANTS)
        assert transition.target.loop == shape
        assert {name: concrete(value, values) for name, value in transition.post.items()} == data
    assert [kind(event) for event in transition.events] == [kind(event) for event in step.events]
    for symbolic, real in zip(transition.events, step.events, strict=True):
        for field in dataclasses.fields(real):
            if field.name != "gfp":
                assert concrete(getattr(symbolic, field.name), values) == getattr(real, field.name)


def kind(event: Event) -> str:
    return type(event).__name__


def concrete(value: Any, values: Values) -> Any:
    return value.value(values) if isinstance(value, Int) else value


# -- what must not be PROVED


def test_without_the_assumption_that_no_page_comes_twice_the_rollback_is_not_proved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert NO_PAGE_TWICE in answers("patched")["rollback-exact"].assumptions
    original = Explorer.assume

    def assume(self: Explorer[Any], name: str, truth: object) -> None:
        if name != NO_PAGE_TWICE:
            original(self, name, truth)

    monkeypatch.setattr(Explorer, "assume", assume)
    for finder in set(FINDERS) - {"breadth-first"}:  # they would take their time over what no real run does
        monkeypatch.setitem(FINDERS, finder, lambda _: None)
    monkeypatch.setattr(proving, "excludes", lambda *_: True)  # its own check of the same thing comes later
    answer = Prover(TARGETS["patched"]).prove("rollback-exact")
    assert answer.word is Word.UNKNOWN
    assert "counterexample to induction" in answer.reason


def test_an_assumption_that_is_never_used_is_vacuous(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "excludes", lambda *_: False)
    answer = Prover(TARGETS["patched"]).prove("rollback-exact")
    assert answer.word is Word.VACUOUS
    assert NO_PAGE_TWICE in answer.reason


@dataclass(frozen=True)
class NeverStated(Monitor):
    """Requires something of a frame that no run is given."""

    def step(self, event: Event) -> Self:
        """Judge a grant of a negative frame."""
        if isinstance(event, Attempt) and event.frame is not None and event.frame < 0:
            require(event.order >= 0, "a negative order")
        return self


@dataclass(frozen=True)
class SizesOfManyBits(Monitor):
    """Requires something that runs reach, but none of those that are true of it."""

    def step(self, event: Event) -> Self:
        """Judge the end."""
        if isinstance(event, End):
            require(self.n >= 0, "a size is negative")
        return self


def claim(monitor: type[Monitor]) -> Claim:
    return Claim("toy", "a toy", "ours", (Part(monitor),))


def test_a_claim_whose_requirement_no_run_reaches_is_vacuous() -> None:
    answer = Prover(TARGETS["patched"]).prove_claim(claim(NeverStated))
    assert answer.word is Word.VACUOUS
    assert "put" in answer.reason
    assert Prover(TARGETS["patched"]).prove_claim(claim(SizesOfManyBits)).word is Word.PROVED


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_what_paths_were_read_under_is_an_obligation_of_its_own(target: str) -> None:
    ground = Prover(TARGETS[target]).ground
    for kind in ("", "frame"):
        base = ground.base(kind)
        told = {o.given: o.goals for o in base.obligations if "read under" in o.name}
        assert all(told.values())  # none without a goal: it would claim that no run comes there
        for location, facts in base.system.supposed.items():
            if base.invariants[location].reached:
                proved = base.invariants.proved.get(location, ())
                shown = told.get(hypotheses(base.system, base.invariants, location), ())
                assert {*facts} == {*proved, *shown}
        assert kind or any(told.values())


class AsksWhatObject(Patched):
    """Asks what object a truth value is: a symbol is no value's object."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass; end with 4 to 6 pages left."""
        if (3 < state.count < 7) is True:
            return DONE
        return super().turn(call, state, kernel)


class AsksWhatText(Patched):
    """Asks for an order too large where a number is written with a 5."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass."""
        if "5" in repr(state.count):
            kernel.alloc_pages(call.gfp, 11)
        return super().turn(call, state, kernel)


class AsksWhatItHas(Patched):
    """Asks for an order too large where a number of a size that no sampled run has knows what ints know."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass."""
        if state.count > 1_000_000:
            with suppress(AttributeError):
                kernel.alloc_pages(call.gfp, 11 * state.count.denominator)
        return super().turn(call, state, kernel)


@pytest.mark.parametrize(
    "loop", [AsksWhatObject(), AsksWhatText(), AsksWhatItHas()], ids=["object", "text", "attribute"]
)
def test_what_a_real_turn_does_otherwise_than_it_was_read_is_unsupported(loop: Loop) -> None:
    for name in ("page-total", "orders-deliverable", "terminates"):
        answer = Prover(with_turn("asks", loop)).prove(name)
        assert answer.word is Word.UNSUPPORTED
        assert "does not do for a symbol what it does for numbers: from Filling(" in answer.reason


class DeadBranch(Patched):
    """Has a branch that the invariants allow and no run takes: frames are not negative, which no proof knows."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass; end at a frame that no allocator gives."""
        after = super().turn(call, state, kernel)
        for event in kernel.events:
            if isinstance(event, Attempt) and event.frame is not None and event.frame == -5:
                return DONE
        return after


def test_a_branch_that_no_run_takes_is_vacuous() -> None:
    answer = Prover(with_turn("dead branch", DeadBranch())).prove("orders-from-array")
    assert answer.word is Word.VACUOUS
    assert "no run was found that takes" in answer.reason
