"""The loop of drivers/iommu/dma-iommu.c, ``__iommu_dma_alloc_pages()``: a mask of orders that only loses members."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import fls

ORDER_MASK = (9, 8, 4, 0)  # largest first: an IOMMU with pages of 4 KiB, 64 KiB, 1 MiB and 2 MiB


@dataclass(frozen=True)
class Filling:
    """At the head of "while (count)"."""

    i: int  # the next slot to fill
    count: int  # pages still wanted
    order_mask: tuple[int, ...]  # the orders still worth a try, largest first


class OrderMask(Loop):
    """Every order that is too large or was refused leaves the mask for good; only the smallest one left may retry."""

    def __init__(self, order_mask: tuple[int, ...] = ORDER_MASK) -> None:
        self.order_mask = order_mask

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        smallest = self.order_mask[-1:]
        return Filling(0, call.n, smallest if call.single_pages else self.order_mask)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take one pass of "while (count)", the walk down the mask inside it."""
        i, count = state.i, state.count
        if not count:
            return DONE
        gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM
        # dma-iommu.c: "order_mask &= GENMASK(__fls(count), 0)"
        largest = fls(count)
        mask = tuple(order for order in state.order_mask if order <= largest)
        while mask:
            order = mask[0]  # "order = __fls(order_mask);"
            may_retry = len(mask) == 1  # not "if (order_mask > order_size)"
            page = kernel.alloc_pages(gfp if may_retry else gfp | GFP_NORETRY, order)
            if page is None:
                mask = mask[1:]  # "order_mask &= ~order_size"
                continue
            if order:
                kernel.split_page(page, order)
            kernel.store(i, page, 1 << order)
            return Filling(i + (1 << order), count - (1 << order), mask)
        return Unwinding(i)
