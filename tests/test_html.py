"""The pages of `--html`: what is on them, and that a real browser shows them without a word of complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stepdown.html import Outcome, Page, chunks_of, rendered
from stepdown.svg import MOST_SHAPES, Chunk, Try, attempts_chart, slots_map
from tests.test_cli import refused, stepdown
from tests.test_dumps import DATA
from tests.tracing import K4, TRACES

CHROMIUM = shutil.which("chromium")
DUMP = str(DATA / "lkml-mtk-order10-MT7621-128MB.txt")


def trace_page(tmp_path: Path, name: str = "arm-6.1/k4k0-1060864.trace") -> str:
    said = stepdown("trace", "--html", str(tmp_path / "page.html"), str(TRACES[name]))
    assert said.returncode == 0
    return (tmp_path / "page.html").read_text()


def simulate_page(tmp_path: Path) -> str:
    said = stepdown("simulate", "--size", "4M", "--state", DUMP, "--html", str(tmp_path / "page.html"))
    assert said.returncode == 0
    return (tmp_path / "page.html").read_text()


def elements(page: str, tag: str, kind: str) -> int:
    return len(re.findall(rf'<{tag}\b[^>]*class="[^"]*\b{kind}\b', page))


def test_a_trace_is_drawn_with_its_chunks_attempts_and_free_lists(tmp_path: Path) -> None:
    page = trace_page(tmp_path)
    assert elements(page, "svg", "slots") == elements(page, "svg", "frames") == elements(page, "svg", "attempts") == 1
    assert elements(page, "path", "refused") == 1
    assert elements(page, "rect", "granted") == 19
    assert elements(page, "rect", "chunk") == 2 * 19  # over slots, and over frames
    assert "free blocks of Node 0, zone DMA" in page
    assert "refused-order-not-asked-again" in page
    assert "slot 16: frame 0x48c20, order 4" in page


def test_a_simulation_is_drawn_beside_other_strategies(tmp_path: Path) -> None:
    page = simulate_page(tmp_path)
    assert elements(page, "table", "strategies") == 1
    assert elements(page, "svg", "slots") == 5  # its own, and four strategies
    assert "pre-patch: every order, for every chunk anew" in page


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    for page in (trace_page(tmp_path), simulate_page(tmp_path)):
        assert not re.search(r"https?:|src=|href=|url\(|@import|<script", page)
        assert page.startswith("<!DOCTYPE html>")
        assert "color-scheme: light dark" in page


def test_what_a_trace_says_is_text_and_never_markup(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(K4.replace("init-1 ", "<b>&x-1 "))
    assert stepdown("trace", "--html", str(tmp_path / "p.html"), str(tmp_path / "t")).returncode == 0
    page = (tmp_path / "p.html").read_text()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;x-1" in page


def test_a_large_buffer_has_a_bounded_page() -> None:
    tries = [Try(9, False), *[Try(0, True)] * 100_000]
    chunks = chunks_of([(0, frame) for frame in range(0, 200_000, 2)])
    page = rendered(Page("large", "", [Outcome("one", "done", 100_000, tries, chunks)]))
    assert len(page) < 2_000_000
    assert "of single pages one in 67 is drawn" in page
    assert len(list(slots_map(chunks, 100_000).iter("rect"))) <= MOST_SHAPES
    assert [cross.get("class") for cross in attempts_chart(tries).iter("path")] == ["refused"]


def test_refusals_and_grants_differ_by_shape() -> None:
    chart = attempts_chart([Try(4, False), Try(0, True)])
    assert (len(list(chart.iter("path"))), len(list(chart.iter("rect")))) == (1, 1)


def test_a_box_is_as_wide_as_its_block() -> None:
    boxes = list(slots_map([Chunk(0, 1, 0), Chunk(2, 0, 9), Chunk(3, 0, 4)], 4).iter("rect"))
    widths = [float(box.get("width", "0")) for box in boxes]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.02)


def test_rejects_two_traces_or_a_file_that_cannot_be_written() -> None:
    file = str(TRACES["arm-6.1/fresh-4096.trace"])
    assert "give one FILE" in refused("trace", "--html", "x.html", file, file)
    assert "No such file" in refused("trace", "--html", "no/such/folder/x.html", file)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)")
@pytest.mark.parametrize("kind", ["trace", "simulate"])
def test_a_browser_shows_every_element_and_logs_no_error(kind: str, tmp_path: Path) -> None:
    page = trace_page(tmp_path) if kind == "trace" else simulate_page(tmp_path)
    assert CHROMIUM is not None
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
             "--enable-logging=stderr", "--dump-dom", f"file://{tmp_path / 'page.html'}"]  # fmt: skip
    shown = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert "CONSOLE" not in shown.stderr
    for tag in ("svg", "rect", "path", "table", "h2"):
        assert shown.stdout.count(f"<{tag}") == page.count(f"<{tag}"), tag
    assert "made-by" in shown.stdout
