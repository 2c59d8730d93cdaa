"""What C means and a reader may miss: each piece of code with what C makes of it, or a clear no."""

from __future__ import annotations

import pytest

from model.events import Attempt, Free
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from proofs.engine.prove import Prover
from proofs.engine.search import Script
from stepdown.c_target import read_function, target_of
from tests.test_c_reading import source

LOOP = """
{top}
static struct page **fill(size_t size, gfp_t gfp)
{{
	unsigned int count = size >> PAGE_SHIFT, i = 0;
	struct page **pages = kvzalloc(count * sizeof(*pages), GFP_KERNEL);

	while (count) {{
		int order = 0, more = 0;

		{ask}
		if (!pages[i])
			goto undo;
		{then}
		i++;
		count--;
	}}
	return pages;
undo:
	while (i--)
		__free_pages(pages[i], 0);
	kvfree(pages);
	return NULL;
}}
"""
ASK = "pages[i] = alloc_pages(gfp, order);"
CLAMPED = """
static struct page *get(gfp_t gfp, int {name})
{{
	if ({name} > 1)
		{change};
	return alloc_pages(gfp, {name});
}}
"""
GET = CLAMPED.format(name="o", change="o = 1")


def text_of(ask: str = ASK, then: str = "", top: str = "") -> str:
    return LOOP.format(ask=ask, then=then, top=top)


def orders_asked(text: str, n: int, answers: list[bool], model: str = "ilp32") -> list[int]:
    """Return the orders that the function asks for, as it is read."""
    loop = read_function(source(text), "fill", model, {}, {})
    return [e.order for e in run(loop, Call(n), Kernel(Script(answers), PageArray())) if isinstance(e, Attempt)]


ORDERS = {  # what is asked for with one page, granted: by the C standard
    "as it is": (text_of(), 0),
    "an argument that the callee changes": (text_of("pages[i] = get(gfp, 4);", top=GET), 1),
    "the same, by the caller's own name": (
        text_of("pages[i] = get(gfp, 4);", top=CLAMPED.format(name="order", change="order = 1")), 1,
    ),
    "the same, counted down in brackets": (
        text_of("pages[i] = get(gfp, 2);", top=CLAMPED.format(name="order", change="(order)--")), 1,
    ),
    "the same, in a macro": (
        text_of("pages[i] = get(gfp, 2);", top="#define DOWN (o--)\n" + CLAMPED.format(name="o", change="DOWN")), 1,
    ),
    "a macro that stands alone": (text_of("pages[i] = alloc_pages(gfp, K);", top="#define K 1 + 1"), 2),
    "a macro in brackets beside an operator": (
        text_of("pages[i] = alloc_pages(gfp, 2 * K - 3);", top="#define K (1 + 1)"), 1,
    ),
    "a macro of a macro that stands alone": (
        text_of("pages[i] = alloc_pages(gfp, K);", top="#define ONE 1\n#define K ONE + ONE"), 2,
    ),
    "likely is 0 or 1": (text_of("order = likely(count + 6); " + ASK), 1),
    "WARN_ON asks once": (text_of("if (WARN_ON(!(pages[i] = get(gfp, 3)))) goto undo;", top=GET), 1),
    "the size of a cast that reads as a call": (text_of("order = sizeof((u8)(count)); " + ASK), 1),
    "the comma's left side comes first": (text_of("pages[i] = (order = 2, alloc_pages(gfp, order));"), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_what_is_asked_for_is_what_c_says(name: str) -> None:
    text, order = ORDERS[name]
    assert orders_asked(text, 1, [True]) == [order]


UNREAD = {  # and the construct that the line says
    "an argument of a message changes something": (
        text_of(then='if (count == 3) pr_info("%u", i += 1);'), "an argument that changes something: pr_info",
    ),
    "a message that asks for a page": (
        text_of(then='pr_info("%p", alloc_pages(gfp, 0));'), "an argument that changes something: pr_info",
    ),
    "a macro beside an operator": (
        text_of("pages[i] = alloc_pages(gfp, 2 * K - 4);", top="#define K 1 + 1"), "a macro without parentheses, 1 + 1",
    ),
    "the same, through another macro": (
        text_of("pages[i] = alloc_pages(gfp, 2 * A - 4);", top="#define K 1 + 1\n#define A K"),
        "a macro without parentheses, 1 + 1",
    ),
    "a macro that has a helper's name": (
        text_of("pages[i] = alloc_page(gfp);", top="#define alloc_page(x) alloc_pages((x) | __GFP_ZERO, 0)"),
        "a macro of the file's own, called: alloc_page",
    ),
    "a macro that is another function's name": (
        text_of("pages[i] = alloc_page(gfp);", top="#define alloc_page get_zeroed"), "a macro of the file's own",
    ),
    "a callee beside what changes its argument": (
        text_of("pages[i] = (order = 2, get(gfp, order));", top=GET), "a call beside something else that changes",
    ),
    "a callee in a macro": (
        text_of("pages[i] = (order = 2, ASK_IT);", top=GET + "#define ASK_IT (get(gfp, order))"), "a call in a macro",
    ),
    "the size of what a call returns": (
        text_of(then="more = sizeof(get(gfp, 1));", top=GET), "a call whose type alone is asked for",
    ),
}  # fmt: skip


KEEPS = "if (count == 3{}) return NULL;"  # with pages held: rollback-exact is false where the condition can hold
NOT_READ = {  # what stands before the function, what it does in every pass, and the construct that is told
    "a name that only the preprocessor knows": (
        "", f"\n#ifdef __KERNEL__\n{KEEPS.format('')}\n#endif\n", "#ifdef __KERNEL__",
    ),
    "a macro with arguments that is defined": (
        "#define HAVE_IT(x) (x)", f"\n#ifdef HAVE_IT\n{KEEPS.format('')}\n#endif\n", "#ifdef HAVE_IT",
    ),
    "an #if that reckons": ("", f"\n#if 0xffffffff + 1\n{KEEPS.format('')}\n#endif\n", "#if 0xffffffff + 1"),
    "a macro under #ifndef": (
        "#ifndef PAGE_ALLOC_COSTLY_ORDER\n#define PAGE_ALLOC_COSTLY_ORDER 8\n#endif",
        KEEPS.format(" && PAGE_ALLOC_COSTLY_ORDER == 3"), "a macro that is not always defined",
    ),
    "a macro that is undefined again": (
        "#define K 1\n#undef K", KEEPS.format(" && K == 3"), "a macro that is not always defined",
    ),
    "a function under #if 0": (
        "#if 0\nstatic int pick(int x) { return 1; }\n#endif", "more = pick(1); " + KEEPS.format(" && !more"),
        "a function that is not always there",
    ),
    "a type of the file's own": (
        "typedef unsigned char flag8;", "flag8 f = count == 3 ? 256 : 1; if (!f) return NULL;", "a branch on a flag8",
    ),
    "a char": ("", "char f = count == 3 ? 256 : 1; if (!f) return NULL;", "a branch on a char"),
    "a type whose name another file knows": (
        "typedef unsigned char uint;", "uint f = count == 3 ? 256 : 1; if (!f) return NULL;", "a branch on a uint",
    ),
    "a page of a type that is worked out": (
        "", "__auto_type t = pages[i]; if (count == 3 && !t) return NULL;", "a branch on a __auto_type",
    ),
    "min_t of a type that is not known": ("", KEEPS.format(" && min_t(loff_t, 4294967296LL, 5) == 5"), "a type"),
    "a size of a type that is not known": ("", KEEPS.format(" && sizeof(ptrdiff_t) == 4"), "sizeof(ptrdiff_t)"),
    "the size of an array without a name": ("", KEEPS.format(" && sizeof(int[3]) == 12"), "the size of an array"),
    "the size of a text": ("", KEEPS.format(' && sizeof("abc") == 4'), "the size of an array without a name"),
    "a pointer that moves by bytes": (
        "", "*(struct page **)((char *)pages + i * sizeof(*pages)) = pages[i];", "an assignment to it",
    ),
    "flags in a byte": ("", "u8 g = gfp | __GFP_NORETRY; if (!(g & __GFP_NORETRY)) return NULL;", "flags converted to"),
    "a message's argument that is a macro": (
        "#define SKIP (i += 1)", 'if (count == 3) pr_info("%u", SKIP);', "an argument that changes something",
    ),
    "the same, with arguments": (
        "#define SKIP(x) ((x) += 1)", 'if (count == 3) pr_info("%u", SKIP(i));', "an argument that changes something",
    ),
    "the length of an array of arrays": (
        "static const int t[1][3] = { { 3, 2, 1 } };", KEEPS.format(" && ARRAY_SIZE(t) == 1"), "an array that is not",
    ),
    "a length of the file's own": (
        "static const int t[] = { 3, 2 };\n#define ARRAY_SIZE(x) 1", KEEPS.format(" && ARRAY_SIZE(t) == 1"),
        "a macro of the file's own",
    ),
    "an enumerator that has a constant's name": (
        "enum { EOK, ENOMEM };", KEEPS.format(" && ENOMEM == 1"), "a name that is in no table",
    ),
    "one page's address against another's": (
        "", "void *p = pages[i]; if (count == 3 && pages[i] == p) return NULL;", "== of struct page *",
    ),
    "another number of arguments": ("", KEEPS.format(" && min(count) == 3"), "another number of arguments"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_READ)
def test_what_c_decides_and_the_reader_does_not_know_is_told(name: str) -> None:
    top, then, construct = NOT_READ[name]
    answer = Prover(target_of(source(text_of(then=then, top=top)), "fill", "lp64")).prove("rollback-exact")
    assert answer.word.value == "UNSUPPORTED" and construct in answer.reason, answer


KEPT = {  # conditions that hold with three pages wanted, whatever the data model
    "0 is a null pointer in ?:": "struct page *t = count == 3 ? 0 : pages[i]; if (!t) return NULL;",
    "a bool of the highest bit": "bool b = __fls(count); if (count == 3 && b == 1) return NULL;",
    "a variable called as Python's words": "int pass = count == 3; if (pass) return NULL;",
    "a macro in brackets": "int x = 2; if (count == 3 && x == 2) return NULL;",
}


@pytest.mark.parametrize("name", KEPT)
def test_a_condition_that_holds_is_seen_to_hold(name: str) -> None:
    answer = Prover(target_of(source(text_of(then=KEPT[name])), "fill", "ilp32")).prove("rollback-exact")
    assert answer.word.value == "REFUTED" and answer.scenario is not None and answer.scenario.call.n == 3, answer


def test_a_power_of_two_wraps_in_its_type() -> None:
    wraps = text_of(then="if (2UL << __fls(size) == 0) return NULL;")
    assert Prover(target_of(source(wraps), "fill", "ilp32")).prove("rollback-exact").word.value != "PROVED"
    assert Prover(target_of(source(wraps), "fill", "lp64")).prove("rollback-exact").word.value == "PROVED"


UNSET = {
    "a callee that returns nothing": (
        "static int pick(int x) { if (x > 5) return 1; }", "if (pick(count) == 1) more = 1;",
    ),
    "a declaration that is jumped over": ("", "goto over; int z = 3; over: if (z == 7) more = 1;"),
    "its own initializer": ("", "int z = count == 3 ? z : 1; if (z == 7) more = 1;"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSET)
def test_what_was_never_given_a_value_is_undefined(name: str) -> None:
    top, then = UNSET[name]
    answer = Prover(target_of(source(text_of(then=then, top=top)), "fill", "ilp32")).prove("nothing-undefined")
    assert answer.word.value == "REFUTED" and (
        "before it holds a value" in answer.reason or "no value" in answer.reason
    )


def test_a_slot_of_an_array_that_is_not_zeroed_is_undefined_until_it_is_written() -> None:
    text = text_of(then="if (size == 5 * PAGE_SIZE && count == 3 && pages[i + 1]) more++;")
    text = text.replace(
        "kvzalloc(count * sizeof(*pages), GFP_KERNEL)", "kmalloc_array(count, sizeof(*pages), GFP_KERNEL)"
    )
    answer = Prover(target_of(source(text), "fill", "ilp32")).prove("nothing-undefined")
    assert answer.word.value == "REFUTED" and answer.scenario is not None and answer.scenario.call.n == 5


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_rightly_is_not_read(name: str) -> None:
    text, construct = UNREAD[name]
    answer = Prover(target_of(source(text), "fill", "ilp32")).prove("page-total")
    assert answer.word.value == "UNSUPPORTED" and construct in answer.reason, answer


def test_a_helper_that_the_file_defines_is_what_the_file_says() -> None:
    own = "static struct page *alloc_page(gfp_t gfp) { return alloc_pages(gfp, 3); }"
    assert orders_asked(text_of("pages[i] = alloc_page(gfp);", top=own), 1, [True]) == [3]


def test_fls_takes_an_unsigned_int() -> None:
    read = text_of("order = fls((unsigned long)count << 32); " + ASK)
    answer = Prover(target_of(source(read), "fill", "lp64")).prove("nothing-lost-in-conversion")
    assert answer.word.value == "REFUTED" and "a value is lost from unsigned long to unsigned int" in answer.reason


def test_a_slot_that_was_null_before_it_was_filled_is_filled() -> None:
    again = "pages[i] = NULL; " + ASK + " if (pages[i] && count == 2) { __free_pages(pages[i], 0); i++; goto undo; }"
    loop = read_function(source(text_of(again)), "fill", "ilp32", {}, {})
    frees = [e.frame for e in run(loop, Call(3), Kernel(Script([True, True]), PageArray())) if isinstance(e, Free)]
    assert frees == [1, 1, 0]
    answer = Prover(target_of(source(text_of(again)), "fill", "ilp32")).prove("rollback-exact")
    assert answer.word.value == "REFUTED" and answer.scenario is not None and answer.scenario.call.n == 2
