"""A fill of many passes as one run of stores: beside brute force, and beside the same code taken pass by pass."""

from __future__ import annotations

from typing import Any

import pytest

from model.c import function, line
from model.c.fill import read_fill
from model.c.function import CFunction
from model.c.types import DataModel
from model.environments import Adversarial
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, run
from tests.test_c_reading import loop_around


@pytest.mark.parametrize("sign", line.COMPARISONS)
def test_a_test_says_for_how_many_passes_its_answer_stays_what_it_is(sign: str) -> None:
    holds = line.COMPARISONS[sign]
    for base in range(-13, 14):
        for step in range(-3, 4):
            first = holds(base, 0)
            changes = next((k for k in range(40) if holds(base + k * step, 0) != first), None)
            assert line.Test(sign, base, step, first).passes() == changes, (base, step)


FILLS = {  # what a pass of a loop does besides asking for a page
    "counted up": "for (k = 0; k < 20; k++) pages[i + k] = page + k;",
    "counted down": "for (k = 20; k--;) pages[i + k] = page + k;",
    "an index that wraps": "unsigned char at = 250 + i; for (k = 0; k < 10; k++) { pages[at] = page + k; at++; }",
    "an index that wraps, downwards": "unsigned char at = 3 + i; for (k = 10; k--;) { pages[at] = page + k; at--; }",
    "a loop that a flag leaves": "for (k = 0; k < 20; k++) { if (k == 7 + i) break; pages[k] = page + k; }",
    "two halves": "for (k = 0; k < 20; k++) { if (k < 7 + i) pages[k] = page + k; else pages[k + 30] = page + k; }",
    "beyond the array": "for (k = 0; k < 400; k++) pages[k] = page + k;",
    "until nothing is left": "unsigned short left = 12; while (left--) pages[left] = page + left;",
}


def happened(read: CFunction, n: int) -> tuple[list[object], str]:
    """Return the slots and their frames after a run, and how it ended."""
    memory = PageArray()
    ended = ""
    try:
        for event in run(read, Call(n), Kernel(Adversarial(5), memory)):
            ended = str(event)
    except Crash as crash:
        ended = f"{crash.claim}: {crash.reason}"
    return [memory.load(slot) for slot in range(n)], ended


@pytest.mark.parametrize("name", FILLS)
def test_a_fill_does_what_its_passes_do_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = CFunction(loop_around(f"unsigned int k; {FILLS[name]}"), "fill", DataModel("ilp32"))
    answers: list[bool] = []

    def asked(*given: Any) -> bool:
        answers.append(read_fill(*given))
        return answers[-1]

    with monkeypatch.context() as patch:
        patch.setattr(function, "read_fill", asked)
        at_once = [happened(read, n) for n in (1, 2, 300)]
    assert True in answers
    monkeypatch.setattr(CFunction, "_fill", lambda *_: False)
    assert [happened(read, n) for n in (1, 2, 300)] == at_once
