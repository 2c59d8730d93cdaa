"""A loop, and a claim watching it, as a transition system: locations, and for each the paths that leave it.

The loop's paths are explored once; every claim's monitor is then read over the events of each. Nothing here knows an
invariant: what is infeasible only because of one is left in, and refuted later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from model.events import End, Event
from model.gfp import NAMES, Gfp
from model.kernel import Crash, Kernel, Unsupported
from model.loop import MOST_ORDERS, Call, Loop, OrderBits, take_turn
from proofs.engine import shape as shapes
from proofs.engine.environment import AnyMachine, Unwatched, View, WatchedFrame
from proofs.engine.explorer import Explorer, NotDeterministic, Path, Promote, TooManyPaths, Witness, goes_with
from proofs.engine.literals import FALSE, Literal, substitute
from proofs.engine.shape import Data
from proofs.engine.solver import Solver, SolverUnknown
from proofs.engine.symbols import Bool, Int, Misuse, boolean, variable
from spec.monitor import Broken, Matter, Monitor

MOST_LOCATIONS = 400  # of one product; the patched loop with a claim has about twenty
INT_MIN, INT_MAX = -(2**31), 2**31 - 1  # int, 32 bits on every Linux

CONSTANTS: tuple[type, ...] = (Matter, Call, Gfp, OrderBits)


class LoopRaised(Exception):
    """The loop's own code raised something; the text says what, and where."""

    def __init__(self, error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}: " if trace is not None else ""
        super().__init__(f"{where}the turn raises {type(error).__name__}: {error}")


@dataclass(frozen=True)
class Location:
    """What is known between two turns: the loop's control, the memory's, the monitor's, and the call's class."""

    loop: Any
    view: Any
    monitor: Any = None
    branch: int = 0  # which path of the monitor's start this run took: a class of calls

    @cached_property
    def hash(self) -> int:
        """Return the hash, kept: a location is looked up by the ten thousand."""
        return hash((self.loop, self.view, self.monitor, self.branch))

    def __hash__(self) -> int:
        return self.hash

    def __str__(self) -> str:
        return self.text

    @cached_property
    def text(self) -> str:
        """Return the location in words: the names of obligations hold them by the hundred."""
        parts = [shapes.describe(part) for part in (self.loop, self.view, self.monitor) if part is not None]
        return " ".join(part for part in parts if part not in ("Unwatched", "None"))


@dataclass(frozen=True)
class Transition:
    """One path: where it starts, what holds on it, and where it ends: a location, an End, a crash or a broken claim."""

    source: Location | None  # None: the call begins
    literals: tuple[Literal, ...]
    target: Location | None  # None: the run is over, one way or another
    post: Data = field(hash=False, default_factory=dict)
    events: tuple[Event, ...] = ()
    wrong: str = ""  # why the run may not go this way: the crash, or the claim that it breaks
    crash: str = ""  # the claim that a crash belongs to
    excluded: str = ""  # the assumption that rules the path out
    assumed: tuple[tuple[int, str], ...] = ()
    guessed: bool = False  # only the over-approximation of memory offers it
    base: int = -1  # for a monitor's transition: the loop's transition below it
    witnesses: Sequence[Witness] = field(default=(), compare=False)  # real turns that go this way
    needed: dict[Literal, Literal | None] = field(default_factory=dict, init=False, compare=False, repr=False)

    def before(self, literal: Literal) -> Literal | None:
        """Return what must hold before the path for ``literal`` to hold after it; None where nothing need."""
        if literal not in self.needed:
            found = substitute(literal, self.post)
            self.needed[literal] = found if isinstance(found, Literal) else None if found else FALSE
        return self.needed[literal]


@dataclass
class System:
    """Locations and their transitions, with what holds of the call (``given``) at every one of them."""

    given: tuple[Literal, ...]
    transitions: list[Transition] = field(default_factory=list)
    given_at: dict[int, tuple[Literal, ...]] = field(default_factory=dict)  # by branch
    promoted: frozenset[str] = frozenset()
    supposed: dict[Location, tuple[Literal, ...]] = field(default_factory=dict)  # what the paths were read under

    def by_source(self) -> dict[Location | None, list[tuple[int, Transition]]]:
        """Return the transitions, numbered, by the place where they begin."""
        found: dict[Location | None, list[tuple[int, Transition]]] = {}
        for at, transition in enumerate(self.transitions):
            found.setdefault(transition.source, []).append((at, transition))
        return found

    def leaving(self, location: Location | None) -> list[Transition]:
        """Return the transitions that start at ``location``."""
        return [t for t in self.transitions if t.source == location]

    def locations(self) -> list[Location]:
        """Return every location in the order found."""
        return list(dict.fromkeys(t.target for t in self.transitions if t.target is not None))


def symbolic_call(single_pages: bool, lowest_order: int | None = None) -> Call:
    """Return a call for any number of pages with any flags, and any mask of orders whose lowest is that one."""
    flags: dict[str, Any] = {name: boolean(f"gfp.{name}") for name in NAMES}
    n: Any = variable("n")
    other: Any = variable("gfp.other")
    mask = None
    if lowest_order is not None:
        mask = OrderBits(tuple(boolean(f"mask.{order}") for order in range(MOST_ORDERS)), lowest_order)
    return Call(n=n, gfp=Gfp(**flags, other=other), single_pages=single_pages, order_mask=mask)


def literals_of(*truths: Any) -> tuple[Literal, ...]:
    """Return the literals of conditions that are symbolic; one that is plainly true says nothing."""
    return tuple(truth.literal for truth in truths if isinstance(truth, Bool))


def domain(call: Call, watches: str, int_only: bool, most_n: int | None = None) -> tuple[Literal, ...]:
    """Return what holds of every call: the range of n, and of the thing watched."""
    watch: Any = variable("watch")
    known = [call.n >= 0]
    if int_only:
        known.append(call.n <= INT_MAX)
    if most_n is not None:
        known.append(call.n <= most_n)
    if watches == "slot":
        known += [watch >= 0, watch < call.n]
    if watches == "order":
        known += [watch >= 0]
    return literals_of(*known)


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
    watch = variable("watch")
    first_view: View = WatchedFrame() if watches == "frame" else Unwatched()

    def end_of(state: Any, view: View, events: Sequence[Event], guessed: bool) -> Transition:
        if isinstance(state, End):
            return Transition(None, (), None, {}, tuple(events), guessed=guessed)
        loop_shape, data = shapes.take_apart(state, promoted, constants=CONSTANTS)
        view_shape, view_data = shapes.take_apart(view, promoted, "memory", CONSTANTS)
        return Transition(None, (), Location(loop_shape, view_shape), data | view_data, tuple(events), guessed=guessed)

    def begin(_: Explorer[Transition]) -> Transition:
        try:
            state = loop.start(call)
        except Crash as crash:
            return Transition(None, (), None, wrong=crash.reason, crash=crash.claim)
        return end_of(state, first_view, [state] if isinstance(state, End) else [], guessed=False)

    def turn_from(location: Location) -> Callable[[Explorer[Transition]], Transition]:
        names = shapes.field_names(location.loop) + shapes.field_names(location.view)
        if {"n", "watch"} & set(names):
            raise Misuse("a field of the state is called n or watch, as the call's own size and what is watched are")
        data = {name: variable(name) for name in names}

        def turn(explorer: Explorer[Transition]) -> Transition:
            state = shapes.put_together(location.loop, data)
            machine = AnyMachine(explorer, shapes.put_together(location.view, data), watch)
            kernel = Kernel(machine, machine)
            try:
                after, events = take_turn(loop, call, state, kernel)
            except Crash as crash:
                return Transition(
                    None,
                    (),
                    None,
                    {},
                    tuple(kernel.events),
                    wrong=crash.reason,
                    crash=crash.claim,
                    guessed=machine.guessed,
                )
            except (TooManyPaths, NotDeterministic, SolverUnknown, Unsupported):
                raise
            except Exception as error:
                raise LoopRaised(error) from None
            return end_of(after, machine.view, events, machine.guessed)

        return turn

    _grow(system, None, begin, (), solver, ())
    for location in _worklist(system):
        fields = shapes.field_names(location.loop) + shapes.field_names(location.view)
        in_range = (*(_int_range(fields) if int_only else ()), *_ranges(loop, fields))
        hint = hints(promoted, location)
        system.supposed[location] = hint.facts
        _grow(system, location, turn_from(location), in_range, solver, fields, hint)
    return system


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
    below: dict[Location, list[tuple[int, Transition]]] = {}
    for at, transition in enumerate(system.transitions):
        if transition.source is not None:
            below.setdefault(transition.source, []).append((at, transition))
    begins = [(at, t) for at, t in enumerate(system.transitions) if t.source is None]

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
        for at, base in begins:
            if base.excluded or base.crash or not can_be(branch, at):
                continue
            _grow(
                product, None, partial(judge, start.result, at, base, branch),
                (*start.literals, *base.literals), solver, (),
            )  # fmt: skip
    for location in _worklist(product):
        ghosts = shapes.field_names(location.monitor)
        now = shapes.put_together(location.monitor, {name: variable(name) for name in ghosts})
        loop_location = Location(location.loop, location.view)
        for at, base in below.get(loop_location, []):
            if base.excluded or base.crash or not can_be(location.branch, at):
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
    found = path.result
    return Transition(
        source,
        literals,
        found.target,
        found.post,
        found.events,
        found.wrong,
        found.crash,
        "",
        assumed,
        found.guessed,
        found.base,
        path.witnesses,
    )


def as_int(value: Any) -> Int | int:
    """Return a post-state's value as the engine's own kind of int."""
    if isinstance(value, Int | int):
        return value
    raise TypeError(f"a state field holds {value!r}")
