"""One call of the loop as a trace of a running kernel shows it, with the gaps that the trace leaves."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

from model.events import Attempt, Clear, Event, Free
from model.gfp import Gfp

PAGE_SIZE = 4096
MOST_EVENTS = 1 << 21  # kept of one call: no 32-bit buffer needs as many
FORCE_CONTIGUOUS, SINGLE_PAGES = 0x40, 0x80  # include/linux/dma-mapping.h: DMA_ATTR_...
LOST = "events are lost within the call"
CUT = "the trace ends before the call does"
NO_SIZE = "the size of the buffer is not known (--size, or a probe on the caller)"
SILENT = "no probe on __alloc_pages: a request above the allocator's largest order leaves no event"
UNANSWERED = "a request has no answer (is kmem:mm_page_alloc enabled?)"
BACKWARDS = "time goes backwards in a task: lines are not in their order"
TWICE = "a page is granted that the buffer holds already"
NO_TASK = "the lines name no task"
MIXED = "requests with several sets of flags are in the call, and no return address tells them apart"
BY_FLAGS = "neither a return address nor the begin of the call tells the loop's requests from others with its flags"
CONTRADICTION = "a request's flags are others by its probe than by its event"
TOO_LONG = f"more than {MOST_EVENTS} events in one call"
PAGES_OF_ANOTHER_SIZE = "the pages got are the size asked for if a page has {size} bytes: not read here"


@dataclass(frozen=True)
class Work:
    """What one attempt cost: seconds from its begin to its end, and how often it compacted and reclaimed."""

    order: int
    granted: bool
    seconds: float
    compactions: int
    reclaims: int


@dataclass
class Recorded:
    """One call of the loop as a trace shows it. None is not known."""

    line: int
    task: str
    loop: str  # "arm", "dma-iommu", "" where the trace does not tell
    told_by: str
    function: str = ""
    size_bytes: int | None = None
    gfp: Gfp | None = None
    attrs: int | None = None
    size_from_header: bool = False
    ok: bool | None = None
    events: list[Event] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    times: list[float | None] = field(default_factory=list)  # of its attempts, seconds
    works: list[Work] = field(default_factory=list)
    gaps: dict[str, None] = field(default_factory=dict)
    runs: tuple[tuple[int, int], ...] | None = None  # first frame and pages, in the order of slots, read back
    shows_every_attempt: bool = False
    shows_clears: bool = False
    shows_frees: bool = False
    max_order: int | None = None
    mapped: bool = False
    granted_pages: int = 0
    attempts: int = 0
    left_out: int = 0  # requests that may be its own but for a flag, where flags alone tell
    base: Gfp | None = None  # NORETRY apart, the flags by which its requests are told where nothing else tells
    shape: list[tuple[object, ...]] = field(default_factory=list)  # its events, frames aside
    newest_frame: int = -1
    has_frees: bool = False
    free_before: list[str] = field(default_factory=list)  # lines of /proc/buddyinfo from the header
    free_after: list[str] = field(default_factory=list)
    frames: dict[int, int] = field(default_factory=dict)  # from struct page pointer to frame

    @property
    def n(self) -> int | None:
        """Return the pages wanted."""
        if self.size_bytes is None:
            return None
        pages = -(-self.size_bytes // PAGE_SIZE)
        return pages % (1 << 20) if self.loop == "arm" else pages  # PAGE_ALIGN() of a 32-bit size_t wraps

    @property
    def is_reached(self) -> bool:
        """Return whether the loop made an attempt."""
        return self.attempts > 0

    def add(self, event: Event, line: int) -> None:
        """Keep an event, up to a bound."""
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
            self.lines.append(line)
            if isinstance(event, Attempt):
                self.shape.append((event.order, id(event.gfp), event.frame is not None))
                self.newest_frame = self.newest_frame if event.frame is None else event.frame
            elif isinstance(event, Clear) and event.frame == self.newest_frame:
                self.shape.append((event.pages,))
            else:
                self.has_frees = True
                self.shape.append(("other", event))
        else:
            self.gaps[TOO_LONG] = None


def outcome(call: Recorded, returned: bool | None) -> bool | None:
    """Return whether the loop succeeded: its caller may fail after it did."""
    if call.mapped or returned:
        return True
    if returned is None or (call.n is not None and call.granted_pages >= call.n):
        return None
    return False


def drop_frees_of_others(call: Recorded) -> None:
    """Keep only the frees of pages that this call was granted: a free does not print who frees."""
    if not call.has_frees:
        return
    granted = sorted(
        (event.frame, at)
        for at, event in enumerate(call.events)
        if isinstance(event, Attempt) and event.frame is not None
    )
    kept: list[tuple[Event, int]] = []
    for at, (event, line) in enumerate(zip(call.events, call.lines, strict=True)):
        if isinstance(event, Free):
            block = granted[bisect_right(granted, (event.frame, at)) - 1] if granted else None
            attempt = call.events[block[1]] if block is not None else None
            since = block is not None and block[0] <= event.frame and block[1] < at
            if not since or not isinstance(attempt, Attempt) or event.frame >= (attempt.frame or 0) + attempt.pages:
                continue
        kept.append((event, line))
    call.events = [event for event, _ in kept]
    call.lines = [line for _, line in kept]


def look_at_pages(call: Recorded) -> None:
    """Note what is wrong with the pages got: granted twice, or not of the size that is read here."""
    blocks = sorted((e.frame, e.pages) for e in call.events if isinstance(e, Attempt) and e.frame is not None)
    if any(frame + pages > after for (frame, pages), (after, _) in pairwise(blocks)):
        call.gaps[TWICE] = None
    for size in (16384, 65536):
        if call.n and call.size_bytes and call.granted_pages == -(-call.size_bytes // size) != call.n:
            call.gaps[PAGES_OF_ANOTHER_SIZE.format(size=size)] = None
