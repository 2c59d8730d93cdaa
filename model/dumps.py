"""Reads /proc/buddyinfo, /proc/pagetypeinfo and the free lists of OOM and allocation-failure reports, as the kernel
prints them and as people paste them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from model.buddy import Migrate, ZoneState
from model.machine import ZONE_NAMES
from model.oom_reports import Report

LONGEST_LINE = 1 << 16  # characters; the kernel's lines have about 200
MOST_ZONES = 1024 * len(ZONE_NAMES)  # MAX_NUMNODES of the largest configuration: more is no dump
MOST_ORDERS = 64  # a page number has no more bits
MOST_DIGITS = 20  # of an unsigned long
USUAL_ORDERS = 11  # by default; real ones have fewer and more: used only to doubt a line that nothing ends

# mm/vmstat.c, frag_show_print() and pagetypeinfo_showfree_print(); DMA32 stands before DMA, which begins it
ZONE_LINE = re.compile(
    r"Node\s*(?P<node>\d{1,6})\s*,\s*zone\s*(?P<zone>DMA32|DMA|Normal|HighMem|Movable|Device|[^\s,\d]*)"
    r"(?:\s*,\s*type\s*(?P<type>[A-Za-z]+))?(?P<counts>.*)",
    re.ASCII | re.DOTALL,
)
TYPED_HEADER = re.compile(r"Free pages count per migrate type at order(?P<orders>[\s\d]*)", re.ASCII)
SECTION_HEADER = re.compile(r"Number of (?:mixed )?blocks type")
CUT_ZONE_LINE = re.compile(r"(?:^|\s)(?:No|Nod|Node\s*\d*\s*,?\s*(?:z|zo|zon)?)$", re.ASCII)
COUNT = re.compile(r">?\d+(?=[\s>]|$)|\S+", re.ASCII)
FORMATS = "/proc/buddyinfo, /proc/pagetypeinfo or an OOM report"


class BadDump(ValueError):
    """The input is no dump of free lists that can be used; the message is one line: expected, came, where."""


class Readable(Protocol):
    """An open text file."""

    def readline(self, size: int = -1, /) -> str:
        """Return at most ``size`` characters of the next line, nothing at the end."""


@dataclass(frozen=True)
class Dump:
    """The free lists of a machine, and what a reader should know about them."""

    zones: tuple[ZoneState, ...]
    notes: tuple[str, ...]


@dataclass
class Snapshot:
    """The first dump of one of the formats, as far as it is read. Without types every block is taken as unmovable."""

    name: str
    columns: int | None = None
    blocks: dict[tuple[int, str], dict[Migrate, tuple[int, ...]]] = field(default_factory=dict)
    seen: set[tuple[int, str, str]] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    lower_bounds: int = 0
    is_complete: bool = False

    def add(self, match: re.Match[str], number: int) -> None:
        """Take in one line of a zone, unless the first dump is over: a zone that comes again begins the next one."""
        node, zone, kind = int(match["node"]), match["zone"], match["type"] or ""
        if not self.is_complete and (node, zone, kind) in self.seen:
            self.is_complete = True
            self.notes.append(f"line {number}: a second {self.name} begins: the first is used")
        if self.is_complete:
            return
        if zone not in ZONE_NAMES:
            raise BadDump(f"line {number}: expected a zone ({', '.join(ZONE_NAMES)}), got {clipped(zone)}: cut?")
        self.seen.add((node, zone, kind))
        if len(self.seen) > MOST_ZONES:
            raise BadDump(f"line {number}: expected at most {MOST_ZONES} zones, got more")
        counts = self._counts(match["counts"], number, f"zone {zone}")
        by_type = self.blocks.setdefault((node, zone), {})
        known = Migrate[kind.upper()] if kind.upper() in Migrate.__members__ else Migrate.ISOLATE
        if not kind:
            known = Migrate.UNMOVABLE
        elif known.name != kind.upper():
            self.notes.append(f"line {number}: migrate type {clipped(kind)} is not known here: counted as not usable")
        before = by_type.get(known, (0,) * len(counts))
        by_type[known] = tuple(map(sum, zip(before, counts, strict=True)))

    def _counts(self, text: str, number: int, where: str) -> tuple[int, ...]:
        tokens = COUNT.findall(text)
        for token in tokens:
            digits = token.removeprefix(">")
            if not re.fullmatch(r"\d+", digits, re.ASCII) or len(digits) > MOST_DIGITS:
                what = "a number, not a negative one" if re.fullmatch(r"-\d+", token, re.ASCII) else "a number"
                raise BadDump(f"line {number}: expected {what}, of free blocks in {where}, got {clipped(token)}")
        if not tokens:
            raise BadDump(f"line {number}: expected numbers of free blocks after {where!r}, got none: cut?")
        if len(tokens) > MOST_ORDERS:
            raise BadDump(f"line {number}: expected at most {MOST_ORDERS} numbers, got {len(tokens)}")
        self.columns = self.columns or len(tokens)
        if len(tokens) != self.columns:
            came = f"{len(tokens)} in {where}: cut?"
            raise BadDump(f"line {number}: expected {self.columns} numbers, as in the lines before, got {came}")
        self.lower_bounds += sum(token.startswith(">") for token in tokens)
        return tuple(int(token.removeprefix(">")) for token in tokens)


def read_dump(source: Readable | Iterable[str]) -> Dump:
    """Return the zones of the first dump in ``source``, an open text file or lines, whatever text is around it.

    Of several formats /proc/pagetypeinfo is used, else /proc/buddyinfo, else the report. Memory is bounded whatever the
    length of the input.
    Raises BadDump.
    """
    plain, typed, report = Snapshot("/proc/buddyinfo"), Snapshot("/proc/pagetypeinfo"), Report()
    number, in_section, first_text, last_line = 0, False, "", ""
    for number, line in enumerate(lines_of(source), start=1):
        last_line = line
        if "\0" in line:
            raise BadDump(f"line {number}: expected text, got a NUL: binary?")
        first_text = first_text or line.strip()
        match = ZONE_LINE.search(line)
        if match and not (in_section and not match["type"]):
            (typed if match["type"] else plain).add(match, number)
        elif not match and (report.lists or "kB" in line or "Node" in line or ":" in line):
            report.take(line, number)
        if not match and (header := TYPED_HEADER.search(line)):
            typed.columns = typed.columns or len(header["orders"].split()) or None
        in_section = bool(SECTION_HEADER.search(line) or (in_section and match and not match["type"]))
        if typed.is_complete:
            break
    chosen = typed if typed.blocks else plain
    if not first_text:
        raise BadDump(f"expected {FORMATS}, got an empty input")
    if hasattr(source, "readline") and not last_line.endswith("\n") and not typed.is_complete:
        chosen.notes += doubts_about_the_end(chosen, last_line, number)
    if not chosen.blocks and report.trouble:
        raise BadDump(report.trouble)
    if not chosen.blocks and report.lists:
        return Dump(report.zones(), tuple(report.remarks()))
    if not chosen.blocks:
        came = f"{number} lines without any, first {clipped(first_text)}"
        forms = "'Node 0, zone Normal 1 2 3 ...' or 'Normal: 1*4kB (U) 2*8kB (M) ... = 20kB'"
        raise BadDump(f"expected lines of {FORMATS} ({forms}), got {came}")
    zones = tuple(ZoneState(node, name, blocks) for (node, name), blocks in chosen.blocks.items())
    return Dump(zones, tuple(chosen.notes + remarks(chosen, plain)))


def remarks(chosen: Snapshot, plain: Snapshot) -> list[str]:
    """Return what the numbers of ``chosen`` do not say by themselves."""
    notes = []
    if chosen.lower_bounds:
        notes.append(f"{chosen.lower_bounds} counts are printed as '>...': taken as exact, they are lower bounds")
    if chosen is plain:
        notes.append("no migrate types in /proc/buddyinfo: all free blocks count as usable, CMA and others included")
    elif plain.blocks:
        notes.append("both /proc/buddyinfo and /proc/pagetypeinfo were found: the latter is used")
    most = max(len(blocks) for blocks in chosen.blocks.values())
    for (node, zone), blocks in chosen.blocks.items():
        if len(blocks) < most:
            notes.append(f"node {node}, zone {zone} lists {len(blocks)} migrate types, others {most}: cut?")
    return notes


def doubts_about_the_end(chosen: Snapshot, line: str, number: int) -> list[str]:
    """Return a note on a last line that no line end follows, or raise BadDump where it is plainly not whole."""
    if CUT_ZONE_LINE.search(line.rstrip()):
        raise BadDump(f"line {number}: expected a whole line, got {clipped(line.strip())}: cut")
    if not ZONE_LINE.search(line):
        return []
    if len(chosen.seen) == 1 and chosen.columns and chosen.columns < USUAL_ORDERS:
        raise BadDump(f"line {number}: expected a line end, got none after {chosen.columns} numbers: cut?")
    return [f"line {number}: no line end follows: its last number may be cut"]


def lines_of(source: Readable | Iterable[str]) -> Iterator[str]:
    """Yield the lines of ``source``, none of them held longer than needed; BadDump for lines that no text has."""
    lines = iter(lambda: source.readline(LONGEST_LINE + 1), "") if hasattr(source, "readline") else source
    try:
        for number, line in enumerate(chain(lines), start=1):
            if len(line) > LONGEST_LINE:
                raise BadDump(f"line {number}: expected {FORMATS}, got a line of more than {LONGEST_LINE} characters")
            yield line
    except UnicodeDecodeError as error:
        raise BadDump(f"expected text, got bytes that are none ({error.reason}): binary?") from None


def clipped(text: str, longest: int = 40) -> str:
    """Return ``text`` quoted, printable and not too long."""
    quoted = ascii(text[: longest + 1])
    return quoted if len(quoted) <= longest + 2 else quoted[: longest + 1] + "...'"
