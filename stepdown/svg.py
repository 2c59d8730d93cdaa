"""Drawings of a buffer and of free memory as SVG: what differs is said by height, sign or word, never by colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

WIDTH = 960
MOST_SHAPES = 1500  # of one drawing: more slots, frames or attempts share a shape
LEFT = 60


@dataclass(frozen=True)
class Chunk:
    """A block of the buffer: its first slot, order, and first frame where that is known."""

    slot: int
    order: int
    frame: int | None


@dataclass(frozen=True)
class Try:
    """One attempt: its order, whether it was granted, and when, where that is known."""

    order: int
    granted: bool
    time: float | None = None


def drawing(title: str, kind: str, height: int) -> Element:
    """Return an empty drawing with a title that a screen reader reads."""
    svg = Element("svg", {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "class": kind, "aria-label": title})
    SubElement(svg, "title").text = title
    return svg


def label(svg: Element, x: float, y: float, text: str, anchor: str = "start") -> None:
    """Write a word."""
    SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}).text = text


def box(svg: Element, x: float, y: float, width: float, height: float, kind: str, tip: str) -> None:
    """Draw a rectangle that says what it is when pointed at."""
    places = {"x": f"{x:.2f}", "y": f"{y:.2f}", "width": f"{max(width, 0.4):.2f}", "height": f"{max(height, 0.4):.2f}"}
    SubElement(SubElement(svg, "rect", {**places, "class": kind}), "title").text = tip


def merged(chunks: Sequence[Chunk]) -> list[tuple[Chunk, int, int]]:
    """Return the chunks with how many pages and blocks each stands for: neighbours of one order share a shape where
    there are too many."""
    share = -(-len(chunks) // MOST_SHAPES)
    groups: list[tuple[Chunk, int, int]] = []
    for chunk in chunks:
        last = groups[-1] if groups else None
        if last is not None and share > 1 and last[0].order == chunk.order and last[2] < share:
            groups[-1] = (last[0], last[1] + (1 << chunk.order), last[2] + 1)
        else:
            groups.append((chunk, 1 << chunk.order, 1))
    return groups


def slots_map(chunks: Sequence[Chunk], pages: int) -> Element:
    """Return the buffer from its first slot to its last: a box for each chunk, the higher the larger its order."""
    svg = drawing("the buffer's chunks over its slots; the higher a box, the larger its block", "slots", 190)
    scale, top = (WIDTH - LEFT - 10) / max(1, pages), max((chunk.order for chunk in chunks), default=0)
    seen: set[int] = set()
    for number, (chunk, length, blocks) in enumerate(merged(chunks)):
        height = 12 + 108 * chunk.order / max(1, top)
        x, width = LEFT + chunk.slot * scale, length * scale
        what = f"slots {chunk.slot} to {chunk.slot + length - 1}: " + (f"{blocks} blocks of " if blocks > 1 else "")
        kind = f"chunk {'odd' if number % 2 else 'even'}" + (" narrow" if width < 4 else "")
        box(svg, x, 150 - height, width, height, kind, f"{what}order {chunk.order}")
        if width >= 14 or chunk.order not in seen:
            label(svg, x + width / 2, 146 - height, str(chunk.order), "middle")
            seen.add(chunk.order)
    label(svg, 4, 146, "order")
    label(svg, LEFT, 170, "slot 0")
    label(svg, WIDTH - 10, 170, f"slot {max(0, pages - 1)}", "end")
    return svg


def frames_map(chunks: Sequence[Chunk], pages: int) -> Element:
    """Return where the chunks lie in physical memory: slots from left to right, frames from bottom to top."""
    placed = [chunk for chunk in chunks if chunk.frame is not None]
    svg = drawing("slots from left to right, physical frames from bottom to top", "frames", 260)
    low = min((chunk.frame or 0 for chunk in placed), default=0)
    high = max(((chunk.frame or 0) + (1 << chunk.order) for chunk in placed), default=1)
    across, up = (WIDTH - LEFT - 10) / max(1, pages), 210 / max(1, high - low)
    box(svg, LEFT, 10, WIDTH - LEFT - 10, 210, "frame", "physical memory between the lowest and the highest frame")
    share = -(-len(placed) // MOST_SHAPES)
    for at, chunk in enumerate(placed):
        if share > 1 and at % share and chunk.order == 0:
            continue  # too many single pages: every so manieth is drawn
        assert chunk.frame is not None
        length = 1 << chunk.order
        y, tip = (
            220 - (chunk.frame - low + length) * up,
            f"slot {chunk.slot}: frame {chunk.frame:#x}, order {chunk.order}",
        )
        box(svg, LEFT + chunk.slot * across, y, max(2, length * across), max(2, length * up), "chunk even", tip)
    label(svg, 4, 20, f"{high - 1:#x}")
    label(svg, 4, 220, f"{low:#x}")
    label(svg, LEFT, 242, "slot 0")
    said = f"; of single pages one in {share} is drawn" if share > 1 else ""
    label(svg, WIDTH - 10, 242, f"slot {max(0, pages - 1)}{said}", "end")
    return svg


def attempts_chart(tries: Sequence[Try]) -> Element:
    """Return the attempts in their order, over time where times are known: a bar is granted, a cross is refused."""
    timed = [attempt.time for attempt in tries if attempt.time is not None]
    by_time = len(timed) == len(tries) > 1 and timed[-1] > timed[0]
    svg = drawing("attempts over time: bars were granted, crosses were refused", "attempts", 190)
    orders = sorted({attempt.order for attempt in tries})
    levels = {order: 140 - 115 * at / max(1, len(orders) - 1) for at, order in enumerate(orders)}
    width = WIDTH - LEFT - 20
    share = -(-len(tries) // MOST_SHAPES)
    marked = set()
    for at, attempt in enumerate(tries):
        if attempt.granted and share > 1 and at % share:
            continue
        part = (attempt.time - timed[0]) / (timed[-1] - timed[0]) if by_time and attempt.time is not None else None
        x = LEFT + 5 + width * (part if part is not None else at / max(1, len(tries) - 1))
        y = levels[attempt.order]
        tip = f"attempt {at + 1}: order {attempt.order}, {'granted' if attempt.granted else 'refused'}"
        if attempt.granted:
            box(svg, x - 1, y - 6, 2, 12, "granted", tip)
        else:
            cross = SubElement(svg, "path", {"class": "refused", "d": f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"})
            SubElement(cross, "title").text = tip
        if attempt.order not in marked:
            label(svg, 4, y + 4, f"order {attempt.order}")
            marked.add(attempt.order)
    label(svg, LEFT, 175, "first")
    ends = f"{(timed[-1] - timed[0]) * 1e3:.3f} ms later" if by_time else f"attempt {len(tries)}"
    label(svg, WIDTH - 10, 175, ends + (f"; of those granted one in {share} is drawn" if share > 1 else ""), "end")
    return svg


def free_chart(name: str, before: Sequence[int], after: Sequence[int] | None) -> Element:
    """Return a zone's free blocks by order, in pages: the upper bar before the request, the lower one after it."""
    svg = drawing(f"free blocks of {name} by order, before and after, in pages", "free", 24 * len(before) + 32)
    most = max([1, *(count << order for lists in (before, after or ()) for order, count in enumerate(lists))])
    room = WIDTH - 330
    for order, was in enumerate(before):
        now = after[order] if after is not None and order < len(after) else None
        y = 8 + 24 * order
        label(svg, 4, y + 13, f"order {order}")
        label(svg, LEFT + 20, y + 13, f"{was}" + ("" if now is None or now == was else f" then {now}"))
        box(svg, 230, y, room * (was << order) / most, 8, "before", f"before: {was} blocks of order {order}")
        if now is not None:
            box(svg, 230, y + 9, room * (now << order) / most, 8, "after", f"after: {now} blocks of order {order}")
    label(svg, 230, 24 * len(before) + 22, "filled: before; outlined: after; in pages")
    return svg
