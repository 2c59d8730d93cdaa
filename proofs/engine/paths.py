"""The paths of a loop, and of a claim that watches it, as a transition system.

The loop's paths are explored once; every claim's monitor is then read over the events of each. Nothing here knows an
invariant: what is infeasible only because of one is left in, and refuted later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from model.events import End, Event
from model.kernel import Crash, Kernel, Unsupported
from model.loop import Call, Loop, take_turn
from proofs.engine import shape as shapes
from proofs.engine.environment import VIEWS, AnyMachine, View
from proofs.engine.explorer import Explorer, NotDeterministic, Path, Promote, TooManyPaths, Witness, goes_with
from proofs.engine.literals import Literal
from proofs.engine.solver import Solver, SolverUnknown
from proofs.engine.symbols import Misuse, variable
from proofs.engine.system import CONSTANTS, INT_MAX, INT_MIN, Location, System, Transition, domain, literals_of
from spec.monitor import Broken, Matter, Monitor

OWN_PARTS = ("ghost.", "memory.", "gfp.", "mask.")  # how names begin that are a claim's, the memory's, the caller's
MOST_LOCATIONS = 400  # of one product; the patched loop with a claim has about twenty


class LoopRaised(Exception):
    """The loop's own code raised something; the text says what, and where."""

    def __init__(self, method: str, error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}: " if trace is not None else ""
        super().__init__(f"{where}the {method} raises {type(error).__name__}: {error}")


@dataclass(frozen=True)
class Hint:
    """What helps to read the paths that leave a location; nothing rests on it unproved."""

    facts: tuple[Literal, ...] = ()  # the paths are read where these hold: that they do is an obligation
    witnesses: Sequence[Witness] = ()  # real turns from there: what they do need not be asked for


Hints = Callable[[frozenset[str], Location], Hint]  # by the fields that are promoted, and the location


def no_hint(promoted: frozenset[str], location: Location) -> Hint:
    """Return nothing."""
    return Hint()


def explore_loop(
    loop: Loop, call: Call, watches: str, solver: Solver, int_only: bool, most_n: int | None = None,
    hints: Hints = no_hint, promoted: frozenset[str] = frozenset(),
) -> System:  # fmt: skip
    """Return every path of the loop's start and turns under any answers, where the facts of the hints hold before a
    turn: that they do, and that the paths cover every such state, are obligations. Fields beyond the ``promoted``
    ones are promoted as need be. Raises what Explorer raises."""
    while True:
        try:
            return _explore_loop(loop, call, watches, solver, int_only, most_n, promoted, hints)
        except Promote as promotion:
            promoted |= frozenset(promotion.names)


def _explore_loop(
    loop: Loop, call: Call, watches: str, solver: Solver, int_only: bool, most_n: int | None, promoted: frozenset[str],
    hints: Hints,
) -> System:  # fmt: skip
    system = System(given=domain(call, watches, int_only, most_n), promoted=promoted)
    reader = _Reader(loop, call, promoted)
    _grow(system, None, lambda _: reader.start(VIEWS[watches]), (), solver, ())
    for location in _worklist(system):
        own = shapes.field_names(location.loop)
        for name in own:
            if name in ("n", "watch") or name.startswith(OWN_PARTS):
                raise Misuse(f"a field of the state is called {name}, as something of the proof's own is or may be")
        fields = own + shapes.field_names(location.view)
        in_range = (*(_int_range(fields) if int_only else ()), *_ranges(loop, fields))
        hint = hints(promoted, location)
        system.supposed[location] = hint.facts
        _grow(system, location, partial(reader.turn, location, fields), in_range, solver, fields, hint)
    return system


@dataclass(frozen=True)
class _Reader:
    """Runs a loop's own code on symbols: one run is one path."""

    loop: Loop
    call: Call
    promoted: frozenset[str]

    def start(self, view: View) -> Transition:
        """Return what the start of the call does on this path."""
        try:
            state = self.loop.start(self.call)
        except Crash as crash:
            return Transition(None, (), None, wrong=crash.reason, crash=crash.claim)
        except (TooManyPaths, NotDeterministic, SolverUnknown, Unsupported):
            raise
        except Exception as error:
            raise LoopRaised("start", error) from None
        return self._led_to(state, view, [state] if isinstance(state, End) else [], guessed=False)

    def turn(self, location: Location, fields: Sequence[str], explorer: Explorer[Transition]) -> Transition:
        """Return what a turn from ``location`` does on this path, under any answers."""
        data = {name: variable(name) for name in fields}
        machine = AnyMachine(explorer, shapes.put_together(location.view, data), variable("watch"))
        kernel = Kernel(machine, machine)
        try:
            after, done = take_turn(self.loop, self.call, shapes.put_together(location.loop, data), kernel)
        except Crash as crash:
            return Transition(None, (), None, {}, crash.events, crash.reason, crash.claim, guessed=machine.guessed)
        except (TooManyPaths, NotDeterministic, SolverUnknown, Unsupported):
            raise
        except Exception as error:
            raise LoopRaised("turn", error) from None
        return self._led_to(after, machine.view, done, machine.guessed)

    def _led_to(self, state: Any, view: View, events: Sequence[Event], guessed: bool) -> Transition:
        if isinstance(state, End):
            return Transition(None, (), None, {}, tuple(events), guessed=guessed)
        loop_shape, data = shapes.take_apart(state, self.promoted, constants=CONSTANTS)
        view_shape, seen = shapes.take_apart(view, self.promoted, "memory", CONSTANTS)
        return Transition(None, (), Location(loop_shape, view_shape), data | seen, tuple(events), guessed=guessed)


def _int_range(fields: Sequence[str]) -> tuple[Literal, ...]:
    return literals_of(*(c for name in fields for c in (variable(name) >= INT_MIN, variable(name) <= INT_MAX)))


def _ranges(loop: Loop, fields: Sequence[str]) -> tuple[Literal, ...]:
    """Return that each field holds what its type can; that every state does is an obligation: the paths cover it."""
    known = loop.ranges()
    within = [(variable(name), known[name]) for name in fields if name in known]
    return literals_of(*(c for field, (low, high) in within for c in (field >= low, field <= high)))


def watch_system(system: System, monitor: type[Monitor], matter: Matter, solver: Solver) -> System:
    """Return the product of a loop's system with a claim's monitor: its broken paths are the claim's violations."""
    promoted: frozenset[str] = frozenset()
    while True:
        try:
            return _watch_system(system, monitor, matter, solver, promoted)
        except Promote as promotion:
            promoted |= frozenset(promotion.names)


def _watch_system(
    system: System, monitor: type[Monitor], matter: Matter, solver: Solver, promoted: frozenset[str]
) -> System:
    product = System(given=system.given, promoted=promoted)
    below = system.by_source()

    def judge(now: Monitor, at: int, base: Transition, branch: int, _: Explorer[Transition]) -> Transition:
        for event in base.events:
            try:
                now = now.step(event)
            except Broken as broken:
                return Transition(None, (), None, {}, base.events, wrong=str(broken), base=at, guessed=base.guessed)
        if base.target is None:
            return Transition(None, (), None, {}, base.events, base=at, guessed=base.guessed)
        ghost_shape, ghosts = shapes.take_apart(now, promoted, "ghost", CONSTANTS)
        target = Location(base.target.loop, base.target.view, ghost_shape, branch)
        return Transition(None, (), target, base.post | ghosts, base.events, base=at, guessed=base.guessed)

    starts = list(Explorer[Monitor](solver, system.given).paths(lambda: monitor.start(matter)))
    possible: dict[tuple[int, int], bool] = {}  # branch, path of the loop: can they be together

    def can_be(branch: int, at: int) -> bool:
        if not product.given_at[branch] and monitor.watches in ("", "frame"):
            return True  # the loop's paths were found under the same
        if (branch, at) not in possible:
            called, path = (*system.given, *product.given_at[branch]), system.transitions[at]
            seen = any(goes_with(one, called) for one in path.witnesses)
            possible[branch, at] = seen or solver.satisfiable((*called, *path.literals))
        return possible[branch, at]

    for branch, start in enumerate(starts):
        if start.result is None:
            continue
        product.given_at[branch] = start.literals
        for at, base in below.get(None, ()):
            if base.excluded or not can_be(branch, at):
                continue
            _grow(
                product, None, partial(judge, start.result, at, base, branch),
                (*start.literals, *base.literals), solver, (),
            )  # fmt: skip
    for location in _worklist(product):
        ghosts = shapes.field_names(location.monitor)
        now = shapes.put_together(location.monitor, {name: variable(name) for name in ghosts})
        for at, base in below.get(Location(location.loop, location.view), ()):
            if base.excluded or not can_be(location.branch, at):
                continue
            given = (*product.given_at[location.branch], *base.literals)
            _grow(
                product, location, partial(judge, now, at, base, location.branch),
                given, solver, ghosts,
            )  # fmt: skip
    return product


def _worklist(system: System) -> Any:
    """Yield each location once, those too that are found on the way."""
    done: set[Location] = set()
    while True:
        fresh = [location for location in system.locations() if location not in done]
        if not fresh:
            return
        for location in fresh:
            done.add(location)
            if len(done) > MOST_LOCATIONS:
                raise TooManyPaths(f"more than {MOST_LOCATIONS} control locations")
            yield location


def _grow(
    system: System,
    source: Location | None,
    code: Callable[[Explorer[Transition]], Transition],
    given: tuple[Literal, ...],
    solver: Solver,
    fields: Sequence[str],
    hint: Hint = Hint(),
) -> None:
    """Add the paths of ``code`` from ``source``, where what is ``given`` holds."""
    explorer = Explorer[Transition](solver, (*system.given, *given, *hint.facts), fields, hint.witnesses)
    for path in explorer.paths(lambda: code(explorer)):
        system.transitions.append(_transition(source, given, path))


def _transition(source: Location | None, given: tuple[Literal, ...], path: Path[Transition]) -> Transition:
    literals = (*given, *path.literals)
    shift = len(given)
    assumed = tuple((at + shift, name) for at, name in path.assumed)
    if path.result is None:
        return Transition(source, literals, None, excluded=path.excluded, assumed=assumed, witnesses=path.witnesses)
    return replace(path.result, source=source, literals=literals, assumed=assumed, witnesses=path.witnesses)
