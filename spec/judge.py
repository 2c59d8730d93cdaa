"""Judging one real run by a claim: every value of the watched slot, frame or order at once.

Values that no event has told apart share one monitor; an event splits them at its own ends, and neighbours whose ghosts
agree again are joined. So a run of any length is judged for every slot with a handful of monitors, and exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from model.events import Attempt, Clear, Event, Free, Split, Store
from spec.monitor import Broken, Matter, Monitor

MOST_FRAMES = 1 << 52  # of 4 KiB: no physical address is as large
MOST_ORDERS = 64


@dataclass(frozen=True)
class Judge:
    """A claim's monitors over intervals of watched values: (first, one past the last, monitor)."""

    classes: tuple[tuple[int, int, Monitor], ...]

    def step(self, event: Event) -> Judge:
        """Return the judge after ``event``. Raises Broken."""
        after: list[tuple[int, int, Monitor]] = []
        if len(self.classes) == 1 and not self.classes[0][2].watches:  # most claims watch nothing: most steps are this
            low, high, monitor = self.classes[0]
            stepped = monitor.step(event)
            return self if stepped is monitor else Judge(((low, high, stepped),))
        changed = False
        covered = ends_of(event, self.classes[0][2].watches) if self.classes else ()
        for low, high, monitor in self.classes:
            cuts = covered and [cut for cut in covered if low < cut < high]
            for first, last in pairwise(sorted({low, high, *cuts})) if cuts else ((low, high),):
                watching = monitor if first == low else _moved(monitor, first)
                stepped = watching.step(event)
                changed = changed or stepped is not monitor
                if changed and after and after[-1][2] == stepped:  # unchanged, neighbours differ as they did
                    after[-1] = (after[-1][0], last, after[-1][2])
                else:
                    after.append((first, last, stepped))
        return Judge(tuple(after)) if changed else self


def judge(monitor: type[Monitor], matter: Matter) -> Judge:
    """Return the claim's judge before the first event of a call."""
    ends = {"": 1, "slot": matter.call.n, "frame": MOST_FRAMES, "order": MOST_ORDERS}[monitor.watches]
    return Judge(((0, ends, monitor.start(replace(matter, watch=0))),) if ends else ())


def broken_at(monitor: type[Monitor], matter: Matter, events: Iterable[Event]) -> tuple[int, str] | None:
    """Return the index of the first event that breaks the claim and how, or None."""
    now = judge(monitor, matter)
    for at, event in enumerate(events):
        try:
            now = now.step(event)
        except Broken as broken:
            return at, str(broken)
    return None


def _moved(monitor: Monitor, watch: int) -> Monitor:
    return monitor.but(matter=replace(monitor.matter, watch=watch))


def ends_of(event: Event, watches: str) -> tuple[int, ...]:
    """Return the ends of the range of watched values that ``event`` covers, nothing where it covers none."""
    if watches == "order" and isinstance(event, Attempt):
        return event.order, event.order + 1
    if watches == "slot" and isinstance(event, Store):
        return event.slot, event.slot + event.pages
    if watches == "frame":
        if isinstance(event, Attempt) and event.frame is not None:
            return event.frame, event.frame + event.pages
        if isinstance(event, Split | Free):
            return event.frame, event.frame + (1 << event.order)
        if isinstance(event, Clear):
            return event.frame, event.frame + event.pages
    return ()
