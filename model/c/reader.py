"""A C function, lowered to flat code: scopes, macros, callees of the same file, loops and jumps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tree_sitter import Node

from model.c import table
from model.c.arith import wrapped
from model.c.expressions import UNREAD, Compiled, Expressions, Variable, array_entry, settled, uninitialised
from model.c.flow import LoopHead, Step
from model.c.siblings import around, profile_of
from model.c.source import Source, declared_name, expression, text, walk
from model.c.types import PAGE, VOID, Array, CInt, DataModel, Opaque, Pointer, Type
from model.c.values import Bits, Special
from model.kernel import Unsupported

RESERVED = ("n", "watch", "freed", "stored_to", "memory", "ghost")  # names that a proof or a state has for its own
MOST_MACROS = 50  # expanded within each other
MOST_STEPS = 5_000  # of flat code, callees included


class Reader(Expressions):
    """Lowers one function. ``steps`` is the code, ``variables`` what it declares, parameters first."""

    def __init__(
        self, source: Source, name: str, model: DataModel, configs: dict[str, bool], constants: dict[str, int]
    ) -> None:
        self.source = source
        self.model = model
        self.configs = configs
        self.constants = constants
        self.asked_configs: set[str] = set()
        self.used_constants: set[str] = set()  # of ``constants``
        self.used: dict[str, str] = {}  # helper or constant of the table: where it was first used
        self.retold: set[str] = set()  # functions of around.c
        self.steps: list[Step] = []
        self.variables: list[Variable] = []
        self.scopes: list[dict[str, Variable]] = [{}]
        self.fixed: dict[int, int] = {}  # variable: the number that it always holds
        self.loops: list[LoopHead] = []
        self.heads: list[LoopHead] = []
        self.exits: list[tuple[list[Step], list[Step]]] = []  # of each open loop: its breaks, its continues
        self.labels: dict[tuple[int, str], int] = {}
        self.jumps: list[tuple[Step, tuple[int, str], Node]] = []
        self.calls: list[tuple[str, int, Variable | None, list[Step]]] = []  # the inlined callees, innermost last
        self.inlined = 0
        self.expanding: list[str] = []  # the macros being expanded, innermost last
        self.looked = False  # an entry of a constant array is read
        self.reads: set[int] = set()
        self.writes: set[int] = set()
        self.line_of_macro = ""
        self.line = source.function(name).start_point[0] + 1
        self.outermost = source  # where the function lies, and the others that it calls
        caller, mask = profile_of(name).caller, profile_of(name).order_mask
        self.each_attempt = mask != "" and mask not in constants  # is a turn of its own: a walk down any mask is long
        if caller:
            self.source = around()
            self.retold.add(caller)
        function = self.source.function(caller or name)
        self.kind = self._returned(function)
        self.parameters = [self._declare(n, kind) for n, kind in self._parameters(function)]
        for variable in self.parameters:
            if variable.name in constants:
                self._fix(variable, constants[variable.name], function)
        self.calls.append((caller or name, 0, None, []))
        self._statement(_body(function))
        self._emit("return", lambda _: None, function)
        for step, label, node in self.jumps:
            if label not in self.labels:
                raise Unsupported(self.where(node), f"goto {label[1]}, a label that is not there")
            step.target = self.labels[label]
            if self.steps.index(step) >= step.target:
                self._never(step, node, "a goto backwards: a loop in disguise")

    # -- what expressions ask for

    def where(self, node: Node) -> str:
        """Return file:line of ``node``."""
        return self.line_of_macro or self.source.where(node)

    def note(self, variable: Variable, written: bool) -> None:
        """Note that the step at hand reads or writes ``variable``."""
        (self.writes if written else self.reads).add(variable.index)
        if written:
            for head in self.loops:
                head.changes[variable.index] = None if variable.index in head.changes else self.moving

    def variable(self, name: str) -> Variable | None:
        """Return the variable in scope that is called ``name``."""
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

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
        known = table.constant(self, name)
        if known is None:
            return self.unread(node, "a name that is in no table")
        self.used.setdefault(name, self.where(node))
        return known

    def _macro(self, node: Node, name: str) -> Compiled:
        values = {body for body, _ in self.source.macros[name]}
        body, line = self.source.macros[name][0]
        if len(values) > 1 or name in self.source.function_macros:
            return self.unread(node, f"a macro that is defined {len(self.source.macros[name])} times, differently")
        if name in self.expanding or len(self.expanding) >= MOST_MACROS:
            return self.unread(node, "a macro that uses itself, or too many within each other")
        self.expanding.append(name)
        outer, where = self.line_of_macro, f"{self.source.name}:{line}"
        try:
            root = expression(body, where)
            self.line_of_macro = where
            return self.expr(root)
        except Unsupported as trouble:
            return self.unread(node, trouble.construct)
        finally:
            self.line_of_macro = outer
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
        self.looked = True
        return array_entry(kind, entries, self.expr(index).run, self.place(node))

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
            kind, size = self._base(declared[0]), _child(declarator, "declarator").child_by_field_name("size")
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

    def type_of(self, node: Node) -> Type:
        """Return the type that a type descriptor names."""
        kind = self._base(node)
        declarator = node.child_by_field_name("declarator")
        while declarator is not None:
            kind, declarator = Pointer(kind), declarator.child_by_field_name("declarator")
        return kind

    def call(self, node: Node) -> Compiled:
        """Return a call of a helper of the table, or of a function of the same file, which is read in its place."""
        name = table.called(node)
        arguments = node.child_by_field_name("arguments")
        if arguments is not None and (kind := self._cast_to(node)) is not None:
            return self.cast(arguments, kind, node)
        nodes = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
        if name == "IS_ENABLED" and len(nodes) == 1:
            return self._config(text(nodes[0]))
        if name == "ARRAY_SIZE" and len(nodes) == 1:
            found = self._array(text(nodes[0]), node)
            if found is None:
                return self.unread(node, "an array that is not constant")
            length = found[0].length
            return Compiled(self.model.size_t, lambda _: length, length)
        read = table.helper(name)
        if read is not None:
            self.used.setdefault(name, self.where(node))
            if name in table.ALLOCATORS:
                for loop in self.loops:
                    loop.asks = True
            if name in ("__free_pages", "__free_page"):
                for loop in self.loops:
                    loop.frees = True
            if name in table.UNASKED:
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
        return self.model.named.get(name) if self.variable(name) is None else None

    def _helped(self, read: table.Helper, name: str, node: Node, nodes: list[Node]) -> Compiled:
        args = []
        for at, argument in enumerate(nodes):
            if at == 0 and name in table.TAKES_TYPE:
                kind = self.model.named.get(text(argument)) or _keywords(self.model, text(argument))
                if kind is None:
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
        except IndexError:
            return self.unread(node, "too few arguments")

    def _config(self, name: str) -> Compiled:
        self.asked_configs.add(name)
        value = int(self.configs.get(name, False))
        return Compiled(self.model.int, lambda _: value, value)

    # -- callees

    def _inline(self, source: Source, name: str, node: Node, nodes: list[Node]) -> Compiled:
        if any(name == entered for entered, *_ in self.calls):
            return self.unread(node, "recursion")
        outer: Node | None = node.parent
        while outer is not None and not outer.type.endswith("statement") and outer.type != "declaration":
            sign = outer.child_by_field_name("operator")
            if outer.type == "conditional_expression" or (sign is not None and text(sign) in ("&&", "||")):
                return self.unread(node, "a call that is not always made, in an expression")
            outer = outer.parent
        if outer is not None and outer.type == "for_statement":
            return self.unread(node, "a call in the head of a for")
        if source is around() and self.source is not source:
            self.retold.add(name)
        function = source.function(name)
        wanted = self._parameters(function)
        if len(wanted) != len(nodes):
            return self.unread(node, "another number of arguments than parameters")
        outer_reads, outer_writes = self.reads, self.writes
        values = [self.expr(argument) for argument in nodes]
        scopes, self.scopes = self.scopes, [{}]
        self.inlined += 1
        for (parameter, kind), value in zip(wanted, values, strict=True):
            variable = self._declare(parameter, kind)
            converted = self.converted(value, kind, node)
            if converted.constant is not None and not isinstance(converted.constant, Special):
                self._fix(variable, converted.constant, function)
            self._emit("do", _assign(variable.index, converted.run), node, writes={variable.index})
        kind = self._returned(function)
        result = None if kind == VOID else self._declare(f"{name}()", kind)
        returns: list[Step] = []
        self.calls.append((name, self.inlined, result, returns))
        caller, self.source = self.source, source
        self._statement(_body(function))
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

    def _fix(self, variable: Variable, value: int, function: Node) -> None:
        """Note that a parameter is always ``value``, where its function never changes it."""
        places = ("assignment_expression", "update_expression", "pointer_expression")
        fields = ("left", "argument")
        for node in walk(function):
            place = next((c for f in fields if (c := node.child_by_field_name(f)) is not None), None)
            if node.type in places and place is not None and declared_name(place) == variable.name:
                return
        self.fixed[variable.index] = value

    # -- types and declarations

    def _base(self, node: Node) -> Type:
        kind = node.child_by_field_name("type")
        if kind is None:
            return Opaque("?")
        name = " ".join(text(kind).split())
        if kind.type in ("primitive_type", "sized_type_specifier"):
            if name in self.model.named:
                return self.model.named[name]
            return _keywords(self.model, name) or Opaque(name)
        if name == "struct page":
            return PAGE
        return self.model.named.get(name, Opaque(name))

    def _returned(self, function: Node) -> Type:
        kind = self._base(function)
        declarator = function.child_by_field_name("declarator")
        while declarator is not None and declarator.type == "pointer_declarator":
            kind, declarator = Pointer(kind), declarator.child_by_field_name("declarator")
        return kind

    def _parameters(self, function: Node) -> list[tuple[str, Type]]:
        declarator = function.child_by_field_name("declarator")
        while declarator is not None and declarator.type != "function_declarator":
            declarator = declarator.child_by_field_name("declarator")
        listed = declarator.child_by_field_name("parameters") if declarator is not None else None
        found = []
        for child in listed.named_children if listed is not None else ():
            if child.type == "parameter_declaration":
                declared = child.child_by_field_name("declarator")
                if declared is None:
                    continue
                found.append((declared_name(declared), self._pointers(child, declared)))
            elif child.type != "comment":
                raise Unsupported(self.where(child), "a variable number of arguments")
        return found

    def _pointers(self, declaration: Node, declarator: Node | None) -> Type:
        kind = self._base(declaration)
        while declarator is not None and declarator.type != "identifier":
            if declarator.type in ("pointer_declarator", "array_declarator"):
                kind = Pointer(kind)
            declarator = declarator.child_by_field_name("declarator")
        return kind

    def _declare(self, name: str, kind: Type) -> Variable:
        same = sum(variable.name == name or variable.name.startswith(f"{name}_no_") for variable in self.variables)
        own = f"{name}_no_{same + 1}" if same or name in RESERVED else name
        variable = Variable(len(self.variables), own, kind)
        self.variables.append(variable)
        self.scopes[-1][name] = variable
        return variable

    # -- statements

    def _emit(
        self, kind: str, run: Any, node: Node, target: int = -1, writes: set[int] | None = None,
        loop: LoopHead | None = None,
    ) -> Step:  # fmt: skip
        if len(self.steps) >= MOST_STEPS:
            raise Unsupported(self.where(node), f"more than {MOST_STEPS} steps")
        killed = set() if writes is None else writes
        step = Step(
            kind, run, target, self.source.where(node), frozenset(self.reads | (self.writes - killed)),
            frozenset(killed), loop,
        )  # fmt: skip
        for head in self.loops:
            for index in killed:
                head.changes.setdefault(index, None)
        self.reads, self.writes = set(), set()
        self.steps.append(step)
        return step

    def _never(self, step: Step, node: Node, construct: str) -> None:
        trouble = Unsupported(self.where(node), construct)

        def run(_: Any) -> Any:
            raise trouble

        step.kind, step.run = "do", run

    @contextmanager
    def _scope(self) -> Iterator[None]:
        self.scopes.append({})
        yield
        self.scopes.pop()

    def _statement(self, node: Node) -> None:
        self.depth += 1
        if self.depth > 90:
            raise Unsupported(self.where(node), "statements nested too deep")
        lower = getattr(self, f"_lower_{node.type}", None)
        if node.type in ("comment", ";"):
            pass
        elif lower is not None:
            lower(node)
        else:
            step = self._emit("do", None, node)
            self._never(step, node, node.type.replace("_", " "))
        self.depth -= 1

    def _lower_compound_statement(self, node: Node) -> None:
        with self._scope():
            for child in node.named_children:
                self._statement(child)

    def _lower_expression_statement(self, node: Node) -> None:
        for child in node.named_children:
            if child.type != "comment":
                found = self.expr(child)
                self._emit("do", found.run, node, writes=_surely_written(child, self))

    def _lower_declaration(self, node: Node) -> None:
        words = [text(child) for child in node.children]
        base = node.child_by_field_name("type")
        if base is not None and base.type == "type_identifier" and self.variable(text(base)) is not None:
            step = self._emit("do", None, node)
            return self._never(step, node, "a product that reads as a declaration")
        for declarator in node.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            inner = declarator.child_by_field_name("declarator") if declarator.type == "init_declarator" else declarator
            name = declared_name(inner)
            kind = self._pointers(node, inner)
            if (inner is not None and inner.type == "array_declarator") or "static" in words:
                variable = self._declare(name, UNREAD)
                trouble = Unsupported(self.where(node), f"an array or static variable in a function: {name}")
                self._emit("do", _assign(variable.index, _raises(trouble)), node, writes={variable.index})
            elif value is None:
                variable = self._declare(name, kind)
                nothing = uninitialised(self.where(node), name)
                self._emit("do", _assign(variable.index, lambda _, v=nothing: v), node, writes={variable.index})
            else:
                variable = self._declare(name, kind)  # in scope of its own initializer: "sizeof(*pages)"
                converted = self.converted(self.expr(value), kind, declarator)
                self._emit("do", _assign(variable.index, converted.run), node, writes={variable.index})
        return None

    def _branch(self, condition: Node) -> Step:
        return self._emit("branch", self.truth(condition), condition)

    def _jump(self, node: Node, target: int = -1) -> Step:
        return self._emit("jump", None, node, target)

    def _decided(self, condition: Node) -> bool | None:
        """Return the value of a condition on a parameter that is always the same, None for any other."""
        if condition.type == "parenthesized_expression":
            return self._decided(condition.named_children[0])
        if condition.type == "unary_expression" and text(_child(condition, "operator")) == "!":
            inside = self._decided(_child(condition, "argument"))
            return None if inside is None else not inside
        variable = self.variable(text(condition)) if condition.type == "identifier" else None
        return None if variable is None or variable.index not in self.fixed else self.fixed[variable.index] != 0

    def _lower_if_statement(self, node: Node) -> None:
        alternative = node.child_by_field_name("alternative")
        decided = self._decided(_child(node, "condition"))
        if decided is not None and all(inner.type != "labeled_statement" for inner in walk(node)):
            taken = [_child(node, "consequence")] if decided else alternative.named_children if alternative else []
            for child in taken:
                self._statement(child)
            return
        branch = self._branch(_child(node, "condition"))
        self._statement(_child(node, "consequence"))
        if alternative is None:
            branch.target = len(self.steps)
            return
        over = self._jump(node)
        branch.target = len(self.steps)
        for child in alternative.named_children:
            self._statement(child)
        over.target = len(self.steps)

    @contextmanager
    def _loop(self, node: Node) -> Iterator[tuple[LoopHead, list[Step], list[Step]]]:
        name = f"{'around_' if self.source is around() else ''}line_{node.start_point[0] + 1}"
        head = LoopHead(name, inside=self.loops[-1] if self.loops else None)
        self.heads.append(head)
        self.loops.append(head)
        breaks: list[Step] = []
        continues: list[Step] = []
        self.exits.append((breaks, continues))
        head.start = len(self.steps)
        self._emit("head", None, node, loop=head)
        yield head, breaks, continues
        head.end = len(self.steps)
        for step in breaks:
            step.target = head.end
        self.exits.pop()
        self.loops.pop()
        retold = len(self.calls) > 1 and self.source is around()
        if head.asks and not head.holds and (retold or self.each_attempt):
            head.own = True
            for outer in self.loops:
                outer.holds = True

    def _lower_while_statement(self, node: Node) -> None:
        with self._loop(node) as (head, breaks, continues):
            breaks.append(self._branch(_child(node, "condition")))
            self._statement(_child(node, "body"))
            for step in continues:
                step.target = head.start
            self._jump(node, head.start)

    def _lower_do_statement(self, node: Node) -> None:
        with self._loop(node) as (head, breaks, continues):
            self._statement(_child(node, "body"))
            for step in continues:
                step.target = len(self.steps)
            breaks.append(self._branch(_child(node, "condition")))
            self._jump(node, head.start)

    def _lower_for_statement(self, node: Node) -> None:
        with self._scope():
            first = node.child_by_field_name("initializer")
            if first is not None:
                if first.type == "declaration":
                    self._statement(first)
                else:
                    self._emit("do", self.expr(first).run, first, writes=_surely_written(first, self))
            with self._loop(node) as (head, breaks, continues):
                condition, update = node.child_by_field_name("condition"), node.child_by_field_name("update")
                if condition is not None:
                    breaks.append(self._branch(condition))
                self._statement(_child(node, "body"))
                for step in continues:
                    step.target = len(self.steps)
                if update is not None:
                    self._emit("do", self.expr(update).run, update, writes=_surely_written(update, self))
                self._jump(node, head.start)

    def _lower_break_statement(self, node: Node) -> None:
        if not self.exits:
            return self._never(self._emit("do", None, node), node, "a break outside a loop")
        self.exits[-1][0].append(self._jump(node))
        return None

    def _lower_continue_statement(self, node: Node) -> None:
        if not self.exits:
            return self._never(self._emit("do", None, node), node, "a continue outside a loop")
        self.exits[-1][1].append(self._jump(node))
        return None

    def _lower_goto_statement(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        self.jumps.append((self._jump(node), (self.calls[-1][1], text(label) if label else ""), node))

    def _lower_labeled_statement(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        self.labels[self.calls[-1][1], text(label) if label else ""] = len(self.steps)
        for child in node.named_children:
            if child != label:
                self._statement(child)

    def _lower_return_statement(self, node: Node) -> None:
        values = [child for child in node.named_children if child.type != "comment"]
        _, inlined, result, returns = self.calls[-1]
        kind = self.kind if not inlined else (result.kind if result is not None else VOID)
        value = self.converted(self.expr(values[0]), kind, node) if values else Compiled(VOID, lambda _: None)
        if not inlined:
            self._emit("return", value.run, node)
            return
        if result is not None:
            self._emit("do", _assign(result.index, value.run), node, writes={result.index})
        else:
            self._emit("do", value.run, node)
        returns.append(self._jump(node))

    # -- CONFIG tests: both ways, one reading each

    def _lower_preproc_ifdef(self, node: Node) -> None:
        name = text(_child(node, "name"))
        taken = self._defined(name, node) == (node.children[0].type == "#ifdef")
        self._one_side(node, taken, skip=1)

    def _lower_preproc_if(self, node: Node) -> None:
        condition = _child(node, "condition")
        found = self.expr(condition) if condition.type != "preproc_defined" else None
        if found is not None and found.constant is not None:
            return self._one_side(node, bool(found.constant), skip=1)
        return self._never(self._emit("do", None, node), node, f"#if {text(condition)[:40]}")

    def _defined(self, name: str, node: Node) -> bool:
        if not name.startswith("CONFIG_"):
            return name in self.source.macros
        self.asked_configs.add(name)
        return bool(self.configs.get(name, False))

    def _one_side(self, node: Node, taken: bool, skip: int) -> None:
        other = node.child_by_field_name("alternative")
        if taken:
            for child in node.named_children[skip:]:
                if child != other:
                    self._statement(child)
        elif other is not None:
            if other.type == "preproc_else":
                for child in other.named_children:
                    self._statement(child)
            else:
                self._never(self._emit("do", None, other), other, "#elif")


def _assign(index: int, run: Any) -> Any:
    def assign(f: Any) -> None:
        f.vars[index] = settled(run(f))

    return assign


def _raises(trouble: Exception) -> Any:
    def run(_: Any) -> Any:
        raise trouble

    return run


def _is_entry(entry: Compiled, kind: CInt) -> bool:
    """Return whether a constant is one of an array of ``kind``: a number, or flags among flags."""
    flags = isinstance(entry.constant, Bits)
    return entry.constant is not None and (kind.name == "gfp_t" if flags else not isinstance(entry.constant, Special))


def _entry(constant: Any, kind: CInt) -> Any:
    return constant if isinstance(constant, Bits) else wrapped(constant, kind)


def _body(function: Node) -> Node:
    return _child(function, "body")


def _child(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    if found is None:
        raise Unsupported(f"line {node.start_point[0] + 1}", f"{node.type} without its {name}")
    return found


def _keywords(model: DataModel, name: str) -> CInt | None:
    try:
        return model.from_words(name.split())
    except ValueError:
        return None


def _surely_written(node: Node, reader: Reader) -> set[int]:
    """Return the variable that the expression surely assigns: the target of an assignment that is all of it."""
    if node.type == "assignment_expression":
        left = node.child_by_field_name("left")
        variable = reader.variable(text(left)) if left is not None and left.type == "identifier" else None
        return {variable.index} if variable is not None else set()
    return set()
