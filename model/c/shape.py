"""Which functions of a file are of this family: found by shape, a page allocator asked inside a loop for an order that
is not a constant, in the function itself or in one of the same file that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from model.c.source import Source, text, walk
from model.c.table import ALLOCATORS, called
from model.kernel import Unsupported

LOOPS = ("while_statement", "for_statement", "do_statement")
MENTIONS = re.compile(rb"\b(?:__)?alloc_pages(?:_node)?(?:_noprof)?\s*\(")


def mentions_allocator(data: bytes) -> bool:
    """Return whether the text of a file names an allocator of blocks at all: a quick filter before parsing."""
    return MENTIONS.search(data) is not None


def families(source: Source) -> list[str]:
    """Return the functions that ask for blocks of a varying order inside a loop, in the order of the file."""
    asking = {name for name in source.functions if _asks(source, name, set())}
    found = []
    for name, nodes in source.functions.items():
        inside = (call for node in nodes for loop in _loops(node) for call in _calls(loop))
        if any(_varying(call) or (called(call) in asking and called(call) != name) for call in inside):
            found.append(name)
    return found


def _asks(source: Source, name: str, seen: set[str]) -> bool:
    """Return whether a call of ``name`` may ask for a block of varying order."""
    if name in seen or name not in source.functions:
        return False
    seen.add(name)
    calls = [call for node in source.functions[name] for call in _calls(node)]
    return any(_varying(call) or _asks(source, called(call), seen) for call in calls)


def _nodes(node: Node) -> Iterator[Node]:
    try:
        yield from walk(node)
    except Unsupported:  # too deep: reading the function says so
        return


def _loops(node: Node) -> Iterator[Node]:
    return (inner for inner in _nodes(node) if inner.type in LOOPS)


def _calls(node: Node) -> Iterator[Node]:
    return (inner for inner in _nodes(node) if inner.type == "call_expression")


def _varying(call: Node) -> bool:
    at = ALLOCATORS.get(called(call), (0, None))[1]
    arguments = call.child_by_field_name("arguments")
    if at is None or arguments is None:
        return False
    nodes = [child for child in arguments.named_children if child.type != "comment"]
    return len(nodes) > at and nodes[at].type != "number_literal" and not text(nodes[at]).isupper()
