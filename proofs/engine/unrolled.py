"""A loop and a claim's monitor, unrolled for a few turns: the solver chooses the size, the answers and the path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3

from model.events import Attempt
from model.gfp import NAMES, Gfp
from model.loop import Loop
from proofs.engine.literals import Literal, Terms, definition
from proofs.engine.paths import explore_loop, watch_system
from proofs.engine.solver import Solver
from proofs.engine.symbols import Int, variable
from proofs.engine.system import Location, System, Transition, domain, symbolic_call
from spec.monitor import Matter, Monitor

MOST_TURNS = 10
RESOURCES = 20_000_000  # of z3's own count, for each number of turns
ONCE = ("n", "watch", "gfp.")  # names that mean the same in every turn

Found = tuple[int, Gfp, list[bool]]  # size, flags of the caller, answers


def unrolled(
    loop: Loop, claim: str, monitor: type[Monitor], matter: Matter, least: int, most: int | None
) -> Iterator[Found]:
    """Yield runs that break the claim as the solver sees it, those of fewest turns first, each of its smallest size.

    Such a run need not be real: what the engine guesses of memory is in it. Raises what exploring the loop raises.
    """
    call, solver = symbolic_call(matter.call.single_pages), Solver()
    watch: Any = variable("watch")
    system = explore_loop(loop, call, "frame" if monitor.watches == "frame" else "", solver, False, most)
    if all(t.crash != claim for t in system.transitions):
        system.given = domain(call, monitor.watches, False, most)
        system = watch_system(system, monitor, Matter(call, matter.orders, matter.max_order, watch), solver)
    unrolling = Unrolling(system)
    unrolling.solver.add(z3.Int("n") >= least)
    for turns in range(MOST_TURNS + 1):
        found = unrolling.violation(turns, claim)
        if found is not None:
            yield found
        unrolling.step(turns)


class Unrolling:
    """The paths of one turn after the other, and the solver that is told of them."""

    def __init__(self, system: System) -> None:
        self.leaving: dict[Location | None, list[tuple[int, Transition]]] = system.by_source()
        self.numbers = {place: at for at, place in enumerate(self.leaving)}
        self.here: set[Location | None] = {None}  # where the run can stand
        self.solver = z3.SolverFor("QF_LIA")
        self.solver.set("rlimit", RESOURCES)
        self.solver.add(z3.Int("at!0") == self.numbers[None], *(self._literal(one, 0) for one in system.given))

    def violation(self, turns: int, claim: str) -> Found | None:
        """Return a run that breaks the claim in its next turn, None where there is none or the solver gives up."""
        wrong = [t for place in self.here for _, t in self.leaving.get(place, ()) if _breaks(t, claim)]
        self.solver.push()
        self.solver.add(z3.Or([z3.And(self._taken(t, turns)) for t in wrong]))
        found, low = None, 0
        if self.solver.check() == z3.sat:
            found = self._told(self.solver.model(), turns, claim)
        while found is not None and low < found[0]:  # a smaller size?
            middle = (low + found[0]) // 2
            if self.solver.check(z3.Int("n") <= middle) == z3.sat:
                found = self._told(self.solver.model(), turns, claim)
            else:
                low = middle + 1
        self.solver.pop()
        return found

    def step(self, turns: int) -> None:
        """Let the run take one turn more."""
        going = [t for place in self.here for _, t in self.leaving.get(place, ()) if t.target in self.numbers]
        self.solver.add(z3.Or([z3.And(self._taken(t, turns)) for t in going]))
        self.here = {t.target for t in going}

    def _taken(self, transition: Transition, turn: int) -> list[Any]:
        """Return what holds where ``transition`` is taken in that turn."""
        holds = [z3.Int(f"at!{turn}") == self.numbers[transition.source]]
        holds += [self._literal(literal, turn) for literal in transition.literals]
        if transition.target in self.numbers:
            holds.append(z3.Int(f"at!{turn + 1}") == self.numbers[transition.target])
            for name, value in transition.post.items():
                after = self._form(value.terms, value.constant, turn) if isinstance(value, Int) else z3.IntVal(value)
                holds.append(self._variable(name, turn + 1) == after)
        return holds

    def _told(self, model: z3.ModelRef, turns: int, claim: str) -> Found:
        """Return the run of a model."""
        answers = []
        for turn in range(turns + 1):
            place = model.eval(z3.Int(f"at!{turn}"), True).as_long()
            after = model.eval(z3.Int(f"at!{turn + 1}"), True).as_long()
            for source, transitions in self.leaving.items():
                for _, t in transitions if self.numbers[source] == place else ():
                    ends = _breaks(t, claim) if turn == turns else self.numbers.get(t.target) == after
                    if ends and all(z3.is_true(model.eval(held, True)) for held in self._taken(t, turn)):
                        answers += [event.granted for event in t.events if isinstance(event, Attempt)]
                        break
        flags = {name: z3.is_true(model.eval(z3.Bool(f"gfp.{name}"), True)) for name in NAMES}
        return model.eval(z3.Int("n"), True).as_long(), Gfp(**flags), answers

    def _variable(self, name: str, turn: int) -> Any:
        if meant := definition(name):  # a quotient: the floor of its term by its modulus
            low = meant[1]  # "term - modulus * q - modulus + 1 <= 0"
            modulus = -dict(low.terms)[name]
            term = tuple((v, c) for v, c in low.terms if v != name)
            return self._form(term, low.constant + modulus - 1, turn) / modulus
        return z3.Int(name if name.startswith(ONCE) else f"{name}@{turn}")

    def _form(self, terms: Terms, constant: int, turn: int) -> Any:
        return z3.Sum([*(coefficient * self._variable(name, turn) for name, coefficient in terms), z3.IntVal(constant)])

    def _literal(self, literal: Literal, turn: int) -> Any:
        if literal.kind in ("yes", "no"):
            name = literal.terms[0][0]
            truth = z3.Bool(name if name.startswith(ONCE) else f"{name}@{turn}")
            return truth if literal.kind == "yes" else z3.Not(truth)
        form = self._form(literal.terms, literal.constant, turn)
        if literal.kind == "le":
            return form <= 0
        equal = (form if literal.kind in ("eq", "ne") else form % literal.modulus) == 0
        return equal if literal.kind in ("eq", "div") else z3.Not(equal)


def _breaks(transition: Transition, claim: str) -> bool:
    return transition.crash == claim if transition.crash else bool(transition.wrong)
