"""What is known of the kernel's own macros and helpers; whatever is not in here is not read.

A helper is a function from the reader, the call and its arguments to an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tree_sitter import Node

from model.c.expressions import NULL, Compiled
from model.c.operators import Operators
from model.c.pointers import page_of
from model.c.types import PAGE_ARRAY, PAGE_POINTER, VOID, CInt
from model.c.values import (
    DMA_ATTRS,
    GFP_FLAGS,
    UNDEFINED,
    Bits,
    Block,
    Buffer,
    OrderMask,
    PowerOf,
    Special,
    TopBit,
    Trouble,
    Unknown,
    gfp_of,
    number,
    usable,
)
from model.kernel import Crash, Unsupported

PAGE_SHIFT = 12  # 4 KiB pages: 32-bit ARM has no other; arm64 may be built with 14 or 16

Helper = Callable[[Operators, Node, Sequence[Compiled]], Compiled]

# how often their arguments are counted: gfp and order, by place; None: order 0
ALLOCATORS: dict[str, tuple[int, int | None]] = {
    "alloc_pages": (0, 1), "alloc_pages_noprof": (0, 1), "alloc_page": (0, None),
    "alloc_pages_node": (1, 2), "alloc_pages_node_noprof": (1, 2), "__alloc_pages_node": (1, 2),
}  # fmt: skip
ARRAYS: dict[str, tuple[tuple[int, ...], bool]] = {  # arguments whose product is the size in bytes; zeroed
    "kzalloc": ((0,), True), "vzalloc": ((0,), True), "kvzalloc": ((0,), True), "kcalloc": ((0, 1), True),
    "kvcalloc": ((0, 1), True), "vcalloc": ((0, 1), True), "kmalloc": ((0,), False), "vmalloc": ((0,), False),
    "kvmalloc": ((0,), False), "kmalloc_array": ((0, 1), False), "kvmalloc_array": ((0, 1), False),
}  # fmt: skip
FREES_ARRAY = ("kvfree", "kfree", "vfree")
NOTHING = (
    "cond_resched", "might_sleep", "pr_err", "pr_warn", "pr_info", "pr_debug", "dev_err", "dev_warn", "dev_dbg",
    "touch_nmi_watchdog",
)  # fmt: skip
NEVER = ("fatal_signal_pending",)  # assumed: 0
ANYTHING = ("dev_to_node", "numa_node_id", "numa_mem_id", "page_to_nid")  # a value that no claim looks at
UNASKED = (*NOTHING, *NEVER, *ANYTHING)  # their arguments are not read
EVEN_IF_DEFINED = (*ARRAYS, *FREES_ARRAY, "__dma_clear_buffer")  # known, though the file at hand may define them


def constant(reader: Operators, name: str) -> Compiled | None:
    """Return the kernel's constant ``name``, None when the table has none."""
    model = reader.model
    if name in GFP_FLAGS:
        bits = Bits(GFP_FLAGS[name])
        return Compiled(model.gfp_t, lambda _: bits, bits)
    if name in DMA_ATTRS:
        attr = Bits(frozenset({name}))
        return Compiled(model.ulong, lambda _: attr, attr)
    numbers = {
        "PAGE_SHIFT": (PAGE_SHIFT, model.int), "PAGE_SIZE": (1 << PAGE_SHIFT, model.ulong),
        "BITS_PER_LONG": (model.ulong.bits, model.int), "NUMA_NO_NODE": (-1, model.int),
        "PAGE_ALLOC_COSTLY_ORDER": (3, model.int), "INT_MAX": (model.int.high, model.int),
        "UINT_MAX": (model.uint.high, model.uint), "SIZE_MAX": (model.size_t.high, model.size_t),
        "ENOMEM": (12, model.int), "EINVAL": (22, model.int), "EINTR": (4, model.int),
    }  # fmt: skip
    if name in numbers:
        value, kind = numbers[name]
        return Compiled(kind, lambda _: value, value)
    if name == "NULL":
        return NULL
    return None


def helper(name: str) -> Helper | None:
    """Return how to read a call of ``name``, None when the table has no such helper."""
    if name in ALLOCATORS:
        return _allocate
    if name in ARRAYS:
        return _array
    if name in FREES_ARRAY:
        return _free_array
    if name in NOTHING:
        return _nothing
    if name in ANYTHING:
        return _anything
    if name in NEVER:
        return _never
    return HELPERS.get(name)


def called(node: Node) -> str:
    """Return the name of the function that a call calls."""
    function = node.child_by_field_name("function")
    return (function.text or b"").decode("utf-8", "replace") if function is not None else ""


def order_of(value: Any, where: str) -> Any:
    """Return an order that reaches the allocator."""
    order = number(value, where)
    if order < 0:
        raise Crash(UNDEFINED, f"{where}: a negative order")
    if order >= 64:
        raise Crash(UNDEFINED, f"{where}: an order of 64 or more")
    return order


def _allocate(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    at_gfp, at_order = ALLOCATORS[called(node)]
    where, gfp = reader.place(node), args[at_gfp].run
    order = args[at_order].run if at_order is not None else lambda _: 0

    def run(f: Any) -> Any:
        flags = usable(gfp(f))
        if not isinstance(flags, Bits):
            if isinstance(flags, Special) or flags != 0:
                raise Unsupported(where, f"{flags} is not a set of flags")
            flags = Bits()
        f.memory.flush()
        asked_with, asked_for = gfp_of(flags, f.call.gfp, where), order_of(order(f), where).__index__()
        frame = f.kernel.alloc_pages(asked_with, asked_for)
        if frame is not None:
            f.newest = Block(frame, asked_for, asked_with.comp)
        return frame

    return Compiled(PAGE_POINTER, run)


def _array(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    factors, zeroed = ARRAYS[called(node)]
    where, width = reader.place(node), reader.model.word_bytes
    size_t = reader.model.size_t
    converted = [reader.converted(args[at], size_t, node).run for at in factors]

    def run(f: Any) -> Any:
        # Scope: the page array is allocated. A product that does not fit makes kcalloc and its like fail.
        size = 1
        for factor in converted:
            size = size * number(factor(f), where)
        if f.buffers:
            raise Unsupported(where, "a second array is allocated")
        f.buffers = 1
        return Buffer(size // width, zeroed)

    return Compiled(PAGE_ARRAY, run)


def _free_array(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    where, run_pointer = reader.place(node), args[0].run

    def run(f: Any) -> None:
        pointer = usable(run_pointer(f))
        if pointer is None:
            return
        if not isinstance(pointer, Buffer):
            raise Unsupported(where, "something else than the page array is freed")
        if f.memory.freed:
            raise Crash(UNDEFINED, f"{where}: the page array is freed twice")
        f.memory.flush()
        f.memory.freed = True

    return Compiled(VOID, run)


def _nothing(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    return Compiled(VOID, lambda _: None)


def _anything(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    value = Unknown(called(node))
    return Compiled(reader.model.int, lambda _: value)


def _never(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    return Compiled(reader.model.int, lambda _: 0, 0)


def _split(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    page, order, where = args[0].run, args[1].run, reader.place(node)

    def run(f: Any) -> None:
        f.newest = None
        f.kernel.split_page(page_of(page(f), where), order_of(order(f), where).__index__())

    return Compiled(VOID, run)


def _compound_order(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``compound_order``: the order of the block that begins at a page, 0 where it is not compound."""
    page, where = args[0].run, reader.place(node)
    return Compiled(reader.model.uint, lambda f: _order_known(f, page_of(page(f), where), where))


def _page_size(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``page_size``: the bytes of the block that begins at a page, of one page where it is not compound."""
    page, where = args[0].run, reader.place(node)
    return Compiled(reader.model.ulong, lambda f: 1 << PAGE_SHIFT + _order_known(f, page_of(page(f), where), where))


def _order_known(f: Any, frame: Any, where: str) -> int:
    """Return the order that a page tells: only of the block that this turn got last. Raises Unsupported."""
    if f.newest is None or frame != f.newest.frame:
        raise Unsupported(where, "the order of another block than the one that this pass got last")
    return f.newest.order if f.newest.compound else 0


def _free_pages(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    page, where = args[0].run, reader.place(node)
    order = args[1].run if len(args) > 1 else lambda _: 0

    def run(f: Any) -> None:
        frame = page_of(page(f), where)
        f.newest = None
        f.memory.flush()
        f.kernel.free_pages(frame, order_of(order(f), where).__index__())

    return Compiled(VOID, run)


def _clear(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    page, where = args[0].run, reader.place(node)
    size = reader.converted(args[1], reader.model.size_t, node).run

    def run(f: Any) -> None:
        frame, size_bytes = page_of(page(f), where), number(size(f), where)
        if size_bytes % (1 << PAGE_SHIFT) != 0:
            raise Unsupported(where, "a part of a page is cleared")
        f.kernel.clear(frame, size_bytes >> PAGE_SHIFT)

    return Compiled(VOID, run)


def _integer(reader: Operators, argument: Compiled, node: Node, kind: CInt) -> Callable[[Any], Any]:
    return reader.converted(argument, kind, node).run


def _fls_long(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``__fls``: the index of the highest bit set, undefined for 0."""
    word, where = _integer(reader, args[0], node, reader.model.ulong), reader.place(node)

    def run(f: Any) -> Any:
        value = word(f)
        if isinstance(value, Trouble):
            return value
        if isinstance(value, OrderMask):
            kept = value.settled().kept
            return max(kept) if kept else Trouble(UNDEFINED, f"{where}: undefined for 0")
        value = number(value, where)
        return Trouble(UNDEFINED, f"{where}: undefined for 0") if value == 0 else TopBit(value)

    return Compiled(reader.model.ulong, run)


def _fls(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``fls``: the number of bits of an unsigned int, 0 for 0. ``ilog2``: one less, so -1 for 0, of any type."""
    name, kind, where = called(node), args[0].kind, reader.place(node)
    wide = name == "fls_long" or (name == "ilog2" and isinstance(kind, CInt) and kind.bits > reader.model.uint.bits)
    word = _integer(reader, args[0], node, reader.model.ulong if wide else reader.model.uint)
    less = 1 if name == "ilog2" else 0
    return Compiled(reader.model.int, lambda f: number(word(f), where).bit_length().__index__() - less)


def _ffs_long(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``__ffs``: the index of the lowest bit set, undefined for 0."""
    kind = reader.model.ulong
    word, where = _integer(reader, args[0], node, kind), reader.place(node)

    def run(f: Any) -> Any:
        value = number(word(f), where)
        if value == 0:
            return Trouble(UNDEFINED, f"{where}: undefined for 0")
        for bit in range(kind.bits):
            if value % (2 << bit) != 0:
                return bit
        raise Unsupported(where, "a number wider than its type")

    return Compiled(kind, run)


def _get_order(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``get_order``: the order of the smallest block of that many bytes; undefined for 0."""
    size, where = _integer(reader, args[0], node, reader.model.ulong), reader.place(node)

    def run(f: Any) -> Any:
        value = number(size(f), where)
        if value == 0:
            return Trouble(UNDEFINED, f"{where}: undefined for 0")
        return ((value - 1) >> PAGE_SHIFT).bit_length().__index__()

    return Compiled(reader.model.int, run)


def _extreme(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``min``, ``max``: both sides of one type, as the kernel's macros demand."""
    one, other = args
    if not isinstance(one.kind, CInt) or not isinstance(other.kind, CInt):
        return reader.unread(node, "an argument that is no integer")
    return _least(reader, node, one, other, reader.model.common(one.kind, other.kind))


def _extreme_t(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``min_t(type, a, b)``: both sides converted to the type."""
    kind = args[0].kind
    if not isinstance(kind, CInt):
        return reader.unread(node, "a type that is no integer's")
    return _least(reader, node, args[1], args[2], kind)


def _least(reader: Operators, node: Node, one: Compiled, other: Compiled, kind: CInt) -> Compiled:
    left, right = _integer(reader, one, node, kind), _integer(reader, other, node, kind)
    smallest, where = called(node).startswith("min"), reader.place(node)

    def run(f: Any) -> Any:
        a, b = left(f), right(f)
        for value in (a, b):
            if isinstance(value, Trouble):
                return value
        a, b = number(a, where), number(b, where)
        return (a if a <= b else b) if smallest else (a if a >= b else b)

    return Compiled(kind, run)


def _same(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    return args[0]


def _likely(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``likely(x)``: ``!!(x)``, a long."""
    asked = reader.truth_of(args[0], node)
    return Compiled(reader.model.long, lambda f: 1 if asked(f) else 0)


def _bit(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``BIT(n)``: 1UL << n."""
    one = Compiled(reader.model.ulong, lambda _: 1, 1)
    return reader.binary("<<", one, args[0], node)


def _genmask(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    """``GENMASK(high, low)``: the bits low..high of an unsigned long."""
    high, low, where = args[0].run, args[1].run, reader.place(node)
    bits = reader.model.ulong.bits

    def run(f: Any) -> Any:
        top, bottom = usable(high(f)), number(low(f), where)
        if isinstance(top, TopBit) and bottom == 0 and top.of.bit_length() <= bits:
            return PowerOf(top, 1, 1, bits)
        top = number(top, where)
        if bottom < 0 or top >= bits or bottom > top:
            return Trouble(UNDEFINED, f"{where}: a mask of no bits or too many")
        return (1 << (top + 1)) - (1 << bottom)

    return Compiled(reader.model.ulong, run)


def _warn(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    asked = reader.truth_of(args[0], node)
    return Compiled(reader.model.int, lambda f: 1 if asked(f) else 0)


def _bug(reader: Operators, node: Node, args: Sequence[Compiled]) -> Compiled:
    where = reader.place(node)
    asked = reader.truth_of(args[0], node) if args else lambda _: True

    def run(f: Any) -> None:
        if asked(f):
            raise Crash(UNDEFINED, f"{where}: the kernel stops")

    return Compiled(VOID, run)


HELPERS: dict[str, Helper] = {
    "split_page": _split, "compound_order": _compound_order, "page_size": _page_size,
    "__free_pages": _free_pages, "__free_page": _free_pages, "__dma_clear_buffer": _clear,
    "__fls": _fls_long, "fls": _fls, "ilog2": _fls, "fls_long": _fls, "__ffs": _ffs_long, "get_order": _get_order,
    "min": _extreme, "max": _extreme, "min_t": _extreme_t, "max_t": _extreme_t, "BIT": _bit, "GENMASK": _genmask,
    "likely": _likely, "unlikely": _likely, "READ_ONCE": _same, "WARN_ON": _warn, "WARN_ON_ONCE": _warn,
    "BUG_ON": _bug, "BUG": _bug,
}  # fmt: skip
TAKES_TYPE = ("min_t", "max_t")
