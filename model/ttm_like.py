"""A loop like that of drivers/gpu/drm/ttm/ttm_pool.c: the order falls by one at every refusal, and never rises.

Retold as far as it asks and fills. Here a block is split and its pages go back one by one; TTM keeps each block whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_NORETRY, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import fls

MAX_PAGE_ORDER = 10  # include/linux/mmzone.h; a configuration may raise it


@dataclass(frozen=True)
class Filling:
    """At the head of "for (...; num_pages; ...)"."""

    i: int  # the next slot to fill
    num_pages: int  # still wanted
    order: int  # none above it is asked for again


class TtmLike(Loop):
    """Every order from the largest down, each until it is refused or no longer fits."""

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n, 0 if call.single_pages else MAX_PAGE_ORDER)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Make one attempt."""
        i, num_pages, order = state.i, state.num_pages, state.order
        if not num_pages:
            return DONE
        if fls(num_pages) < order:  # ttm_pool.c takes the minimum at once, with the same attempts
            return Filling(i, num_pages, order - 1)
        gfp = call.gfp | GFP_NORETRY | GFP_NOWARN if order else call.gfp
        page = kernel.alloc_pages(gfp, order)
        if page is None:
            return Filling(i, num_pages, order - 1) if order else Unwinding(i)  # "if (order) { --order; continue; }"
        if order:
            kernel.split_page(page, order)
        kernel.store(i, page, 1 << order)
        kernel.clear(page, 1 << order)
        return Filling(i + (1 << order), num_pages - (1 << order), order)
