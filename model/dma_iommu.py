"""The sibling in drivers/iommu/dma-iommu.c: the same job with a bit mask of orders, which loses its orders for good."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, FAILED, End
from model.gfp import GFP_COMP, GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import fls


@dataclass(frozen=True)
class Masked:
    """At the head of "while (count)"."""

    i: int  # the next slot to fill
    count: int  # pages still wanted
    order_mask: int  # bit o: order o may still be asked for


class DmaIommu(Loop):
    """``__iommu_dma_alloc_pages()``; lines in quotes are the kernel's. ``orders``: those of the IOMMU's page sizes."""

    def __init__(self, orders: tuple[int, ...] = (9, 8, 4, 0)) -> None:
        self.order_mask = sum(1 << order for order in set(orders))

    def start(self, call: Call) -> Masked | End:
        """Return the state before the loop."""
        # iommu_dma_alloc_remap(): "if (attrs & DMA_ATTR_ALLOC_SINGLE_PAGES) alloc_sizes = min_size;"
        order_mask = self.order_mask & -self.order_mask if call.single_pages else self.order_mask
        return Masked(i=0, count=call.n, order_mask=order_mask) if order_mask else FAILED  # "if (!order_mask)"

    def turn(self, call: Call, state: Masked, kernel: Kernel) -> Masked | Unwinding | End:
        """Take one pass of "while (count)", the walk over the mask inside it."""
        i, count, order_mask = state.i, state.count, state.order_mask
        if not count:  # "while (count) {"
            return DONE
        gfp = (call.gfp | GFP_NOWARN | GFP_HIGHMEM).without(GFP_COMP)  # "gfp &= ~__GFP_COMP;"
        order_mask &= (2 << fls(count)) - 1  # "order_mask &= (2U << __fls(count)) - 1"
        while order_mask:
            order = fls(order_mask)
            order_size = 1 << order
            # "if (order_mask > order_size) alloc_flags |= __GFP_NORETRY;"
            page = kernel.alloc_pages(gfp | GFP_NORETRY if order_mask > order_size else gfp, order)
            if page is None:  # "if (!page) continue;"
                order_mask &= ~order_size
                continue
            if order:
                kernel.split_page(page, order)
            kernel.store(i, page, order_size)  # "while (order_size--) pages[i++] = page++;"
            return Masked(i + order_size, count - order_size, order_mask)
        return Unwinding(i)  # "__iommu_dma_free_pages(pages, i); return NULL;"
