"""C expressions, read once into plain Python functions from a frame (the variables of a run) to a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tree_sitter import Node

from model.c import arith
from model.c.line import COMPARISONS
from model.c.source import inner_of, part_of, sign_of, text, walk
from model.c.types import VOID, CInt, DataModel, Opaque, Pointer, Type
from model.c.values import Bits, Buffer, SlotPointer, Special, Unknown, any_flag, usable
from model.kernel import Unsupported

UNREAD = Opaque("what cannot be read")
MOST_NESTED = 100  # of an expression: Python's own recursion follows it


@dataclass(frozen=True)
class Compiled:
    """An expression: its type, how to evaluate it, and its value when it is a constant."""

    kind: Type
    run: Callable[[Any], Any]
    constant: Any = None  # the value; None: not a constant


NULL = Compiled(Pointer(VOID), lambda _: None)


@dataclass(frozen=True)
class Variable:
    """A declared variable: each declaration has its own."""

    index: int
    name: str  # of its own too: a second ``i`` is ``i_2``
    kind: Type


class Expressions:
    """Reads what has no operator, and conversions. Subclasses read operators, places and declarations, say what names
    and calls mean, and note which variables are read and written."""

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

    def named(self, name: str) -> Type:
        """Return the type called ``name``, Opaque where it is not known."""
        raise NotImplementedError

    def look(self, node: Node) -> Compiled | None:
        """Return an entry of a constant array, None when ``node`` reads none."""
        raise NotImplementedError

    def comparison(self, node: Node) -> Callable[[Any], Any]:
        """Return the comparison ``node`` as a function to a truth value."""
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
            return self.truth(inner_of(node))
        if node.type == "binary_expression" and sign_of(node) in ("&&", "||"):
            one, other = self.truth(part_of(node, "left")), self.truth(part_of(node, "right"))
            if sign_of(node) == "&&":
                return lambda f: bool(one(f)) and other(f)
            return lambda f: bool(one(f)) or other(f)
        if node.type == "binary_expression" and sign_of(node) in COMPARISONS:
            return self.comparison(node)
        if node.type == "unary_expression" and sign_of(node) == "!":
            inside = self.truth(part_of(node, "argument"))
            return lambda f: not inside(f)
        return self.truth_of(self.expr(node), node)

    def truth_of(self, found: Compiled, node: Node) -> Callable[[Any], Any]:
        """Return whether an expression is not 0, not NULL, not an empty set."""
        if isinstance(found.kind, Opaque) and found.kind is not UNREAD:
            return self.unread(node, f"a branch on a {found.kind}").run
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
        return NULL

    def _true(self, node: Node) -> Compiled:
        return Compiled(self.model.int, lambda _: 1, 1)

    def _false(self, node: Node) -> Compiled:
        return Compiled(self.model.int, lambda _: 0, 0)

    def _string_literal(self, node: Node) -> Compiled:
        return Compiled(Pointer(Opaque("char")), lambda _: Unknown("a string"))

    _concatenated_string = _string_literal

    def _parenthesized_expression(self, node: Node) -> Compiled:
        return self.expr(inner_of(node))

    def _comma_expression(self, node: Node) -> Compiled:
        one, other = self.expr(part_of(node, "left")), self.expr(part_of(node, "right"))

        def run(f: Any) -> Any:
            one.run(f)
            return other.run(f)

        return Compiled(other.kind, run)

    def _sizeof_expression(self, node: Node) -> Compiled:
        try:
            inner = node.child_by_field_name("type")
            if any(part.type in ("string_literal", "abstract_array_declarator") for part in walk(node)):
                return self.unread(node, "the size of an array without a name")
            if any(part.type == "call_expression" and _names_what_it_calls(part) for part in walk(node)):
                return self.unread(node, "a call whose type alone is asked for")
            kind = self.type_of(inner) if inner is not None else self._unevaluated(part_of(node, "value"))
            size = self.model.size_bytes(kind)
        except Unsupported as trouble:
            return self.unread(node, trouble.construct)
        return Compiled(self.model.size_t, lambda _: size, size)

    def _unevaluated(self, node: Node) -> Type:
        while node.type == "parenthesized_expression":
            node = inner_of(node)
        if node.type == "pointer_expression" and sign_of(node) == "*":
            inner = self.expr(part_of(node, "argument")).kind
            if isinstance(inner, Pointer):
                return inner.to
        if node.type == "identifier":
            variable = self.variable(text(node))
            if variable is None and not isinstance(known := self.named(text(node)), Opaque):
                return known
        return self.expr(node).kind

    # -- conversions

    def _cast_expression(self, node: Node) -> Compiled:
        kind_node, value_node = part_of(node, "type"), part_of(node, "value")
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
        if isinstance(to, Opaque):
            return Compiled(to, run)
        return self.unread(node, f"a conversion from {source} to {to}")

    def place(self, node: Node) -> str:
        """Return file:line and the source of ``node``, for a sentence about it."""
        return f'{self.where(node)}: "{" ".join(text(node).split())[:60]}"'


def _names_what_it_calls(call: Node) -> bool:
    """Return whether a call is one by name, and no cast that the parser took for a call: "(u8)(x)"."""
    return part_of(call, "function").type == "identifier"
