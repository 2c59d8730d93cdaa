"""The reader of /proc/buddyinfo and /proc/pagetypeinfo: what it accepts, what it says, and what it refuses."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.buddy import USABLE, Migrate
from model.dumps import BadDump, Dump, read_dump

DATA = Path(__file__).parent / "data" / "buddyinfo"
REAL = {path.name: path.read_text() for path in sorted(DATA.glob("*.txt"))}
BUDDYINFO = REAL["hotsos-kubernetes-proc-buddyinfo.txt"]
PAGETYPEINFO = REAL["hotsos-kubernetes-proc-pagetypeinfo.txt"]
TWO = "Node 0, zone DMA 1 2 3\nNode 0, zone Normal 4 5 6\n"


def read(text: str) -> Dump:
    return read_dump(io.StringIO(text))


def counts(text: str) -> dict[tuple[int, str], tuple[int, ...]]:
    return {(zone.node, zone.name): zone.by_order() for zone in read(text).zones}


def notes(text: str) -> str:
    return "; ".join(read(text).notes)


def refusal(text: str) -> str:
    with pytest.raises(BadDump) as bad:
        read(text)
    message = str(bad.value)
    assert "\n" not in message
    assert len(message) < 250
    return message


def test_real_buddyinfo_is_read_zone_by_zone() -> None:
    assert counts(BUDDYINFO) == {
        (0, "DMA"): (2, 0, 0, 1, 3, 2, 2, 1, 2, 0, 3),
        (0, "DMA32"): (97, 830, 372, 119, 72, 30, 12, 13, 4, 4, 9),
        (0, "Normal"): (17, 203, 102, 17, 21, 4, 7, 10, 8, 0, 0),
    }
    assert "all free blocks count as usable" in notes(BUDDYINFO)


def test_real_pagetypeinfo_is_read_by_migrate_type() -> None:
    normal = read(PAGETYPEINFO).zones[2]
    assert normal.blocks[Migrate.MOVABLE] == (57, 16, 19, 7, 32, 0, 1, 5, 10, 0, 0)
    assert set(normal.blocks) == set(Migrate)
    assert notes(PAGETYPEINFO) == ""


@pytest.mark.parametrize("order", [1, -1])
def test_pagetypeinfo_is_preferred_wherever_it_stands(order: int) -> None:
    dump = read("".join([BUDDYINFO, PAGETYPEINFO][::order]))
    assert dump.zones == read(PAGETYPEINFO).zones
    assert "the latter is used" in dump.notes[-1]


def test_the_section_of_page_blocks_is_no_free_list() -> None:
    section = PAGETYPEINFO[PAGETYPEINFO.index("Number of blocks") :]
    assert "got 4 lines without any" in refusal(section)


@pytest.mark.parametrize("columns", [1, 7, 11, 12, 14, 64])
def test_any_number_of_columns_is_read(columns: int) -> None:
    row = tuple(range(columns))
    assert counts(f"Node 0, zone Normal {' '.join(map(str, row))}\n") == {(0, "Normal"): row}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Node 0, zone   Normal123456 2 3", {(0, "Normal"): (123456, 2, 3)}),
        ("Node 0, zone    DMA32123456 2 3", {(0, "DMA32"): (123456, 2, 3)}),
        ("Node 0,zoneDMA1 2 3", {(0, "DMA"): (1, 2, 3)}),
        ("Node    1, zone   Normal, type    Unmovable>100000>100000 3", {(1, "Normal"): (100000, 100000, 3)}),
    ],
)
def test_touching_fields_are_told_apart(text: str, expected: dict[tuple[int, str], tuple[int, ...]]) -> None:
    assert counts(text + "\n") == expected


def test_a_count_that_the_kernel_cut_short_is_a_lower_bound_and_said_so() -> None:
    text = "Node 0, zone Normal, type Movable >100000 5 6\n"
    assert counts(text) == {(0, "Normal"): (100000, 5, 6)}
    assert "lower bounds" in notes(text)


@pytest.mark.parametrize(
    "prefix", ["[  492.662208] ", "Feb 19 16:20:13 host kernel: ", "> ", "    ", "/proc/buddyinfo:"]
)
def test_text_around_the_dump_is_passed_over(prefix: str) -> None:
    text = "$ cat /proc/buddyinfo\n" + "".join(f"{prefix}{line}\r\n" for line in TWO.splitlines()) + "$ \n"
    assert counts(text) == counts(TWO)


def test_of_several_snapshots_the_first_is_used_and_it_says_so() -> None:
    sony = REAL["issue-sony-kernel-2019-ion-buddyinfo.txt"]
    assert counts(sony)[0, "Normal"] == (2736, 2094, 91, 21, 8, 0, 1, 1, 0, 0, 0)
    assert "line 8: a second /proc/buddyinfo begins: the first is used" in notes(sony)


def test_several_nodes_are_several_zones() -> None:
    assert counts(TWO + "Node 1, zone Normal 7 8 9\n")[1, "Normal"] == (7, 8, 9)


def test_an_unknown_migrate_type_is_not_usable_and_it_says_so() -> None:
    text = "Node 0, zone Normal, type Movable 1 2\nNode 0, zone Normal, type Rbin 7 7\n"
    assert read(text).zones[0].by_order(USABLE) == (1, 2)
    assert "'Rbin' is not known" in notes(text)


def test_a_zone_that_lists_fewer_types_than_another_is_noted() -> None:
    text = "Node 0, zone DMA, type Movable 1\nNode 0, zone DMA, type CMA 1\nNode 0, zone Normal, type Movable 1\n"
    assert "zone Normal lists 1 migrate types, others 2" in notes(text)


def test_a_last_line_without_its_end_is_noted() -> None:
    assert "no line end follows" in notes(TWO.rstrip("\n"))
    assert "no line end follows" not in notes(TWO)


def test_lines_that_were_split_already_need_no_line_end() -> None:
    assert read_dump(["Node 0, zone Normal 1 2"]).zones[0].by_order() == (1, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("\x7fELF\0\0\n", "line 1: expected text, got a NUL"),
        ("hello\nworld\n", "got 2 lines without any, first 'hello'"),
        ("Node 0, zone Normal 1 x 3\n", "line 1: expected a number, of free blocks in zone Normal, got 'x'"),
        ("Node 0, zone Normal 1 2x 3\n", "got '2x'"),
        ("Node 0, zone Normal 1.5 2 3\n", "got '1.5'"),
        ("Node 0, zone Normal 1 -2 3\n", "expected a number, not a negative one"),
        ("Node 0, zone Normal 1 \u0663 3\n", "got '\\u0663'"),
        (f"Node 0, zone Normal {'9' * 5000} 3\n", "expected a number"),
        ("Node 0, zone Normal\n", "got none: cut?"),
        (TWO + "Node 1, zone Normal 7 8\n", "line 3: expected 3 numbers, as in the lines before, got 2"),
        (TWO + "Node 1, zone Normal 7 8 9 10\n", "line 3: expected 3 numbers"),
        (TWO + "Node 1, zo", "cut"),
        (TWO + "Node 1, zone Nor", "expected a zone"),
        ("Node 0, zone Normal 1 2", "line 1: expected a line end, got none after 2 numbers"),
        ("Node 0, zone Lowmem 1 2 3\n", "expected a zone (DMA, DMA32, Normal"),
        (f"Node 0, zone Normal {'1 ' * 65}\n", "expected at most 64 numbers, got 65"),
        ("x" * 100_000, "a line of more than 65536 characters"),
    ],
)
def test_rejects_what_is_no_whole_dump(text: str, said: str) -> None:
    assert said in refusal(text)


def test_rejects_pagetypeinfo_with_fewer_columns_than_its_header() -> None:
    lines = PAGETYPEINFO.splitlines(keepends=True)
    assert "expected 11 numbers" in refusal("".join(lines[:5]) + "Node    0, zone      DMA, type    Unmovable      1\n")


def test_rejects_more_zones_than_any_machine_has() -> None:
    assert "zones, got more" in refusal("".join(f"Node {node}, zone DMA 1\n" for node in range(7000)))


def test_rejects_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(b"Node 0, zone \xff\xfe Normal 1\n")
    with (tmp_path / "dump").open(encoding="utf-8") as file, pytest.raises(BadDump, match="binary"):
        read_dump(file)


@pytest.mark.parametrize("text", [BUDDYINFO, PAGETYPEINFO, TWO])
def test_a_dump_cut_anywhere_is_refused_noted_or_whole_lines(text: str) -> None:
    for end in range(text.index("Node"), len(text)):
        try:
            dump = read(text[:end])
        except BadDump:
            continue
        said = "; ".join(dump.notes)
        is_whole = text[:end].endswith("\n") or "Number of blocks" in text[:end] or text[end - 1 : end + 1] == " \n"
        assert is_whole or "no line end" in said or not text[:end].splitlines()[-1].strip().startswith("Nod"), end


def test_a_huge_input_is_read_in_bounded_memory() -> None:
    def lines() -> Iterator[str]:
        yield from TWO.splitlines(keepends=True)
        for number in range(100_000):
            yield f"Node 0, zone Normal {number} 2 3\n"

    tracemalloc.start()
    try:
        dump = read_dump(lines())
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert dump.zones[1].by_order() == (4, 5, 6)


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert read(data.decode("utf-8", errors="replace")).zones
    except BadDump as bad:
        assert str(bad)


@given(st.sampled_from(sorted(REAL)), st.data())
@settings(max_examples=300)
def test_a_mutated_dump_is_read_or_refused(name: str, data: st.DataObject) -> None:
    text = REAL[name]
    for _ in range(data.draw(st.integers(1, 4))):
        at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 30))
        new = data.draw(st.one_of(st.text(max_size=8), st.sampled_from(["-", ">", "\n", " 9", "Node 0, zone DMA"])))
        text = text[:at] + new + text[at + length :]
    try:
        assert all(min(zone.by_order()) >= 0 for zone in read(text).zones)
    except BadDump as bad:
        assert "\n" not in str(bad)
