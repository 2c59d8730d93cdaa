"""The ten claims admit exactly one run: checked against every run there is, for small arrays and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from model.events import DONE, FAILED, Attempt, End
from model.gfp import GFP_HIGHMEM, GFP_KERNEL, GFP_NORETRY, GFP_NOWARN, GFP_ZERO, Gfp
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from model.patched import Patched
from proofs.engine.search import NeedsAnswer, Script
from proofs.specification_complete import determining, keeps, watched
from spec.monitor import Matter, Monitor

ARRAYS = ((1, 0), (2, 0), (2, 1, 0), (0,), (3, 1, 0))
CALLERS = (GFP_KERNEL, GFP_KERNEL | GFP_NORETRY)
Run = tuple[Attempt | End, ...]


def moves(caller: Gfp, orders: range) -> list[Attempt | End]:
    """Return everything that a strategy may do next: both ends, any order, flags right and wrong, either answer."""
    plain = caller | GFP_NOWARN | GFP_HIGHMEM
    flags = dict.fromkeys((plain, plain | GFP_NORETRY, plain.without(GFP_NORETRY), plain | GFP_ZERO, caller))
    attempts = [Attempt(order, gfp, frame) for order, gfp, frame in product(orders, flags, (0, None))]
    return [DONE, FAILED, *attempts]


def admitted(matter: Matter, names: dict[str, type[Monitor]], most_attempts: int) -> Iterator[Run]:
    """Yield every run of at most so many attempts that keeps all the claims."""
    choices = moves(matter.call.gfp, range(4))
    pending: list[tuple[Run, tuple[Monitor, ...]]] = [((), watched(matter, names))]
    while pending:
        so_far, monitors = pending.pop()
        for move in choices:
            after = keeps(monitors, move)
            if after is None:
                continue
            if isinstance(move, End):
                yield (*so_far, move)
            elif len(so_far) < most_attempts:
                pending.append(((*so_far, move), after))


def runs_of_the_loop(matter: Matter) -> set[Run]:
    """Return every run of the patched loop, by trying every answer."""
    found: set[Run] = set()
    scripts: list[tuple[bool, ...]] = [()]
    while scripts:
        script = scripts.pop()
        kernel = Kernel(Script(script), PageArray())
        try:
            events = list(run(Patched(matter.orders), matter.call, kernel))
        except NeedsAnswer:
            scripts += [(*script, True), (*script, False)]
            continue
        found.add(tuple(seen(event) for event in events if isinstance(event, Attempt | End)))
    return found


def seen(event: Attempt | End) -> Attempt | End:
    """Return the event without its frame: a run is orders, flags and answers."""
    return replace(event, frame=0 if event.granted else None) if isinstance(event, Attempt) else event


def matters(single_pages: bool, most_n: int) -> Iterator[Matter]:
    for orders, n, caller in product(ARRAYS, range(most_n + 1), CALLERS):
        yield Matter(Call(n, caller, single_pages), orders)


@pytest.mark.parametrize("single_pages", [False, True])
def test_exactly_the_patched_loops_runs_keep_all_the_claims(single_pages: bool) -> None:
    counted = 0
    for matter in matters(single_pages, 5):
        loop = runs_of_the_loop(matter)
        longest = max(len(one) for one in loop)
        assert set(admitted(matter, determining(single_pages), longest + 1)) == loop
        counted += len(loop)
    assert counted > 100


@pytest.mark.parametrize("dropped", determining(False))
def test_without_any_one_claim_another_run_is_admitted(dropped: str) -> None:
    names = {name: monitor for name, monitor in determining(False).items() if name != dropped}
    assert another_run(False, names), f"{dropped} follows from the others: the set is not minimal"


def test_with_the_attribute_four_claims_follow_from_single_pages_and_the_rest_are_needed() -> None:
    every = determining(True)
    needless = {name for name in every if not another_run(True, {k: v for k, v in every.items() if k != name})}
    # single-pages says that every attempt is of order 0, and that a success takes exactly n of them
    orders_are_said = {"orders-from-array", "refused-order-not-asked-again", "high-orders-never-retry"}
    assert needless == orders_are_said | {"page-total"}


def another_run(single_pages: bool, names: dict[str, type[Monitor]]) -> Run | None:
    """Return a run that keeps the claims and is not the patched loop's."""
    for matter in matters(single_pages, 4):
        loop = runs_of_the_loop(matter)
        for one in admitted(matter, names, 4):
            if one not in loop:
                return one
    return None


def test_the_claims_that_follow_look_at_attempts_only_and_hold_of_every_admitted_run() -> None:
    from proofs.specification_complete import APART, FOLLOWS
    from spec.claims import CLAIMS
    from spec.judge import broken_at

    assert set(FOLLOWS) | set(APART) <= set(CLAIMS)
    for matter in matters(False, 5):
        for one in admitted(matter, determining(False), 9):
            for name in FOLLOWS:
                for part in CLAIMS[name].parts:
                    assert broken_at(part.monitor, matter, one) is None, (name, one)
