"""Pointers while a function runs: to a page, a frame or NULL, and into the page array, a buffer and a slot."""

from __future__ import annotations

from typing import Any

from model.c import arith
from model.c.values import UNDEFINED, Buffer, SlotPointer, Special, usable
from model.kernel import Crash, Unsupported


def moved(pointer: Any, by: Any, where: str) -> Any:
    """Return ``pointer + by``: to a page, or into the page array."""
    if isinstance(pointer, Special):
        usable(pointer)
        if isinstance(pointer, Buffer):
            return SlotPointer(pointer, by)
        if isinstance(pointer, SlotPointer):
            return SlotPointer(pointer.buffer, arith.plus(pointer.slot, by))
        raise Unsupported(where, f"arithmetic on {pointer}")
    if pointer is None:
        raise Crash(UNDEFINED, f"{where}: arithmetic on NULL, a failed allocation")
    return arith.plus(pointer, by)


def slot_of(pointer: Any, where: str) -> tuple[Buffer, Any]:
    """Return the page array and the slot that a pointer into it means."""
    pointer = usable(pointer)
    if isinstance(pointer, Buffer):
        return pointer, 0
    if isinstance(pointer, SlotPointer):
        return pointer.buffer, pointer.slot
    if pointer is None:
        raise Crash(UNDEFINED, f"{where}: NULL is used as the page array")
    raise Unsupported(where, "a pointer that does not point into the page array")


def page_of(pointer: Any, where: str) -> Any:
    """Return the frame of a page that is used: not of NULL."""
    pointer = usable(pointer)
    if pointer is None:
        raise Crash(UNDEFINED, f"{where}: NULL is used as a page, a failed allocation")
    if isinstance(pointer, Special):
        raise Unsupported(where, f"{pointer} is used as a page")
    return pointer
