"""The environments: deterministic, true to their description, and answers that a loop can be judged by."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.buddy import Migrate, ZoneState
from model.environments import (
    Adversarial,
    OomVictim,
    Reclaiming,
    Scripted,
    SomebodyElse,
    grant,
    granted_orders,
    machine_after_history,
    refuse,
    whole_zone,
)
from model.events import Attempt, End, Event, Free
from model.gfp import GFP_KERNEL
from model.kernel import Allocator, Kernel, PageArray
from model.loop import Call, Loop, run
from model.machine import Machine
from model.patched import Patched
from model.pre_patch import PrePatch
from stepdown.strategies import environments, free_lists, histories, machines, perturbed_dumps


def events_of(loop: Loop, n: int, allocator: Allocator, single_pages: bool = False) -> list[Event]:
    """Return the events of a run, which must end within a generous budget."""
    events = list(islice(run(loop, Call(n, single_pages=single_pages), Kernel(allocator, PageArray())), 200_000))
    assert isinstance(events[-1], End)
    return events


def attempts(events: list[Event]) -> list[Attempt]:
    return [event for event in events if isinstance(event, Attempt)]


def page_by_page(zones: int = 1, pages: int = 600) -> Machine:
    return Machine([ZoneState(0, name, {Migrate.MOVABLE: (pages, 0, 0)}) for name in ("DMA", "Normal")[:zones]])


def test_a_script_is_followed_and_then_the_policy() -> None:
    allocator = Scripted([True, False, True], then=granted_orders(4))
    answers = [allocator.alloc_pages(GFP_KERNEL, order) for order in (0, 0, 3, 4, 5, 4)]
    assert answers == [0, None, 8, 16, None, 32]
    assert refuse(0) is False


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(0, 5000))
def test_scripted_blocks_are_aligned_and_never_overlap(orders: list[int], first_frame: int) -> None:
    allocator = Scripted(then=grant, first_frame=first_frame)
    end = first_frame
    for order in orders:
        frame = allocator.alloc_pages(GFP_KERNEL, order)
        assert frame is not None
        assert frame >= end
        assert frame % (1 << order) == 0
        allocator.free_pages(frame, order)
        end = frame + (1 << order)


@pytest.mark.parametrize(
    "build",
    [
        Adversarial,
        machine_after_history,
        lambda seed: SomebodyElse(machine_after_history(seed), seed),
        lambda seed: Reclaiming(machine_after_history(seed), seed),
    ],
)
def test_the_same_seed_gives_the_same_run(build: Callable[[int], Allocator]) -> None:
    runs = [[events_of(Patched(), 700, build(seed)) for seed in range(20)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len({tuple(map(repr, events)) for events in runs[0]}) > 5


@pytest.mark.parametrize("k", [0, 1, 299, 599])
@pytest.mark.parametrize("single_pages", [False, True])
def test_an_oom_victim_is_refused_at_its_kth_single_page_and_all_is_given_back(k: int, single_pages: bool) -> None:
    memory = page_by_page()
    before = memory.state()
    events = events_of(Patched(), 600, OomVictim(memory, k), single_pages)
    singles = [attempt for attempt in attempts(events) if attempt.order == 0]
    assert [attempt.granted for attempt in singles] == [True] * k + [False]
    assert events[-1] == End(ok=False)
    assert sum(isinstance(event, Free) for event in events) == k
    assert memory.state() == before


def test_an_oom_victim_with_a_k_beyond_the_run_changes_nothing() -> None:
    assert events_of(Patched(), 600, OomVictim(page_by_page(), 600))[-1] == End(ok=True)


def test_reclaim_makes_an_order_free_that_was_refused() -> None:
    regained = 0
    for seed in range(40):
        allocator = Reclaiming(Machine([whole_zone("Normal", 2, 10)]), seed)
        while allocator.machine.alloc_pages(GFP_KERNEL, 0) is not None:
            pass
        first, *later = (allocator.alloc_pages(GFP_KERNEL, 4) for _ in range(80))
        assert first is None
        regained += any(frame is not None for frame in later)
    assert regained > 20


def test_a_single_page_is_refused_only_when_nothing_is_left_to_reclaim() -> None:
    allocator = Reclaiming(Machine([whole_zone("Normal", 1, 6)]), seed=3, period=3)
    assert allocator.cache
    pages = 0
    while allocator.alloc_pages(GFP_KERNEL, 0) is not None:
        pages += 1
    assert pages == 64
    assert not allocator.cache


def test_others_take_and_give_back_between_the_attempts() -> None:
    machine = Machine([whole_zone("Normal", 4, 10)])
    allocator = SomebodyElse(machine, seed=1)
    seen = set()
    for _ in range(50):
        frame = allocator.alloc_pages(GFP_KERNEL, 0)
        assert frame is not None
        allocator.free_pages(frame, 0)
        seen.add(machine.state()[0].total_pages())
    assert len(seen) > 10
    assert machine.state()[0].total_pages() + sum(1 << order for _, order in allocator.theirs) == 4096


def test_a_history_leaves_the_share_free_that_was_given_back() -> None:
    assert machine_after_history(5, share_freed=0).state()[0].total_pages() == 0
    assert 0 < machine_after_history(5, share_freed=0.5).state()[0].total_pages() < 4096
    assert machine_after_history(5, share_freed=0.5, pages=64, max_order=3).zones[0].max_order == 3


@pytest.mark.parametrize("generator", [free_lists(), histories(), perturbed_dumps(), machines()])
def test_every_generator_makes_machines_that_a_loop_can_run_on(generator: st.SearchStrategy[Machine]) -> None:
    @given(generator)
    @settings(max_examples=25)
    def judge(machine: Machine) -> None:
        pages = sum(state.total_pages() for state in machine.state())
        events = events_of(Patched(), 40, machine)
        held = 40 if events[-1] == End(ok=True) else 0
        assert sum(state.total_pages() for state in machine.state()) == pages - held

    judge()


@given(environments(), st.integers(0, 1100), st.sampled_from([Patched(), PrePatch()]))
@settings(max_examples=150)
def test_on_every_environment_a_run_ends_and_a_buffer_is_whole(allocator: Allocator, n: int, loop: Loop) -> None:
    events = events_of(loop, n, allocator)
    blocks = [(attempt.frame, attempt.pages) for attempt in attempts(events) if attempt.frame is not None]
    freed = sorted(event.frame for event in events if isinstance(event, Free))
    pages = sorted(page for frame, length in blocks for page in range(frame, frame + length))
    assert len(pages) == len(set(pages))
    assert pages == freed if events[-1] == End(ok=False) else len(pages) == n and not freed
