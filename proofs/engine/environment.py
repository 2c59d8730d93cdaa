"""The page allocator and the page array of a proof: any answer, any frame; what one watched frame sees of memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from model.gfp import Gfp
from proofs.engine.explorer import Explorer
from proofs.engine.symbols import boolean, variable
from spec.pages import covers

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

    def granted(self, watch: Any, frame: Any, pages: int) -> WatchedFrame:
        """Return the view after a block is handed out."""
        return replace(self, held=True) if covers(frame, pages, watch) else self

    def freed(self, watch: Any, frame: Any, pages: int) -> WatchedFrame:
        """Return the view after a block is taken back."""
        return replace(self, held=False) if covers(frame, pages, watch) else self

    def written(self, watch: Any, slot: Any, frame: Any, pages: int) -> WatchedFrame:
        """Return the view after frame + j was put into slot + j for every j below ``pages``."""
        if covers(frame, pages, watch):
            where = slot + (watch - frame)
            moved = self.stored and where != self.slot
            return replace(self, stored=True, slot=where, twice=self.twice or moved)
        overwritten = self.stored and covers(slot, pages, self.slot)
        return replace(self, stored=False, slot=0) if overwritten else self


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
        if isinstance(self.view, WatchedFrame):
            after = self.view.granted(self.watch, frame, 1 << order)
            if after is not self.view:
                self.explorer.assume(NO_PAGE_TWICE, not self.view.held)
            self.view = after
        return frame

    def free_pages(self, frame: Any, order: int) -> None:
        """Take a block back."""
        if isinstance(self.view, WatchedFrame):
            self.view = self.view.freed(self.watch, frame, 1 << order)

    def store(self, slot: Any, frame: Any, pages: int) -> None:
        """Note where the watched frame comes to stand, and whether another frame takes its slot."""
        if isinstance(self.view, WatchedFrame):
            self.view = self.view.written(self.watch, slot, frame, pages)

    def erase(self, slot: Any) -> None:
        """Note that ``slot`` holds no frame."""
        view = self.view
        if isinstance(view, WatchedFrame) and view.stored and not view.twice and slot == view.slot:
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
