"""What `stepdown simulate` computes and draws."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.buddy import Migrate, ZoneState
from model.dumps import BadDump
from model.environments import whole_zone
from model.events import Attempt, Clear, End, Free, Turn
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, run
from model.machine import Machine
from model.patched import Patched
from model.pre_patch import PrePatch
from stepdown.picture import render_text, size_text
from stepdown.simulate import (
    Attempts,
    Chunks,
    as_dict,
    machine_from_dump,
    parse_size,
    random_machine,
    simulate,
    total_pages,
)
from stepdown.strategies import machines

PAGETYPEINFO = Path(__file__).parent / "data" / "buddyinfo" / "hotsos-kubernetes-proc-pagetypeinfo.txt"


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("1", 1),
        ("4096", 4096),
        ("4k", 4096),
        ("4 KiB", 4096),
        ("4M", 4 << 20),
        ("4MB", 4 << 20),
        ("3g", 3 << 30),
        ("0x1000", 4096),
        ("0G", 0),
        ("007", 7),
        ("4294967295", 2**32 - 1),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-1", "negative"),
        ("-4M", "negative"),
        ("", "expected a number"),
        ("four", "expected a number"),
        ("1.5M", "expected a number"),
        ("4X", "expected a number"),
        ("\u0664M", "expected a number"),
        ("4M 4M", "expected a number"),
        ("4294967296", "does not fit 32 bits"),
        ("4G", "does not fit 32 bits"),
        ("1T", "does not fit 32 bits"),
        ("9" * 10_000, "does not fit 32 bits"),
        ("0x" + "f" * 10_000, "does not fit 32 bits"),
    ],
)
def test_rejects_a_size_with_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        parse_size(text)
    assert len(str(error.value)) < 150
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("size_bytes", "pages"),
    [(0, 0), (1, 1), (4096, 1), (4097, 2), (0xFFFFF000, 2**20 - 1), (0xFFFFF001, 0), (0xFFFFFFFF, 0)],
)
def test_a_size_is_rounded_up_to_pages_and_wraps_as_in_the_caller(size_bytes: int, pages: int) -> None:
    assert total_pages(size_bytes) == pages


@given(machines(), st.integers(0, 1100), st.sampled_from([Patched(), PrePatch()]), st.booleans())
@settings(max_examples=60)
def test_counting_agrees_with_recording(machine: Machine, n: int, loop: Loop, single_pages: bool) -> None:
    twin, call = Machine(machine.state()), Call(n, single_pages=single_pages)
    simulation = simulate(loop, call, machine)
    events = list(run(loop, call, Kernel(twin, PageArray())))
    kinds = Counter(type(event) for event in events)
    assert simulation.turns == kinds[Turn]
    assert sum(attempts.granted + attempts.refused for attempts in simulation.attempts) == kinds[Attempt]
    assert sum(chunks.number for chunks in simulation.chunks) == kinds[Clear]
    assert simulation.freed_pages == kinds[Free]
    assert simulation.after == twin.state()
    assert events[-1] == End(simulation.ok)


def test_a_simulation_says_what_was_asked_and_granted_in_the_order_of_slots() -> None:
    state = ZoneState(0, "Normal", {Migrate.UNMOVABLE: (600, 0, 0, 0, 1, 0, 0, 0, 0, 1)})
    simulation = simulate(Patched(), Call(1024), Machine([state]))
    assert simulation.ok
    assert simulation.attempts == (Attempts(9, 1, 1), Attempts(8, 0, 1), Attempts(4, 1, 1), Attempts(0, 496, 0))
    assert simulation.chunks == (Chunks(9, 1), Chunks(4, 1), Chunks(0, 496))
    assert simulation.before == (state,)
    assert simulation.after[0].by_order() == (104, *[0] * 9)


def test_a_failed_request_gives_everything_back() -> None:
    simulation = simulate(Patched(), Call(1025), Machine([whole_zone("Normal", 1, 10)]))
    assert (simulation.outcome, simulation.freed_pages) == ("failed", 1024)
    assert simulation.before == simulation.after


def test_an_empty_buffer_is_a_success() -> None:
    simulation = simulate(Patched(), Call(0), Machine([whole_zone("Normal", 1, 10)]))
    assert simulation.ok
    assert (simulation.turns, simulation.attempts, simulation.chunks) == (0, (), ())
    assert "an empty buffer counts as success" in render_text(simulation)


class Stuck(Loop):
    """A loop that makes no progress."""

    def start(self, call: Call) -> int:
        return call.n

    def turn(self, call: Call, state: int, kernel: Kernel) -> int:
        return state


class AsksBelow0(Stuck):
    """A loop that asks for an order that no allocator knows."""

    def turn(self, call: Call, state: int, kernel: Kernel) -> int:
        kernel.alloc_pages(call.gfp, -1)
        return state


@pytest.mark.parametrize(
    ("loop", "outcome", "said"),
    [
        (Stuck(), "endless", "not ended after"),
        (Patched((9, 8, 4)), "crashed", "array-index-in-bounds"),
        (AsksBelow0(), "crashed", "orders-from-array"),
    ],
)
def test_a_broken_loop_is_an_answer_and_no_traceback(loop: Loop, outcome: str, said: str) -> None:
    simulation = simulate(loop, Call(100), Machine([whole_zone("Normal", 1, 10)]))
    assert (simulation.outcome, simulation.ok) == (outcome, False)
    assert said in render_text(simulation)


@given(machines(), st.integers(0, 1100), st.integers(1, 200), st.sampled_from([Patched(), PrePatch()]))
@settings(max_examples=60)
def test_the_picture_fits_and_says_the_same_without_colour(machine: Machine, n: int, width: int, loop: Loop) -> None:
    simulation = simulate(loop, Call(n), machine)
    plain, coloured = render_text(simulation, width), render_text(simulation, width, color=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert render_text(simulation, width, ascii_only=True).isascii()
    pictures = [line for line in plain.splitlines() if re.match(r"buffer|order   \w", line)]
    assert all(len(line) <= max(width, 9) for line in pictures)


def test_the_picture_shows_chunks_by_shade_and_order() -> None:
    state = ZoneState(0, "Normal", {Migrate.UNMOVABLE: (16, 0, 0, 0, 3)})
    text = render_text(simulate(Patched(), Call(64), Machine([state])), width=24, ascii_only=True)
    assert "buffer  ####====####...." in text
    assert "order   4444444444440000" in text
    assert "Node 0, zone Normal: 256 KiB free before, 0 B after" in text


def test_blocks_that_are_not_usable_have_a_column_of_their_own() -> None:
    state = ZoneState(0, "Normal", {Migrate.UNMOVABLE: (5, 0), Migrate.CMA: (0, 7)})
    text = render_text(simulate(Patched(), Call(4), Machine([state])), ascii_only=True)
    assert re.search(r"order +before +after +unusable\n +0 +5 +1 +0 +#+-+\n +1 +7 +7 +7 +#+\n", text)


def test_json_is_versioned_and_holds_it_all() -> None:
    simulation = simulate(Patched(), Call(5), random_machine(3), ["a note"])
    read: dict[str, Any] = json.loads(json.dumps(as_dict(simulation)))
    assert read == as_dict(simulation)
    assert (read["version"], read["pages"], read["notes"]) == (1, 5, ["a note"])
    assert set(read) >= {"outcome", "attempts", "chunks", "free_before", "free_after"}


def test_a_machine_is_read_from_a_dump_whole_or_by_zone() -> None:
    with PAGETYPEINFO.open() as dump:
        machine, notes = machine_from_dump(dump)
    assert [zone.name for zone in machine.zones] == ["DMA", "DMA32", "Normal"]
    assert "watermarks are not in a dump" in notes[-1]
    with PAGETYPEINFO.open() as dump:
        assert [zone.name for zone in machine_from_dump(dump, zone="normal")[0].zones] == ["Normal"]


def test_a_zone_that_cannot_serve_the_loop_is_noted() -> None:
    machine, notes = machine_from_dump(io.StringIO("Node 0, zone Movable 1 2 3\n"))
    assert any("all is refused" in note for note in notes)
    assert not simulate(Patched(), Call(1), machine).ok


def test_rejects_an_unknown_zone_and_names_those_present() -> None:
    with PAGETYPEINFO.open() as dump, pytest.raises(BadDump, match=r"'HighMem': expected one .* DMA, DMA32, Normal"):
        machine_from_dump(dump, zone="HighMem")


def test_a_random_machine_depends_on_its_seed_alone() -> None:
    states = [random_machine(seed).state() for seed in range(30)]
    assert states == [random_machine(seed).state() for seed in range(30)]
    assert len({str(state) for state in states}) > 25


@pytest.mark.parametrize(
    ("pages", "text"), [(0, "0 B"), (1, "4 KiB"), (256, "1 MiB"), (384, "1.5 MiB"), (2**20 - 1, "4 GiB")]
)
def test_sizes_are_written_in_the_largest_unit_that_suits(pages: int, text: str) -> None:
    assert size_text(pages) == text
