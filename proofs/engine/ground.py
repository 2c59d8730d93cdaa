"""What is known of a loop, whatever the claim: its paths, its invariants, its sampled runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from random import Random
from typing import Any

from model.loop import Call
from proofs.engine import invariants as inv
from proofs.engine import sampling
from proofs.engine import shape as shapes
from proofs.engine.coverage import MOST_SIZE, first_turn_takes, taken, taken_by_no_run
from proofs.engine.environment import Unwatched, WatchedFrame
from proofs.engine.explorer import TooManyPaths
from proofs.engine.leaps import a_leap_takes
from proofs.engine.obligations import cases, inductive, least_n, leaves_room, possible, shown
from proofs.engine.shape import Data
from proofs.engine.solver import Solver, SolverUnknown
from proofs.engine.system import CONSTANTS, Facts, Location, System, Transition, explore_loop, symbolic_call
from proofs.engine.terms import Literal, Terms
from proofs.engine.verdict import Answer, Obligation
from proofs.engine.words import Word
from spec.targets import Target

MANY_PATHS = 500  # of a loop alone: then they are read again, where less may hold
Samples = dict[Location, list[dict[str, int]]]


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
    trouble: list[Answer] = field(default_factory=list)  # crashes, and whatever makes a proof empty
    resources: int = 0


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
        """Return what is known of the loop where frames are watched (kind "frame") or not ("")."""
        if kind in self.gave_up:
            raise self.gave_up[kind]
        if kind not in self.bases:
            try:
                self.bases[kind] = self._base(kind)
            except (SolverUnknown, inv.NoFixpoint) as why:
                self.gave_up[kind] = why
                raise
        return self.bases[kind]

    def _base(self, kind: str) -> Base:
        """Return the base. The loop's paths are read where anything may hold; if they are many then, where what real
        runs suggest holds, if that is proved of them. Where frames are watched, what is proved of the loop alone holds.
        """
        system = self._explored(kind, self._alone(kind))
        if not kind and len(system.transitions) > MANY_PATHS:
            suggested = self._suggested()
            with suppress(SolverUnknown, inv.NoFixpoint, TooManyPaths):
                base = self._base_of(kind, self._explored(kind, suggested), suggested)
                if base is not None:
                    return base
        base = self._base_of(kind, system, {})
        assert base is not None
        return base

    def _explored(self, kind: str, known: Facts) -> System:
        t = self.target
        return explore_loop(t.loop, self.call, kind, Solver(), t.int_only, t.most_n, known)

    def _suggested(self) -> Facts:
        """Return what the states of sampled runs have in common, by the shape of the loop's own state."""
        elements: dict[Any, inv.Element] = {}
        for run, states in zip(self.runs, self._states(frozenset()), strict=True):
            for shape, data in states:
                names = (*shapes.field_names(shape), "n")
                if shape not in elements:
                    forms: list[Terms] = [((name, 1),) for name in names]
                    forms += [((a, 1), (b, -1)) for a, b in combinations(sorted(names), 2)]
                    elements[shape] = inv.Element(names, {form: {0} for form in forms})
                elements[shape].join(data | {"n": run.call.n})
        return {shape: element.literals() for shape, element in elements.items()}

    def _base_of(self, kind: str, system: System, suggested: Facts) -> Base | None:
        """Return the base of a system whose paths were read where what is ``suggested`` holds; None where that is not
        proved with it."""
        solver = Solver()
        alone = self._alone(kind)
        samples, covered = self._sample_base(system, kind)
        parameters = ("n", "watch") if kind else ("n",)
        below = {loc: alone[loc.loop] for loc in system.locations() if loc.loop in alone}
        settled = {name for shape in alone for name in shapes.field_names(shape)}
        for form in inv.FORMS[3:]:  # the simplest that will do
            found = inv.find(system, solver, parameters, samples, below, form, settled)
            obligations = self._base_obligations(system, found)
            room = leaves_room(system, found, solver, covered)
            trouble = self._crashes(system, room, solver, obligations)
            if not trouble:
                break
        supposed = tuple(_supposed(system, found, suggested))
        if not all(shown(solver, one) for one in supposed):
            return None
        if not kind:  # the loop's own branches are the unwatched base's matter
            untaken = (t for at, t in enumerate(system.transitions) if room[at] and at not in covered)
            trouble += self._never_taken(system, found, solver, untaken)
        going, never = possible(system, found, room)
        supporting = {
            loc: (*below.get(loc, ()), *element.literals()) for loc, element in found.items() if element.reached
        }
        if kind:
            obligations = (*self.base("").obligations, *obligations)
        base = Base(system, going, found, supporting, (*obligations, *supposed, *never), trouble)
        base.resources = solver.resources()
        return base

    def _alone(self, kind: str) -> Facts:
        """Return what is proved of the loop by itself, where frames are watched too."""
        return {loc.loop: literals for loc, literals in self.base("").supporting.items()} if kind else {}

    def traces(self, watches: str, system: System) -> list[Trace]:
        """Return the sampled runs with something watched in each, located in ``system``."""
        key = watches, system.promoted
        if key not in self.located:
            random = Random(2)
            found = []
            for run, states in zip(self.runs, self._states(system.promoted), strict=True):
                for watch in sampling.watch_candidates(run, watches, random):
                    view: Any = WatchedFrame() if watches == "frame" else Unwatched()
                    steps = []
                    for step, (loop_shape, data) in zip(run.passes, states, strict=True):
                        view_shape, view_data = shapes.take_apart(view, system.promoted, "memory", CONSTANTS)
                        point = data | view_data | {"n": run.call.n, "watch": watch}
                        steps.append((Location(loop_shape, view_shape), point, step))
                        view = sampling.view_after(view, watch, step.events)
                    found.append(Trace(run.call, watch, steps))
            self.located[key] = found
        return self.located[key]

    def _states(self, promoted: frozenset[str]) -> list[list[tuple[Any, Data]]]:
        """Return the state before each turn of each run, taken apart once for whatever is watched."""
        if promoted not in self.taken_apart:
            self.taken_apart[promoted] = [
                [shapes.take_apart(step.before, promoted, constants=CONSTANTS) for step in run.passes]
                for run in self.runs
            ]
        return self.taken_apart[promoted]

    def _sample_base(self, system: System, kind: str) -> tuple[Samples, set[int]]:
        samples: Samples = {}
        covered: set[int] = set()
        leaving = system.by_source()
        for trace in self.traces(kind, system):
            for location, point, step in trace.steps:
                samples.setdefault(location, []).append(point)
                if not kind:
                    covered.update(taken(leaving.get(location, ()), point, trace.call, step))
        return samples, covered

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

    def _never_taken(
        self, system: System, found: inv.Invariants, solver: Solver, paths: Iterable[Transition]
    ) -> list[Answer]:
        """Return those paths of a turn that no real run takes, of ``paths`` that the invariants leave room for."""
        wanted = []
        for transition in paths:
            if transition.guessed or transition.wrong or transition.excluded or transition.source is None:
                continue
            least = least_n(solver, system, found, [transition])  # the smallest for which the invariants leave room
            if not (
                first_turn_takes(self.target, system, transition, solver)
                or (least > MOST_SIZE and a_leap_takes(self.target, system, transition, least))
            ):
                wanted.append((transition, least))
        never = taken_by_no_run(self.target, system, wanted)
        told = (f"a path at {path.source}: {'; '.join(map(str, path.literals))}" for path in never)
        return [Answer("", Word.VACUOUS, f"no run was found that takes {where}") for where in told]


def _supposed(system: System, found: inv.Invariants, facts: Facts) -> Iterable[Obligation]:
    """Yield that the invariants imply what the paths were read under."""
    for location, element in found.items():
        if element.reached and facts.get(location.loop):
            given = inv.hypotheses(system, found, location)
            yield Obligation(f"at {location} holds what its paths were read under", given, facts[location.loop])
