"""Flat code: what a function's body is lowered to, and which variables matter at which of its points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Step:
    """One step of flat code. ``run`` of a branch returns a truth value: where it is false, go to ``target``."""

    kind: str  # do, branch, jump, head, return
    run: Callable[[Any], Any] = lambda _: None
    target: int = -1
    where: str = ""  # file:line
    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    loop: LoopHead | None = None


@dataclass(eq=False)
class LoopHead:
    """A loop of the function: where it is, and what its passes do."""

    name: str  # of its line
    start: int = -1  # the step of its head
    end: int = -1  # the step behind it
    asks: bool = False  # a pass may ask for pages
    frees: bool = False  # a pass may free pages
    inside: LoopHead | None = None
    own: bool = False  # each of its passes is a turn: not one of the loop around it
    holds: bool = False  # it holds such a loop, and is gone round between two turns
    changes: dict[int, int | None] = field(default_factory=dict)  # variable: what a pass adds, None: something else

    @property
    def cut(self) -> bool:
        """Return whether its passes are turns: the outermost loop that asks for pages, and one that frees them."""
        if self.own or self.holds:
            return self.own
        if not self.asks:
            return self.frees
        outer = self.inside
        while outer is not None:
            if outer.asks:
                return False
            outer = outer.inside
        return True


def live_at(code: Sequence[Step]) -> list[frozenset[int]]:
    """Return, for each step, the variables whose value may still be read."""
    live: list[frozenset[int]] = [frozenset()] * (len(code) + 1)
    changed = True
    while changed:
        changed = False
        for at in reversed(range(len(code))):
            step = code[at]
            after: frozenset[int] = frozenset()
            if step.kind not in ("jump", "return"):
                after |= live[at + 1]
            if step.target >= 0:
                after |= live[step.target]
            now = (after - step.writes) | step.reads
            if now != live[at]:
                live[at], changed = now, True
    return live
