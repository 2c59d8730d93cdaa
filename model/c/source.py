"""A kernel's C file, parsed and never run: its functions, its macros, its constant arrays, within limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

import tree_sitter_c
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from model.kernel import Unsupported

MOST_BYTES = 4 << 20  # of a file; mm/ and drivers/ hold none of a quarter of that which allocates pages in a loop
MOST_DEPTH = 400  # of the tree: C11 asks for 127 levels of blocks
MOST_BRACKETS = 1_000  # open at once before parsing: what is deeper takes the parser seconds and gigabytes


class Unreadable(Exception):
    """The file is not one to be read at all: one clear line."""


@lru_cache(maxsize=1)
def language() -> Language:
    """Return the grammar of C."""
    return Language(tree_sitter_c.language())


@lru_cache(maxsize=1)
def parser() -> Parser:
    """Return the parser for C."""
    return Parser(language())


def text(node: Node) -> str:
    """Return the source of ``node``."""
    return (node.text or b"").decode("utf-8", "replace")


def walk(node: Node) -> Iterator[Node]:
    """Yield ``node`` and everything below it, without recursion. Raises Unsupported when it is too deep."""
    stack = [(node, 0)]
    while stack:
        here, depth = stack.pop()
        if depth > MOST_DEPTH:
            raise Unsupported(f"line {here.start_point[0] + 1}", f"nesting deeper than {MOST_DEPTH}")
        yield here
        if here.child_count:
            stack += [(child, depth + 1) for child in reversed(here.children)]


def inner_of(node: Node) -> Node:
    """Return what stands in parentheses."""
    inner = [child for child in node.named_children if child.type != "comment"]
    return inner[0]


def part_of(node: Node, name: str) -> Node:
    """Return the part of ``node`` that the grammar calls ``name``. Raises Unsupported."""
    found = node.child_by_field_name(name)
    if found is None:
        raise Unsupported(f"line {node.start_point[0] + 1}", f"{node.type} without its {name}")
    return found


def sign_of(node: Node) -> str:
    """Return the operator, "" for none."""
    found = node.child_by_field_name("operator")
    return text(found) if found is not None else ""


def changes(node: Node) -> bool:
    """Return whether ``node`` by itself may change something."""
    return node.type in ("update_expression", "assignment_expression", "call_expression")


def read_bytes(path: Path) -> bytes:
    """Return the file's contents. Raises Unreadable."""
    try:
        if not path.is_file():
            raise Unreadable(f"{path}: {'not a file' if path.exists() else 'no such file'}")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise Unreadable(f"{path}: {size} bytes; no file above {MOST_BYTES} is read")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


class Source:
    """One file of C."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        if len(data) > MOST_BYTES:
            raise Unreadable(f"{name}: {len(data)} bytes; no file above {MOST_BYTES} is read")
        if b"\0" in data:
            raise Unreadable(f"{name}: line {data[: data.index(0)].count(10) + 1} holds a NUL byte: not a C file")
        depth = _most_brackets(data)
        if depth > MOST_BRACKETS:
            raise Unreadable(f"{name}: brackets {depth} deep; no file with more than {MOST_BRACKETS} is read")
        self.root = parser().parse(data).root_node

    @classmethod
    def read(cls, path: Path) -> Source:
        """Return the file at ``path``. Raises Unreadable."""
        return cls(str(path), read_bytes(path))

    def where(self, node: Node) -> str:
        """Return file:line of ``node``."""
        return f"{self.name}:{node.start_point[0] + 1}"

    def find(self, kind: str) -> list[Node]:
        """Return the nodes of a kind, in the order of the file."""
        found = QueryCursor(Query(language(), f"({kind}) @found")).captures(self.root)
        return found.get("found", [])

    @cached_property
    def functions(self) -> dict[str, list[Node]]:
        """Return the definitions of functions by name; one under #if may be defined more than once."""
        found: dict[str, list[Node]] = {}
        for node in self._outside_functions():
            if node.type == "function_definition":
                name = declared_name(node.child_by_field_name("declarator"))
                if name:
                    found.setdefault(name, []).append(node)
        return found

    @cached_property
    def words(self) -> set[str]:
        """Return every identifier, number and word of the file."""
        return set(re.findall(r"\w+", text(self.root)))

    @cached_property
    def macros(self) -> dict[str, list[tuple[str, int]]]:
        """Return the object-like macros: every value, with its line."""
        found: dict[str, list[tuple[str, int]]] = {}
        for name, nodes in self.defines.items():
            for node in nodes:
                value = node.child_by_field_name("value")
                body = re.sub(r"/\*.*?\*/|//.*|\\\n", " ", text(value), flags=re.S) if value is not None else ""
                found.setdefault(name, []).append((body.strip(), node.start_point[0] + 1))
        return found

    @cached_property
    def defines(self) -> dict[str, list[Node]]:
        """Return the definitions of the object-like macros."""
        found: dict[str, list[Node]] = {}
        for node in self.find("preproc_def"):
            if (name := node.child_by_field_name("name")) is not None:
                found.setdefault(text(name), []).append(node)
        return found

    @cached_property
    def function_macros(self) -> set[str]:
        """Return the names of the macros that take arguments."""
        names = (node.child_by_field_name("name") for node in self.find("preproc_function_def"))
        return {text(name) for name in names if name is not None}

    @cached_property
    def names_of_types(self) -> set[str]:
        """Return the names that the file itself gives to types, and those of its macros."""
        found = set(self.macros) | self.function_macros
        for node in self.find("type_definition"):
            found |= {declared_name(declarator) for declarator in node.children_by_field_name("declarator")}
        return found

    @cached_property
    def names_of_values(self) -> set[str]:
        """Return the names of the file's own variables and enumerators."""
        names = (node.child_by_field_name("name") for node in self.find("enumerator"))
        return {text(name) for name in names if name is not None} | set(self.globals)

    @cached_property
    def undefined(self) -> set[str]:
        """Return the names of which an #undef speaks."""
        return {word for node in self.find("preproc_call") for word in text(node).split()[1:2] if "undef" in text(node)}

    def conditions(self, node: Node) -> tuple[int, ...]:
        """Return the #if and #else that ``node`` stands under, outermost first, by where they begin; not one around
        the whole file."""
        found, outer = list[int](), node.parent
        while outer is not None:
            if outer.type in ("preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif"):
                found.append(outer.start_byte)
            outer = outer.parent
        return tuple(start for start in reversed(found) if start != self.guard)

    @cached_property
    def guard(self) -> int:
        """Return where the file's only part begins, which may be an #ifndef around it all; -1 where it has others."""
        parts = [child for child in self.root.named_children if child.type != "comment"]
        return parts[0].start_byte if len(parts) == 1 else -1

    def is_there(self, node: Node, function: Node) -> bool:
        """Return whether ``node`` is there whenever ``function`` is."""
        mine, its = self.conditions(node), self.conditions(function)
        return its[: len(mine)] == mine

    def is_always_defined(self, name: str, function: Node) -> bool:
        """Return whether the macro ``name`` is defined, once and for all, where ``function`` is."""
        return name not in self.undefined and all(
            self.is_there(node, function) and node.start_byte < function.end_byte for node in self.defines.get(name, ())
        )

    @cached_property
    def globals(self) -> dict[str, list[Node]]:
        """Return the file's declarations of variables by name."""
        found: dict[str, list[Node]] = {}
        for node in self._outside_functions():
            if node.type == "declaration":
                for declarator in node.children_by_field_name("declarator"):
                    name = declared_name(declarator)
                    if name:
                        found.setdefault(name, []).append(node)
        return found

    def function(self, name: str) -> Node:
        """Return the only definition of ``name``. Raises Unreadable, Unsupported."""
        found = self.functions.get(name, [])
        if not found:
            raise Unreadable(f"{self.name}: no function is called {name}")
        if len(found) > 1:
            lines = ", ".join(str(node.start_point[0] + 1) for node in found)
            raise Unsupported(self.where(found[1]), f"{name} is defined {len(found)} times, in lines {lines}")
        check(self, found[0])
        return found[0]

    def _outside_functions(self) -> Iterator[Node]:
        stack = [self.root]
        while stack:
            node = stack.pop()
            yield node
            if node.type not in ("function_definition", "declaration"):
                stack.extend(reversed(node.children))


def check(source: Source, function: Node) -> None:
    """Raise Unsupported where the parser did not understand a part of ``function``."""
    for node in walk(function):
        if node.is_error or node.is_missing:
            shown = " ".join(text(node).split())[:40]
            what = f"a missing {node.type}" if node.is_missing else f"not understood: {shown}"
            macro = _stands_for_a_loop(node)
            raise Unsupported(source.where(node), f"{macro}(), a macro that stands for a loop" if macro else what)


def _stands_for_a_loop(missing: Node) -> str:
    """Return the name of what looks like a call between a statement and a block, "" where it is none."""
    statement = missing.parent
    if missing.type != ";" or statement is None or statement.type != "expression_statement":
        return ""
    call, block = next(iter(statement.named_children), None), statement.next_named_sibling
    if call is None or call.type != "call_expression" or block is None or block.type != "compound_statement":
        return ""
    return declared_name(call.child_by_field_name("function"))


def declared_name(node: Node | None) -> str:
    """Return the name that a declarator declares, "" for none."""
    while node is not None and node.type not in ("identifier", "field_identifier", "type_identifier"):
        inner = node.child_by_field_name("declarator")
        if inner is None and node.type in ("parenthesized_declarator", "attributed_declarator"):
            inner = node.named_children[0] if node.named_children else None
        node = inner
    return text(node) if node is not None else ""


def expression(body: str, where: str) -> Node:
    """Return the expression that the text of a macro is. Raises Unsupported."""
    root = parser().parse(f"int x = ({body});".encode()).root_node
    nodes = list(walk(root))
    values = [node.child_by_field_name("value") for node in nodes if node.type == "init_declarator"]
    if root.has_error or len(values) != 1 or values[0] is None or len(root.named_children) != 1:
        raise Unsupported(where, f"a macro that is no expression: {body[:40]}")
    return values[0]


_OPENING = b"({["
_NO_BRACKETS = bytes(set(range(256)) - set(b"(){}[]"))


def _most_brackets(data: bytes) -> int:
    depth = most = 0
    for bracket in data.translate(None, _NO_BRACKETS):
        if bracket in _OPENING:
            depth += 1
            most = max(most, depth)
        elif depth:
            depth -= 1
    return most
