"""The plainest loop there is: one page at a time. What every other strategy falls back to."""

from __future__ import annotations

from dataclasses import dataclass

from model.events import DONE, End
from model.gfp import GFP_HIGHMEM, GFP_NOWARN
from model.kernel import Kernel
from model.loop import Call, Loop, Unwinding


@dataclass(frozen=True)
class Filling:
    """The next slot to fill."""

    i: int


class Order0Only(Loop):
    """Never asks for more than a page, so it never fails for lack of blocks."""

    def start(self, call: Call) -> Filling:
        """Return the state before the loop."""
        return Filling(0)

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Get one page."""
        if state.i == call.n:
            return DONE
        page = kernel.alloc_pages(call.gfp | GFP_NOWARN | GFP_HIGHMEM, 0)
        if page is None:
            return Unwinding(state.i)
        kernel.store(state.i, page)
        kernel.clear(page, 1)
        return Filling(state.i + 1)
