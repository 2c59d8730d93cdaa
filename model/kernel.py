"""The kernel as a loop sees it: a page allocator to ask, a page array to fill, and a record of every event."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from model.events import Attempt, Clear, Event, Free, Look, Split, Store
from model.gfp import Gfp


class Crash(Exception):
    """The loop did what the kernel does not survive: ``claim`` names the claim that this breaks, ``events`` say what
    the turn did before."""

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(claim, reason)
        self.claim = claim
        self.reason = reason
        self.events: tuple[Event, ...] = ()

    def __str__(self) -> str:
        return self.reason


class Unsupported(Exception):
    """The code uses something that cannot be read; ``where`` is file:line, "" until somebody knows it."""

    def __init__(self, where: str, construct: str) -> None:
        super().__init__(where, construct)
        self.where = where
        self.construct = construct

    def __str__(self) -> str:
        return f"{self.where}: {self.construct}" if self.where else self.construct


class Allocator(Protocol):
    """What decides the answers. Everything else is decided by the loop."""

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the first frame of a block of 2^order pages, or None when it is refused."""

    def free_pages(self, frame: int, order: int) -> None:
        """Take back the block of 2^order pages that begins at ``frame``."""


class Memory(Protocol):
    """The page array: slots that hold frames."""

    def store(self, slot: int, frame: int, pages: int) -> None:
        """Put frame + j into slot + j for every j below ``pages``."""

    def load(self, slot: int) -> int | None:
        """Return the frame in ``slot``, None when nothing was stored there: the array is zeroed."""

    def erase(self, slot: int) -> None:
        """Put NULL into ``slot``."""


class PageArray:
    """The page array of a real run, kept as runs of consecutive frames: its cost is in chunks, not in pages."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.runs: list[tuple[int, int, int]] = []

    def store(self, slot: int, frame: int, pages: int) -> None:
        """Put frame + j into slot + j for every j below ``pages``; what was there is overwritten."""
        at = len(self.runs)
        if self.runs and slot < self.runs[-1][0] + self.runs[-1][2]:
            self._cut_out(slot, slot + pages)
            at = bisect_right(self.starts, slot)
        self.starts.insert(at, slot)
        self.runs.insert(at, (slot, frame, pages))

    def load(self, slot: int) -> int | None:
        """Return the frame in ``slot``, or None."""
        at = bisect_right(self.starts, slot) - 1
        if at < 0:
            return None
        start, frame, pages = self.runs[at]
        return frame + slot - start if slot < start + pages else None

    def erase(self, slot: int) -> None:
        """Put NULL into ``slot``."""
        if self.load(slot) is not None:
            self._cut_out(slot, slot + 1)

    def _cut_out(self, low: int, high: int) -> None:
        kept = []
        for start, frame, pages in self.runs:
            end = start + pages
            if start < low:
                kept.append((start, frame, min(end, low) - start))
            if end > high:
                first = max(start, high)
                kept.append((first, frame + first - start, end - first))
        self.runs = sorted(kept)
        self.starts = [run[0] for run in self.runs]


def entry_of(array: Sequence[int], index: int) -> int:
    """Return ``array[index]``. Raises Crash outside the array, below 0 too, where Python would wrap."""
    if index < 0 or index >= len(array):
        raise Crash("array-index-in-bounds", f"an array of {len(array)} entries is read outside them")
    return array[index]


class Kernel:
    """Passes a loop's requests on and records what happened, in ``events``."""

    def __init__(self, allocator: Allocator, memory: Memory) -> None:
        self.allocator = allocator
        self.memory = memory
        self.events: list[Event] = []

    def look(self, array: Sequence[int], index: int) -> int:
        """Return ``array[index]``. Raises Crash outside the array."""
        self.record(Look(index, len(array)))
        return entry_of(array, index)

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the first frame of a block of 2^order pages, or None: refused."""
        frame = self.allocator.alloc_pages(gfp, order)
        self.record(Attempt(order, gfp, frame))
        return frame

    def split_page(self, frame: int, order: int) -> None:
        """Turn a block into single pages, so that each can be freed alone."""
        self.record(Split(frame, order))

    def store(self, slot: int, frame: int, pages: int = 1) -> None:
        """``pages[slot + j] = frame + j`` for every j below ``pages``. Stores that adjoin become one event."""
        self.memory.store(slot, frame, pages)
        last = self.events[-1] if self.events else None
        if isinstance(last, Store):
            adjoins = slot == last.slot + last.pages
            if adjoins and frame == last.frame + last.pages:
                self.events.pop()
                slot, frame, pages = last.slot, last.frame, last.pages + pages
        self.record(Store(slot, frame, pages))

    def load(self, slot: int) -> int | None:
        """Return the frame in ``pages[slot]``, None for NULL."""
        return self.memory.load(slot)

    def erase(self, slot: int) -> None:
        """``pages[slot] = NULL``."""
        self.memory.erase(slot)

    def clear(self, frame: int, pages: int) -> None:
        """Zero ``pages`` pages: ``__dma_clear_buffer``."""
        self.record(Clear(frame, pages))

    def free_pages(self, frame: int, order: int) -> None:
        """``__free_pages``."""
        self.allocator.free_pages(frame, order)
        self.record(Free(frame, order))

    def record(self, event: Event) -> None:
        """Note that ``event`` happened."""
        self.events.append(event)
