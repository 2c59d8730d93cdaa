"""C is read as it stands: right about good code, trouble told apart in bad code, a clear no to what it cannot read."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from model.c.function import CFunction
from model.c.shape import families
from model.c.source import MOST_BYTES, Source, Unreadable
from model.c.types import DataModel
from model.environments import Adversarial, OomVictim
from model.events import Attempt, Clear, End, Event, Free, Split, Store, Turn
from model.kernel import Crash, Kernel, PageArray, Unsupported
from model.loop import Call, Loop, run
from model.patched import Patched
from model.pre_patch import PrePatch
from proofs.engine.prove import Prover
from proofs.engine.search import smallest
from spec.c_claims import C_CLAIMS, NAMED
from spec.claims import CLAIMS
from spec.monitor import Matter
from stepdown.c_target import read_function, read_target, target_of

DATA = Path(__file__).parent / "data" / "c"
KERNEL_C = (DATA / "patched.c").read_text()


def source(body: str) -> Source:
    return Source("test.c", body.encode())


def loop_around(body: str, before: str = "", top: str = "") -> Source:
    """Return a file whose only function fills single pages and does ``body`` in every pass."""
    return source(
        f"""{top}
static struct page **fill(size_t size, gfp_t gfp)
{{
	unsigned int n = size >> PAGE_SHIFT, i = 0;
	struct page **pages = kvzalloc(n * sizeof(*pages), GFP_KERNEL);
	{before}

	while (i < n) {{
		struct page *page = alloc_pages(gfp, 0);

		if (!page)
			return NULL;
		{body}
		pages[i++] = page;
	}}
	return pages;
}}
"""
    )


def fixture(name: str, model: str = "ilp32") -> CFunction:
    return read_function(Source.read(DATA / f"{name}.c"), "fill", model, {}, {})


def shown(loop: Loop, call: Call, seed: int, killed_at: int | None) -> list[Event]:
    """Return a run as far as two readings must agree: passes, attempts, slots filled, pages cleared and freed."""
    allocator: Any = Adversarial(seed)
    if killed_at is not None:
        allocator = OomVictim(allocator, killed_at)
    events = list(islice(run(loop, call, Kernel(allocator, PageArray())), 20_000))
    rank = {Turn: 0, Attempt: 0, Split: 1, Store: 2, Clear: 3, Free: 4, End: 5}
    passes: list[list[Event]] = [[]]
    for event in events:
        if isinstance(event, Turn):
            passes.append([])
        elif not (isinstance(event, Split) and event.order == 0) and type(event) in rank:
            passes[-1].append(event)
    return [event for one in passes for event in sorted(one, key=lambda event: rank[type(event)])]


# -- what it reads, it reads right


@pytest.mark.parametrize("single_pages", [False, True])
def test_every_claim_is_proved_on_the_retold_patched_loop(single_pages: bool) -> None:
    target = read_target(f"{DATA / 'patched.c'}:fill", single_pages=single_pages)
    prover = Prover(target)
    words = {name: prover.prove(name).word.value for name in NAMED}
    assert {name for name, word in words.items() if word not in ("PROVED", "NOT APPLICABLE")} == set()
    assert sum(word == "PROVED" for word in words.values()) == (22 if single_pages else 23)


def test_lp64_names_the_sizes_from_which_the_ints_go_wrong() -> None:
    body = """static struct page **fill(size_t size, gfp_t gfp)
{
	int count = size >> PAGE_SHIFT;
	int array_size = count * sizeof(struct page *);
	int i = 0;
	struct page **pages = vzalloc(array_size);
	while (i < count) {
		pages[i] = alloc_pages(gfp, 0);
		if (!pages[i])
			return NULL;
		i++;
	}
	return pages;
}
"""
    wide = Prover(target_of(source(body), "fill", "lp64")).prove("nothing-lost-in-conversion")
    assert wide.word.value == "REFUTED"
    assert wide.scenario is not None and wide.scenario.call.n == 2**28
    assert "2^40 bytes: test.c:4" in wide.reason and "from 2^43 bytes on: test.c:3" in wide.reason
    narrow = Prover(target_of(source(body), "fill", "ilp32"))
    assert {narrow.prove(name).word.value for name in C_CLAIMS} == {"PROVED"}


@pytest.mark.parametrize(("name", "model"), [("patched", Patched()), ("walk", PrePatch())])
def test_c_and_the_python_model_do_the_same_on_random_answers(name: str, model: Loop) -> None:
    read, random = fixture(name), Random(3)
    for seed in range(150):
        call = Call(random.choice((0, 1, 3, 16, 255, 256, 513, 600, 1025)))
        killed_at = random.choice((None, 0, 5, 40))
        assert shown(read, call, seed, killed_at) == shown(model, call, seed, killed_at), (call, seed)


def test_a_fill_counted_up_is_one_run_of_stores_as_one_counted_down_is() -> None:
    for name in ("patched", "walk"):
        stores = [e for e in run(fixture(name), Call(512), Kernel(Adversarial(8), PageArray())) if isinstance(e, Store)]
        chunks = [e for e in run(fixture(name), Call(512), Kernel(Adversarial(8), PageArray())) if isinstance(e, Clear)]
        assert [store.pages for store in stores] == [clear.pages for clear in chunks]


# -- the historical forms, each with the claim that it must break


@pytest.mark.parametrize(
    ("name", "claim", "n"),
    [
        ("walk", "orders-never-increase", 3),
        ("walk", "attempts-bounded", 2),
        ("walk_retries", "high-orders-never-retry", 2),
        ("smallest_first", "orders-never-increase", 3),
        ("smallest_first", "chunk-index-aligned", 3),
        ("leaks_slot_0", "rollback-exact", 2),
    ],
)
def test_a_historical_form_breaks_its_claim(name: str, claim: str, n: int) -> None:
    found = smallest(fixture(name), claim, CLAIMS[claim].parts[0].monitor, Matter(Call(0)), 0)
    assert found is not None and found.call.n == n


def test_an_error_path_that_skips_slot_0_is_refuted() -> None:
    answer = Prover(read_target(f"{DATA / 'leaks_slot_0.c'}:fill")).prove("rollback-exact")
    assert answer.word.value == "REFUTED" and answer.scenario is not None


# -- trouble, told apart


ROLLBACK = {  # what the rollback of patched.c is made, and what becomes of it
    "as it is": ("", "", None),
    "no test for NULL": ("if (pages[i])\n", "\n", None),
    "an order below 0": ("__free_pages(pages[i], 0)", "__free_pages(pages[i], i == 3 ? -1 : 0)", 5),
    "a slot too many": ("while (i--)", "while (i-- >= 0 && i + 1 >= 0)", 1),
}


@pytest.mark.parametrize("name", ROLLBACK)
def test_trouble_in_a_rollback_is_found_whatever_it_reads(name: str) -> None:
    old, new, n = ROLLBACK[name]
    text = (DATA / "patched.c").read_text()
    assert old in text
    answer = Prover(target_of(source(text.replace(old, new)), "fill", "ilp32")).prove("nothing-undefined")
    assert answer.word.value == ("PROVED" if n is None else "REFUTED"), answer
    assert answer.scenario is None if n is None else answer.scenario is not None and answer.scenario.call.n == n


@pytest.mark.parametrize(
    ("body", "claim", "why"),
    [
        ("int j; if (j) i++;", "nothing-undefined", "j is used before it holds a value"),
        ("if (__fls(i) > 3) i++;", "nothing-undefined", "undefined for 0"),
        ("if (1 << (i + 32)) i++;", "nothing-undefined", "a shift by"),
        ("pages[n] = page;", "nothing-undefined", "an index outside the page array"),
        ("page = alloc_pages(gfp, 1); split_page(page, 1);", "nothing-undefined", "a failed allocation"),
        ("kvfree(pages);", "nothing-undefined", "after it was freed"),
        ("int k = 2147483647; k += 1 + i;", "nothing-lost-in-conversion", ""),
        ("int k = 2147483647; k++;", "nothing-overflows", "int overflows"),
        ("unsigned char c = i + 256; if (c) i++;", "nothing-lost-in-conversion", "a value is lost from"),
    ],
)
def test_trouble_is_named_by_its_kind(body: str, claim: str, why: str) -> None:
    answers = [True, False] + [True] * 9
    read = CFunction(loop_around(body), "fill", DataModel("lp64"))
    if claim == "nothing-lost-in-conversion" and not why:  # the lossy value is never used: no trouble
        assert list(run(read, Call(3), Kernel(Yes(), PageArray())))[-1] == End(ok=True)
        return
    with pytest.raises(Crash, match=why) as crash:
        list(run(read, Call(3), Kernel(Yes(answers), PageArray())))
    assert crash.value.claim == claim


class Yes:
    """An allocator that grants, or answers as it is told."""

    def __init__(self, answers: list[bool] | None = None) -> None:
        self.answers = answers or []
        self.asked = 0

    def alloc_pages(self, gfp: Any, order: int) -> int | None:
        self.asked += 1
        granted = self.answers[self.asked - 1] if self.asked <= len(self.answers) else True
        return self.asked << 10 if granted else None

    def free_pages(self, frame: int, order: int) -> None:
        pass


def test_a_lossy_value_that_is_never_used_is_no_trouble() -> None:
    read = CFunction(loop_around("unsigned short left = i; while (left--) ;"), "fill", DataModel("ilp32"))
    assert list(run(read, Call(3), Kernel(Yes(), PageArray())))[-1] == End(ok=True)


# -- what cannot be read


@pytest.mark.parametrize(
    ("body", "line", "construct"),
    [
        ("helper(page);", 13, "a call of helper"),
        ('asm volatile ("nop");', 13, "gnu asm expression"),
        ("switch (i) { case 1: break; }", 13, "switch statement"),
        ("if (page->flags) i++;", 13, "field expression"),
        ("i = (u8)-1;", 13, "u8"),
        ("i * n;", 13, "reads as a declaration"),
        ("again: if (i < n) goto again;", 13, "a goto backwards"),
        ("double x = 1.5;", 13, "integer constant"),
        ("int table[4];", 13, "an array"),
        ("i = DEEP;", 13, "DEEP"),
        ("list_for_each(page, next) { i++; }", 13, "list_for_each(), a macro that stands for a loop"),
        ("i = 1 { i++; }", 13, "a missing ;"),
        ("{ over: }", 13, "a missing ;"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(body: str, line: int, construct: str) -> None:
    answer = Prover(target_of(loop_around(body), "fill", "ilp32")).prove("page-total")
    assert answer.word.value == "UNSUPPORTED", answer
    assert answer.reason.startswith(f"test.c:{line}: ") and construct in answer.reason


def test_what_no_run_reaches_need_not_be_read() -> None:
    test = "if (attrs & DMA_ATTR_ALLOC"
    text = KERNEL_C.replace(test, f"if (attrs & DMA_ATTR_FORCE_CONTIGUOUS)\n\t\treturn cma(owner);\n\t{test}")
    assert "cma" in text
    assert Prover(target_of(source(text), "fill", "ilp32")).prove("page-total").word.value == "PROVED"


def test_macros_within_macros_end() -> None:
    endless = "#define A B\n#define B A\n"
    answer = Prover(target_of(loop_around("i = A;", top=endless), "fill", "ilp32")).prove("page-total")
    assert answer.word.value == "UNSUPPORTED" and "a macro that uses itself" in answer.reason


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"int x;\0", "line 1 holds a NUL byte"),
        (b"int f(void) " + b"{" * 10_000, "brackets 10000 deep"),
        (b" " * (MOST_BYTES + 1), f"no file above {MOST_BYTES}"),
    ],
    ids=["NUL", "deep", "large"],
)
def test_rejects_hostile_files_before_parsing(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        Source("bad.c", data)


def test_rejects_a_function_that_the_parser_did_not_understand() -> None:
    with pytest.raises(Unsupported, match=r"test\.c:13: "):
        CFunction(loop_around("list_for_each_entry(a, b, c) i++"), "fill", DataModel("ilp32"))


def test_a_long_chain_of_operators_is_refused_not_a_crash_of_ours() -> None:
    chain = "i = " + "+".join(["1"] * 3_000) + ";"
    with pytest.raises(Unsupported, match="nest"):
        CFunction(loop_around(chain), "fill", DataModel("ilp32"))


# -- types


@pytest.mark.parametrize(
    ("text", "ilp32", "lp64"),
    [
        ("1", "int", "int"),
        ("2147483648", "long long", "long"),
        ("0x80000000", "unsigned int", "unsigned int"),
        ("1UL", "unsigned long", "unsigned long"),
        ("0xffffffffffffffff", "unsigned long long", "unsigned long"),
    ],
)
def test_a_literal_has_the_type_of_its_value_and_base(text: str, ilp32: str, lp64: str) -> None:
    assert [DataModel(name).literal(text)[1].name for name in ("ilp32", "lp64")] == [ilp32, lp64]


def test_an_unsigned_int_and_a_long_meet_as_the_data_model_has_it() -> None:
    for name, expected in (("ilp32", "unsigned long"), ("lp64", "long")):
        model = DataModel(name)
        assert model.common(model.uint, model.long).name == expected


def test_the_family_is_found_by_shape() -> None:
    decoys = """
static void no_loop(int order) { alloc_pages(0, order); }
static void constant_order(int n) { while (n--) alloc_pages(0, 2); }
static struct page *one(int order) { return alloc_pages(0, order); }
static void through_a_callee(int n) { while (n--) one(n); }
"""
    assert families(source(decoys + KERNEL_C)) == ["through_a_callee", "fill"]
