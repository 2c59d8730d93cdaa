"""A machine's memory: nodes and zones, asked in the kernel's order. A refusal means that all of them refused."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from model.buddy import Zone, ZoneState
from model.gfp import Gfp
from model.kernel import Crash

# include/linux/mmzone.h, "enum zone_type". Movable serves movable requests only, Device none at all.
ZONE_NAMES = ("DMA", "DMA32", "Normal", "HighMem", "Movable", "Device")


def zones_tried(gfp: Gfp) -> tuple[str, ...]:
    """Return the zones that an unmovable request may use, the highest first: mm/page_alloc.c, build_zonerefs_node()."""
    return ("HighMem", "Normal", "DMA32", "DMA") if gfp.highmem else ("Normal", "DMA32", "DMA")


class Machine:
    """Zones of one or more nodes, an `Allocator`: all zones of the local node are tried first, then the other nodes'.

    Every zone begins with the free blocks of its ``ZoneState``. An order-0 request that finds nothing is refused: the
    kernel would first reclaim, and kill for memory; the environments that wrap a machine do.
    """

    def __init__(self, states: Iterable[ZoneState], local_node: int | None = None) -> None:
        self.zones: list[Zone] = []
        base = 0
        for state in states:
            largest = 1 << state.max_order
            self.zones.append(Zone(state, -(-base // largest) * largest))
            base = self.zones[-1].end
        names = [(zone.node, zone.name) for zone in self.zones]
        if not names or len(names) != len(set(names)):
            raise ValueError(f"expected one zone or more, each once; got {names}")
        nodes = sorted({zone.node for zone in self.zones}, key=lambda node: (node != local_node, node))
        self.fallback: dict[bool, list[Zone]] = {
            highmem: [
                zone
                for node in nodes
                for name in zones_tried(Gfp(highmem=highmem))
                for zone in self.zones
                if (zone.node, zone.name) == (node, name)
            ]
            for highmem in (False, True)
        }
        self.bases = [zone.base for zone in self.zones]

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the first frame of a block of 2^order pages, or None when every zone refused."""
        # mm/page_alloc.c, get_page_from_freelist()
        for zone in self.fallback[gfp.highmem]:
            frame = zone.alloc(order)
            if frame is not None:
                return frame
        return None

    def free_pages(self, frame: int, order: int) -> None:
        """Take back a block, in the zone that owns it."""
        owner = bisect_right(self.bases, frame) - 1
        if owner < 0:
            raise Crash("rollback-exact", f"frame {frame} is in no zone")
        self.zones[owner].free(frame, order)

    def state(self) -> tuple[ZoneState, ...]:
        """Return how many blocks of which order and type are free in every zone now."""
        return tuple(zone.state() for zone in self.zones)

    def __repr__(self) -> str:
        return f"Machine({list(self.state())!r})"
