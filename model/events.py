"""What a loop does, as seen from outside: the only thing that a claim may look at.

Slots are indices into the page array, frames are page frame numbers, both counted in pages of 4 KiB.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.gfp import Gfp


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass of ``while (count)`` begins."""


@dataclass(frozen=True, slots=True)
class Back:
    """One pass of the rollback's ``while (i--)`` begins."""


@dataclass(frozen=True, slots=True)
class Look:
    """An order array of ``length`` entries is read at ``index``."""

    index: int
    length: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """``alloc_pages(gfp, order)`` returned the block that begins at ``frame``, or None: refused."""

    order: int
    gfp: Gfp
    frame: int | None

    @property
    def granted(self) -> bool:
        """Return whether a block was handed out. Frame 0 is a frame."""
        return self.frame is not None

    @property
    def pages(self) -> int:
        """Return the number of pages asked for."""
        return 1 << self.order


@dataclass(frozen=True, slots=True)
class Split:
    """``split_page``: the block of ``order`` at ``frame`` is from now on single pages."""

    frame: int
    order: int


@dataclass(frozen=True, slots=True)
class Store:
    """``pages[slot + j] = frame + j`` for every j below ``pages``."""

    slot: int
    frame: int
    pages: int


@dataclass(frozen=True, slots=True)
class Clear:
    """``__dma_clear_buffer``: ``pages`` pages from ``frame`` on are zeroed."""

    frame: int
    pages: int


@dataclass(frozen=True, slots=True)
class Free:
    """``__free_pages(frame, order)``."""

    frame: int
    order: int


@dataclass(frozen=True, slots=True)
class End:
    """The loop is over: ``ok`` when it returns the buffer, not ``ok`` when it returns NULL."""

    ok: bool


DONE = End(ok=True)
FAILED = End(ok=False)

Event = Turn | Back | Look | Attempt | Split | Store | Clear | Free | End
