"""Places that C assigns to: variables, and slots of the page array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tree_sitter import Node

from model.c.expressions import UNREAD, Compiled
from model.c.operators import Operators
from model.c.pointers import moved, slot_of
from model.c.source import changes, inner_of, part_of, sign_of, text, walk
from model.c.types import PAGE_ARRAY, PAGE_POINTER, CInt, Type
from model.c.values import Special, number, settled, usable


@dataclass(frozen=True)
class Place:
    """What can be assigned to: a type, how to read it, how to write it."""

    kind: Type
    get: Callable[[Any], Any]
    put: Callable[[Any, Any], None]


class Places(Operators):
    """Reads what is assigned to, and what assigns."""

    def lvalue(self, node: Node) -> Place | None:
        """Return what ``node`` names to be assigned to, None when that cannot be read."""
        while node.type == "parenthesized_expression":
            node = inner_of(node)
        where = self.place(node)
        if node.type == "identifier":
            variable = self.variable(text(node))
            if variable is None:
                return None
            index = variable.index

            def put(f: Any, value: Any) -> None:
                f.vars[index] = settled(value)

            self.note(variable, written=True)
            return Place(variable.kind, lambda f: f.vars[index], put)
        if node.type == "subscript_expression":
            base, at = self.expr(part_of(node, "argument")), self.expr(part_of(node, "index"))
            if base.kind == PAGE_ARRAY and isinstance(at.kind, CInt):
                return self._slot(lambda f: moved(base.run(f), number(at.run(f), where), where), where)
        if node.type == "pointer_expression" and sign_of(node) == "*":
            base = self.expr(part_of(node, "argument"))
            if base.kind == PAGE_ARRAY:
                return self._slot(base.run, where)
        return None

    def _moved(self, node: Node, by: int | None) -> Place | None:
        """Return what ``node`` names; it is noted that so much is added to it, None: that it gets another value."""
        self.moving = by
        place = self.lvalue(node)
        self.moving = None
        return place

    def _slot(self, pointer: Callable[[Any], Any], where: str) -> Place:
        def get(f: Any) -> Any:
            buffer, slot = slot_of(pointer(f), where)
            return f.memory.load(buffer, slot, where)

        def put(f: Any, value: Any) -> None:
            buffer, slot = slot_of(pointer(f), where)
            f.memory.store(buffer, slot, usable(value), 1, where)

        return Place(PAGE_POINTER, get, put)

    def _subscript_expression(self, node: Node) -> Compiled:
        found = self.look(node)
        if found is not None:
            return found
        place = self.lvalue(node)
        return Compiled(place.kind, place.get) if place is not None else self.unread(node, "an index into it")

    def _pointer_expression(self, node: Node) -> Compiled:
        place = self.lvalue(node) if sign_of(node) == "*" else None
        return Compiled(place.kind, place.get) if place is not None else self.unread(node, f"{sign_of(node)} of it")

    def _assignment_expression(self, node: Node) -> Compiled:
        sign = sign_of(node)
        right = self.expr(part_of(node, "right"))
        left = part_of(node, "left")
        value = right if sign == "=" else self.binary(sign[:-1], self.expr(left), right, node)
        if sign != "=" and _acts(left):
            return self.unread(node, "a place that is computed with a side effect, read and written")
        by = None
        if sign in ("+=", "-=") and right.constant is not None and not isinstance(right.constant, Special):
            by = right.constant if sign == "+=" else -right.constant
        place = self._moved(left, by)
        if place is None:
            return self.unread(node, "an assignment to it")
        if value.kind is UNREAD:
            return value
        value = self.converted(value, place.kind, node)
        if value.kind is UNREAD:
            return value
        run, put = value.run, place.put

        def assign(f: Any) -> Any:
            result = run(f)
            put(f, result)
            return result

        return Compiled(place.kind, assign)

    def _update_expression(self, node: Node) -> Compiled:
        target = part_of(node, "argument")
        sign = sign_of(node)
        before = node.children[0].type in ("++", "--")
        old = self.expr(target)
        one = Compiled(self.model.int, lambda _: 1, 1)
        value = self.binary(sign[0], old, one, node)
        if _acts(target):
            return self.unread(node, "a place that is computed with a side effect, read and written")
        place = self._moved(target, 1 if sign == "++" else -1)
        if place is None:
            return self.unread(node, "an assignment to it")
        if value.kind is UNREAD:
            return value
        new, put, get = self.converted(value, place.kind, node), place.put, place.get

        def update(f: Any) -> Any:
            was = get(f)
            now = new.run(f)
            put(f, now)
            return now if before else was

        return Compiled(place.kind, update)


def _acts(node: Node) -> bool:
    """Return whether to find the place ``node`` may itself change something: it must not be found twice."""
    return node.type != "identifier" and any(changes(inner) for inner in walk(node))
