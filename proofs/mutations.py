"""Known defects and likely slips, each one textual change of the real source: the claim that must fall, and where."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from inspect import getsource
from types import ModuleType

from model import patched, pre_patch
from model.events import FAILED
from model.loop import Loop
from spec.targets import TARGETS, Target


@dataclass(frozen=True)
class Mutation:
    """One change of a loop, and the claim that it refutes at ``n`` pages but at no smaller number."""

    name: str
    claim: str
    n: int
    old: str
    new: str
    target: str = "patched"
    fixed_by: str = ""  # the kernel's commit or version, where it was a real defect: FACTS, section 4
    missed: str = ""  # why the engine does not find it today


@cache
def source_of(target: str) -> str:
    """Return the source of the target's module, the error path that its class inherits told again at its end."""
    module = pre_patch if target == "pre-patch" else patched
    return f"{getsource(module)}\n{getsource(Loop.unwind)}"  # the module ends within its class


def load(name: str, source: str) -> ModuleType:
    """Return a fresh module made of ``source``."""
    module = ModuleType(name)
    module.__dict__["FAILED"] = FAILED  # what the error path names
    sys.modules[name] = module  # dataclasses look there
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module


def edited(source: str, old: str, new: str) -> str:
    """Return ``source`` with ``old``, which must stand in it exactly once, replaced."""
    if source.count(old) != 1:
        raise ValueError(f"expected {old!r} exactly once in the source, found it {source.count(old)} times")
    return source.replace(old, new)


def target_of(mutation: Mutation) -> Target:
    """Return the mutation's target, its loop changed."""
    original = TARGETS[mutation.target]
    name = "mutated." + mutation.name.replace("-", "_")
    module = load(name, edited(source_of(mutation.target), mutation.old, mutation.new))
    return replace(original, name=mutation.name, loop=getattr(module, type(original.loop).__name__)())


ARRAY = "IOMMU_ORDER_ARRAY = (9, 8, 4, 0)"
LOOK = "order = kernel.look(self.order_array, order_idx)"
FLAGS = "gfp = call.gfp | GFP_NOWARN | GFP_HIGHMEM"
GUARD = "if fls(count) < as_unsigned(order):"
TOO_SMALL = '{  # "if (__fls(count) < order) {"\n            return Filling(i, count, order_idx + 1)'.replace(
    "{", GUARD, 1
)
ASK_HIGH = "kernel.alloc_pages(gfp | GFP_NORETRY, order)  #"
REFUSED_HIGH = 'if page is None:  # "if (!pages[i]) {"\n                return Filling(i, count, order_idx + 1)'
ASK_PAGE = "kernel.alloc_pages(gfp, 0)"
REFUSED_PAGE = 'return Unwinding(i)  # "goto error;"'
SPLIT = "kernel.split_page(page, order)"
STORE = "kernel.store(i, page, 1 << order)"
CLEAR = "kernel.clear(page, 1 << order)"
ADVANCE = "return Filling(i + (1 << order), count - (1 << order), order_idx)"
FREE = "kernel.free_pages(frame, 0)"

NOT_SAMPLED = "a path that runs of 14 turns do not take is called VACUOUS before a scenario is searched for"

MUTATIONS: tuple[Mutation, ...] = (
    # the order array
    Mutation("array-without-0", "array-index-in-bounds", 1, ARRAY, "IOMMU_ORDER_ARRAY = (9, 8, 4)"),
    Mutation("order-10-added", "orders-from-array", 1024, ARRAY, "IOMMU_ORDER_ARRAY = (10, 9, 8, 4, 0)"),
    Mutation(
        "max-order-taken-as-inclusive",
        "orders-deliverable",
        2048,
        ARRAY,
        "IOMMU_ORDER_ARRAY = (11, 9, 8, 4, 0)",
        fixed_by="ten fixes of MAX_ORDER in 2023",
    ),
    Mutation("array-not-descending", "big-blocks-first", 256, ARRAY, "IOMMU_ORDER_ARRAY = (4, 9, 8, 0)"),
    Mutation("order-4-left-out", "cost-after", 16, ARRAY, "IOMMU_ORDER_ARRAY = (9, 8, 0)"),
    # which order is tried
    Mutation(
        "smallest-chunks-first",
        "orders-never-increase",
        17,
        LOOK,
        "order = max(o for o in self.order_array[order_idx:] if count % (1 << o) == 0)",
        fixed_by="593f47355467",
    ),
    Mutation(
        "only-what-divides-the-rest", "big-blocks-first", 17, GUARD, "if count % (1 << order):", fixed_by="593f47355467"
    ),
    Mutation("index-counted-from-1", "array-index-in-bounds", 1, LOOK, LOOK.replace("order_idx)", "order_idx - 1)")),
    Mutation("starts-at-the-second-entry", "big-blocks-first", 512, "order_idx = 0  #", "order_idx = 1  #"),
    Mutation("starts-at-the-last-entry", "attempts-bounded", 16, "order_idx = 0  #", "order_idx = 3  #"),
    Mutation("guard-missing", "never-asks-too-much", 1, GUARD, "if False:"),
    Mutation("guard-one-too-strict", "big-blocks-first", 16, GUARD, "if order and fls(count) <= order:"),
    Mutation("guard-one-too-lax", "never-asks-too-much", 8, GUARD, "if fls(count) + 1 < order:"),
    Mutation("guard-by-the-whole-size", "never-asks-too-much", 17, GUARD, "if fls(call.n) < order:"),
    Mutation(
        "guard-turns-without-end",
        "terminates",
        1,
        TOO_SMALL,
        TOO_SMALL.replace("order_idx + 1", "order_idx"),
    ),
    Mutation("guard-skips-an-entry", "array-index-in-bounds", 1, TOO_SMALL, TOO_SMALL.replace("+ 1", "+ 2")),
    Mutation("asks-one-order-lower", "orders-from-array", 16, ASK_HIGH, ASK_HIGH.replace("order)", "order - 1)")),
    # what a refusal leads to
    Mutation(
        "refused-order-asked-for-ever",
        "refused-order-not-asked-again",
        16,
        REFUSED_HIGH,
        REFUSED_HIGH.replace("order_idx + 1", "order_idx"),
    ),
    Mutation("refusal-skips-an-entry", "array-index-in-bounds", 16, REFUSED_HIGH, REFUSED_HIGH.replace("+ 1", "+ 2")),
    Mutation(
        "refused-order-asked-twice",
        "attempts-bounded",
        16,
        "if page is None:  #",
        f"if page is None:\n                page = {ASK_HIGH[:-3]}\n            if page is None:  #",
    ),
    Mutation(
        "gives-up-at-a-refused-block",
        "gives-up-only-at-order-0",
        16,
        REFUSED_HIGH,
        REFUSED_HIGH.replace("Filling(i, count, order_idx + 1)", "Unwinding(i)"),
    ),
    Mutation(
        "steps-up-after-a-grant",
        "orders-never-increase",
        17,
        ADVANCE,
        ADVANCE.replace("order_idx", "0"),
        fixed_by="the patch of Linux 4.6",
    ),
    Mutation(
        "steps-up-one-entry-after-a-grant",
        "array-index-in-bounds",
        513,
        ADVANCE,
        ADVANCE.replace("idx", "idx - 1"),
    ),
    Mutation("succeeds-without-a-page", "page-total", 1, REFUSED_PAGE, "return DONE"),
    Mutation(
        "refused-page-asked-for-ever",
        "terminates",
        1,
        REFUSED_PAGE,
        "return state",
        fixed_by="c572e4888ad1",
    ),
    Mutation(
        "refused-page-left-out",
        "stops-at-first-refused-page",
        1,
        REFUSED_PAGE,
        "return Filling(i + 1, count - 1, order_idx)",
    ),
    # flags
    Mutation(
        "high-orders-may-retry",
        "high-orders-never-retry",
        16,
        ASK_HIGH,
        ASK_HIGH.replace(" | GFP_NORETRY", ""),
        fixed_by="after v3.14",
    ),
    Mutation(
        "order-4-may-retry",
        "high-orders-never-retry",
        16,
        ASK_HIGH,
        ASK_HIGH.replace("gfp | GFP_NORETRY", "gfp | GFP_NORETRY if order > 4 else gfp"),
        fixed_by="system heap, after 6.1",
    ),
    Mutation("fallback-may-not-retry", "fallback-may-retry", 1, ASK_PAGE, "kernel.alloc_pages(gfp | GFP_NORETRY, 0)"),
    Mutation(
        "fallback-always-may-retry",
        "fallback-may-retry",
        1,
        ASK_PAGE,
        "kernel.alloc_pages(gfp.without(GFP_NORETRY), 0)",
    ),
    Mutation("highmem-left-out", "flags-pass-through", 1, FLAGS, "gfp = call.gfp | GFP_NOWARN"),
    Mutation("flags-not-passed", "flags-pass-through", 1, FLAGS, "gfp = GFP_NOWARN | GFP_HIGHMEM"),
    # pages
    Mutation("stops-one-page-short", "page-total", 1, "if not count:", "if count < 2:"),
    Mutation("count-falls-by-one", "page-total", 16, ADVANCE, ADVANCE.replace("count - (1 << order)", "count - 1")),
    Mutation("count-falls-twice-as-fast", "page-total", 2, ADVANCE, ADVANCE.replace("count - (1 <<", "count - (2 <<")),
    Mutation("slots-begin-at-1", "chunk-index-aligned", 16, "Filling(i=0,", "Filling(i=1,"),
    Mutation("index-stands-still", "every-page-stored-once", 2, ADVANCE, ADVANCE.replace("i + (1 << order)", "i")),
    Mutation(
        "index-advances-by-one", "every-page-stored-once", 17, ADVANCE, ADVANCE.replace("i + (1 << order)", "i + 1")
    ),
    Mutation("only-the-first-page-stored", "every-page-stored-once", 16, STORE, "kernel.store(i, page, 1)"),
    Mutation("stored-one-slot-on", "every-page-stored-once", 1, STORE, STORE.replace("(i,", "(i + 1,")),
    Mutation(
        "single-page-taken-for-a-block",
        "every-page-stored-once",
        16,
        "        if order:\n            # See",
        "        if order > 4:\n            # See",
    ),
    Mutation("not-cleared", "cleared-once", 1, CLEAR, "pass"),
    Mutation("only-the-first-page-cleared", "cleared-once", 16, CLEAR, "kernel.clear(page, 1)"),
    Mutation("first-page-cleared-twice", "cleared-once", 1, CLEAR, f"{CLEAR}; kernel.clear(page, 1)"),
    # the error path
    Mutation("not-split", "rollback-exact", 17, SPLIT, "pass"),
    Mutation("split-one-order-lower", "rollback-exact", 17, SPLIT, "kernel.split_page(page, order - 1)"),
    Mutation("rollback-leaves-the-last-slot", "rollback-exact", 2, REFUSED_PAGE, "return Unwinding(i - 1 if i else 0)"),
    Mutation("rollback-leaves-the-first-slot", "rollback-exact", 2, "if not state.i:", "if state.i <= 1:"),
    Mutation(
        "rollback-frees-blocks", "rollback-exact", 2, FREE, "kernel.free_pages(frame, 4)", fixed_by="b2a182a40278"
    ),
    Mutation("rollback-frees-twice", "rollback-exact", 2, FREE, f"{FREE}; {FREE}"),
    Mutation(
        "rollback-frees-every-other-page",
        "rollback-exact",
        3,
        f"{FREE}\n        return Unwinding(i)",
        f"{FREE}\n        return Unwinding(i - 1 if i else 0)",
    ),
    Mutation(
        "rollback-never-ends",
        "rollback-exact",
        2,
        f"{FREE}\n        return Unwinding(i)",
        f"{FREE}\n        return Unwinding(i + 1)",
    ),
    Mutation("rollback-frees-nothing", "rollback-exact", 2, "if frame is not None:", "if False:"),
    Mutation(
        "success-frees-a-page",
        "rollback-exact",
        1,
        CLEAR,
        f"{CLEAR}; kernel.free_pages(page, 0)",
    ),
    Mutation("asks-one-order-higher", "orders-from-array", 16, ASK_HIGH, ASK_HIGH.replace("order)", "order + 1)")),
    Mutation("asks-for-a-pair-instead-of-a-page", "orders-from-array", 1, ASK_PAGE, "kernel.alloc_pages(gfp, 1)"),
    Mutation("nowarn-left-out", "flags-pass-through", 1, FLAGS, "gfp = call.gfp | GFP_HIGHMEM"),
    Mutation("one-page-more-cleared", "cleared-once", 1, CLEAR, "kernel.clear(page, (1 << order) + 1)"),
    Mutation("one-page-more-stored", "every-page-stored-once", 1, STORE, "kernel.store(i, page, (1 << order) + 1)"),
    Mutation("starts-at-the-third-entry", "big-blocks-first", 256, "order_idx = 0  #", "order_idx = 2  #"),
    Mutation("count-stands-still", "never-asks-too-much", 1, ADVANCE, ADVANCE.replace("count - (1 << order)", "count")),
    # other targets
    Mutation("attribute-ignored", "single-pages", 16, "len(self.order_array) - 1", "0", target="single-pages"),
    Mutation(
        "attribute-taken-one-entry-short",
        "single-pages",
        16,
        "len(self.order_array) - 1",
        "len(self.order_array) - 2",
        target="single-pages",
    ),
    Mutation(
        "walk-begins-one-lower",
        "cost-before",
        2,
        "range(fls(count), 0, -1)",
        "range(fls(count) - 1, 0, -1)",
        target="pre-patch",
    ),
    Mutation(
        "walk-ends-at-order-2",
        "cost-before",
        2,
        "range(fls(count), 0, -1)",
        "range(fls(count), 1, -1)",
        target="pre-patch",
    ),
)

HARMLESS: tuple[Mutation, ...] = (  # they change the source, and nothing that the loop does
    Mutation("single-pages-split-too", "", 0, 'if order:  # "if (order) {"', "if True:"),
    Mutation("array-read-twice", "", 0, LOOK, LOOK + "; " + LOOK),
    Mutation("guard-written-the-other-way", "", 0, GUARD, "if not as_unsigned(order) <= fls(count):"),
)
