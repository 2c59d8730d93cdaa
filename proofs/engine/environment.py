"""The page allocator and the page array of a proof: any answer, any frame, and what one watched frame sees of memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from model.gfp import Gfp
from proofs.engine.explorer import Explorer
from proofs.engine.terms import boolean, variable

NO_PAGE_TWICE = "the allocator hands out no page that is still held"

ONE_SLOT = "a slot that does not hold the watched frame holds another"  # the meaning of the view, not an assumption


@dataclass(frozen=True)
class Unwatched:
    """A memory of which nothing is known: whatever is read from it may be anything."""


@dataclass(frozen=True)
class WatchedFrame:
    """What one frame sees of memory: is it handed out, and which slot holds it."""

    held: bool = False
    stored: bool = False
    slot: int = 0  # the slot that holds it, when ``stored``
    twice: bool = False  # stored more than once: then a read may give it anywhere


View = Unwatched | WatchedFrame


class AnyMachine:
    """An allocator that gives any answer at all, and a page array of which one frame's view is known.

    One object a turn; ``view`` is the memory after it.
    """

    def __init__(self, explorer: Explorer[Any], view: View, watch: Any) -> None:
        self.explorer = explorer
        self.view = view
        self.watch = watch
        self.asked = 0
        self.guessed = False  # something was read that only the over-approximation offers

    def alloc_pages(self, gfp: Gfp, order: int) -> Any:
        """Refuse, or hand out any block that does not hold a page which is still held."""
        self.asked += 1
        if not boolean(f"granted!{self.asked}"):
            return None
        frame = variable(f"frame!{self.asked}")
        if isinstance(self.view, WatchedFrame) and self._covers(frame, 1 << order):
            self.explorer.assume(NO_PAGE_TWICE, not self.view.held)
            self.view = replace(self.view, held=True)
        return frame

    def free_pages(self, frame: Any, order: int) -> None:
        """Take a block back."""
        if isinstance(self.view, WatchedFrame) and self._covers(frame, 1 << order):
            self.view = replace(self.view, held=False)

    def store(self, slot: Any, frame: Any, pages: int) -> None:
        """Note where the watched frame comes to stand, and whether another frame takes its slot."""
        view = self.view
        if not isinstance(view, WatchedFrame):
            return
        if self._covers(frame, pages):
            where = slot + (self.watch - frame)
            moved = view.stored and where != view.slot
            self.view = replace(view, stored=True, slot=where, twice=view.twice or moved)
        elif view.stored and slot <= view.slot and view.slot < slot + pages:
            self.view = replace(view, stored=False, slot=0)

    def load(self, slot: Any) -> Any:
        """Return what ``slot`` holds: exact for the watched frame, any other frame or NULL elsewhere."""
        view = self.view
        exact = isinstance(view, WatchedFrame) and not view.twice
        if isinstance(view, WatchedFrame) and exact and view.stored and slot == view.slot:
            return self.watch
        self.asked += 1
        self.guessed = True
        if boolean(f"null!{self.asked}"):
            return None
        frame = variable(f"frame!{self.asked}")
        if exact:
            self.explorer.assume(ONE_SLOT, frame != self.watch)
        return frame

    def _covers(self, frame: Any, pages: int) -> bool:
        return bool(frame <= self.watch and self.watch < frame + pages)
