"""Judging the trace of a running kernel: each call of the loop by each claim, with the monitors of the proofs.

A claim is held, broken, or not observable in this trace; a call conforms when its trace shows it whole, nothing is
broken, and the model makes the same attempts when it is given the same answers. Nothing here prints or exits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from model.dma_iommu import DmaIommu
from model.events import Attempt, End, Event, Split, Store
from model.gfp import GFP_NORETRY, Gfp
from model.loop import Call
from model.recorded import BY_FLAGS, FORCE_CONTIGUOUS, NO_SIZE, SILENT, SINGLE_PAGES, TWICE, Recorded
from model.replay import Agreement, joined, replay, runs_granted
from model.trace_calls import Cutter
from model.trace_forms import BadTrace
from model.trace_lines import Reader
from spec.claims import CLAIMS, Claim
from spec.crowd import first_break
from spec.evidence import NEEDS, Needs, Shown, Test, tests_met
from spec.monitor import MAX_PAGE_ORDER, Matter
from spec.targets import TARGETS, Target

CONFORMS, BROKEN, MISMATCH = "CONFORMS", "BROKEN", "MISMATCH"
NOT_ENOUGH, NOT_REACHED = "NOT ENOUGH EVIDENCE", "NOT REACHED"
HELD, IS_BROKEN, NOT_OBSERVABLE, NOT_APPLICABLE = "held", "broken", "not observable", "not applicable"
STATUS = {CONFORMS: 0, BROKEN: 1, MISMATCH: 3, NOT_ENOUGH: 3, NOT_REACHED: 3}
MOST_REMEMBERED, LONGEST_REMEMBERED = 64, 1 << 14  # verdicts; events of a call
LEAVE_IT_WHOLE = (SILENT, BY_FLAGS, NO_SIZE)


@dataclass(frozen=True)
class Known:
    """What the user says about the trace, None or empty where the trace says it itself."""

    size_bytes: int | None = None
    loop: str = ""
    orders: tuple[int, ...] = ()
    max_order: int | None = None
    cost: bool = False  # keep what each attempt cost


@dataclass(frozen=True)
class ClaimVerdict:
    """One claim about one call. ``line`` is that of the first event that breaks it."""

    claim: str
    word: str
    reason: str = ""
    line: int | None = None


@dataclass(frozen=True)
class CallVerdict:
    """One call of the loop, judged."""

    call: Recorded
    word: str
    claims: tuple[ClaimVerdict, ...]
    agreement: Agreement | None
    target: str
    frames_agree: bool | None
    reasons: tuple[str, ...]

    def named(self, word: str) -> list[ClaimVerdict]:
        """Return the claims with that verdict; a broken one that breaks earlier comes first."""
        return sorted((c for c in self.claims if c.word == word), key=lambda c: c.line or 0)


@dataclass
class TraceVerdict:
    """One trace, judged. Complete once the calls are used up."""

    name: str
    lines: int = 0
    calls: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    other_requests: int = 0
    reasons: list[str] = field(default_factory=list)
    covered: set[str] | None = None  # the claims held in every call that conforms
    word: str = NOT_ENOUGH

    @property
    def status(self) -> int:
        """Return the exit status."""
        return STATUS[self.word]


def judge_trace(
    lines: Iterable[str], verdict: TraceVerdict, known: Known, claims: Sequence[Claim], reader: Reader | None = None
) -> Iterator[CallVerdict]:
    """Yield the calls of a trace, judged, as they end; ``verdict`` is complete afterwards. Raises BadTrace."""
    reader = reader or Reader()
    cutter = Cutter(reader, known.size_bytes, known.loop, known.cost)
    judge = Judging(known, claims)
    for call in cutter.cut(reader.records(lines)):
        judged = judge.judge(call)
        verdict.calls += 1
        verdict.counts[judged.word] = verdict.counts.get(judged.word, 0) + 1
        if judged.word == CONFORMS:
            held = {claim.claim for claim in judged.named(HELD)}
            verdict.covered = held if verdict.covered is None else verdict.covered & held
        yield judged
    verdict.lines, verdict.other_requests = reader.lines, cutter.other_requests + reader.others
    conclude(verdict, reader, cutter)


class Judging:
    """Judges calls, and remembers what it said: calls that differ in their frames alone are judged once."""

    def __init__(self, known: Known, claims: Sequence[Claim]) -> None:
        self.known, self.claims = known, claims
        self.said: dict[object, tuple[CallVerdict, list[Gfp]]] = {}  # the flags are kept: a shape holds their ids

    def judge(self, call: Recorded) -> CallVerdict:
        """Return what the trace shows of one call."""
        read_back = None if call.runs is None else are_read_back(call)
        if read_back is False or TWICE in call.gaps:
            return judge_call(call, self.known, self.claims)
        # the rest of the evidence, and the attempts frames aside: blocks that share no page are told apart by nothing
        shown = (call.ok, call.shows_every_attempt, call.shows_clears, call.shows_frees, call.max_order, call.told_by)
        key = (tuple(call.shape), call.loop, call.size_bytes, call.gfp, call.attrs, shown, read_back, tuple(call.gaps))
        known = self.said.get(key)
        if known is not None:
            return replace(known[0], call=call)
        said = judge_call(call, self.known, self.claims)
        if len(call.shape) <= LONGEST_REMEMBERED and said.word in (CONFORMS, NOT_ENOUGH):
            if len(self.said) >= MOST_REMEMBERED:
                self.said.clear()
            flags = list({id(e.gfp): e.gfp for e in call.events if isinstance(e, Attempt)}.values())
            self.said[key] = replace(said, call=replace(call, events=[], lines=[], shape=[])), flags
        return said


def conclude(verdict: TraceVerdict, reader: Reader, cutter: Cutter) -> None:
    """Say what the calls of a trace add up to. Raises BadTrace for what is no trace."""
    if not reader.events and not reader.has_header:
        forms = "ftrace, trace-cmd report, perf script or function_graph"
        raise BadTrace(f"expected a trace ({forms}), got {reader.lines} lines without any event")
    if reader.unreadable:
        where = f"the first at line {reader.first_unreadable}"
        verdict.reasons.append(f"{reader.unreadable} lines about the page allocator cannot be read, {where}: cut?")
    verdict.reasons += cutter.doubts
    if cutter.section.overrun and not verdict.calls:
        verdict.reasons.append(cutter.section.overrun)
    if not reader.has_allocations and not verdict.calls:
        verdict.reasons.append("no event of the page allocator is in it (kmem:mm_page_alloc, probes on __alloc_pages)")
    if BROKEN in verdict.counts:
        verdict.word = BROKEN
    elif MISMATCH in verdict.counts:
        verdict.word = MISMATCH
    elif NOT_ENOUGH in verdict.counts or verdict.reasons:
        verdict.word = NOT_ENOUGH
    elif CONFORMS in verdict.counts:
        verdict.word = CONFORMS
    else:
        verdict.word = NOT_REACHED
        verdict.reasons.append("the loop was not reached" + ("" if verdict.calls else ": no request is its own"))


def judge_call(call: Recorded, known: Known, claims: Sequence[Claim]) -> CallVerdict:
    """Return what the trace shows of one call."""
    if not call.is_reached:
        contiguous = call.attrs is not None and call.attrs & FORCE_CONTIGUOUS
        why = ": DMA_ATTR_FORCE_CONTIGUOUS asks for one contiguous block" if contiguous else ""
        word = NOT_ENOUGH if call.gaps else NOT_REACHED
        return CallVerdict(call, word, (), None, "", None, (f"the loop was not reached{why}", *call.gaps))
    attempts = [event for event in call.events if isinstance(event, Attempt)]
    target = target_of(call, attempts, known)
    if known.max_order is not None:
        call.max_order = known.max_order
    n = call.n if call.n is not None else call.granted_pages
    gfp = call.gfp if call.gfp is not None else flags_asked_with(attempts)
    matter = Matter(
        Call(n, gfp, target.single_pages),
        target.orders,
        call.max_order if call.max_order is not None else MAX_PAGE_ORDER,
    )
    shown = shown_by(call, known, matter)
    events, lines = events_of(call)
    met = tests_met(attempts, matter)
    judged = tuple(judge_claim(claim, target, matter, shown, met, events, lines) for claim in claims)
    agreement, frames_agree = None, None
    if call.n is not None and attempts:
        is_whole = Shown.WHOLE in shown
        agreement = replay(target.loop, matter.call, attempts, call.ok, is_whole)
        if call.runs is not None:
            frames_agree = are_read_back(call)
    reasons = list(call.gaps)
    if call.ok is None:
        reasons.append("how the loop ended is not shown")
    if any(claim.word == IS_BROKEN for claim in judged):
        word = BROKEN
    elif Shown.WHOLE in shown and ((agreement is not None and agreement.at is not None) or frames_agree is False):
        word = MISMATCH
    elif reasons or agreement is None or not any(claim.word == HELD for claim in judged):
        word = NOT_ENOUGH
    else:
        word = CONFORMS
    return CallVerdict(call, word, judged, agreement, target.name, frames_agree, tuple(reasons))


def are_read_back(call: Recorded) -> bool:
    """Return whether the frames read back are those of the granted blocks, in the order of slots."""
    attempts = [event for event in call.events if isinstance(event, Attempt)]
    return joined(call.runs or ()) == runs_granted(attempts)


def target_of(call: Recorded, attempts: Sequence[Attempt], known: Known) -> Target:
    """Return the loop that a call is held against. Where an IOMMU's orders are not known, they are those asked for."""
    single_pages = bool(call.attrs is not None and call.attrs & SINGLE_PAGES)
    if call.loop == "arm":
        target = TARGETS["single-pages" if single_pages else "patched"]
        return replace(target, orders=known.orders) if known.orders else target
    orders = known.orders or tuple(sorted({0, *(attempt.order for attempt in attempts)}, reverse=True))
    return Target(
        "dma-iommu", DmaIommu(orders), "drivers/iommu/dma-iommu.c", single_pages, reads_order_array=False, orders=orders
    )


def flags_asked_with(attempts: Sequence[Attempt]) -> Gfp:
    """Return flags that the caller may have passed: those of the first single page, else of the first block."""
    for attempt in attempts:
        if attempt.order == 0:
            return attempt.gfp
    return attempts[0].gfp.without(GFP_NORETRY) if attempts else Gfp()


def shown_by(call: Recorded, known: Known, matter: Matter) -> frozenset[Shown]:
    """Return the kinds of evidence that a trace has about a call."""
    whole = not any(gap not in LEAVE_IT_WHOLE for gap in call.gaps)
    deliverable = call.max_order is not None and max(matter.orders) <= call.max_order
    have = {
        Shown.WHOLE: whole,
        Shown.EVERY_ATTEMPT: whole and call.shows_every_attempt,
        Shown.ARRAY_ATTEMPTS: call.shows_every_attempt or deliverable,
        Shown.SIZE: call.n is not None,
        Shown.CALLER_GFP: call.gfp is not None,
        Shown.OTHERS_TOLD_APART: call.told_by == "return address",
        Shown.ATTRS: call.attrs is not None,
        Shown.ARRAY: call.loop == "arm" or bool(known.orders),
        Shown.MAX_ORDER: call.max_order is not None,
        Shown.END: call.ok is not None,
        Shown.READ_BACK: call.runs is not None,
        Shown.CLEARS: call.shows_clears and call.loop == "arm",
        Shown.FREES: call.shows_frees,
    }
    return frozenset(kind for kind, is_shown in have.items() if is_shown)


def events_of(call: Recorded) -> tuple[list[Event], list[int]]:
    """Return a call's events with what the header tells (stores, by the frames read back), and the line of each.

    ``split_page()`` leaves no event; it is taken as done right after each grant.
    """
    events: list[Event] = []
    lines: list[int] = []
    places = places_of(call.runs) if call.runs is not None else None
    for event, line in zip(call.events, call.lines, strict=True):
        events.append(event)
        lines.append(line)
        if isinstance(event, Attempt) and event.frame is not None:
            more: list[Event] = [Split(event.frame, event.order)] if event.order else []
            if places is not None:
                more += stores(event.frame, event.pages, places)
            events += more
            lines += [line] * len(more)
    if call.ok is not None:
        events.append(End(call.ok))
        lines.append(lines[-1] if lines else call.line)
    return events, lines


def places_of(runs: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return first frame, pages and first slot of each run, by frame."""
    places, slot = [], 0
    for frame, pages in runs:
        places.append((frame, pages, slot))
        slot += pages
    return sorted(places)


def stores(frame: int, pages: int, places: Sequence[tuple[int, int, int]]) -> list[Event]:
    """Return where the frames of a block were found, as stores."""
    found: list[Event] = []
    at = max(0, bisect_right(places, (frame, 1 << 62, 0)) - 1)
    while at < len(places) and places[at][0] < frame + pages:
        first, length, slot = places[at]
        low, high = max(first, frame), min(first + length, frame + pages)
        if low < high:
            found.append(Store(slot + low - first, low, high - low))
        at += 1
    return found


def judge_claim(
    claim: Claim,
    target: Target,
    matter: Matter,
    shown: frozenset[Shown],
    met: frozenset[Test],
    events: Sequence[Event],
    lines: Sequence[int],
) -> ClaimVerdict:
    """Return whether a call holds the claim, breaks it, or does not show it."""
    reason = claim.not_applicable(target)
    if reason:
        return ClaimVerdict(claim.name, NOT_APPLICABLE, reason)
    held, missing = False, []
    parts = [part for part in claim.parts if not part.not_applicable(target)]
    if not parts:
        return ClaimVerdict(claim.name, NOT_OBSERVABLE, Shown.TURNS.value)
    for part in parts:
        needs: Needs = NEEDS[part.monitor.__name__]
        if needs.to_break <= shown:
            broken = first_break(part.monitor, matter, events)
            if broken is not None:
                return ClaimVerdict(claim.name, IS_BROKEN, broken[1], lines[broken[0]])
        absent = needs.to_hold - shown
        lacking = next((kind.value for kind in Shown if kind in absent), "")
        if not lacking and needs.test in met:
            held = True
        else:
            missing.append(lacking or needs.test.value)
    return ClaimVerdict(claim.name, HELD) if held else ClaimVerdict(claim.name, NOT_OBSERVABLE, missing[0])


ALL_CLAIMS = tuple(CLAIMS.values())
