"""What a trace says about itself in its header: kernel, free memory, the call it is about; and reading of fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from model.gfp_text import BadFlags, number_of

OVERRUN = "the ring buffer overran: {lost} of {written} events are lost (a larger buffer_size_kb)"
FEWER = "the header counts {counted} events, the trace has {there}: cut or filtered"


@dataclass
class Section:
    """What a trace says about itself in its header, and what was seen of it so far."""

    overrun: str = ""
    entries: int | None = None  # lines of events, by the header
    entries_before: int = 0  # lines of events before this section
    size_bytes: int | None = None
    attrs: int | None = None
    ok: bool | None = None
    runs: tuple[tuple[int, int], ...] | None = None
    runs_size: int | None = None
    max_order: int | None = None
    buddyinfo: list[str] = field(default_factory=list)  # before
    buddyinfo_after: list[str] = field(default_factory=list)
    kernel: str = ""
    asks: bool = False
    returns: bool = False
    clears: bool = False
    frees: bool = False
    has_lost: bool = False
    is_reordered: bool = False  # lines of one task stand behind later ones
    calls: int = 0
    agreeing: int = 0  # requests whose flags are the same as a number and by name
    disagreeing: int = 0  # an older kernel numbers its flags otherwise

    @property
    def numbers_agree(self) -> bool:
        """Return whether the numbers of flags mean what the names beside them say, as far as is known."""
        return not self.disagreeing

    def take(self, key: str, text: str) -> None:
        """Note a line "# key: text"."""
        if key == "kernel":
            self.kernel = text
        elif key == "entries-in-buffer/entries-written" and (found := re.match(r"(\d{1,18})/(\d{1,18})", text)):
            kept, written = int(found[1]), int(found[2])
            self.entries = kept
            if kept != written:
                self.overrun = OVERRUN.format(lost=written - kept, written=written)
        elif key in ("buddyinfo before", "buddyinfo after"):
            columns = len(re.findall(r"\d+", text.split("zone", 1)[-1].replace("DMA32", "")))
            self.max_order = max(self.max_order or 0, columns - 1) if 0 < columns <= 64 else self.max_order
            lines = self.buddyinfo if key.endswith("before") else self.buddyinfo_after
            if len(lines) < 1024:
                lines.append(text)
        elif key == "module" and text.startswith("last: alloc "):
            values = fields_of(text[:400])
            self.size_bytes, self.attrs = as_int(values.get("size")), as_int(values.get("attrs"))
            self.ok = True if "-> ok" in text else False if "-> FAILED" in text else None
        elif key == "module" and (found := re.match(r"buf \d+ size=(\d{1,18}) .*?runs: ?(.*)", text, re.DOTALL)):
            self.runs_size, self.runs = int(found[1]), runs_of(found[2])


def value_of(text: str, name: str) -> int | None:
    """Return the number behind "name=", decimal or with 0x, None where there is none."""
    if " " not in text and text.startswith(f"{name}="):  # "page=0xcee12e00": most lines
        word = text.partition("=")[2]
    else:
        word = f" {text}".partition(f" {name}=")[2].partition(" ")[0]
    try:
        return int(word, 0) if len(word) <= 20 else None
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def fields_of(text: str) -> dict[str, str]:
    """Return the "name=value" fields of a line."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def as_int(text: str | None) -> int | None:
    """Return a number, decimal or with 0x, None where there is none."""
    if text is None:
        return None
    try:
        return number_of(text)
    except BadFlags:
        return None


def runs_of(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return the runs of frames "42b80+16 42b7c+1" of a buffer, None where they cannot be read."""
    runs = []
    for word in text.split():
        found = re.fullmatch(r"([0-9a-f]{1,13})\+(\d{1,10})", word)
        if found is None or not int(found[2]):
            return None
        runs.append((int(found[1], 16), int(found[2])))
    return tuple(runs)
