"""The model of the page allocator: its invariants under any history, and the facts about fragmentation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from model.buddy import USABLE, Migrate, Zone, ZoneState
from model.environments import whole_zone
from model.gfp import GFP_HIGHMEM, GFP_KERNEL
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, run
from model.machine import Machine
from model.patched import Patched
from stepdown.strategies import free_lists

U, M, R, C = Migrate.UNMOVABLE, Migrate.MOVABLE, Migrate.RECLAIMABLE, Migrate.CMA


def zone(kind: Migrate = U, *, max_order: int = 10, min_pages: int = 0, **counts: int) -> Zone:
    """Return a zone with ``o3=2``: two free blocks of order 3."""
    blocks = tuple(counts.get(f"o{order}", 0) for order in range(max_order + 1))
    return Zone(ZoneState(0, "Normal", {kind: blocks}, min_pages))


class AnyHistory(RuleBasedStateMachine):
    """Blocks are taken, split, and given back in any order: the free lists and what is held are always all there is."""

    held = Bundle("held")

    @initialize(
        blocks=st.dictionaries(st.sampled_from(Migrate), st.tuples(*[st.integers(0, 3)] * 5), min_size=1),
        min_pages=st.sampled_from([0, 0, 5]),
        base=st.sampled_from([0, 16, 480]),
    )
    def start(self, blocks: dict[Migrate, tuple[int, ...]], min_pages: int, base: int) -> None:
        self.first = ZoneState(0, "Normal", blocks, min_pages)
        self.zone = Zone(self.first, base)
        self.taken: dict[int, int] = {}

    @rule(target=held, order=st.integers(0, 6), kind=st.sampled_from(USABLE))
    def take(self, order: int, kind: Migrate) -> object:
        before = list(self.zone.free_blocks())
        frame = self.zone.alloc(order, kind)
        if frame is None:
            assert list(self.zone.free_blocks()) == before
            large_enough = [at for _, at, of in before if at >= order and of in USABLE]
            usable = sum(1 << at for _, at, of in before if of in USABLE)
            assert not large_enough or usable - (1 << order) + 1 <= self.zone.min_pages
            return multiple()
        assert [of for first, at, of in before if first <= frame < first + (1 << at) and of in USABLE]
        self.taken[frame] = order
        return (frame, order)

    @rule(target=held, block=consumes(held))
    def split(self, block: tuple[int, int]) -> object:
        frame, order = block
        if order == 0:
            return multiple(block)
        self.taken[frame] = order - 1
        self.taken[frame + (1 << (order - 1))] = order - 1
        return multiple((frame, order - 1), (frame + (1 << (order - 1)), order - 1))

    @rule(block=consumes(held))
    def give_back(self, block: tuple[int, int]) -> None:
        frame, order = block
        assert self.taken.pop(frame) == order
        self.zone.free(frame, order)
        with pytest.raises(Crash):
            self.zone.free(frame, order)

    @invariant()
    def no_page_is_lost_and_none_overlaps(self) -> None:
        blocks = [(frame, order) for frame, order, _ in self.zone.free_blocks()] + list(self.taken.items())
        pages = [page for frame, order in blocks for page in range(frame, frame + (1 << order))]
        assert len(pages) == len(set(pages)) == self.first.total_pages()
        assert all(self.zone.base <= page < self.zone.end for page in pages)
        assert all(frame % (1 << order) == 0 for frame, order in blocks)

    @invariant()
    def no_two_free_buddies_stand_unmerged(self) -> None:
        free = {(frame, order) for frame, order, _ in self.zone.free_blocks()}
        unmerged = [(f, o) for f, o in free if o < self.zone.max_order and (f ^ (1 << o), o) in free]
        assert not unmerged

    @invariant()
    def the_books_are_kept(self) -> None:
        state = self.zone.state()
        assert self.zone.usable_pages == state.total_pages(USABLE)
        for kind in Migrate:
            nonempty = [order for order, blocks in enumerate(self.zone.lists[kind]) if len(blocks)]
            assert self.zone.nonempty[kind] == sum(1 << order for order in nonempty)

    @invariant()
    def what_serves_nobody_stays_as_it_was(self) -> None:
        for kind in set(self.first.blocks) - set(USABLE):
            assert self.zone.state().blocks[kind] == self.first.blocks[kind]


AnyHistory.TestCase.settings = settings(max_examples=120, stateful_step_count=40)
TestAnyHistory = AnyHistory.TestCase


def test_a_split_keeps_the_low_half() -> None:
    memory = zone(M, o10=1)
    assert memory.alloc(8) == 0
    assert memory.alloc(8) == 256
    assert memory.alloc(9) == 512
    assert memory.alloc(0) is None


def test_the_high_halves_of_a_split_join_the_callers_type() -> None:
    memory = zone(M, o10=1)
    memory.alloc(7)
    assert memory.state().blocks[U] == (0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0)
    assert memory.state().total_pages((M,)) == 0


def test_single_pages_freed_one_by_one_merge_to_the_block_they_came_from() -> None:
    memory = zone(M, o10=1)
    before = memory.state()
    assert memory.alloc(10) == 0
    for frame in reversed(range(1024)):
        memory.free(frame, 0)
    assert memory.state() == before


def test_the_smallest_block_that_is_large_enough_is_taken() -> None:
    memory = zone(o3=1, o5=1, o9=1)
    assert memory.alloc(4) is not None
    assert memory.state().by_order() == (0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0)


def test_a_fallback_takes_the_largest_block_and_reclaimable_before_movable() -> None:
    state = ZoneState(0, "Normal", {U: (0, 0, 0, 0), R: (1, 0, 1, 0), M: (1, 0, 1, 0)})
    memory = Zone(state)
    assert memory.alloc(0) is not None
    assert memory.state().blocks == {U: (1, 1, 0, 0), R: (1, 0, 0, 0), M: (1, 0, 1, 0)}


def test_a_fallback_takes_a_larger_movable_block_before_a_reclaimable_one() -> None:
    memory = Zone(ZoneState(0, "Normal", {R: (0, 1, 0, 0), M: (0, 0, 0, 1)}))
    assert memory.alloc(0) is not None
    assert memory.state().blocks == {U: (1, 1, 1, 0), R: (0, 1, 0, 0), M: (0, 0, 0, 0)}


def test_the_watermark_refuses_a_large_block_though_one_is_free() -> None:
    memory = zone(o9=1, o0=20, min_pages=30)
    before = memory.state()
    assert memory.alloc(9) is None
    assert memory.state() == before
    assert memory.alloc(0) is not None


def test_one_page_above_the_watermark_is_enough() -> None:
    assert zone(o9=1, o0=20, min_pages=21).alloc(9) is None
    assert zone(o9=1, o0=20, min_pages=20).alloc(9) is not None


def test_pages_that_are_not_usable_do_not_lift_free_memory_above_the_watermark() -> None:
    state = ZoneState(0, "Normal", {U: (0, 0, 1), C: (0, 0, 100)}, min_pages=4)
    assert Zone(state).alloc(0) is None


def test_the_raspberry_pi_with_125_cma_blocks_of_4_mib_has_no_usable_one() -> None:
    # tests/data/buddyinfo/issue-rpi-linux-3872-arm-cma.txt: "0*2048kB 125*4096kB (C)"
    state = ZoneState(0, "DMA", {U: (142, 161, 59, 51, 18, 2, 0, 0, 0, 0, 0), C: (0,) * 6 + (1, 0, 1, 0, 125)})
    assert state.by_order()[10] == 125
    assert state.by_order(USABLE)[10] == 0
    memory = Zone(state)
    assert [memory.alloc(order) for order in (10, 9, 8, 6)] == [None] * 4
    assert memory.alloc(5) is not None


@given(free_lists(), st.integers(0, 3))
def test_an_order_above_the_largest_is_refused_and_changes_nothing(machine: Machine, above: int) -> None:
    before = machine.state()
    assert machine.alloc_pages(GFP_KERNEL, machine.zones[0].max_order + 1 + above) is None
    assert machine.state() == before


@given(free_lists(max_order=5), st.integers(0, 3000))
@settings(max_examples=60)
def test_a_call_that_fails_leaves_the_free_lists_as_they_were(machine: Machine, more: int) -> None:
    before = machine.state()
    n = sum(state.total_pages() for state in before) + 1 + more
    *_, last = run(Patched(), Call(n), Kernel(machine, PageArray()))
    assert not last.ok  # type: ignore[union-attr] # the last event is the End
    assert [state.by_order() for state in machine.state()] == [state.by_order() for state in before]


def test_hostile_counts_cost_nothing() -> None:
    memory = Zone(ZoneState(0, "Normal", {U: (10**15,) * 64}))
    frames = {memory.alloc(order) for order in range(64)}
    assert None not in frames
    assert len(frames) == 64


@pytest.mark.parametrize("max_order", [0, 1, 7, 10, 11, 13])
def test_the_largest_order_is_the_last_column(max_order: int) -> None:
    memory = Zone(whole_zone("Normal", 2, max_order))
    assert memory.alloc(max_order + 1) is None
    assert memory.alloc(max_order) == 0
    assert memory.alloc(max_order) == 1 << max_order
    assert memory.alloc(0) is None


def test_zones_are_asked_from_the_highest_down_and_the_local_node_first() -> None:
    one: dict[Migrate, tuple[int, ...]] = {U: (1,)}
    states = [
        ZoneState(node, name, one) for node in (0, 1) for name in ("DMA", "Normal", "HighMem", "Movable", "Device")
    ]
    machine = Machine(states, local_node=1)
    owners = []
    while (frame := machine.alloc_pages(GFP_KERNEL | GFP_HIGHMEM, 0)) is not None:
        owners += [(zone.node, zone.name) for zone in machine.zones if zone.base <= frame < zone.end]
    assert owners == [(node, name) for node in (1, 0) for name in ("HighMem", "Normal", "DMA")]


def test_highmem_serves_only_those_who_ask_for_it() -> None:
    machine = Machine([ZoneState(0, "HighMem", {U: (1,)})])
    assert machine.alloc_pages(GFP_KERNEL, 0) is None
    assert machine.alloc_pages(GFP_HIGHMEM, 0) == 0


def test_a_freed_page_returns_to_the_zone_that_owns_it() -> None:
    machine = Machine([ZoneState(0, "DMA", {U: (1, 0)}), ZoneState(0, "Normal", {U: (1, 0)})])
    frames = [machine.alloc_pages(GFP_KERNEL, 0) for _ in range(2)]
    assert machine.alloc_pages(GFP_KERNEL, 0) is None
    assert frames[0] is not None
    machine.free_pages(frames[0], 0)
    assert [state.total_pages() for state in machine.state()] == [0, 1]


@pytest.mark.parametrize(("frame", "order"), [(-1, 0), (4, 0), (0, 0), (1, 1), (0, 5)])
def test_rejects_a_free_of_what_was_not_handed_out(frame: int, order: int) -> None:
    machine = Machine([ZoneState(0, "Normal", {U: (0, 0, 1)})])
    with pytest.raises(Crash) as crash:
        machine.free_pages(frame, order)
    assert crash.value.claim == "rollback-exact"


@pytest.mark.parametrize("blocks", [{}, {U: ()}, {U: (1,), M: (1, 2)}, {U: (-1,)}])
def test_rejects_a_zone_without_sense(blocks: dict[Migrate, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"expected|negative"):
        ZoneState(0, "Normal", blocks)


def test_rejects_a_base_inside_a_block() -> None:
    with pytest.raises(ValueError, match="multiple"):
        Zone(whole_zone("Normal", 1, 4), base=8)


@pytest.mark.parametrize("names", [[], ["Normal", "Normal"]])
def test_rejects_a_machine_without_zones_or_with_one_twice(names: list[str]) -> None:
    with pytest.raises(ValueError, match="one zone or more"):
        Machine([whole_zone(name, 1, 2) for name in names])
