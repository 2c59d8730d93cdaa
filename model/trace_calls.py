"""Cuts the records of a trace into calls of the loop, one buffer each, and keeps all other requests apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from model.events import Attempt, Clear, Free
from model.gfp import GFP_COMP, GFP_HIGHMEM, GFP_NORETRY, GFP_NOWARN, GFP_ZERO, Gfp
from model.gfp_text import BadFlags, gfp_of_number, gfp_of_text
from model.recorded import (
    BACKWARDS,
    BY_FLAGS,
    CONTRADICTION,
    CUT,
    LOST,
    MIXED,
    MOST_EVENTS,
    NO_SIZE,
    NO_TASK,
    PAGE_SIZE,
    SILENT,
    UNANSWERED,
    Recorded,
    Work,
    drop_frees_of_others,
    look_at_pages,
    outcome,
)
from model.trace_asks import MOST_TASKS, Ask, Asks, FlagNumbers
from model.trace_forms import LOOPS, Kind, Record
from model.trace_header import FEWER, Section, as_int, fields_of, value_of
from model.trace_lines import Reader

PAGE_AND_SIZE = re.compile(r"page=0x([0-9a-f]{1,16}) size=(\d{1,18})$")
MOST_PENDING = 1 << 16  # events of calls that wait for the end of their section
# functions between the loop and __alloc_pages() that a return address may name in place of the loop
BETWEEN = {"", "?", "alloc_pages", "alloc_pages_noprof", "alloc_pages_current", "alloc_pages_node", "alloc_pages_mpol"}


# an enumeration's members are slow to look up, and this is done for each of a million lines
ENTER, LEAVE, ASK, ANSWER, RETURN, FREE = Kind.ENTER, Kind.LEAVE, Kind.ASK, Kind.ANSWER, Kind.RETURN, Kind.FREE
CLEAR, MAPPED, WORK, LOST_HERE, HEADER = Kind.CLEAR, Kind.MAPPED, Kind.WORK, Kind.LOST, Kind.HEADER


class Cutter:
    """Takes records, gives the calls of the loop as they end. ``size_bytes`` and ``loop`` are what the user knows."""

    def __init__(self, reader: Reader, size_bytes: int | None = None, loop: str = "", keep_works: bool = False) -> None:
        self.reader, self.keep_works = reader, keep_works
        self.size_bytes, self.loop = size_bytes, loop
        self.section = Section()
        self.calls: dict[str, Recorded] = {}  # open, by task
        self.asks, self.flag_numbers = Asks(), FlagNumbers()
        self.doubts: dict[str, None] = {}  # about whole traces
        self.held_back: Recorded | None = None  # the call that the section's header may be about
        self.other_requests = 0
        self.has_data = False
        self.done: list[Recorded] = []
        self.times: dict[str, float] = {}  # of the newest record of each task
        self.pending: list[Recorded] = []
        self.pending_events = 0

    def cut(self, records: Iterable[Record]) -> Iterator[Recorded]:
        """Yield the calls in the order of their ends."""
        for record in records:
            if record.kind is HEADER:
                self.take_header(record)
            else:
                self.has_data = True
                self.take(record)
            if self.done:
                yield from self.done
                self.done = []
        self.end_section()
        yield from self.done

    def take_header(self, record: Record) -> None:
        """Note a line of the header; the first one after data begins another trace."""
        if self.has_data and record.function in ("kernel", "tracer"):
            self.end_section()
            self.reader.wants_all = False
            self.section, self.has_data = Section(entries_before=self.reader.entries), False
        self.section.take(record.function, record.values)

    def take(self, record: Record) -> None:
        """Take in one record of the trace's body."""
        task, kind, section = record.task, record.kind, self.section
        if not section.returns and (kind is not ANSWER and kind is not RETURN and kind is not WORK):
            self.end_answered(record)
        call = self.calls.get(task)
        if (time := record.time) is not None:
            if time < self.times.get(task, time) and kind is not ENTER:  # a trace may be put behind another
                section.is_reordered = True
            self.times[task] = time
        if kind is ANSWER:
            self.take_answer(record)
        elif kind is ASK:
            section.asks = self.reader.wants_all = True
            if not self.asks.begin(record):
                self.note_loss()
        elif kind is RETURN:
            section.returns = True
            ask = self.asks.end(task)
            if ask is not None:
                self.end_request(record, ask, record.function)
            elif call is not None:
                call.gaps[LOST] = None
        elif kind is CLEAR:
            section.clears = section.clears or bool(record.values)
            if call is not None and call.is_reached and record.values:
                clear(call, record)
        elif kind is FREE:
            section.frees = True
            if call is not None and call.is_reached and record.frame is not None:
                call.add(Free(record.frame, record.order), record.line)
        elif kind is ENTER:
            self.enter(record, call)
        elif kind is LEAVE:
            if call is not None and call.function == record.function:
                self.take_leave(record, call)
        elif kind is MAPPED:
            if call is not None and call.is_reached:
                call.mapped = True
                if not call.function:
                    self.leave(task, True)
        elif kind is WORK:
            self.asks.work(record)
        elif kind is LOST_HERE:
            self.lose()

    def take_leave(self, record: Record, call: Recorded) -> None:
        """The loop's function returns."""
        if not self.section.returns and self.asks.by_task.pop(record.task, []):
            call.gaps[UNANSWERED] = None
        returned = value_of(record.values, "ret")
        self.leave(record.task, None if returned is None else returned != 0)

    def end_answered(self, record: Record) -> None:
        """Without probes on the allocator's return a request is over when its task does something else."""
        ask = self.asks.newest(record.task)
        if ask is not None and ask.answer is not None:
            self.asks.end(record.task)
            self.end_request(record, ask, "")

    def lose(self) -> None:
        """Note that events are missing here: every call that is open has a gap, no request its answer."""
        self.note_loss()
        self.asks.by_task.clear()

    def note_loss(self) -> None:
        """Note that every call that is open has a gap."""
        self.section.has_lost = True
        for call in self.calls.values():
            call.gaps[LOST] = None

    def enter(self, record: Record, call: Recorded | None) -> None:
        """Begin a call at the entry of the loop's function."""
        if call is not None:
            if call.function and call.function != record.function and not call.is_reached:
                return  # one entry calls the other
            call.gaps[LOST if call.function else CUT] = None
            self.leave(record.task, None)
        values = fields_of(record.values)
        gfp = as_int(values.get("gfp"))
        loop = self.loop or LOOPS.get(record.function, "")
        flags = None if gfp is None else gfp_of_number(gfp)
        if flags is not None and loop == "dma-iommu":
            flags = flags.without(GFP_COMP) | GFP_ZERO  # iommu_dma_alloc(): "gfp |= __GFP_ZERO;"
        elif flags is not None:
            flags = flags.without(GFP_COMP)  # arm_iommu_alloc_attrs(): "gfp &= ~(__GFP_COMP);"
        self.calls[record.task] = Recorded(
            record.line, record.task, loop, "window", record.function,
            as_int(values.get("size")), flags, as_int(values.get("attrs")),
        )  # fmt: skip
        if len(self.calls) > MOST_TASKS:
            self.leave(next(iter(self.calls)), None)
        if len(self.times) > 4 * MOST_TASKS:
            self.times.clear()

    def take_answer(self, record: Record) -> None:
        """Match an answer with its request, or take it as a request of its own where requests are not probed."""
        if not self.section.asks:
            if record.is_interrupt:
                self.count_other()
                return
            self.take_request(record, Ask(record.line, None, {}, record), record.function)
            return
        if not self.asks.answer(record):
            self.count_other()  # the bulk allocator prints answers without passing the probe

    def end_request(self, record: Record, ask: Ask, caller: str) -> None:
        """A request is over: the page allocator returned to ``caller``."""
        if ask.answer is None:
            page, order = value_of(record.values, "page"), as_int(ask.values.get("order"))
            gfp = as_int(ask.values.get("gfp"))
            if page != 0 or order is None or not 0 <= order < 64 or gfp is None:
                if self.is_the_loops(record.task, caller, None):
                    self.calls[record.task].gaps[UNANSWERED] = None
                self.count_other()
                return
            ask.answer = Record(ANSWER, record.line, record.task, record.time, order, None, hex(gfp))
        self.take_request(record, ask, caller)

    def take_request(self, record: Record, ask: Ask, caller: str) -> None:
        """Add a request to the loop's call that made it, or count it as somebody else's."""
        answer, task = ask.answer, record.task
        assert answer is not None
        try:
            gfp = gfp_of_text(answer.gfp)
        except BadFlags:
            self.reader.unread()
            return
        if not self.is_the_loops(task, caller, gfp):
            self.count_other()
            return
        key = self.key_of(task, caller, gfp)
        call = self.calls.get(key)
        if call is None:
            call = self.begin_without_window(answer, caller, key)
        self.flag_numbers.check(ask, gfp, self.section)
        call.loop = call.loop or self.loop or LOOPS.get(caller, "")
        if caller in LOOPS:
            call.told_by = "return address"
        if answer.bits and not call.loop:
            call.loop = "arm" if answer.bits == 32 else "dma-iommu"  # the ARM loop is one of 32-bit kernels alone
        if answer.task == "":
            call.gaps[NO_TASK] = None
        if not self.section.asks:
            call.gaps[SILENT] = None
        page = value_of(record.values, "page") if record.kind is RETURN else None
        if page is not None and answer.frame is not None and len(call.frames) < MOST_EVENTS:
            call.frames[page] = answer.frame
        call.attempts += 1
        if call.size_bytes is not None or call.function:
            call.add(Attempt(answer.order, gfp, answer.frame), answer.line)
            call.times.append(answer.time)
            if self.keep_works and ask.time is not None and record.time is not None:
                spent = record.time - ask.time
                call.works.append(Work(answer.order, answer.frame is not None, spent, ask.compactions, ask.reclaims))
        if answer.frame is not None:
            call.granted_pages += 1 << answer.order
        if not call.function and call.n is not None:
            failed = answer.frame is None and answer.order == 0
            if failed or call.granted_pages >= call.n:
                self.leave(key, None)

    def key_of(self, task: str, caller: str, gfp: Gfp) -> str:
        """Return what the open call of a request is known by: its task; where flags alone tell, the flags too."""
        known_by_task = task in self.calls or caller in LOOPS
        return task if known_by_task else f"{task} {gfp.without(GFP_NORETRY)!r}"

    def is_the_loops(self, task: str, caller: str, gfp: Gfp | None) -> bool:
        """Return whether a request is the loop's: by its return address, else by task and flags."""
        if caller in LOOPS:
            return gfp is not None or task in self.calls
        if caller not in BETWEEN or gfp is None or caller == "?":
            return False
        call = self.calls.get(task)
        looks_so = gfp.highmem and gfp.nowarn and not gfp.comp and not gfp.other
        if looks_so and call is not None:
            base = gfp.without(GFP_NORETRY)
            if call.gfp is not None and self.section.numbers_agree:
                same = base == (call.gfp | GFP_NOWARN | GFP_HIGHMEM).without(GFP_NORETRY)
                call.left_out += not same
                return same
            if call.base is not None and call.base != base:
                call.gaps[MIXED] = None
            call.base = base
        return looks_so

    def begin_without_window(self, answer: Record, caller: str, key: str) -> Recorded:
        """Begin a call at its first attempt: no probe on the loop's function shows its begin."""
        section = self.section
        size = self.size_bytes if self.size_bytes is not None else section.size_bytes
        attrs = section.attrs if self.size_bytes is None else None
        told_by = "return address" if caller in LOOPS else "task and flags"
        call = Recorded(answer.line, answer.task, self.loop or LOOPS.get(caller, ""), told_by, "", size, None, attrs)
        call.size_from_header = self.size_bytes is None
        if told_by == "task and flags":
            call.gaps[BY_FLAGS] = None
        self.calls[key] = call
        if len(self.calls) > MOST_TASKS:
            self.calls.pop(next(iter(self.calls)))
            self.section.has_lost = True
        return call

    def leave(self, task: str, ok: bool | None) -> None:
        """End the call of ``task``; what can be judged now goes to ``done``."""
        call, section = self.calls.pop(task), self.section
        section.calls += 1
        if call.ok is None:
            call.ok = outcome(call, ok)
        if section.overrun:
            call.gaps[section.overrun] = None
        elif section.has_lost:
            call.gaps[LOST] = None
        if section.is_reordered:
            call.gaps[BACKWARDS] = None
        if call.size_bytes is None and call.function and section.calls == 1:
            call.size_bytes, call.size_from_header = section.size_bytes, True
        if call.size_bytes is None:
            call.gaps[NO_SIZE] = None
        if not section.numbers_agree:
            call.gfp = None
            if section.agreeing:
                call.gaps[CONTRADICTION] = None
        call.shows_every_attempt = section.asks and not call.left_out
        call.shows_clears, call.shows_frees, call.max_order = section.clears, section.frees, section.max_order
        drop_frees_of_others(call)
        look_at_pages(call)
        call.frames.clear()
        previous, self.held_back = self.held_back, None
        if section.calls > 1:  # the header tells of one call
            for several in (call, previous or call):
                if several.size_from_header:
                    several.gaps[NO_SIZE] = None
        if previous is not None:
            self.give(previous)
        if section.size_bytes is not None and call.size_bytes == section.size_bytes:
            self.held_back = call
        else:
            self.give(call)

    def end_section(self) -> None:
        """End what is open: the trace is over."""
        section = self.section
        there = self.reader.entries - section.entries_before
        fewer = ""
        if section.entries is not None and there < section.entries:
            fewer = FEWER.format(counted=section.entries, there=there)
            self.doubts[fewer] = None
        only = section.calls == 0 and len(self.calls) == 1
        for key, call in list(self.calls.items()):
            told = section.ok if only and call.size_bytes == section.size_bytes else None
            call.gaps[CUT if call.size_bytes is not None else NO_SIZE] = None
            if not call.function and section.calls:  # somebody else's, with the flags of the loop
                self.other_requests += self.calls.pop(key).attempts
                continue
            self.leave(key, told)
        last, self.held_back = self.held_back, None
        if last is not None:
            if section.calls == 1:
                last.ok = section.ok if last.ok is None else last.ok
                last.runs = section.runs if section.runs_size == last.size_bytes else None
                last.attrs = section.attrs if last.attrs is None else last.attrs
                last.free_before, last.free_after = section.buddyinfo, section.buddyinfo_after
            self.give(last)
        if section.is_reordered:
            self.doubts[BACKWARDS] = None
        for call in self.pending:
            call.gaps.update({fewer: None} if fewer else {})
            call.gaps.update({BACKWARDS: None} if section.is_reordered else {})
        self.times.clear()
        self.done += self.pending
        self.pending, self.pending_events = [], 0
        self.asks.by_task.clear()

    def give(self, call: Recorded) -> None:
        """Let a call be judged: at once, or when its section is over where the header counts events that may lack."""
        if self.section.entries is None or self.pending_events + len(call.events) > MOST_PENDING:
            self.done += [*self.pending, call]
            self.pending, self.pending_events = [], 0
        else:
            self.pending.append(call)
            self.pending_events += len(call.events)

    def count_other(self) -> None:
        """Count a request that is not the loop's."""
        self.other_requests += 1


def clear(call: Recorded, record: Record) -> None:
    """Add a clear to a call, its frame known by the struct page that a request returned."""
    found = PAGE_AND_SIZE.match(record.values)  # as the lab's probe prints them
    if found is not None:
        page, size = int(found[1], 16), int(found[2])
    else:
        page, size = value_of(record.values, "page") or 0, value_of(record.values, "size") or 0
    frame = call.frames.get(page)
    if size and frame is not None and size % PAGE_SIZE == 0:
        call.add(Clear(frame, size // PAGE_SIZE), record.line)
