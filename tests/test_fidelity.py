"""`stepdown fidelity`: the allocator model against what real kernels granted; watermarks by the kernel's formulas."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.buddy import Migrate, ZoneState
from model.watermarks import Memory, memory_of, min_free_kb, with_watermarks
from stepdown.fidelity import VARIANTS, row, rows
from stepdown.trace import ALL_CLAIMS, Known, TraceVerdict, judge_trace
from stepdown.trace_files import lines_of, open_trace
from tests.test_cli import refused, stepdown
from tests.tracing import FOLDER, TRACES

EXHAUSTING = sorted((FOLDER / "arm-6.1-exhausting").glob("*.trace.xz"))
ROWS = {row.name: row for row in rows(FOLDER)}
JUDGED = [row for row in ROWS.values() if not row.skipped]


def test_every_trace_made_before_the_model_met_them_is_predicted_exactly() -> None:
    shared = [row for row in JUDGED if row.folder in ("arm-6.1", "x86-intel-6.1")]
    assert len(shared) == 37
    assert all(row.is_exact() for row in shared)


def test_at_least_nine_in_ten_are_exact_and_the_rest_is_explained() -> None:
    wrong = [row for row in JUDGED if not row.is_exact()]
    assert 10 * len(wrong) <= len(JUDGED)
    assert len(JUDGED) == 62
    assert all(row.off_by() > 0 and row.why.startswith("per-CPU lists") for row in wrong)


def test_migrate_types_make_a_difference() -> None:
    without = VARIANTS.index("no migrate types")
    assert sum(row.is_exact(without) for row in JUDGED) < sum(row.is_exact() for row in JUDGED) - 10


@pytest.mark.parametrize("path", EXHAUSTING, ids=lambda path: path.name)
def test_requests_that_exhaust_an_order_conform_too(path: Path) -> None:
    verdict = TraceVerdict(path.name)
    with open_trace(str(path)) as text:
        calls = list(judge_trace(lines_of(text), verdict, Known(), ALL_CLAIMS))
    assert (verdict.word, len(calls)) == ("CONFORMS", 1)


def test_what_cannot_be_predicted_is_named() -> None:
    skipped = {row.name: row.skipped for row in ROWS.values() if row.skipped}
    assert skipped == {
        "arm-6.1/fresh-2097152-contig.trace": "the loop was not reached",
        "arm-6.1/oom-67108864.trace": "no dump before the request",
    }


def test_a_dump_that_lies_is_a_wrong_prediction(tmp_path: Path) -> None:
    source = TRACES["arm-6.1/k8k4k0-2097152.trace"]
    shutil.copy(source, tmp_path / "t.trace")
    pages = source.with_suffix(".pti").read_text()
    (tmp_path / "t.pti").write_text(pages)
    assert row(tmp_path / "t.trace", tmp_path).is_exact()
    lying = [line.replace("     15 ", "      1 ") if "Unmovable" in line else line for line in pages.splitlines(True)]
    changed = "".join(lying)
    assert changed != pages
    (tmp_path / "t.pti").write_text(changed)
    wrong = row(tmp_path / "t.trace", tmp_path)
    assert not wrong.is_exact()
    assert wrong.off_by() > 0


def test_the_command_prints_the_table() -> None:
    said = stepdown("fidelity", str(FOLDER))
    assert said.returncode == 0
    assert "56 of 62 exact (90 %)" in said.stdout
    as_json = json.loads(stepdown("fidelity", "--format", "json", str(FOLDER / "arm-6.1-exhausting")).stdout)
    assert (as_json["traces"], as_json["exact"]["full"]) == (25, 19)
    assert "none with one" in refused("fidelity", str(FOLDER.parent / "buddyinfo"))
    assert "expected a folder" in refused("fidelity", "no/such/folder")


@pytest.mark.parametrize(("lowmem_kb", "expected"), [(241012, 1963), (1, 128), (1 << 24, 16384), (1 << 34, 262144)])
def test_min_free_kbytes_is_four_times_the_root(lowmem_kb: int, expected: int) -> None:
    assert min_free_kb(lowmem_kb) == expected


def zone(name: str, node: int = 0, min_pages: int = 0) -> ZoneState:
    return ZoneState(node, name, {Migrate.UNMOVABLE: (1, 0, 1)}, min_pages)


def test_one_zone_keeps_all_of_it_back() -> None:
    (only,) = with_watermarks([zone("DMA")], Memory(241012))
    assert (only.min_pages, only.reserve_pages) == (1963 // 4, 0)


def test_several_zones_share_it_by_size_and_lower_ones_keep_a_reserve() -> None:
    dma, dma32, normal = with_watermarks([zone("DMA"), zone("DMA32"), zone("Normal")], Memory(8 << 20))
    total = min_free_kb(8 << 20) // 4
    assert dma.min_pages + dma32.min_pages + normal.min_pages == pytest.approx(total, abs=3)
    assert normal.min_pages == pytest.approx(total / 2, abs=3)
    assert dma.reserve_pages == ((8 << 20) - (16 << 10)) // 4 // 256
    assert normal.reserve_pages == 0


def test_highmem_is_not_lowmem() -> None:
    normal, high = with_watermarks([zone("Normal"), zone("HighMem")], Memory(1 << 20, 1 << 18))
    assert normal.min_pages == min_free_kb((1 << 20) - (1 << 18)) // 4
    assert high.min_pages == 64
    assert normal.reserve_pages == (1 << 18) // 4 // 32


def test_a_watermark_that_a_dump_printed_is_kept() -> None:
    assert with_watermarks([zone("Normal", min_pages=7)], Memory(1 << 20))[0].min_pages == 7


def test_sizes_are_read_from_meminfo() -> None:
    assert memory_of(["# meminfo: MemTotal: 241012 kB", "HighTotal:   1000 kB"]) == Memory(241012, 1000)
    assert memory_of(["MemFree: 5 kB"]) is None


def test_simulate_takes_watermarks_from_meminfo_before_the_dump() -> None:
    dump = "Node 0, zone Normal 100 0 0 0 0 0 0 0 0 1 0\n"
    plain = json.loads(stepdown("simulate", "--size", "2M", "--format", "json", "--state", "-", given=dump).stdout)
    assert plain["free_before"][0]["min_pages"] == 0
    assert plain["attempts"][0] == {"order": 9, "granted": 1, "refused": 0}
    given = "MemTotal:         241012 kB\n" + dump
    marked = json.loads(stepdown("simulate", "--size", "2M", "--format", "json", "--state", "-", given=given).stdout)
    assert marked["free_before"][0]["min_pages"] == 490
    assert marked["attempts"][0] == {"order": 9, "granted": 0, "refused": 1}
