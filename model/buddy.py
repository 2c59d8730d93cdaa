"""One zone's free memory as mm/page_alloc.c keeps it: free lists by order and migrate type, split, merged, guarded.

Not modelled: per-CPU lists, page blocks that change their type, and time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from model.kernel import Crash


class Migrate(IntEnum):
    """``enum migratetype``, include/linux/mmzone.h: what the pages around a free block are used for."""

    UNMOVABLE = 0
    MOVABLE = 1
    RECLAIMABLE = 2
    HIGHATOMIC = 3
    CMA = 4
    ISOLATE = 5


USABLE = (Migrate.UNMOVABLE, Migrate.MOVABLE, Migrate.RECLAIMABLE)  # MIGRATE_PCPTYPES; the others serve no loop of ours

# mm/page_alloc.c: "static int fallbacks[MIGRATE_TYPES][...]"
FALLBACKS: Mapping[Migrate, tuple[Migrate, ...]] = {
    Migrate.UNMOVABLE: (Migrate.RECLAIMABLE, Migrate.MOVABLE),
    Migrate.MOVABLE: (Migrate.RECLAIMABLE, Migrate.UNMOVABLE),
    Migrate.RECLAIMABLE: (Migrate.UNMOVABLE, Migrate.MOVABLE),
}


@dataclass(frozen=True)
class ZoneState:
    """How many blocks of each migrate type and order are free in one zone: index is the order, its length decides the
    largest order. ``min_pages`` is the minimum watermark; ``reserve_pages`` is kept back besides from requests that
    could use a higher zone (lowmem_reserve). No dump of free lists alone shows either."""

    node: int
    name: str
    blocks: Mapping[Migrate, tuple[int, ...]]
    min_pages: int = 0
    reserve_pages: int = 0

    def __post_init__(self) -> None:
        lengths = {len(counts) for counts in self.blocks.values()}
        if len(lengths) != 1 or 0 in lengths:
            came = sorted(lengths)
            raise ValueError(
                f"{self.name}: expected the same number of orders, one or more, for every type; got {came}"
            )
        numbers = [self.min_pages, self.reserve_pages, *(count for counts in self.blocks.values() for count in counts)]
        if min(numbers) < 0:
            raise ValueError(f"{self.name}: a number of blocks or pages is negative")

    @property
    def max_order(self) -> int:
        """Return the largest order that has a free list."""
        return len(next(iter(self.blocks.values()))) - 1

    def by_order(self, kinds: tuple[Migrate, ...] = tuple(Migrate)) -> tuple[int, ...]:
        """Return the number of free blocks of ``kinds`` together, by order."""
        chosen = [self.blocks[kind] for kind in kinds if kind in self.blocks]
        return tuple(sum(column) for column in zip(*chosen, strict=True)) or (0,) * (self.max_order + 1)

    def total_pages(self, kinds: tuple[Migrate, ...] = tuple(Migrate)) -> int:
        """Return the number of pages in free blocks of ``kinds``."""
        return sum(count << order for order, count in enumerate(self.by_order(kinds)))

    def __str__(self) -> str:
        return f"Node {self.node}, zone {self.name:>8} " + " ".join(f"{count:6}" for count in self.by_order())


class FreeList:
    """The free blocks of one type and order; the last one put in is the first one taken out.

    Those the zone began with are a *run*: a first frame, a number left and a stride, whatever their number. Below the
    largest order each is the low half of a pair whose high half is in use, so that no two of them are buddies; blocks
    of the largest order, which merge no further, stand side by side.
    """

    def __init__(self, kind: Migrate, order: int, stride: int, start: int, left: int) -> None:
        self.kind = kind
        self.order = order
        self.stride = stride
        self.next = start
        self.left = left
        self.blocks: dict[int, None] = {}  # in the order of arrival

    def __len__(self) -> int:
        return len(self.blocks) + self.left

    def __iter__(self) -> Iterator[int]:
        yield from self.blocks
        yield from range(self.next, self.next + self.left * self.stride, self.stride)

    def take(self) -> int:
        """Remove a block and return its first frame. There must be one."""
        if self.blocks:
            return self.blocks.popitem()[0]
        frame = self.next
        self.next += self.stride
        self.left -= 1
        return frame

    def run_holds(self, frame: int) -> bool:
        """Return whether ``frame`` is in a block of the run that is still free."""
        within = self.next <= frame < self.next + self.left * self.stride
        return within and (frame - self.next) % self.stride < 1 << self.order


class Zone:
    """The free lists of one zone, its frames from ``base`` (a multiple of the largest block) up to ``end``.

    Its memory is cut into regions, one for each list that began with blocks, each a multiple of the largest block long:
    buddies are always of one region, and a freed block returns to the type of its region.
    """

    def __init__(self, state: ZoneState, base: int = 0) -> None:
        self.node, self.name = state.node, state.name
        self.min_pages, self.reserve_pages = state.min_pages, state.reserve_pages
        self.kinds = tuple(state.blocks)
        self.max_order = state.max_order
        self.usable_pages = state.total_pages(USABLE)
        self.nonempty = [0] * len(Migrate)  # by type: bit o is set when the list of order o holds a block
        self.lists: list[list[FreeList]] = []
        self.regions: list[FreeList] = []
        self.base = self.end = base
        if base % (1 << self.max_order):
            raise ValueError(f"base {base} is not a multiple of the largest block, {1 << self.max_order} pages")
        for kind in Migrate:
            counts = state.blocks.get(kind, (0,) * (self.max_order + 1))
            self.lists.append([self._populated(kind, order, count) for order, count in enumerate(counts)])
        self.region_starts = [region.next for region in self.regions]

    def _populated(self, kind: Migrate, order: int, count: int) -> FreeList:
        stride = 1 << min(order + 1, self.max_order)
        populated = FreeList(kind, order, stride, self.end, count)
        if count:
            self.regions.append(populated)
            self.nonempty[kind] |= 1 << order
            self.end += -(-count * stride >> self.max_order) << self.max_order
        return populated

    def alloc(self, order: int, kind: Migrate = Migrate.UNMOVABLE) -> int | None:
        """Return the first frame of a block of 2^order pages that is free no more, or None, with nothing changed."""
        if order > self.max_order or not self.is_above_watermark(order):
            return None
        found = self._smallest(order, kind) or self._largest_fallback(order, kind)
        if found is None:
            return None
        frame = self._take(found)
        # mm/page_alloc.c, expand(): the low half is kept, the high half goes on the list below
        for below in range(found.order - 1, order - 1, -1):
            self._put(frame + (1 << below), below, kind)
        self.usable_pages -= 1 << order
        return frame

    def is_above_watermark(self, order: int) -> bool:
        """Return whether more usable pages are free than are kept back, not counting 2^order - 1 of them."""
        # mm/page_alloc.c, __zone_watermark_ok(): tested first, so a large block may be refused although one is free
        return self.usable_pages - ((1 << order) - 1) > self.min_pages + self.reserve_pages

    def free(self, frame: int, order: int) -> None:
        """Put back a block of 2^order pages, merged with its buddy for as long as that one is free."""
        kind = self._region_of(frame, order).kind
        kinds = USABLE if kind in USABLE else (kind,)
        if kind in USABLE:
            self.usable_pages += 1 << order
        # mm/page_alloc.c, __free_one_page()
        while order < self.max_order and self._remove(frame ^ (1 << order), order, kinds):
            frame &= ~(1 << order)
            order += 1
        self._put(frame, order, kind)

    def state(self) -> ZoneState:
        """Return how many blocks are free now."""
        kinds = [kind for kind in Migrate if kind in self.kinds or self.nonempty[kind]]
        blocks = {kind: tuple(len(blocks) for blocks in self.lists[kind]) for kind in kinds}
        return ZoneState(self.node, self.name, blocks, self.min_pages, self.reserve_pages)

    def free_blocks(self) -> Iterator[tuple[int, int, Migrate]]:
        """Yield first frame, order and type of every free block: as many as there are, so for small zones."""
        for lists in self.lists:
            for blocks in lists:
                yield from ((frame, blocks.order, blocks.kind) for frame in blocks)

    def _smallest(self, order: int, kind: Migrate) -> FreeList | None:
        # mm/page_alloc.c, __rmqueue_smallest()
        large_enough = self.nonempty[kind] >> order << order
        lowest = (large_enough & -large_enough).bit_length() - 1
        return self.lists[kind][lowest] if large_enough else None

    def _largest_fallback(self, order: int, kind: Migrate) -> FreeList | None:
        # mm/page_alloc.c, __rmqueue_fallback(): "Find the largest available free page in the other list"
        largest: FreeList | None = None
        for other in FALLBACKS[kind]:
            highest = self.nonempty[other].bit_length() - 1
            if highest >= order and (largest is None or highest > largest.order):
                largest = self.lists[other][highest]
        return largest

    def _take(self, blocks: FreeList) -> int:
        frame = blocks.take()
        if not len(blocks):
            self.nonempty[blocks.kind] &= ~(1 << blocks.order)
        return frame

    def _put(self, frame: int, order: int, kind: Migrate) -> None:
        self.lists[kind][order].blocks[frame] = None
        self.nonempty[kind] |= 1 << order

    def _remove(self, frame: int, order: int, kinds: tuple[Migrate, ...]) -> bool:
        """Take this very block off its list and return True, or return False when it is not free as one block.

        A block of a run is never asked for: its buddy is in use by somebody who does not free it.
        """
        for kind in kinds:
            blocks = self.lists[kind][order]
            if frame in blocks.blocks:
                del blocks.blocks[frame]
                if not len(blocks):
                    self.nonempty[kind] &= ~(1 << order)
                return True
        return False

    def _region_of(self, frame: int, order: int) -> FreeList:
        """Return the region of a block that may be freed; anything else is a crash."""
        if not self.base <= frame < self.end or order > self.max_order or frame % (1 << order):
            raise Crash("rollback-exact", f"frame {frame}, order {order}: zone {self.name} has no such block")
        region = self.regions[bisect_right(self.region_starts, frame) - 1]
        if region.run_holds(frame) or self._is_listed(frame, order):
            raise Crash("rollback-exact", f"frame {frame}, order {order}: freed although it is free")
        return region

    def _is_listed(self, frame: int, order: int) -> bool:
        for lists, orders in zip(self.lists, self.nonempty, strict=True):
            for at in range(order, orders.bit_length()):
                if frame >> at << at in lists[at].blocks:
                    return True
        return False
