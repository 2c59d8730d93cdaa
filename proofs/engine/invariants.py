"""Supporting invariants: the strongest inductive ones of a fixed form, found from below.

At each location: the integer lattice of the states (equalities, congruences), and bounds on fields, on differences of
fields and on the forms that the program itself compares. They begin as exactly what some runs show; a step that leaves
them yields a state, the state is joined, and so on until no step leaves them: what is left is inductive, and proved so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from proofs.engine import shape as shapes
from proofs.engine.element import FORMS, Element
from proofs.engine.literals import FALSE, Literal, Terms, definition, evaluate, negative
from proofs.engine.solver import Solver
from proofs.engine.system import Location, System, Transition
from proofs.engine.told import Told

MOST_ROUNDS = 4_000  # joins of a counterexample; the patched loop needs some dozens, one with any mask of orders 2,100
MOST_POINTS = 40  # of the sampled ones, at one location: the rest hardly add to a guess
SMALL = tuple(range(-3, 4))  # what a bound may weaken to besides the program's own constants


class NoFixpoint(Exception):
    """The guesses did not settle."""


Samples = dict[Location, list[dict[str, int]]]  # states that real runs reached
Proved = Mapping[Location, tuple[Literal, ...]]  # by the location of the loop alone


class Invariants(dict[Location, Element]):
    """What is supposed to hold at each location, and beneath it what is proved already."""

    def __init__(self, elements: Mapping[Location, Element], proved: Proved) -> None:
        super().__init__(elements)
        self.proved = proved

    def come_to(self, source: Location | None) -> bool:
        """Return whether a turn may begin there, or the call."""
        return source is None or self[source].reached


def landmarks_of(
    system: System, parameters: Iterable[str], wanted: str, settled: Collection[str] = ()
) -> dict[Terms, set[int]]:
    """Return the forms that bounds are kept on, each with the constants that a bound may weaken to; of those variables
    that are ``settled`` alone there are bounds already."""
    names = sorted({name for location in system.locations() for name in _fields(location)} | set(parameters))
    marks: dict[Terms, set[int]] = {}
    fixed = set(parameters)
    if wanted in FORMS[3:]:
        marks = {((name, 1),): set(SMALL) for name in names}
        for one, other in combinations(names, 2):
            if not (one in fixed and other in fixed):
                marks[((one, 1), (other, -1))] = set(SMALL)
    if wanted == FORMS[4]:
        for one, other in combinations((name for name in names if name not in fixed), 2):
            marks[(*sorted(((one, 1), (other, 1), ("n", -1))),)] = set(SMALL)
    known = set(names)
    for transition in system.transitions:
        for literal in transition.literals:
            if literal.kind in ("le", "eq", "ne") and literal.terms and all(v in known for v, _ in literal.terms):
                form, constant = literal.terms, literal.constant
                if form[0][1] < 0:
                    form, constant = negative(form), -constant
                marks.setdefault(form, {0, 1}).update((-constant - 1, -constant, -constant + 1))
                for ghost in (name for name, _ in form if name.startswith("ghost.")):
                    for other in names:  # what a claim counts is best held against what the loop counts
                        if not other.startswith("ghost.") and other not in fixed:
                            marks.setdefault(((ghost, 1), (other, -1)), set(SMALL))
    return {form: constants for form, constants in marks.items() if not all(v in settled for v, _ in form)}


def guess(
    system: System,
    parameters: tuple[str, ...],
    samples: Samples,
    supporting: Proved,
    form: str = FORMS[3],
    settled: Collection[str] = (),
) -> Invariants:
    """Return what the samples show at each location: it need not hold of other states.

    supporting: what is proved already, by the location of the loop alone; settled: variables whose bounds among
    themselves are in ``supporting``.
    """
    marks = landmarks_of(system, parameters, form, settled) if form in FORMS[2:] else {}
    asked = asked_of_the_call(system, supporting)
    found = {loc: Element((*_fields(loc), *parameters), marks, form, asked[loc]) for loc in system.locations()}
    for location, states in samples.items():
        if location in found:
            found[location].see(states[:MOST_POINTS])
    return Invariants(found, supporting)


def settle(system: System, elements: Invariants, solver: Solver) -> Invariants:
    """Return the strongest inductive invariants of the system that are no stronger than the guess: what is supposed at
    each location weakens until no step leaves it. Raises NoFixpoint, SolverUnknown."""
    leaving: dict[Location | None, list[tuple[int, Transition]]] = {}
    for at, transition in enumerate(system.transitions):
        if transition.target is not None:
            leaving.setdefault(transition.source, []).append((at, transition))
    shown: dict[int, object] = {}  # transition: what was assumed and claimed when no step left the claim
    rounds = 0
    while True:
        at_rest = True
        for source, transitions in leaving.items():
            if not elements.come_to(source):
                continue
            assumed = hypotheses(system, elements, source)
            stale = [t for t in transitions if shown.get(t[0]) != (assumed, _claimed(elements, t[1]))]
            if not stale:
                continue
            at_rest = False
            solver.push(assumed)
            told = Told(assumed)
            for at, transition in stale:
                assert transition.target is not None
                element = elements[transition.target]
                rounds += close(transition, element, solver, told)
                shown[at] = (assumed, _claimed(elements, transition))
            solver.pop()
            if rounds > MOST_ROUNDS:
                raise NoFixpoint(f"no fixpoint after {MOST_ROUNDS} counterexamples to induction")
        if at_rest:
            return elements


def asked_of_the_call(system: System, supporting: Proved) -> dict[Location, tuple[Literal, ...]]:
    """Return what every path to a location asked of the caller's Booleans, which no turn changes, beyond what is proved
    there already."""
    known: dict[Location | None, frozenset[Literal]] = {None: frozenset()}
    leaving = system.by_source()
    waiting: list[Location | None] = [None]
    while waiting:
        source = waiting.pop()
        for _, transition in leaving.get(source, ()):
            target, asked = transition.target, frozenset(filter(asks_the_caller, transition.literals))
            if target is None or any(literal.negated() in known[source] for literal in asked):
                continue
            told = known[source] | asked
            if target in known:
                told &= known[target]
            if known.get(target) != told:
                known[target] = told
                waiting.append(target)
    proved = {loc: supporting.get(Location(loc.loop, loc.view), ()) for loc in system.locations()}
    return {loc: tuple(sorted(known.get(loc, frozenset()) - {*below}, key=str)) for loc, below in proved.items()}


def asks_the_caller(literal: Literal) -> bool:
    """Return whether a literal is about a flag or an order that the caller passes, which no turn changes."""
    return literal.kind in ("yes", "no") and literal.terms[0][0].startswith(("gfp.", "mask."))


def _claimed(elements: Invariants, transition: Transition) -> tuple[Literal, ...] | None:
    assert transition.target is not None
    element = elements[transition.target]
    return element.literals() if element.reached else None


def hypotheses(system: System, elements: Invariants, source: Location | None) -> tuple[Literal, ...]:
    """Return everything that may be assumed where a turn begins."""
    if source is None:
        return system.given
    below = elements.proved.get(Location(source.loop, source.view), ())
    return (*system.given, *system.given_at.get(source.branch, ()), *below, *elements[source].literals())


def goals(transition: Transition, element: Element) -> list[Literal]:
    """Return what must hold after a transition, over the state before it; what is plainly true is left out.

    Nothing holds where no state was seen yet: falsity is the goal.
    """
    if not element.reached:
        return [FALSE]
    return list(_before(transition, element.literals()))


def _before(transition: Transition, literals: Iterable[Literal]) -> Iterator[Literal]:
    return (goal for goal in map(transition.before, literals) if goal is not None)


def close(transition: Transition, element: Element, solver: Solver, assumed: Told) -> int:
    """Let the element hold every state that the transition reaches. Return how many states it took.

    The solver has been told what is ``assumed``.
    """
    told = Told(transition.literals, assumed)
    wanted = _unshown(goals(transition, element), told)
    if not wanted:
        return 0
    needed = set(element.variables) - transition.post.keys()
    joined = 0

    def join(values: Mapping[str, int]) -> list[Terms]:
        nonlocal joined
        joined += 1
        return element.join({name: _value(transition.post.get(name), name, values) for name in element.variables})

    solver.push(transition.literals)
    for value in transition.post.values():
        for name, _ in getattr(value, "terms", ()):
            solver.assume(definition(name))
            needed.add(name)
    try:
        while wanted:
            solver.assume_not_all([wanted])  # beside what was asked before, which follows: the element only grows
            if not solver.check():
                break
            broken = join(solver.model(needed))
            while far := _unshown(_before(transition, element.far(broken)), told):  # no bound climbs by single steps
                values = solver.values(needed, not_all=far)
                if values is None:
                    break
                join(values)
            wanted = _unshown(goals(transition, element), told)
    finally:
        solver.pop()
    return joined


def _unshown(goals: Iterable[Literal], told: Told) -> list[Literal]:
    return [goal for goal in goals if told.says(goal) is not True]


def _value(post: Any, name: str, values: Mapping[str, int]) -> int:
    if post is None:  # a parameter: what it was
        return values.get(name, 0)
    if isinstance(post, int):
        return post
    return int(evaluate(post.terms, post.constant, {v: values.get(v, 0) for v, _ in post.terms}))


def _fields(location: Location) -> tuple[str, ...]:
    parts = (location.loop, location.view, location.monitor)
    return tuple(name for part in parts if part is not None for name in shapes.field_names(part))
