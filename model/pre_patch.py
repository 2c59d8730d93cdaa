"""The loop before the patch, Linux 4.1 to 4.5: for every chunk, walk down again from the largest order that fits."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import fls


@dataclass(frozen=True)
class Filling:
    """At the head of "while (count)"."""

    i: int  # the next slot to fill
    count: int  # pages still wanted


class PrePatch(Loop):
    """``__iommu_alloc_buffer()`` of v4.1 - v4.5; lines in quotes are the kernel's."""

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(i=0, count=call.n)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take one pass of "while (count)", the walk over the orders inside it."""
        i, count = state.i, state.count
        if not count:  # "while (count) {"
            return DONE
        gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM  # "gfp |= __GFP_NOWARN | __GFP_HIGHMEM;"

        page = None
        order = 0
        for order in range(fls(count), 0, -1):  # "for (order = __fls(count); order > 0; --order) {"
            # We do not want OOM killer to be invoked as long as we can fall back to single pages
            page = kernel.alloc_pages(gfp | GFP_NORETRY, order)  # "alloc_pages(gfp | __GFP_NORETRY, order);"
            if page is not None:  # "if (pages[i]) break;"
                break

        if page is None:  # "if (!pages[i]) {"
            # Fall back to single page allocation. Might invoke OOM killer as last resort.
            order = 0
            page = kernel.alloc_pages(gfp, 0)  # "pages[i] = alloc_pages(gfp, 0);"
            if page is None:
                return Unwinding(i)  # "goto error;"

        if order:  # "if (order) {"
            kernel.split_page(page, order)  # "split_page(pages[i], order);"
        kernel.store(i, page, 1 << order)  # "while (--j) pages[i + j] = pages[i] + j;"

        kernel.clear(page, 1 << order)  # "__dma_clear_buffer(pages[i], PAGE_SIZE << order);"
        return Filling(i + (1 << order), count - (1 << order))  # "i += 1 << order; count -= 1 << order;"
