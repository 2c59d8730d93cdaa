"""Reads the free lists in an OOM or allocation-failure report, however mail, journald or syslog broke its lines.

``Node 0 DMA32: 713*4kB (UME) 371*8kB (UME) ... = 122076kB``: mm/page_alloc.c, show_free_areas(). The letters say which
migrate types have a block of that order, not how many. ``Node N`` is missing without NUMA.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from model.buddy import USABLE, Migrate, ZoneState
from model.machine import ZONE_NAMES

MOST_ZONES = 1024 * len(ZONE_NAMES)
MOST_ORDERS = 64
PAGE_KB = 4
# what loggers and mailers put before a line: quotes, a priority, "Feb 19 16:20:13 host kernel:", "[84082.085592]"
PREFIX = re.compile(
    r"^(?:>\s?)*(?:<\d{1,3}>)?(?:.{0,120}?\bkernel(?:\[\d+\])?:\s?)?\s*(?:\[\s*\d+\.\d+\]\s?(?:\[\w+\]\s?)?)?", re.ASCII
)
TOKEN = re.compile(
    r"(?P<blocks>\d{1,20}\*\d{1,20}kB)|\((?P<letters>[A-Z]{1,8})\)|(?P<equals>=)|(?P<total>\b\d{1,20}kB\b)|"
    r"(?P<key>[a-z_]{1,40}):(?P<value>\d{1,20})\s?[kK]B|"
    r"\b(?P<zone>DMA32|DMA|Normal|HighMem|Movable|Device)\b(?P<colon>:?)|"
    r"(?P<node>\bNode\b)|(?P<number>\b\d{1,6}\b)|(?P<word>\S+)",
    re.ASCII,
)
RESERVE = "lowmem_reserve[]:"
# mm/page_alloc.c, show_migration_types()
LETTERS = {
    "U": Migrate.UNMOVABLE, "E": Migrate.RECLAIMABLE, "M": Migrate.MOVABLE,
    "H": Migrate.HIGHATOMIC, "C": Migrate.CMA, "I": Migrate.ISOLATE,
}  # fmt: skip


@dataclass
class Listing:
    """One zone's free list as far as it was read."""

    node: int
    zone: str
    line: int
    counts: list[int] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    total_kb: int | None = None
    ended: bool = False

    @property
    def name(self) -> str:
        """Return whose list it is."""
        return f"node {self.node}, zone {self.zone}"


@dataclass
class Report:
    """The first report of a text, read token by token, so that a line end may be anywhere between two."""

    lists: dict[tuple[int, str], Listing] = field(default_factory=dict)
    marks: dict[tuple[int, str], dict[str, int]] = field(default_factory=dict)  # kB by name, of each zone
    notes: list[str] = field(default_factory=list)
    trouble: str = ""
    is_complete: bool = False
    node: int = 0
    after_node: bool = False
    after_equals: bool = False
    reserves: bool = False
    zone: tuple[int, str] | None = None  # whose marks or list is being read
    listing: Listing | None = None
    headless: bool = False

    def take(self, line: str, number: int) -> None:
        """Take in one line."""
        if self.is_complete or self.trouble:
            return
        for token in TOKEN.finditer(PREFIX.sub("", line, count=1)):
            self._take(token, number)
            if self.is_complete or self.trouble:
                return

    def _take(self, token: re.Match[str], number: int) -> None:
        kind = token.lastgroup or ""
        after_node, self.after_node = self.after_node, kind == "node"
        after_equals, self.after_equals = self.after_equals, kind == "equals"
        reserves, self.reserves = self.reserves, kind == "word" and token["word"] == RESERVE
        if kind == "number" and after_node:
            self.node = int(token["number"])
        elif kind == "number" and reserves:  # one number for each class of requests: ours may use the highest zone
            self.reserves = True
            if self.zone is not None and self.listing is None:
                self.marks.setdefault(self.zone, {})[RESERVE] = int(token["number"])
        elif kind in {"colon", "zone"}:
            self._begin(token["zone"], bool(token["colon"]), number)
        elif kind == "blocks":
            count, kilobytes = token["blocks"].removesuffix("kB").split("*")
            self._count(count, kilobytes, number)
        elif kind == "letters":
            if self.listing is not None and self.listing.counts and not self.listing.ended:
                self.listing.letters[-1] = token["letters"]
        elif kind == "total" and after_equals:
            if self.listing is not None and self.listing.counts:
                self.listing.total_kb, self.listing.ended = int(token["total"].removesuffix("kB")), True
            self.listing = None
            self.node = 0
        elif kind == "value" and self.zone is not None and self.listing is None:
            marks = self.marks.setdefault(self.zone, {})
            if len(marks) < 64:
                marks.setdefault(token["key"], int(token["value"]))
        elif kind == "word" and self.listing is not None and not self.listing.counts:
            self.listing = None  # "DMA: something else"

    def _begin(self, zone: str, is_list: bool, number: int) -> None:
        """A zone's name: with a colon its free list begins, without one its marks."""
        self.zone = (self.node, zone)
        self.listing = Listing(self.node, zone, number) if is_list else None
        if not is_list and len(self.marks) > MOST_ZONES:
            self.trouble = f"line {number}: expected at most {MOST_ZONES} zones, got more"

    def _count(self, count: str, kilobytes: str, number: int) -> None:
        """A number of blocks of one size: the next order of the list."""
        listing = self.listing
        if listing is None or listing.ended:
            if not self.headless:
                self.notes.append(f"line {number}: free blocks of a zone whose name is cut off: not used")
            self.headless = True
            return
        if not listing.counts:
            if (listing.node, listing.zone) in self.lists:
                self.is_complete = True
                self.notes.append(f"line {number}: a second report begins: the first is used")
                return
            self.lists[listing.node, listing.zone] = listing
        expected = PAGE_KB << len(listing.counts)
        if int(kilobytes) != expected or len(self.lists) > MOST_ZONES or len(listing.counts) >= MOST_ORDERS:
            came = f"got {count}*{kilobytes}kB: cut, or pages of another size"
            self.trouble = f"line {number}: expected blocks of {expected}kB next in {listing.name}, {came}"
            return
        listing.counts.append(int(count))
        listing.letters.append("")

    def zones(self) -> tuple[ZoneState, ...]:
        """Return the zones whose lists were read, the orders that a cut list lacks taken as empty."""
        most = max((len(listing.counts) for listing in self.lists.values()), default=0)
        return tuple(self._state(listing, most) for listing in self.lists.values())

    def _state(self, listing: Listing, columns: int) -> ZoneState:
        blocks = {kind: [0] * columns for kind in Migrate}
        for order, (count, letters) in enumerate(zip(listing.counts, listing.letters, strict=True)):
            for kind, share in shares(count, letters).items():
                blocks[kind][order] = share
        marks = self.marks.get((listing.node, listing.zone), {})
        return ZoneState(
            listing.node, listing.zone, {kind: tuple(counts) for kind, counts in blocks.items()},
            min_pages=marks.get("min", 0) // PAGE_KB, reserve_pages=marks.get(RESERVE, 0),
        )  # fmt: skip

    def remarks(self) -> list[str]:
        """Return what the lists do not say by themselves: totals that do not add up, what the letters leave open."""
        notes = list(self.notes)
        for listing in self.lists.values():
            added = sum(count * (PAGE_KB << order) for order, count in enumerate(listing.counts))
            if listing.total_kb is None:
                last = f"{PAGE_KB << len(listing.counts) - 1}kB"
                notes.append(f"{listing.name}: its list has no total: cut after {last}")
            elif listing.total_kb != added:
                notes.append(
                    f"{listing.name}: the printed total is {listing.total_kb}kB, its blocks add up to {added}kB"
                )
            open_orders = [
                str(order)
                for order, (count, letters) in enumerate(zip(listing.counts, listing.letters, strict=True))
                if is_mixed(letters) and count > 1
            ]
            if open_orders:
                which = f"at order {', '.join(open_orders)} some blocks are CMA, high-atomic or isolated"
                notes.append(f"{listing.name}: {which}, not said how many: one of each kind is taken")
            cma = self.marks.get((listing.node, listing.zone), {}).get("free_cma")
            if cma and listing.total_kb is not None:
                notes.append(f"{listing.name}: of {listing.total_kb}kB free, {cma}kB are CMA (free_cma)")
        if self.lists and not any(any(listing.letters) for listing in self.lists.values()):
            notes.append("no migrate types in this report: all free blocks count as usable, CMA and others included")
        return notes


def is_mixed(letters: str) -> bool:
    """Return whether blocks that serve the loop and blocks that do not stand under one number."""
    kinds = {LETTERS.get(letter, Migrate.ISOLATE) for letter in letters}
    return any(kind in USABLE for kind in kinds) and any(kind not in USABLE for kind in kinds)


def shares(count: int, letters: str) -> dict[Migrate, int]:
    """Return how many of ``count`` blocks are taken to be of each type: one of each kind that cannot serve the loop,
    the rest of the first usable type; where no type is usable, all of the first that is named."""
    kinds = [LETTERS.get(letter, Migrate.ISOLATE) for letter in letters] or [Migrate.UNMOVABLE]
    usable = [kind for kind in USABLE if kind in kinds]
    others = list(dict.fromkeys(kind for kind in kinds if kind not in USABLE))
    main = usable[0] if usable else others[0]
    taken: dict[Migrate, int] = {}
    for kind in others:
        if kind is not main and sum(taken.values()) < count:
            taken[kind] = 1
    taken[main] = count - sum(taken.values())
    return taken
