"""What the tests of traces share: the stored traces, a way to judge one, and other dialects to print it in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from stepdown.trace import ALL_CLAIMS, CallVerdict, Known, TraceVerdict, judge_trace

FOLDER = Path(__file__).parent / "data" / "traces"
TRACES = {str(path.relative_to(FOLDER)): path for path in sorted(FOLDER.glob("*/*.trace"))}
K4 = TRACES["arm-6.1/k4k0-1060864.trace"].read_text()
EVENT_LINE = re.compile(
    r"^ *(?P<name>\S+)-(?P<pid>\d+) +\[(?P<cpu>\d+)\] +(?P<time>[\d.]+): (?P<event>\w+): (?P<rest>.*)$"
)


def judged(text: str | Sequence[str], known: Known | None = None) -> tuple[TraceVerdict, list[CallVerdict]]:
    """Return the verdict on a trace and on each of its calls."""
    verdict = TraceVerdict("a trace")
    lines = text.splitlines(keepends=True) if isinstance(text, str) else text
    calls = list(judge_trace(lines, verdict, known or Known(), ALL_CLAIMS))
    return verdict, calls


def only(text: str, known: Known | None = None) -> CallVerdict:
    """Return the verdict on the one call of a trace."""
    (call,) = judged(text, known)[1]
    return call


def broken(call: CallVerdict) -> dict[str, int | None]:
    """Return the claims that a call breaks, and at which line."""
    return {claim.claim: claim.line for claim in call.claims if claim.word == "broken"}


def words(call: CallVerdict) -> dict[str, str]:
    """Return the verdict on each claim."""
    return {claim.claim: claim.word for claim in call.claims}


def reprinted(text: str, form: str) -> str:
    """Return a trace with each event's line in another form: old, tgid, flags, trace-cmd, perf."""
    lines = []
    for line in text.splitlines():
        found = EVENT_LINE.match(line)
        if found is None:
            lines.append(line)
            continue
        name, pid, cpu, time, event, rest = found.groups()
        system = "kmem" if event.startswith("mm_page") else "lab"
        lines.append(
            {
                "old": f"  {name}-{pid}  [{cpu}]  {time}: {event}: {rest}",
                "tgid": f"   {name}-{pid}   (      {pid}) [{cpu}] d..1.  {time}: {event}: {rest}",
                "flags": f"   {name}-{pid}   [{cpu}] .....  {time}: {event}: {rest}",
                "trace-cmd": f"{name}-{pid} [{cpu}] {time}: {event}:        {rest}",
                "perf": f"{name}  {pid} [{cpu}]    {time}:             {system}:{event}: {rest}",
            }[form]
        )
    return "\n".join(lines) + "\n"


def attempt_lines(text: str) -> list[tuple[int, int]]:
    """Return first and one past the last line (from 0) of every request that the loop made, by its return address."""
    found, start = [], 0
    for at, line in enumerate(text.splitlines()):
        if " ap: " in line:
            start = at
        elif " apr: (arm_iommu" in line or " apr: (__iommu_dma" in line:
            found.append((start, at + 1))
    return found
