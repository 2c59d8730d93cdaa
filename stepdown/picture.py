"""A simulation as text for a terminal: what was asked, the buffer's chunks over its slots, the free lists."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, zip_longest

from model.buddy import USABLE, ZoneState
from model.gfp import Gfp
from model.machine import zones_tried
from stepdown.simulate import PAGE_SIZE, Chunks, Simulation, usable_pages

SHADES = {False: "█▒·░", True: "#=.-"}  # by whether only ASCII may be written: even chunk, odd chunk, small ones, taken
COLOURS = ("36", "34", "32", "33", "35", "31")  # ANSI, by order from 0 on, used again from the start
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"  # an order in one character
LABEL = 8  # columns before a picture


def render_text(simulation: Simulation, width: int = 80, color: bool = False, ascii_only: bool = False) -> str:
    """Return the simulation in lines of at most ``width`` columns, notes aside; nothing is said by colour alone."""
    parts = [
        verdict(simulation),
        attempts_table(simulation),
        buffer_map(simulation, max(1, width - LABEL), color, ascii_only),
        free_lists(simulation, width, ascii_only),
        [f"note: {note}" for note in simulation.notes],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def verdict(simulation: Simulation) -> list[str]:
    """Return the outcome in one line, and its reason in another where there is one."""
    asked = sum(attempts.granted + attempts.refused for attempts in simulation.attempts)
    refused = sum(attempts.refused for attempts in simulation.attempts)
    chunks = sum(chunk.number for chunk in simulation.chunks)
    what = f"{size_text(simulation.n)} ({simulation.n} pages)"
    parts = (plural(asked, "attempt"), f"{refused} refused", plural(chunks, "chunk"), plural(simulation.turns, "turn"))
    lines = [f"{simulation.outcome.upper()}  {what}: {', '.join(parts)}"]
    if simulation.ok and not simulation.n:
        lines.append("an empty buffer counts as success")
    if simulation.reason:
        lines.append(f"{simulation.reason}; {plural(simulation.freed_pages, 'page')} given back")
    return lines


def attempts_table(simulation: Simulation) -> list[str]:
    """Return a line for each order that was asked for."""
    if not simulation.attempts:
        return []
    rows = [
        f"{attempts.order:>5}  {size_text(1 << attempts.order):>8}  {attempts.granted + attempts.refused:>9}"
        f"  {attempts.granted:>9}  {attempts.refused:>9}"
        for attempts in simulation.attempts
    ]
    return [f"{'order':>5}  {'block':>8}  {'attempts':>9}  {'granted':>9}  {'refused':>9}", *rows]


def buffer_map(simulation: Simulation, width: int, color: bool, ascii_only: bool) -> list[str]:
    """Return the buffer from its first slot to its last: a shade that changes from chunk to chunk, and below it the
    order of the chunk that the column begins in. A column is a power of two of slots, as the chunks are."""
    ends = list(accumulate(chunk.number << chunk.order for chunk in simulation.chunks))
    if not ends:
        return []
    filled = min(ends[-1], simulation.n)
    step = 1 << (-(-simulation.n // width) - 1).bit_length()
    shades, digits = [], []
    for first in range(0, filled, step):
        chunk, which, left = chunk_at(simulation.chunks, ends, first)
        is_one_chunk = left >= min(step, filled - first)
        shade = SHADES[ascii_only][which % 2 if is_one_chunk else 2]
        shades.append(f"\x1b[{COLOURS[chunk.order % len(COLOURS)]}m{shade}\x1b[0m" if color else shade)
        digits.append(DIGITS[chunk.order] if chunk.order < len(DIGITS) else "+")
    scale = f"slots 0 to {simulation.n - 1}, {step} a column; {SHADES[ascii_only][2]} is several chunks"
    stopped = f"; stops at {filled}" if filled < simulation.n else ""
    return [
        "buffer".ljust(LABEL) + "".join(shades),
        "order".ljust(LABEL) + "".join(digits),
        " " * LABEL + scale + stopped,
    ]


def chunk_at(chunks: tuple[Chunks, ...], ends: list[int], slot: int) -> tuple[Chunks, int, int]:
    """Return the chunks that ``slot`` is in, the how-manieth of them it is in, and the slots left from there on."""
    at = bisect_right(ends, slot)
    chunk = chunks[at]
    into = slot - (ends[at] - (chunk.number << chunk.order))
    return chunk, into >> chunk.order, (1 << chunk.order) - into % (1 << chunk.order)


def free_lists(simulation: Simulation, width: int, ascii_only: bool) -> list[str]:
    """Return the free blocks before and after: a bar for each order of a zone that changed, one line for the rest."""
    lines = ["free blocks before and after"]
    solid, taken = SHADES[ascii_only][0], SHADES[ascii_only][3]
    for before, after in zip(simulation.before, simulation.after, strict=True):
        name = f"Node {before.node}, zone {before.name}"
        lines += serving(before, name) if usable_pages(before) < before.total_pages() else []
        if before == after:
            lines += [f"  {name}, unchanged: {' '.join(map(str, before.by_order()))}"]
            continue
        lines += [f"  {name}: {size_text(before.total_pages())} free before, {size_text(after.total_pages())} after"]
        lines += [f"  {'order':>5}  {'before':>10}  {'after':>10}  {unusable_title(before)}".rstrip()]
        pairs = list(zip_longest(before.by_order(), after.by_order(), fillvalue=0))
        most = max(max(pair) << order for order, pair in enumerate(pairs))
        room = max(1, width - len(lines[-1]) - 14)
        for order, (was, now) in enumerate(pairs):
            kept, gone, new = (
                -(-(blocks << order) * room // most) for blocks in (min(was, now), max(was - now, 0), max(now - was, 0))
            )
            unusable = f"{unusable_blocks(before)[order]:>8}  " if unusable_title(before) else ""
            bar = solid * kept + taken * gone + "+" * new
            lines += [f"  {order:>5}  {was:>10}  {now:>10}  {unusable}{bar}".rstrip()]
        lines += [f"  bars in pages: {solid} left, {taken} taken, + new from splits and merges"]
    return lines


def serving(state: ZoneState, name: str) -> list[str]:
    """Return what of a zone's free memory can serve the loop, and why the rest cannot."""
    other = state.total_pages() - state.total_pages(USABLE)
    why = [f"{size_text(other)} CMA, high-atomic or isolated"] if other else []
    kept_back = min(state.min_pages + state.reserve_pages, state.total_pages(USABLE))
    why += [f"{size_text(kept_back)} kept back by the min watermark and lowmem_reserve"] if kept_back else []
    if state.name not in zones_tried(Gfp(highmem=True)):
        why = [f"unmovable requests do not use zone {state.name}"]
    return [
        f"  {name}: {size_text(usable_pages(state))} of {size_text(state.total_pages())} free can serve "
        f"({'; '.join(why)})"
    ]


def unusable_blocks(state: ZoneState) -> tuple[int, ...]:
    """Return the blocks of ``state`` that cannot serve the loop, by order."""
    return tuple(count - usable for count, usable in zip(state.by_order(), state.by_order(USABLE), strict=True))


def unusable_title(state: ZoneState) -> str:
    """Return the heading of the column of CMA, high-atomic and isolated blocks, nothing where there are none."""
    return "unusable" if any(unusable_blocks(state)) else ""


def size_text(pages: int) -> str:
    """Return a number of pages as bytes, in the largest unit that leaves it whole or with one decimal."""
    size, units = pages * PAGE_SIZE, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    at = min(len(units) - 1, max(0, (size.bit_length() - 1) // 10))
    value = f"{size / (1 << 10 * at):.1f}".removesuffix(".0")
    return f"{value} {units[at]}"


def plural(number: int, noun: str) -> str:
    """Return "1 chunk", "2 chunks"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
