"""A run that crashes: refuted under one claim's name, and never lost between claims that look away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from model.events import DONE, FAILED, Attempt, End, Look, Turn
from model.gfp import GFP_KERNEL
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, Loop, Unwinding, run
from model.patched import Filling, Patched, fls
from proofs.engine import sampling
from proofs.engine.finders import FINDERS
from proofs.engine.ground import Ground
from proofs.engine.invariants import hypotheses
from proofs.engine.prove import Prover
from proofs.engine.search import Script
from proofs.engine.words import Word
from spec.examples import EXAMPLES
from spec.targets import TARGETS
from stepdown.verify import chosen_target
from tests.crashing import CrashesAtOnce, with_turn


class CrashesWhenDone(Patched):
    """Asks for the highest bit of 0 at the end of every run."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass, having looked for the highest bit first."""
        if fls(state.count) < 0:
            return DONE
        return super().turn(call, state, kernel)


def test_a_loop_that_crashes_is_refuted_under_the_crashs_claim_and_no_other() -> None:
    prover = Prover(with_turn("crashes", CrashesAtOnce()))
    answer = prover.prove("page-total")
    assert answer.word is Word.REFUTED
    assert answer.scenario is not None
    assert (answer.scenario.call.n, answer.reason) == (17, "seventeen")
    assert prover.prove("orders-from-array").word is Word.PROVED


def test_a_loop_that_crashes_under_no_claims_name_is_not_proved_in_all() -> None:
    prover = Prover(with_turn("crashes when done", CrashesWhenDone()))
    words = {name: prover.prove(name).word for name in ("terminates", "page-total", "orders-from-array")}
    assert set(words.values()) - {Word.PROVED, Word.NOT_APPLICABLE}, words


class FarCrash(Patched):
    """Crashes at one size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass, except of that size."""
        if call.n == self.size:
            raise Crash("page-total", "one size")
        return super().turn(call, state, kernel)


def test_a_crash_at_one_far_size_is_found() -> None:
    answer = Prover(with_turn("far crash", FarCrash(1_000_003))).prove("page-total")
    assert answer.word is Word.REFUTED
    assert answer.scenario is not None
    assert answer.scenario.call.n == 1_000_003


def test_a_crash_beyond_every_size_that_is_searched_is_the_solvers_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Prover(with_turn("far crash", FarCrash(1 << 40))).prove("page-total")
    assert answer.word is Word.REFUTED
    assert answer.scenario is not None
    assert answer.scenario.call.n == 1 << 40
    for finder in set(FINDERS) - {"breadth-first"}:
        monkeypatch.setitem(FINDERS, finder, lambda _: None)
    answer = Prover(with_turn("far crash", FarCrash(1 << 40))).prove("page-total")
    assert answer.word not in (Word.PROVED, Word.REFUTED)


@dataclass(frozen=True)
class Waiting:
    """Pages still wanted, turns taken, and whether it is late."""

    count: int
    turns: int
    late: int


class CrashesLate(Loop):
    """Asks for single pages, and crashes once it is late: no sampled run takes as many turns."""

    def start(self, call: Call) -> Waiting:
        """Begin in time."""
        return Waiting(call.n, 0, 0)

    def turn(self, call: Call, state: Waiting, kernel: Kernel) -> Waiting | End:
        """Ask for a page."""
        if not state.count:
            return DONE
        frame = kernel.alloc_pages(call.gfp, 0)
        if frame is None:
            return FAILED
        kernel.store(state.turns, frame, 1)
        if state.late:
            raise Crash("page-total", "late")
        return Waiting(state.count - 1, state.turns + 1, 1 if state.turns >= 2 * sampling.MOST_TURNS else 0)


def test_what_runs_suggest_and_is_not_so_is_not_believed() -> None:
    prover = Prover(with_turn("crashes late", CrashesLate()))
    suggested = {str(literal) for literals in prover.ground._suggested().values() for literal in literals}
    assert "late = 0" in suggested
    answer = prover.prove("page-total")
    assert (answer.word, answer.reason) == (Word.REFUTED, "late")
    assert answer.scenario is not None
    assert answer.scenario.call.n == 2 * sampling.MOST_TURNS + 2


@dataclass(frozen=True)
class Late:
    """Whether it is late: nothing else can tell that a number was set."""

    late: int


class CrashesOnceSet(Loop):
    """Sets a number for calls larger than any sampled one, and crashes a turn later."""

    def start(self, call: Call) -> Late:
        """Begin in time."""
        return Late(0)

    def turn(self, call: Call, state: Late, kernel: Kernel) -> Late | End:
        """Ask for a page."""
        if kernel.alloc_pages(call.gfp, 0) is None:
            return FAILED
        if state.late:
            raise Crash("page-total", "set")
        return Late(1 if call.n > 100_000 else 0)


def test_a_field_that_becomes_a_number_is_not_what_it_was() -> None:
    base = Prover(with_turn("crashes once set", CrashesOnceSet())).ground.base("")
    assert [(found.claim, found.reason) for found in base.trouble] == [("page-total", "set")]


# -- no crash is lost


TABLE = """\
from dataclasses import dataclass
from stepdown import DONE, GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN, Loop

TABLE = (9, 8, 4, 0)

@dataclass(frozen=True)
class State:
    i: int
    count: int
    at: int

class Mine(Loop):
    def start(self, call):
        return State(0, call.n, 0)

    def turn(self, call, s, kernel):
        if s.count == 0:
            return DONE
        order = TABLE[s.at]
        if s.count < 1 << order:
            return State(s.i, s.count, s.at + 1)
        gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM
        page = kernel.alloc_pages(gfp | GFP_NORETRY if order else gfp, order)
        if page is None:
            return State(s.i, s.count, s.at + 1)  # off the table, where a single page is refused
        kernel.clear(page, 1 << order)
        kernel.store(s.i, page, 1 << order)
        return State(s.i + (1 << order), s.count - (1 << order), s.at)
"""


def test_a_crash_under_the_name_of_a_claim_that_would_not_apply_is_judged_by_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TABLE)
    target = chosen_target(f"{path}:Mine")
    assert not target.reads_order_array
    prover = Prover(target)
    assert prover.prove("array-index-in-bounds").word is Word.REFUTED
    assert prover.prove("single-pages").word is Word.NOT_APPLICABLE
    total = prover.prove("page-total")
    assert total.word is Word.PROVED
    assert "no run is cut short by breaking array-index-in-bounds" in total.assumptions


def test_a_claim_that_is_left_out_hides_no_crash() -> None:
    out = (("page-total", "it promises something else"),)
    assert Prover(replace(TARGETS["patched"], promises_instead=out)).prove("page-total").word is Word.NOT_APPLICABLE
    target = replace(with_turn("crashes", CrashesAtOnce()), promises_instead=out)
    assert Prover(target).prove("page-total").word is Word.REFUTED


class CrashesForC(Patched):
    """Crashes as only C can, under the name of a claim that no loop in Python is judged by."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass, except at seventeen pages."""
        if state.count == 17:
            raise Crash("nothing-overflows", "seventeen")
        return super().turn(call, state, kernel)


def test_a_crash_that_no_claim_of_the_target_is_about_refutes_that_it_ends() -> None:
    answer = Prover(with_turn("crashes for C", CrashesForC())).prove("terminates")
    assert (answer.word, answer.reason) == (Word.REFUTED, "seventeen")


class AsksAndCrashes(Patched):
    """Asks for an order that is in no array, then crashes."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass, except at three pages."""
        if state.count == 3:
            kernel.alloc_pages(call.gfp, 7)
            kernel.look((0,), 5)
        return super().turn(call, state, kernel)


def test_what_a_turn_does_before_it_crashes_is_judged() -> None:
    prover = Prover(with_turn("asks and crashes", AsksAndCrashes()))
    for name in ("orders-from-array", "never-asks-too-much", "array-index-in-bounds"):
        answer = prover.prove(name)
        assert answer.word is Word.REFUTED, name
        assert answer.scenario is not None
        assert answer.scenario.call.n == 3
    assert prover.prove("page-total").word is Word.PROVED


def test_a_run_tells_what_its_last_turn_did_before_the_crash() -> None:
    told = []
    with pytest.raises(Crash, match="outside"):
        for event in run(AsksAndCrashes(), Call(3), Kernel(Script([True]), PageArray())):
            told.append(event)
    assert told == [Turn(), Attempt(7, GFP_KERNEL, 0), Look(5, 1)]


def test_that_a_crash_is_never_come_to_is_an_obligation() -> None:
    base = Ground(EXAMPLES["order-mask"])._base_of("", {})  # read where anything may hold
    crashes = [t for t in base.system.transitions if t.crash and t.source and base.invariants[t.source].reached]
    assert crashes and not base.trouble
    assert not [t for t in base.possible.transitions if t.crash]
    never = [o.given for o in base.obligations if "never taken" in o.name and not o.goals]
    for path in crashes:
        assert (*hypotheses(base.system, base.invariants, path.source), *path.literals) in never
