"""The dma-buf system heap, read from C: its caller retold, flags from an array, blocks kept whole; what must break."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from model.c.function import CFunction
from model.c.siblings import PROFILES
from model.c.source import Source
from model.c.types import DataModel
from model.environments import Adversarial, Scripted
from model.events import Attempt, End, Free
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from proofs.engine.prove import Prover
from spec.c_claims import C_CLAIMS
from spec.claims import CLAIMS
from spec.examples import EXAMPLES
from spec.targets import Target
from stepdown.c_target import read_target, target_of
from stepdown.compiled import compiled
from stepdown.conform import compare
from stepdown.verify import compared
from tests.test_c_kernels import file_of

HEAP = (Path(__file__).parent / "data" / "c" / "system_heap.c").read_text()
NAME = "alloc_largest_available"
FILE = "drivers/dma-buf/heaps/system_heap.c"
GOOD = {"PROVED", "NOT APPLICABLE"}
ASK = "page = alloc_pages(flags[at], orders[at]);"
TOO_LARGE = "\t\tif (PAGE_SIZE << orders[at] > size)\n\t\t\tcontinue;\n"
LARGER = "\t\tif (orders[at] > max_order)\n\t\t\tcontinue;\n"


def changed(old: str, new: str) -> str:
    assert HEAP.count(old) == 1
    return HEAP.replace(old, new)


def read(text: str = HEAP, model: str = "lp64") -> Target:
    return target_of(Source("system_heap.c", text.encode()), NAME, model)


@cache
def prover(text: str) -> Prover:
    """Return the prover of a heap: some changes break several claims."""
    return Prover(read(text))


def loop_of(text: str = HEAP) -> CFunction:
    return CFunction(Source("system_heap.c", text.encode()), NAME, DataModel("lp64"))


@pytest.mark.parametrize("model", ["lp64", "ilp32"])
def test_every_claim_that_it_promises_is_proved_and_it_is_the_model(model: str) -> None:
    target = read(model=model)
    prover = Prover(target)
    answers = [prover.prove(name) for name in CLAIMS | C_CLAIMS] + [compared(target, "system-heap")]
    assert [answer for answer in answers if answer.word.value not in GOOD] == []
    assert {a.claim for a in answers if a.reason.startswith("profile: ")} == set(PROFILES[NAME].left_out)
    assert sum(answer.word.value == "PROVED" for answer in answers) == 20


BROKEN = {
    "a block may be larger than what is wanted": (TOO_LARGE, "", "never-asks-too-much", 1),
    "a larger block after a smaller one": (LARGER, "", "orders-never-increase", 17),
    "a refused order is tried for every block": (LARGER, "", "refused-order-not-asked-again", 17),
    "a larger block where one does not align": (LARGER, "", "chunk-index-aligned", 17),
    "small blocks first": ("{ 8, 4, 0 }", "{ 0, 4, 8 }", "big-blocks-first", 16),
    "an order that is none of the heap's": ("{ 8, 4, 0 }", "{ 9, 4, 0 }", "orders-from-array", 512),
    "an order that no block has": ("{ 8, 4, 0 }", "{ 11, 4, 0 }", "orders-deliverable", 2048),
    "a large block may retry": (" | __GFP_NORETRY", "", "high-orders-never-retry", 16),
    "a middle block may retry": ("{ BLOCK, BLOCK,", "{ BLOCK, ONE_PAGE,", "high-orders-never-retry", 16),
    "a block does not know its order": (" | __GFP_COMP", "", "page-total", 16),
    "a refused page is asked for again": (ASK, f"{ASK} if (!page) {ASK}", "stops-at-first-refused-page", 1),
    "everything is asked for twice": (ASK, f"{ASK} if (!page) {ASK}", "attempts-bounded", 1),
    "a refusal costs two attempts": (ASK, f"{ASK} if (!page) {ASK}", "cost-after", 16),
    "single pages are never asked for": ("at < KINDS", "at < KINDS - 1", "gives-up-only-at-order-0", 1),
    "one entry too many is read": ("at < KINDS", "at <= KINDS", "array-index-in-bounds", 1),
    "a shift too far": ("PAGE_SIZE << orders[at]", "PAGE_SIZE << (orders[at] + 64)", "nothing-undefined", 1),
    "a size of 32 bits": ("unsigned long size", "unsigned int size", "nothing-lost-in-conversion", 1 << 20),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_change_of_it_breaks_its_claim_at_the_smallest_size(name: str) -> None:
    old, new, claim, n = BROKEN[name]
    answer = prover(changed(old, new)).prove(claim)
    assert answer.word.value == "REFUTED" and answer.scenario is not None
    assert answer.scenario.call.n == n


@pytest.mark.parametrize(
    ("old", "new", "n"),
    [
        ("{ 8, 4, 0 }", "{ 8, 3, 0 }", 8),
        ("{ BLOCK, BLOCK,", "{ BLOCK, ONE_PAGE,", 16),
        ("GFP_HIGHUSER", "GFP_USER", 1),
        ("GFP_HIGHUSER", "GFP_KERNEL | __GFP_HIGHMEM", 1),  # without __GFP_HARDWALL
        (LARGER, "", 17),
    ],
)
def test_a_change_of_it_is_not_the_model(old: str, new: str, n: int) -> None:
    answer = compared(read(changed(old, new)), "system-heap")
    assert answer.word.value == "MISMATCH" and answer.scenario is not None and answer.scenario.call.n == n


def test_through_6_1_it_is_the_other_model() -> None:
    both = changed("__GFP_ZERO)", "__GFP_ZERO | __GFP_COMP)")
    both = both.replace("{ BLOCK, BLOCK,", "{ BLOCK, ONE_PAGE | __GFP_NOWARN,")
    assert compared(read(both), "system-heap-6.1").word.value == "PROVED"
    answer = compared(read(both), "system-heap")
    assert answer.word.value == "MISMATCH" and answer.scenario is not None and answer.scenario.call.n == 1


UNREAD = {
    "a block that was split tells no order": (ASK, f"{ASK} if (page) split_page(page, orders[at]);", "around.c:"),
    "nor does its second page": ("return page;", "return page + 1;", "around.c:"),
    "nor a block that is freed": ("return page;", "{ __free_page(page); return page; }", "around.c:"),
    "a macro has them": ("#define KINDS", "#define FIRST flags[0]\n#define KINDS", "system_heap.c:"),
    "other files see them": ("static gfp_t", "gfp_t", "system_heap.c:"),
    "some of them are not told": ("flags[] =", "flags[4] =", "system_heap.c:"),
    "they are numbers": ("{ BLOCK, BLOCK,", "{ 0x100cca, 0x100cca,", "system_heap.c:"),
    "they are no flags": ("static gfp_t", "static unsigned int", "system_heap.c:"),
    "its caller's orders are not there": ("orders[] =", "orders[4] =", "around.c:"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_understood_is_unsupported_with_its_line(name: str) -> None:
    old, new, where = UNREAD[name]
    answer = Prover(read(changed(old, new))).prove("page-total")
    assert answer.word.value == "UNSUPPORTED" and where in answer.reason


def with_another_function(body: str) -> Target:
    return read(changed("static struct page *", f"static void other(gfp_t gfp) {{ {body} }}\n\nstatic struct page *"))


@pytest.mark.parametrize(
    "body",
    [
        "flags[0] = 0;", "(flags)[1] |= __GFP_COMP;", "flags[2]++;", "use(flags);", "use(&flags[1]);",
        "gfp_t *first = flags;", "*(flags + 1) = 0;", "WRITE_ONCE(flags[1], 0);",
    ],
)  # fmt: skip
def test_flags_that_any_function_may_change_are_not_read(body: str) -> None:
    answer = Prover(with_another_function(body)).prove("page-total")
    assert answer.word.value == "UNSUPPORTED" and answer.reason.endswith("flags[at]")


@pytest.mark.parametrize(
    "body",
    [
        "gfp = flags[0];",
        "gfp |= (flags[1]) + sizeof(flags);",
        "alloc_page(flags[ARRAY_SIZE(flags) - 1]);",
        "flags2 = 0;",
    ],
)
def test_flags_that_others_only_read_are_read(body: str) -> None:
    assert Prover(with_another_function(body)).prove("page-total").word.value == "PROVED"


def test_a_block_that_an_earlier_pass_got_tells_no_order() -> None:
    text = """static struct page **fill(size_t size, gfp_t gfp)
{
	unsigned long n = size >> PAGE_SHIFT, i = 0;
	struct page **pages = kvcalloc(n, sizeof(*pages), gfp);

	while (i < n) {
		pages[i] = alloc_page(gfp);
		if (!pages[i])
			break;
		i += page_size(pages[0]) >> PAGE_SHIFT;
	}
	return pages;
}
"""
    answer = Prover(target_of(Source("fill.c", text.encode()), "fill", "lp64")).prove("never-asks-too-much")
    assert answer.word.value == "UNSUPPORTED"
    assert answer.reason.startswith("fill.c:10: ") and "the order of another block" in answer.reason
    good = text.replace("pages[0])", "pages[i])")
    answer = Prover(target_of(Source("fill.c", good.encode()), "fill", "lp64")).prove("never-asks-too-much")
    assert answer.word.value == "PROVED"


@pytest.mark.parametrize("flags", ["gfp & ~__GFP_ACCOUNT", "gfp & __GFP_HARDWALL", "0x24"])
def test_flags_of_which_a_part_is_not_known_are_not_read(flags: str) -> None:
    text = f"""static struct page **fill(size_t size, gfp_t gfp)
{{
	unsigned long n = size >> PAGE_SHIFT, i;
	struct page **pages = kvcalloc(n, sizeof(*pages), gfp);

	for (i = 0; i < n; i++) {{
		pages[i] = alloc_page({flags});
		if (!pages[i])
			break;
	}}
	return pages;
}}
"""
    answer = Prover(target_of(Source("fill.c", text.encode()), "fill", "lp64")).prove("flags-pass-through")
    assert answer.word.value == "UNSUPPORTED" and answer.reason.startswith("fill.c:7: ")


def test_a_failure_frees_each_block_as_what_it_was_granted_as_in_the_order_of_the_list() -> None:
    orders = set()
    for seed in range(60):
        events = list(run(loop_of(), Call(600), Kernel(Adversarial(seed), PageArray())))
        granted = [(e.frame, e.order) for e in events if isinstance(e, Attempt) and e.granted]
        freed = [(e.frame, e.order) for e in events if isinstance(e, Free)]
        ok = isinstance(events[-1], End) and events[-1].ok
        assert freed == ([] if ok else granted)
        orders |= {order for _, order in freed}
    assert orders == {8, 4, 0}


def test_where_orders_rise_nothing_is_freed_as_what_it_is_not() -> None:
    answers = (False, False, True, True)  # of order 8, 4 and 0, then 8: a page, then a large block
    events = list(run(loop_of(changed(LARGER, "")), Call(600), Kernel(Scripted(answers, lambda _: False), PageArray())))
    assert [e.order for e in events if isinstance(e, Attempt) and e.granted] == [0, 8]
    assert not [e for e in events if isinstance(e, Free)]


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_compiled_it_does_what_was_read_of_it_and_what_the_model_does() -> None:
    with compiled(loop_of()) as program:
        for loop in (loop_of(), EXAMPLES["system-heap"].loop):
            assert compare(loop, program, 600, seed=1).differs is None
        for old, new, n in ((" | __GFP_COMP", "", 16), (LARGER, "", 17)):
            found = compare(loop_of(changed(old, new)), program, 600, seed=1)
            assert found.differs is not None and found.differs[0].n == n


@pytest.mark.parametrize(("version", "model"), [("6.1", "system-heap-6.1"), ("6.12", "system-heap")])
def test_the_kernels_own_heap_keeps_what_it_promises_and_is_the_model(version: str, model: str) -> None:
    target = read_target(f"{file_of(version, FILE)}:{NAME}", "lp64")
    prover = Prover(target)
    answers = [prover.prove(name) for name in CLAIMS | C_CLAIMS] + [compared(target, model)]
    wrong = {answer.claim: answer for answer in answers if answer.word.value not in GOOD}
    assert set(wrong) == ({"high-orders-never-retry"} if version == "6.1" else set())
    assert sum(answer.word.value == "PROVED" for answer in answers) == 20 - len(wrong)
    for answer in wrong.values():
        assert answer.word.value == "REFUTED" and answer.scenario is not None and answer.scenario.call.n == 16


def test_the_caller_as_it_stands_in_the_kernel_is_unsupported_with_its_line() -> None:
    target = read_target(f"{file_of('6.12', FILE)}:system_heap_allocate", "lp64")
    answer = Prover(target).prove("page-total")
    assert answer.word.value == "UNSUPPORTED" and f"{FILE}:" in answer.reason
