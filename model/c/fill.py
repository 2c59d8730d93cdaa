"""A fill loop as one run of stores: its pass is read once, for the k-th pass of all, and the number of passes solved.

In the k-th pass every variable is ``base + k * step``: shown by reading the body for all k at once. What the pass
compares keeps its answer up to the pass in which a line crosses 0; so far the passes are taken at once, then the loop
goes on from there. Whatever else a pass does (an event, a product of two lines, a slot it wrote) ends the attempt, and
the loop is taken pass by pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model.c.line import Line, NotALine, Test
from model.c.memory import Slots
from model.c.values import Buffer
from model.kernel import Crash, Kernel, Unsupported


class NoEvents(Kernel):
    """A kernel that is not to be called while a fill is read."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel.allocator, kernel.memory)

    def record(self, event: Any) -> None:
        """Refuse: a pass that does anything but store is no fill."""
        raise NotALine


class Recording(Slots):
    """The page array while a pass is read for all k: it notes the one store of the pass."""

    def __init__(self, real: Slots, kernel: Kernel) -> None:
        super().__init__(kernel, real.stored_to)
        self.real = real
        self.freed = real.freed
        self.stores: list[tuple[Buffer, Any, Any, str]] = []
        self.loads: list[Any] = []

    def store(self, buffer: Buffer, slot: Any, frame: Any, pages: Any, where: str) -> None:
        """Note the store of a page."""
        if not isinstance(slot, Line) or not isinstance(frame, Line) or slot.step != frame.step:
            raise NotALine
        if slot.step not in (1, -1) or self.stores:
            raise NotALine
        self._check(buffer, slot, 1, where)
        self.stores.append((buffer, slot, frame, where))

    def load(self, buffer: Buffer, slot: Any, where: str) -> Any:
        """Return what a slot held before the loop; the run must not cover it."""
        if isinstance(slot, Line) or not self.real.written:
            raise NotALine
        start, frame, pages = self.real.written[-1]
        if not (slot == start and pages == 1):
            raise NotALine
        self.loads.append(slot)
        return frame

    def flush(self, nulls: bool = False) -> None:
        """Refuse: something is to happen."""
        raise NotALine


def read_fill(frame: Any, deltas: dict[int, int], run_pass: Callable[[Any, list[Test]], list[Test] | None]) -> bool:
    """Take the passes of a fill loop up to the first that answers a test in another way; return whether it is one.

    deltas: what a pass adds to each variable it writes; run_pass: take one pass of the frame given, return the tests
    that decided whether there is one, or None when there is none.
    """
    tests: list[Test] = []
    trial = frame.trial({v: Line(frame.vars[v], step, tests) for v, step in deltas.items()})
    try:
        decided = run_pass(trial, tests)
        if decided is None:
            return False
        for v, step in deltas.items():
            after = trial.vars[v]
            same = isinstance(after, Line) and after.step == step
            if not same or after.base - frame.vars[v] != step:
                return False
        passes = Test.passes_of(decided, [test for test in tests if not any(test is one for one in decided)])
    except (Crash, NotALine, Unsupported):
        return False
    if passes is None:
        return False
    if not _store(frame, trial.memory, passes):
        return False
    for v, step in deltas.items():
        frame.vars[v] = frame.vars[v] + passes * step
    return True


def _store(frame: Any, recorded: Recording, passes: Any) -> bool:
    if not recorded.stores:
        return not recorded.loads
    buffer, slot, page, where = recorded.stores[0]
    back = (passes - 1) if slot.step < 0 else 0
    first = slot.base - back
    for loaded in recorded.loads:
        offset = loaded - first
        if offset >= 0 and offset < passes:
            return False
    frame.memory.store(buffer, first, page.base - back, passes, where)
    return True
