"""A C function as a loop: its start runs to the first loop head, a turn from one loop head to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, make_dataclass, replace
from typing import Any

from model.c.expressions import Variable
from model.c.fill import NoEvents, Recording, read_fill
from model.c.flow import LoopHead, Step, live_at
from model.c.line import Test
from model.c.memory import Slots
from model.c.reader import Reader
from model.c.shape import parameters_of
from model.c.siblings import LOWEST, profile_of
from model.c.source import Source
from model.c.table import PAGE_SHIFT
from model.c.types import PAGE_ARRAY, CInt, DataModel
from model.c.values import (
    CALLERS_GFP,
    UNDEFINED,
    Block,
    Buffer,
    OrderMask,
    Special,
    Trouble,
    Unknown,
    callers_attrs,
    usable,
)  # fmt: skip
from model.events import DONE, FAILED, End
from model.gfp import Gfp
from model.kernel import Crash, Kernel, Unsupported
from model.loop import MOST_ORDERS, Call, Loop, OrderBits, Unwinding

MOST_PASSES = 10_000  # of a loop inside a turn that is no fill
MOST_STEPS = 200_000  # of one turn

BYTES = ("size", "len", "length", "size_bytes", "bytes")
NO_SIZE = "{} has no parameter that is a size or a page count"
PAGES = ("count", "nr_pages", "n", "npages", "num_pages", "nr", "n_pages", "page_count", "nr_small_pages")


@dataclass(frozen=True)
class Bound:
    """What a parameter stands for in a call."""

    name: str
    role: str  # bytes, pages, gfp, attrs, array, mask, fixed, unknown
    value: int = 0

    @property
    def number(self) -> str:
        """Return a fixed value as people write it: a mask in hexadecimal."""
        return hex(self.value) if self.value > 99 else str(self.value)

    def __str__(self) -> str:
        meaning = {
            "bytes": "n * PAGE_SIZE", "pages": "n", "gfp": "the caller's flags", "attrs": "the caller's attributes",
            "array": "a zeroed array of n slots", "fixed": self.number, "unknown": "anything",
            "mask": "any mask of orders",
        }  # fmt: skip
        return f"{self.name} = {meaning[self.role]}"


def unread_at_a_glance(source: Source, name: str) -> str:
    """Return why a function cannot be read where that is plain without reading it, "" where it is not."""
    try:
        function = source.function(name)
    except Unsupported as trouble:
        return str(trouble)
    if profile_of(name).caller or any(one in BYTES + PAGES for one in parameters_of(function)):
        return ""
    return f"{source.where(function)}: {NO_SIZE.format(name)}"


class Frame:
    """The variables of one run of the function, and what it can reach."""

    def __init__(self, variables: list[Any], kernel: Kernel, call: Call, memory: Slots) -> None:
        self.vars = variables
        self.kernel = kernel
        self.call = call
        self.memory = memory
        self.buffers = 0
        self.newest: Block | None = None  # the block that this turn got last, while it is whole

    def trial(self, lines: Mapping[int, Any]) -> Frame:
        """Return a copy to read a fill in: some variables are lines, and nothing but stores may happen."""
        variables = list(self.vars)
        for index, line in lines.items():
            variables[index] = line
        kernel = NoEvents(self.kernel)
        return Frame(variables, kernel, self.call, Recording(self.memory, kernel))


class NoAllocator:
    """Before the first loop nothing is asked for."""

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Refuse to go on."""
        raise Unsupported("", "pages are asked for before the first loop")

    def free_pages(self, frame: int, order: int) -> None:
        """Refuse to go on."""
        raise Unsupported("", "pages are freed before the first loop")

    def store(self, slot: int, frame: int, pages: int) -> None:
        """Refuse to go on."""
        raise Unsupported("", "pages are stored before the first loop")

    def load(self, slot: int) -> int | None:
        """Return NULL: the array is new."""
        return None

    def erase(self, slot: int) -> None:
        """Do nothing: the array is new."""


class CFunction(Loop):
    """A function of a C file, in one data model, for one setting of what the kernel's configuration decides."""

    def __init__(
        self, source: Source, name: str, model: DataModel, configs: Mapping[str, bool] | None = None,
        constants: Mapping[str, int] | None = None, history: bool = False,
    ) -> None:  # fmt: skip
        self.source = source
        self.name = name
        self.model = model
        self.reader = Reader(source, name, model, dict(configs or {}), dict(constants or {}))
        self.code = self.reader.steps
        self.unset = [
            Trouble(UNDEFINED, f"{source.name}: {v.name} is used before it holds a value")
            for v in self.reader.variables
        ]
        self.live = live_at(self.code)
        self.line = self.reader.line
        self.history = history  # follow from which slot on nothing was ever stored
        self.bounds = [self._bound(variable, constants or {}) for variable in self.reader.parameters]
        if not any(bound.role in ("bytes", "pages") for bound in self.bounds):
            raise Unsupported(f"{source.name}:{self.line}", NO_SIZE.format(name))
        if not any(head.cut and head.asks for head in self.reader.heads):
            raise Unsupported(f"{source.name}:{self.line}", f"{name} has no loop that asks the page allocator")
        order = next((bound.value for bound in self.bounds if bound.name == profile_of(name).only_order), 0)
        self.lowest_order = next((bound.value for bound in self.bounds if bound.role == "mask"), None)
        self.grain = 1 << (self.lowest_order or order)
        self.states = {head.start: self._state_type(head) for head in self.reader.heads if head.cut}
        self.at = self.code[0]  # the step that was read last
        self.missed = False  # in some turn so far, a slot was read that the turn had not written

    # -- what an engine asks

    def ranges(self) -> dict[str, tuple[int, int]]:
        """Return the range of each variable of a state, by its type."""
        found = {v.name: (v.kind.low, v.kind.high) for v in self.reader.variables if isinstance(v.kind, CInt)}
        arrays = [v.name for v in self.reader.variables if v.kind == PAGE_ARRAY]
        return found | {f"{name}.slots": (0, self.model.size_t.high) for name in arrays}

    def left_out(self) -> Mapping[str, str]:
        """Return the claims that a sibling of the ARM loop does not promise, each with the reason."""
        profile = profile_of(self.name)
        if self.lowest_order is None:
            return profile.left_out
        return {**profile.left_out, **profile.of_any_mask, **(profile.above_order_0 if self.lowest_order else {})}

    def position(self) -> str:
        """Return file:line of the step that was read last."""
        return f"{self.at.where}: "

    @property
    def most_n(self) -> int:
        """Return the largest n that the size or the count can express; the buffer's bytes fit in a size_t."""
        limits = [self.model.size_t.high >> PAGE_SHIFT]
        for variable, bound in zip(self.reader.parameters, self.bounds, strict=True):
            assert isinstance(variable.kind, CInt) or bound.role not in ("bytes", "pages")
            if isinstance(variable.kind, CInt) and bound.role in ("bytes", "pages"):
                limits.append(variable.kind.high >> (PAGE_SHIFT if bound.role == "bytes" else 0))
        return min(limits)

    def start(self, call: Call) -> Any:
        """Return the state at the first loop head that is cut, or the End of a call that never comes to one."""
        nowhere = NoAllocator()
        frame = Frame(list(self.unset), Kernel(nowhere, nowhere), call, self._slots(nowhere))
        frame.memory.stored_to = 0 if self.history else None
        for variable, bound in zip(self.reader.parameters, self.bounds, strict=True):
            frame.vars[variable.index] = self._passed(bound, call)
        return self._run(0, frame)

    def turn(self, call: Call, state: Any, kernel: Kernel) -> Any:
        """Go on from one loop head to the next, or to the end."""
        frame = Frame(list(self.unset), kernel, call, Slots(kernel))
        frame.memory.freed = state.freed
        frame.memory.stored_to = state.stored_to if self.history else None
        at = next(start for start, (kind, _) in self.states.items() if kind is state.__class__)
        few_valued = profile_of(self.name).few_valued
        for name, index in self.states[at][1]:
            value = getattr(state, name).__index__() if name in few_valued else getattr(state, name)
            frame.vars[index] = replace(value, passed=self._mask(call)) if isinstance(value, OrderMask) else value
        frame.buffers = 1
        after = self._run(at, frame)
        self.missed |= frame.memory.missed and not isinstance(state, Unwinding)
        return after

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Any:
        """Take one pass of a loop that frees."""
        return self.turn(call, state, kernel)

    # -- running flat code

    def _run(self, at: int, frame: Frame) -> Any:
        code, first, failed, passes = self.code, at, set[int](), 0
        for _ in range(MOST_STEPS):
            step = self.at = code[at]
            if step.kind == "do":
                step.run(frame)
                at += 1
            elif step.kind == "branch":
                at = at + 1 if step.run(frame) else step.target
            elif step.kind == "jump":
                at = step.target
            elif step.kind == "return":
                return self._end(step, frame)
            else:
                head = step.loop
                assert head is not None
                if head.cut:
                    if at != first:
                        return self._state(at, frame)
                    first = -1
                elif not head.asks and at not in failed and not self._fill(head, frame):
                    failed.add(at)
                else:
                    passes += 1
                    if passes > MOST_PASSES:
                        raise Unsupported(step.where, f"a loop of more than {MOST_PASSES} passes in one turn")
                at += 1
        raise Unsupported(f"{self.source.name}:{self.line}", f"a turn of more than {MOST_STEPS} steps")

    def _fill(self, head: LoopHead, frame: Frame) -> bool:
        """Take the passes of ``head`` at once, if it is a fill; return whether it is worth asking again."""
        changes = {v: step for v, step in head.changes.items() if v in self.live[head.start]}
        deltas = {v: step for v, step in changes.items() if step is not None}
        if len(deltas) < len(changes) or any(isinstance(frame.vars[v], Special) for v in deltas):
            return False

        def run_pass(trial: Frame, tests: list[Test]) -> list[Test] | None:
            at, decided = head.start + 1, list[Test]()
            while at != head.start:
                step = self.code[at]
                if step.kind in ("head", "return") or not head.start < at < head.end:
                    return None
                before = len(tests)
                if step.kind == "branch":
                    taken = step.run(trial)
                    if step.target == head.end:
                        decided += tests[before:]
                    at = at + 1 if taken else step.target
                elif step.kind == "jump":
                    at = step.target
                else:
                    step.run(trial)
                    at += 1
            return decided

        return read_fill(frame, deltas, run_pass)

    def _state(self, at: int, frame: Frame) -> Any:
        frame.memory.flush(nulls=True)
        kind, names = self.states[at]
        values = {name: frame.vars[index] for name, index in names}
        values |= {
            name: replace(value.settled(), passed=None)
            for name, value in values.items()
            if isinstance(value, OrderMask)
        }
        values["freed"] = frame.memory.freed
        if self.history:
            values["stored_to"] = frame.memory.stored_to
        if issubclass(kind, Unwinding):
            values.setdefault("i", 0)
        return kind(**values)

    def _end(self, step: Step, frame: Frame) -> End:
        frame.memory.flush(nulls=True)
        value = usable(step.run(frame))
        if value is None:
            return FAILED
        if not isinstance(value, Buffer):
            raise Unsupported(step.where, f"returns {value}, which is not the page array")
        if frame.memory.freed:
            raise Crash(UNDEFINED, f"{step.where}: the page array is returned after it was freed")
        return DONE

    # -- states and parameters

    def _state_type(self, head: LoopHead) -> tuple[type, list[tuple[str, int]]]:
        live = [v for v in self.reader.variables if v.index in self.live[head.start]]
        names = [(v.name.replace("()", "_result"), v.index) for v in live]
        columns: list[tuple[str, Any]] = [(name, Any) for name, _ in names] + [("freed", bool)]
        columns += [("stored_to", int)] if self.history else []
        base = () if head.asks else (Unwinding,)
        kind = make_dataclass(head.name, columns, frozen=True, bases=base)
        assert all(f.name in dict(columns) or f.name == "i" for f in fields(kind))
        return kind, names

    def _bound(self, variable: Variable, fixed: Mapping[str, int]) -> Bound:
        name, kind = variable.name, variable.kind
        if name in fixed:
            return Bound(name, "fixed", fixed[name])
        if kind == self.model.gfp_t:
            return Bound(name, "gfp")
        if name == profile_of(self.name).order_mask:
            return Bound(name, "mask", fixed.get(LOWEST, 0))
        if kind == PAGE_ARRAY:
            return Bound(name, "array")
        if isinstance(kind, CInt) and name in BYTES:
            return Bound(name, "bytes")
        if isinstance(kind, CInt) and name in PAGES:
            return Bound(name, "pages")
        if isinstance(kind, CInt) and name == "attrs":
            return Bound(name, "attrs")
        return Bound(name, "unknown")

    def _passed(self, bound: Bound, call: Call) -> Any:
        if bound.role == "bytes":
            return call.n * (1 << PAGE_SHIFT)
        if bound.role == "mask":
            every = range(bound.value, self.model.ulong.high.bit_length())
            return OrderMask(frozenset(every), frozenset({bound.value}), self._mask(call))
        if bound.role == "attrs":
            return callers_attrs(call.single_pages)
        others = {"pages": call.n, "gfp": CALLERS_GFP, "array": Buffer(call.n), "fixed": bound.value}
        return others.get(bound.role, Unknown(bound.name))

    def _mask(self, call: Call) -> OrderBits:
        """Return the mask of orders that was passed: every order, where the call says nothing."""
        return call.order_mask or OrderBits((True,) * MOST_ORDERS, self.lowest_order or 0)

    def _slots(self, memory: NoAllocator) -> Slots:
        return Slots(Kernel(memory, memory))
