"""Which paths real runs take: one that no run takes would let a proof speak of nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any

from model.events import Attempt, End
from model.gfp import NAMES, Gfp
from model.loop import MOST_ORDERS, Call
from proofs.engine import invariants as inv
from proofs.engine import sampling
from proofs.engine import shape as shapes
from proofs.engine.explorer import says
from proofs.engine.literals import Literal, definition, evaluate
from proofs.engine.solver import Solver
from proofs.engine.symbols import Bool, Int, Misuse, variable
from proofs.engine.system import CONSTANTS, System, Transition
from spec.targets import Target

MOST_SEEDS = 30  # of sampled runs, when a path is still without one
FEW_TURNS = 4 * sampling.MOST_TURNS  # of such a run
LONG_SEED, MOST_TURNS = 5, 300  # with this seed the runs are long
REFUSING_SEED, TOGETHER = 1, (2, 3)  # looked at for all such paths at once; with the first, pages are refused often
ALONE = (LONG_SEED, *(seed for seed in range(4, MOST_SEEDS) if seed != LONG_SEED))  # then of each path by itself
SHORT = range(1, 9)  # the same, of runs of the least sizes alone
MOST_SIZE, MOST_COMPARED = 1 << 16, 8  # of the sizes that the loop's own comparisons suggest

Wanted = tuple[Transition, int]  # a path, and the least size of a run that can take it


class Values(dict[str, int]):
    """Values of variables in a real turn; a quotient's follows from the others."""

    turn: sampling.Pass

    def __missing__(self, name: str) -> int:
        defining = definition(name)
        if not defining:
            raise KeyError(name)
        low = defining[1]  # "term - modulus * q - modulus + 1 <= 0"
        rest = tuple((v, c) for v, c in low.terms if v != name)
        modulus = -dict(low.terms)[name]
        return (evaluate(rest, low.constant, self) + modulus - 1) // modulus


def of_the_call(call: Call) -> dict[str, int]:
    """Return what a call says, by the names that the proof has for it."""
    values = {f"gfp.{name}": int(getattr(call.gfp, name)) for name in (*NAMES, "other")}
    if call.order_mask is not None:
        values |= {f"mask.{order}": int(order in call.order_mask) for order in range(MOST_ORDERS)}
    return values | {"n": call.n}


def of_the_turn(called: Mapping[str, int], data: Mapping[str, int], step: sampling.Pass) -> Values:
    """Return what is known in a real turn, by the names that the proof has for it: what was ``called``, the state
    before, the answers."""
    values = Values(called)
    values.turn = step
    values.update(data)
    asked = 0
    for event in step.events:
        if isinstance(event, Attempt):
            asked += 1
            values[f"granted!{asked}"] = int(event.granted)
            values[f"frame!{asked}"] = event.frame if event.frame is not None else 0
    return values


def taken(
    transitions: Iterable[tuple[int, Transition]], data: Mapping[str, int], call: Call, step: sampling.Pass
) -> Iterable[int]:
    """Yield the transitions whose literals hold of a real turn: one, if the engine reads the loop as Python does."""
    values = of_the_turn(of_the_call(call), data, step)
    failed: tuple[Literal, ...] = ()  # of one path: most begin as the one before, and fail with it
    for at, transition in transitions:
        literals = transition.literals
        if transition.guessed or (failed and literals[: len(failed)] == failed):
            continue
        failed = literals[: _first_failing(literals, values)]
        if len(failed) == 0:
            yield at


def check_reading(path: Transition, values: Values, system: System) -> None:
    """Raise Misuse where a real turn that takes ``path`` did otherwise than it says: the code does something else with
    a symbol than with the numbers that it stands for."""
    if did := disagreement(path, values, system):
        raise Misuse(f"a turn does not do for a symbol what it does for numbers: from {values.turn.before} {did}")


def disagreement(path: Transition, values: Values, system: System) -> str:
    """Return how a real turn that takes ``path`` did otherwise than the path says, "" where it did the same."""
    turn = values.turn
    if path.guessed:
        return ""
    if (path.target is None) != isinstance(turn.after, End) or path.crash:
        return "it ends" if isinstance(turn.after, End) else "it goes on"
    if path.target is not None:
        place, data = shapes.take_apart(turn.after, system.promoted, constants=CONSTANTS)
        if place != path.target.loop:
            return f"it comes to {shapes.describe(place)}"
        for name, value in data.items():
            if _numbers(path.post[name], values) != value:
                return f"its {name} becomes {value}"
    if [_numbers(event, values) for event in path.events] != list(turn.events):
        return "it does " + ", ".join(map(repr, turn.events))
    return ""


def _numbers(part: Any, values: Values) -> Any:
    """Return what a part of a path, an event or a number, is under ``values``."""
    if isinstance(part, Int):
        return part.value(values)
    if isinstance(part, Bool):
        return part.literal.holds(values)
    if is_dataclass(part) and not isinstance(part, type):
        return type(part)(**{f.name: _numbers(getattr(part, f.name), values) for f in fields(part)})
    return part


def _first_failing(literals: Iterable[Literal], values: Mapping[str, int]) -> int:
    """Return the place, counted from 1, of the first literal that does not hold, or asks for what is not known; 0 where
    all hold."""
    return next((place for place, literal in enumerate(literals, 1) if not says(values, literal)), 0)


def hold(literals: Iterable[Literal], values: Mapping[str, int]) -> bool:
    """Return whether all of ``literals`` hold."""
    return all(literal.holds(values) for literal in literals)


def is_taken(system: System, wanted: Transition, call: Call, step: sampling.Pass) -> bool:
    """Return whether a real turn takes the path ``wanted``."""
    return bool(paths_taken(system, [wanted], call, step))


def paths_taken(system: System, wanted: Sequence[Transition], call: Call, step: sampling.Pass) -> list[Transition]:
    """Return the paths of ``wanted`` that a real turn takes."""
    places = [path.source.loop for path in wanted if path.source is not None]
    if not any(place.kind is type(step.before) for place in places):
        return []
    place, data = shapes.take_apart(step.before, system.promoted, constants=CONSTANTS)
    here = [path for path in wanted if path.source is not None and path.source.loop == place]
    data = data | {"n": call.n, "watch": 0}
    found = [here[at] for at in taken(enumerate(here), data, call, step)]
    for path in found:
        check_reading(path, of_the_turn(of_the_call(call), data, step), system)
    return found


def taken_by_no_run(target: Target, system: System, wanted: Iterable[Wanted]) -> list[Transition]:
    """Return the ``wanted`` paths that none of many runs with answers by chance takes; with each stands the size from
    which on such a run can be. Runs of just that size come first: they are short."""
    compared = sizes_compared(system)
    alike: dict[tuple[tuple[str, bool], ...], list[Wanted]] = {}
    for path, least in wanted:
        alike.setdefault(tuple(flags_asked(path)), []).append((path, least))
    untaken: list[Transition] = []
    for flags, paths in alike.items():
        told = dict(flags)
        left = _not_drawn(target, system, paths, told, SHORT, {least for _, least in paths})
        is_far = any(least > FEW_TURNS for _, least in left)  # page by page, few turns fall short of it
        seeds = (*((LONG_SEED,) if is_far else ()), REFUSING_SEED, *TOGETHER)
        left = _not_drawn(target, system, left, told, seeds, _sizes(left, compared))
        for one in left:
            sizes = _sizes([one], compared)
            untaken += [path for path, _ in _not_drawn(target, system, [one], told, ALONE, sizes)]
    return untaken


def _sizes(wanted: Iterable[Wanted], compared: Iterable[int]) -> set[int]:
    return {n for path, least in wanted for n in (least, *compared, *sizes_near(path)) if n >= least}


def _not_drawn(
    target: Target, system: System, wanted: list[Wanted], told: dict[str, bool], seeds: Iterable[int], sizes: set[int]
) -> list[Wanted]:
    """Return those of the ``wanted`` paths that no run of these sizes takes."""
    flags = {flag for transition in system.transitions for flag, _ in flags_asked(transition)}
    asked = sorted(flag for flag in flags if flag.startswith("gfp."))
    left = wanted
    for seed in seeds:
        drawn = {flag: bool(seed >> at & 1) for at, flag in enumerate(asked)} | told
        turns = MOST_TURNS if seed == LONG_SEED else FEW_TURNS
        chances = sampling.REFUSING if seed == REFUSING_SEED else sampling.CHANCES
        for run in sampling.sample_runs(target.loop, target.single_pages, seed, sorted(sizes), turns, drawn, chances):
            for step in run.passes:
                if not left:
                    return []
                took = paths_taken(system, [path for path, _ in left], run.call, step)
                left = [pair for pair in left if not any(pair[0] is path for path in took)]
    return left


def flags_asked(path: Transition) -> Iterable[tuple[str, bool]]:
    """Yield the caller's flags and orders that a path depends on, and how."""
    for literal in path.literals:
        if inv.asks_the_caller(literal):
            yield literal.terms[0][0], literal.kind == "yes"


def first_turn_takes(target: Target, system: System, wanted: Transition, solver: Solver) -> bool:
    """Return whether the first turn of a real run takes ``wanted``, with answers that the solver proposes."""
    for begin in system.leaving(None):
        if begin.target != wanted.source:
            continue
        first = [variable(name) == value for name, value in begin.post.items()]
        literals = [truth.literal for truth in first if not isinstance(truth, bool)]
        told = (*begin.literals, *wanted.literals, *literals)
        names = {name for literal in told for name, _ in literal.terms} | {"n"}
        values = solver.values(names, (*system.given, *told))
        if values is None:
            continue
        flags = Gfp(**{name: bool(values.get(f"gfp.{name}", 0)) for name in NAMES})
        answers = [bool(values.get(f"granted!{k}", 1)) for k in range(1, 70)]
        in_mask = {name: bool(value) for name, value in values.items() if name.startswith("mask.")}
        mask = sampling.some_mask(target.loop, Random(0), in_mask)
        run = sampling.first_turn(target.loop, Call(values["n"], flags, target.single_pages, mask), answers)
        if run.passes and is_taken(system, wanted, run.call, run.passes[0]):
            return True
    return False


def sizes_compared(system: System) -> set[int]:
    """Return the numbers that the loop compares something with, and their sums: sizes at which its paths meet."""
    constants = {abs(literal.constant) for t in system.transitions for literal in t.literals if literal.kind == "le"}
    compared = sorted(constant for constant in constants if constant <= MOST_SIZE)[:MOST_COMPARED]
    return {one + other for one in (0, *compared) for other in compared}


def sizes_near(path: Transition) -> set[int]:
    """Return sizes about the numbers that one path compares something with."""
    constants = {abs(literal.constant) for literal in path.literals if literal.kind == "le"}
    return {constant + more for constant in constants if constant <= MOST_SIZE for more in (0, 1, 2)}
