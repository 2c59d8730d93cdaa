"""A loop like mm/vmalloc.c, ``vm_area_alloc_pages()``, as of 2025: large blocks while they come, then single pages, and
a partial result where a page is refused: the caller sees that it got fewer, and gives them back.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_COMP, GFP_NOWARN, Gfp
from model.kernel import Kernel
from model.loop import Call, Loop
from model.patched import fls

MAX_PAGE_ORDER = 10  # include/linux/mmzone.h; a configuration may raise it
# vmalloc.c: "large_gfp = (gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL | __GFP_COMP)) | __GFP_NOWARN"
NOT_FOR_LARGE = GFP_COMP | Gfp(direct_reclaim=True, nofail=True)


@dataclass(frozen=True)
class Filling:
    """Before an attempt."""

    nr_allocated: int
    nr_remaining: int
    max_attempt_order: int  # none above it is asked for again


class DropDown(Loop):
    """The largest order that fits, one lower at every refusal; it ends well with fewer pages when one is refused."""

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0, call.n, 0 if call.single_pages else MAX_PAGE_ORDER)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | End:
        """Make one attempt."""
        nr_allocated, nr_remaining, order = state.nr_allocated, state.nr_remaining, state.max_attempt_order
        if not nr_remaining:
            return DONE
        if fls(nr_remaining) < order:  # vmalloc.c takes the minimum at once, with the same attempts
            return Filling(nr_allocated, nr_remaining, order - 1)
        large_gfp = call.gfp.without(NOT_FOR_LARGE) | GFP_NOWARN
        page = kernel.alloc_pages(large_gfp if order else call.gfp, order)
        if page is None:  # "max_attempt_order = --large_order;", at a single page "break;"
            return Filling(nr_allocated, nr_remaining, order - 1) if order else DONE
        if order:
            kernel.split_page(page, order)
        kernel.store(nr_allocated, page, 1 << order)
        return Filling(nr_allocated + (1 << order), nr_remaining - (1 << order), order)
