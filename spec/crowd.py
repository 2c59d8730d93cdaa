"""Judging a long run by a claim that watches one slot, frame or order, whatever number of values it tells apart.

As `spec.judge.Judge`, on the same ground: a monitor tells a watched value only by whether an event covers it. Values
whose ghosts agree are one group wherever they are, so an event costs a step for each group, not for each interval.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields

from model.events import Attempt, Event
from spec.judge import MOST_FRAMES, MOST_ORDERS, ends_of
from spec.monitor import Broken, Matter, Monitor


class Crowd:
    """A claim's monitors over all watched values. Mutable: ``step`` changes it."""

    def __init__(self, monitor: type[Monitor], matter: Matter) -> None:
        self.watches, self.heeds_others = monitor.watches, monitor.heeds_others
        self.end = {"slot": matter.call.n, "frame": MOST_FRAMES, "order": MOST_ORDERS}[monitor.watches]
        first = monitor.start(Matter(matter.call, matter.orders, matter.max_order, 0))
        self.starts = [0] if self.end else []  # of intervals of values
        self.groups = [0] if self.end else []  # the group of each interval
        self.states: dict[int, Monitor] = {0: first} if self.end else {}  # by group
        self.sizes = {0: 1}  # intervals of each group
        self.newest = 0
        self.changed = False  # by the newest event: the state of a group with values outside its range

    def step(self, event: Event) -> None:
        """Take in ``event``. Raises Broken."""
        ends = ends_of(event, self.watches)
        self.changed = False
        if not ends:
            self._step_others(event, {}, -1, -1)
        elif ends[0] < self.end and ends[1] > max(0, ends[0]):
            self._step_covered(event, max(0, ends[0]), min(ends[1], self.end))
        elif self.heeds_others:
            self._step_others(event, {}, -1, -1)
        if self.changed and len(self.states) > 1:
            self._merge()

    def _step_covered(self, event: Event, first: int, last: int) -> None:
        left, right = bisect_right(self.starts, first) - 1, bisect_left(self.starts, last)
        covered = self.groups[left:right]
        inside = {group: self._inside(group, first, last).step(event) for group in dict.fromkeys(covered)}
        if self.heeds_others:
            # an interval that reaches beyond the event's range still has values outside
            begins_before = self.starts[left] < first
            goes_beyond = (self.starts[right] if right < len(self.starts) else self.end) > last
            whole = covered[begins_before : max(begins_before, len(covered) - goes_beyond)]
            self._step_others(event, Counter(whole) if whole else {}, first, last)
        if all(self.states[group] == after for group, after in inside.items()):
            return  # the values inside are told apart from none
        left, right = self._cut(first), self._cut(last)
        moved = {group: self._group_of(after) for group, after in inside.items()}
        for group in self.groups[left:right]:
            self.sizes[group] -= 1
            self.sizes[moved[group]] += 1
        self.groups[left:right] = [moved[group] for group in self.groups[left:right]]
        for group in moved:
            if not self.sizes[group]:
                del self.states[group], self.sizes[group]
        self._join(left, right)

    def _inside(self, group: int, first: int, last: int) -> Monitor:
        state = self.states[group]
        return state if first <= state.matter.watch < last else watching(state, first)

    def _step_others(self, event: Event, covered: dict[int, int], first: int, last: int) -> None:
        """Step every group that has values outside the range from ``first`` to ``last``."""
        for group, state in list(self.states.items()):
            if self.sizes[group] <= covered.get(group, 0):
                continue
            watches_inside = first <= state.matter.watch < last
            elsewhere = last if last < self.end else first - 1
            after = (watching(state, elsewhere) if watches_inside else state).step(event)
            self.changed = self.changed or after is not state
            self.states[group] = after

    def _group_of(self, state: Monitor) -> int:
        for group, known in self.states.items():
            if known == state:
                return group
        self.newest += 1
        self.states[self.newest], self.sizes[self.newest] = state, 0
        return self.newest

    def _cut(self, value: int) -> int:
        """Return the index of the interval that begins at ``value``; one past the last where nothing does."""
        if value >= self.end:
            return len(self.starts)
        at = bisect_right(self.starts, value) - 1
        if self.starts[at] != value:
            at += 1
            self.starts.insert(at, value)
            self.groups.insert(at, self.groups[at - 1])
            self.sizes[self.groups[at]] += 1
        return at

    def _join(self, left: int, right: int) -> None:
        """Join neighbours of one group from one before ``left`` to one after ``right``."""
        for at in range(min(right, len(self.starts) - 1), max(left - 1, 0), -1):
            if self.groups[at] == self.groups[at - 1]:
                self.sizes[self.groups[at]] -= 1
                del self.starts[at], self.groups[at]

    def _merge(self) -> None:
        """Make one of groups whose ghosts agree."""
        kept: list[tuple[int, Monitor]] = []
        for group, state in list(self.states.items()):
            same = next((other for other, known in kept if known == state), None)
            if same is None:
                kept.append((group, state))
                continue
            self.groups = [same if g == group else g for g in self.groups]
            self.sizes[same] += self.sizes.pop(group)
            del self.states[group]


def watching(state: Monitor, watch: int) -> Monitor:
    """Return the monitor with another watched value."""
    matter = state.matter
    return state.but(matter=Matter(matter.call, matter.orders, matter.max_order, watch))


def first_break(monitor: type[Monitor], matter: Matter, events: Iterable[Event]) -> tuple[int, str] | None:
    """Return the index of the first event that breaks the claim and how, or None: `spec.judge.broken_at`, faster."""
    is_alone = not monitor.watches and len(fields(monitor)) == 1  # without ghosts an event is judged by itself
    judged: set[tuple[int, int]] = set()
    try:
        if monitor.watches:
            crowd = Crowd(monitor, matter)
            for at, event in enumerate(events):  # noqa: B007 - where it stopped
                crowd.step(event)
            return None
        now = monitor.start(matter)
        for at, event in enumerate(events):  # noqa: B007 - where it stopped
            if is_alone and isinstance(event, Attempt):  # nor does any such claim look at frames
                kind = (event.order, id(event.gfp))
                if kind in judged:
                    continue
                judged.add(kind)
            now = now.step(event)
    except Broken as broken:
        return at, str(broken)
    return None
