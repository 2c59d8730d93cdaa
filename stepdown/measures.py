"""What one simulated run cost: the numbers that strategies are compared by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from model.buddy import USABLE, ZoneState
from model.loop import Call, Loop
from model.machine import Machine
from model.tlb import PAGE_ORDERS, most_entries
from stepdown.simulate import PAGE_SIZE, simulate

LARGE_ORDER = 9  # 2 MiB: what a large block is

Log = list[tuple[int, int | None]]  # order and first frame of each attempt, None where it was refused


@dataclass(frozen=True)
class Cost:
    """A run: whether it got its buffer, its attempts, how many usable free blocks of order 9 it took or split, a block
    of order 10 counting two; and the IOMMU's page sizes as orders."""

    ok: bool
    log: Log
    large_blocks: int
    page_orders: tuple[int, ...] = PAGE_ORDERS

    def attempts(self) -> int:
        """Return how often the page allocator was asked."""
        return len(self.log)

    def refused(self) -> int:
        """Return how many blocks above order 0 were refused."""
        return sum(frame is None and order > 0 for order, frame in self.log)

    def chunks(self) -> int:
        """Return how many blocks the buffer is made of."""
        return sum(frame is not None for _, frame in self.log)

    def tlb_entries(self) -> int:
        """Return how many entries of the IOMMU's page table map the buffer, wherever its I/O address may lie."""
        return most_entries([(frame, 1 << order) for order, frame in self.log if frame is not None], self.page_orders)


MEASURES: Mapping[str, Callable[[Cost], int]] = {
    "attempts": Cost.attempts,
    "refused above order 0": Cost.refused,
    "chunks": Cost.chunks,
    "TLB entries": Cost.tlb_entries,
    "large blocks": lambda cost: cost.large_blocks,
}


def cost_of(loop: Loop, call: Call, zones: Iterable[ZoneState], page_orders: tuple[int, ...] = PAGE_ORDERS) -> Cost:
    """Return what ``loop`` costs on the memory ``zones``."""
    log: Log = []
    done = simulate(loop, call, Machine(zones), log=log)
    return Cost(done.ok, log, _large(done.before) - _large(done.after), page_orders)


def _large(zones: Iterable[ZoneState]) -> int:
    large = [zone.by_order(USABLE)[LARGE_ORDER:] for zone in zones]
    return sum(count << above for counts in large for above, count in enumerate(counts))


def parse_pgsizes(text: str) -> tuple[int, ...]:
    """Return the orders of the page sizes in a list such as "4K,64K,1M". Raises ValueError with one line."""
    orders = set()
    for word in text.split(","):
        found = re.fullmatch(r"(\d{1,12})([KMG]?)", word.strip(), re.ASCII | re.IGNORECASE)
        if found is None:
            raise ValueError(f"page sizes {text[:40]!r}: expected such as 4K,64K,1M,2M")
        size = int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2].upper()]
        if size < PAGE_SIZE or size & (size - 1):
            raise ValueError(f"page sizes {text[:40]!r}: {word} is no power of two of at least 4K")
        orders.add((size // PAGE_SIZE).bit_length() - 1)
    if 0 not in orders:
        raise ValueError(f"page sizes {text[:40]!r}: 4K must be among them, or a single page cannot be mapped")
    return tuple(sorted(orders))
