"""`stepdown trace` as its users meet it: files, packed and piped; formats; statuses; what is no trace; its cost."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import refused, stepdown
from tests.tracing import K4, TRACES, judged

K4_FILE = str(TRACES["arm-6.1/k4k0-1060864.trace"])
KMEM_FILE = str(TRACES["arm-6.1/kmem-pid-4096.trace"])


def test_a_trace_that_conforms_names_the_claims_that_it_covers() -> None:
    said = stepdown("trace", K4_FILE)
    assert said.returncode == 0
    assert "CONFORMS" in said.stdout
    assert "claims covered" in said.stdout
    assert "not observable  array-index-in-bounds: looks into the order array leave no event" in said.stdout


def test_the_first_line_that_breaks_a_claim_is_printed() -> None:
    said = stepdown("trace", "-", given=K4.replace("order=8", "order=7"))
    assert said.returncode == 1
    assert "breaks orders-from-array: an order is asked for that is not in {9, 8, 4, 0}" in said.stdout


def test_the_worst_of_several_files_is_the_status() -> None:
    assert stepdown("trace", K4_FILE, KMEM_FILE).returncode == 3
    assert stepdown("trace", KMEM_FILE, "-", given=K4.replace("order=8", "order=7")).returncode == 1


def test_json_says_the_same() -> None:
    said = json.loads(stepdown("trace", "--format", "json", K4_FILE, KMEM_FILE).stdout)
    assert said["status"] == 3
    conforming, other = said["traces"]
    assert (conforming["verdict"], other["verdict"]) == ("CONFORMS", "NOT ENOUGH EVIDENCE")
    (buffer,) = conforming["buffers"]
    assert (buffer["pages"], buffer["agrees_for_attempts"], buffer["frames_agree"]) == (259, 20, True)
    assert {claim["verdict"] for claim in buffer["claims"]} == {"held", "not observable", "not applicable"}


def test_only_the_chosen_claims_are_judged() -> None:
    said = stepdown("trace", "--claims", "page-total", K4_FILE)
    assert said.returncode == 0
    assert "claims covered  page-total\n" in said.stdout
    assert stepdown("trace", "--claims", "rollback-exact", K4_FILE).returncode == 3


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_packed_traces_are_unpacked(pack: object, tmp_path: Path) -> None:
    packed = pack(K4.encode())  # type: ignore[operator] # one of three functions
    (tmp_path / "t").write_bytes(packed)
    assert "CONFORMS" in stepdown("trace", str(tmp_path / "t")).stdout
    command = [sys.executable, "-m", "stepdown", "trace"]
    piped = subprocess.run(command, input=packed, capture_output=True, timeout=60, check=False)
    assert piped.returncode == 0
    (tmp_path / "t").write_bytes(packed[: len(packed) // 2])
    assert "t: line" in refused("trace", str(tmp_path / "t"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected a trace"),
        (b"hello\nworld\n", "got 2 lines without any event"),
        (b"\x17\x08\x44tracing123", "run trace-cmd report"),
        (b"PERFILE2....", "run perf script"),
        (b"\x7fELF" + bytes(100), "a program"),
        (bytes(range(7, 90)) + b"\0" * 50, "expected"),
    ],
)
def test_rejects_what_is_no_trace(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(data)
    assert said in refused("trace", str(tmp_path / "x"))


def test_rejects_a_missing_file_and_bad_words() -> None:
    assert "No such file" in refused("trace", "no/such/file")
    assert "expected numbers" in refused("trace", "--orders", "9,x", K4_FILE)
    assert "expected a number" in refused("trace", "--size", "four", K4_FILE)
    assert "claims about C source" in refused("trace", "--claims", "nothing-undefined", K4_FILE)


def test_a_trace_of_something_else_is_not_enough_evidence() -> None:
    other = "# tracer: nop\n" + "".join(
        f"   bash-7 [000] d..2. {at}.000001: sched_switch: prev_comm=bash prev_pid=7 ==> next_comm=init next_pid=1\n"
        for at in range(5)
    )
    said = stepdown("trace", "-", given=other)
    assert said.returncode == 3
    assert "NOT ENOUGH EVIDENCE" in said.stdout
    assert "no event of the page allocator is in it" in said.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["buffers", "noise"])
def test_a_million_lines_take_bounded_memory(kind: str, tmp_path: Path) -> None:
    """100 MB, as the process itself peaks: what getrusage tells would include the process that started it."""
    body = [line for line in TRACES["arm-6.1/k0-4194304.trace"].read_text().splitlines(True) if line[0] != "#"]
    noise = (
        "  x-{} [001] .... {}.5: mm_page_alloc: page=deb58250 pfn=0x42f00 order=0 migratetype=1 gfp_flags=GFP_USER\n"
    )
    with (tmp_path / "big").open("w") as file:
        for at in range(1_000_000 // len(body) + 1):
            file.writelines(body if kind == "buffers" else [noise.format(at * 7 % 3000, at)] * len(body))
    code = (
        "import re, runpy, sys\n"
        "sys.argv = ['stepdown', 'trace', sys.argv[1]]\n"
        "try: runpy.run_module('stepdown', run_name='__main__')\n"
        "except SystemExit as stop: status = stop.code\n"
        "print(status, re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "big")], capture_output=True, text=True, check=True
    )
    status, kilobytes = said.stdout.splitlines()[-1].split()
    assert status == ("0" if kind == "buffers" else "3")
    assert int(kilobytes) < 100 << 10


@pytest.mark.parametrize(
    "line", ["1" * 4000, " " * 4000, "[0] " * 1000, " 0)" + " " * 3900 + "|", " 0) " + "|" * 3900, "a-1 " * 990]
)
def test_no_line_takes_long(line: str) -> None:
    """A reader's expressions must not try every way to split a line that is none: that would not end."""
    verdict, _ = judged(["# tracer: nop\n", *[line + "\n"] * 50])
    assert verdict.word == "NOT ENOUGH EVIDENCE"
