"""What is known of a loop, whatever the claim: its paths, its invariants, its sampled runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import combinations
from random import Random
from typing import Any

from model.loop import Call
from proofs.engine import invariants as inv
from proofs.engine import sampling
from proofs.engine import shape as shapes
from proofs.engine.coverage import (
    MOST_SIZE,
    Values,
    check_reading,
    first_turn_takes,
    of_the_call,
    of_the_turn,
    taken_by_no_run,
)
from proofs.engine.element import FORMS, Element
from proofs.engine.environment import VIEWS
from proofs.engine.explorer import TooManyPaths
from proofs.engine.leaps import a_leap_takes
from proofs.engine.literals import Literal, Terms
from proofs.engine.obligations import cases, inductive, least_n, leaves_room, never_met, possible, shown
from proofs.engine.paths import Hint, Hints, explore_loop
from proofs.engine.shape import Data
from proofs.engine.solver import Solver, SolverUnknown
from proofs.engine.system import CONSTANTS, Location, System, Transition, symbolic_call
from proofs.engine.verdict import Answer, Obligation
from proofs.engine.words import Word
from spec.targets import Target

MOST_GUESSES = 5  # of what holds at every turn: each reads the paths anew
MOST_CHECKED = 2  # real turns of one path, of the smallest sizes and of the largest, held against what it says
Facts = Mapping[Any, tuple[Literal, ...]]  # what holds at a turn, by the shape of the loop's own state, or its kind


@dataclass(frozen=True)
class Trace:
    """A sampled run with something watched: where it stood before each turn, and the turn."""

    call: Call
    watch: int
    steps: list[tuple[Location, dict[str, int], sampling.Pass]]


@dataclass
class Base:
    """A loop's paths and invariants, proved once for every claim that watches the same kind of thing."""

    system: System
    possible: System  # without the paths that the invariants leave no room for
    invariants: inv.Invariants
    supporting: dict[Location, tuple[Literal, ...]]
    obligations: tuple[Obligation, ...]
    samples: inv.Samples
    trouble: list[Answer] = field(default_factory=list)  # crashes, and whatever makes a proof empty
    resources: int = 0


class NotSo(Exception):
    """Of what was suggested, some is not so."""

    def __init__(self, wrong: Collection[Literal]) -> None:
        super().__init__("; ".join(map(str, wrong)))
        self.wrong = wrong


class Ground:
    """What one target's proofs stand on."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.call: Call = symbolic_call(target.single_pages, target.loop.lowest_order)
        self.bases: dict[str, Base] = {}
        self.gave_up: dict[str, SolverUnknown | inv.NoFixpoint] = {}  # once is enough: it takes long
        self.located: dict[tuple[str, frozenset[str]], list[Trace]] = {}
        self.taken_apart: dict[frozenset[str], list[list[tuple[Any, Data]]]] = {}

    @cached_property
    def runs(self) -> list[sampling.Run]:
        """Return real runs of the loop, to guess from."""
        return [*sampling.sample_runs(self.target.loop, self.target.single_pages)]

    def base(self, kind: str) -> Base:
        """Return what is known of the loop where a frame is watched (kind "frame"), a slot ("null") or nothing ("")."""
        if kind in self.gave_up:
            raise self.gave_up[kind]
        if kind not in self.bases:
            try:
                self.bases[kind] = base = self._base(kind)
                self._add_guessed_crashes(kind, base)
            except (SolverUnknown, inv.NoFixpoint) as why:
                self.gave_up[kind] = why
                raise
        return self.bases[kind]

    def _add_guessed_crashes(self, kind: str, base: Base) -> None:
        """Add the crashes that a turn comes to by what it read from memory. Whether it can is seen where a slot is
        watched; where that is not found out, it may."""
        crashes, shown = list[Answer](), tuple[Obligation, ...]()
        guessed = [t for t in base.possible.transitions if t.crash and t.guessed]
        if kind == "frame":
            crashes = [found for found in self.base("").trouble if found.word is Word.REFUTED]
        elif not kind and guessed:
            try:
                crashes, shown = self.base("null").trouble, self.base("null").obligations
            except (SolverUnknown, inv.NoFixpoint, TooManyPaths):
                crashes = [Answer(t.crash, Word.REFUTED, t.wrong) for t in guessed]
        base.trouble += [crash for crash in crashes if crash not in base.trouble]
        base.obligations = tuple(dict.fromkeys((*base.obligations, *shown)))

    def _base(self, kind: str) -> Base:
        """Return the base. The paths of the loop alone are read where what real runs suggest holds, and that is proved
        of them then; what is not proved is suggested no more, and at last they are read where anything may hold."""
        suggested = {} if kind else self._suggested()
        with suppress(SolverUnknown, inv.NoFixpoint, TooManyPaths):
            for _ in range(MOST_GUESSES if suggested else 0):
                try:
                    return self._base_of(kind, suggested)
                except NotSo as guess:
                    suggested = {k: tuple(f for f in fs if f not in guess.wrong) for k, fs in suggested.items()}
        return self._base_of(kind, {})

    def _base_of(self, kind: str, suggested: Facts) -> Base:
        """Return the base of paths that are read where what is ``suggested`` holds. Raises NotSo where that is not
        proved."""
        t = self.target
        alone = self._alone(kind)
        hints = self._hints(kind, alone, suggested)
        promoted = self.base("").system.promoted if kind else frozenset[str]()
        system = explore_loop(t.loop, self.call, kind, Solver(), t.int_only, t.most_n, hints, promoted)
        for path in () if kind else system.transitions:
            for witness in (*path.witnesses[:MOST_CHECKED], *path.witnesses[-MOST_CHECKED:]):
                assert isinstance(witness, Values)
                check_reading(path, witness, system)
        solver = Solver()
        samples = self._samples(system, kind)
        parameters = ("n", "watch") if kind else ("n",)
        below = {loc: alone[loc.loop] for loc in system.locations() if loc.loop in alone}
        settled = {name for shape in alone for name in shapes.field_names(shape)}
        if kind:
            settled |= {"n"} if kind == "null" else {"n", "watch"}  # which slot is watched bears on the loop's numbers
        covered = {at for at, transition in enumerate(system.transitions) if transition.witnesses}
        for form in FORMS[3:]:  # the simplest that will do
            found = inv.settle(system, inv.guess(system, parameters, samples, below, form, settled), solver)
            supposed = tuple(_supposed(system, found))
            if wrong := {goal for one in supposed for goal in _not_shown(solver, one)}:
                raise NotSo(wrong)
            obligations = self._base_obligations(system, found)
            room = leaves_room(system, found, solver, covered)
            trouble = self._crashes(system, room, solver, obligations)
            if not trouble:
                break
        unmet, untaken, steps = list[int](), list[Transition](), list[Obligation]()
        if not kind:  # the loop's own branches are the unwatched base's matter
            asked = (at for at in range(len(room)) if room[at] and at not in covered)
            wanted = self._not_soon_taken(system, found, solver, asked)
            unmet, steps = never_met(system, found, solver, wanted)
            left = [(system.transitions[at], least) for at, least in wanted.items() if at not in unmet]
            untaken = taken_by_no_run(t, system, left)
        places = (f"a path at {path.source}: {'; '.join(map(str, path.literals))}" for path in untaken)
        trouble += [Answer("", Word.VACUOUS, f"no run was found that takes {place}") for place in places]
        going, never = possible(system, found, room, unmet)
        supporting = {
            loc: (*below.get(loc, ()), *element.literals()) for loc, element in found.items() if element.reached
        }
        if kind:
            obligations = (*self.base("").obligations, *obligations)
        base = Base(system, going, found, supporting, (*obligations, *supposed, *never, *steps), samples, trouble)
        base.resources = solver.resources()
        return base

    def _hints(self, kind: str, alone: Facts, suggested: Facts) -> Hints:
        """Return what helps to read the paths: what is proved of the loop alone, or suggested; and real turns."""

        @cache
        def seen(promoted: frozenset[str]) -> dict[Location, list[Values]]:
            found: dict[Location, list[Values]] = {}
            for trace in self.traces(kind, promoted):
                called = of_the_call(trace.call)
                for location, point, step in trace.steps:
                    found.setdefault(location, []).append(of_the_turn(called, point, step))
            return found

        def hint(promoted: frozenset[str], location: Location) -> Hint:
            general = suggested.get(_kind_of(shapes.unpromoted(location.loop, promoted)), ())
            fields = {*shapes.field_names(location.loop), "n"}
            facts = (fact for fact in general if fields.issuperset(name for name, _ in fact.terms))
            return Hint((*alone.get(location.loop, ()), *facts), seen(promoted).get(location, ()))

        return hint

    def _suggested(self) -> Facts:
        """Return what the states before the turns of real runs have in common, by the kind of state: equalities,
        congruences, and which of two fields is the larger."""
        seen: dict[Any, list[Data]] = {}
        for run, states in zip(self.runs, self._states(frozenset()), strict=True):
            for shape, data in states:
                seen.setdefault(_kind_of(shape), []).append(data | {"n": run.call.n})
        suggested = {}
        for kind, points in seen.items():
            names = tuple(points[0])
            forms: list[Terms] = [((name, 1),) for name in names]
            forms += [((a, 1), (b, -1)) for a, b in combinations(sorted(names), 2)]
            element = Element(names, {form: {0} for form in forms})
            element.see(points, exact=False)
            suggested[kind] = element.literals()
        return suggested

    def _alone(self, kind: str) -> Facts:
        """Return what is proved of the loop by itself, where frames are watched too."""
        return {loc.loop: literals for loc, literals in self.base("").supporting.items()} if kind else {}

    def traces(self, watches: str, promoted: frozenset[str]) -> list[Trace]:
        """Return the sampled runs with something watched in each, located where those fields are ``promoted``."""
        key = watches, promoted
        if key not in self.located:
            random = Random(2)
            found = []
            for run, states in zip(self.runs, self._states(promoted), strict=True):
                for watch in sampling.watch_candidates(run, watches, random):
                    view: Any = VIEWS.get(watches, VIEWS[""])
                    seen, steps = None, []
                    for step, (loop_shape, data) in zip(run.passes, states, strict=True):
                        if view is not seen:  # few turns change it
                            seen = view
                            view_shape, view_data = shapes.take_apart(view, promoted, "memory", CONSTANTS)
                        point = data | view_data | {"n": run.call.n, "watch": watch}
                        steps.append((Location(loop_shape, view_shape), point, step))
                        view = sampling.view_after(view, watch, step.events)
                    found.append(Trace(run.call, watch, steps))
            self.located[key] = found
        return self.located[key]

    def _states(self, promoted: frozenset[str]) -> list[list[tuple[Any, Data]]]:
        """Return the state before each turn of each run, taken apart once for whatever is watched."""
        if not self.taken_apart:
            self.taken_apart[frozenset()] = [
                [shapes.take_apart(step.before, constants=CONSTANTS) for step in run.passes] for run in self.runs
            ]
        if promoted not in self.taken_apart:
            plain = self.taken_apart[frozenset()]
            self.taken_apart[promoted] = [[shapes.promote(*state, promoted) for state in run] for run in plain]
        return self.taken_apart[promoted]

    def _samples(self, system: System, kind: str) -> inv.Samples:
        """Return the states before the turns of real runs, where they stand."""
        found: inv.Samples = {}
        for trace in self.traces(kind, system.promoted):
            for location, point, _ in trace.steps:
                found.setdefault(location, []).append(point)
        return found

    def _base_obligations(self, system: System, found: inv.Invariants) -> tuple[Obligation, ...]:
        obligations = list(inductive(system, found))
        for location, element in found.items():
            if element.reached:
                given, covering = inv.hypotheses(system, found, location), cases(system.leaving(location))
                obligations.append(Obligation(f"at {location} the paths cover every state", given, (), covering))
        return tuple(obligations)

    def _crashes(
        self, system: System, room: Sequence[bool], solver: Solver, obligations: Iterable[Obligation]
    ) -> list[Answer]:
        """Return why the invariants do not do: they leave room for a crash, or paths that do not cover a location."""
        trouble = []
        for obligation in obligations:
            if obligation.cases and not shown(solver, obligation):
                trouble.append(Answer("", Word.UNKNOWN, f"{obligation.name}: not shown"))
        for transition, is_room in zip(system.transitions, room, strict=True):
            if transition.crash and not transition.guessed and is_room:
                trouble.append(Answer(transition.crash, Word.REFUTED, transition.wrong))
        return trouble

    def _not_soon_taken(
        self, system: System, found: inv.Invariants, solver: Solver, paths: Iterable[int]
    ) -> dict[int, int]:
        """Return those paths of a turn that neither a first turn takes nor a turn after a leap, and the smallest size
        for which the invariants leave room for each."""
        wanted = {}
        for at in paths:
            path = system.transitions[at]
            if path.guessed or path.wrong or path.excluded or path.source is None:
                continue
            if first_turn_takes(self.target, system, path, solver):
                continue
            least = least_n(solver, system, found, [path])
            if least <= MOST_SIZE or not a_leap_takes(self.target, system, path, least):
                wanted[at] = least
        return wanted


def _kind_of(shape: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the class of a state of that shape, and the numbers in it."""
    return getattr(shape, "kind", shape), shapes.field_names(shape)


def _not_shown(solver: Solver, one: Obligation) -> list[Literal]:
    """Return the goals that do not follow from what is given."""
    if shown(solver, one):
        return []
    return [goal for goal in one.goals if not shown(solver, replace(one, goals=(goal,)))]


def _supposed(system: System, found: inv.Invariants) -> Iterable[Obligation]:
    """Yield that the invariants imply what the paths were read under."""
    for location, element in found.items():
        proved = found.proved.get(Location(location.loop, location.view), ())
        facts = tuple(fact for fact in system.supposed.get(location, ()) if fact not in proved)
        if element.reached and facts:
            given = inv.hypotheses(system, found, location)
            yield Obligation(f"at {location} holds what its paths were read under", given, facts)
