"""Free lists in OOM and allocation-failure reports: every printed form, the totals, what can serve the loop."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.buddy import USABLE, Migrate, ZoneState
from model.dumps import BadDump, Dump, read_dump
from stepdown.simulate import machine_from_dump, usable_pages
from tests.test_cli import stepdown
from tests.test_dumps import DATA, REAL

REPORTS = {
    "issue-dcache-3787-split-lines.txt": {(0, "DMA32"): (613, 715, 869, 488, 366, 113, 51, 30)},
    "issue-rpi-linux-3872-arm-cma.txt": {(0, "DMA"): (142, 161, 59, 51, 18, 2, 1, 0, 1, 0, 125)},
    "lkml-30GB-no-order6plus.txt": {
        (0, "DMA"): (2, 2, 0, 1, 3, 2, 0, 0, 1, 1, 3),
        (0, "DMA32"): (713, 371, 504, 373, 286, 223, 125, 32, 1, 0, 0),
        (0, "Normal"): (63043, 20323, 7254, 4290, 1238, 543, 0, 0, 0, 0, 0),
    },
    "lkml-mtk-order10-MT7621-128MB.txt": {(0, "Normal"): (145, 155, 238, 231, 106, 51, 27, 15, 2, 1, 0)},
    "lkml-x86_32-highmem-oom.txt": {
        (0, "DMA"): (8, 8, 4, 2, 2, 1, 3, 2, 1, 0, 0),
        (0, "Normal"): (240, 160, 23, 3, 3, 2, 1, 0, 0, 0, 0),
        (0, "HighMem"): (10942, 3102, 866, 76, 11, 4, 1, 0, 0, 0, 0),
    },
}
SMALL = "Node 1 Normal free:40kB min:8kB low:12kB\nNode 1 Normal: 3*4kB (UM) 2*8kB (H) 0*16kB 1*32kB (C) = 60kB\n"


def read(text: str) -> Dump:
    return read_dump(io.StringIO(text))


def zones(text: str) -> dict[tuple[int, str], tuple[int, ...]]:
    return {(zone.node, zone.name): zone.by_order() for zone in read(text).zones}


@pytest.mark.parametrize("name", REPORTS)
def test_every_real_report_is_read(name: str) -> None:
    assert zones(REAL[name]) == REPORTS[name]


def test_no_order_10_block_of_a_raspberry_pi_serves_the_loop() -> None:
    dump = read(REAL["issue-rpi-linux-3872-arm-cma.txt"])
    assert dump.zones[0].by_order(USABLE) == (141, 160, 58, 50, 17, 1, 0, 0, 0, 0, 0)
    assert dump.zones[0].by_order((Migrate.CMA,))[10] == 125
    assert "513592kB are CMA" in " ".join(dump.notes)


def test_the_minimum_watermark_is_read_wherever_the_line_breaks() -> None:
    assert read(REAL["lkml-mtk-order10-MT7621-128MB.txt"]).zones[0].min_pages == 1360 // 4
    below = read(REAL["lkml-30GB-no-order6plus.txt"]).zones[2]
    assert read(REAL["issue-rpi-linux-3872-arm-cma.txt"]).zones[0].reserve_pages == 3188
    assert below.min_pages == 1934512 // 4
    assert usable_pages(below) == 0


def test_letters_say_the_types() -> None:
    (zone,) = read(SMALL).zones
    assert (zone.node, zone.name, zone.min_pages) == (1, "Normal", 2)
    assert zone.blocks[Migrate.UNMOVABLE] == (3, 0, 0, 0)
    assert zone.blocks[Migrate.HIGHATOMIC] == (0, 2, 0, 0)
    assert zone.blocks[Migrate.CMA] == (0, 0, 0, 1)


def test_a_total_that_does_not_add_up_is_reported() -> None:
    assert read(SMALL).notes == ()
    wrong = read(SMALL.replace("= 60kB", "= 64kB")).notes
    assert wrong == ("node 1, zone Normal: the printed total is 64kB, its blocks add up to 60kB",)
    real = read(REAL["lkml-x86_32-highmem-oom.txt"].replace("240*4kB", "241*4kB")).notes
    assert "the printed total is 3408kB, its blocks add up to 3412kB" in real[0]


def test_every_real_total_adds_up() -> None:
    for name in REPORTS:
        assert "add up" not in " ".join(read(REAL[name]).notes)


def test_a_list_that_is_cut_is_said_to_be() -> None:
    notes = " ".join(read(REAL["issue-dcache-3787-split-lines.txt"]).notes)
    assert "zone DMA32: its list has no total: cut after 512kB" in notes
    assert "whose name is cut off" in notes


def test_a_report_without_letters_has_no_types() -> None:
    dump = read("DMA: 2*4kB 1*8kB = 16kB\n")
    assert dump.zones == (
        ZoneState(0, "DMA", {kind: ((2, 1) if kind is Migrate.UNMOVABLE else (0, 0)) for kind in Migrate}),
    )
    assert "no migrate types" in dump.notes[0]


def test_of_two_reports_the_first_is_used() -> None:
    dump = read(SMALL + SMALL.replace("3*4kB", "9*4kB"))
    assert dump.zones == read(SMALL).zones
    assert "a second report begins" in dump.notes[0]


PREFIXES = [
    "",
    "> ",
    "[84082.085592] ",
    "Feb 19 16:20:13 host kernel: ",
    "Feb 19 16:20:13 host kernel: [  12.5] ",
    "<4>[1.2] ",
]


@given(st.sampled_from(sorted(REPORTS)), st.sampled_from(PREFIXES), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_report_broken_at_any_blank_with_any_prefix_reads_the_same(name: str, prefix: str, random: object) -> None:
    text = "\n".join(line for line in REAL[name].splitlines() if not line.startswith("#"))
    bare = re.sub(r"^(\[[\d .]+\] |\w+ \d+ [\d:]+ \S+ kernel: )", "", text, flags=re.MULTILINE)
    broken = re.sub(r" |\n", lambda _: random.choice([" ", " ", f"\n{prefix}"]), bare)  # type: ignore[attr-defined] # Random
    assert zones(prefix + broken + "\n") == REPORTS[name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Normal: 3*4kB (U) 2*16kB (U) = 44kB\n", "expected blocks of 8kB next in node 0, zone Normal, got 2*16kB"),
        ("Normal: 3*64kB (U) 2*128kB (U) = 448kB\n", "pages of another size"),
        ("Normal: " + "".join(f"1*{4 << order}kB " for order in range(70)), "cut, or pages of another size"),
    ],
)
def test_rejects_a_list_that_is_none(text: str, said: str) -> None:
    with pytest.raises(BadDump, match=re.escape(said)):
        read(text)


def test_proc_files_are_preferred_to_a_report() -> None:
    assert zones(SMALL + "Node 0, zone DMA 1 2 3\n") == {(0, "DMA"): (1, 2, 3)}


@pytest.mark.parametrize("name", sorted(REAL))
def test_simulate_reads_every_stored_dump(name: str) -> None:
    machine, _ = machine_from_dump(io.StringIO(REAL[name]))
    assert machine.zones


def test_simulate_tells_what_can_serve_from_what_is_free() -> None:
    said = stepdown("simulate", "--size", "4M", "--state", str(DATA / "issue-rpi-linux-3872-arm-cma.txt"))
    assert said.returncode == 0
    serving = next(line for line in said.stdout.splitlines() if "can serve" in line)
    assert "CMA, high-atomic or isolated" in serving
    assert "5.5 MiB kept back by the min watermark" in serving
