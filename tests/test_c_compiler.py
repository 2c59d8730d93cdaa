"""The interpreter of C against a compiler: the same random functions, the same arguments, run by both.

Where the interpreter reports no trouble the results must be equal and UBSan silent; where it reports undefined
behaviour UBSan must have stopped the call, too: always for shifts and divisions, mostly for overflow and indices.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from model.c import arith
from model.c.function import Frame, NoAllocator
from model.c.memory import Slots
from model.c.reader import Reader
from model.c.source import Source
from model.c.types import CInt, DataModel
from model.c.values import LOSSY, OVERFLOW, UNDEFINED, Trouble, number, usable
from model.kernel import Crash, Kernel
from model.loop import Call
from tests.c_generator import Drawn, drawn

RUNTIME = Path(__file__).with_name("c_runtime.h")
MASK = (1 << 64) - 1
WRAPS = "an unsigned product wraps"
LOST = "a value was lost, and used for nothing that shows"
FOLDED = "signed constants overflow"  # the compiler folds them, and UBSan never sees them
TOLD = (LOSSY, WRAPS, LOST, FOLDED)  # a compiler says nothing of it, or goes on with another value
UBSAN_MAY_MISS = (OVERFLOW, "array-index-in-bounds")  # gcc narrows some arithmetic, and lets some indices be
SAME, SEEN, MISSED = "the same", "UBSan saw it, too", "UBSan did not see it"
CALLS = 5  # of each function
MOST_STEPS = 200_000
BATCH = 400  # functions in one compilation
FLAGS = {
    "lp64": ["-m64"],
    "ilp32": ["-m32"],
}
COMMON = [
    "-std=gnu11",
    "-O0",
    "-w",
    "-ffreestanding",
    "-nostdlib",
    "-static",
    "-fno-stack-protector",
    "-fno-pie",
    "-no-pie",
]
COUNT = int(os.environ.get("STEPDOWN_C_FUNCTIONS", "20000"))  # of the slow test, both data models together


class Noted(Trouble):
    """Trouble that is counted: what it would have been afterwards is not known to the interpreter."""

    made = 0

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(claim, reason)
        Noted.made += 1


@pytest.fixture(autouse=True)
def count_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arith, "Trouble", Noted)


def interpreted(function: Drawn, source: Source, model: DataModel) -> list[str]:
    """Return what each call comes to: the result in 64 bits, or the name of the trouble."""
    reader = Reader(source, function.name, model, {}, {})
    return [outcome(reader, call) for call in function.calls]


def outcome(reader: Reader, arguments: tuple[int, ...]) -> str:
    """Return what one call comes to."""
    nowhere = NoAllocator()
    kernel = Kernel(nowhere, nowhere)
    frame = Frame([None] * len(reader.variables), kernel, Call(1), Slots(kernel))
    for parameter, value in zip(reader.parameters, arguments, strict=True):
        assert isinstance(parameter.kind, CInt)
        frame.vars[parameter.index] = passed(value, parameter.kind)
    before = Noted.made
    try:
        told = f"{number(usable(returned(reader, frame)), reader.source.name) & MASK:016x}"
    except Crash as trouble:
        if trouble.claim == OVERFLOW and not re.search(r'"[^"]*\bv\d', trouble.reason):
            return FOLDED
        return WRAPS if "a product wraps" in trouble.reason else trouble.claim
    return LOST if Noted.made > before else told


def passed(value: int, kind: CInt) -> int:
    """Return ``value`` as the compiler passes it in a parameter of that type."""
    return int(bool(value)) if kind.bits == 1 else int(arith.wrapped(value, kind))


def returned(reader: Reader, frame: Frame) -> Any:
    """Return what the function returns: its flat code, run step by step."""
    at = 0
    for _ in range(MOST_STEPS):
        step = reader.steps[at]
        if step.kind == "return":
            return step.run(frame)
        if step.kind == "do":
            step.run(frame)
        taken = step.kind == "jump" or (step.kind == "branch" and not step.run(frame))
        at = step.target if taken else at + 1
    raise AssertionError(f"{reader.calls[0][0]}: a generated function does not end")


def compiled(functions: list[Drawn], text: str, model: str, folder: Path) -> list[list[str]]:
    """Return what each call of each function comes to when it is compiled: the result, or "u"."""
    program = [f'#include "{RUNTIME}"', text]
    for f in functions:  # each function's calls in a function of their own: setjmp in a large one costs the compiler
        program.append(f"static void call_{f.name}(void)\n{{")
        program += [f"\tCALL({f.name}({given(f, call)}));" for call in f.calls]
        program.append("}")
    program += ["void _start(void)\n{", *(f"\tcall_{f.name}();" for f in functions)]
    (folder / "all.c").write_text("\n".join([*program, "\tflush();\n\tcall_kernel(EXIT, 0, 0, 0);\n}\n"]))
    sanitized = ["-fsanitize=undefined", "-c", "-o", "all.o", "all.c"]
    for words in ([*COMMON, *FLAGS[model], *sanitized], [*COMMON, *FLAGS[model], "-o", "all", "all.o"]):
        built = subprocess.run(["cc", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if built.returncode:
            raise RuntimeError(built.stderr[:2000])
    told = subprocess.run([folder / "all"], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert len(told) == sum(len(f.calls) for f in functions)
    rest = iter(told)
    return [[next(rest) for _ in f.calls] for f in functions]


def given(function: Drawn, call: tuple[int, ...]) -> str:
    return ", ".join(f"({kind}){value}LL" for kind, value in zip(function.parameters, call, strict=True))


def same(read: str, ran: str) -> bool:
    """Return whether the interpreter and the compiler say the same, as far as both say something."""
    if read in TOLD or read in UBSAN_MAY_MISS:
        return True
    return ran == "u" if read == UNDEFINED else read == ran


def compare(seeds: range, model: str, folder: Path) -> Counter[str]:
    """Compare the functions of ``seeds``; return how many calls came to what. A difference is an AssertionError."""
    functions = [drawn(seed) for seed in seeds]
    text = "\n".join(f.text for f in functions)
    source = Source("generated.c", text.encode())
    counted: Counter[str] = Counter()
    for function, runs in zip(functions, compiled(functions, text, model, folder), strict=True):
        for call, read, ran in zip(function.calls, interpreted(function, source, DataModel(model)), runs, strict=True):
            shown = f"{function.name}({given(function, call)}), {model}: read {read}, ran {ran}\n{function.text}"
            assert same(read, ran), shown
            counted[SAME if read == ran else read] += 1
            if read in UBSAN_MAY_MISS:
                counted[SEEN if ran == "u" else MISSED] += 1
    return counted


def needs_compiler(model: str, folder: Path) -> None:
    """Skip where no C compiler is, or it makes no such program."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    try:
        compiled([drawn(0)], drawn(0).text, model, folder)
    except (RuntimeError, OSError, subprocess.SubprocessError) as trouble:
        pytest.skip(f"the C compiler makes no {model} program that runs here: {str(trouble)[:80]}")


def fuzzed(first: int, count: int, model: str, folder: Path, record_property: Any) -> None:
    """Compare so many functions, and check that the comparison compares."""
    needs_compiler(model, folder)
    counted: Counter[str] = Counter()
    for start in range(first, first + count, BATCH):
        counted += compare(range(start, min(start + BATCH, first + count)), model, folder)
    calls = count * CALLS
    undefined = sum(counted[claim] for claim in (UNDEFINED, *UBSAN_MAY_MISS))
    shares = f"{counted[SAME]} same results, {undefined} undefined, {counted[MISSED]} of these not seen by UBSan"
    record_property("counted", f"C functions against the compiler, {model}: {count} functions, {calls} calls: {shares}")
    assert counted[SAME] >= calls * 0.3
    assert undefined <= calls / 3
    assert counted[MISSED] <= counted[SEEN] / 4


@pytest.mark.parametrize("model", ["lp64", "ilp32"])
def test_generated_functions_come_to_what_the_compiler_says(model: str, tmp_path: Path, record_property: Any) -> None:
    fuzzed(0, 300, model, tmp_path, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lp64", "ilp32"])
def test_many_generated_functions_come_to_what_the_compiler_says(
    model: str, tmp_path: Path, record_property: Any
) -> None:
    fuzzed(300, COUNT // 2, model, tmp_path, record_property)


def _floored(one: int, other: int, kind: CInt, where: str) -> int:
    if other == 0:
        raise Crash(UNDEFINED, where)
    return one // other


BUGS = {
    "/": _floored,  # rounds down, as Python does
    ">>": lambda one, by, kind, where: abs(one) >> (by if 0 <= by < kind.bits else 0),  # forgets sign and limits
    "-": lambda one, other, kind, where: one - other,  # never wraps
}


@pytest.mark.parametrize("sign", BUGS)
def test_a_bug_in_one_operator_is_found(sign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_compiler("lp64", tmp_path)
    monkeypatch.setitem(arith.OPERATIONS, sign, BUGS[sign])
    with pytest.raises(AssertionError, match=": read"):
        compare(range(300), "lp64", tmp_path)


# What the comparison found, each once wrong: C, the arguments, the result.
FOUND = [
    ("static bool f(int a) { return 8; }", (0,), 1),
    ("static long f(int a) { return -2147483648; }", (0,), -2147483648),
    ("static int f(int a) { return 65536 - (-2147483648) > 0; }", (0,), 1),
    ("static const bool t[] = { 300, 0 };\nstatic int f(int a) { return t[a]; }", (0,), 1),
    ("static const unsigned char t[] = { 300, -1 };\nstatic int f(int a) { return t[a]; }", (1,), 255),
    ("static int f(int a) { return (u8)(a); }", (7,), 7),
    ("static int f(int a) { unsigned long v = 4294967295UL * 4294967295UL * 4294967295UL; return a; }", (7,), 7),
]


@pytest.mark.parametrize(("text", "arguments", "result"), FOUND)
def test_what_was_once_read_wrong(text: str, arguments: tuple[int, ...], result: int) -> None:
    reader = Reader(Source("small.c", text.encode()), "f", DataModel("lp64"), {}, {})
    read = outcome(reader, arguments)
    assert read in (f"{result & MASK:016x}", LOST)
    assert (read == LOST) == ("*" in text)


def test_an_overflow_of_constants_is_told_when_it_is_reached() -> None:
    text = "static int f(int a) { if (a) return -(-2147483647 - 1); return 1; }"
    reader = Reader(Source("small.c", text.encode()), "f", DataModel("lp64"), {}, {})
    assert outcome(reader, (0,)) == f"{1:016x}"
    assert outcome(reader, (1,)) == FOLDED
