"""The loop of drivers/dma-buf/heaps/system_heap.c: orders {8, 4, 0}, each with flags of its own, blocks kept whole."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, FAILED, End
from model.gfp import GFP_COMP, GFP_HIGHMEM, GFP_KERNEL, GFP_NORETRY, GFP_NOWARN, GFP_RECLAIM, GFP_ZERO, Gfp
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding

ORDERS = (8, 4, 0)  # system_heap.c: "static const unsigned int orders[] = {8, 4, 0};"

LOW_ORDER_GFP = GFP_KERNEL | GFP_HIGHMEM | GFP_ZERO  # GFP_HIGHUSER; its __GFP_HARDWALL changes nothing here
HIGH_ORDER_GFP = (LOW_ORDER_GFP | GFP_NOWARN | GFP_NORETRY).without(GFP_RECLAIM) | GFP_COMP
MID_ORDER_GFP = LOW_ORDER_GFP | GFP_NOWARN  # through Linux 6.1: order 4 may retry, and wake the OOM killer

ORDER_FLAGS = (HIGH_ORDER_GFP, HIGH_ORDER_GFP, LOW_ORDER_GFP)
ORDER_FLAGS_6_1 = (HIGH_ORDER_GFP, MID_ORDER_GFP, LOW_ORDER_GFP)


def up_to(max_order: int) -> tuple[int, ...]:
    """Return the orders that are not above ``max_order``."""
    return tuple(order for order in ORDERS if order <= max_order)


@dataclass(frozen=True)
class Filling:
    """At the head of "while (size_remaining > 0)"."""

    i: int  # pages got: the next one's place in the buffer
    remaining: int
    orders: tuple[int, ...]  # those up to "max_order", the newest block's: none above it is asked for again
    large: int = 0  # pages got in blocks of order 8: they come first,
    middle: int = 0  # then so many in blocks of order 4


@dataclass(frozen=True)
class Freeing(Unwinding):
    """In the error path: the blocks below ``i`` are still to be freed, those of ``order`` first."""

    order: int
    large: int
    middle: int


class SystemHeap(Loop):
    """``system_heap_allocate()`` with ``alloc_largest_available()`` inside. The caller's gfp does not matter to it."""

    def __init__(self, order_flags: tuple[Gfp, ...] = ORDER_FLAGS) -> None:
        self.order_flags = order_flags

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n, ORDERS[-1:] if call.single_pages else ORDERS)

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
            large = state.large + 256 if order == 8 else state.large
            middle = state.middle + 16 if order == 4 else state.middle
            return Filling(i + (1 << order), remaining - (1 << order), up_to(order), large, middle)
        return Freeing(i, 0, state.large, state.middle)

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Freeing | End:
        """Free the last block as what it was granted as: the kernel reads its order from the page."""
        assert isinstance(state, Freeing)
        i, order = state.i, state.order
        if order == 0 and i == state.large + state.middle:
            order = 4
        if order == 4 and i == state.large:
            order = 8
        if order == 8 and not i:
            return FAILED
        first = i - (1 << order)
        frame = kernel.load(first)
        if frame is not None:
            kernel.free_pages(frame, order)
        return Freeing(first, order, state.large, state.middle)
