"""The numbers that this project quotes (what the patch gains, what it costs, what its array must be like), computed by
running the models. The proofs never see one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.buddy import Migrate, ZoneState
from model.environments import Adversarial, Fresh, OomVictim, Scripted, grant, refuse_above_0, whole_zone
from model.events import DONE, FAILED, Attempt, Event, Free, Look, Turn
from model.gfp import GFP_KERNEL, GFP_NORETRY, Gfp
from model.kernel import Allocator, Crash, Kernel, PageArray
from model.loop import Call, Loop, run
from model.machine import Machine
from model.patched import IOMMU_ORDER_ARRAY, Patched
from model.pre_patch import PrePatch
from spec.costs import closed_form
from spec.crowd import first_break
from spec.monitor import Matter, Monitor
from spec.pages import ChunkIndexAligned, EveryPageStoredOnce, PageTotal, RollbackExact
from spec.requests import ArrayIndexInBounds, GivesUpOnlyAtOrder0, NeverAsksTooMuch, OrdersNeverIncrease
from stepdown.strategies import environments

SAFETY: tuple[type[Monitor], ...] = (
    *(PageTotal, EveryPageStoredOnce, RollbackExact),
    *(NeverAsksTooMuch, GivesUpOnlyAtOrder0, ArrayIndexInBounds),
)
MOST_EVENTS = 300_000
RUNS = 400  # random ones


def events_of(loop: Loop, call: Call, allocator: Allocator) -> list[Event]:
    """Return the events of a run that ends."""
    events = list(islice(run(loop, call, Kernel(allocator, PageArray())), MOST_EVENTS))
    assert events[-1] in (DONE, FAILED)
    return events


def asked(loop: Loop, n: int, allocator: Allocator) -> list[Attempt]:
    """Return the attempts of a run that ends."""
    return [event for event in events_of(loop, Call(n), allocator) if isinstance(event, Attempt)]


class PagesAlways:
    """Another allocator's answers to requests for blocks; single pages are always granted, as nearly always in life."""

    def __init__(self, blocks: Allocator) -> None:
        self.blocks = blocks
        self.single_pages = Fresh(first_frame=1 << 40)  # of another region than the blocks'

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        return self.blocks.alloc_pages(gfp, order) if order else self.single_pages.take(0)

    def free_pages(self, frame: int, order: int) -> None:
        """Nothing fails, so nothing is freed."""


def worst_cost(loop: Loop, n: int) -> int:
    """Return the attempts made for ``n`` pages when every order above 0 is refused."""
    return len(asked(loop, n, Scripted(then=refuse_above_0)))


def patched_cost(n: int) -> int:
    """Return n + [n >= 16] + [n >= 256] + [n >= 512]."""
    return n + (n >= 16) + (n >= 256) + (n >= 512)


@pytest.mark.parametrize(
    ("n", "pre_patch", "patched"),
    [
        (1, 1, 1),
        (16, 54, 17),
        (256, 1802, 258),
        (511, 4097, 513),
        (512, 4107, 515),
        (1024, 9228, 1027),  # the commit message's number
        (4096, 45070, 4099),
    ],
)
def test_with_everything_above_order_0_refused_the_attempts_are_those_measured(
    n: int, pre_patch: int, patched: int
) -> None:
    assert worst_cost(PrePatch(), n) == pre_patch == closed_form(n)
    assert worst_cost(Patched(), n) == patched == patched_cost(n)


def test_the_closed_forms_are_the_costs_at_every_size_to_300_and_beside_the_classes_ends() -> None:
    for n in (*range(301), 511, 512, 513, 1023, 1024, 1025):
        assert worst_cost(PrePatch(), n) == closed_form(n) == sum(i.bit_length() for i in range(1, n + 1))
        assert worst_cost(Patched(), n) == patched_cost(n)


@given(st.integers(0, 1100), st.integers(0, 2**32))
@settings(max_examples=100)
def test_no_answers_cost_the_patched_loop_more_than_the_worst_case_nor_more_than_n_plus_3_turns(
    n: int, seed: int
) -> None:
    events = events_of(Patched(), Call(n), Adversarial(seed))
    assert sum(isinstance(event, Attempt) for event in events) <= patched_cost(n)
    assert sum(isinstance(event, Turn) for event in events) <= n + 3


@pytest.mark.parametrize("n", [1, 15, 16, 255, 256, 512, 1024])
def test_n_plus_3_turns_are_taken_where_every_block_is_refused(n: int) -> None:
    events = events_of(Patched(), Call(n), Scripted(then=refuse_above_0))
    assert sum(isinstance(event, Turn) for event in events) == n + 3


@pytest.mark.parametrize(("n", "patched", "pre_patch"), [(8, 8, 1), (15, 15, 4), (255, 30, 8)])
def test_with_everything_granted_the_patched_loop_may_ask_more_often(n: int, patched: int, pre_patch: int) -> None:
    assert len(asked(Patched(), n, Scripted(then=grant))) == patched
    assert len(asked(PrePatch(), n, Scripted(then=grant))) == pre_patch


def test_a_free_order_10_block_serves_1024_pages_in_one_call_before_the_patch_and_two_after() -> None:
    def memory() -> Machine:
        return Machine([whole_zone("Normal", 1, 10)])

    assert [attempt.order for attempt in asked(PrePatch(), 1024, memory())] == [10]
    assert [attempt.order for attempt in asked(Patched(), 1024, memory())] == [9, 9]


@pytest.mark.parametrize("free_order", [5, 6, 7])
def test_with_only_orders_5_to_7_free_the_patched_loop_takes_order_4_blocks(free_order: int) -> None:
    def memory() -> Machine:
        blocks = tuple(8 if order == free_order else 0 for order in range(11))
        return Machine([ZoneState(0, "Normal", {Migrate.UNMOVABLE: blocks})])

    n = 8 << free_order
    granted = {
        loop: Counter(a.order for a in asked(loop, n, memory()) if a.granted) for loop in (Patched(), PrePatch())
    }
    assert list(granted.values()) == [{4: n >> 4}, {free_order: 8}]


# The statements that tell the loops apart, on random runs.


def random_runs(loop: Loop) -> Iterator[tuple[Call, list[Event]]]:
    """Yield random runs: every answer is drawn by itself, memory is anything from nearly full to nearly free."""
    for seed in range(RUNS):
        random = Random(seed)
        call, share = Call(random.randint(1, 1500)), random.choice((0.0, 0.02, 0.2, 0.5, 0.9))
        answers = map(share.__gt__, iter(random.random, None))
        yield call, events_of(loop, call, PagesAlways(Scripted(answers)))


def test_random_runs_tell_the_patched_loop_from_the_one_before(record_property: Any) -> None:
    broken: dict[str, Counter[str]] = {}
    most_refused: dict[str, int] = {}
    for loop in (Patched(), PrePatch()):
        name = type(loop).__name__
        broken[name], most_refused[name] = Counter(), 0
        for call, events in random_runs(loop):
            for monitor in (OrdersNeverIncrease, ChunkIndexAligned):
                broken[name][monitor.__name__] += first_break(monitor, Matter(call), events) is not None
            refused = sum(isinstance(event, Attempt) and event.order > 0 and not event.granted for event in events)
            most_refused[name] = max(most_refused[name], refused)
        record_property("counted", f"{name}, {RUNS} random runs: broken {dict(broken[name])}, {most_refused[name]}"
                        " blocks refused at most")  # fmt: skip
    assert most_refused["Patched"] == 3
    assert most_refused["PrePatch"] > 5000
    assert not any(broken["Patched"].values())
    assert all(broken["PrePatch"][name] > RUNS // 3 for name in ("OrdersNeverIncrease", "ChunkIndexAligned"))


# What the statements silently assume.


def test_a_caller_that_passes_noretry_has_it_at_order_0_too() -> None:
    for gfp in (GFP_KERNEL, GFP_KERNEL | GFP_NORETRY):
        events = events_of(Patched(), Call(3, gfp), Scripted(then=grant))
        assert {event.gfp.noretry for event in events if isinstance(event, Attempt)} == {gfp.noretry}


def broken_or_crashed(array: tuple[int, ...], call: Call, allocator: Allocator) -> list[str]:
    """Return the claims of safety that one run under ``array`` breaks."""
    kernel = Kernel(allocator, PageArray())
    events: list[Event] = []
    with suppress(Crash):
        events += islice(run(Patched(array), call, kernel), MOST_EVENTS)
    return [m.__name__ for m in SAFETY if first_break(m, Matter(call, array), events) is not None]


SAFE = [((4, 9, 0), False), ((4, 9, 0), True), ((0, 9), False), ((9, 8, 4, 0, 3, 7), False), ((0,), True)]


@pytest.mark.parametrize(("array", "single_pages"), SAFE)
@given(allocator=environments(), n=st.one_of(st.integers(0, 40), st.sampled_from([512, 600])))
@settings(max_examples=25)
def test_an_array_that_reaches_a_0_is_safe_in_any_order(
    array: tuple[int, ...], single_pages: bool, allocator: Allocator, n: int
) -> None:
    assert broken_or_crashed(array, Call(n, single_pages=single_pages), allocator) == []


@pytest.mark.parametrize("n", [1, 15, 511])
@pytest.mark.parametrize(("array", "single_pages"), [((9, 8, 4), False), ((9, 8, 4), True), ((0, 9), True)])
def test_an_array_that_does_not_reach_a_0_is_left_at_its_end(
    array: tuple[int, ...], single_pages: bool, n: int
) -> None:
    assert broken_or_crashed(array, Call(n, single_pages=single_pages), Scripted()) == ["ArrayIndexInBounds"]


@given(seed=st.integers(0, 2**32), n=st.integers(0, 700), k=st.integers(0, 700))
@settings(max_examples=50)
def test_entries_after_the_first_0_are_dead(seed: int, n: int, k: int) -> None:
    def attempts(array: tuple[int, ...]) -> list[Attempt]:
        return asked(Patched(array), n, OomVictim(Adversarial(seed), k))

    assert attempts((*IOMMU_ORDER_ARRAY, 3, 7)) == attempts(IOMMU_ORDER_ARRAY)


def test_entries_above_what_is_wanted_are_looked_at_and_not_asked_for() -> None:
    events = events_of(Patched((40, 31, 9, 4, 0)), Call(511), Scripted(then=refuse_above_0))
    assert {event.index for event in events if isinstance(event, Look)} == {0, 1, 2, 3, 4}
    assert {event.order for event in events if isinstance(event, Attempt)} == {4, 0}


def test_an_order_that_cannot_be_delivered_costs_one_attempt() -> None:
    def machine() -> Machine:
        return Machine([whole_zone("Normal", 4, 10)])

    orders = [[a.order for a in asked(Patched(array), 2048, machine())] for array in ((11, 9, 0), (9, 0))]
    assert orders == [[11, 9, 9, 9, 9], [9, 9, 9, 9]]


def test_a_failure_at_the_first_a_middle_or_the_last_page_gives_back_what_was_got() -> None:
    for k in (0, 500, 1023):
        events = events_of(Patched(), Call(1024), OomVictim(Scripted(then=refuse_above_0), k))
        assert events[-1] == FAILED
        assert sum(isinstance(event, Free) for event in events) == k


@pytest.mark.parametrize("loop", [Patched(), PrePatch()])
def test_no_pages_are_a_success_with_an_empty_array(loop: Loop) -> None:
    assert events_of(loop, Call(0), Scripted()) == [DONE]
