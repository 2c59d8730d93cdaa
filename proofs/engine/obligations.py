"""What has to be shown of a loop's paths, and whether it is."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace

from proofs.engine import invariants as inv
from proofs.engine.environment import NO_PAGE_TWICE
from proofs.engine.literals import FALSE, Literal
from proofs.engine.shape import field_names
from proofs.engine.solver import Solver
from proofs.engine.symbols import variable
from proofs.engine.system import System, Transition, literals_of
from proofs.engine.told import Told
from proofs.engine.verdict import Obligation


def inductive(system: System, elements: inv.Invariants) -> Iterable[Obligation]:
    """Yield that each path, from where the invariants hold, comes to where they hold again."""
    for at, transition in enumerate(system.transitions):
        source, target = transition.source, transition.target
        if target is None or not elements.come_to(source):
            continue
        given = (*inv.hypotheses(system, elements, source), *transition.literals)
        where = source or "the start"
        if elements[target].reached:
            goals = tuple(inv.goals(transition, elements[target]))
            if goals:
                yield Obligation(f"path {at} from {where} keeps what holds at {target}", given, goals)
        else:
            yield Obligation(f"path {at} from {where} to {target} is never taken", given, ())


def kept(system: System, elements: inv.Invariants) -> Iterable[Obligation]:
    """Yield that no path which breaks the claim is ever taken."""
    for at, transition in enumerate(system.transitions):
        source = transition.source
        if transition.wrong and elements.come_to(source):
            given = (*inv.hypotheses(system, elements, source), *transition.literals)
            yield Obligation(f"path {at} from {source or 'the start'} never happens: {transition.wrong}", given, ())


def leaves_room(system: System, elements: inv.Invariants, solver: Solver, sure: Collection[int]) -> list[bool]:
    """Return for each path whether the invariants leave room for it. Those that are ``sure`` to be taken are not asked
    about, nor those that an assumption rules out."""
    room = [False] * len(system.transitions)
    for source, transitions in system.by_source().items():
        if not elements.come_to(source):
            continue
        assumed = inv.hypotheses(system, elements, source)
        solver.push(assumed)
        told = Told(assumed)
        for at, transition in transitions:
            room[at] = at in sure or transition.excluded != "" or _can(transition, told, solver)
        solver.pop()
    return room


def possible(
    system: System, elements: inv.Invariants, room: Sequence[bool], unmet: Collection[int]
) -> tuple[System, list[Obligation]]:
    """Return the system without the paths that the invariants leave no ``room`` for, and that they do not; nor those
    that are ``unmet``, which is shown already."""
    going, never = list[Transition](), list[Obligation]()
    for at, transition in enumerate(system.transitions):
        source = transition.source
        if at in unmet:
            continue
        if room[at]:
            going.append(transition)
        elif elements.come_to(source):
            given = (*inv.hypotheses(system, elements, source), *transition.literals)
            never.append(Obligation(f"path {at} from {source or 'the start'} is never taken", given, ()))
    return replace(system, transitions=going), never


def never_met(
    system: System, elements: inv.Invariants, solver: Solver, paths: Iterable[int]
) -> tuple[list[int], list[Obligation]]:
    """Return those of the ``paths`` whose condition no state meets, by induction on the turns: none comes to such a
    state but from another such. That a condition fails is an either-or, and no invariant of the usual form."""
    unmet = list(paths)
    while True:
        shown_of = {at: list(_comes_to(system, elements, at, unmet)) for at in unmet}
        met = {at for at, steps in shown_of.items() if not all(shown(solver, step) for step in steps)}
        if not met:
            return unmet, [step for steps in shown_of.values() for step in steps]
        unmet = [at for at in unmet if at not in met]


def _comes_to(system: System, elements: inv.Invariants, at: int, unmet: Iterable[int]) -> Iterable[Obligation]:
    """Yield that each step to the condition of a path begins in a state that meets that of one of the ``unmet``."""
    place, condition = system.transitions[at].source, _condition(system, at)
    for number, step in enumerate(system.transitions):
        if step.target != place or not elements.come_to(step.source):
            continue
        after = [step.before(literal) for literal in condition]
        if FALSE not in after:
            before = (*inv.hypotheses(system, elements, step.source), *step.literals)
            others = (other for other in unmet if system.transitions[other].source == step.source is not None)
            name = f"path {number} from {step.source or 'the start'} does not bring about path {at}"
            given = (*before, *(literal for literal in after if literal is not None))
            yield Obligation(name, given, (), tuple(_condition(system, other) for other in others))


def _condition(system: System, at: int) -> tuple[Literal, ...]:
    """Return what a path asks of the state and of the call, before it asks anybody else."""
    path = system.transitions[at]
    assert path.source is not None
    known = {*field_names(path.source.loop), *field_names(path.source.view), "n"}
    literals = (one for one in path.literals if inv.asks_the_caller(one) or known.issuperset(v for v, _ in one.terms))
    return tuple(literals)


def cases(transitions: Iterable[Transition]) -> tuple[tuple[Literal, ...], ...]:
    """Return the conditions of the paths, each part of an assumption's failure among them."""
    found: list[tuple[Literal, ...]] = []
    for transition in transitions:
        found.append(transition.literals)
        for at, _ in transition.assumed:  # where an assumption fails, nothing is claimed
            found.append((*transition.literals[:at], transition.literals[at].negated()))
    return tuple(dict.fromkeys(found))


def told_apart(obligations: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Return the obligations, a path that the invariants never let be taken claimed to be just that: so what is given
    without a goal can hold, and no claim is shown of nothing."""
    solver = Solver()
    found = []
    for obligation in obligations:
        if obligation.goals and not solver.satisfiable(obligation.given):
            name = obligation.name.replace(" keeps ", " is never taken, nor bears on ")
            found.append(Obligation(name, obligation.given, ()))
        else:
            found.append(obligation)
    return tuple(found)


def shown(solver: Solver, obligation: Obligation) -> bool:
    """Return whether the solver finds what is given to imply the obligation's goals, or its cases to cover it."""
    solver.push(obligation.given)
    solver.assume_not_all(obligation.cases)
    if obligation.goals:
        solver.assume_any([goal.negated() for goal in obligation.goals])
    try:
        return not solver.check()
    finally:
        solver.pop()


def violated(system: System, elements: inv.Invariants, solver: Solver) -> bool:
    """Return whether the invariants leave room for a path that breaks the claim."""
    with closing(violations(system, elements, solver)) as some:
        return next(some, None) is not None


def violations(system: System, elements: inv.Invariants, solver: Solver) -> Generator[Transition, None, None]:
    """Yield the paths that break the claim and that the invariants leave room for; a scope of the solver is open
    meanwhile."""
    for source, transitions in system.by_source().items():
        wrong = [t for _, t in transitions if t.wrong]
        if not wrong or not elements.come_to(source):
            continue
        assumed = inv.hypotheses(system, elements, source)
        solver.push(assumed)
        told = Told(assumed)
        try:
            yield from (t for t in wrong if _can(t, told, solver))
        finally:
            solver.pop()


def _can(transition: Transition, told: Told, solver: Solver) -> bool:
    """Return whether a path can be taken where the literals that were ``told``, to the solver too, hold."""
    return not told.excludes(transition.literals) and solver.satisfiable(transition.literals)


def least_n(solver: Solver, system: System, elements: inv.Invariants, broken: Iterable[Transition]) -> int:
    """Return a size below which no violation is possible: what the invariants leave room for."""
    n = variable("n")
    least = 1 << 32

    def some_n(most: int) -> int | None:
        values = solver.values(("n",), literals_of(n <= most))
        return None if values is None else values.get("n", 0)

    for transition in broken:
        solver.push((*inv.hypotheses(system, elements, transition.source), *transition.literals))
        low, high = 0, some_n(least - 1)
        while high is not None and low < high:
            middle = (low + high) // 2
            smaller = some_n(middle)
            low, high = (middle + 1, high) if smaller is None else (low, smaller)
        least = least if high is None else high
        solver.pop()
    return 0 if least == 1 << 32 else least


def excludes(system: System, elements: inv.Invariants, solver: Solver) -> bool:
    """Return whether the assumption that no page comes twice rules out a path that could be taken without it."""
    return any(
        transition.excluded == NO_PAGE_TWICE
        and transition.source is not None
        and elements[transition.source].reached
        and solver.satisfiable((*inv.hypotheses(system, elements, transition.source), *transition.literals))
        for transition in system.transitions
    )
