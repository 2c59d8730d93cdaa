"""Statements of C, lowered to flat code: branches, loops, jumps, and the two sides of a CONFIG_ test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tree_sitter import Node

from model.c.declarations import Declarations
from model.c.expressions import UNREAD, Compiled, Variable
from model.c.flow import LoopHead, Step
from model.c.siblings import around
from model.c.source import Source, declared_name, sign_of, text, walk
from model.c.types import VOID, Type
from model.c.values import UNDEFINED, Trouble, settled
from model.kernel import Unsupported

MOST_STEPS = 5_000  # of flat code, callees included


class Statements(Declarations):
    """Lowers statements, each behind the other, to ``steps``."""

    source: Source
    steps: list[Step]
    loops: list[LoopHead]  # those that are open, innermost last
    heads: list[LoopHead]
    exits: list[tuple[list[Step], list[Step]]]  # of each open loop: its breaks, its continues
    labels: dict[tuple[int, str], int]
    jumps: list[tuple[Step, tuple[int, str], Node]]
    calls: list[tuple[str, int, Variable | None, list[Step]]]  # the inlined callees, innermost last
    kind: Type  # what the function returns
    fixed: dict[int, int]  # variable: the number that it always holds
    each_attempt: bool  # each pass that asks is a turn of its own
    configs: dict[str, bool]
    asked_configs: set[str]
    reads: set[int]  # of the step at hand
    writes: set[int]

    def emit(
        self, kind: str, run: Any, node: Node, target: int = -1, writes: set[int] | None = None,
        loop: LoopHead | None = None,
    ) -> Step:  # fmt: skip
        """Return a step that is added to the code; what was read and written since the last one is its own."""
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

    def never(self, step: Step, node: Node, construct: str) -> None:
        """Let a step say that it cannot be read, when it is reached."""
        trouble = Unsupported(self.where(node), construct)

        def run(_: Any) -> Any:
            raise trouble

        step.kind, step.run = "do", run

    @contextmanager
    def _scope(self) -> Iterator[None]:
        self.scopes.append({})
        yield
        self.scopes.pop()

    def statement(self, node: Node) -> None:
        """Lower one statement. Raises Unsupported."""
        self.depth += 1
        if self.depth > 90:
            raise Unsupported(self.where(node), "statements nested too deep")
        lower = getattr(self, f"_lower_{node.type}", None)
        if node.type in ("comment", ";"):
            pass
        elif lower is not None:
            lower(node)
        else:
            step = self.emit("do", None, node)
            self.never(step, node, node.type.replace("_", " "))
        self.depth -= 1

    def _lower_compound_statement(self, node: Node) -> None:
        with self._scope():
            for child in node.named_children:
                self.statement(child)

    def _lower_expression_statement(self, node: Node) -> None:
        for child in node.named_children:
            if child.type != "comment":
                found = self.expr(child)
                self.emit("do", found.run, node, writes=_surely_written(child, self))

    def _lower_declaration(self, node: Node) -> None:
        words = [text(child) for child in node.children]
        base = node.child_by_field_name("type")
        if base is not None and base.type == "type_identifier" and self.variable(text(base)) is not None:
            step = self.emit("do", None, node)
            return self.never(step, node, "a product that reads as a declaration")
        for declarator in node.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            inner = declarator.child_by_field_name("declarator") if declarator.type == "init_declarator" else declarator
            name = declared_name(inner)
            kind = self.pointers(node, inner)
            if (inner is not None and inner.type == "array_declarator") or "static" in words:
                variable = self.declare(name, UNREAD)
                trouble = Unsupported(self.where(node), f"an array or static variable in a function: {name}")
                self.emit("do", assign(variable.index, _raises(trouble)), node, writes={variable.index})
            elif value is None:
                variable = self.declare(name, kind)
                nothing = Trouble(UNDEFINED, f"{self.where(node)}: {name} is used before it holds a value")
                self.emit("do", assign(variable.index, lambda _, v=nothing: v), node, writes={variable.index})
            else:
                variable = self.declare(name, kind)  # in scope of its own initializer: "sizeof(*pages)"
                converted = self.converted(self.expr(value), kind, declarator)
                self.emit("do", assign(variable.index, converted.run), node, writes={variable.index})
        return None

    def _branch(self, condition: Node) -> Step:
        return self.emit("branch", self.truth(condition), condition)

    def _jump(self, node: Node, target: int = -1) -> Step:
        return self.emit("jump", None, node, target)

    def _decided(self, condition: Node) -> bool | None:
        """Return the value of a condition on a parameter that is always the same, None for any other."""
        if condition.type == "parenthesized_expression":
            return self._decided(condition.named_children[0])
        if condition.type == "unary_expression" and text(child_of(condition, "operator")) == "!":
            inside = self._decided(child_of(condition, "argument"))
            return None if inside is None else not inside
        variable = self.variable(text(condition)) if condition.type == "identifier" else None
        return None if variable is None or variable.index not in self.fixed else self.fixed[variable.index] != 0

    def _lower_if_statement(self, node: Node) -> None:
        alternative = node.child_by_field_name("alternative")
        decided = self._decided(child_of(node, "condition"))
        if decided is not None and all(inner.type != "labeled_statement" for inner in walk(node)):
            taken = [child_of(node, "consequence")] if decided else alternative.named_children if alternative else []
            for child in taken:
                self.statement(child)
            return
        branch = self._branch(child_of(node, "condition"))
        self.statement(child_of(node, "consequence"))
        if alternative is None:
            branch.target = len(self.steps)
            return
        over = self._jump(node)
        branch.target = len(self.steps)
        for child in alternative.named_children:
            self.statement(child)
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
        self.emit("head", None, node, loop=head)
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
            breaks.append(self._branch(child_of(node, "condition")))
            self.statement(child_of(node, "body"))
            for step in continues:
                step.target = head.start
            self._jump(node, head.start)

    def _lower_do_statement(self, node: Node) -> None:
        with self._loop(node) as (head, breaks, continues):
            self.statement(child_of(node, "body"))
            for step in continues:
                step.target = len(self.steps)
            breaks.append(self._branch(child_of(node, "condition")))
            self._jump(node, head.start)

    def _lower_for_statement(self, node: Node) -> None:
        with self._scope():
            first = node.child_by_field_name("initializer")
            if first is not None:
                if first.type == "declaration":
                    self.statement(first)
                else:
                    self.emit("do", self.expr(first).run, first, writes=_surely_written(first, self))
            with self._loop(node) as (head, breaks, continues):
                condition, update = node.child_by_field_name("condition"), node.child_by_field_name("update")
                if condition is not None:
                    breaks.append(self._branch(condition))
                self.statement(child_of(node, "body"))
                for step in continues:
                    step.target = len(self.steps)
                if update is not None:
                    self.emit("do", self.expr(update).run, update, writes=_surely_written(update, self))
                self._jump(node, head.start)

    def _lower_break_statement(self, node: Node) -> None:
        if not self.exits:
            return self.never(self.emit("do", None, node), node, "a break outside a loop")
        self.exits[-1][0].append(self._jump(node))
        return None

    def _lower_continue_statement(self, node: Node) -> None:
        if not self.exits:
            return self.never(self.emit("do", None, node), node, "a continue outside a loop")
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
                self.statement(child)

    def _lower_return_statement(self, node: Node) -> None:
        values = [child for child in node.named_children if child.type != "comment"]
        _, inlined, result, returns = self.calls[-1]
        kind = self.kind if not inlined else (result.kind if result is not None else VOID)
        value = self.converted(self.expr(values[0]), kind, node) if values else Compiled(VOID, lambda _: None)
        if not inlined:
            self.emit("return", value.run, node)
            return
        if result is not None:
            self.emit("do", assign(result.index, value.run), node, writes={result.index})
        else:
            self.emit("do", value.run, node)
        returns.append(self._jump(node))

    # -- CONFIG tests: both ways, one reading each

    def _lower_preproc_ifdef(self, node: Node) -> None:
        name = text(child_of(node, "name"))
        if not name.startswith("CONFIG_"):
            return self.never(self.emit("do", None, node), node, f"#ifdef {name}: not known, unlike CONFIG_ options")
        self.asked_configs.add(name)
        taken = bool(self.configs.get(name, False)) == (node.children[0].type == "#ifdef")
        return self._one_side(node, taken, skip=1)

    def _lower_preproc_if(self, node: Node) -> None:
        condition = child_of(node, "condition")
        found = self.expr(condition) if not any(map(_computes, walk(condition))) else None
        if found is not None and found.constant is not None:
            return self._one_side(node, bool(found.constant), skip=1)
        return self.never(self.emit("do", None, node), node, f"#if {text(condition)[:40]}")

    def _one_side(self, node: Node, taken: bool, skip: int) -> None:
        other = node.child_by_field_name("alternative")
        if taken:
            for child in node.named_children[skip:]:
                if child != other:
                    self.statement(child)
        elif other is not None:
            if other.type == "preproc_else":
                for child in other.named_children:
                    self.statement(child)
            else:
                self.never(self.emit("do", None, other), other, "#elif")


def _computes(part: Node) -> bool:
    """Return whether ``part`` of an #if asks what is defined, or reckons: it does so in wider types than C."""
    return part.type == "preproc_defined" or sign_of(part) in ("+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "~")


def assign(index: int, run: Any) -> Any:
    """Return the step that gives a variable its value."""

    def put(f: Any) -> None:
        f.vars[index] = settled(run(f))

    return put


def _raises(trouble: Exception) -> Any:
    def run(_: Any) -> Any:
        raise trouble

    return run


def child_of(node: Node, name: str) -> Node:
    """Return a part of a node that must be there. Raises Unsupported."""
    found = node.child_by_field_name(name)
    if found is None:
        raise Unsupported(f"line {node.start_point[0] + 1}", f"{node.type} without its {name}")
    return found


def _surely_written(node: Node, reader: Statements) -> set[int]:
    """Return the variable that the expression surely assigns: the target of an assignment that is all of it."""
    if node.type == "assignment_expression":
        left = node.child_by_field_name("left")
        variable = reader.variable(text(left)) if left is not None and left.type == "identifier" else None
        return {variable.index} if variable is not None else set()
    return set()
