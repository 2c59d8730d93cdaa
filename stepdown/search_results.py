"""The results of a search in a file that is added to as they come: JSON lines, the first one saying what was asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from stepdown.search import MEASURES, Case, Result

VERSION = 1


def begun(path: Path, cases: Sequence[Case]) -> list[Result]:
    """Return the results in ``path``, which is made where it is not there; a last line that was cut off in mid-write is
    dropped. Raises ValueError for what is not the results of such a search, OSError."""
    header = _header(cases)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    lines = whole.splitlines()
    if text and lines[:1] != [header]:
        raise ValueError(f"{path}:1: expected the results of a search with this memory, these sizes and measures")
    found = [_result(path, at, line) for at, line in enumerate(lines[1:], 2)]
    path.write_text(whole or header + "\n", encoding="utf-8")
    return found


def kept(path: Path, results: Iterable[Result]) -> Iterator[Result]:
    """Yield the results, each when it is in the file."""
    with path.open("a", encoding="utf-8") as file:
        for result in results:
            file.write(json.dumps({"orders": result.orders, "costs": result.costs}) + "\n")
            file.flush()
            yield result


def _header(cases: Sequence[Case]) -> str:
    memory = [sha256(repr(case.zones).encode()).hexdigest()[:16] for case in cases]
    asked = [{"pages": case.n, "memory": digest} for case, digest in zip(cases, memory, strict=True)]
    return json.dumps({"version": VERSION, "command": "search", "measures": list(MEASURES), "cases": asked})


def _result(path: Path, at: int, line: str) -> Result:
    try:
        row = json.loads(line)
        costs = row["costs"]
        return Result(tuple(map(int, row["orders"])), None if costs is None else tuple(map(int, costs)))
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path}:{at}: not a result of a search") from None
