"""Why a loop ends: a linear measure that every turn lowers and that cannot fall below 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from model.events import Turn
from proofs.engine.invariants import Invariants, Samples, hypotheses
from proofs.engine.solver import Solver
from proofs.engine.symbols import Bool, Int, variable
from proofs.engine.system import Location, System, Transition


@dataclass(frozen=True)
class Ranking:
    """One cycle's measure: ``term``, in which a variable that a location lacks is 0, plus a number that depends on the
    location."""

    term: Int
    numbers: tuple[tuple[Location, int], ...]
    entries: tuple[Int | int, ...]  # the measure where the cycle is entered, over what was before
    passes: bool  # its turns are passes of "while (count)", not of the rollback
    unit: int = 1  # by so much, at least, every turn lowers it: a number of bytes falls by whole pages

    def __str__(self) -> str:
        most = max(number for _, number in self.numbers)
        unit = f" / {self.unit}" if self.unit > 1 else ""
        return repr(self.term)[1:-1] + unit + (f" + {most}..0" if most else "")


def phases(system: System, invariants: Invariants) -> list[list[Location]]:
    """Return the reached locations, those apart whose turns are passes of "while (count)" and those of the rollback."""
    reached = [location for location in system.locations() if invariants[location].reached]
    filling = [loc for loc in reached if any(isinstance(e, Turn) for t in system.leaving(loc) for e in t.events)]
    return [part for part in (filling, [loc for loc in reached if loc not in filling]) if part]


def cycles(system: System, part: list[Location]) -> list[list[Location]]:
    """Return the strongly connected pieces of ``part`` that can be gone round."""
    inside = set(part)
    reach = {loc: {t.target for t in system.leaving(loc) if t.target in inside} for loc in part}
    for _ in part:
        for loc in part:
            reach[loc] |= {far for near in reach[loc] if near is not None for far in reach[near]}
    found: list[list[Location]] = []
    for loc in part:
        if loc in reach[loc] and not any(loc in piece for piece in found):
            found.append([other for other in part if other in reach[loc] and loc in reach[other]])
    return found


def rank(
    system: System, invariants: Invariants, solver: Solver, names: Mapping[Location, tuple[str, ...]], samples: Samples
) -> list[Ranking] | Location:
    """Return one measure for each phase, or where none serves a whole phase one for each of its cycles; or a location
    of a cycle that has none of this form. What is below 0 in a state of the ``samples`` is no measure."""
    rankings: list[Ranking] = []
    for phase in phases(system, invariants):
        whole = _rank_one(system, invariants, solver, phase, names, samples)
        if whole is not None:
            rankings.append(whole)
            continue
        for piece in cycles(system, phase):
            ranking = _rank_one(system, invariants, solver, piece, names, samples)
            if ranking is None:
                return piece[0]
            rankings.append(ranking)
    return rankings


def _rank_one(
    system: System,
    invariants: Invariants,
    solver: Solver,
    part: list[Location],
    names: Mapping[Location, tuple[str, ...]],
    samples: Samples,
) -> Ranking | None:
    common = [name for name in names[part[0]] if all(name in names[loc] for loc in part)]
    some = [name for name in dict.fromkeys(name for loc in part for name in names[loc]) if name not in common]
    tried = (
        _try(system, invariants, solver, part, term, weight, names)
        for weight in dict.fromkeys((1, len(part)))  # where the places count for more than a step of the term
        for term in (*_candidates(common), *(variable("n") - variable(a) - variable(b) for a in common for b in some))
        if all(_at(term, names[loc]).value(state) >= 0 for loc in part for state in samples.get(loc, ()))
    )
    return next((ranking for ranking in tried if ranking is not None), None)


def _candidates(names: list[str]) -> Iterable[Int]:
    n = variable("n")
    yield from (variable(name) for name in names)
    yield from (n - variable(name) for name in names)
    yield from (variable(a) - variable(b) for a in names for b in names if a != b)
    yield from (variable(a) + variable(b) for a in names for b in names if a < b)


def _try(
    system: System,
    invariants: Invariants,
    solver: Solver,
    part: list[Location],
    term: Int,
    weight: int,
    names: Mapping[Location, tuple[str, ...]],
) -> Ranking | None:
    inside = set(part)
    at = {location: _at(term, names[location]) for location in part}
    if any(_stays(at[loc], transition) for loc in part for transition in system.leaving(loc)):
        return None
    falls: list[tuple[Location, Location, int]] = []
    leaves: list[Transition] = []
    for source in part:
        solver.push(hypotheses(system, invariants, source))
        try:
            if _can(solver, at[source] < 0):
                return None
            for transition in system.leaving(source):
                if transition.target in inside:
                    assert transition.target is not None
                    fall = _least_fall(solver, transition, at[source], at[transition.target])
                    if fall is None or fall < 1:  # perhaps the invariants never let the turn go this way
                        if not solver.satisfiable(transition.literals):
                            continue
                        if fall is None:
                            return None
                    falls.append((source, transition.target, fall * weight))
                elif not transition.excluded:
                    leaves.append(transition)
        finally:
            solver.pop()
    at = {location: here * weight for location, here in at.items()}
    numbers = dict.fromkeys(part, 0)
    for _ in range(len(part) + 1):
        for source, target, fall in falls:
            numbers[source] = max(numbers[source], numbers[target] + 1 - fall)
    if any(numbers[source] < numbers[target] + 1 - fall for source, target, fall in falls):
        return None
    unit = max(1, min((fall for *_, fall in falls), default=1))
    passes = False
    for transition in leaves:  # a pass that leaves the cycle takes one too
        assert transition.source is not None
        if any(isinstance(event, Turn) for event in transition.events):
            passes = True
            solver.push((*hypotheses(system, invariants, transition.source), *transition.literals))
            spent = _can(solver, at[transition.source] + numbers[transition.source] < unit)
            solver.pop()
            if spent:
                return None
    passes = passes or any(isinstance(e, Turn) for s in part for t in system.leaving(s) for e in t.events)
    entries = tuple(
        _after(at[transition.target], transition) + numbers[transition.target]
        for transition in system.transitions
        if transition.target in inside and transition.source not in inside
        if invariants.come_to(transition.source)
    )  # fmt: skip
    return Ranking(term * weight, tuple(numbers.items()), entries, passes, unit)


def _stays(term: Int, transition: Transition) -> bool:
    """Return whether a turn that real runs take comes back to where it began and plainly does not lower the term."""
    if transition.source != transition.target or not transition.witnesses:
        return False
    fall = term - _after(term, transition)
    return isinstance(fall, int) and fall < 1


def _at(term: Int, names: Iterable[str]) -> Int:
    """Return the term where only these variables are: any other counts as 0."""
    return Int(tuple((v, c) for v, c in term.terms if v == "n" or v in names), term.constant)


def _after(term: Int, transition: Transition) -> Int | int:
    total: Int | int = term.constant
    for name, coefficient in term.terms:
        value = transition.post.get(name)
        total = total + coefficient * (variable(name) if value is None else value)
    return total


def _least_fall(solver: Solver, transition: Transition, before: Int, after: Int) -> int | None:
    """Return by how much the turn lowers the measure at least: exact where it is a number, else 1, 0, or None."""
    fall = before - _after(after, transition)
    if isinstance(fall, int):
        return fall
    solver.push(transition.literals)
    try:
        return next((least for least in (1, 0) if not _can(solver, fall < least)), None)
    finally:
        solver.pop()


def _can(solver: Solver, truth: object) -> bool:
    if isinstance(truth, Bool):
        return solver.satisfiable((truth.literal,))
    return bool(truth) and solver.check()


def bounded_by(solver: Solver, system: System, invariants: Invariants, ranking: Ranking, spare: int) -> bool:
    """Return whether the cycle is gone round at most n + ``spare`` times."""
    inside = {location for location, _ in ranking.numbers}
    entering = [
        t for t in system.transitions
        if t.target in inside and t.source not in inside and invariants.come_to(t.source)
    ]  # fmt: skip
    for transition, entry in zip(entering, ranking.entries, strict=True):
        solver.push((*hypotheses(system, invariants, transition.source), *transition.literals))
        exceeded = _can(solver, entry > (variable("n") + spare) * ranking.unit)
        solver.pop()
        if exceeded:
            return False
    return True
