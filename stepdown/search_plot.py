"""What arrays cost as a drawing: attempts to the right, large blocks upwards, the third measure told in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from xml.etree.ElementTree import SubElement, tostring

from stepdown.search import MEASURES, Result
from stepdown.svg import WIDTH, drawing, label

HEIGHT = 560
LEFT, RIGHT, TOP, BOTTOM = 60, WIDTH - 60, 50, HEIGHT - 70
STYLE = "text{font:13px sans-serif}.front{fill:#000}.beaten{fill:none;stroke:#888}line{stroke:#000}"


def plotted(results: Sequence[Result], best: Sequence[Result]) -> str:
    """Return an SVG file: a ring for each array, a disc with its orders for each of the front, at least one."""
    across, told, up = MEASURES
    spots = {found.costs: found for found in (*results, *best) if found.costs is not None}
    attempts, _, blocks = zip(*spots, strict=True)
    svg = drawing(f"order arrays by {across} and {up}, both the fewer the better", "search", HEIGHT)
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    SubElement(svg, "style").text = STYLE
    for right, high in ((RIGHT, BOTTOM), (LEFT, TOP)):
        SubElement(svg, "line", {"x1": f"{LEFT}", "y1": f"{BOTTOM}", "x2": f"{right}", "y2": f"{high}"})
    label(svg, LEFT, BOTTOM + 22, str(min(attempts)))
    label(svg, RIGHT, BOTTOM + 22, f"{max(attempts)} {across}, logarithmic", "end")
    label(svg, LEFT - 8, BOTTOM, str(min(blocks)), "end")
    label(svg, 8, TOP - 30, f"{max(blocks)} {up}")
    label(svg, LEFT, BOTTOM + 50, f"discs: the front, each with its array and {told}; rings: arrays that others beat")
    chosen = {found.costs for found in best}
    for costs, found in spots.items():
        x = LEFT + (RIGHT - LEFT) * _share(log(costs[0] + 1), [log(number + 1) for number in attempts])
        y = BOTTOM - (BOTTOM - TOP) * _share(costs[2], blocks)
        kind, size = ("front", 5) if costs in chosen else ("beaten", 3)
        spot = SubElement(svg, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{size}", "class": kind})
        orders = ", ".join(map(str, found.orders))
        numbers = ", ".join(f"{cost} {measure}" for cost, measure in zip(costs, MEASURES, strict=True))
        SubElement(spot, "title").text = f"{{{orders}}}: {numbers}"
        if costs in chosen:
            anchor = "start" if x < (LEFT + RIGHT) / 2 else "end"
            label(svg, x, y - 9, f"{{{orders}}} {costs[1]} {told}", anchor)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(svg, encoding="unicode") + "\n"


def _share(value: float, among: Sequence[float]) -> float:
    """Return where ``value`` lies between the least and the most, 0 to 1."""
    return (value - min(among)) / ((max(among) - min(among)) or 1)
