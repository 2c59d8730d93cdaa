"""``stepdown search``: what order arrays cost on given memory, and which of them no other one beats.

A cost is what the simulated allocator says (`stepdown.simulate`): nothing here is proved.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import combinations

from model.buddy import ZoneState
from model.loop import Call
from model.patched import Patched
from stepdown.measures import MEASURES as ALL_MEASURES
from stepdown.measures import cost_of

MOST_ORDER = 10  # of all arrays: MAX_PAGE_ORDER of most configurations

Orders = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A request for ``n`` pages of the memory ``zones``; ``name`` is what the user calls that memory."""

    name: str
    n: int
    zones: tuple[ZoneState, ...]


@dataclass(frozen=True)
class Result:
    """What an array costs: one number a measure, all cases together; None where it does not get every buffer."""

    orders: Orders
    costs: tuple[int, ...] | None


MEASURES = {name: ALL_MEASURES[name] for name in ("attempts", "TLB entries", "large blocks")}


def every_array(most: int = MOST_ORDER) -> list[Orders]:
    """Return the arrays of distinct orders, largest first, up to ``most`` and ending with 0: 2^most of them."""
    return [(*chosen, 0) for length in range(most + 1) for chosen in combinations(range(most, 0, -1), length)]


def evaluated(orders: Orders, cases: Sequence[Case]) -> Result:
    """Return what the patched loop with the array ``orders`` costs."""
    totals = [0] * len(MEASURES)
    for case in cases:
        cost = cost_of(Patched(orders), Call(case.n), case.zones)
        if not cost.ok:
            return Result(orders, None)
        totals = [total + measure(cost) for total, measure in zip(totals, MEASURES.values(), strict=True)]
    return Result(orders, tuple(totals))


def search(
    arrays: Iterable[Orders], cases: Sequence[Case], jobs: int = -1, scheduler: str | None = None
) -> Iterator[Result]:
    """Return the result of each array, in any order, from ``jobs`` processes (-1: one a core), or from the Dask cluster
    whose scheduler is at the address ``scheduler``, which needs stepdown on its workers.

    To be called in the main thread. Raises OSError or ValueError where there is no such cluster.
    """
    from joblib import Parallel, delayed, parallel_config

    where = {"backend": "dask", "scheduler_host": scheduler} if scheduler else {"backend": "loky", "n_jobs": jobs}
    with parallel_config(**where), nullcontext() if scheduler else _deaf_to_interrupts():
        tasks = (delayed(evaluated)(orders, cases) for orders in arrays)
        results: Iterator[Result] = Parallel(return_as="generator_unordered")(tasks)
        return results


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C, as the processes that are started meanwhile will for good: it is for who started them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def front(results: Iterable[Result]) -> list[Result]:
    """Return the results that no other one beats: no worse in every measure, better in one. Of arrays that cost the
    same the shortest stands for all; the fewest attempts come first."""
    kept: list[Result] = []
    ranked = [(found.costs, len(found.orders), found.orders) for found in results if found.costs is not None]
    for costs, _, orders in sorted(ranked):  # what beats one, or stands for it, comes before it
        if not any(all(a <= b for a, b in zip(other.costs or (), costs, strict=True)) for other in kept):
            kept.append(Result(orders, costs))
    return kept
