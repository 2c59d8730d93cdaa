"""What a loop of this family is: a start and a turn. The loop is its turn repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.events import FAILED, Back, End, Event, Turn
from model.gfp import GFP_KERNEL, Gfp
from model.kernel import Crash, Kernel

MOST_ORDERS = 12  # orders 0 to 11: one more than the allocator can deliver


@dataclass(frozen=True)
class OrderBits:
    """The mask of orders that a caller passes. Its lowest is set for sure."""

    bits: tuple[Any, ...]  # of each order, whether it is in the mask
    lowest: int

    @classmethod
    def of(cls, mask: int) -> OrderBits:
        """Return the orders that are bits of ``mask``, not 0."""
        return cls(tuple(bool(mask >> order & 1) for order in range(MOST_ORDERS)), (mask & -mask).bit_length() - 1)

    def __contains__(self, order: int) -> bool:
        """Return whether the mask holds ``order``."""
        return order == self.lowest or (self.lowest < order < len(self.bits) and bool(self.bits[order]))

    def __str__(self) -> str:
        return hex(sum(1 << order for order in range(len(self.bits)) if order in self))


@dataclass(frozen=True)
class Call:
    """One call of the buffer allocator, as far as its loop can tell."""

    n: int  # pages wanted: "size >> PAGE_SHIFT"
    gfp: Gfp = GFP_KERNEL
    single_pages: bool = False  # attrs & DMA_ATTR_ALLOC_SINGLE_PAGES
    order_mask: OrderBits | None = None  # which orders the caller allows; None: the loop itself says


@dataclass(frozen=True)
class Unwinding:
    """In the error path: "while (i--)" has still to free the slots below ``i``."""

    i: int


class Loop:
    """A strategy. A subclass gives ``start`` and ``turn``; its states are frozen dataclasses of ints and Booleans."""

    lowest_order: int | None = None  # of the masks that a caller may pass; None: it passes none
    grain = 1  # pages: a call for anything but a multiple of so many is turned down

    def left_out(self) -> Mapping[str, str]:
        """Return the claims that the loop does not promise, each with the reason."""
        return {}

    def position(self) -> str:
        """Return "FILE:LINE: " of what was read last, for a message; "" where Python's own trace says it."""
        return ""

    def start(self, call: Call) -> Any:
        """Return the state before the first pass, or an End."""
        raise NotImplementedError

    def ranges(self) -> Mapping[str, tuple[int, int]]:
        """Return what the type of a state's field can hold, where it is bounded: every state must keep to it."""
        return {}

    def turn(self, call: Call, state: Any, kernel: Kernel) -> Any:
        """Take one pass of "while (count)": return the next state, Unwinding, or an End.

        A turn that ends at once, having done nothing, is the last test of the loop's condition and no pass.
        """
        raise NotImplementedError

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take one pass of the error path's "while (i--)"."""
        # dma-mapping.c, __iommu_alloc_buffer, "error:"
        if not state.i:
            return FAILED
        i = state.i - 1
        frame = kernel.load(i)
        if frame is not None:  # "if (pages[i])"
            kernel.free_pages(frame, 0)
        return Unwinding(i)


def after_turn(loop: Loop, call: Call, state: Any, kernel: Kernel) -> Any:
    """Return the state after one pass. Raises Crash, for an index out of bounds, too."""
    try:
        return loop.unwind(call, state, kernel) if isinstance(state, Unwinding) else loop.turn(call, state, kernel)
    except IndexError:
        raise Crash("array-index-in-bounds", "an array is read outside its entries") from None


def take_turn(loop: Loop, call: Call, state: Any, kernel: Kernel) -> tuple[Any, list[Event]]:
    """Return the state after one pass and the events of that pass. Raises Crash, which brings the events."""
    kernel.events = []
    begins = Back() if isinstance(state, Unwinding) else Turn()
    try:
        after = after_turn(loop, call, state, kernel)
    except Crash as crash:
        crash.events = (begins, *kernel.events)
        raise
    ended_at_once = isinstance(after, End) and not kernel.events
    events = kernel.events if ended_at_once else [begins, *kernel.events]
    return (after, [*events, after]) if isinstance(after, End) else (after, events)


def run(loop: Loop, call: Call, kernel: Kernel) -> Iterator[Event]:
    """Yield every event of one call, to its End or a Crash. It ends only if the loop does: give ``islice`` a budget."""
    state = loop.start(call)
    if isinstance(state, End):
        yield state
    while not isinstance(state, End):
        try:
            state, events = take_turn(loop, call, state, kernel)
        except Crash as crash:
            yield from crash.events
            raise
        yield from events
