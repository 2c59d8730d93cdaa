"""Supporting invariants hold of every state that a real run reaches, and are as strong as the proofs need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.events import DONE, End
from model.gfp import GFP_KERNEL
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, take_turn
from proofs.engine import invariants as inv
from proofs.engine import shape as shapes
from proofs.engine.coverage import Values
from proofs.engine.element import FORMS, Element
from proofs.engine.environment import Unwatched, View, WatchedFrame
from proofs.engine.ground import Base
from proofs.engine.invariants import guess, settle
from proofs.engine.literals import Literal, Terms
from proofs.engine.paths import explore_loop, watch_system
from proofs.engine.prove import Prover
from proofs.engine.sampling import RandomAnswers, view_after
from proofs.engine.search import Script
from proofs.engine.solver import Solver
from proofs.engine.symbols import variable
from proofs.engine.system import CONSTANTS, Location, System, domain, symbolic_call
from proofs.engine.told import Told
from spec.claims import CLAIMS
from spec.monitor import Matter, Monitor
from spec.targets import TARGETS

# -- one element: whatever was joined satisfies its literals


NAMES = ("x", "y", "z", "n")
POINTS = st.lists(st.tuples(*[st.integers(-6, 20)] * 3, st.integers(0, 2)), min_size=1, max_size=6)
MARKS: dict[Terms, set[int]] = {
    (("x", 1),): {0, 1, 14},
    (("y", 1),): {0, 1, 14},
    (("x", 1), ("y", -1)): {-3, -2, -1, 0, 1, 2, 3},
    (("x", 1), ("z", -1)): {0, 1},
    (("x", 2), ("y", 1)): {0, 7, 30},
    (("x", 1), ("y", -2), ("z", 1)): {0, 9},
}
Points = list[tuple[int, int, int, int]]


def states(points: Points) -> list[dict[str, int]]:
    return [dict(zip(NAMES, point, strict=True)) for point in points]


def element_of(points: Points, form: str = FORMS[3], exact: bool = True) -> Element:
    element = Element(NAMES, MARKS if form in FORMS[2:] else {}, form)
    element.see(states(points), exact)
    return element


@given(POINTS, POINTS, st.sampled_from(FORMS), st.booleans())
@settings(max_examples=300)
def test_every_joined_state_satisfies_what_is_supposed_of_its_location(
    first: Points, later: Points, form: str, exact: bool
) -> None:
    element, joined = element_of(first, form, exact), states(first)
    assert all(literal.holds(state) for literal in element.literals() for state in joined)
    for state in states(later):
        joined.append(state)
        element.join(state)
        assert all(literal.holds(one) for literal in element.literals() for one in joined)


@given(POINTS, st.booleans())
@settings(max_examples=200)
def test_a_bound_left_out_as_redundant_follows_from_those_that_are_told(points: Points, exact: bool) -> None:
    element = element_of(points, exact=exact)
    solver = Solver()
    solver.push(element.literals())
    for form, most in element.most.items():
        assert not solver.satisfiable((Literal("le", form, -most).negated(),)), f"{form} > {most} is left open"


@given(POINTS, st.tuples(*[st.integers(-60, 60)] * 4), st.booleans())
@settings(max_examples=200)
def test_an_element_only_grows(points: Points, newcomer: tuple[int, int, int, int], exact: bool) -> None:
    """What was asked of a path is kept beside what is asked of it now: it may only say less than that."""
    element = element_of(points, exact=exact)
    before = element.literals()
    element.join(states([newcomer])[0])
    solver = Solver()
    solver.push(before)
    for literal in element.literals():
        assert not solver.satisfiable((literal.negated(),)), f"{literal} is new"


@given(POINTS, st.tuples(*[st.integers(-60, 60)] * 4))
@settings(max_examples=200)
def test_what_a_broken_bound_is_asked_to_weaken_to_says_no_more_than_what_it_weakens_to(
    points: Points, newcomer: tuple[int, int, int, int]
) -> None:
    """So a state that breaks it too need not be climbed to: the bound must give way in any case."""
    element = element_of(points)
    broken = element.join(states([newcomer])[0])
    solver = Solver()
    solver.push(Literal("le", form, -element.most[form]) for form in broken if form in element.most)
    for literal in element.far(broken):
        assert not solver.satisfiable((literal.negated(),)), f"{literal} is new"


def test_a_large_number_that_runs_of_one_size_alone_come_to_is_chance() -> None:
    x, least_x = (("x", 1),), (("x", -1),)
    chance = element_of([(17, 0, 0, 1), (20, 0, 0, 2)])
    assert chance.most[least_x] == -14 and x not in chance.most  # to the landmark 14, and to none: 20 is above all
    for points in ([(17, 0, 0, 1), (20, 0, 0, 1), (17, 0, 0, 2), (20, 0, 0, 2)], [(-9, 0, 0, 1), (16, 0, 0, 1)]):
        kept = element_of(points)
        assert (-kept.most[least_x], kept.most[x]) == (points[0][0], points[1][0])


# -- toy loops: every state that is reached satisfies what was found


@dataclass(frozen=True)
class Toy:
    """The state of a toy loop."""

    x: int
    y: int
    left: int


class ToyLoop(Loop):
    """Counts n down; at each grant x and y move by one pair of steps, at each refusal by another."""

    def __init__(self, first: tuple[int, int], granted: tuple[int, int], refused: tuple[int, int]) -> None:
        self.first, self.granted, self.refused = first, granted, refused

    def start(self, call: Call) -> Toy:
        """Return the state before the loop."""
        return Toy(*self.first, call.n)

    def turn(self, call: Call, state: Toy, kernel: Kernel) -> Toy | End:
        """Move once."""
        if state.left <= 0:
            return DONE
        page = kernel.alloc_pages(call.gfp, 0)
        x, y = self.refused if page is None else self.granted
        if state.x > 9:
            return Toy(state.x - 10, state.y + y, state.left - 1)
        return Toy(state.x + x, state.y + y, state.left - 1)


def location_of(state: Any, system: System, view: View | None = None) -> tuple[Location, dict[str, int]]:
    """Return where a state stands and its numbers there."""
    loop_shape, data = shapes.take_apart(state, system.promoted, constants=CONSTANTS)
    view_shape, seen = shapes.take_apart(view or Unwatched(), system.promoted, "memory", CONSTANTS)
    return Location(loop_shape, view_shape), data | seen


PAIRS = st.tuples(st.integers(-3, 4), st.integers(-3, 4))


@given(PAIRS, PAIRS, PAIRS, st.sampled_from(FORMS))
@settings(max_examples=40)
def test_what_is_found_of_a_toy_loop_holds_of_all_it_reaches(
    first: tuple[int, int], granted: tuple[int, int], refused: tuple[int, int], form: str
) -> None:
    loop, solver, call = ToyLoop(first, granted, refused), Solver(), symbolic_call(False)
    system = explore_loop(loop, call, "", solver, int_only=False)
    few = samples_of(loop, system)
    found = settle(system, guess(system, ("n",), few, {}, form), solver)
    for n in (0, 1, 2, 7):
        states = {loop.start(Call(n))}
        while states:
            following = set()
            for state in states:
                location, data = location_of(state, system)
                assert found[location].reached
                for literal in found[location].literals():
                    assert literal.holds(Values(data | {"n": n})), (state, n, str(literal))
                for granted_now in (False, True):
                    after = one_turn(loop, Call(n), state, granted_now)
                    if not isinstance(after, End):
                        following.add(after)
            states = following


def one_turn(loop: Loop, call: Call, state: Any, granted: bool) -> Any:
    """Return the state after a turn whose attempts all get the same answer."""
    after, _ = take_turn(loop, call, state, Kernel(Script([granted] * 70), PageArray()))
    return after


def samples_of(loop: Loop, system: System) -> dict[Location, list[dict[str, int]]]:
    """Return the states of two short runs: much too few to guess right from."""
    samples: dict[Location, list[dict[str, int]]] = {}
    for n, granted in ((0, True), (2, True)):
        state: Any = loop.start(Call(n))
        for _ in range(2):
            location, data = location_of(state, system)
            samples.setdefault(location, []).append(data | {"n": n})
            state = one_turn(loop, Call(n), state, granted)
            if isinstance(state, End):
                break
    return samples


def test_equalities_and_congruences_of_a_toy_loop_are_found() -> None:
    class Pairs(ToyLoop):
        """x grows by 2 while left falls by 1."""

        def turn(self, call: Call, state: Toy, kernel: Kernel) -> Toy | End:
            """Move once."""
            return DONE if state.left <= 0 else Toy(state.x + 2, state.y + 6, state.left - 1)

    loop, solver = Pairs((0, 1), (0, 0), (0, 0)), Solver()
    system = explore_loop(loop, symbolic_call(False), "", solver, int_only=False)
    found = settle(system, guess(system, ("n",), samples_of(loop, system), {}), solver)
    (element,) = (e for e in found.values() if e.reached)
    solver.push((*domain(symbolic_call(False), "", False), *element.literals()))
    x, y, left, n = (variable(name) for name in ("x", "y", "left", "n"))
    for truth in (x + 2 * left == 2 * n, y == 3 * x + 1, left >= 0):
        assert not solver.satisfiable((truth.literal.negated(),)), truth


def test_a_bound_that_no_path_keeps_is_not_climbed_to_step_by_step() -> None:
    loop, call, solver = ToyLoop((0, 0), (1, 0), (1, 0)), symbolic_call(False), Solver()
    system = explore_loop(loop, call, "", solver, int_only=False)
    start = next(one for one in system.transitions if one.source is None)
    element = Element(("x", "y", "left", "n"), {(("left", 1),): set(range(400))})
    element.see([{"x": 0, "y": 0, "left": left, "n": left} for left in (0, 1)])
    asking = Solver()
    asking.push(system.given)
    assert inv.close(start, element, asking, Told(system.given)) <= 3
    assert (("left", 1),) not in element.most and element.most[(("left", -1),)] == 0


# -- the real targets


@cache
def prover(target: str) -> Prover:
    return Prover(TARGETS[target])


def real_runs(target: str, sizes: tuple[int, ...]) -> Iterator[tuple[Call, list[tuple[Any, Any, tuple[Any, ...]]]]]:
    """Yield whole real runs under random answers: each turn's state before, state after, and events."""
    loop = TARGETS[target].loop
    random = Random(11)
    for n in sizes:
        for refuse_high, refuse_page in ((0.0, 0.0), (1.0, 0.002), (0.5, 0.0), (0.15, 0.02), (0.05, 0.0)):
            call = Call(n, GFP_KERNEL, TARGETS[target].single_pages)
            kernel = Kernel(RandomAnswers(random, refuse_high, refuse_page), PageArray())
            state, turns = loop.start(call), []
            while not isinstance(state, End):
                after, events = take_turn(loop, call, state, kernel)
                turns.append((state, after, tuple(events)))
                state = after
            yield call, turns


SIZES = (0, 1, 2, 14, 15, 16, 17, 31, 47, 255, 256, 271, 511, 512, 527, 783, 1024, 1039, 1800, 2583, 3000)


@pytest.mark.parametrize("target", ["patched", "single-pages"])
@pytest.mark.parametrize("kind", ["", "frame"])
def test_the_invariants_of_the_loop_hold_of_every_real_run(target: str, kind: str) -> None:
    base = prover(target).ground.base(kind)
    asked = 0
    for call, turns in real_runs(target, SIZES):
        view: View = WatchedFrame() if kind else Unwatched()
        watch = 5
        for state, _, events in turns:
            location, data = location_of(state, base.system, view)
            values = Values(data | {"n": call.n, "watch": watch})
            for literal in base.supporting[location]:
                assert literal.holds(values), f"n = {call.n} at {location}: {literal} of {data}"
                asked += 1
            view = view_after(view, watch, events)
    assert asked > 1000


def products(target: str) -> Iterator[tuple[str, type[Monitor], System, Base, inv.Invariants]]:
    """Yield the product of the loop with each claim's monitor, and the strongest invariants of it."""
    now = prover(target)
    for claim in CLAIMS.values():
        for part in claim.parts:
            if claim.not_applicable(now.target) or part.not_applicable(now.target):
                continue
            watches = part.monitor.watches
            base = now.ground.base("frame" if watches == "frame" else "")
            solver = Solver()
            watch: Any = variable("watch")
            matter = Matter(now.ground.call, now.target.orders, watch=watch)
            system = replace(base.system, given=domain(now.ground.call, watches, now.target.int_only))
            product_ = watch_system(system, part.monitor, matter, solver)
            samples, is_broken = now._sample_product(base, product_, part.monitor, matter, lambda: False)
            assert not is_broken
            parameters = ("n", "watch") if watches else ("n",)
            found = settle(product_, guess(product_, parameters, samples, base.supporting, FORMS[-1]), solver)
            yield claim.name, part.monitor, product_, base, found


@pytest.mark.slow
@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_the_invariants_of_every_claim_hold_of_every_real_run(target: str) -> None:
    runs = list(real_runs(target, SIZES[:14]))
    for name, monitor, product_, base, found in products(target):
        symbolic = Matter(prover(target).ground.call, TARGETS[target].orders, watch=variable("watch"))  # type: ignore[arg-type]  # a symbol
        described = {(str(location), location.branch): location for location in found}
        assert len(described) == len(found)  # a run's monitor holds another matter: its location is told by its words
        asked = 0
        for call, turns in runs:
            watch = {"slot": call.n // 2, "frame": 5, "order": 8}.get(monitor.watches, 0)
            if monitor.watches == "slot" and not call.n:
                continue
            given_at = product_.given_at.items()
            branch = next(b for b, literals in given_at if holds(literals, {"n": call.n}))
            now = monitor.start(Matter(call, TARGETS[target].orders, watch=watch))
            view: View = WatchedFrame() if monitor.watches == "frame" else Unwatched()
            for state, _, events in turns:
                below, data = location_of(state, base.system, view)
                shape, ghosts = shapes.take_apart(replace(now, matter=symbolic), product_.promoted, "ghost", CONSTANTS)
                here = found[described[str(Location(below.loop, below.view, shape, branch)), branch]]
                values = Values(data | ghosts | {"n": call.n, "watch": watch})
                for literal in here.literals():
                    assert literal.holds(values), f"{name}, n = {call.n}: {literal} of {dict(values)}"
                    asked += 1
                for event in events:
                    now = now.step(event)
                view = view_after(view, watch, events)
        assert asked or monitor.watches == ""


def holds(literals: tuple[Literal, ...], values: dict[str, int]) -> bool:
    return all(literal.holds(values) for literal in literals)


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_the_head_of_the_loop_knows_that_i_and_count_add_up_to_n(target: str) -> None:
    base = prover(target).ground.base("")
    n, i, count = (variable(name) for name in ("n", "i", "count"))
    heads = 0
    for location, literals in base.supporting.items():
        if "count" not in shapes.field_names(location.loop):
            continue
        heads += 1
        solver = Solver()
        solver.push((*base.system.given, *literals))
        assert not solver.satisfiable(((i + count != n).literal,)), location
        assert not solver.satisfiable(((count < 0).literal,)), location
    assert heads >= 1


def test_the_first_head_of_the_loop_does_not_bound_the_pages_still_wanted() -> None:
    """A bound that was redundant while count equalled another field plus a number once came back unproved."""
    base = prover("patched").ground.base("")
    for location, literals in base.supporting.items():
        if location == location_of(TARGETS["patched"].loop.start(Call(1)), base.system)[0]:
            for count in (14, 15, 16, 511, 512, 3000, 1 << 20, 1 << 40):
                assert holds(literals, {"n": count, "i": 0, "count": count}), f"count = {count}"


def test_what_is_found_does_not_depend_on_few_or_poor_samples() -> None:
    """From no sample at all the same invariants are proved, or weaker ones; never ones that a run breaks."""
    target = TARGETS["patched"]
    solver = Solver()
    system = explore_loop(target.loop, symbolic_call(False), "", solver, int_only=False)
    for samples in ({}, samples_of(target.loop, system)):
        found = settle(system, guess(system, ("n",), samples, {}), solver)
        for call, turns in real_runs("patched", (0, 1, 15, 16, 17, 527, 1039)):
            for state, _, _ in turns:
                location, data = location_of(state, system)
                for literal in found[location].literals():
                    assert literal.holds(Values(data | {"n": call.n})), (location, str(literal), data)
