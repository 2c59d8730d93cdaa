"""Two loops side by side, of which one crashes, empties a slot, or rolls back in its own way."""

from __future__ import annotations

from dataclasses import replace

from model.events import FAILED, Attempt, End
from model.kernel import Crash, Kernel
from model.lockstep import SAME, Lockstep
from model.loop import Call, Unwinding
from model.patched import Filling, Patched
from proofs.engine.prove import Prover
from proofs.engine.words import Word
from spec.targets import TARGETS
from tests.crashing import CrashesAtOnce, CrashesBack


class AsksThenCrashes(Patched):
    """Crashes after what it did at five pages."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass."""
        after = super().turn(call, state, kernel)
        if state.count == 5 and any(isinstance(event, Attempt) for event in kernel.events):
            raise Crash("page-total", "five")
        return after


class Empties(Patched):
    """Empties a slot before it rolls back: what lies there is kept for ever."""

    def __init__(self, slot: int) -> None:
        super().__init__((0,))
        self.slot = slot

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass."""
        after = super().turn(call, state, kernel)
        if isinstance(after, Unwinding) and after.i > 3:
            kernel.erase(self.slot)
        return after


def test_a_slot_that_one_loop_alone_empties_is_a_difference() -> None:
    for one, other in ((Empties(2), Patched((0,))), (Patched((0,)), Empties(2)), (Empties(2), Empties(1))):
        answer = Prover(replace(TARGETS["patched"], loop=Lockstep(one, other))).prove(SAME)
        assert (answer.word, answer.reason) == (Word.REFUTED, "the two differ: another slot is emptied")
        assert answer.scenario is not None and answer.scenario.call.n == 5
    same = replace(TARGETS["patched"], loop=Lockstep(Empties(2), Empties(2)))
    assert Prover(same).prove(SAME).word is Word.PROVED


class DiffersBack(Patched):
    """Frees a block of another order far back in its rollback."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take a step back."""
        if not state.i:
            return FAILED
        frame = kernel.load(state.i - 1)
        if frame is not None:
            kernel.free_pages(frame, 1 if state.i == 50 else 0)
        return Unwinding(state.i - 1)


def test_a_difference_far_back_in_a_rollback_is_found() -> None:
    answer = Prover(replace(TARGETS["patched"], loop=Lockstep(Patched(), DiffersBack()))).prove(SAME)
    assert (answer.word, answer.reason) == (Word.REFUTED, "the two differ: another page is freed")
    assert answer.scenario is not None and answer.scenario.call.n == 51


def test_two_loops_that_crash_in_the_same_turn_do_the_same_up_to_there() -> None:
    for loop in (Patched((10, 9, 4)), CrashesBack()):
        answer = Prover(replace(TARGETS["patched"], loop=Lockstep(loop, loop))).prove(SAME)
        assert answer.word is Word.PROVED
        assert any("no run is cut short by breaking" in assumption for assumption in answer.assumptions)
    answer = Prover(replace(TARGETS["patched"], loop=Lockstep(Patched(), CrashesBack()))).prove(SAME)
    assert (answer.word, answer.reason) == (Word.REFUTED, "the two differ: the second crashes: three")


def test_where_the_second_of_two_loops_crashes_they_differ() -> None:
    target = replace(TARGETS["patched"], loop=Lockstep(Patched((0,)), CrashesAtOnce((0,))))
    answer = Prover(target).prove(SAME)
    assert (answer.word, answer.reason) == (Word.REFUTED, "the two differ: an attempt is not made")
    target = replace(TARGETS["patched"], loop=Lockstep(Patched((0,)), AsksThenCrashes((0,))))
    answer = Prover(target).prove(SAME)
    assert (answer.word, answer.reason) == (Word.REFUTED, "the two differ: the second crashes: five")
    first = replace(TARGETS["patched"], loop=Lockstep(CrashesAtOnce(), Patched()))
    answer = Prover(first).prove(SAME)  # of the first loop's crash its own claim tells
    assert answer.word is Word.PROVED
    assert "no run is cut short by breaking page-total" in answer.assumptions
