"""How good is the allocator model? From the dump before a trace predict the granted blocks, compare with the kernel's.

Nothing is fitted to traces: the constants are the kernel's own. Nothing here prints or exits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.buddy import Migrate, ZoneState
from model.dumps import BadDump, read_dump
from model.environments import Fresh
from model.events import Attempt
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, run
from model.machine import Machine
from model.recorded import Recorded
from model.trace_calls import Cutter
from model.trace_forms import BadTrace
from model.trace_lines import Reader
from model.watermarks import Memory, memory_of, with_watermarks
from stepdown.trace import Known, flags_asked_with, target_of
from stepdown.trace_files import lines_of, open_trace

SUFFIXES = (".trace", ".trace.gz", ".trace.xz", ".trace.bz2")
HEADER_CAP = 4096  # lines of a header
IOMMU_ORDERS = (18, 9, 0)  # a page table of 4 KiB and 8-byte entries maps 512 times more a level
VARIANTS = ("full", "no watermarks", "no migrate types")


@dataclass(frozen=True)
class Prediction:
    """What one variant of the model predicts: blocks granted by order, and whether it took reclaim."""

    chunks: tuple[tuple[int, int], ...]
    ok: bool
    reclaims: bool


@dataclass(frozen=True)
class Row:
    """One trace: the kernel's blocks by order, and each variant's prediction. ``skipped`` says why there is none."""

    name: str
    folder: str
    skipped: str = ""
    pages: int = 0
    kernel: tuple[tuple[int, int], ...] = ()
    kernel_ok: bool | None = None
    predictions: tuple[Prediction, ...] = ()
    is_typed: bool = False
    unlisted_pages: int = 0  # granted beyond what left the free lists: they were on per-CPU lists

    def is_exact(self, variant: int = 0) -> bool:
        """Return whether the blocks predicted are the kernel's, order by order."""
        return self.predictions[variant].chunks == self.kernel

    def off_by(self, variant: int = 0) -> int:
        """Return by how many blocks, over all orders."""
        kernel, model = Counter(dict(self.kernel)), Counter(dict(self.predictions[variant].chunks))
        return sum(abs(kernel[order] - model[order]) for order in kernel | model)

    @property
    def why(self) -> str:
        """Return the cause of a difference, from what the trace and the dump after it show."""
        if self.is_exact():
            return ""
        if self.predictions[0].reclaims or self.kernel_ok is False:
            return "reclaim: memory ran out"
        if not self.is_typed:
            return "migrate types: the dump does not tell them"
        if self.unlisted_pages > 0:
            return f"per-CPU lists: {self.unlisted_pages} of the pages granted were in no free list"
        kernel, model = Counter(dict(self.kernel)), Counter(dict(self.predictions[0].chunks))
        larger = any(kernel[order] > model[order] for order in kernel if order)
        return "compaction: larger blocks than were free" if larger else "watermark: refused though free"


class Patient:
    """A machine whose kernel reclaims a page whenever a single page is refused: such a request is always granted."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.reclaimed = Fresh(1 << 40)
        self.reclaims = False

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return what the machine answers; a single page in any case, unless the caller forbids to wait for it."""
        frame = self.machine.alloc_pages(gfp, order)
        if frame is None and order == 0 and not gfp.noretry:
            self.reclaims = True
            return self.reclaimed.take(0)
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Take a page back; nothing is asked for after it."""


def rows(folder: Path) -> Iterator[Row]:
    """Yield a row for each trace in ``folder`` and below it, by name."""
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(SUFFIXES) and path.is_file():
            yield row(path, folder)


def row(path: Path, root: Path) -> Row:
    """Return what the model predicts for one trace, beside what the kernel did."""
    name, folder = str(path.relative_to(root)), str(path.parent.relative_to(root))
    try:
        reader = Reader()
        with open_trace(str(path)) as text:
            header: list[str] = []
            calls = list(Cutter(reader).cut(reader.records(noting(lines_of(text), header))))
    except (BadTrace, OSError) as error:
        return Row(name, folder, f"{error}")
    reached = [call for call in calls if call.is_reached]
    if len(reached) != 1:
        return Row(name, folder, "the loop was not reached" if not reached else "several buffers after one dump")
    call = reached[0]
    if call.n is None or (call.granted_pages < call.n and call.ok is not False):
        return Row(name, folder, "the call is not whole")
    try:
        zones, is_typed = zones_before(path, header)
    except BadDump as error:
        return Row(name, folder, f"{error}")
    if not zones:
        return Row(name, folder, "no dump before the request")
    memory = memory_of(header)
    attempts = [event for event in call.events if isinstance(event, Attempt)]
    granted = Counter(attempt.order for attempt in attempts if attempt.granted)
    return Row(
        name, folder, "", call.n, tuple(sorted(granted.items())), call.ok,
        tuple(predicted(call, attempts, variant, zones, memory) for variant in VARIANTS),
        is_typed, unlisted_pages(path, call, zones) if is_typed else 0,
    )  # fmt: skip


def noting(lines: Iterator[str], header: list[str]) -> Iterator[str]:
    """Yield the lines, the first ones of a header noted in ``header``."""
    for line in lines:
        if line.startswith("#") and len(header) < HEADER_CAP:
            header.append(line)
        yield line


def zones_before(path: Path, header: Sequence[str]) -> tuple[tuple[ZoneState, ...], bool]:
    """Return the free lists before the request, and whether they tell migrate types. Raises BadDump.

    /proc/pagetypeinfo of the file NAME.pti beside the trace, up to its second dump; else /proc/buddyinfo of the header.
    """
    beside = pages_beside(path)
    if beside.is_file():
        with beside.open(encoding="utf-8", errors="replace") as text:
            return read_dump(text).zones, True
    lines = [line.split(":", 1)[1] for line in header if line.startswith("# buddyinfo before:")]
    return (read_dump(lines).zones, False) if lines else ((), False)


def pages_beside(path: Path) -> Path:
    """Return where /proc/pagetypeinfo of a trace is kept: NAME.pti beside NAME.trace."""
    return path.with_name(re.sub(r"\.trace(\.\w+)?$", ".pti", path.name))


def unlisted_pages(path: Path, call: Recorded, before: Sequence[ZoneState]) -> int:
    """Return how many more pages were granted than left the free lists, by the dump after the request."""
    text = pages_beside(path).read_text(encoding="utf-8", errors="replace").partition("# pagetypeinfo after")[2]
    try:
        after = read_dump(text.splitlines()).zones
    except BadDump:
        return 0
    taken = sum(zone.total_pages() for zone in before) - sum(zone.total_pages() for zone in after)
    return max(0, call.granted_pages - taken)


def predicted(
    call: Recorded, attempts: Sequence[Attempt], variant: str, zones: Sequence[ZoneState], memory: Memory | None
) -> Prediction:
    """Return what the model does on these free lists."""
    states = tuple(zones)
    if variant == "no migrate types":
        states = tuple(ZoneState(z.node, z.name, {Migrate.UNMOVABLE: z.by_order()}) for z in states)
    if variant != "no watermarks" and memory is not None:
        states = with_watermarks(states, memory)
    max_order = max(state.max_order for state in states)
    orders = () if call.loop == "arm" else tuple(order for order in IOMMU_ORDERS if order <= max_order)
    target = target_of(call, attempts, Known(orders=orders))
    allocator = Patient(Machine(states))
    gfp = call.gfp if call.gfp is not None else flags_asked_with(attempts)
    assert call.n is not None
    granted: Counter[int] = Counter()
    ok = False
    try:
        for event in run(target.loop, Call(call.n, gfp, target.single_pages), Kernel(allocator, PageArray())):
            if isinstance(event, Attempt) and event.granted:
                granted[event.order] += 1
        ok = True
    except Crash:
        pass
    return Prediction(tuple(sorted(granted.items())), ok, allocator.reclaims)
