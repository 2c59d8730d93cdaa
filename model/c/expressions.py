"""C expressions, read once into plain Python functions from a frame (the variables of a run) to a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tree_sitter import Node

from model.c import arith
from model.c.line import COMPARISONS
from model.c.source import text, walk
from model.c.types import PAGE_ARRAY, PAGE_POINTER, VOID, Array, CInt, DataModel, Opaque, Pointer, Type
from model.c.values import (
    UNDEFINED,
    Bits,
    Buffer,
    PowerOf,
    SlotPointer,
    Special,
    TopBit,
    Trouble,
    Unknown,
    any_flag,
    number,
    usable,
)
from model.kernel import Crash, Unsupported

UNREAD = Opaque("what cannot be read")
MOST_NESTED = 100  # of an expression: Python's own recursion follows it


@dataclass(frozen=True)
class Compiled:
    """An expression: its type, how to evaluate it, and its value when it is a constant."""

    kind: Type
    run: Callable[[Any], Any]
    constant: Any = None  # the value; None: not a constant


@dataclass(frozen=True)
class Variable:
    """A declared variable: each declaration has its own."""

    index: int
    name: str  # of its own too: a second ``i`` is ``i_2``
    kind: Type


@dataclass(frozen=True)
class Place:
    """What can be assigned to: a type, how to read it, how to write it."""

    kind: Type
    get: Callable[[Any], Any]
    put: Callable[[Any, Any], None]


class Expressions:
    """Reads expressions. A subclass says what names and calls mean, and notes which variables are read and written."""

    model: DataModel

    def where(self, node: Node) -> str:
        """Return file:line of ``node``."""
        raise NotImplementedError

    def name(self, node: Node) -> Compiled:
        """Return what an identifier stands for."""
        raise NotImplementedError

    def variable(self, name: str) -> Variable | None:
        """Return the variable in scope that is called ``name``."""
        raise NotImplementedError

    def call(self, node: Node) -> Compiled:
        """Return a call."""
        raise NotImplementedError

    def type_of(self, node: Node) -> Type:
        """Return the type that a type descriptor names."""
        raise NotImplementedError

    def look(self, node: Node) -> Compiled | None:
        """Return an entry of a constant array, None when ``node`` reads none."""
        raise NotImplementedError

    def note(self, variable: Variable, written: bool) -> None:
        """Note that the code at hand reads or writes ``variable``."""
        raise NotImplementedError

    depth = 0
    moving: int | None = None  # what the assignment at hand adds to its target, None: something else

    def expr(self, node: Node) -> Compiled:
        """Return the expression ``node``; what cannot be read is so only when it is reached."""
        self.depth += 1
        try:
            if self.depth > MOST_NESTED:
                raise Unsupported(self.where(node), f"an expression nested deeper than {MOST_NESTED}")
            read = getattr(self, f"_{node.type}", None)
            if read is None:
                return self.unread(node, node.type.replace("_", " "))
            found: Compiled = read(node)
            return found
        finally:
            self.depth -= 1

    def unread(self, node: Node, construct: str) -> Compiled:
        """Return an expression that says it cannot be read when it is evaluated."""
        trouble = Unsupported(self.where(node), f"{construct}: {' '.join(text(node).split())[:60]}")

        def run(_: Any) -> Any:
            raise trouble

        return Compiled(UNREAD, run)

    def truth(self, node: Node) -> Callable[[Any], Any]:
        """Return the condition ``node`` as a function to a truth value."""
        if node.type == "parenthesized_expression":
            return self.truth(_inner(node))
        if node.type == "binary_expression" and _sign(node) in ("&&", "||"):
            one, other = self.truth(_field(node, "left")), self.truth(_field(node, "right"))
            if _sign(node) == "&&":
                return lambda f: bool(one(f)) and other(f)
            return lambda f: bool(one(f)) or other(f)
        if node.type == "binary_expression" and _sign(node) in COMPARISONS:
            return self._comparison(node)
        if node.type == "unary_expression" and _sign(node) == "!":
            inside = self.truth(_field(node, "argument"))
            return lambda f: not inside(f)
        return self.truth_of(self.expr(node), node)

    def truth_of(self, found: Compiled, node: Node) -> Callable[[Any], Any]:
        """Return whether an expression is not 0, not NULL, not an empty set."""
        run, where = found.run, self.where(node)
        pointer = isinstance(found.kind, Pointer)

        def ask(f: Any) -> Any:
            value = run(f)
            if isinstance(value, Special):
                usable(value)
                if isinstance(value, Bits):
                    return any_flag(value, f.call.gfp, where)
                if isinstance(value, Buffer | SlotPointer):
                    return True
                if isinstance(value, Unknown):
                    raise Unsupported(where, f"a branch on {value.name}, of which a call says nothing")
                return arith.special_compare("!=", value, 0, where)
            return value is not None if pointer else value != 0

        return ask

    # -- leaves

    def _identifier(self, node: Node) -> Compiled:
        return self.name(node)

    def _number_literal(self, node: Node) -> Compiled:
        sign, digits = (text(node)[0], text(node)[1:]) if text(node)[0] in "+-" else ("", text(node))
        try:
            magnitude, kind = self.model.literal(digits)  # a sign is none of the constant's, though the parser says so
        except ValueError:
            return self.unread(node, "a number that is no integer constant")
        kind = self.model.promoted(kind)
        value = arith.wrapped(-magnitude if sign == "-" else magnitude, kind)
        return Compiled(kind, lambda _: value, value)

    def _null(self, node: Node) -> Compiled:
        return Compiled(Pointer(VOID), lambda _: None)

    def _true(self, node: Node) -> Compiled:
        return Compiled(self.model.int, lambda _: 1, 1)

    def _false(self, node: Node) -> Compiled:
        return Compiled(self.model.int, lambda _: 0, 0)

    def _string_literal(self, node: Node) -> Compiled:
        return Compiled(Pointer(Opaque("char")), lambda _: Unknown("a string"))

    _concatenated_string = _string_literal

    def _parenthesized_expression(self, node: Node) -> Compiled:
        return self.expr(_inner(node))

    def _comma_expression(self, node: Node) -> Compiled:
        one, other = self.expr(_field(node, "left")), self.expr(_field(node, "right"))

        def run(f: Any) -> Any:
            one.run(f)
            return other.run(f)

        return Compiled(other.kind, run)

    def _sizeof_expression(self, node: Node) -> Compiled:
        try:
            inner = node.child_by_field_name("type")
            kind = self.type_of(inner) if inner is not None else self._unevaluated(_field(node, "value"))
            size = self.model.size_bytes(kind)
        except Unsupported as trouble:
            return self.unread(node, trouble.construct)
        return Compiled(self.model.size_t, lambda _: size, size)

    def _unevaluated(self, node: Node) -> Type:
        while node.type == "parenthesized_expression":
            node = _inner(node)
        if node.type == "pointer_expression" and _sign(node) == "*":
            inner = self.expr(_field(node, "argument")).kind
            if isinstance(inner, Pointer):
                return inner.to
        if node.type == "identifier":
            variable = self.variable(text(node))
            if variable is None and text(node) in self.model.named:
                return self.model.named[text(node)]
        return self.expr(node).kind

    # -- operators

    def _cast_expression(self, node: Node) -> Compiled:
        kind_node, value_node = _field(node, "type"), _field(node, "value")
        name = text(kind_node)
        if self.variable(name) is not None:  # "(a) & b", which the parser took for a cast of "&b"
            return self.unread(node, "a variable in parentheses that reads as a cast")
        return self.cast(value_node, self.type_of(kind_node), node)

    def cast(self, inside: Node, kind: Type, node: Node) -> Compiled:
        """Return the expression ``inside``, converted to ``kind``."""
        while inside.type == "argument_list" and len(inside.named_children) == 1:  # of a cast that reads as a call
            inside = inside.named_children[0]
        value = self.expr(inside)
        if value.kind is UNREAD:
            return value
        return self.converted(value, kind, node)

    def converted(self, value: Compiled, to: Type, node: Node) -> Compiled:
        """Return ``value`` as it is assigned to the type ``to``."""
        run, source, where = value.run, value.kind, self.place(node)
        if source is UNREAD or source == to:
            return value
        if isinstance(to, CInt) and isinstance(source, CInt):
            if value.constant is not None and not isinstance(value.constant, Special):
                constant = arith.wrapped(value.constant, to)
                return Compiled(to, lambda _: constant, constant)

            def convert(f: Any) -> Any:
                number = run(f)
                if to.bits == 1 and isinstance(number, Bits):
                    return 1 if any_flag(number, f.call.gfp, where) else 0
                return arith.convert(number, source, to, where)

            return Compiled(to, convert)
        if isinstance(to, Pointer):
            if isinstance(source, CInt) and value.constant == 0:
                return Compiled(to, lambda _: None)
            if isinstance(source, Pointer):
                return Compiled(to, run)
        if isinstance(to, Opaque) or isinstance(source, Opaque):
            return Compiled(to, run)
        return self.unread(node, f"a conversion from {source} to {to}")

    def place(self, node: Node) -> str:
        """Return file:line and the source of ``node``, for a sentence about it."""
        return f'{self.where(node)}: "{" ".join(text(node).split())[:60]}"'

    def _conditional_expression(self, node: Node) -> Compiled:
        asked = self.truth(_field(node, "condition"))
        yes, no = self.expr(_field(node, "consequence")), self.expr(_field(node, "alternative"))
        if isinstance(yes.kind, CInt) and isinstance(no.kind, CInt):
            kind: Type = self.model.common(yes.kind, no.kind)
            yes, no = self._operand(yes, kind, node), self._operand(no, kind, node)
        else:
            kind = yes.kind if isinstance(yes.kind, Pointer) else no.kind
        return Compiled(kind, lambda f: yes.run(f) if asked(f) else no.run(f))

    def _operand(self, value: Compiled, kind: Type, node: Node, quiet: bool = False) -> Compiled:
        source, run = value.kind, value.run
        if not isinstance(source, CInt) or not isinstance(kind, CInt) or source == kind:
            return value
        if value.constant is not None and not isinstance(value.constant, Special):
            constant = arith.wrapped(value.constant, kind)
            return Compiled(kind, lambda _: constant, constant)
        where = self.place(node)
        return Compiled(kind, lambda f: arith.convert(run(f), source, kind, where, quiet))

    def _binary_expression(self, node: Node) -> Compiled:
        sign = _sign(node)
        if sign in ("&&", "||") or sign in COMPARISONS:
            asked = self.truth(node)
            return Compiled(self.model.int, lambda f: 1 if asked(f) else 0)
        return self.binary(sign, self.expr(_field(node, "left")), self.expr(_field(node, "right")), node)

    def binary(self, sign: str, one: Compiled, other: Compiled, node: Node) -> Compiled:
        """Return ``one sign other``."""
        for side in (one, other):
            if side.kind is UNREAD:
                return side
        if isinstance(one.kind, Pointer) or isinstance(other.kind, Pointer):
            return self._pointer_binary(sign, one, other, node)
        if not isinstance(one.kind, CInt) or not isinstance(other.kind, CInt) or sign not in arith.OPERATIONS:
            return self.unread(node, f"{sign} of {one.kind} and {other.kind}")
        flags = (one.kind, other.kind)
        if sign in ("<<", ">>"):
            kind = self.model.promoted(one.kind)
            one = self._operand(one, kind, node)
        else:
            kind = self._common(one.kind, other.kind)
            quiet = sign in "&|^"  # ~x of an int, widened: its upper bits are meant
            one, other = self._operand(one, kind, node, quiet), self._operand(other, kind, node, quiet)
        if self.model.gfp_t in flags and kind.bits == 32:
            kind = self.model.gfp_t
        operation, where, left, right = arith.OPERATIONS[sign], self.place(node), one.run, other.run

        def run(f: Any) -> Any:
            a, b = left(f), right(f)
            if isinstance(a, Special) or isinstance(b, Special):
                return arith.special_binary(sign, a, b, kind, where)
            return operation(a, b, kind, where)

        if one.constant is not None and other.constant is not None:
            try:
                value = run(None)
            except Crash:
                return Compiled(kind, run)
            if not isinstance(value, Trouble):
                return Compiled(kind, lambda _: value, value)
        return Compiled(kind, run)

    def _common(self, one: Type, other: Type) -> CInt:
        assert isinstance(one, CInt) and isinstance(other, CInt)
        return self.model.common(one, other)

    def _pointer_binary(self, sign: str, one: Compiled, other: Compiled, node: Node) -> Compiled:
        where = self.place(node)
        if sign == "+" and isinstance(other.kind, Pointer):
            one, other = other, one
        if sign in "+-" and isinstance(one.kind, Pointer) and isinstance(other.kind, CInt):
            base, by = one.run, other.run
            if sign == "+":
                return Compiled(one.kind, lambda f: moved(base(f), number(by(f), where), where))
            return Compiled(one.kind, lambda f: moved(base(f), -number(by(f), where), where))
        return self.unread(node, f"{sign} of {one.kind} and {other.kind}")

    def _comparison(self, node: Node) -> Callable[[Any], Any]:
        sign = _sign(node)
        one, other = self.expr(_field(node, "left")), self.expr(_field(node, "right"))
        where = self.place(node)
        for side in (one, other):
            if side.kind is UNREAD:
                return side.run
        if isinstance(one.kind, CInt) and isinstance(other.kind, CInt):
            kind = self.model.common(one.kind, other.kind)
            one, other = self._operand(one, kind, node), self._operand(other, kind, node)
        elif sign not in ("==", "!=") or not (_is_null(one) or _is_null(other)):
            return self.unread(node, f"{sign} of {one.kind} and {other.kind}").run
        else:
            asked = self.truth_of(one if _is_null(other) else other, node)
            return asked if sign == "!=" else lambda f: not asked(f)
        compare, left, right = COMPARISONS[sign], one.run, other.run

        def ask(f: Any) -> Any:
            a, b = left(f), right(f)
            if isinstance(a, Special) or isinstance(b, Special):
                return arith.special_compare(sign, a, b, where)
            return compare(a, b)

        return ask

    def _unary_expression(self, node: Node) -> Compiled:
        sign, inside = _sign(node), _field(node, "argument")
        if sign == "!":
            asked = self.truth(node)
            return Compiled(self.model.int, lambda f: 1 if asked(f) else 0)
        value = self.expr(inside)
        if value.kind is UNREAD:
            return value
        if not isinstance(value.kind, CInt):
            return self.unread(node, f"{sign} of {value.kind}")
        kind = self.model.gfp_t if value.kind.name == "gfp_t" else self.model.promoted(value.kind)
        value = self._operand(value, kind, node)
        run, where = value.run, self.place(node)
        if sign == "+":
            return value
        if sign == "-":
            found = Compiled(kind, lambda f: arith.subtract(0, number(run(f), where), kind, where))
        elif sign == "~":
            found = Compiled(kind, lambda f: arith.complement(run(f), kind, where))
        else:
            return self.unread(node, sign)
        if value.constant is not None and (isinstance(value.constant, Bits) or not isinstance(value.constant, Special)):
            try:
                constant = found.run(None)
            except (Crash, Unsupported):
                return found
            return Compiled(kind, lambda _: constant, constant)
        return found

    # -- places

    def lvalue(self, node: Node) -> Place | None:
        """Return what ``node`` names to be assigned to, None when that cannot be read."""
        while node.type == "parenthesized_expression":
            node = _inner(node)
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
            base, at = self.expr(_field(node, "argument")), self.expr(_field(node, "index"))
            if base.kind == PAGE_ARRAY and isinstance(at.kind, CInt):
                return self._slot(lambda f: moved(base.run(f), number(at.run(f), where), where), where)
        if node.type == "pointer_expression" and _sign(node) == "*":
            base = self.expr(_field(node, "argument"))
            if base.kind == PAGE_ARRAY:
                return self._slot(base.run, where)
        return None

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
        place = self.lvalue(node) if _sign(node) == "*" else None
        return Compiled(place.kind, place.get) if place is not None else self.unread(node, f"{_sign(node)} of it")

    def _assignment_expression(self, node: Node) -> Compiled:
        sign = _sign(node)
        right = self.expr(_field(node, "right"))
        left = _field(node, "left")
        value = right if sign == "=" else self.binary(sign[:-1], self.expr(left), right, node)
        if sign != "=" and left.type != "identifier" and any(_changes(inner) for inner in walk(left)):
            return self.unread(node, "a place that is computed with a side effect, read and written")
        if sign in ("+=", "-=") and right.constant is not None and not isinstance(right.constant, Special):
            self.moving = right.constant if sign == "+=" else -right.constant
        place = self.lvalue(left)
        self.moving = None
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
        target = _field(node, "argument")
        sign = _sign(node)
        before = node.children[0].type in ("++", "--")
        old = self.expr(target)
        one = Compiled(self.model.int, lambda _: 1, 1)
        value = self.binary(sign[0], old, one, node)
        if target.type != "identifier" and any(_changes(inner) for inner in walk(target)):
            return self.unread(node, "a place that is computed with a side effect, read and written")
        self.moving = 1 if sign == "++" else -1
        place = self.lvalue(target)
        self.moving = None
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


def settled(value: Any) -> Any:
    """Return a value as a variable holds it: the index of a bit becomes a number."""
    return value.number() if isinstance(value, TopBit | PowerOf) else value


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


def uninitialised(where: str, name: str) -> Trouble:
    """Return what a variable holds before anything was assigned to it."""
    return Trouble(UNDEFINED, f"{where}: {name} is used before it holds a value")


def array_entry(kind: Array, entries: tuple[Any, ...], index: Callable[[Any], Any], where: str) -> Compiled:
    """Return the reading of an entry of a constant array."""
    return Compiled(kind.of, lambda f: f.kernel.look(entries, number(index(f), where)))


def _inner(node: Node) -> Node:
    inner = [child for child in node.named_children if child.type != "comment"]
    return inner[0]


def _field(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    if found is None:
        raise Unsupported(f"line {node.start_point[0] + 1}", f"{node.type} without its {name}")
    return found


def _sign(node: Node) -> str:
    found = node.child_by_field_name("operator")
    return text(found) if found is not None else ""


def _changes(node: Node) -> bool:
    return node.type in ("update_expression", "assignment_expression", "call_expression")


def _is_null(value: Compiled) -> bool:
    return value.kind == Pointer(VOID) or (isinstance(value.kind, CInt) and value.constant == 0)
