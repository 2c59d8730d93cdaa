"""Two loops in step: the same is proved to be the same, a difference is told at the smallest buffer that shows it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from model.environments import Adversarial
from model.events import Attempt, End, Event, Store
from model.gfp import GFP_NORETRY, Gfp
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, run
from model.order_mask import Filling, OrderMask
from model.patched import Patched
from model.pre_patch import PrePatch
from proofs.engine import search
from proofs.engine.words import Word
from proofs.order_mask_is_patched import order_mask, same
from spec.judge import broken_at
from spec.lockstep import in_step_with
from spec.monitor import Matter
from spec.targets import TARGETS, Target


class NoretryForgotten(OrderMask):
    """May retry at order 4 as well."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Any:
        """Take a pass whose requests of order 4 go without NORETRY."""
        asked = kernel.alloc_pages

        def without(gfp: Gfp, order: int) -> int | None:
            return asked(gfp.without(GFP_NORETRY) if order == 4 else gfp, order)

        kernel.alloc_pages = without  # type: ignore[method-assign]  # a seeded fault
        return super().turn(call, state, kernel)


class SlotsFromOne(OrderMask):
    """Leaves slot 0 empty."""

    def start(self, call: Call) -> Filling:
        """Return the state one slot on."""
        return Filling(1, call.n, self.order_mask)


class GivesUpEarly(OrderMask):
    """Ends well one page short."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Any:
        """Take a pass, unless one page is left."""
        return End(ok=True) if state.count == 1 else super().turn(call, state, kernel)


def test_the_order_mask_loop_is_the_patched_loop() -> None:
    assert same(order_mask(), Patched()).word is Word.PROVED
    assert same(order_mask(single_pages=True), Patched()).word is Word.PROVED
    assert same(TARGETS["patched"], OrderMask()).word is Word.PROVED


@pytest.mark.parametrize(
    ("orders", "n"), [((9, 8, 0), 16), ((9, 4, 0), 256), ((8, 4, 0), 512), ((10, 9, 8, 4, 0), 1024), ((9, 8, 4), 1)]
)
def test_another_mask_parts_from_it_at_the_smallest_buffer_that_shows_it(orders: tuple[int, ...], n: int) -> None:
    target = order_mask(*orders)
    answer = same(target, Patched())
    assert answer.word is Word.REFUTED, answer.reason
    assert answer.scenario is not None
    assert answer.scenario.call.n == n
    matter = Matter(answer.scenario.call, target.orders)
    assert search.replay(target.loop, in_step_with(Patched()), matter, answer.scenario) == answer.reason


@pytest.mark.parametrize(
    ("loop", "n", "reason"),
    [
        (NoretryForgotten(), 16, "one loop asks with another NORETRY"),
        (SlotsFromOne(), 1, "one loop stores in other slots than the other"),
        (GivesUpEarly(), 1, "one loop ends where the other asks, or crashes"),
    ],
    ids=["flags", "slots", "end"],
)
def test_other_flags_slots_or_ends_are_a_difference(loop: Loop, n: int, reason: str) -> None:
    answer = same(Target("broken", loop, "", spare_passes=0), Patched())
    assert (answer.word, answer.reason) == (Word.REFUTED, reason)
    assert answer.scenario is not None
    assert answer.scenario.call.n == n


def requests(loop: Loop, n: int, seed: int) -> list[Event]:
    """Return what two loops must have in common in one run."""
    events = islice(run(loop, Call(n), Kernel(Adversarial(seed), PageArray())), 60 * n + 100)
    return [event for event in events if isinstance(event, Attempt | Store | End)]


@pytest.mark.parametrize("other", [OrderMask(), OrderMask((9, 8, 0)), PrePatch()], ids=["same", "without 4", "before"])
def test_the_monitor_says_of_a_run_what_a_comparison_of_both_runs_says(other: Loop) -> None:
    monitor, parted = in_step_with(other), 0
    for seed in range(300):
        n = (0, 1, 3, 16, 17, 100, 300, 530)[seed % 8]
        mine, theirs = requests(Patched(), n, seed), requests(other, n, seed)
        broken = broken_at(monitor, Matter(Call(n)), mine)
        assert (broken is not None) == (mine != theirs)
        parted += mine != theirs
    assert (parted == 0) == (isinstance(other, OrderMask) and 4 in other.order_mask)
