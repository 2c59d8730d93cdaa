"""The page allocator and the page array of a proof: any answer, any frame; what one watched frame, or slot, sees of
memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from model.gfp import Gfp
from proofs.engine.explorer import Explorer
from proofs.engine.symbols import boolean, variable
from spec.pages import covers

NO_PAGE_TWICE = "the allocator hands out no page that is still held"

ONE_SLOT = "a slot that does not hold the watched frame holds another"  # the meaning of the view, not an assumption


@dataclass(frozen=True)
class Unwatched:
    """A memory of which nothing is known: whatever is read from it may be anything."""

    def granted(self, watch: Any, frame: Any, pages: int) -> Self:
        """Return the view after a block is handed out."""
        return self

    def freed(self, watch: Any, frame: Any, pages: int) -> Self:
        """Return the view after a block is taken back."""
        return self

    def written(self, watch: Any, slot: Any, frame: Any, pages: int) -> Self:
        """Return the view after frame + j was put into slot + j for every j below ``pages``."""
        return self

    def erased(self, watch: Any, slot: Any) -> Self:
        """Return the view after NULL was put into ``slot``."""
        return self


@dataclass(frozen=True)
class WatchedSlot(Unwatched):
    """What is known of one slot: does it hold a frame, or NULL."""

    filled: bool = False

    def written(self, watch: Any, slot: Any, frame: Any, pages: int) -> Self:
        """Return the view after frame + j was put into slot + j for every j below ``pages``."""
        return replace(self, filled=True) if covers(slot, pages, watch) else self

    def erased(self, watch: Any, slot: Any) -> Self:
        """Return the view after NULL was put into ``slot``."""
        return replace(self, filled=False) if self.filled and slot == watch else self


@dataclass(frozen=True)
class WatchedFrame(Unwatched):
    """What one frame sees of memory: is it handed out, and which slot holds it."""

    held: bool = False
    stored: bool = False
    slot: int = 0  # the slot that holds it, when ``stored``
    twice: bool = False  # stored more than once: then a read may give it anywhere

    def granted(self, watch: Any, frame: Any, pages: int) -> Self:
        """Return the view after a block is handed out."""
        return replace(self, held=True) if covers(frame, pages, watch) else self

    def freed(self, watch: Any, frame: Any, pages: int) -> Self:
        """Return the view after a block is taken back."""
        return replace(self, held=False) if covers(frame, pages, watch) else self

    def written(self, watch: Any, slot: Any, frame: Any, pages: int) -> Self:
        """Return the view after frame + j was put into slot + j for every j below ``pages``."""
        if covers(frame, pages, watch):
            where = slot + (watch - frame)
            moved = self.stored and where != self.slot
            return replace(self, stored=True, slot=where, twice=self.twice or moved)
        overwritten = self.stored and covers(slot, pages, self.slot)
        return replace(self, stored=False, slot=0) if overwritten else self

    def erased(self, watch: Any, slot: Any) -> Self:
        """Return the view after NULL was put into ``slot``."""
        is_its_own = self.stored and not self.twice and slot == self.slot
        return replace(self, stored=False, slot=0) if is_its_own else self


View = Unwatched
VIEWS: dict[str, View] = {"": Unwatched(), "frame": WatchedFrame(), "null": WatchedSlot()}  # by what is watched


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
        self.read = self.read_null = False  # in this turn, anything, and NULL

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
        self.view = self.view.freed(self.watch, frame, 1 << order)

    def store(self, slot: Any, frame: Any, pages: int) -> None:
        """Note where frames come to stand."""
        self.view = self.view.written(self.watch, slot, frame, pages)

    def erase(self, slot: Any) -> None:
        """Note that ``slot`` holds no frame."""
        self.view = self.view.erased(self.watch, slot)

    def load(self, slot: Any) -> Any:
        """Return what ``slot`` holds: exact for the watched frame, any other frame or NULL elsewhere."""
        view = self.view
        if isinstance(view, WatchedSlot):
            return self._load_beside(view, slot)
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

    def _load_beside(self, view: WatchedSlot, slot: Any) -> Any:
        """Return what ``slot`` holds: whether it is NULL is exact for the watched slot, and any slot from 0 on may be
        that one. What a turn does is told where the first slot that it read NULL from is watched, or, if it read none,
        the first slot that it read."""
        self.asked += 1
        is_watched = bool(slot == self.watch)
        empty = not view.filled if is_watched else bool(boolean(f"null!{self.asked}"))
        if not self.read_null and (empty or not self.read):
            self.guessed = not is_watched and bool(slot >= 0)
        self.read, self.read_null = True, self.read_null or empty
        return None if empty else variable(f"frame!{self.asked}")
