"""Two loops in step: while one runs, the other is run beside it with the same answers, and must do the same.

As a monitor it is read both ways: over one real run, and over every run of a proof. What is compared: each attempt with
its order and flags, each store, and how it ends. Passes are not: a walk down the orders may be one pass or several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from model.events import Attempt, Back, Clear, End, Event, Free, Look, Split, Store, Turn
from model.gfp import NAMES, Gfp
from model.kernel import Crash, Kernel, Unsupported
from model.loop import Loop, Unwinding, take_turn
from spec.monitor import Broken, Matter, Monitor, require

MOST_PASSES = 64  # of the other loop between two attempts: it only goes down its orders meanwhile


class Asked(Exception):
    """The other loop asks for more than was answered yet: where it stands now."""

    def __init__(self, gfp: Gfp, order: Any) -> None:
        super().__init__(str(order))
        self.gfp = gfp
        self.order = order


class SameAnswers:
    """An allocator and a page array that answer as the first loop's did."""

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self.answers = list(answers)

    def alloc_pages(self, gfp: Gfp, order: int) -> Any:
        """Return the next answer. Raises Asked at their end."""
        if not self.answers:
            raise Asked(gfp, order)
        return self.answers.pop(0)

    def free_pages(self, frame: int, order: int) -> None:
        """Forget the block."""

    def store(self, slot: int, frame: int, pages: int) -> None:
        """Keep nothing: the event is what is compared."""

    def erase(self, slot: int) -> None:
        """Keep nothing."""

    def load(self, slot: int) -> int | None:
        """Refuse: what the other loop stored is not kept."""
        raise Unsupported("", "the loop beside reads its page array while it fills it: not followed")


@dataclass(frozen=True)
class Lockstep(Monitor):
    """The other loop's state before its newest unfinished pass, the answers within it, and what it stored."""

    other: ClassVar[Loop]
    state: Any = None
    answers: tuple[Any, ...] = ()
    stored: tuple[Store, ...] = ()  # by the other, and not yet by the first

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Return the other loop before its first pass."""
        return cls(matter, state=cls.other.start(matter.call))

    def step(self, event: Event) -> Self:
        """Let the other loop come to the same event."""
        if isinstance(event, Attempt):
            return self._attempt(event)
        if isinstance(event, Store):
            require(bool(self.stored), "one loop stores where the other does not")
            theirs = self.stored[0]
            same_slots = theirs.slot == event.slot and theirs.pages == event.pages
            require(same_slots, "one loop stores in other slots than the other")
            require(theirs.frame == event.frame, "one loop stores another frame than the other")
            return self.but(stored=self.stored[1:])
        if isinstance(event, End):
            return self._end(event)
        assert isinstance(event, Back | Clear | Free | Look | Split | Turn)
        return self

    def _attempt(self, event: Attempt) -> Self:
        now = self._run_on()
        require(not isinstance(now.state, End | Unwinding), "one loop asks where the other has ended")
        asked = now._pass()
        if isinstance(asked, Crash):
            raise Broken(f"the other loop crashes: {asked.reason}")
        assert isinstance(asked, Asked)  # it was run on to where it asks
        require(asked.order == event.order, "one loop asks for another order than the other")
        for name in NAMES:
            require(getattr(asked.gfp, name) == getattr(event.gfp, name), f"one loop asks with another {name.upper()}")
        require(asked.gfp.other == event.gfp.other, "one loop asks with other flags than the other")
        return now.but(answers=(*now.answers, event.frame))._run_on()

    def _end(self, event: End) -> Self:
        now = self._run_on()
        require(not now.stored, "one loop stores where the other does not")
        require(isinstance(now.state, End | Unwinding), "one loop ends where the other asks, or crashes")
        ok = isinstance(now.state, End) and now.state.ok
        require(ok == event.ok, "one loop succeeds where the other fails")
        return now.but(state=End(ok))

    def _run_on(self) -> Self:
        """Return the other loop where it asks next, or where it ended: its rollback is not followed."""
        now = self
        for _ in range(MOST_PASSES):
            if isinstance(now.state, End | Unwinding):
                return now
            passed = now._pass()
            if isinstance(passed, Asked | Crash):  # where the other crashes, this one is yet to: it may do no more
                return now
            after, events = passed
            stores = tuple(event for event in events if isinstance(event, Store))
            now = now.but(state=after, answers=(), stored=(*now.stored, *stores))
        require(holds=False, sentence="one loop goes round without asking where the other asks or ends")
        return now

    def _pass(self) -> tuple[Any, list[Event]] | Asked | Crash:
        """Return the other loop's state and events after its pass, what it asks beyond the answers, or its crash."""
        memory = SameAnswers(self.answers)
        try:
            return take_turn(self.other, self.matter.call, self.state, Kernel(memory, memory))
        except (Asked, Crash) as stopped:
            return stopped


def in_step_with(other: Loop) -> type[Lockstep]:
    """Return the monitor that lets ``other`` run beside the loop that is watched. Raises Unsupported where the other's
    rollback need not end in failure, having asked for nothing."""
    if other.__class__.unwind is not Loop.unwind:
        raise Unsupported("", "the loop beside has a rollback of its own: not followed")
    return type("Lockstep", (Lockstep,), {"other": other})
