"""The compiled function beside the one that was read: they agree, and where one is changed they do not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from model.c.function import CFunction
from model.c.source import Source
from model.c.types import DataModel
from model.environments import Scripted
from model.events import Attempt, Clear, End, Free, Split, Store
from model.gfp import GFP_HIGHMEM, GFP_KERNEL, GFP_NORETRY, Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, Loop, run
from spec.examples import EXAMPLES
from spec.targets import TARGETS
from stepdown.compiled import Case, compiled, gfp_from, makes
from stepdown.conform import ALL, PAGES, Comparison, compare, drawn, edges, reproduced, shrunk
from stepdown.told import first_difference, told
from stepdown.verify import verify
from tests.test_c_kernels import VERSIONS, file_of
from tests.test_cli import refused, stepdown

DATA = Path(__file__).parent / "data" / "c"
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


def read(text: str, name: str = "fill", model: str = "lp64") -> CFunction:
    return CFunction(Source("loop.c", text.encode()), name, DataModel(model))


def needs_model(model: str) -> None:
    if not makes(model):
        pytest.skip(f"the C compiler makes no {model} program that runs here")


def compared(reading: Loop, built: CFunction, runs: int = 600) -> Comparison:
    with compiled(built) as program:
        return compare(reading, program, runs, seed=1)


def words_of_events(loop: Loop, case: Case) -> str:
    """What is told of a run, written down from its events."""
    call = Call(case.n, case.gfp, case.single_pages)
    slots = dict.fromkeys(range(case.n), -1)
    words = []
    for event in run(loop, call, Kernel(Scripted(case.answers, case.grants), PageArray())):
        match event:
            case Attempt(order, gfp, frame):
                words.append(f"a{order},{gfp.bits},{'-' if frame is None else frame}")
            case Split(frame, order):
                words.append(f"s{frame},{order}")
            case Clear(frame, pages):
                words.append(f"c{frame},{pages}")
            case Free(frame, order):
                words.append(f"f{frame},{order}")
            case Store(slot, frame, pages):
                slots |= {slot + j: frame + j for j in range(pages)}
            case End(ok):
                words += ["ok", *(str(slots[slot]) for slot in range(case.n))] if ok else ["failed"]
    return " ".join(words)


def outcome(of_run: Callable[[], str]) -> str:
    """What a run comes to, a crash too."""
    try:
        return of_run()
    except Crash as crash:
        return f"crash: {crash.reason}"


LOOPS = {name: target.loop for name, target in (TARGETS | EXAMPLES).items()}
LOOPS |= {name: read((DATA / f"{name}.c").read_text()) for name in ("patched", "walk", "walk_retries", "leaks_slot_0")}


@pytest.mark.parametrize("name", LOOPS)
def test_what_is_told_of_a_run_is_its_events(name: str) -> None:
    loop, random = LOOPS[name], Random(1)
    cases = [*edges(loop), *(drawn(random, loop.grain) for _ in range(100))]
    assert len({case.n for case in cases}) > 20
    for case in cases:
        assert outcome(lambda: told(loop, case)) == outcome(lambda: words_of_events(loop, case))  # noqa: B023  at once


@pytest.mark.parametrize("gfp", [GFP_KERNEL, GFP_NORETRY | GFP_HIGHMEM, Gfp(comp=True, other=0x400000)])
def test_flags_are_read_back_from_their_number(gfp: Gfp) -> None:
    assert gfp_from(gfp.bits) == gfp


@needs_compiler
@pytest.mark.parametrize("model", ["lp64", "ilp32"])
@pytest.mark.parametrize("name", ["patched", "walk", "walk_retries", "smallest_first"])
def test_a_function_does_what_was_read_of_it(name: str, model: str) -> None:
    needs_model(model)
    function = read((DATA / f"{name}.c").read_text(), model=model)
    found = compared(function, function)
    assert found.differs is None
    assert found.compared >= 600


@needs_compiler
def test_the_compiled_function_does_what_the_python_model_does() -> None:
    found = compared(TARGETS["patched"].loop, read((DATA / "patched.c").read_text()))
    assert found.differs is None


@needs_compiler
@pytest.mark.parametrize("model", ["lp64", "ilp32"])
@pytest.mark.parametrize(
    ("old", "new", "n"),
    [
        ("{ 9, 8, 4, 0 }", "{ 9, 4, 0 }", 256),
        ("gfp | __GFP_NORETRY", "gfp", 16),
        ("split_page(pages[i], order);", ";", 16),
        ("pages[i + j] = pages[i] + j;", "pages[i + j] = pages[i];", 16),
        ("while (i--)", "while (i-- > 1)", 2),
        ("__free_pages(pages[i], 0)", "__free_pages(pages[i], 1)", 2),
        ("goto undo;\n\t\tif (order)", "return NULL;\n\t\tif (order)", 2),
        ("PAGE_SIZE << order, 0", "PAGE_SIZE, 0", 16),
    ],
)
def test_a_change_that_only_one_side_has_is_seen_at_the_smallest_size(old: str, new: str, n: int, model: str) -> None:
    needs_model(model)
    text = (DATA / "patched.c").read_text()
    assert old in text
    found = compared(read(text, model=model), read(text.replace(old, new), model=model))
    assert found.differs is not None
    case, model, real = found.differs
    assert case.n == n
    assert model != real
    assert first_difference(model, real)[1:] != ("", "")


@needs_compiler
def test_what_the_model_calls_undefined_a_sanitizer_stops_and_only_that() -> None:
    function = read((DATA / "leaks_slot_0.c").read_text())
    found = compared(function, function)
    assert found.differs is None
    assert found.stopped_alike > 10
    with compiled(read((DATA / "patched.c").read_text().replace("9, 8, 4, 0", "9, 8, 4"))) as program:
        lines, why = program.run([Case(16, answers=(True,)), Case(1)])
    assert len(lines) == 1
    assert "index 3 out of bounds" in why


@needs_compiler
def test_a_scenario_that_refutes_a_claim_is_run_on_the_compiled_function(tmp_path: Path) -> None:
    path = tmp_path / "loop.c"
    text = (DATA / "patched.c").read_text()
    path.write_text(text.replace("while (i--)", "while (i-- > 1)"))
    said = stepdown("conform", str(path), "--runs", "200")
    assert said.returncode == 0, said
    assert "  rollback-exact: REFUTED (reproduced)\n" in said.stdout
    assert "nothing-lost-in-conversion: REFUTED (not reproduced: 2147483648 pages are more" in said.stdout
    (answer,) = (a for a in verify(f"{path}:fill", ["rollback-exact"]) if a.scenario)
    with compiled(read(text)) as program:
        assert reproduced(read(path.read_text()), program, answer).startswith("MISMATCH: event")
        told_in_words = replace(answer, scenario=None, reason="n = 2147483649, 8 TiB: lost")
        said_of_it = "REFUTED (not reproduced: more than conform builds: n = 2147483649, 8 TiB)"
        assert reproduced(read(text), program, told_in_words) == said_of_it


@needs_compiler
def test_another_seed_draws_other_cases_and_the_same_one_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    function = read((DATA / "patched.c").read_text())
    sizes: list[tuple[int, ...]] = []

    def part(loop: Loop, program: object, cases: list[Case]) -> Comparison:
        sizes.append(tuple(case.n for case in cases))
        return Comparison(len(cases))

    monkeypatch.setattr("stepdown.conform._compared", part)
    with compiled(function) as program:
        for seed in (1, 2, 1):
            compare(function, program, 600, seed)
    edge_cases, first, _, second, _, again = sizes
    assert first == again != second
    assert len(edge_cases) + len(first) == 300


@needs_compiler
def test_edge_cases_refuse_the_first_the_middle_and_the_last_page() -> None:
    function = read((DATA / "patched.c").read_text())
    refused_pages = {case.answers.count(True) for case in edges(function) if case.n == 31 and case.single_pages}
    assert {0, 15, 30} <= refused_pages
    with compiled(function) as program:
        (line,), why = program.run([Case(16, granted_orders=ALL)])
    assert not why
    assert line.split()[0].startswith("a4,")
    assert line.endswith("ok " + " ".join(str(frame) for frame in range(16)))


@needs_compiler
def test_a_function_that_never_ends_or_writes_files_is_stopped_and_one_that_does_not_compile_is_a_line(
    tmp_path: Path,
) -> None:
    text = (DATA / "patched.c").read_text()
    path = tmp_path / "loop.c"
    path.write_text(text.replace("split_page(", "split_the_page("))
    said = stepdown("conform", str(path))
    assert said.returncode == 3
    assert "UNSUPPORTED" in said.stdout
    assert "Traceback" not in said.stderr
    assert "FILE.c" in refused("conform", "patched")
    assert "patched" in refused("conform", str(path), "--same-as", "patchd")
    path.write_text(text)
    said = stepdown("conform", str(path), "--same-as", "pre-patch", "--runs", "500")
    assert said.returncode == 1
    assert "MISMATCH at n = 2" in said.stdout
    assert "event 0: attempt order 0 " in said.stdout
    assert ", where the model has attempt order 1 GFP_KERNEL|__GFP_NORETRY" in said.stdout
    with compiled(read(text.replace("count -= 1 << order;", ";"))) as program:
        _, why = program.run([Case(1, granted_orders=ALL)])
    assert why


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "name", "settings"),
    [
        ("arch/arm/mm/dma-mapping.c", "__iommu_alloc_buffer", ()),
        ("drivers/iommu/dma-iommu.c", "__iommu_dma_alloc_pages", ("--set", "order_mask=0x311")),
    ],
    ids=["arm", "dma-iommu"],
)
def test_the_kernels_own_functions_do_what_was_read_of_them(
    version: str, path: str, name: str, settings: tuple[str, ...]
) -> None:
    said = stepdown("conform", f"{file_of(version, path)}:{name}", "--runs", "1500", *settings)
    assert said.returncode == 0, said
    assert "SAMPLED  no difference in 1500 runs" in said.stdout


TROUBLE = {  # what is done to the small patched loop, and what the 32-bit program says of it
    "a slot behind the array": ("while (count) {", "pages[count + i] = NULL; while (count) {", "outside its slots"),
    "a slot before the array": ("while (count) {", "pages[-1] = NULL; while (count) {", "outside its slots"),
    "the array freed twice": ("kvfree(pages);", "kvfree(pages); kvfree(pages);", "what is not allocated is freed"),
    "an entry that is not there": ("9, 8, 4, 0", "9, 8, 4", "out_of_bounds"),
    "a shift too far": ("PAGE_SIZE << order, 0", "PAGE_SIZE << (order + 40), 0", "shift_out_of_bounds"),
}


@needs_compiler
@pytest.mark.parametrize("name", TROUBLE)
def test_the_32_bit_program_stops_where_memory_or_arithmetic_goes_wrong(name: str) -> None:
    needs_model("ilp32")
    old, new, trouble = TROUBLE[name]
    text = (DATA / "patched.c").read_text()
    assert old in text
    with compiled(read(text.replace(old, new), model="ilp32")) as program:
        _, why = program.run([Case(3, granted_orders=PAGES), Case(3)])
    assert trouble in why
    with compiled(read(text, model="ilp32")) as program:
        assert program.run([Case(3, granted_orders=PAGES), Case(3)])[1] == ""


@needs_compiler
def test_the_32_bit_program_has_32_bit_types() -> None:
    needs_model("ilp32")
    body = (DATA / "patched.c").read_text().replace("while (count) {", "BUG_ON(sizeof(long) != 4); while (count) {")
    for model, stops in (("ilp32", False), ("lp64", True)):
        with compiled(read(body, model=model)) as program:
            assert bool(program.run([Case(3, granted_orders=PAGES)])[1]) == stops


@needs_compiler
@pytest.mark.parametrize("order", [0, 3])
def test_a_function_that_fills_its_callers_array_is_run_with_the_caller_retold(order: int) -> None:
    text = (DATA / "vm_area.c").read_text()
    constants = {"order": order, "nid": 0}
    good = CFunction(Source("vm_area.c", text.encode()), "vm_area_alloc_pages", DataModel("lp64"), {}, constants)
    bad_text = text.replace("nr += got;", "nr += got + !got;").replace(
        "pages[nr + i] = page + i", "pages[nr + i] = page"
    )
    bad = CFunction(Source("vm_area.c", bad_text.encode()), "vm_area_alloc_pages", DataModel("lp64"), {}, constants)
    found = compared(good, good)
    assert found.differs is None and found.most_n >= 4 << order
    found = compared(good, bad)
    assert found.differs is not None and found.differs[0].n == 1 << order


@needs_compiler
def test_a_large_case_that_differs_is_made_smaller() -> None:
    text = (DATA / "patched.c").read_text()
    function = read(text)
    with compiled(read(text.replace("__free_pages(pages[i], 0)", "__free_pages(pages[i], i == 5)"))) as program:
        large = Case(200, answers=(True,) * 60 + (False,), granted_orders=PAGES)
        lines, _ = program.run([large])
        case, model, real = shrunk(function, program, (large, told(function, large), lines[0]))
        assert case.n <= 17 and model != real
        assert program.run([case]) == ([real], "")


@needs_compiler
@pytest.mark.parametrize("model", ["lp64", "ilp32"])
def test_a_case_that_does_not_end_or_ends_the_program_is_blamed_itself(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_model(model)
    monkeypatch.setattr("stepdown.compiled.RUN_SECONDS", 2)
    text = (DATA / "patched.c").read_text()
    hangs, ends = "while (count == 5) ;", "if (count == 5) _exit(0);"
    for trouble, why in ((hangs, "no end within|ended with status"), (ends, "ended before the last case")):
        changed = text.replace("while (count) {", f"{trouble} while (count) {{")
        with compiled(read(changed, model=model)) as program:
            lines, said = program.run([Case(3), Case(4), Case(5), Case(6)])
        assert len(lines) == 2
        assert re.search(why, said)
