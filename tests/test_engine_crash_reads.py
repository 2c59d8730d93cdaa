"""A crash that a turn comes to by what it read from the page array: whether a slot can hold NULL is proved."""

from __future__ import annotations

import pytest

from model.events import DONE, FAILED, End
from model.kernel import Crash, Kernel
from model.loop import Call, Unwinding
from model.patched import Filling, Patched
from proofs.engine.prove import Prover
from proofs.engine.words import Word
from tests.crashing import CrashesBack, with_turn


class FreesWhatItFilled(Patched):
    """Its rollback asks of no slot whether it holds a page: NULL is no page. It leaves holes in its array."""

    def __init__(self, holes: tuple[int, ...], back_to: int = 0) -> None:
        super().__init__((0,))
        self.holes = holes
        self.back_to = back_to

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass."""
        if not state.count:
            return DONE
        frame = kernel.alloc_pages(call.gfp, 0)
        if frame is None:
            return Unwinding(state.i)
        kernel.store(state.i, frame, 1)
        if state.i in self.holes:
            kernel.erase(state.i)
        return Filling(state.i + 1, state.count - 1, 0)

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take a step back."""
        if state.i == self.back_to:
            return FAILED
        frame = kernel.load(state.i - 1)
        if frame is None:
            raise Crash("page-total", "NULL is freed")
        kernel.free_pages(frame, 0)
        return Unwinding(state.i - 1)


def test_a_slot_that_was_filled_is_not_read_as_null() -> None:
    prover = Prover(with_turn("frees", FreesWhatItFilled(())))
    answers = [prover.prove(name) for name in ("page-total", "rollback-exact", "terminates")]
    assert [answer.word for answer in answers] == [Word.PROVED] * 3
    assert not any("cut short" in assumption for answer in answers for assumption in answer.assumptions)


@pytest.mark.parametrize(("holes", "back_to", "n"), [((4,), 0, 6), ((), -1, 1)], ids=str)
def test_a_slot_that_may_hold_null_is_found(holes: tuple[int, ...], back_to: int, n: int) -> None:
    prover = Prover(with_turn("frees", FreesWhatItFilled(holes, back_to)))
    answer = prover.prove("page-total")
    assert (answer.word, answer.reason) == (Word.REFUTED, "NULL is freed")
    assert answer.scenario is not None and answer.scenario.call.n == n
    watching = prover.prove("rollback-exact")  # it watches a frame: the crash is known there, too
    assert watching.word is not Word.PROVED or "no run is cut short by breaking page-total" in watching.assumptions


class SkipsAndFrees(FreesWhatItFilled):
    """Reads two slots in one step back, and crashes where both are NULL."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take a step back."""
        if state.i < 2:
            return FAILED
        if kernel.load(state.i - 1) is None and kernel.load(state.i - 2) is None:
            raise Crash("page-total", "both are NULL")
        return Unwinding(state.i - 2)


def test_of_two_slots_read_both_may_be_null() -> None:
    for holes, word in (((), Word.PROVED), ((2, 3), Word.REFUTED), ((2, 4), Word.UNKNOWN)):  # one slot is watched
        assert Prover(with_turn("skips", SkipsAndFrees(holes))).prove("page-total").word is word


def test_a_crash_after_a_read_is_found_whatever_was_read() -> None:
    answer = Prover(with_turn("crashes back", CrashesBack())).prove("page-total")
    assert (answer.word, answer.reason) == (Word.REFUTED, "three")
