"""Hypothesis strategies for anybody's own loop: states of memory, and allocators that answer.

from hypothesis import given
from stepdown.strategies import environments

@given(environments())
def test_my_loop(allocator): ...
"""

from __future__ import annotations

from hypothesis import strategies as st

from model.buddy import Migrate, ZoneState
from model.dumps import read_dump
from model.environments import (
    Adversarial,
    OomVictim,
    Policy,
    Reclaiming,
    Scripted,
    SomebodyElse,
    grant,
    granted_orders,
    machine_after_history,
    refuse,
    refuse_above_0,
)
from model.kernel import Allocator
from model.machine import Machine

# The shape of a machine that has run for a day; the numbers are ours.
A_DAY_OLD = """\
Node 0, zone      DMA      1      1      0      1      2      1      1      0      1      1      3
Node 0, zone   Normal   5120   2210    480     96     31     12      5      2      1      0      2
Node 0, zone  HighMem    830    612    377    205     88     40     22      9      4      3     17
"""
ZONE_SETS = (("Normal",), ("DMA", "Normal"), ("Normal", "HighMem"), ("DMA", "DMA32", "Normal"), ("Normal", "Movable"))


@st.composite
def free_lists(draw: st.DrawFn, max_order: int | None = None, most_blocks: int = 40) -> Machine:
    """Return machines of one to three zones whose free lists hold any numbers of blocks, every type among them.

    Largest orders from 0 to 12 unless ``max_order`` is given.
    """
    top = draw(st.integers(0, 12)) if max_order is None else max_order
    counts = st.one_of(st.just(0), st.integers(0, most_blocks))
    states = []
    for name in draw(st.sampled_from(ZONE_SETS)):
        kinds = draw(st.sampled_from([(Migrate.UNMOVABLE,), (Migrate.UNMOVABLE, Migrate.MOVABLE), tuple(Migrate)]))
        blocks = {kind: tuple(draw(st.lists(counts, min_size=top + 1, max_size=top + 1))) for kind in kinds}
        states.append(ZoneState(0, name, blocks, min_pages=draw(st.sampled_from([0, 0, 7, 300]))))
    return Machine(states)


def histories(pages: int = 2048, max_order: int = 10) -> st.SearchStrategy[Machine]:
    """Return machines of one zone that was handed out to the last page and then given back in part, at random."""
    return st.builds(
        machine_after_history,
        seed=st.integers(0, 2**32),
        pages=st.just(pages),
        max_order=st.just(max_order),
        share_freed=st.floats(0, 1),
    )


@st.composite
def perturbed_dumps(draw: st.DrawFn, *texts: str) -> Machine:
    """Return machines whose free lists are those of a dump (/proc/buddyinfo or /proc/pagetypeinfo, as text), changed
    here and there: counts replaced, all blocks from some order on missing, all counts scaled down."""
    zones = read_dump(draw(st.sampled_from(texts or (A_DAY_OLD,))).splitlines()).zones
    largest_left = draw(st.integers(-1, zones[0].max_order))
    divisor = draw(st.sampled_from([1, 1, 2, 10, 100, 1000]))
    states = []
    for zone in zones:
        blocks = {}
        for kind, counts in zone.blocks.items():
            kept = [count // divisor if order <= largest_left else 0 for order, count in enumerate(counts)]
            for order in draw(st.lists(st.integers(0, zone.max_order), max_size=3)):
                kept[order] = draw(st.integers(0, 50))
            blocks[kind] = tuple(kept)
        states.append(ZoneState(zone.node, zone.name, blocks))
    return Machine(states)


def machines() -> st.SearchStrategy[Machine]:
    """Return machines from all three generators."""
    return st.one_of(free_lists(), perturbed_dumps(), histories())


def policies() -> st.SearchStrategy[Policy]:
    """Return what a scripted allocator does when its list of answers is over."""
    some = st.lists(st.integers(0, 12), max_size=5).map(lambda orders: granted_orders(*orders))
    return st.one_of(st.sampled_from([refuse_above_0, grant, refuse]), some)


def environments(machines_used: st.SearchStrategy[Machine] | None = None) -> st.SearchStrategy[Allocator]:
    """Return allocators of every kind: machines, scripts, adversaries, machines that others use as well or that
    reclaim in mid-loop, and each of these with an OOM victim at a single page."""
    memory = machines() if machines_used is None else machines_used
    seeds = st.integers(0, 2**32)
    scripted: st.SearchStrategy[Allocator] = st.builds(Scripted, st.lists(st.booleans(), max_size=30), policies())
    kinds: st.SearchStrategy[Allocator] = st.one_of(
        scripted,
        memory,
        st.builds(Adversarial, seeds),
        st.builds(SomebodyElse, memory, seeds),
        st.builds(Reclaiming, memory, seeds, st.integers(1, 4)),
    )
    return st.one_of(kinds, st.builds(OomVictim, kinds, st.integers(0, 40)))
