"""Drives a loop with the answers that a kernel gave, and holds its requests against the recorded ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from model.events import Attempt, End
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, Loop, take_turn


class Differs(Exception):
    """The loop and the record part: ``at`` is the index of the attempt, the text says how."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at


class Answers:
    """An `Allocator` that answers as recorded, and refuses to be asked anything else."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.attempts = attempts
        self.next = 0

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the recorded answer. Raises Differs where the recorded request is another one."""
        if self.next == len(self.attempts):
            raise Differs(self.next, f"the model asks for order {order} where the trace has no more attempts")
        recorded = self.attempts[self.next]
        if (recorded.order, recorded.gfp) != (order, gfp):
            asked = f"the trace asks for order {recorded.order} ({recorded.gfp})"
            raise Differs(self.next, f"{asked}, the model for order {order} ({gfp})")
        self.next += 1
        return recorded.frame

    def free_pages(self, frame: int, order: int) -> None:
        """Forget the block."""


@dataclass(frozen=True)
class Agreement:
    """How far loop and record agree: all ``attempts``, or up to the ``at``-th, and why not further."""

    attempts: int
    at: int | None = None
    reason: str = ""


def replay(loop: Loop, call: Call, attempts: Sequence[Attempt], ok: bool | None, is_whole: bool) -> Agreement:
    """Return how far ``loop`` makes the recorded attempts when it is given the recorded answers.

    ``ok`` is how the kernel's loop ended, None where that is not known. A record that is not whole may stop anywhere.
    """
    answers = Answers(attempts)
    kernel = Kernel(answers, PageArray())
    turns, most = 0, 64 + 4 * max(call.n, len(attempts))
    try:
        state = loop.start(call)
        while not isinstance(state, End) and turns < most:
            if not is_whole and answers.next == len(attempts):
                return Agreement(answers.next)
            state, _ = take_turn(loop, call, state, kernel)
            turns += 1
    except Differs as differs:
        if not is_whole and differs.at == len(attempts):
            return Agreement(answers.next)
        return Agreement(answers.next, differs.at, str(differs))
    except Crash as crash:
        return Agreement(answers.next, answers.next, f"the model crashes: {crash.reason}")
    if answers.next < len(attempts):
        return Agreement(answers.next, answers.next, "the trace makes another attempt where the model has ended")
    if ok is not None and isinstance(state, End) and state.ok != ok:
        ended = ("fails", "succeeds")
        reason = f"the model {ended[state.ok]} where the kernel's loop {ended[ok]}"
        return Agreement(answers.next, answers.next, reason)
    return Agreement(answers.next)


def runs_granted(attempts: Sequence[Attempt]) -> tuple[tuple[int, int], ...]:
    """Return the frames of the blocks granted, in the order of slots, as runs: first frame and pages."""
    return joined([(attempt.frame, attempt.pages) for attempt in attempts if attempt.frame is not None])


def joined(runs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the runs with those that continue each other made one."""
    if not runs:
        return ()
    starts = [0] + [at for at, (a, b) in enumerate(pairwise(runs), 1) if a[0] + a[1] != b[0]]
    ends = [*starts[1:], len(runs)]
    return tuple(
        (runs[first][0], sum(pages for _, pages in runs[first:last])) for first, last in zip(starts, ends, strict=True)
    )
