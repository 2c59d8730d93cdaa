"""C's operators: what each makes of its operands, once they have the type that C gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tree_sitter import Node

from model.c import arith
from model.c.expressions import NULL, UNREAD, Compiled, Expressions
from model.c.line import COMPARISONS
from model.c.pointers import moved
from model.c.source import part_of, sign_of
from model.c.types import PAGE_ARRAY, PAGE_POINTER, CInt, Pointer, Type
from model.c.values import Bits, Special, Trouble, number
from model.kernel import Crash, Unsupported


class Operators(Expressions):
    """Reads what has operands."""

    def _conditional_expression(self, node: Node) -> Compiled:
        asked = self.truth(part_of(node, "condition"))
        yes, no = self.expr(part_of(node, "consequence")), self.expr(part_of(node, "alternative"))
        if isinstance(yes.kind, CInt) and isinstance(no.kind, CInt):
            kind: Type = self.model.common(yes.kind, no.kind)
            yes, no = self._operand(yes, kind, node), self._operand(no, kind, node)
        else:
            kind = yes.kind if isinstance(yes.kind, Pointer) and yes is not NULL else no.kind
            if isinstance(kind, Pointer):
                yes, no = self.converted(yes, kind, node), self.converted(no, kind, node)
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
        sign = sign_of(node)
        if sign in ("&&", "||") or sign in COMPARISONS:
            asked = self.truth(node)
            return Compiled(self.model.int, lambda f: 1 if asked(f) else 0)
        return self.binary(sign, self.expr(part_of(node, "left")), self.expr(part_of(node, "right")), node)

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
        if sign in "+-" and one.kind in (PAGE_POINTER, PAGE_ARRAY) and isinstance(other.kind, CInt):
            base, by = one.run, other.run
            if sign == "+":
                return Compiled(one.kind, lambda f: moved(base(f), number(by(f), where), where))
            return Compiled(one.kind, lambda f: moved(base(f), -number(by(f), where), where))
        return self.unread(node, f"{sign} of {one.kind} and {other.kind}")

    def comparison(self, node: Node) -> Callable[[Any], Any]:
        """Return the comparison ``node`` as a function to a truth value."""
        sign = sign_of(node)
        one, other = self.expr(part_of(node, "left")), self.expr(part_of(node, "right"))
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
        sign, inside = sign_of(node), part_of(node, "argument")
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


def _is_null(value: Compiled) -> bool:
    return value is NULL or (isinstance(value.kind, CInt) and value.constant == 0)
