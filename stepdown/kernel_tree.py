"""What a kernel tree says of itself: its root, and how large a block its allocator can deliver."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

HEADER = Path("include/linux/mmzone.h")
MOST_BYTES = 1 << 20  # of the header
_DEFINED = re.compile(r"^#define (MAX_ORDER|MAX_PAGE_ORDER)\s+(\d+)\b", re.M)
_NR_PAGES = re.compile(r"^#define MAX_ORDER_NR_PAGES\s+\(1 << (\(MAX_ORDER - 1\)|MAX_ORDER)\)", re.M)


def root_of(path: Path) -> Path | None:
    """Return the nearest folder above ``path`` that holds include/linux/mmzone.h."""
    return next((folder for folder in path.resolve().parents if (folder / HEADER).is_file()), None)


@lru_cache(maxsize=8)
def orders_of(root: Path) -> tuple[dict[str, int], str]:
    """Return MAX_ORDER or MAX_PAGE_ORDER as the tree's mmzone.h has it without a configuration, and what it means.

    Before 6.4 MAX_ORDER is one more than the largest order, from 6.4 it is that order, from 6.8 it is MAX_PAGE_ORDER.
    Nothing, where the header does not say.
    """
    try:
        with (root / HEADER).open(encoding="utf-8", errors="replace") as file:
            text = file.read(MOST_BYTES)
    except OSError:
        return {}, ""
    found = {name: int(value) for name, value in _DEFINED.findall(text)}
    if not found:
        return {}, ""
    if "MAX_PAGE_ORDER" in found:
        return found, f"MAX_PAGE_ORDER = {found['MAX_PAGE_ORDER']}, the largest order ({HEADER})"
    meaning = _NR_PAGES.search(text)
    if meaning is None:
        return {}, ""
    exclusive = meaning[1] != "MAX_ORDER"
    return found, f"MAX_ORDER = {found['MAX_ORDER']}, {'above ' if exclusive else ''}the largest order ({HEADER})"
