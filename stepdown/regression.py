"""Two loops on the same memory: where a cost grew most, and the most that the allocator's own costs can come to.

Nothing here is proved: what is found was run, and the sizes and memories that were tried are said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from model.buddy import Migrate, ZoneState
from model.loop import Call
from model.tlb import PAGE_ORDERS
from spec.monitor import MAX_PAGE_ORDER
from spec.targets import Target
from stepdown import drawn
from stepdown.drawn import Memory
from stepdown.measures import MEASURES, Cost, cost_of

CHECKED_N = 8  # pages: every memory is tried for every n up to here
LARGER = tuple(size for order in range(4, 11) for size in ((1 << order) - 1, 1 << order))  # pages: with fewer memories
LARGE_N = 1025  # pages: large blocks lost are counted for every n up to here,
MOST_ATTEMPTS = 60_000  # as long as that takes no more attempts


@dataclass(frozen=True)
class Worse:
    """A run of each loop on one memory, and what a cost came to."""

    measure: str
    n: int
    memory: Memory
    old: int
    new: int

    @property
    def buddyinfo(self) -> str:
        """Return the memory as a line of /proc/buddyinfo."""
        return "Node 0, zone   Normal" + "".join(f" {count}" for count in self.memory)


def few_memories(n: int, max_order: int) -> Iterator[Memory]:
    """Yield memories for a larger n: single pages enough, and of the others one block, one of each order, or none."""
    orders = range(1, max_order + 1)
    for present in [(), tuple(orders), *((order,) for order in orders)]:
        yield (n, *(int(order in present) for order in orders))


def cost(target: Target, n: int, memory: Memory, page_orders: tuple[int, ...] = PAGE_ORDERS) -> Cost | None:
    """Return what a loop costs there, None where it does not get its buffer."""
    zone = ZoneState(0, "Normal", {Migrate.UNMOVABLE: memory})
    found = cost_of(target.loop, Call(n, single_pages=target.single_pages), [zone], page_orders)
    return found if found.ok else None


def regressions(
    old: Target, new: Target, max_order: int = MAX_PAGE_ORDER, page_orders: tuple[int, ...] = PAGE_ORDERS
) -> tuple[list[Worse], list[Worse]]:
    """Return for each measure the worst ratio of NEW to OLD up to CHECKED_N, and the worst at the larger sizes.

    Of the same ratio the smallest n, then the fewest free pages. A measure that never grows is left out.
    """
    both = (old, new)
    small = (
        (n, memory, costs)
        for n in range(1, CHECKED_N + 1)
        for memory, costs in sorted(drawn.costs(both, n, max_order, page_orders), key=lambda one: _plainness(one[0]))
    )
    large = (
        (n, memory, [cost(target, n, memory, page_orders) for target in both])
        for n in LARGER
        for memory in sorted(few_memories(n, max_order), key=_plainness)
    )
    return worst_of(small), worst_of(large)


def _plainness(memory: Memory) -> tuple[int, Memory]:
    return sum(count << order for order, count in enumerate(memory)), memory


def worst_of(cases: Iterable[tuple[int, Memory, Sequence[Cost | None]]]) -> list[Worse]:
    """Return for each measure that grows the case with the worst ratio, the first of such; a case is n, the memory,
    and what it costs OLD and NEW, None where they do not get their buffer."""
    worst: dict[str, Worse] = {}
    for n, memory, (before, after) in cases:
        if before is None or after is None:
            continue
        for name, measure in MEASURES.items():
            now = Worse(name, n, memory, measure(before), measure(after))
            if now.new > now.old and (name not in worst or _is_worse(now, worst[name])):
                worst[name] = now
    return [worst[name] for name in MEASURES if name in worst]


def _is_worse(one: Worse, other: Worse) -> bool:
    """Return whether the ratio is larger; something for nothing is larger than any."""
    left, right = one.new * other.old, other.new * one.old
    return left > right if one.old or other.old else one.new > other.new


def most_large_blocks(target: Target, max_order: int = MAX_PAGE_ORDER) -> tuple[int, ...] | None:
    """Return the most large blocks lost for each n from 0 on, of a memory that has no smaller ones; None where a call
    fails."""
    most: list[int] = []
    attempts = 0
    while len(most) <= LARGE_N and attempts <= MOST_ATTEMPTS:
        n = len(most)
        lost = 0
        for order in range(9, max_order + 1):
            memory = tuple((1 + n // 512) * (at == order) for at in range(max_order + 1))
            found = cost(target, n, memory)
            if found is None:
                return None
            lost = max(lost, found.large_blocks)
            attempts += found.attempts()
        most.append(lost)
    return tuple(most)
