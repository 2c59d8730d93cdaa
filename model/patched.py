"""The patched loop, Linux 4.6 to 7.3: try 2 MiB, 1 MiB, 64 KiB, 4 KiB, and never step up again."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN
from model.kernel import Crash, Kernel
from model.loop import Call, Loop, Unwinding

IOMMU_ORDER_ARRAY = (9, 8, 4, 0)  # dma-mapping.c: "static const int iommu_order_array[]", "array must end with 0!"


def fls(word: int) -> int:
    """Return the index of the highest bit set in ``word``: the kernel's ``__fls``, undefined for 0."""
    if word <= 0:
        raise Crash("fls-of-zero", "__fls() is undefined for 0")
    return word.bit_length() - 1


def as_unsigned(order: int) -> int:
    """Return the int ``order`` as C compares it with an unsigned number: a negative one becomes a very large one."""
    return order % (1 << 32)


@dataclass(frozen=True)
class Filling:
    """At the head of "while (count)"."""

    i: int  # the next slot to fill
    count: int  # pages still wanted
    order_idx: int  # into the order array


class Patched(Loop):
    """``__iommu_alloc_buffer()``, arch/arm/mm/dma-mapping.c; lines in quotes are the kernel's."""

    def __init__(self, order_array: tuple[int, ...] = IOMMU_ORDER_ARRAY) -> None:
        self.order_array = order_array

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        order_idx = 0  # "int order_idx = 0;"
        if call.single_pages:  # "if (attrs & DMA_ATTR_ALLOC_SINGLE_PAGES)"
            order_idx = len(self.order_array) - 1  # "order_idx = ARRAY_SIZE(iommu_order_array) - 1;"
        return Filling(i=0, count=call.n, order_idx=order_idx)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take one pass of "while (count)"."""
        i, count, order_idx = state.i, state.count, state.order_idx
        if not count:  # "while (count) {"
            return DONE
        gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM  # "gfp |= __GFP_NOWARN | __GFP_HIGHMEM;"

        order = kernel.look(self.order_array, order_idx)  # "order = iommu_order_array[order_idx];"

        # Drop down when we get small
        if fls(count) < as_unsigned(order):  # "if (__fls(count) < order) {"
            return Filling(i, count, order_idx + 1)  # "order_idx++; continue;"

        if order:
            # See if it's easy to allocate a high-order chunk
            page = kernel.alloc_pages(gfp | GFP_NORETRY, order)  # "alloc_pages(gfp | __GFP_NORETRY, order);"

            # Go down a notch at first sign of pressure
            if page is None:  # "if (!pages[i]) {"
                return Filling(i, count, order_idx + 1)  # "order_idx++; continue;"
        else:
            page = kernel.alloc_pages(gfp, 0)  # "pages[i] = alloc_pages(gfp, 0);"
            if page is None:
                return Unwinding(i)  # "goto error;"

        if order:  # "if (order) {"
            kernel.split_page(page, order)  # "split_page(pages[i], order);"
        kernel.store(i, page, 1 << order)  # "while (--j) pages[i + j] = pages[i] + j;"

        kernel.clear(page, 1 << order)  # "__dma_clear_buffer(pages[i], PAGE_SIZE << order, ...);"
        return Filling(i + (1 << order), count - (1 << order), order_idx)  # "i += 1 << order; count -= 1 << order;"
