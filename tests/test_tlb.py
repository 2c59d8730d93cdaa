"""The page-table entries of a buffer, against a count that tries every way of mapping it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.environments import Scripted, grant, refuse_above_0, whole_zone
from model.events import Store
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, run
from model.machine import Machine
from model.patched import Patched
from model.pre_patch import PrePatch
from model.tlb import Chunk, addresses, entries, merged, most_entries


def fewest_entries(frames: list[int], address: int, page_orders: tuple[int, ...]) -> int:
    """Return the fewest entries that map the frames, every way of cutting them tried: greed has no part in it."""

    fewest = [0]  # of the last slots, none of them first
    for slot in reversed(range(len(frames))):
        ways = []
        for order in page_orders:
            size = 1 << order
            adjacent = frames[slot : slot + size] == list(range(frames[slot], frames[slot] + size))
            if adjacent and not frames[slot] % size and not (address + slot) % size:
                ways.append(1 + fewest[-size])
        fewest.append(min(ways))
    return fewest[-1]


def frames_of(chunks: list[Chunk]) -> list[int]:
    return [frame + j for frame, pages in chunks for j in range(pages)]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=7),
    st.integers(0, 64),
    st.sampled_from([(0,), (0, 1), (0, 2, 3), (0, 4, 5), (5, 2, 0)]),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_no_way_of_mapping_takes_fewer_entries(
    chunks: list[Chunk], address: int, page_orders: tuple[int, ...], adjacent: bool
) -> None:
    if adjacent:  # chunk after chunk of physical memory
        chunks = [(sum(pages for _, pages in chunks[:at]), pages) for at, (_, pages) in enumerate(chunks)]
    assert entries(chunks, address, page_orders) == fewest_entries(frames_of(chunks), address, page_orders)


def test_chunks_that_adjoin_are_one_run_and_others_are_not() -> None:
    assert list(merged([(8, 8), (16, 4), (21, 1), (20, 1), (0, 0)])) == [(8, 12), (21, 1), (20, 1)]
    assert entries([(0, 8), (8, 8)]) == 1  # two chunks of 32 KiB, one page of 64 KiB
    assert entries([(8, 8), (16, 8)]) == 16


def test_a_2_mib_chunk_needs_two_entries_at_an_odd_1_mib() -> None:
    chunk = [(1024, 512)]
    assert list(addresses(512)) == [0, 256]  # CONFIG_ARM_DMA_IOMMU_ALIGNMENT=8
    assert [entries(chunk, address) for address in (0, 256)] == [1, 2]
    assert most_entries(chunk) == 2
    assert most_entries(chunk, alignment=9) == 1


@given(st.lists(st.integers(0, 8), min_size=1, max_size=6), st.integers(0, 2**20), st.integers(0, 9))
def test_an_address_that_is_not_tried_maps_the_buffer_as_one_that_is(
    orders: list[int], anywhere: int, alignment: int
) -> None:
    chunks = [((at << 20) + (1 << order), 1 << order) for at, order in enumerate(sorted(orders, reverse=True))]
    n = sum(pages for _, pages in chunks)
    order = min((n - 1).bit_length(), alignment)
    tried = {entries(chunks, address) for address in addresses(n, alignment=alignment)}
    assert entries(chunks, anywhere >> order << order) in tried


def buffer(loop: Loop, n: int, machine: Machine | Scripted) -> list[Chunk]:
    stores = run(loop, Call(n), Kernel(machine, PageArray()))
    return [(event.frame, event.pages) for event in stores if isinstance(event, Store)]


@pytest.mark.parametrize("loop", [Patched(), PrePatch()])
def test_what_the_loops_get_is_counted_as_the_slow_count_has_it(loop: Loop) -> None:
    for n, then in ((300, refuse_above_0), (300, grant), (1023, grant)):
        chunks = buffer(loop, n, Scripted([Random(n).random() < 0.5 for _ in range(20)], then))
        for address in addresses(n):
            assert entries(chunks, address) == fewest_entries(frames_of(chunks), address, (0, 4, 8, 9))


def test_an_order_10_block_is_mapped_alike_whether_it_comes_whole_or_in_halves() -> None:
    counts = [
        most_entries(buffer(loop, 1024, Machine([whole_zone("Normal", 1, 10)]))) for loop in (Patched(), PrePatch())
    ]
    assert counts == [4, 4]  # at an odd 1 MiB


def test_rejects_page_sizes_that_cannot_map_a_single_page() -> None:
    with pytest.raises(ValueError, match="single pages of 4 KiB"):
        entries([(0, 1)], 0, (4, 9))
