"""Loops of this family as they once were: each with a defect that the kernel has had, retold as far as it matters."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, FAILED, End
from model.gfp import GFP_HIGHMEM, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.order_0_only import Filling as FillingPages
from model.order_0_only import Order0Only
from model.patched import Patched, fls

LARGEST_INT = 31  # orders that an int can count


@dataclass(frozen=True)
class Filling:
    """At the head of "while (count)"."""

    i: int  # the next slot to fill
    count: int  # pages still wanted


class Walk(Loop):
    """Takes the largest block that there is from ``first_order`` down; nothing keeps a request from retrying."""

    def first_order(self, count: int) -> int:
        """Return the order that is tried first where ``count`` pages are wanted."""
        return fls(count)  # v3.5 - v3.14: "for (order = __fls(count); order > 0; --order) {"

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take one pass of "while (count)", the walk over the orders inside it."""
        i, count = state.i, state.count
        if not count:
            return DONE
        for order in range(self.first_order(count), -1, -1):
            page = kernel.alloc_pages(call.gfp | GFP_NOWARN | GFP_HIGHMEM, order)  # "alloc_pages(gfp, order);"
            if page is not None:
                if order:
                    kernel.split_page(page, order)
                kernel.store(i, page, 1 << order)
                kernel.clear(page, 1 << order)
                return Filling(i + (1 << order), count - (1 << order))
        return Unwinding(i)


class SmallestFirst(Walk):
    """The first version, 2012: the smallest chunks come first, so the IOMMU cannot use large pages."""

    def first_order(self, count: int) -> int:
        """Return the largest order that divides ``count``."""
        return next(
            (order for order in range(LARGEST_INT) if count % (2 << order)), LARGEST_INT
        )  # "order = __ffs(count);"


class CountsWhatWasThere(Order0Only):
    """A bulk allocation that tells how many slots are filled, those filled before the call too: the caller takes it for
    progress and calls again."""

    def turn(self, call: Call, state: FillingPages, kernel: Kernel) -> FillingPages | Unwinding | End:
        """Get one page; where none is to be had, go on as long as any slot is filled."""
        after = super().turn(call, state, kernel)
        return state if isinstance(after, Unwinding) and state.i else after


class FreesBlocks(Patched):
    """A rollback that frees pages with the order that was asked for first, whatever they are."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take one pass of the error path's "while (i--)"."""
        if not state.i:
            return FAILED
        frame = kernel.load(state.i - 1)
        if frame is not None:
            kernel.free_pages(frame, self.order_array[0])
        return Unwinding(state.i - 1)
