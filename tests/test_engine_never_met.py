"""A path whose condition no state meets is no path: shown by induction, where the invariants leave room for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from model.events import DONE, FAILED, End
from model.kernel import Kernel
from model.loop import Call, Loop
from proofs.engine.obligations import never_met, shown
from proofs.engine.prove import Prover
from proofs.engine.solver import Solver
from proofs.engine.words import Word
from spec.targets import TARGETS
from tests.crashing import with_turn


@dataclass(frozen=True)
class Left:
    """How much is filled, how much is left, and whether only single pages are asked for."""

    i: int
    left: int
    single: bool


class EitherOr(Loop):
    """Before single pages are asked for nothing is filled yet, or a block's worth is left: no conjunction says so."""

    def __init__(self, single_below: int = 8) -> None:
        self.single_below = single_below

    def start(self, call: Call) -> Left:
        """Return the state before the loop."""
        return Left(0, call.n, False)

    def turn(self, call: Call, state: Left, kernel: Kernel) -> Left | End:
        """Ask for eight pages, or for one."""
        if not state.left:
            return DONE
        if not state.single and state.left < 8:
            return DONE if state.i else Left(0, state.left, True)  # the first: never, if all below 8 are single
        order = 0 if state.single else 3
        page = kernel.alloc_pages(call.gfp, order)
        if page is None:
            return FAILED if state.single else Left(state.i, state.left, True)
        kernel.store(state.i, page, 1 << order)
        left = state.left - (1 << order)
        return Left(state.i + (1 << order), left, state.single or left < self.single_below)


def test_what_no_state_meets_breaks_no_claim() -> None:
    prover = Prover(with_turn("either or", EitherOr()), obligations=True)
    answer = prover.prove("page-total")
    assert answer.word is Word.PROVED
    steps = [one for one in answer.obligations if "does not bring about" in one.name]
    assert steps and all(shown(Solver(), one) for one in answer.obligations)
    base = prover.ground.base("")
    assert len(base.possible.transitions) < len(base.system.transitions)


@pytest.mark.parametrize("single_below", [0, 4, 7])
def test_what_some_state_meets_breaks_it(single_below: int) -> None:
    answer = Prover(with_turn("either or", EitherOr(single_below))).prove("page-total")
    assert answer.word is Word.REFUTED
    assert answer.scenario is not None and answer.scenario.call.n == 8 + max(1, single_below)


@pytest.mark.parametrize("target", [*TARGETS])
def test_no_path_that_real_runs_take_is_said_not_to_be_met(target: str) -> None:
    """Neither by itself nor with all others: each is come to from the start."""
    base = Prover(TARGETS[target]).ground.base("")
    taken = [at for at, path in enumerate(base.system.transitions) if path.witnesses and path.source is not None]
    assert taken
    for paths in (taken, *([at] for at in taken)):
        assert never_met(base.system, base.invariants, Solver(), paths) == ([], [])
