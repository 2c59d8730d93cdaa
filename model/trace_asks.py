"""Requests to the page allocator that it has not returned from, by task, and the answers that belong to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.gfp import NAMES, Gfp
from model.gfp_text import gfp_of_number
from model.trace_forms import Record
from model.trace_header import Section, as_int, fields_of

MOST_TASKS = 1 << 14  # with a call or a request open at once
MOST_OPEN = 64  # requests of one task inside each other
MOST_AGREED = 4096  # pairs of a number and names remembered


@dataclass
class Ask:
    """A request that the page allocator has not returned from."""

    line: int
    time: float | None
    values: dict[str, str]
    answer: Record | None = None
    compactions: int = 0
    reclaims: int = 0


@dataclass
class Asks:
    """The open requests. One may be inside another: reclaim asks for pages, too."""

    by_task: dict[str, list[Ask]] = field(default_factory=dict)

    def begin(self, record: Record) -> bool:
        """Open a request; return False, and forget all that are open, where they are too many."""
        mine = self.by_task.setdefault(record.task, [])
        fits = len(mine) < MOST_OPEN and len(self.by_task) <= MOST_TASKS
        if not fits:
            self.by_task.clear()
            mine = self.by_task.setdefault(record.task, [])
        mine.append(Ask(record.line, record.time, fields_of(record.values)))
        return fits

    def newest(self, task: str) -> Ask | None:
        """Return the innermost open request of a task."""
        mine = self.by_task.get(task)
        return mine[-1] if mine else None

    def end(self, task: str) -> Ask | None:
        """Close the innermost open request of a task, and return it."""
        mine = self.by_task.get(task)
        return mine.pop() if mine else None

    def answer(self, record: Record) -> bool:
        """Match an answer with the innermost request of its task; return whether it is that one's."""
        ask = self.newest(record.task)
        if ask is None or ask.answer is not None:
            return False
        shown = as_int(ask.values.get("order"))
        if shown is not None and shown != record.order:
            return False
        ask.answer = record
        return True

    def work(self, record: Record) -> None:
        """Count compaction or reclaim towards the request that waits for it."""
        ask = self.newest(record.task)
        if ask is not None:
            ask.compactions += record.function == "mm_compaction_begin"
            ask.reclaims += record.function == "mm_vmscan_direct_reclaim_begin"


@dataclass
class FlagNumbers:
    """Holds the numbers of the probes' flags against the names that the answers print."""

    agreed: set[tuple[str, str]] = field(default_factory=set)

    def check(self, ask: Ask, gfp: Gfp, section: Section) -> None:
        """Count in ``section`` whether a request's number means the flags ``gfp``, once for each such pair."""
        text = ask.values.get("gfp")
        if text is None or ask.answer is None or (text, ask.answer.gfp) in self.agreed:
            return
        number = as_int(text)
        if number is None or ask.answer.gfp.startswith("0x"):
            return
        meant = gfp_of_number(number)
        if any(getattr(meant, name) != getattr(gfp, name) for name in NAMES):
            section.disagreeing += 1
        else:
            section.agreeing += 1
            if len(self.agreed) < MOST_AGREED:
                self.agreed.add((text, ask.answer.gfp))
