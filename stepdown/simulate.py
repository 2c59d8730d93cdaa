"""What a loop would do on a machine's memory: run it, count, and say so. Nothing here prints or exits."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, cast

from model.buddy import USABLE, Migrate, ZoneState
from model.dumps import BadDump, Readable, read_dump
from model.events import End
from model.gfp import Gfp
from model.kernel import Crash, Kernel
from model.loop import Call, Loop, Unwinding
from model.machine import Machine, zones_tried
from model.watermarks import memory_of, with_watermarks

PAGE_SIZE = 4096
SIZE_BITS = 32  # of size_t on the machines that run this loop
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
JSON_VERSION = 1
MOST_SIZES = 8  # lines of /proc/meminfo


@dataclass(frozen=True)
class Attempts:
    """How often a block of ``order`` was asked for, and what was answered."""

    order: int
    granted: int
    refused: int


@dataclass(frozen=True)
class Chunks:
    """``number`` blocks of ``order`` that follow each other in the buffer."""

    order: int
    number: int


@dataclass(frozen=True)
class Simulation:
    """One run of a loop. ``outcome`` is done, failed, crashed or endless; ``chunks`` is what was granted, in the order
    of slots, whether or not it was given back."""

    n: int
    outcome: str
    reason: str
    turns: int  # passes of "while (count)"
    freed_pages: int  # by the error path
    attempts: tuple[Attempts, ...]
    chunks: tuple[Chunks, ...]
    before: tuple[ZoneState, ...]
    after: tuple[ZoneState, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether the loop returned its buffer."""
        return self.outcome == "done"


class Slots:
    """The page array of one run: cheap where a buffer is made of a million single pages."""

    def __init__(self, n: int) -> None:
        self.frames: list[int | None] = [None] * n

    def store(self, slot: int, frame: int, pages: int) -> None:
        """Put frame + j into slot + j for every j below ``pages``; outside the array is a crash."""
        if slot < 0 or slot + pages > len(self.frames):
            raise Crash("every-page-stored-once", f"slot {slot + pages - 1} of a page array of {len(self.frames)}")
        if pages == 1:
            self.frames[slot] = frame
        else:
            self.frames[slot : slot + pages] = range(frame, frame + pages)

    def load(self, slot: int) -> int | None:
        """Return the frame in ``slot``, None for NULL; outside the array is a crash."""
        if slot < 0 or slot >= len(self.frames):
            raise Crash("every-page-stored-once", f"slot {slot} of a page array of {len(self.frames)}")
        return self.frames[slot]

    def erase(self, slot: int) -> None:
        """Put NULL into ``slot``."""
        if self.load(slot) is not None:
            self.frames[slot] = None


class CountingKernel(Kernel):
    """A kernel that counts instead of recording: a run of a million turns makes five million events."""

    def __init__(self, machine: Machine, n: int) -> None:
        super().__init__(machine, Slots(n))
        self.attempts: dict[tuple[int, bool], int] = {}
        self.chunks: list[list[int]] = []  # order, number
        self.freed_pages = 0
        self.log: list[tuple[int, int | None]] | None = None  # order and frame of each attempt, where somebody asks

    def look(self, array: Sequence[int], index: int) -> int:
        """Return ``array[index]``; outside the array is a crash."""
        if index < 0 or index >= len(array):
            return super().look(array, index)
        return array[index]

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Ask the machine and count the answer; a negative order is a crash."""
        if order < 0:
            raise Crash("orders-from-array", f"order {order} was asked for")
        frame = self.allocator.alloc_pages(gfp, order)
        key = (order, frame is not None)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        if self.log is not None:
            self.log.append((order, frame))
        if frame is not None:
            if self.chunks and self.chunks[-1][0] == order:
                self.chunks[-1][1] += 1
            else:
                self.chunks.append([order, 1])
        return frame

    def split_page(self, frame: int, order: int) -> None:
        """Nothing to count."""

    def store(self, slot: int, frame: int, pages: int = 1) -> None:
        """Store without a record."""
        self.memory.store(slot, frame, pages)

    def clear(self, frame: int, pages: int) -> None:
        """Nothing to count."""

    def free_pages(self, frame: int, order: int) -> None:
        """Give back without a record."""
        self.allocator.free_pages(frame, order)
        self.freed_pages += 1 << order


def simulate(
    loop: Loop,
    call: Call,
    machine: Machine,
    notes: Iterable[str] = (),
    log: list[tuple[int, int | None]] | None = None,
) -> Simulation:
    """Return what ``loop`` does on ``machine``, which is left as the run leaves it; each attempt goes to ``log``.

    A loop that takes far more turns than it has pages counts as endless.
    """
    before = machine.state()
    kernel = CountingKernel(machine, call.n)
    kernel.log = log
    budget = 1000 + 4 * call.n
    turns, unwound, outcome, reason = 0, 0, "endless", f"not ended after {budget} turns"
    try:
        state: Any = loop.start(call)
        while not isinstance(state, End) and turns + unwound < budget:
            if isinstance(state, Unwinding):
                state = loop.unwind(call, state, kernel)
                unwound += 1
            else:
                state = loop.turn(call, state, kernel)
                turns += 1
        if isinstance(state, End):
            outcome, reason = ("done", "") if state.ok else ("failed", "a single page was refused")
            turns -= state.ok and turns > 0  # the last test of the loop's condition is no turn
    except Crash as crash:
        outcome, reason = "crashed", f"{crash.claim}: {crash.reason}"
    if outcome == "failed":
        notes = [*notes, "a kernel reclaims, and kills for memory, before it refuses a single page: not simulated"]
    orders = sorted({order for order, _ in kernel.attempts}, reverse=True)
    counted = [Attempts(o, kernel.attempts.get((o, True), 0), kernel.attempts.get((o, False), 0)) for o in orders]
    chunks = tuple(Chunks(order, number) for order, number in kernel.chunks)
    return Simulation(
        n=call.n,
        outcome=outcome,
        reason=reason,
        turns=turns,
        freed_pages=kernel.freed_pages,
        attempts=tuple(counted),
        chunks=chunks,
        before=before,
        after=machine.state(),
        notes=tuple(notes),
    )


def parse_size(text: str) -> int:
    """Return the bytes that ``text`` means: a number, perhaps with K, M or G (powers of 1024), below 2^32.

    Raises ValueError with one line.
    """
    match = re.fullmatch(r"\s*(-?)(\d+|0x[0-9a-f]+)\s*([KMGT]?)(?:I?B)?\s*", text, re.ASCII | re.IGNORECASE)
    if match is None:
        raise ValueError(f"size {clip(text)}: expected a number with K, M, G or nothing after it, such as 4M")
    sign, digits, unit = match.groups()
    if sign:
        raise ValueError(f"size {clip(text)}: expected 0 or more, got a negative number")
    significant = digits.lstrip("0") if digits.isdigit() else digits
    size_bytes = int(significant or "0", 0) << UNITS[unit.upper()] if len(significant) <= SIZE_BITS else 1 << SIZE_BITS
    if size_bytes >> SIZE_BITS:
        raise ValueError(f"size {clip(text)}: does not fit {SIZE_BITS} bits, at most 4294967295 bytes do")
    return size_bytes


def total_pages(size_bytes: int) -> int:
    """Return n for a buffer of ``size_bytes``, rounded up to pages as the caller does it: in 32 bits, where the last
    4095 sizes wrap around to 0."""
    # arch/arm/mm/dma-mapping.c, arm_iommu_alloc_attrs(): "size = PAGE_ALIGN(size);"
    return (size_bytes + PAGE_SIZE - 1) % (1 << SIZE_BITS) // PAGE_SIZE


class Noting:
    """An open text that keeps the lines of /proc/meminfo that tell a machine's size."""

    def __init__(self, source: Readable, sizes: list[str]) -> None:
        self.source, self.sizes = source, sizes

    def readline(self, size: int = -1, /) -> str:
        """Return at most ``size`` characters of the next line, nothing at the end."""
        line = self.source.readline(size)
        if "Total:" in line and len(self.sizes) < MOST_SIZES:
            self.sizes.append(line)
        return line


def noting(source: Readable | Iterable[str], sizes: list[str]) -> Readable | Iterable[str]:
    """Return the same lines; those that tell a machine's size go to ``sizes`` as they are read."""
    if isinstance(source, Iterable) and not hasattr(source, "readline"):
        lines = list(source)
        sizes += [line for line in lines if "Total:" in line][:MOST_SIZES]
        return lines
    return Noting(cast("Readable", source), sizes)


def machine_from_dump(source: Readable | Iterable[str], zone: str | None = None) -> tuple[Machine, list[str]]:
    """Return the machine that a dump shows, its zones of that name alone when ``zone`` is given, and notes on it.

    Raises BadDump, a ValueError, with one line.
    """
    sizes: list[str] = []
    dump = read_dump(noting(source, sizes))
    notes = list(dump.notes)
    chosen = [state for state in dump.zones if zone is None or state.name.lower() == zone.lower()]
    present = ", ".join(dict.fromkeys(state.name for state in dump.zones))
    if not chosen:
        raise BadDump(f"zone {clip(zone or '')}: expected one of the zones present: {present}")
    if not any(state.name in zones_tried(Gfp(highmem=True)) for state in chosen):
        notes.append(f"no zone of {', '.join(state.name for state in chosen)} serves this loop: all is refused")
    memory = memory_of(sizes)
    if memory is not None and not any(state.min_pages for state in dump.zones):
        marked = {(state.node, state.name): state for state in with_watermarks(dump.zones, memory)}
        chosen = [marked[state.node, state.name] for state in chosen]
        notes.append(
            "watermarks by the kernel's formulas, from the /proc/meminfo in the input, as if nobody tuned them"
        )
    if not any(state.min_pages for state in chosen):
        notes.append("watermarks are not in a dump: every usable free page may be taken (put /proc/meminfo before it)")
    return Machine(chosen), notes


def machine_from_file(name: str, zone: str | None = None) -> tuple[Machine, list[str]]:
    """Return the machine that the dump called ``name`` shows, "-" being standard input, and notes on it.

    Raises ValueError with one line.
    """
    if name == "-":
        return machine_from_dump(sys.stdin, zone)
    try:
        with open(name, encoding="utf-8", errors="replace") as source:
            return machine_from_dump(source, zone)
    except OSError as error:
        raise ValueError(f"{name}: {error.strerror}") from None


def random_machine(seed: int) -> Machine:
    """Return a machine whose free memory is as fragmented as ``seed`` has it: the same seed, the same machine."""
    random = Random(seed)
    names = random.choice((("Normal",), ("DMA", "Normal"), ("Normal", "HighMem"), ("DMA", "DMA32", "Normal")))
    pages, top = 1 << random.randint(8, 16), 10  # free pages of a zone; MAX_PAGE_ORDER
    decay = random.choice((0.3, 0.5, 0.8, 1.2))  # from one order to the next: how the free pages thin out
    states = []
    for name in names:
        blocks: dict[Migrate, tuple[int, ...]] = {}
        for kind in (*USABLE, Migrate.CMA) if random.random() < 0.3 else USABLE:
            at_order_0 = pages * random.random() / 4
            largest = random.randint(0, top)
            wanted = [at_order_0 * decay**order * random.uniform(0.2, 2) for order in range(largest + 1)]
            counts = [int(pages_free) >> order for order, pages_free in enumerate(wanted)]
            blocks[kind] = (*counts, *(0 for _ in range(top - largest)))
        states.append(ZoneState(0, name, blocks, min_pages=random.choice((0, 0, pages // 64))))
    return Machine(states)


def usable_pages(state: ZoneState) -> int:
    """Return the free pages of a zone that may be taken for the loop: of a usable type, above the minimum watermark."""
    serves = state.name in zones_tried(Gfp(highmem=True))
    kept_back = state.min_pages + state.reserve_pages
    return max(0, state.total_pages(USABLE) - kept_back) if serves else 0


def as_dict(simulation: Simulation) -> dict[str, Any]:
    """Return the simulation as JSON has it: see stepdown/simulate.schema.json."""

    def zones(states: tuple[ZoneState, ...]) -> list[dict[str, Any]]:
        return [
            {
                "node": state.node,
                "zone": state.name,
                "min_pages": state.min_pages,
                "reserve_pages": state.reserve_pages,
                "free_pages": state.total_pages(),
                "usable_pages": usable_pages(state),
                "free_blocks_by_order": {kind.name.lower(): list(counts) for kind, counts in state.blocks.items()},
            }
            for state in states
        ]

    return {
        "version": JSON_VERSION,
        "command": "simulate",
        "pages": simulation.n,
        "outcome": simulation.outcome,
        "reason": simulation.reason,
        "turns": simulation.turns,
        "freed_pages": simulation.freed_pages,
        "attempts": [asdict(attempts) for attempts in simulation.attempts],
        "chunks": [asdict(chunks) for chunks in simulation.chunks],
        "free_before": zones(simulation.before),
        "free_after": zones(simulation.after),
        "notes": list(simulation.notes),
    }


def clip(text: str) -> str:
    """Return ``text`` quoted, printable and not too long."""
    return ascii(text if len(text) <= 40 else text[:40] + "...")
