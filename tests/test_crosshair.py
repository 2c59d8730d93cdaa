"""CrossHair on the model's contracts, and as the backend of property tests: a second pair of eyes. It proves nothing.

Always in a child process with a limit: CrossHair hangs on a loop that never ends, whatever its own time-outs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROCESS_LIMIT = 300  # seconds; no result depends on it, a run that reaches it fails
CONFIRMED, REFUTED = "Confirmed over all paths.", "refuted"
LINE = re.compile(r"contracts\.py:(?P<line>\d+): (?P<level>info|error|warning): (?P<text>.*)")
NOTHING = "CrossHair said nothing"


class Inconclusive(AssertionError):
    """CrossHair confirmed nothing and refuted nothing, of at least one postcondition."""


def limited(*arguments: str, limit: float = PROCESS_LIMIT) -> subprocess.CompletedProcess[str]:
    """Run Python in a child process that cannot outlive ``limit`` seconds."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=limit
    )


def postconditions(function: str) -> dict[int, str]:
    """Return the postconditions of a function of tests/contracts.py, by line."""
    lines = (ROOT / "tests" / "contracts.py").read_text().splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith(f"def {function}("))
    found = {}
    for at in range(first + 1, len(lines)):
        if lines[at].startswith("def "):
            break
        if lines[at].strip().startswith("post: "):
            found[at + 1] = lines[at].strip().removeprefix("post: ")
    return found


def crosshair(function: str, per_condition_seconds: float = 60, limit: float = PROCESS_LIMIT) -> dict[str, str]:
    """Return what CrossHair says of each postcondition: CONFIRMED, or the text of the counterexample.

    A crash counts against every postcondition. Raises Inconclusive when one was neither confirmed nor refuted.
    """
    ran = limited(
        "-m", "crosshair", "check", "--report_all", "--analysis_kind=PEP316",
        f"--per_condition_timeout={per_condition_seconds}", f"--per_path_timeout={min(5.0, per_condition_seconds)}",
        f"tests.contracts.{function}", limit=limit,
    )  # fmt: skip
    said: dict[int, tuple[str, str]] = {}
    for line in ran.stdout.splitlines():
        match = LINE.search(line)
        if match is None:
            raise Inconclusive(f"{function}: not understood: {line}")
        said[int(match["line"])] = match["level"], match["text"]
    wanted = postconditions(function)
    crashes = [text for line, (level, text) in said.items() if level == "error" and line not in wanted]
    if crashes:
        return dict.fromkeys(wanted.values(), crashes[0])
    if not wanted or wanted.keys() != said.keys():
        raise Inconclusive(f"{function}: {NOTHING}: {ran.stdout}{ran.stderr}")
    for level, text in said.values():
        if level != "error" and text != CONFIRMED:
            raise Inconclusive(f"{function}: {text}")
    return {wanted[line]: text for line, (_, text) in said.items()}


@pytest.mark.parametrize(
    "function", ["run_patched", "run_single_pages", pytest.param("run_pre_patch", marks=pytest.mark.slow)]
)
def test_crosshair_confirms_every_contract_over_all_paths(function: str) -> None:
    said = crosshair(function)
    assert len(said) >= 4
    assert set(said.values()) == {CONFIRMED}


@pytest.mark.parametrize(
    ("function", "postcondition", "how"),
    [
        ("run_array_without_0", "_.orders_in_array", "Crash: an array of 2 entries is read outside them"),
        ("run_guard_missing", "_.page_total", "false when calling"),
        ("run_noretry_at_order_0", "_.noretry_above_0_only", "false when calling"),
        ("run_retries_for_ever", "_.ended", "false when calling"),
    ],
)
def test_crosshair_finds_the_seeded_bug(function: str, postcondition: str, how: str) -> None:
    said = crosshair(function)
    assert list(said) == [postcondition]
    assert said[postcondition].startswith(how)


def test_rejects_a_run_that_had_nothing_to_check() -> None:
    with pytest.raises(Inconclusive, match=NOTHING):
        crosshair("run_without_contract")


def test_rejects_a_run_that_neither_confirmed_nor_refuted() -> None:
    with pytest.raises(Inconclusive, match="Not confirmed"):
        crosshair("run_patched", per_condition_seconds=0.3)


@pytest.mark.slow
def test_a_loop_without_a_budget_is_stopped_by_the_process_limit() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        crosshair("run_without_budget", per_condition_seconds=1, limit=12)


def backend(function: str) -> str:
    """Return how a property of tests/backend.py fails under the crosshair backend, or ""."""
    ran = limited("-c", f"from tests.backend import {function} as judge; judge(); print('held')")
    if ran.returncode == 0:
        assert ran.stdout == "held\n"
        return ""
    return ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "function", ["patched_keeps_the_contract", "single_pages_keep_the_contract", "pre_patch_keeps_the_contract"]
)
def test_the_contract_holds_under_the_crosshair_backend(function: str) -> None:
    assert backend(function) == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "broken"),
    [
        ("guard_missing_breaks_it", "assert seen."),
        ("noretry_at_order_0_breaks_it", "assert seen.noretry_above_0_only"),
        ("retries_for_ever_breaks_it", "assert seen.ended"),
    ],
)
def test_the_crosshair_backend_finds_the_seeded_bug(function: str, broken: str) -> None:
    said = backend(function)
    assert "AssertionError" in said
    assert broken in said
