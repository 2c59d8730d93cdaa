"""A strategy file that is none gets one line with file and line, and status 2; a good one is not refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepdown.verify import Usage, chosen_target, verify
from tests.test_cli import refused, stepdown

HEAD = """\
from dataclasses import dataclass; from enum import IntEnum
from stepdown import DONE, Loop, Unwinding
def helps(i): return (i > 100) is True
Mode = IntEnum("Mode", {"GOOD": 0, "BAD": 1}); calls = 0; is_int = lambda x: isinstance(x, int)
seen = []

@dataclass(frozen=True)
class State:
    i: int

@dataclass
class Loose:
    i: int

class Mine(Loop):
    def start(self, call):
        return State(0)

    def turn(self, call, state, kernel):
        i = state.i
        if i == call.n:
            return DONE
        page = kernel.alloc_pages(call.gfp, 0)
        if page is None:
            return Unwinding(i)
        kernel.store(i, page)
        return State(i + 1)  # the end
"""
AT = HEAD.splitlines().index("        i = state.i") + 1  # the line that the faults below stand in


def written(folder: Path, text: str) -> str:
    """Return the target that ``text`` makes."""
    path = folder / "mine.py"
    path.write_text(text)
    return f"{path}:Mine"


def complaint(folder: Path, text: str) -> str:
    """Return the one line that the strategy file ``text`` gets."""
    with pytest.raises(Usage) as refusal:
        chosen_target(written(folder, text))
    said = str(refusal.value)
    assert "\n" not in said
    return said


TURNS = {
    "raises": ("i = state.i; 1 // 0", "the turn raises ZeroDivisionError", AT),
    "leaves": ("i = state.i; raise SystemExit(0)", "the turn raises SystemExit", AT),
    "endless": ("i = state.i\n        while True: pass", "the turn does not end: 100000 passes", AT + 1),
    "asks-for-ever": (
        "i = state.i\n        while kernel.alloc_pages(call.gfp, 9) is None: pass",
        "the turn does not end: 100000 passes",
        AT + 1,
    ),
    "recursion": ("i = self.turn(call, state, kernel)", "the turn calls itself without an end", None),
    "self": ("i = state.i; self.count = getattr(self, 'count', 0) + 1", "not pure: it changes self.count", AT - 1),
    "class": ("i = state.i; Mine.count = getattr(Mine, 'count', 0) + 1", "not pure: it changes Mine.count", AT - 1),
    "global": ("global calls; i = state.i; calls += 1", "not pure: it changes the global calls", AT - 1),
    "list": ("i = state.i; seen.append(i)", "not pure: it changes the global seen", AT - 1),
    "clock": ("import time; i = state.i + time.monotonic_ns() * (state.i > 0)", "twice the same state", AT - 1),
    "float": ("i = state.i + 0.5", "the strategy uses a float, 0.5", AT),
    "division": ("i = state.i / 1", "the strategy uses a float, by /", AT),
    "text": ("i = int(str(state.i))", "the strategy uses str()", AT),
    "repr": ("i = int(repr(state.i))", "the strategy uses repr()", AT),
    "identity": ("i = state.i; bad = (i > 100) is True", "asks what object a value is, by `is`", AT),
    "literal": ("i = state.i; bad = i is 3", "asks what object a value is, by `is`", AT),
    "type": ("i = state.i; bad = type(i) is not int", "asks what object a value is, by `is`", AT),
    "instance": ("i = state.i; bad = not isinstance(i, int | str)", "asks whether a value is a number", AT),
    "case": ("i = state.i\n        match i > 100:\n            case True: pass", "by `case True`", AT + 2),
    "case-int": ("i = state.i\n        match i:\n            case int(): pass", "asks whether a value", AT + 2),
    "eval": ("i = state.i; bad = eval('i is 100')", "the strategy uses eval()", AT),
    "helper": ("i = state.i; bad = helps(i)", "asks what object a value is", 3),
    "lambda": ("i = state.i; bad = is_int(i)", "asks whether a value is a number", 4),
    "attribute": ("i = state.i; bad = hasattr(i, 'real')", "the strategy uses hasattr()", AT),
    "class-of": ("i = state.i; bad = i.__class__ == int", "asks of what type a value is", AT),
    "default": ("i = state.i\n        def f(seen=[]): pass\n        f()", "a default value that can change", AT + 1),
}


@pytest.mark.parametrize("name", TURNS)
def test_rejects_a_turn_that_is_none(tmp_path: Path, name: str) -> None:
    code, reason, line = TURNS[name]
    said = complaint(tmp_path, HEAD.replace("i = state.i", code, 1))
    assert reason in said
    assert f"mine.py:{line}: " in said if line else "mine.py:" in said


STATES = {
    "nothing": ("None", "the turn returns None: a state"),
    "number": ("i + 1", "the turn returns 1: a state"),
    "loose": ("Loose(i + 1)", "a Loose that can be changed: write @dataclass(frozen=True)"),
    "text": ("State('one')", "whose i is 'one', a str"),
    "list": ("State([i])", "whose i is [0], a list"),
    "enum": ("State(Mode(i > 0))", "whose i is <Mode.GOOD: 0>, a Mode"),
    "type": ("State", "a state (a frozen dataclass)"),
}


@pytest.mark.parametrize("name", STATES)
def test_rejects_what_is_no_state(tmp_path: Path, name: str) -> None:
    value, reason = STATES[name]
    said = complaint(tmp_path, HEAD.replace("State(i + 1)  #", f"{value}  #"))
    assert reason in said
    assert f"mine.py:{AT - 1}: " in said


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("import nothing_of_the_kind\n", "ModuleNotFoundError", 1),
        ("x = 1\nimport sys; sys.exit(0)\n", "SystemExit", 2),
        ("x = 1\ndef f(:\n", "SyntaxError", 2),
        ("def f():\n    return f()\nf()\n", "RecursionError", 2),
        ("class Other: ...\n", "no class is called Mine", 1),
        ("Mine = 3\n", "Mine is not a subclass of stepdown.Loop", 1),
        (HEAD.replace("State(0)", "1 < int('two\\nlines')"), "the start raises ValueError: invalid", 17),
        ("while True: pass\n", "it does not import: Endless", 1),
        (HEAD.replace("return State(0)", "return 0"), "the start returns 0: a state", 16),
    ],
    ids=["import", "exit", "syntax", "recursion", "no class", "no loop", "start raises", "endless", "start returns"],
)  # fmt: skip
def test_rejects_a_file_without_a_strategy(tmp_path: Path, text: str, reason: str, line: int) -> None:
    said = complaint(tmp_path, text)
    assert reason in said
    assert f"mine.py:{line}: " in said


@pytest.mark.parametrize(
    ("code", "error"),
    [("assert i != 12345", "AssertionError"), ("\n        if i == 12345:\n            while True: pass", "Endless")],
)
def test_a_fault_that_only_the_proof_comes_to_is_told_the_same_way(tmp_path: Path, code: str, error: str) -> None:
    far = HEAD.replace("i = state.i", f"i = state.i; {code}", 1)
    said = refused("verify", written(tmp_path, far), "--claims", "page-total")
    assert f"mine.py:{AT + 2 * (error == 'Endless')}: the turn raises {error}" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("return State(0)", "self.n = call.n; return State(0)", "the start is not pure: it changes self.n"),
        (
            "return State(0)",
            "seen.append(call.n); return State(0)",
            "the start is not pure: it changes the global seen",
        ),
        ("    i: int\n", "    i: int\n    def __post_init__(self): object.__setattr__(self, 'k', 0)\n", "no field, k"),
        ("    i: int\n", "    i: int\n    k: int = field(default=0, init=False)\n", "whose k cannot be passed"),
    ],
    ids=["attribute", "global", "no field", "no init"],
)
def test_rejects_what_lasts_beside_the_state(tmp_path: Path, old: str, new: str, reason: str) -> None:
    head = HEAD.replace("import dataclass;", "import dataclass, field;")
    assert reason in complaint(tmp_path, head.replace(old, new, 1))


def test_a_start_that_raises_far_out_is_told_with_its_line(tmp_path: Path) -> None:
    far = HEAD.replace("return State(0)", "assert call.n < 10**6; return State(0)")
    assert f"mine.py:{AT - 3}: the start raises AssertionError" in refused("verify", written(tmp_path, far))


def test_a_cached_property_is_no_part_of_the_state(tmp_path: Path) -> None:
    text = HEAD.replace("    i: int\n", "    i: int\n    @cached_property\n    def next(self): return self.i + 1\n", 1)
    text = text.replace("State(i + 1)", "State(state.next)").replace(
        "enum import", "functools import cached_property; from enum import"
    )
    assert [a.word.value for a in verify(written(tmp_path, text), ["page-total", "terminates"])] == ["PROVED"] * 2


def test_identity_of_what_is_no_number_may_be_asked(tmp_path: Path) -> None:
    asks = HEAD.replace(
        "i = state.i", "i = state.i; bad = state is None or state is DONE or type(state) is not State", 1
    )
    target = chosen_target(written(tmp_path, asks))
    assert [answer.word.value for answer in verify(target, ["page-total"])] == ["PROVED"]


def test_a_good_strategy_is_not_refused_and_help_says_that_it_is_run(tmp_path: Path) -> None:
    said = stepdown("verify", written(tmp_path, HEAD), "--claims", "page-total,terminates")
    assert said.returncode == 0, said
    assert "code, and it is run" in stepdown("verify", "--help").stdout
