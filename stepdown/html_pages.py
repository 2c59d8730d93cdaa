"""Turns simulations and judged traces into pages, and writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from model.dma_iommu import DmaIommu
from model.dumps import BadDump, read_dump
from model.events import Attempt
from model.loop import Call, Loop
from model.machine import Machine
from model.patched import Patched
from model.pre_patch import PrePatch
from stepdown.html import Outcome, Page, Zone, chunks_of, rendered
from stepdown.picture import plural, size_text
from stepdown.simulate import Simulation, simulate
from stepdown.svg import Try
from stepdown.trace import CallVerdict, TraceVerdict
from stepdown.trace_report import what
from stepdown.verify import Usage

MOST_PAGES_COMPARED = 1 << 16  # of a request: the loop before the patch takes long for larger ones
MOST_BUFFERS = 20  # of a trace, in full
CONTROL = re.compile(r"[^\t\n -~\u00a0-\ud7ff\ue000-\ufffd]")
STRATEGIES: tuple[tuple[str, Loop, bool], ...] = (
    ("patched: orders 9, 8, 4, 0", Patched(), False),
    ("pre-patch: every order, for every chunk anew", PrePatch(), False),
    ("patched, single pages", Patched(), True),
    ("dma-iommu: orders 9, 0", DmaIommu((9, 0)), False),
)


def simulation_page(result: Simulation, log: Sequence[tuple[int, int | None]], name: str, call: Call) -> Page:
    """Return the page of a simulation: its own run, and what other strategies would do on the same memory."""
    zones = [
        Zone(f"Node {before.node}, zone {before.name}", before.by_order(), after.by_order())
        for before, after in zip(result.before, result.after, strict=True)
    ]
    own = Outcome(
        name, result.outcome.upper() + (f": {result.reason}" if result.reason else ""), result.n, tries_of(log),
        chunks_of(log), zones, result.notes,
    )  # fmt: skip
    page = Page(f"{size_text(result.n)} by {name}", f"{plural(result.n, 'page')}, simulated", [own])
    for title, loop, single in STRATEGIES if result.n <= MOST_PAGES_COMPARED else ():
        asked: list[tuple[int, int | None]] = []
        other = simulate(loop, Call(call.n, call.gfp, single), Machine(result.before), log=asked)
        page.beside.append(Outcome(title, other.outcome, result.n, tries_of(asked), chunks_of(asked)))
    return page


def tries_of(log: Sequence[tuple[int, int | None]]) -> list[Try]:
    """Return logged attempts (order, frame) as they are drawn."""
    return [Try(order, frame is not None) for order, frame in log]


def call_outcome(judged: CallVerdict, number: int) -> Outcome:
    """Return one buffer of a trace as it is drawn."""
    call = judged.call
    attempts = [event for event in call.events if isinstance(event, Attempt)]
    times = call.times if len(call.times) == len(attempts) else [None] * len(attempts)
    tries = [Try(attempt.order, attempt.granted, time) for attempt, time in zip(attempts, times, strict=True)]
    chunks = chunks_of([(attempt.order, attempt.frame) for attempt in attempts])
    claims = [
        (claim.claim, claim.word, f"line {claim.line}: {claim.reason}" if claim.line else claim.reason)
        for claim in judged.claims
    ]
    pages = call.n if call.n is not None else call.granted_pages
    title = f"Buffer {number}, line {call.line}: {what(call)}"
    return Outcome(title, judged.word, pages, tries, chunks, zones_of(judged), judged.reasons, claims)


def zones_of(judged: CallVerdict) -> list[Zone]:
    """Return the free lists before and after a call, where the trace's header has them."""
    try:
        before = read_dump(judged.call.free_before).zones if judged.call.free_before else ()
        after = read_dump(judged.call.free_after).zones if judged.call.free_after else ()
    except BadDump:
        return []
    later = {(zone.node, zone.name): zone.by_order() for zone in after}
    return [
        Zone(f"Node {zone.node}, zone {zone.name}", zone.by_order(), later.get((zone.node, zone.name)))
        for zone in before
    ]


def trace_page(verdict: TraceVerdict, outcomes: Sequence[Outcome]) -> Page:
    """Return the page of a trace."""
    others = f"{plural(verdict.other_requests, 'other request')} kept apart"
    shown = f", the first {len(outcomes)} drawn" if len(outcomes) < verdict.calls else ""
    summary = f"{verdict.word}: {plural(verdict.calls, 'buffer')}{shown}; {others}; {plural(verdict.lines, 'line')}"
    return Page(verdict.name, "; ".join([summary, *verdict.reasons]), list(outcomes))


def write(path: str, page: Page) -> None:
    """Write the page. Raises Usage where that cannot be done."""
    try:
        Path(path).write_text(CONTROL.sub("\ufffd", rendered(page)), encoding="utf-8")
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None
