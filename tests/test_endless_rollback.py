"""A rollback that never ends is REFUTED with a run that shows it, one that takes too long too; one that ends is not."""

from __future__ import annotations

import pytest

from model.events import FAILED, Back, End
from model.kernel import Kernel
from model.loop import Call, Unwinding
from model.order_0_only import Order0Only
from model.patched import Patched
from proofs.engine import search
from proofs.engine.prove import Prover
from proofs.engine.words import Word
from spec.costs import passes_bounded
from spec.monitor import Matter
from spec.targets import Target


class StandsStill(Patched):
    """Frees the same slot again and again."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take a step without a step."""
        super().unwind(call, state, kernel)
        return state if state.i else FAILED


class RunsUpwards(Patched):
    """Walks away from slot 0."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Free a slot and go to the next."""
        if not state.i:
            return FAILED
        kernel.load(state.i - 1)
        return Unwinding(state.i + 1)


class OnePassTooMany(Patched):
    """Ends one step late: it begins above the slots that were filled."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Count on to -1, which takes n + 1 steps where all but the last page were got."""
        if state.i < 0:
            return FAILED
        if state.i and (frame := kernel.load(state.i - 1)) is not None:
            kernel.free_pages(frame, 0)
        return Unwinding(state.i - 1)


class SpinsAtFirst(Order0Only):
    """Never leaves a rollback that has nothing to free."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take no step at slot 0."""
        if not state.i:
            return state
        return super().unwind(call, state, kernel)


class TwoAtOnce(Order0Only):
    """Frees two slots a step."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take two steps as one."""
        after = super().unwind(call, state, kernel)
        return super().unwind(call, after, kernel) if isinstance(after, Unwinding) and after.i else after


def target_of(loop: Patched | Order0Only) -> Target:
    """Return a target for the loop."""
    return Target("rollback", loop, "", reads_order_array=False)


@pytest.mark.parametrize(
    ("loop", "n"), [(StandsStill(), 2), (RunsUpwards(), 2), (SpinsAtFirst(), 1)], ids=["still", "upwards", "at 0"]
)
def test_a_rollback_without_an_end_is_refuted_by_its_steps_beyond_n(loop: Patched, n: int) -> None:
    answer = Prover(target_of(loop)).prove("terminates")
    assert (answer.word, answer.reason) == (Word.REFUTED, "the rollback takes more than n steps")
    scenario = answer.scenario
    assert scenario is not None
    assert scenario.call.n == n
    assert sum(isinstance(event, Back) for event in scenario.events) == n + 1
    matter = Matter(scenario.call)
    assert search.replay(loop, passes_bounded(3), matter, scenario) == answer.reason


def test_a_rollback_that_ends_late_by_a_step_is_not_called_endless() -> None:
    answer = Prover(target_of(OnePassTooMany())).prove("terminates")
    assert answer.word is not Word.REFUTED  # it takes at most n steps, the last of them for nothing
    assert answer.scenario is None


@pytest.mark.parametrize("loop", [Patched(), Order0Only(), TwoAtOnce()])
def test_a_rollback_that_ends_in_time_is_proved(loop: Patched) -> None:
    answer = Prover(target_of(loop)).prove("terminates")
    assert answer.word is Word.PROVED
    assert "steps of the rollback <= n" in answer.reason
