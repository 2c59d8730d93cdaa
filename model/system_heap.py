"""The loop of drivers/dma-buf/heaps/system_heap.c: orders {8, 4, 0}, each with flags of its own, blocks kept whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

from model.events import DONE, FAILED, End
from model.gfp import GFP_COMP, GFP_HIGHMEM, GFP_KERNEL, GFP_NORETRY, GFP_NOWARN, GFP_RECLAIM, GFP_ZERO, Gfp
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding

ORDERS = (8, 4, 0)  # system_heap.c: "static const unsigned int orders[] = {8, 4, 0};"

GFP_HARDWALL = Gfp(other=0x100000)  # changes nothing here, and is part of GFP_HIGHUSER
LOW_ORDER_GFP = GFP_KERNEL | GFP_HARDWALL | GFP_HIGHMEM | GFP_ZERO
HIGH_ORDER_GFP = (LOW_ORDER_GFP | GFP_NOWARN | GFP_NORETRY).without(GFP_RECLAIM) | GFP_COMP
LOW_ORDER_GFP_6_1 = LOW_ORDER_GFP | GFP_COMP
MID_ORDER_GFP = LOW_ORDER_GFP_6_1 | GFP_NOWARN  # through Linux 6.1: order 4 may retry, and wake the OOM killer

ORDER_FLAGS = (HIGH_ORDER_GFP, HIGH_ORDER_GFP, LOW_ORDER_GFP)
ORDER_FLAGS_6_1 = (HIGH_ORDER_GFP, MID_ORDER_GFP, LOW_ORDER_GFP_6_1)


def up_to(max_order: int) -> tuple[int, ...]:
    """Return the orders that are not above ``max_order``."""
    return tuple(order for order in ORDERS if order <= max_order)


@dataclass(frozen=True)
class Filling:
    """At the head of "while (size_remaining > 0)"."""

    i: int  # pages got: the next one's place in the buffer
    remaining: int
    orders: tuple[int, ...]  # those up to "max_order", the newest block's: none above it is asked for again
    end_of_8: int = 0  # blocks of order 8 come first, up to here;
    end_of_4: int = 0  # then those of order 4, up to here


@dataclass(frozen=True)
class Freeing(Unwinding):
    """In the error path: the blocks of slots ``freed`` to ``i`` are still to be freed, those of ``order`` first."""

    freed: int
    order: int
    end_of_8: int
    end_of_4: int


class SystemHeap(Loop):
    """``system_heap_allocate()`` with ``alloc_largest_available()`` inside. Neither gfp nor attributes matter to it."""

    def __init__(self, order_flags: tuple[Gfp, ...] = ORDER_FLAGS) -> None:
        self.order_flags = order_flags

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n, ORDERS)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Freeing | End:
        """Get one block, the largest that there is."""
        i, remaining = state.i, state.remaining
        if not remaining:
            return DONE
        for order in state.orders:  # not those above: "if (max_order < orders[i]) continue;"
            if remaining < 1 << order:  # "if (size < (PAGE_SIZE << orders[i])) continue;"
                continue
            page = kernel.alloc_pages(self.order_flags[ORDERS.index(order)], order)
            if page is None:
                continue
            kernel.store(i, page, 1 << order)
            i += 1 << order
            end_of_8 = i if order == 8 else state.end_of_8
            end_of_4 = i if order > 0 else state.end_of_4
            return Filling(i, remaining - (1 << order), up_to(order), end_of_8, end_of_4)
        return Freeing(i, 0, ORDERS[0], state.end_of_8, state.end_of_4)

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Freeing | End:
        """Free the next block of the list as what it was granted as: the kernel reads its order from the page."""
        assert isinstance(state, Freeing)
        freed, order = state.freed, state.order
        if freed == state.i:
            return FAILED
        if order == 8 and freed == state.end_of_8:
            order = 4
        if order == 4 and freed == state.end_of_4:
            order = 0
        frame = kernel.load(freed)
        if frame is not None:
            kernel.free_pages(frame, order)
        return replace(state, freed=freed + (1 << order), order=order)
