"""A C function, lowered to flat code: what its calls mean, callees of the same file read in their place."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from tree_sitter import Node

from model.c import table
from model.c.expressions import UNREAD, Compiled, Variable
from model.c.flow import Step
from model.c.names import Names
from model.c.siblings import around, profile_of
from model.c.source import Source, changes, sign_of, text, walk
from model.c.statements import assign, child_of
from model.c.types import VOID, CInt, DataModel, Opaque, Type
from model.c.values import UNDEFINED, Special, Trouble
from model.kernel import Unsupported


class Reader(Names):
    """Lowers one function. ``steps`` is the code, ``variables`` what it declares, parameters first."""

    def __init__(
        self, source: Source, name: str, model: DataModel, configs: dict[str, bool], constants: dict[str, int]
    ) -> None:
        self.source = source
        self.model = model
        self.configs = configs
        self.constants = constants
        self.asked_configs, self.used_constants, self.used = set(), set(), {}
        self.retold: set[str] = set()  # functions of around.c
        self.steps, self.variables, self.scopes, self.fixed = [], [], [{}], {}
        self.loops, self.heads, self.exits, self.labels, self.jumps, self.calls = [], [], [], {}, [], []
        self.inlined = 0
        self.expanding, self.brackets, self.alone, self.line_of_macro = [], None, True, ""
        self.arrays, self.reads, self.writes = {}, set(), set()
        function = source.function(name)
        self.line = function.start_point[0] + 1
        self.function = function
        self.outermost = source
        caller, mask = profile_of(name).caller, profile_of(name).order_mask
        self.each_attempt = mask != "" and mask not in constants  # is a turn of its own: a walk down any mask is long
        if caller:
            self.source = around()
            self.retold.add(caller)
            function = self.source.function(caller)
        self.kind = self.returned(function)
        self.parameters = [self.declare(n, kind) for n, kind in self.parameters_of(function)]
        for variable in self.parameters:
            if variable.name in constants:
                self._fix(variable, variable.name, constants[variable.name], function)
        self.calls.append((caller or name, 0, None, []))
        self.statement(_body(function))
        self.emit("return", lambda _: None, function)
        for step, label, node in self.jumps:
            if label not in self.labels:
                raise Unsupported(self.where(node), f"goto {label[1]}, a label that is not there")
            step.target = self.labels[label]
            if self.steps.index(step) >= step.target:
                self.never(step, node, "a goto backwards: a loop in disguise")

    # -- what expressions ask for

    def names_of_types(self) -> AbstractSet[str]:
        """Return the names that the file itself gives a meaning, of types and of macros."""
        return self.source.names_of_types

    def where(self, node: Node) -> str:
        """Return file:line of ``node``."""
        return self.line_of_macro or self.source.where(node)

    def call(self, node: Node) -> Compiled:
        """Return a call of a helper of the table, or of a function of the same file, which is read in its place."""
        name = table.called(node)
        arguments = node.child_by_field_name("arguments")
        if arguments is not None and (kind := self._cast_to(node)) is not None:
            return self.cast(arguments, kind, node)
        nodes = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
        if name in self.source.function_macros or name in self.source.macros:
            return self._unread_call(node, "a macro of the file's own, called")
        if name == "IS_ENABLED" and len(nodes) == 1:
            return self._config(text(nodes[0]))
        if name == "ARRAY_SIZE" and len(nodes) == 1:
            found = self._array(text(nodes[0]), node)
            if found is None:
                return self.unread(node, "an array that is not constant")
            length = found[0].length
            return Compiled(self.model.size_t, lambda _: length, length)
        read = table.helper(name)
        if read is not None and (name not in self.source.functions or name in table.EVEN_IF_DEFINED):
            self.used.setdefault(name, self.where(node))
            if name in table.ALLOCATORS:
                self._asks()
            if name in ("__free_pages", "__free_page"):
                for loop in self.loops:
                    loop.frees = True
            if name in table.UNASKED:
                if any(self._acts(inner) for argument in nodes for inner in walk(argument)):
                    return self.unread(node, "an argument that changes something")
                return read(self, node, ())
            return self._helped(read, name, node, nodes)
        for source in (self.source, self.outermost, around()):
            if name in source.functions:
                return self._inline(source, name, node, nodes)
        return self.unread(node, f"a call of {name}, which is in no table")

    _call_expression = call

    def _cast_to(self, node: Node) -> Type | None:
        """Return the type where a call is none, but a cast that the parser took for one: "(u64)(x)"."""
        function = node.child_by_field_name("function")
        if function is None or function.type != "parenthesized_expression":
            return None
        name = text(function)[1:-1].strip()
        known = self.named(name)
        return known if self.variable(name) is None and not isinstance(known, Opaque) else None

    def _helped(self, read: table.Helper, name: str, node: Node, nodes: list[Node]) -> Compiled:
        args = []
        for at, argument in enumerate(nodes):
            if at == 0 and name in table.TAKES_TYPE:
                kind = self.named(" ".join(text(argument).split()))
                if isinstance(kind, Opaque):
                    return self.unread(node, "a type that is not known")
                args.append(Compiled(kind, lambda _: None))
                continue
            args.append(self.expr(argument))
        used = range(len(args))
        if name in table.ALLOCATORS:  # a node or the like is of no interest
            used_at = [at for at in table.ALLOCATORS[name] if at is not None]
            if max(used_at, default=0) >= len(args):
                return self.unread(node, "too few arguments")
            unread = [args[at] for at in used_at if args[at].kind is UNREAD]
        else:
            unread = [args[at] for at in used if args[at].kind is UNREAD]
        if unread:
            return unread[0]
        try:
            return read(self, node, args)
        except (IndexError, ValueError):
            return self.unread(node, "another number of arguments")

    def _config(self, name: str) -> Compiled:
        self.asked_configs.add(name)
        value = int(self.configs.get(name, False))
        return Compiled(self.model.int, lambda _: value, value)

    # -- callees

    def _asks(self) -> None:
        """Note that the loops at hand ask the page allocator."""
        for loop in self.loops:
            loop.asks = True

    def _unread_call(self, node: Node, why: str) -> Compiled:
        self._asks()  # for all that is known
        return self.unread(node, why)

    def _inline(self, source: Source, name: str, node: Node, nodes: list[Node]) -> Compiled:
        if any(name == entered for entered, *_ in self.calls):
            return self._unread_call(node, "recursion")
        if self.expanding:
            return self._unread_call(node, "a call in a macro")
        inner, outer = node, node.parent
        while outer is not None and not outer.type.endswith("statement") and outer.type != "declaration":
            if outer.type == "conditional_expression" or sign_of(outer) in ("&&", "||"):
                return self._unread_call(node, "a call that is not always made, in an expression")
            beside = (part for child in outer.named_children if child != inner for part in walk(child))
            if outer.type != "init_declarator" and any(changes(part) or self._is_macro(part) for part in beside):
                return self._unread_call(node, "a call beside something else that changes something")
            inner, outer = outer, outer.parent
        if outer is not None and outer.type == "for_statement":
            return self._unread_call(node, "a call in the head of a for")
        if source is around() and self.source is not source:
            self.retold.add(name)
        function = source.function(name)
        if source is self.outermost and not source.is_there(function, self.function):
            return self._unread_call(node, "a function that is not always there")
        wanted = self.parameters_of(function)
        if len(wanted) != len(nodes):
            return self.unread(node, "another number of arguments than parameters")
        outer_reads, outer_writes = self.reads, self.writes
        values = [self.expr(argument) for argument in nodes]
        scopes, self.scopes = self.scopes, [{}]
        self.inlined += 1
        for (parameter, kind), value in zip(wanted, values, strict=True):
            variable = self.declare(parameter, kind)
            converted = self.converted(value, kind, node)
            if (
                isinstance(kind, CInt)
                and converted.constant is not None
                and not isinstance(converted.constant, Special)
            ):
                self._fix(variable, parameter, converted.constant, function)
            self.emit("do", assign(variable.index, converted.run), node, writes={variable.index})
        kind = self.returned(function)
        result = None if kind == VOID else self.declare(f"{name}()", kind)
        if result is not None:
            nothing = Trouble(UNDEFINED, f"{self.where(node)}: {name}() returns no value")
            self.emit("do", assign(result.index, lambda _: nothing), node, writes={result.index})
        returns: list[Step] = []
        self.calls.append((name, self.inlined, result, returns))
        caller, self.source = self.source, source
        self.statement(_body(function))
        self.source = caller
        self.calls.pop()
        self.scopes = scopes
        for step in returns:
            step.target = len(self.steps)
        self.reads, self.writes = outer_reads, outer_writes
        if result is None:
            return Compiled(VOID, lambda _: None)
        self.note(result, written=False)
        index = result.index
        return Compiled(kind, lambda f: f.vars[index])

    def _fix(self, variable: Variable, name: str, value: int, function: Node) -> None:
        """Note that the parameter called ``name`` is always ``value``, where nothing in its function may change it."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        if any(word.search(body) for bodies in self.source.macros.values() for body, _ in bodies):
            return
        places = ("assignment_expression", "update_expression", "pointer_expression")
        for node in walk(function):
            place = node.child_by_field_name("left") or node.child_by_field_name("argument")
            if node.type in places and place is not None and word.search(text(place)):
                return
        self.fixed[variable.index] = value


def _body(function: Node) -> Node:
    return child_of(function, "body")
