"""Reads traces of running kernels, line by line: every printed form becomes one stream of records. Memory is bounded
whatever the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model.trace_forms import (
    ALLOCATED,
    ALLOCATOR,
    BARE,
    ENTRIES,
    ENTRY,
    EVENT,
    FREED,
    GRAPH,
    GRAPH_SWITCH,
    HEADER,
    LONGEST_EVENT,
    LOST,
    MOST_FRAMES,
    MOST_ORDERS,
    MOST_PROBES,
    STACK,
    WORK,
    ZERO_PAGES,
    BadTrace,
    Kind,
    Record,
    kind_of,
    plain_name,
    probe_of,
)
from model.trace_heads import Heads


class Reader:
    """One trace being read. Its counts are right once the records are used up."""

    def __init__(self) -> None:
        self.lines = 0
        self.events = 0  # lines that have the form of a trace's event, whatever they tell
        self.other_entries = 0  # lines of other tracers, which the kernel counts, too
        self.has_allocations = False  # some lines are about the page allocator
        self.others = 0  # requests without __GFP_NOWARN, which the loop's have: not the loop's, and not told
        self.wants_all = False  # tell them all the same: another event says whose they are
        self.unreadable = 0  # lines about the page allocator that make no sense
        self.first_unreadable = 0
        self.has_header = False
        self.heads = Heads()
        self.probes: dict[tuple[str, str], tuple[Kind | None, str]] = {}
        self.graph: dict[str, list[tuple[int, str]]] = {}  # by task: open functions that matter, with their indent

    def records(self, lines: Iterable[str]) -> Iterator[Record]:
        """Yield a record for each line that matters. Raises BadTrace."""
        event_of, task_of, probes = EVENT.search, self.heads.task, self.probes
        waiting: Record | None = None  # an answer that perf printed: its call stack may follow
        for number, line in enumerate(lines, 1):  # a million of them: what is common is done here, without a call
            self.lines = number
            found = event_of(line) if len(line) < LONGEST_EVENT else None
            if waiting is not None:
                if found is None and (frame := STACK.match(line)):
                    function = plain_name(frame[1])
                    if not waiting.function and function not in ALLOCATOR:
                        waiting = waiting._replace(function=function)
                    continue
                yield waiting
                waiting = None
            if found is None:
                yield from self.of_other(line)
                continue
            self.events += 1
            flags, time, event, rest = found.group(2, 3, 4, 5)
            if rest[:1] == "(":
                place, _, values = rest.partition(")")
                told = probes.get((event, place)) or self.learn(event, place)
                kind, function = told
                if kind is not None:
                    task = task_of(line[: found.start()])
                    yield Record(kind, number, task, float(time), 0, None, "", function, values.strip())
            elif event == "mm_page_alloc":
                if not self.wants_all and "NOWARN" not in rest and "gfp_flags=0" not in rest:
                    self.has_allocations = True
                    self.others += 1
                    continue
                in_interrupt = flags is not None and len(flags) > 2 and flags[2] in "hHsZz"
                record = self.of_page(event, rest, task_of(line[: found.start()]), float(time), in_interrupt)
                if record is not None and "kmem:" in line:
                    waiting = record
                elif record is not None:
                    yield record
            elif event in ("mm_page_free", "mm_page_free_direct"):
                record = self.of_page(event, rest, task_of(line[: found.start()]), float(time))
                if record is not None:
                    yield record
            elif event in WORK:
                yield Record(Kind.WORK, number, task_of(line[: found.start()]), float(time), function=event)
        if waiting is not None:
            yield waiting

    @property
    def entries(self) -> int:
        """Return the lines that the kernel counts as one entry, of any tracer."""
        return self.events + self.other_entries

    def of_page(
        self, event: str, rest: str, task: str, time: float | None, in_interrupt: bool = False
    ) -> Record | None:
        """Return the record of mm_page_alloc or mm_page_free, None where its numbers make no sense."""
        self.has_allocations = True
        fields = (ALLOCATED if event == "mm_page_alloc" else FREED).match(rest)
        if fields is None:
            return self.unread()
        page, pfn, order_text, flags = fields.groups()
        order = int(order_text)
        frame = int(pfn, 16) if pfn.startswith("0x") else int(pfn)
        is_null = page in ZERO_PAGES or int(page, 16) == 0
        if is_null:
            if order >= MOST_ORDERS or 0 < frame < MOST_FRAMES:
                return self.unread()
        elif order >= MOST_ORDERS or frame + (1 << order) > MOST_FRAMES:
            return self.unread()
        if event != "mm_page_alloc":
            return None if is_null else Record(Kind.FREE, self.lines, task, time, order, frame)
        bits = 0 if page in ZERO_PAGES or page.startswith("0x") else 4 * len(page)
        answer = None if is_null else frame
        return Record(Kind.ANSWER, self.lines, task, time, order, answer, flags, "", "", in_interrupt, bits)

    def learn(self, event: str, place: str) -> tuple[Kind | None, str]:
        """Return what a probe's lines are, by its function in brackets, and remember it."""
        told = kind_of(*probe_of(event, place + ")"))
        if len(self.probes) >= MOST_PROBES:
            self.probes.clear()
        self.probes[event, place] = told
        self.has_allocations = self.has_allocations or told[0] in (Kind.ASK, Kind.RETURN)
        return told

    def of_call(self, function: str, returns: bool, caller: str, task: str) -> Record | None:
        """Return the record of a function's begin or end in function_graph."""
        kind, told = kind_of(function, returns, caller)
        if kind is None:
            return None
        self.has_allocations = self.has_allocations or kind is Kind.ASK or kind is Kind.RETURN
        return Record(kind, self.lines, task, None, 0, None, "", told)

    def of_other(self, line: str) -> Iterator[Record]:
        """Yield the records of a line that is no event by its form: headers, function_graph, lost events."""
        if "\0" in line:
            raise BadTrace(f"line {self.lines}: expected text, got a NUL: binary?")
        if line.startswith("#"):
            header = HEADER.match(line)
            if header is not None:
                self.has_header = self.has_header or header[1] in ("tracer", "kernel")
                yield Record(Kind.HEADER, self.lines, function=header[1].strip(), values=header[2].strip())
            return
        short = line[:LONGEST_EVENT]
        self.other_entries += ENTRY.search(short) is not None
        if len(line) >= LONGEST_EVENT and "mm_page_alloc" in line:
            self.has_allocations = True
            self.unread()
        elif LOST.search(short):
            yield Record(Kind.LOST, self.lines)
        elif "|" in short and ")" in short:
            yield from self.of_graph(short)
        elif GRAPH_SWITCH.match(short):
            self.graph.clear()
            yield Record(Kind.LOST, self.lines)
        elif bare := BARE.match(short):
            self.events += 1
            record = self.of_page(bare[1], bare[2], "", None)
            if record is not None:
                yield record
        elif "mm_page_alloc:" in short:
            self.has_allocations = True
            self.unread()

    def of_graph(self, line: str) -> Iterator[Record]:
        """Yield the records of a line of function_graph: nesting says who called whom."""
        found = GRAPH.match(line)
        if found is None:
            if "mm_page_alloc:" in line:
                self.has_allocations = True
                self.unread()
            return
        self.events += 1
        task = (found["task"] or f"cpu {found['cpu']}").strip()
        indent, stack = len(found["indent"]), self.graph.setdefault(task, [])
        if len(self.graph) > 4096:
            self.graph.clear()
        if found["event"]:
            if found["event"] in ("mm_page_alloc", "mm_page_free"):
                record = self.of_page(found["event"], found["fields"], task, None)
                yield from [record] if record is not None else []
            elif found["event"] in WORK:
                yield Record(Kind.WORK, self.lines, task, function=found["event"])
            return
        while stack and (stack[-1][0] > indent or (stack[-1][0] == indent and not found["end"])):
            yield Record(Kind.LOST, self.lines)  # its end is missing
            stack.pop()
        if found["end"]:
            if stack and stack[-1][0] == indent:
                function = stack.pop()[1]
                yield from self.of_graph_call(function, indent, True, task)
            return
        function = plain_name(found["call"])
        if function in ALLOCATOR or function in ENTRIES or function in ("__dma_clear_buffer", "__iommu_create_mapping"):
            yield from self.of_graph_call(function, indent, False, task)
            if found["open"] == " {" and len(stack) < 64:
                stack.append((indent, function))
            else:
                yield from self.of_graph_call(function, indent, True, task)

    def of_graph_call(self, function: str, indent: int, returns: bool, task: str) -> Iterator[Record]:
        """Yield the record of a function's begin or end, called by the innermost function that directly holds it."""
        stack = self.graph[task]
        directly = bool(stack) and stack[-1][0] + 2 == indent
        caller = stack[-1][1] if directly else "?"
        record = self.of_call(function, returns, caller, task)
        if record is not None:
            yield record

    def unread(self) -> Record | None:
        """Count a line about the page allocator that makes no sense; return None, for no record comes of it."""
        self.unreadable += 1
        self.first_unreadable = self.first_unreadable or self.lines
        return None
