"""One page with a simulation or a trace in pictures: no network, no script, light or dark as the reader has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, tostring

from stepdown import __version__
from stepdown.picture import size_text
from stepdown.svg import Chunk, Try, attempts_chart, frames_map, free_chart, slots_map

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --even: #9ab; --odd: #cde; --line: #666; --bad: #a00 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eee; --paper: #16181a; --even: #567; --odd: #89a; --line: #999; --bad: #f77 } }
body { color: var(--ink); background: var(--paper); font: 16px/1.45 system-ui, sans-serif;
  max-width: 62rem; margin: 1rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 }
th, td { border: 1px solid var(--line); padding: .15rem .6rem; text-align: left }
td.number { text-align: right }
svg { width: 100%; height: auto; display: block }
svg text { fill: var(--ink); font-size: 13px }
.even { fill: var(--even) } .odd { fill: var(--odd) } .chunk { stroke: var(--paper); stroke-width: .5 }
.chunk.narrow { stroke: none }
.frame { fill: none; stroke: var(--line) } .granted { fill: var(--ink) }
.refused { stroke: var(--bad); stroke-width: 3; fill: none }
.before { fill: var(--even) } .after { fill: var(--paper); stroke: var(--ink) }
.verdict { font-size: 1.3rem; font-weight: bold }
"""


@dataclass(frozen=True)
class Zone:
    """A zone's free blocks by order, before and after."""

    name: str
    before: Sequence[int]
    after: Sequence[int] | None


@dataclass(frozen=True)
class Outcome:
    """One strategy's outcome on one state of memory, or one buffer of a trace."""

    title: str
    verdict: str
    pages: int
    tries: Sequence[Try]
    chunks: Sequence[Chunk]
    zones: Sequence[Zone] = ()
    notes: Sequence[str] = ()
    claims: Sequence[tuple[str, str, str]] = ()  # claim, verdict, reason


@dataclass
class Page:
    """What a page shows."""

    title: str
    summary: str
    outcomes: list[Outcome] = field(default_factory=list)
    beside: list[Outcome] = field(default_factory=list)  # strategies to compare, a line and a small map each


def chunks_of(tries: Sequence[tuple[int, int | None]]) -> list[Chunk]:
    """Return the chunks that the granted attempts (order, frame) make, slot after slot."""
    chunks, slot = [], 0
    for order, frame in tries:
        if frame is not None:
            chunks.append(Chunk(slot, order, frame))
            slot += 1 << order
    return chunks


def rendered(page: Page) -> str:
    """Return the page as HTML."""
    root = Element("html", {"lang": "en"})
    head, body = SubElement(root, "head"), SubElement(root, "body")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    SubElement(head, "title").text = f"stepdown: {page.title}"
    SubElement(head, "style").text = STYLE
    SubElement(body, "h1").text = page.title
    paragraph(body, page.summary, "summary")
    if page.beside:
        side_by_side(body, page.beside)
    for number, outcome in enumerate(page.outcomes, 1):
        section(body, outcome, number)
    paragraph(body, f"stepdown {__version__}", "made-by")
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def section(body: Element, outcome: Outcome, number: int) -> None:
    """Add one outcome in full."""
    part = SubElement(body, "section", {"id": f"buffer-{number}"})
    SubElement(part, "h2").text = outcome.title
    paragraph(part, outcome.verdict, "verdict")
    for note in outcome.notes:
        paragraph(part, note, "note")
    if outcome.tries:
        attempts_table(part, outcome.tries)
        SubElement(part, "h3").text = "Attempts: bars were granted, crosses refused"
        part.append(attempts_chart(outcome.tries))
    if outcome.chunks:
        SubElement(part, "h3").text = "Buffer: the higher a box, the larger its block"
        part.append(slots_map(outcome.chunks, outcome.pages))
        SubElement(part, "h3").text = "Physical memory: slots from left to right, frames from bottom to top"
        part.append(frames_map(outcome.chunks, outcome.pages))
    for zone in outcome.zones:
        SubElement(part, "h3").text = f"Free lists: {zone.name}"
        part.append(free_chart(zone.name, zone.before, zone.after))
    if outcome.claims:
        SubElement(part, "h3").text = "Claims"
        table(part, ("claim", "verdict", ""), outcome.claims, "claims")


def attempts_table(part: Element, tries: Sequence[Try]) -> None:
    """Add the attempts by order, in numbers."""
    counts = Counter((attempt.order, attempt.granted) for attempt in tries)
    orders = sorted({attempt.order for attempt in tries}, reverse=True)
    rows = [
        (str(order), size_text(1 << order), str(counts[order, True]), str(counts[order, False])) for order in orders
    ]
    table(part, ("order", "block", "granted", "refused"), rows, "counts")


def side_by_side(body: Element, outcomes: Sequence[Outcome]) -> None:
    """Add what several strategies do on the same memory: a table, and a map of each buffer."""
    part = SubElement(body, "section", {"id": "strategies"})
    SubElement(part, "h2").text = "Strategies side by side"
    rows = [
        (
            outcome.title,
            outcome.verdict,
            str(len(outcome.tries)),
            str(sum(not attempt.granted for attempt in outcome.tries)),
            str(len(outcome.chunks)),
        )
        for outcome in outcomes
    ]
    table(part, ("strategy", "outcome", "attempts", "refused", "chunks"), rows, "strategies")
    for outcome in outcomes:
        SubElement(part, "h3").text = outcome.title
        part.append(slots_map(outcome.chunks, outcome.pages))


def table(part: Element, head: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> None:
    """Add a table; columns of numbers are set to the right."""
    element = SubElement(part, "table", {"class": kind})
    top = SubElement(SubElement(element, "thead"), "tr")
    for word in head:
        SubElement(top, "th").text = word
    body = SubElement(element, "tbody")
    for row in rows:
        line = SubElement(body, "tr")
        for cell in row:
            SubElement(line, "td", {"class": "number"} if cell.isdigit() else {}).text = cell


def paragraph(part: Element, text: str, kind: str) -> None:
    """Add a paragraph."""
    SubElement(part, "p", {"class": kind}).text = text
