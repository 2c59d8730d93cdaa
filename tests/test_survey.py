"""``stepdown survey``: what is of the family is found by its shape, what only looks like it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from model.c.shape import asks, asks_allocator, families
from model.c.source import Source
from proofs.engine.theorem import SLOW_TO_PROVE
from stepdown import survey
from stepdown.__main__ import cli
from stepdown.survey_command import exit_status, table
from tests.test_c_kernels import KERNELS, file_of

DATA = Path(__file__).parent / "data" / "c"

FOUND = {
    "a parameter": "void f(int n, int order) { while (n--) alloc_pages(0, order); }",
    "a noprof name": "void f(int n, int order) { while (n--) alloc_pages_node_noprof(0, 0, order); }",
    "folios": "void f(int n, int order) { do { folio_alloc(0, order); } while (n--); }",
    "a for loop": "void f(int n, int o) { for (; n; n--) __get_free_pages(0, o); }",
    "a member": "void f(struct s *s, int n) { while (n--) alloc_pages(0, s->order); }",
    "a computed order": "void f(int n) { while (n) { int order = __fls(n); alloc_pages(0, order); n -= 1 << order; } }",
    "an order assigned twice": "void f(int n) { int o = 3; while (n--) { alloc_pages(0, o); o = 0; } }",
    "an order counted down": "void f(int n) { int o = 3; while (n--) alloc_pages(0, o--); }",
    "an order behind a pointer": "void f(int n) { int o = 3; g(&o); while (n--) alloc_pages(0, o); }",
    "an iterator macro": "void f(struct list *l, int o) { list_for_each_entry(x, l, y) { alloc_pages(0, o); } }",
    "a callee": "static void g(int o) { alloc_pages(0, o); } void f(int n) { while (n) g(n--); }",
    "a callee of a callee": (
        "static void g(int o) { alloc_pages(0, o); } static void h(int k) { g(k + 1); } "
        "void f(int n) { while (n) h(n--); }"
    ),
    "a callee's own order": "static void g(void) { alloc_pages(0, top); } void f(int n) { while (n--) g(); }",
    "a loop in a loop": "void f(int n, int o) { while (n--) for (;;) alloc_pages(0, o); }",
}
DECOYS = {
    "no loop": "void f(int order) { alloc_pages(0, order); }",
    "before the loop": "void f(int n, int order) { alloc_pages(0, order); while (n--) g(n); }",
    "a literal": "void f(int n) { while (n--) alloc_pages(0, 2); }",
    "a macro in capitals": "void f(int n) { while (n--) alloc_pages(0, MAX_ORDER - 1); }",
    "a size that is a constant": "void f(int n) { while (n--) alloc_pages(0, get_order(sizeof(struct s) * SZ_4K)); }",
    "a local assigned once": "void f(int n) { int order; order = 3; while (n--) alloc_pages(0, order); }",
    "a local made of another": "void f(int n) { int a = 1, b = a + 2; while (n--) alloc_pages(0, b); }",
    "single pages": "void f(int n, int order) { while (n--) alloc_page(order); }",
    "bulk": "void f(int n) { while (n) n -= alloc_pages_bulk_array(0, n, pages); }",
    "a comment": "void f(int n, int order) { while (n--) g(/* alloc_pages(0, order) */); }",
    "a string": 'void f(int n, int order) { while (n--) g("alloc_pages(0, order)"); }',
    "another's name": "void f(int n, int order) { while (n--) my_alloc_pages(0, order); }",
    "a macro of that name": "#define alloc_pages(a, b) g(a)\nvoid f(int n, int o) { while (n--) alloc_pages(0, o); }",
    "a static function of that name": (
        "static int alloc_pages(int a, int b) { return 0; } void f(int n, int o) { while (n--) alloc_pages(0, o); }"
    ),
    "a callee given a constant": "static void g(int o) { alloc_pages(0, o); } void f(int n) { while (n--) g(0); }",
    "a callee after the loop": "static void g(int o) { alloc_pages(0, o); } void f(int n) { while (n--) h(); g(n); }",
    "never called": "void f(int n, int alloc_pages) { while (n--) g(alloc_pages); }",
}


@pytest.mark.parametrize("what", FOUND)
def test_finds(what: str) -> None:
    body = FOUND[what].encode()
    assert asks_allocator(body)
    assert families(Source("a.c", body)) == ["f"]


@pytest.mark.parametrize("what", DECOYS)
def test_is_not_taken_in_by(what: str) -> None:
    assert families(Source("a.c", DECOYS[what].encode())) == []


@pytest.mark.parametrize(
    "call",
    ["alloc_pages(gfp, 0)", "alloc_pages(a(b, c) | d, 3 )", "alloc_pages_node_noprof(f(x), gfp(),2)",
     "__get_free_pages(g,1)", "dev_alloc_pages(0)", "vma_alloc_folio(gfp, 0, vma, addr)", "my_alloc_pages(gfp, order)",
     "g()"],
)  # fmt: skip
def test_a_number_for_an_order_asks_for_nothing(call: str) -> None:
    assert not asks(call.encode())


@pytest.mark.parametrize(
    "call",
    ["alloc_pages(gfp, o)", "alloc_pages(gfp, 1 + o)", "alloc_pages(gfp, 0 + o)", "alloc_pages(/* g, 0) */ gfp, o)",
     "alloc_pages(f(\"(\", 0), 0), 0), o)", "alloc_pages(a(b, c), o)", "alloc_pages(((a), 0), o)",
     "alloc_pages(gfp, 0x", "alloc_pages(gfp\n#if 0\n, 0)\n#else\n, o)\n#endif",
     "alloc_pages(gfp, 0); alloc_pages(gfp, o)", "alloc_pages("],
)  # fmt: skip
def test_any_other_order_may_vary(call: str) -> None:
    assert asks(call.encode())


def small_tree(folder: Path) -> Path:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "patched.c").write_bytes((DATA / "patched.c").read_bytes())
    (folder / "decoy.c").write_text(DECOYS["a literal"])
    (folder / "unread.c").write_text('void f(int n, int order) { while (n--) { asm(""); alloc_pages(0, order); } }')
    (folder / "empty.c").write_text("")
    (folder / "other.txt").write_text(FOUND["a parameter"])
    (folder / "link.c").symlink_to(folder / "deep" / "er" / "patched.c")
    return folder


def test_a_table_says_what_holds_of_each_function(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["survey", str(small_tree(tmp_path)), "--seconds", "60", "--data-model", "ilp32"])
    assert result.exit_code == 3
    lines = result.output.splitlines()
    assert lines[0].split() == ["function", "file:line", "held", "refuted", "open", "unsupported"]
    assert lines[1].split()[0] == "fill" and lines[1].split()[2:] == ["23", "0", "0"]
    assert lines[2].split()[:2] == ["f", "unread.c:1"] and "unread.c:1: " in lines[2]
    assert lines[-1] == "2 functions, 1 read to a loop, 1 unsupported"


def test_machines_get_every_answer_and_the_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "one.c").write_text(FOUND["a parameter"])
    (tmp_path / "nul.c").write_bytes(FOUND["a parameter"].encode() + b"\0")
    result = CliRunner().invoke(cli, ["survey", str(tmp_path), "--format", "json"])
    found = json.loads(result.output)
    assert result.exit_code == 3
    assert [(entry["function"], entry["file"], entry["line"]) for entry in found["functions"]] == [("f", "one.c", 1)]
    assert "one.c:1: " in found["functions"][0]["unsupported"]
    assert [entry["file"] for entry in found["not_read"]] == ["nul.c"]


def test_a_refuted_claim_outweighs_an_open_one() -> None:
    found = survey.Found("a.c", "f", 1)
    good = survey.Judged(found, {"page-total": ("PROVED", "")})
    bad = survey.Judged(found, {"page-total": ("REFUTED", "")})
    assert exit_status([good]) == 0
    assert exit_status([good], [survey.Found("nul.c", "", trouble="nul.c: not a C file")]) == 3
    assert exit_status([good, survey.Judged(found, stopped="no answer within 1 s")]) == 3
    assert exit_status([bad, survey.Judged(found, unread="a.c:1: asm")]) == 1


def test_a_function_that_takes_too_long_is_stopped_and_the_next_ones_have_their_turn(tmp_path: Path) -> None:
    tree = small_tree(tmp_path)
    rows = list(survey.judge(tree, survey.find(tree), 0.01))
    open_claims = table([rows[0].found], rows[:1])[1].split()[4]
    assert int(open_claims) == len(rows[0].named("UNKNOWN")) > 20
    assert [row.found.name for row in rows] == ["fill", "f"]
    assert rows[0].stopped == "no answer within 0.01 s"


def test_the_claims_that_take_long_come_last(tmp_path: Path) -> None:
    tree = small_tree(tmp_path)
    row = next(survey.judge(tree, survey.find(tree), 60, "ilp32"))
    slow = [name for name in row.claims if name in SLOW_TO_PROVE]
    assert len(slow) == len(SLOW_TO_PROVE) and [*row.claims][-len(slow) :] == slow


def test_rejects_what_is_no_tree(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["survey", str(tmp_path / "nowhere")], standalone_mode=False)
    assert "no such folder" in str(result.exception)


@pytest.mark.slow
def test_the_known_siblings_of_a_real_tree_are_found() -> None:
    file_of("6.1", "mm/vmalloc.c")
    tree = KERNELS / "linux-6.1"
    found = {(found.path, found.name) for part in ("mm", "drivers") for found in survey.find(tree / part)}
    assert found >= {
        ("vmalloc.c", "vm_area_alloc_pages"), ("iommu/dma-iommu.c", "__iommu_dma_alloc_pages"),
        ("dma-buf/heaps/system_heap.c", "alloc_largest_available"),
        ("dma-buf/heaps/system_heap.c", "system_heap_allocate"), ("gpu/drm/ttm/ttm_pool.c", "ttm_pool_alloc"),
    }  # fmt: skip
    assert 60 < len(found) < 100
