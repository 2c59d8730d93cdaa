"""Scenario files: what is saved is replayed as it was found, and a loop that was mended passes."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from proofs.engine.prove import Prover
from proofs.engine.search import Scenario
from spec.targets import TARGETS
from stepdown import scenarios
from stepdown.__main__ import cli
from stepdown.verify import Choice, Usage

SCHEMA = Path(scenarios.__file__).with_name("scenario.schema.json")
MY_LOOP = '''
from dataclasses import dataclass
from stepdown import DONE, FAILED, Loop


@dataclass(frozen=True)
class State:
    i: int
    count: int


class Mine(Loop):
    """One page at a time."""

    def start(self, call):
        return State(0, call.n)

    def turn(self, call, state, kernel):
        if not state.count:
            return DONE
        page = kernel.alloc_pages(call.gfp, 0)
        if page is None:
            return FAILED
        kernel.store(state.i, page)
        kernel.clear(page, 1)
        return State(state.i + 1, state.count - 1)
'''


@cache
def prover(target: str) -> Prover:
    """Return the prover of a target: what it explored once serves every claim."""
    return Prover(TARGETS[target])


def refuted(target: str, claim: str) -> Scenario:
    scenario = prover(target).prove(claim).scenario
    assert scenario is not None
    return scenario


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_a_saved_scenario_reads_back_as_it_was_and_fits_the_schema() -> None:
    found = refuted("pre-patch", "orders-never-increase")
    text = scenarios.as_json(Choice("pre-patch"), [found])
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))
    (saved,) = scenarios.read(text, "it")
    assert saved.choice == Choice("pre-patch")
    assert (saved.scenario.call, saved.scenario.answers, saved.scenario.sentence) == (
        found.call, found.answers, found.sentence,
    )  # fmt: skip


def test_replay_says_1_while_it_breaks_and_0_once_it_does_not(tmp_path: Path) -> None:
    loop, kept = tmp_path / "mine.py", tmp_path / "broken.json"
    loop.write_text(MY_LOOP)
    found = invoke("verify", f"{loop}:Mine", "--claims", "rollback-exact", "--save", str(kept))
    assert found.exit_code == 1, found.output
    again = invoke("replay", str(kept))
    assert (again.exit_code, "still broken" in again.output) == (1, True)
    loop.write_text(
        MY_LOOP.replace("return FAILED", "return Unwinding(state.i)").replace("Loop\n", "Loop, Unwinding\n")
    )
    mended = invoke("replay", str(kept))
    assert (mended.exit_code, "not broken any more" in mended.output) == (0, True)


def test_replaying_loads_no_solver(tmp_path: Path) -> None:
    kept = tmp_path / "broken.json"
    kept.write_text(scenarios.as_json(Choice("pre-patch"), [refuted("pre-patch", "attempts-bounded")]))
    code = (
        "import sys; from stepdown.scenarios import still_broken; "
        f"print(still_broken(open({str(kept)!r}).read())); print('z3' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "['there are more attempts than the bound']\nFalse\n"


def test_the_emitted_test_fails_while_the_claim_is_broken(tmp_path: Path) -> None:
    found = refuted("pre-patch", "attempts-bounded")
    for choice, failures in ((Choice("pre-patch"), 1), (Choice("patched"), 0)):
        (tmp_path / "test_it.py").write_text(scenarios.as_pytest(choice, [found]))
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"], cwd=tmp_path, check=False
        )
        assert ran.returncode == failures


def test_the_memory_shown_gives_the_answers_and_what_does_not_matter_is_said() -> None:
    found = refuted("pre-patch", "attempts-bounded")
    target = TARGETS["pre-patch"]
    assert scenarios.memory_line(target, found).split()[4:7] == ["2", "0", "0"]
    assert scenarios.either_way(target, found) == [3]  # the attempt too many, whatever it is answered
    two_sizes = refuted("pre-patch", "orders-never-increase")
    assert scenarios.memory_line(target, two_sizes) == ""  # a pair cannot be refused, then granted, by idle memory
    assert scenarios.either_way(target, two_sizes) == [3]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "other"}, "not a scenario file"),
        ({"version": 2}, "version 2"),
        ({"loop": {"text": "patched", "sets": [], "more": 1}}, "not a scenario file"),
        ({"runs": [{"claim": "page-total", "n": 1 << 40}]}, "not a scenario file"),
    ],
)
def test_rejects_what_is_no_scenario_file(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    good = json.loads(scenarios.as_json(Choice("pre-patch"), [refuted("pre-patch", "attempts-bounded")]))
    (tmp_path / "bad.json").write_text(json.dumps(good | change))
    with pytest.raises(Usage, match=reason):
        scenarios.read((tmp_path / "bad.json").read_text(), "bad.json")


def test_rejects_a_run_that_is_too_long() -> None:
    good = json.loads(scenarios.as_json(Choice("pre-patch"), [refuted("pre-patch", "attempts-bounded")]))
    good["runs"][0]["n"] = 1 << 40
    with pytest.raises(Usage, match="no such run"):
        scenarios.read(json.dumps(good), "it")


@given(st.one_of(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps)))
def test_rejects_any_other_text_in_one_line(text: str) -> None:
    with pytest.raises(Usage) as raised:
        scenarios.read(text, "it")
    assert "\n" not in str(raised.value)
