"""What a name in C stands for: a variable, a macro of the file, a constant array of its, a constant of the kernel."""

from __future__ import annotations

import re
from typing import Any

from tree_sitter import Node

from model.c import table
from model.c.arith import wrapped
from model.c.expressions import Compiled, Variable
from model.c.siblings import around
from model.c.source import Source, changes, declared_name, expression, inner_of, text, walk
from model.c.statements import Statements, child_of
from model.c.types import Array, CInt
from model.c.values import Bits, Special, number
from model.kernel import Unsupported

MOST_MACROS = 50  # expanded within each other
TIGHT = (  # expressions that no operator beside them can take apart
    "identifier", "number_literal", "char_literal", "string_literal", "concatenated_string", "null", "true", "false",
    "parenthesized_expression", "call_expression", "subscript_expression", "field_expression", "sizeof_expression",
)  # fmt: skip
APART = ("parenthesized_expression", "argument_list", "return_statement", "initializer_list", "expression_statement")


class Names(Statements):
    """Reads names, and what else the file says of itself."""

    constants: dict[str, int]  # of the kernel, given
    used_constants: set[str]  # of ``constants``
    used: dict[str, str]  # helper or constant of the table: where it was first used
    function: Node
    outermost: Source  # where the function lies, and the others that it calls
    expanding: list[str]  # the macros being expanded, innermost last
    brackets: Node | None  # those around the innermost one's body, which are none of its own
    alone: bool  # no operator stands beside the innermost one
    line_of_macro: str
    arrays: dict[str, tuple[Any, ...]]  # the constant arrays of which an entry is read

    def note(self, variable: Variable, written: bool) -> None:
        """Note that the step at hand reads or writes ``variable``."""
        (self.writes if written else self.reads).add(variable.index)
        if written:
            for head in self.loops:
                head.changes[variable.index] = None if variable.index in head.changes else self.moving

    def name(self, node: Node) -> Compiled:
        """Return what an identifier stands for: variable, macro of the file, constant of the kernel's."""
        name = text(node)
        variable = self.variable(name)
        if variable is not None:
            index = variable.index
            if index in self.fixed:
                always = self.fixed[index]
                return Compiled(variable.kind, lambda _: always, always)
            self.note(variable, written=False)
            return Compiled(variable.kind, lambda f: f.vars[index])
        if name in self.source.macros and name not in self.constants:
            return self._macro(node, name)
        if name in self.constants:
            value = self.constants[name]
            self.used_constants.add(name)
            kind = self.model.int if value <= self.model.int.high else self.model.ulong
            return Compiled(kind, lambda _: value, value)
        known = table.constant(self, name) if name not in self.source.names_of_values else None
        if known is None:
            return self.unread(node, "a name that is in no table")
        self.used.setdefault(name, self.where(node))
        return known

    def _macro(self, node: Node, name: str) -> Compiled:
        if not self.source.is_always_defined(name, self.function):
            return self.unread(node, "a macro that is not always defined, or not there")
        values = {body for body, _ in self.source.macros[name]}
        body, line = self.source.macros[name][0]
        if len(values) > 1 or name in self.source.function_macros:
            return self.unread(node, f"a macro that is defined {len(self.source.macros[name])} times, differently")
        if name in self.expanding or len(self.expanding) >= MOST_MACROS:
            return self.unread(node, "a macro that uses itself, or too many within each other")
        self.expanding.append(name)
        outer, where = self.line_of_macro, f"{self.source.name}:{line}"
        outer_alone, brackets = self.alone, self.brackets
        try:
            root = expression(body, where)
            alone = self.alone if node.parent == self.brackets else _stands_alone(node)
            if inner_of(root).type not in TIGHT and not alone:
                return self.unread(node, f"a macro without parentheses, {body[:40]}, beside an operator")
            self.line_of_macro, self.alone, self.brackets = where, alone, root
            return self.expr(root)
        except Unsupported as trouble:
            return self.unread(node, trouble.construct)
        finally:
            self.line_of_macro, self.alone, self.brackets = outer, outer_alone, brackets
            self.expanding.pop()

    def look(self, node: Node) -> Compiled | None:
        """Return the reading of an entry of one of the file's constant arrays."""
        base = node.child_by_field_name("argument")
        index = node.child_by_field_name("index")
        if base is None or index is None or base.type != "identifier" or self.variable(text(base)) is not None:
            return None
        found = self._array(text(base), node)
        if found is None:
            return None
        kind, entries = found
        self.arrays[text(base)] = entries
        run, where = self.expr(index).run, self.place(node)
        return Compiled(kind.of, lambda f: f.kernel.look(entries, number(run(f), where)))

    def _array(self, name: str, node: Node) -> tuple[Array, tuple[Any, ...]] | None:
        if self.source is around():  # a caller that is retold speaks of its callee's file
            source, self.source = self.source, self.outermost
            try:
                return self._array(name, node)
            finally:
                self.source = source
        declared = self.source.globals.get(name, [])
        if len(declared) != 1:
            return None
        words = [text(child) for child in declared[0].children]
        for declarator in declared[0].children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            if declared_name(declarator) != name or value is None or value.type != "initializer_list":
                continue
            if "const" not in words and ("static" not in words or self._assigned(name)):
                return None
            array = child_of(declarator, "declarator")
            kind, size, inner = self.base(declared[0]), array.child_by_field_name("size"), child_of(array, "declarator")
            if inner.type != "identifier":  # an array of arrays, or of pointers
                return None
            entries = [self.expr(child) for child in value.named_children if child.type != "comment"]
            if not isinstance(kind, CInt) or any(not _is_entry(entry, kind) for entry in entries):
                return None
            if size is not None and self.expr(size).constant != len(entries):  # the rest of it is 0
                return None
            return Array(kind, len(entries)), tuple(_entry(entry.constant, kind) for entry in entries)
        return None

    def _assigned(self, name: str) -> bool:
        """Return whether anything in the file may write an entry of the array ``name``."""
        named = re.compile(rf"\b(?<!ARRAY_SIZE\(){re.escape(name)}\b")
        nodes = (node for node in walk(self.source.root) if node.type in ("identifier", "preproc_arg"))
        return any(named.search(text(node)) and not self._only_reads(node) for node in nodes)

    def _only_reads(self, name: Node) -> bool:
        """Return whether the name of an array stands where nothing can be written through it: where the array is
        declared, in sizeof, or before an index, and what is found there is neither assigned to nor pointed at."""
        node, outer, indexed = name, name.parent, False
        while outer is not None and outer.type in ("subscript_expression", "parenthesized_expression"):
            indexed |= outer.type == "subscript_expression"
            node, outer = outer, outer.parent
        if outer is None or outer.type == "ERROR":
            return False
        if outer.type == "argument_list" and outer.parent is not None:  # a macro might assign to its argument
            callee = table.called(outer.parent)
            return callee == "ARRAY_SIZE" or (indexed and self._known(callee))
        if outer.type in ("assignment_expression", "update_expression", "pointer_expression", "field_expression"):
            return indexed and outer.child_by_field_name("right") == node
        return indexed or outer.type in ("array_declarator", "sizeof_expression")

    def _known(self, callee: str) -> bool:
        macro = callee in self.source.function_macros
        return not macro and (table.helper(callee) is not None or callee in self.source.functions)

    def _acts(self, node: Node) -> bool:
        """Return whether ``node`` by itself may change what is looked at here; a call of what is not known does not."""
        if node.type == "call_expression":
            name = table.called(node)
            return name in self.source.functions or (table.helper(name) is not None and name not in table.UNASKED)
        return changes(node) or self._is_macro(node)

    def _is_macro(self, node: Node) -> bool:
        """Return whether ``node`` is a macro's name, and the macro may be more than a number."""
        name = text(node) if node.type == "identifier" else ""
        bodies = [body for body, _ in self.source.macros.get(name, ())]
        return name in self.source.function_macros or any(not re.fullmatch(r"[\w ()]*", body) for body in bodies)


def _stands_alone(name: Node) -> bool:
    """Return whether a macro's name is all that stands between brackets, commas or the like."""
    outer = name.parent
    if outer is None or outer.type in APART:
        return outer is not None
    if outer.type == "assignment_expression":
        return outer.child_by_field_name("right") == name
    return outer.type == "init_declarator" and outer.child_by_field_name("value") == name


def _is_entry(entry: Compiled, kind: CInt) -> bool:
    """Return whether a constant is one of an array of ``kind``: a number, or flags among flags."""
    flags = isinstance(entry.constant, Bits)
    return entry.constant is not None and (kind.name == "gfp_t" if flags else not isinstance(entry.constant, Special))


def _entry(constant: Any, kind: CInt) -> Any:
    return constant if isinstance(constant, Bits) else wrapped(constant, kind)
