"""Two loops on the same memory: where a cost grew most, and the most that the allocator's own costs can come to.

Nothing here is proved: what is found was run, and the sizes and memories that were tried are said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from model.buddy import Migrate, ZoneState
from model.loop import Call
from model.tlb import PAGE_ORDERS
from spec.monitor import MAX_PAGE_ORDER
from spec.targets import Target
from stepdown.measures import MEASURES, Cost, cost_of

CHECKED_N = 32  # pages: every memory of the kind below is tried for every n up to here
LARGER = tuple(size for order in range(6, 11) for size in ((1 << order) - 1, 1 << order))  # pages: with fewer memories
LARGE_N = 1025  # pages: large blocks lost are counted for every n up to here,
MOST_ATTEMPTS = 60_000  # as long as that takes no more attempts

Memory = tuple[int, ...]  # free blocks by order


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


def memories(n: int, max_order: int) -> Iterator[Memory]:
    """Yield memories of one zone that hold n pages: single pages enough or none, at most one block of each order that
    is asked for, and at most one that is larger than the buffer.

    One such block serves all that the others do not, so a second one, or a third order, would change no answer.
    """
    asked = range(1, min(n.bit_length(), max_order + 1))
    larger = [None, *range(n.bit_length(), max_order + 1)[:1], max_order]
    for pages, present, top in product((n, 0), product((0, 1), repeat=len(asked)), dict.fromkeys(larger)):
        counts = [pages, *present] + [0] * (max_order - len(asked))
        if top is not None and top > 0:
            counts[top] |= 1
        if sum(count << order for order, count in enumerate(counts)) >= n:
            yield tuple(counts)


def few_memories(n: int, max_order: int) -> Iterator[Memory]:
    """Yield memories for a larger n: single pages enough, and of the others one block, one of each order, or none."""
    orders = range(1, max_order + 1)
    for present in [(), tuple(orders), *((order,) for order in orders)]:
        yield (n, *(int(order in present) for order in orders))


def cost(target: Target, n: int, memory: Memory, page_orders: tuple[int, ...] = PAGE_ORDERS) -> Cost | None:
    """Return what a loop costs there, None where it does not get its buffer."""
    zone = ZoneState(0, "Normal", {Migrate.UNMOVABLE: memory})
    found = cost_of(target.loop, Call(n, single_pages=target.single_pages), [zone], page_orders)
    return found if found.run.ok else None


def regressions(
    old: Target, new: Target, max_order: int = MAX_PAGE_ORDER, page_orders: tuple[int, ...] = PAGE_ORDERS
) -> tuple[list[Worse], list[Worse]]:
    """Return for each measure the worst ratio of NEW to OLD up to CHECKED_N, and the worst at the larger sizes.

    Of the same ratio the smallest n, then the fewest free pages. A measure that never grows is left out.
    """
    small = ((n, memory) for n in range(1, CHECKED_N + 1) for memory in _plainest(memories(n, max_order)))
    large = ((n, memory) for n in LARGER for memory in _plainest(few_memories(n, max_order)))
    return worst_on(old, new, small, page_orders), worst_on(old, new, large, page_orders)


def _plainest(found: Iterable[Memory]) -> list[Memory]:
    return sorted(set(found), key=lambda memory: (sum(count << order for order, count in enumerate(memory)), memory))


def worst_on(
    old: Target, new: Target, cases: Iterable[tuple[int, Memory]], page_orders: tuple[int, ...] = PAGE_ORDERS
) -> list[Worse]:
    """Return for each measure that grows the case with the worst ratio, the first of such."""
    worst: dict[str, Worse] = {}
    for n, memory in cases:
        before, after = cost(old, n, memory, page_orders), cost(new, n, memory, page_orders)
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
            lost = max(lost, found.large_blocks())
            attempts += found.attempts()
        most.append(lost)
    return tuple(most)
