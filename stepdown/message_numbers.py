"""The numbers in a commit message: which of them come out of the loops, which do not, and which nobody can check.

Recognised are sums written as Python, sizes in bytes with their pages, and numbers of calls. What a message writes as
code is not run: a sum is read by a small calculator of its own.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PAGE_SIZE = 4096
MOST_TERMS = 1 << 20  # of a sum
MOST_NUMBERS = 40  # of one message
REPRODUCED, REFUTED, NOT_CHECKABLE = "reproduced", "refuted", "not checkable"

SUM = re.compile(r"\bsum\(.{1,200}\)")
RESULT = re.compile(r"(?:=>|==?|is)\s*\(?(\d[\d,]{0,15})")
BYTES = re.compile(r"\b(\d[\d,]{0,15})(?: ?(bytes|KiB|KB|K|MiB|MB|M|GiB|GB|G)\b)")
PAGES = re.compile(r"\b(\d[\d,]{0,12}) pages?\b")
CALLS = re.compile(r"\b(\d[\d,]{0,12}) (?:\w+ ){0,2}?(?:calls?|attempts?|allocations?|requests?)\b", re.IGNORECASE)
TIME = re.compile(r"\b(\d[\d,.]{0,12}) ?(?:seconds|secs|sec|ms|us|s|milliseconds|minutes)\b")
UNITS = {"K": 10, "M": 20, "G": 30}


@dataclass(frozen=True)
class Number:
    """A quantity of the message: as it is written, what became of it, and why."""

    text: str
    word: str
    reason: str


def numbers(message: str, costs: Mapping[str, Mapping[int, int]]) -> list[Number]:
    """Return the quantities of a message. ``costs`` are the loops' own numbers by what they are, for sizes in pages."""
    found = dict.fromkeys(_numbers(message, costs))
    return list(found)[:MOST_NUMBERS]


def sizes(message: str) -> list[int]:
    """Return the sizes in pages that the message speaks of."""
    told = [_int(found[1]) for found in PAGES.finditer(message)]
    told += [_bytes(found) // PAGE_SIZE for found in BYTES.finditer(message) if _bytes(found) % PAGE_SIZE == 0]
    return sorted({n for n in told if 0 < n <= 1 << 20})


def _numbers(message: str, costs: Mapping[str, Mapping[int, int]]) -> Iterator[Number]:
    text = re.sub(r"\s*\n(?![ \t]*\n)\s*", " ", message)  # a sentence goes over lines
    for found in SUM.finditer(text):
        yield from _sum(found[0], text[found.end() :], costs)
    for found in BYTES.finditer(text):
        pages = PAGES.match(text[found.end() :].lstrip(" ("))
        size = _bytes(found)
        if pages is not None:
            yield _agrees(f"{found[0]} ({pages[0]})", size // PAGE_SIZE, _int(pages[1]), f"{size} bytes are {{}} pages")
    for found in CALLS.finditer(text):
        yield _calls(found[0], _int(found[1]), costs)
    for found in TIME.finditer(text):
        yield Number(found[0], NOT_CHECKABLE, "nothing here measures time")


def _sum(text: str, after: str, costs: Mapping[str, Mapping[int, int]]) -> Iterator[Number]:
    expression = _balanced(text)
    told = (
        RESULT.match(after.lstrip()) if expression == text else RESULT.match((text[len(expression) :] + after).lstrip())
    )
    try:
        value = calculated(expression)
    except (ValueError, SyntaxError, RecursionError) as why:
        yield Number(expression, NOT_CHECKABLE, f"not a sum that is read here: {why}")
        return
    if told is not None:
        yield _agrees(f"{expression} => {told[1]}", value, _int(told[1]), "the sum is {}")
        yield _calls(told[1], _int(told[1]), costs)
    else:
        yield Number(expression, REPRODUCED, f"the sum is {value}")


def _balanced(text: str) -> str:
    """Return the begin of ``text`` up to where its first parenthesis closes."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == ")" and not depth:
            return text[: at + 1]
    return text


def _agrees(text: str, value: int, told: int, sentence: str) -> Number:
    return Number(text, REPRODUCED if value == told else REFUTED, sentence.format(value))


def _calls(text: str, told: int, costs: Mapping[str, Mapping[int, int]]) -> Number:
    for what, by_size in costs.items():
        for n, cost in by_size.items():
            if cost == told:
                return Number(text, REPRODUCED, f"{what} for {n} pages")
    known = "; ".join(f"{what} for {n} pages: {cost}" for what, by_size in costs.items() for n, cost in by_size.items())
    return Number(text, NOT_CHECKABLE, f"none of what is known here: {known}" if known else "no size is told")


def _bytes(found: re.Match[str]) -> int:
    unit = found[2][0] if found[2] != "bytes" else ""
    return _int(found[1]) << UNITS.get(unit.upper(), 0)


def _int(text: str) -> int:
    return int(text.replace(",", "") or "0")


# -- a calculator for sums: numbers, one loop variable, + - * / // % **, int, len of nothing else


def calculated(expression: str) -> int:
    """Return the value of "sum(f(i) for i in range(a, b))". Raises ValueError for anything else, SyntaxError."""
    tree = ast.parse(expression.strip(), mode="eval").body
    if not (isinstance(tree, ast.Call) and _name(tree.func) == "sum" and len(tree.args) == 1 and not tree.keywords):
        raise ValueError("expected sum(... for i in range(...))")
    generator = tree.args[0]
    if not isinstance(generator, ast.GeneratorExp | ast.ListComp) or len(generator.generators) != 1:
        raise ValueError("expected one loop over a range")
    loop = generator.generators[0]
    if not isinstance(loop.target, ast.Name) or loop.ifs:
        raise ValueError("expected one loop variable and no condition")
    values = _range(loop.iter)
    return int(sum(_value(generator.elt, {loop.target.id: value}) for value in values))


def _range(node: ast.expr) -> Iterable[int]:
    if not (isinstance(node, ast.Call) and _name(node.func) in ("range", "xrange") and 1 <= len(node.args) <= 3):
        raise ValueError("expected a range")
    ends = [int(_value(argument, {})) for argument in node.args]
    found = range(*ends)
    if len(found) > MOST_TERMS:
        raise ValueError(f"more than {MOST_TERMS} terms")
    return found


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


BINARY: dict[type[ast.operator], Any] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.FloorDiv: lambda a, b: a // b, ast.Mod: lambda a, b: a % b,
}  # fmt: skip
CALLED: dict[str, Any] = {"int": int, "log": math.log, "log2": math.log2, "floor": math.floor, "ceil": math.ceil}
LARGEST = 1e15


def _value(node: ast.expr, names: Mapping[str, int]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        found: float = node.value
    elif isinstance(node, ast.Name) and node.id in names:
        found = names[node.id]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        found = -_value(node.operand, names)
    elif isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        try:
            found = BINARY[type(node.op)](_value(node.left, names), _value(node.right, names))
        except ZeroDivisionError:
            raise ValueError("a division by zero") from None
    elif isinstance(node, ast.Call) and not node.keywords and 1 <= len(node.args) <= 2:
        found = _call(node, names)
    else:
        raise ValueError(f"{ast.unparse(node)[:40]} is not read")
    if abs(found) > LARGEST:
        raise ValueError("a number too large")
    return found


def _call(node: ast.Call, names: Mapping[str, int]) -> float:
    arguments = [_value(argument, names) for argument in node.args]
    function = node.func
    in_math = isinstance(function, ast.Attribute) and _name(function.value) == "math"
    name = function.attr if in_math and isinstance(function, ast.Attribute) else _name(function)
    if name not in CALLED:
        raise ValueError(f"{ast.unparse(function)[:40]}() is not read")
    try:
        value: float = CALLED[name](*arguments)
    except (ValueError, ZeroDivisionError, TypeError, OverflowError):
        raise ValueError(f"{name}() of what it is not defined for") from None
    return value
