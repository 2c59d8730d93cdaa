"""C's arithmetic on numbers that may be symbols: conversions, overflow, shifts; trouble told apart by its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model.c.line import COMPARISONS, Line
from model.c.types import CInt
from model.c.values import (
    ATTRS_UNIVERSE,
    DMA_ATTRS,
    GFP_UNIVERSE,
    LOSSY,
    OVERFLOW,
    UNDEFINED,
    Bits,
    OrderMask,
    PowerOf,
    Special,
    TopBit,
    Trouble,
    Unknown,
    number,
    usable,
)
from model.kernel import Crash, Unsupported

FLAG_BITS = 32  # of a type that holds every flag


def wrapped(value: Any, kind: CInt) -> Any:
    """Return the number of the type that equals ``value`` modulo 2^bits; of bool, whether it is not 0."""
    if kind.bits == 1:
        return 1 if value != 0 else 0
    low = kind.low
    if value >= low and value <= kind.high:
        return value
    return (value - low) % (1 << kind.bits) + low


def convert(value: Any, source: CInt, to: CInt, where: str, quiet: bool = False) -> Any:
    """Return ``value`` of type ``source`` in the type ``to``: Trouble where it does not fit, unless ``quiet``."""
    if isinstance(value, Special):
        if isinstance(value, TopBit | PowerOf) and not (to.low <= source.low and source.high <= to.high):
            return convert(value.number(), source, to, where, quiet)
        if isinstance(value, Bits) and to.bits < FLAG_BITS:
            raise Unsupported(where, f"flags converted to {to}")
        if isinstance(value, OrderMask) and to.bits == 1:
            return 1 if value.above(0) else 0
        return value
    if to.bits == 1:
        return 1 if value != 0 else 0
    low, high = to.low, to.high
    if low <= source.low and source.high <= high:
        return value
    below = source.low < low and value < low
    if below or (source.high > high and value > high):
        if quiet:
            return wrapped(value, to)
        return Trouble(LOSSY, f"{where}: a value is lost from {source} to {to}")
    return value


def fit(value: Any, kind: CInt, where: str) -> Any:
    """Return the result of signed or unsigned arithmetic in its type; signed overflow is trouble at once."""
    if not kind.signed:
        return wrapped(value, kind)
    if value < kind.low or value > kind.high:
        raise Crash(OVERFLOW, f"{where}: {kind} overflows, and wraps as the kernel is built")
    return value


def add(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one + other."""
    return fit(plus(one, other), kind, where)


def subtract(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one - other."""
    return fit(plus(one, -other), kind, where)


def plus(one: Any, other: Any) -> Any:
    """Return the sum; the line of a fill loop goes first, since a symbol does not know it."""
    return other + one if isinstance(other, Line) else one + other


def multiply(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one * other; an unsigned product that wraps is trouble where it is used."""
    product = one * other
    if not kind.signed and product > kind.high:
        return Trouble(OVERFLOW, f"{where}: a product wraps in {kind}")
    return fit(product, kind, where)


def divide(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one / other, rounded towards 0."""
    _check_divisor(one, other, kind, where)
    quotient = abs_number(one) // abs_number(other)
    return quotient if (one >= 0) == (other >= 0) else -quotient


def remainder(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one % other: it has the sign of ``one``."""
    _check_divisor(one, other, kind, where)
    rest = abs_number(one) % abs_number(other)
    return rest if one >= 0 else -rest


def abs_number(value: Any) -> Any:
    """Return the absolute value; abs() of a symbol is a misuse."""
    return value if value >= 0 else -value


def _check_divisor(one: Any, other: Any, kind: CInt, where: str) -> None:
    if other == 0:
        raise Crash(UNDEFINED, f"{where}: a division by 0")
    if kind.signed and other == -1 and one == kind.low:
        raise Crash(UNDEFINED, f"{where}: the smallest {kind} is divided by -1")


def shift_left(one: Any, by: Any, kind: CInt, where: str) -> Any:
    """Return one << by."""
    if isinstance(by, TopBit) and one in (1, 2) and not kind.signed:
        if by.of.bit_length() > kind.bits:
            raise Crash(UNDEFINED, f"{where}: a shift by {kind.bits} or more")
        return PowerOf(by, one - 1, 0, kind.bits)
    by = _shift_count(by, kind, where)
    if kind.signed and one < 0:
        raise Crash(UNDEFINED, f"{where}: a negative number is shifted left")
    return fit(one << by, kind, where)


def shift_right(one: Any, by: Any, kind: CInt, where: str) -> Any:
    """Return one >> by; of a negative number the sign is kept, as gcc does."""
    return one >> _shift_count(by, kind, where)


def _shift_count(by: Any, kind: CInt, where: str) -> Any:
    by = number(by, where)
    if by < 0 or by >= kind.bits:
        raise Crash(UNDEFINED, f"{where}: a shift by less than 0, or by {kind.bits} or more")
    return by


def bit_and(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one & other."""
    return one & other


def bit_or(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one | other."""
    return one | other


def bit_xor(one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return one ^ other."""
    return one ^ other


Operation = Callable[[Any, Any, CInt, str], Any]
OPERATIONS: dict[str, Operation] = {
    "+": add, "-": subtract, "*": multiply, "/": divide, "%": remainder, "<<": shift_left, ">>": shift_right,
    "&": bit_and, "|": bit_or, "^": bit_xor,
}  # fmt: skip


def special_binary(sign: str, one: Any, other: Any, kind: CInt, where: str) -> Any:
    """Return the result of an operation of which one operand or both are not plain numbers."""
    for value in (one, other):
        if isinstance(value, Trouble):
            return value
    for value in (one, other):
        if isinstance(value, Unknown):
            raise Unsupported(where, f"{value.name}, of which a call says nothing")
    for mask, kept in ((one, other), (other, one)):
        if sign == "&" and isinstance(mask, OrderMask):
            return mask.only(kept)
    if isinstance(one, Bits) or isinstance(other, Bits):
        return _bits(sign, _as_bits(one, where), _as_bits(other, where), where)
    if sign in ("<<", ">>") and not isinstance(one, Special):
        return OPERATIONS[sign](one, other, kind, where)
    if sign == "-" and isinstance(one, PowerOf) and not one.minus and not isinstance(other, Special) and other == 1:
        return replace(one, minus=1)
    if sign == "&":
        for mask, kept in ((one, other), (other, one)):
            if isinstance(mask, PowerOf) and mask.minus and not isinstance(kept, Special):
                return masked(kept, mask)
    return OPERATIONS[sign](number(one, where), number(other, where), kind, where)


def masked(value: Any, mask: PowerOf) -> Any:
    """Return the bits of ``value`` that the mask holds, of which it asks only those that are set."""
    index = value.__index__()
    kept = 0
    for bit in range(index.bit_length()):
        if index >> bit & 1:
            if not mask.keeps(bit):
                break
            kept |= 1 << bit
    return kept


def _as_bits(value: Any, where: str) -> Bits:
    if isinstance(value, Bits):
        return value
    if isinstance(value, Special) or value != 0:
        raise Unsupported(where, "flags joined with a number")
    return Bits()


def _bits(sign: str, one: Bits, other: Bits, where: str) -> Bits:
    if sign == "|":
        return one.union(other)
    if sign == "&":
        return one.intersection(other)
    raise Unsupported(where, f"{sign} on flags")


def special_compare(sign: str, one: Any, other: Any, where: str) -> Any:
    """Return a comparison of which one side or both are not plain numbers."""
    one, other = usable(one), usable(other)
    if isinstance(one, OrderMask) and not isinstance(other, Special):
        if sign in ("==", "!=") and other == 0:
            return (sign == "!=") == one.above(0)
        if sign == ">":
            return one.above(other.__index__())
        raise Unsupported(where, f"a mask of orders: {sign}")
    if isinstance(one, Bits) and not isinstance(other, Special) and sign in ("==", "!=") and other == 0:
        raise Unsupported(where, "flags compared with 0: write them as a condition")
    if isinstance(one, TopBit) and not isinstance(other, Special):
        return COMPARISONS[sign](one.of.bit_length(), other + 1)
    if isinstance(other, TopBit) and not isinstance(one, Special):
        flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
        return COMPARISONS[flipped](other.of.bit_length(), one + 1)
    return COMPARISONS[sign](number(one, where), number(other, where))


def complement(value: Any, kind: CInt, where: str) -> Any:
    """Return ~value."""
    if isinstance(value, Trouble):
        return value
    if isinstance(value, Bits):
        return value.complement(ATTRS_UNIVERSE if value.on & DMA_ATTRS else GFP_UNIVERSE)
    return wrapped(~number(value, where), kind)
