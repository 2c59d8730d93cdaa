"""The page array as C stores into it: one pointer at a time, NULL too; what a turn stored is seen by it at once."""

from __future__ import annotations

from typing import Any

from model.c.values import UNDEFINED, Buffer, Trouble
from model.kernel import Crash, Kernel


class Slots:
    """The page array during one turn. Its stores reach the kernel joined into runs, in ascending order."""

    def __init__(self, kernel: Kernel, stored_to: Any = None) -> None:
        self.kernel = kernel
        self.stored_to = stored_to  # no slot from here on was ever stored; None: not followed
        self.written: list[tuple[Any, Any, Any]] = []  # in this turn: slot, frame or None, pages
        self.pending: list[tuple[Any, Any, Any]] = []  # of these, what the kernel was not told yet
        self.missed = False  # a slot was read that this turn did not write
        self.freed = False

    def store(self, buffer: Buffer, slot: Any, frame: Any, pages: Any, where: str) -> None:
        """Put frame + j into slot + j for every j below ``pages``, or NULL into one slot."""
        self._check(buffer, slot, pages, where)
        self.written.append((slot, frame, pages))
        if frame is None or not self._joins(slot, frame, pages):
            self.pending.append((slot, frame, pages))

    def load(self, buffer: Buffer, slot: Any, where: str) -> Any:
        """Return the frame in ``slot``, None for NULL."""
        self._check(buffer, slot, 1, where)
        for start, frame, pages in reversed(self.written):
            offset = slot - start
            if offset >= 0 and offset < pages:
                return frame + offset if frame is not None else None
        self.missed = True
        if self.stored_to is not None and slot >= self.stored_to:
            return None if buffer.zeroed else Trouble(UNDEFINED, f"{where}: a slot is read that was never written")
        found = self.kernel.load(slot)
        if found is None and not buffer.zeroed:
            return Trouble(UNDEFINED, f"{where}: a slot is read that was never written")
        self.written.append((slot, found, 1))  # read again, it holds the same
        return found

    def flush(self, nulls: bool = False) -> None:
        """Tell the kernel what was stored; NULL only if asked to, since most are overwritten at once."""
        kept = []
        for at, (slot, frame, pages) in enumerate(self.pending):
            if frame is not None:
                self.kernel.store(slot, frame, pages)
            elif not any(self._covers(later, slot) for later in self.pending[at + 1 :]):
                if nulls:
                    self.kernel.erase(slot)
                else:
                    kept.append((slot, frame, pages))
            if self.stored_to is not None and frame is not None and slot + pages > self.stored_to:
                self.stored_to = slot + pages
        self.pending = kept

    def _joins(self, slot: Any, frame: Any, pages: Any) -> bool:
        if not self.pending or self.pending[-1][1] is None:
            return False
        last_slot, last_frame, last_pages = self.pending[-1]
        if slot == last_slot + last_pages and frame == last_frame + last_pages:
            self.pending[-1] = (last_slot, last_frame, last_pages + pages)
            return True
        if slot + pages == last_slot and frame + pages == last_frame:
            self.pending[-1] = (slot, frame, last_pages + pages)
            return True
        return False

    def _covers(self, run: tuple[Any, Any, Any], slot: Any) -> bool:
        offset = slot - run[0]
        return bool(offset >= 0 and offset < run[2])

    def _check(self, buffer: Buffer, slot: Any, pages: Any, where: str) -> None:
        if self.freed:
            raise Crash(UNDEFINED, f"{where}: the page array is used after it was freed")
        if slot < 0 or slot + pages > buffer.slots:
            raise Crash(UNDEFINED, f"{where}: an index outside the page array")
