"""Claims about the pages that were got: how many, where they are stored, that each is cleared and freed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from model.events import Attempt, Clear, End, Event, Free, Split, Store
from spec.monitor import Monitor, require


def covers(first: int, pages: int, watched: int) -> bool:
    """Return whether ``watched`` is one of the ``pages`` numbers from ``first`` on."""
    return first <= watched < first + pages


@dataclass(frozen=True)
class PageTotal(Monitor):
    """On success the granted blocks add up to exactly n pages."""

    granted: int = 0

    def step(self, event: Event) -> Self:
        """Count what is granted; judge the total at a success."""
        if isinstance(event, Attempt) and event.granted:
            return self.but(granted=self.granted + event.pages)
        if isinstance(event, End) and event.ok:
            require(self.granted == self.n, "it succeeds with another number of pages than was wanted")
        return self


@dataclass(frozen=True)
class EveryPageStoredOnce(Monitor):
    """On success each slot holds its page of the block granted to its chunk, stored once. Watches one slot."""

    watches = "slot"
    stored: bool = False

    has_block: bool = False  # a block was granted and
    frame: int = 0  # begins at this frame,
    order: int = 0  # has 2^order pages
    placed: bool = False  # and its first page belongs into
    slot: int = 0  # this slot

    def step(self, event: Event) -> Self:
        """Remember the newest block; judge a store against it, and the watched slot at a success."""
        if isinstance(event, Attempt) and event.frame is not None:
            return self.but(has_block=True, frame=event.frame, order=event.order, placed=False, slot=0)
        if isinstance(event, Store):
            return self._judge_store(event)
        if isinstance(event, End) and event.ok:
            require(self.stored, "it succeeds and leaves a slot empty")
        return self

    def _judge_store(self, event: Store) -> Self:
        require(self.has_block, "a page is stored that is not of a block just granted")
        begins, length = event.frame - self.frame, 1 << self.order
        require(
            begins >= 0 and begins + event.pages <= length, "a page is stored that is outside the block just granted"
        )
        require(event.slot >= 0 and event.slot + event.pages <= self.n, "a page is stored outside the page array")
        slot = self.slot if self.placed else event.slot - begins
        require(event.slot - begins == slot, "pages of one block are stored out of order")
        stored = self.stored
        if covers(event.slot, event.pages, self.watch):
            require(not stored, "a slot is stored twice")
            stored = True
        if begins + event.pages == length:  # the block's last page: it is placed, and nothing more of it may come
            return self.but(stored=stored, has_block=False, frame=0, order=0, placed=False, slot=0)
        return self.but(stored=stored, placed=True, slot=slot)


@dataclass(frozen=True)
class ChunkIndexAligned(Monitor):
    """The first slot of every chunk is a multiple of the chunk's page count."""

    order: int = 0
    begun: bool = True  # the newest block's first store was judged

    def step(self, event: Event) -> Self:
        """Judge the first store after a grant."""
        if isinstance(event, Attempt) and event.granted:
            return self.but(order=event.order, begun=False)
        if isinstance(event, Store) and not self.begun:
            require(event.slot % (1 << self.order) == 0, "a chunk begins at a slot that its size does not divide")
            return self.but(order=0, begun=True)
        return self


@dataclass(frozen=True)
class RollbackExact(Monitor):
    """On failure every page is freed exactly once, as a single page; on success none is. Watches one frame."""

    watches = "frame"
    heeds_others = False
    held: bool = False
    single: bool = False  # the watched page can be freed alone

    def step(self, event: Event) -> Self:
        """Follow the watched page from its grant to its free."""
        if isinstance(event, Attempt) and event.frame is not None and covers(event.frame, event.pages, self.watch):
            return self.but(held=True, single=event.order == 0)
        if isinstance(event, Split) and covers(event.frame, 1 << event.order, self.watch):
            return self.but(single=True)
        if isinstance(event, Free) and covers(event.frame, 1 << event.order, self.watch):
            require(event.order == 0, "a page is freed as part of a larger block")
            require(self.held, "a page is freed that is not held: a second time, or never granted")
            require(self.single, "a page is freed alone out of a block that was never split")
            return self.but(held=False, single=False)
        if isinstance(event, End):
            require(event.ok or not self.held, "it fails and keeps a page: a leak")
        return self


@dataclass(frozen=True)
class NothingFreedOnSuccess(Monitor):
    """On success nothing is freed."""

    freed: bool = False

    def step(self, event: Event) -> Self:
        """Note a free; judge the end."""
        if isinstance(event, Free):
            return self.but(freed=True)
        if isinstance(event, End):
            require(not (event.ok and self.freed), "it succeeds although it freed a page")
        return self


@dataclass(frozen=True)
class ClearedOnce(Monitor):
    """On success every page was cleared exactly once. Watches one frame."""

    watches = "frame"
    heeds_others = False
    held: bool = False
    cleared: bool = False

    def step(self, event: Event) -> Self:
        """Follow the watched page from its grant to the end."""
        if isinstance(event, Attempt) and event.frame is not None and covers(event.frame, event.pages, self.watch):
            return self.but(held=True, cleared=False)
        if isinstance(event, Clear) and covers(event.frame, event.pages, self.watch):
            require(self.held, "a page is cleared that is not held")
            require(not self.cleared, "a page is cleared twice")
            return self.but(cleared=True)
        if isinstance(event, Free) and covers(event.frame, 1 << event.order, self.watch):
            return self.but(held=False, cleared=False)
        if isinstance(event, End) and event.ok:
            require(not self.held or self.cleared, "it succeeds with a page that was never cleared")
        return self
