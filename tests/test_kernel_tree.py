"""What varies between kernels: MAX_ORDER and its meaning from the tree's header, CONFIG_ options tried both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.c.source import Source
from proofs.engine.prove import Prover
from stepdown.c_target import read_target, target_of
from stepdown.kernel_tree import HEADER, orders_of, root_of
from stepdown.verify import verify
from tests.test_c_kernels import file_of

HEADERS = {
    "before 6.4": "#ifndef CONFIG_X\n#define MAX_ORDER 11\n#else\n#define MAX_ORDER CONFIG_X\n#endif\n"
    "#define MAX_ORDER_NR_PAGES (1 << (MAX_ORDER - 1))\n",
    "from 6.4": "#define MAX_ORDER 10\n#define MAX_ORDER_NR_PAGES (1 << MAX_ORDER)\n",
    "from 6.8": "#define MAX_PAGE_ORDER 10\n#define MAX_ORDER_NR_PAGES (1 << MAX_PAGE_ORDER)\n",
    "without a meaning": "#define MAX_ORDER 11\n",
}
TWO_WAYS = """
static struct page **fill(size_t size, gfp_t gfp)
{
	int i = 0, count = size >> PAGE_SHIFT;
	struct page **pages = kvzalloc(count * sizeof(*pages), GFP_KERNEL);

	while (count) {
		pages[i] = alloc_pages(gfp, ORDER);
		if (!pages[i])
			goto undo;
		i++;
		count--;
	}
	return pages;
undo:
	while (i--)
		__free_pages(pages[i], 0);
	kvfree(pages);
	return NULL;
}
"""


def tree(folder: Path, header: str) -> Path:
    (folder / HEADER).parent.mkdir(parents=True)
    (folder / HEADER).write_text(HEADERS[header])
    return folder


@pytest.mark.parametrize(
    ("header", "found", "meaning"),
    [
        ("before 6.4", {"MAX_ORDER": 11}, "above the largest order"),
        ("from 6.4", {"MAX_ORDER": 10}, "10, the largest order"),
        ("from 6.8", {"MAX_PAGE_ORDER": 10}, "10, the largest order"),
        ("without a meaning", {}, ""),
    ],
)
def test_the_largest_order_comes_from_the_header(
    tmp_path: Path, header: str, found: dict[str, int], meaning: str
) -> None:
    orders, sentence = orders_of(tree(tmp_path, header))
    assert orders == found and meaning in sentence


@pytest.mark.parametrize(("header", "word"), [("before 6.4", "REFUTED"), ("from 6.4", "PROVED")])
def test_the_same_source_is_right_or_wrong_by_the_tree_it_lies_in(tmp_path: Path, header: str, word: str) -> None:
    path = tree(tmp_path, header) / "drivers" / "a.c"
    path.parent.mkdir()
    asks = "alloc_pages(gfp, count > 2000 ? MAX_ORDER : 0)"
    path.write_text(TWO_WAYS.replace("alloc_pages(gfp, ORDER)", asks))
    target = read_target(f"{path}:fill")
    assert Prover(target).prove("orders-deliverable").word.value == word
    assert any("read from the tree: MAX_ORDER" in note for note in target.notes)
    given = read_target(f"{path}:fill", settings=("MAX_ORDER=9",))
    assert Prover(given).prove("orders-deliverable").word.value == "PROVED"


def test_a_file_outside_of_a_tree_has_none(tmp_path: Path) -> None:
    assert root_of(tmp_path / "a.c") is None


@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_the_real_headers_are_understood(version: str) -> None:
    root = root_of(file_of(version, "include/linux/mmzone.h"))
    assert root is not None
    orders, meaning = orders_of(root)
    assert (orders, "above" in meaning) == (
        ({"MAX_ORDER": 11}, True) if version == "6.1" else ({"MAX_PAGE_ORDER": 10}, False)
    )


CONFIG_WAYS = {
    "IS_ENABLED": "if (IS_ENABLED(CONFIG_BAD)) gfp |= __GFP_NORETRY;",
    "#ifdef": "\n#ifdef CONFIG_BAD\ngfp |= __GFP_NORETRY;\n#endif\n",
    "#ifndef": "\n#ifndef CONFIG_BAD\ngfp |= __GFP_NOWARN;\n#else\ngfp |= __GFP_NORETRY;\n#endif\n",
    "#if IS_ENABLED": "\n#if IS_ENABLED(CONFIG_BAD)\ngfp |= __GFP_NORETRY;\n#endif\n",
}


@pytest.mark.parametrize("test", CONFIG_WAYS)
def test_a_configuration_is_tried_both_ways_and_a_claim_must_hold_in_each(test: str) -> None:
    source = Source(
        "a.c", TWO_WAYS.replace("ORDER", "0").replace("while (count)", CONFIG_WAYS[test] + "while (count)").encode()
    )
    target = target_of(source, "fill", "ilp32")
    assert [reading.sentence for reading in target.readings] == [
        "read from C, ilp32, CONFIG_BAD=n",
        "read from C, ilp32, CONFIG_BAD=y",
    ]
    retries, total = verify(target, ["fallback-may-retry", "page-total"])
    assert retries.word.value == "REFUTED" and retries.reason.startswith("read from C, ilp32, CONFIG_BAD=y: ")
    assert total.word.value == "PROVED"
    for value, word in ((False, "PROVED"), (True, "REFUTED")):
        given = target_of(source, "fill", "ilp32", configs={"CONFIG_BAD": value})
        assert not given.readings
        assert next(verify(given, ["fallback-may-retry"])).word.value == word


def test_too_many_options_are_told_and_not_tried() -> None:
    tests = " ".join(f"if (IS_ENABLED(CONFIG_{name})) gfp |= __GFP_NOWARN;" for name in "ABCDE")
    body = TWO_WAYS.replace("while (count)", f"{tests} while (count)").replace("ORDER", "0")
    answer = next(verify(target_of(Source("a.c", body.encode()), "fill", "ilp32"), ["page-total"]))
    assert answer.word.value == "UNSUPPORTED" and "--set CONFIG_E=y" in answer.reason
