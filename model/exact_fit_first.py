"""Exact fit first: where one block is exactly what is still wanted, ask for it, whatever was refused before.

An idea that sounds good: a buffer of 1 MiB is one block or sixteen. It is the patched loop with one attempt more, and
gives up what the patch is proud of: it steps up again, asks anew for what was refused, and begins chunks anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding

ORDERS = (9, 8, 4, 0)


@dataclass(frozen=True)
class Filling:
    """Before a chunk."""

    i: int  # the next slot to fill
    count: int  # pages still wanted
    order: int  # that was reached on the way down


class ExactFitFirst(Loop):
    """Down the orders as the patched loop goes, an exact fit tried before each chunk."""

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n, ORDERS[-1] if call.single_pages else ORDERS[0])

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Get one chunk, or go down one order."""
        i, count, order = state.i, state.count, state.order
        if not count:
            return DONE
        gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM
        for exact in ORDERS[:-1]:
            if count == 1 << exact and exact != order and not call.single_pages:
                page = kernel.alloc_pages(gfp | GFP_NORETRY, exact)
                if page is not None:
                    return take(i, count, page, exact, order, kernel)
        page = None
        if count >= 1 << order:
            page = kernel.alloc_pages(gfp | GFP_NORETRY if order else gfp, order)
        if page is not None:
            return take(i, count, page, order, order, kernel)
        if not order:
            return Unwinding(i)
        return Filling(i, count, ORDERS[ORDERS.index(order) + 1])


def take(i: int, count: int, page: int, got: int, order: int, kernel: Kernel) -> Filling:
    """Return the state after a block of 2^``got`` pages is split, stored and cleared."""
    if got:
        kernel.split_page(page, got)
    kernel.store(i, page, 1 << got)
    kernel.clear(page, 1 << got)
    return Filling(i + (1 << got), count - (1 << got), order)
