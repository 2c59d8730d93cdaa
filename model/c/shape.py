"""Which functions of a file are of this family: found by shape, a page allocator asked inside a loop for an order that
is not a constant, in the function itself or in one of the same file that it calls there.

An order is a constant if it is computed from literals, names in capitals, sizeof and locals assigned once, from the
like. An allocator in bulk names no order: every block of it is a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap

from tree_sitter import Node

from model.c.source import Source, declared_name, text, walk
from model.c.table import called
from model.kernel import Unsupported

LOOPS = ("while_statement", "for_statement", "do_statement")
ORDER_AT = {  # the place of the order among the arguments, whatever ends in _noprof too
    "alloc_pages": 1, "alloc_pages_node": 2, "alloc_pages_exact_node": 2, "alloc_pages_vma": 1, "alloc_pages_mpol": 1,
    "alloc_pages_current": 1, "__alloc_pages": 1, "__alloc_pages_nodemask": 1, "__alloc_pages_node": 2,
    "alloc_frozen_pages": 1, "__alloc_frozen_pages": 1, "folio_alloc": 1, "folio_alloc_mpol": 1, "__folio_alloc": 1,
    "__folio_alloc_node": 1, "filemap_alloc_folio": 1, "vma_alloc_folio": 1, "__get_free_pages": 1,
    "get_free_pages": 1, "__get_dma_pages": 1, "__get_dma32_pages": 1, "dev_alloc_pages": 0, "__dev_alloc_pages": 1,
}  # fmt: skip
QUICK = (b"alloc_pages", b"folio_alloc", b"alloc_folio", b"alloc_frozen", b"get_free_pages", b"get_dma")
IN_EACH = (b"_pages", b"folio")  # one of them is in each name above
MENTIONS = re.compile(rb"\b(%b)(?:_noprof)?\s*\(" % "|".join(ORDER_AT).encode())
PLAIN = rb"[^()\"'/#,]"  # no comment, text or directive
ARGUMENT = rb"%b*(?:\((?:%b|,)*\)%b*)*," % (PLAIN, PLAIN, PLAIN)
A_NUMBER = [re.compile(rb"(?:%b){%d}\s*\d+\s*[,)]" % (ARGUMENT, place)) for place in range(3)]  # by the order's place
PURE = ("get_order", "ilog2", "fls", "__fls", "__ffs", "min", "max", "min_t", "max_t", "BIT", "order_base_2")
ANYTHING = -1  # an order that depends on more than the function's own parameters
Depends = frozenset[int]  # on the parameters of these places, or on ANYTHING; nothing: a constant


def asks_allocator(data: bytes | mmap) -> bool:
    """Return whether the text of a file asks an allocator for blocks: a quick filter before parsing."""
    if all(data.find(word) < 0 for word in IN_EACH):
        return False
    return any(data.find(word) >= 0 for word in QUICK) and asks(data)


def asks(data: bytes | mmap) -> bool:
    """Return whether a text calls an allocator of blocks, and not with a plain number for the order."""
    calls = MENTIONS.finditer(data)
    return any(A_NUMBER[ORDER_AT[call[1].decode()]].match(data, call.end()) is None for call in calls)


def families(source: Source) -> list[str]:
    """Return the functions that ask for blocks of a varying order inside a loop, in the order of the file."""
    shapes = Shapes(source)
    return [name for name in source.functions if name in shapes.near and shapes.is_family(name)]


def parameters_of(function: Node) -> list[str]:
    """Return the names of a function's parameters, in their order."""
    listed = next((node for node in _nodes(function) if node.type == "parameter_list"), None)
    return [name for name in _listed(listed) if name] if listed is not None else []


class Shapes:
    """What the functions of a file ask a page allocator for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.known: dict[str, Depends] = {}
        self.scopes: dict[int, _Scope] = {}
        self.near = self._near()

    def _near(self) -> set[str]:
        """Return the functions in which an allocator is asked, or a function in which one is, and so on."""
        texts = {name: b"".join(node.text or b"" for node in nodes) for name, nodes in self.source.functions.items()}
        found, new = set[str](), {name for name, body in texts.items() if asks(body)}
        while new:
            found |= new
            named = re.compile(rb"\b(?:%b)\s*\(" % "|".join(new).encode())
            new = {name for name, body in texts.items() if name not in found and named.search(body)}
        return found

    def _scope(self, function: Node) -> _Scope:
        if function.id not in self.scopes:
            self.scopes[function.id] = _Scope(function)
        return self.scopes[function.id]

    def is_family(self, name: str) -> bool:
        """Return whether a loop of ``name`` asks for blocks of an order that is not a constant."""
        for function in self.source.functions[name]:
            scope = self._scope(function)
            if any(self._order_of(call, scope, direct=True) for call in scope.calls if scope.is_in_loop(call)):
                return True
        return False

    def _order_of(self, call: Node, scope: _Scope, direct: bool) -> Depends:
        """Return what the orders depend on that a call asks for: itself, or in a function of the same file by an
        argument it is given; of an order that such a function finds by itself only its ``direct`` caller is told."""
        name = called(call)
        at = ORDER_AT.get(name.removesuffix("_noprof"))
        if (at is None and name not in self.near) or name in self.source.function_macros:
            return frozenset()
        arguments = call.child_by_field_name("arguments")
        nodes = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
        own = self.source.functions.get(name, [])
        if at is not None and not any(_is_static(function) for function in own):
            return scope.depends(nodes[at]) if at < len(nodes) else frozenset()
        asked = self._asked_by(name)
        passed = (scope.depends(nodes[place]) for place in asked if 0 <= place < len(nodes))
        return frozenset[int]().union(*passed, asked & {ANYTHING} if direct else ())

    def _asked_by(self, name: str) -> Depends:
        """Return what the orders depend on that the function ``name`` of this file asks for."""
        if name not in self.near:
            return frozenset()
        if name not in self.known:
            self.known[name] = frozenset()  # a recursive call adds nothing
            scopes = [self._scope(function) for function in self.source.functions.get(name, [])]
            calls = [(call, scope) for scope in scopes for call in scope.calls]
            self.known[name] = frozenset[int]().union(
                *(self._order_of(call, scope, direct=False) for call, scope in calls)
            )
        return self.known[name]


class _Scope:
    """The names of one function, its parameters and what is assigned to each; its calls, and where its loops are."""

    def __init__(self, function: Node) -> None:
        self.parameters: dict[str, int] = {}
        self.values: dict[str, list[Node | None]] = {}  # None: changed in another way than by "="
        self.asking: list[str] = []
        self.calls: list[Node] = []
        self.loops: list[tuple[int, int]] = []  # the bytes that each takes up
        for node in _nodes(function):
            kind = node.type
            if kind == "call_expression":
                self.calls.append(node)
            elif kind in LOOPS:
                self.loops.append(node.byte_range)
            elif kind == "expression_statement":
                self._iterated(node)
            elif kind == "parameter_list" and not self.parameters:
                self.parameters = {name: at for at, name in enumerate(_listed(node)) if name}
            elif kind == "init_declarator":
                self._assigned(node.child_by_field_name("declarator"), node.child_by_field_name("value"))
            elif kind == "declaration":
                for declared in node.children_by_field_name("declarator"):
                    self.values.setdefault(declared_name(declared), [])
            elif kind == "assignment_expression":
                plain = any(child.type == "=" for child in node.children)
                self._assigned(node.child_by_field_name("left"), node.child_by_field_name("right") if plain else None)
            elif kind == "update_expression" or (kind == "pointer_expression" and text(node)[0] == "&"):
                self._assigned(node.child_by_field_name("argument"), None)

    def is_in_loop(self, node: Node) -> bool:
        """Return whether a loop of the function holds ``node``."""
        return any(first <= node.start_byte < end for first, end in self.loops)

    def _iterated(self, node: Node) -> None:
        """Note what follows a macro such as list_for_each_entry(...) as a loop."""
        following = node.next_named_sibling if node.children[-1].is_missing else None
        if following is not None and node.named_children:
            first = node.named_children[0]
            if first.type == "call_expression" and "for_each" in called(first):
                self.loops.append(following.byte_range)

    def _assigned(self, left: Node | None, value: Node | None) -> None:
        self.values.setdefault(declared_name(left), []).append(value)

    def depends(self, order: Node) -> Depends:
        """Return what the expression ``order`` depends on."""
        if order.type in ("number_literal", "char_literal", "sizeof_expression", "comment", "type_descriptor"):
            return frozenset()
        if order.type == "identifier":
            return self._of_name(text(order))
        if order.type == "call_expression":
            if called(order) not in PURE:
                return frozenset({ANYTHING})
            inside = order.child_by_field_name("arguments")
        elif order.type.endswith("_expression") and order.type not in ("field_expression", "subscript_expression"):
            inside = order
        else:
            return frozenset({ANYTHING})
        children = inside.named_children if inside is not None else []
        return frozenset[int]().union(*(self.depends(child) for child in children))

    def _of_name(self, name: str) -> Depends:
        values = self.values.get(name, [])
        if name in self.parameters:
            return frozenset({ANYTHING} if values else {self.parameters[name]})
        if name not in self.values:
            return frozenset() if name == name.upper() else frozenset({ANYTHING})
        if len(values) != 1 or values[0] is None or name in self.asking:
            return frozenset({ANYTHING})
        self.asking.append(name)
        found = self.depends(values[0])
        self.asking.pop()
        return found


def _is_static(function: Node) -> bool:
    return any(text(child) == "static" for child in function.children if child.type == "storage_class_specifier")


def _listed(parameters: Node) -> list[str]:
    """Return the names in a list of parameters, "" for one without."""
    return [declared_name(child.child_by_field_name("declarator")) for child in parameters.named_children]


def _nodes(node: Node) -> Iterator[Node]:
    try:
        yield from walk(node)
    except Unsupported:  # too deep: reading the function says so
        return
