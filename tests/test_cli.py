"""The command line as its users meet it: words, formats, exit statuses, one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from spec.c_claims import NAMED

LOOP = (Path(__file__).parent.parent / "model" / "patched.py").read_text()
BUDDYINFO = "Node 0, zone   Normal      5      4      3      2      9      1      1      1      1      2      1\n"


def stepdown(*words: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Return what the command says."""
    command = [sys.executable, "-m", "stepdown", *words]
    variables = {k: v for k, v in os.environ.items() if k != "GITHUB_ACTIONS"} | environment
    return subprocess.run(command, capture_output=True, text=True, input=given, env=variables, timeout=120, check=False)


def refused(*words: str, given: str = "") -> str:
    """Return the one line on standard error of a command that must be refused."""
    said = stepdown(*words, given=given)
    assert said.returncode == 2, said
    assert "Traceback" not in said.stderr
    return said.stderr


def test_a_proved_claim_exits_with_0_and_states_what_it_rests_on() -> None:
    said = stepdown("verify", "--claims", "page-total,rollback-exact")
    assert said.returncode == 0
    assert "page-total                    PROVED" in said.stdout
    assert "Assumed: the allocator hands out no page that is still held." in said.stdout


def test_a_refuted_claim_exits_with_1_and_shows_its_run() -> None:
    said = stepdown("verify", "pre-patch", "--claims", "orders-from-array")
    assert said.returncode == 1
    assert ">> attempt     order 1" in said.stdout
    assert "n = 2" in said.stdout


def test_the_formats_agree() -> None:
    claims = ("verify", "--orders", "9,8,4", "--claims", "array-index-in-bounds,single-pages,page-total", "--format")
    rows = json.loads(stepdown(*claims, "json").stdout)
    assert rows["version"] == 1
    words = {row["name"]: row["verdict"] for row in rows["claims"]}
    assert words == {
        "array-index-in-bounds": "REFUTED",
        "single-pages": "NOT APPLICABLE",
        "page-total": "PROVED",
    }
    suite = ElementTree.fromstring(stepdown(*claims, "junit").stdout)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    ktap = stepdown(*claims, "ktap").stdout.splitlines()
    assert ktap[:2] == ["KTAP version 1", "1..3"]
    assert "not ok 1 --orders 9,8,4.array-index-in-bounds # REFUTED" in ktap


def test_annotations_appear_on_github_only() -> None:
    words = ("verify", "--orders", "9,8,4", "--claims", "array-index-in-bounds")
    assert "::error::" not in stepdown(*words).stderr
    assert "::error::--orders 9,8,4: array-index-in-bounds is REFUTED" in stepdown(*words, GITHUB_ACTIONS="true").stderr


def test_the_same_question_gets_the_same_answer() -> None:
    words = ("verify", "--claims", "page-total,big-blocks-first", "--explain")
    assert stepdown(*words).stdout == stepdown(*words).stdout


def test_the_order_of_pythons_sets_sways_nothing() -> None:
    loop = f"{Path(__file__).parent}/data/c/any_mask.c"
    words = (
        "verify",
        loop,
        "--set",
        "lowest_order=7",
        "--set",
        "MAX_PAGE_ORDER=10",
        "--claims",
        "every-page-stored-once",
        "--format",
        "json",
    )
    answers = [json.loads(stepdown(*words, PYTHONHASHSEED=seed).stdout) for seed in ("1", "2")]
    assert answers[0] == answers[1]


def test_rejects_a_setting_that_nothing_is_called_by() -> None:
    loop = f"{Path(__file__).parent}/data/c/any_mask.c"
    for setting, told in (("oder_mask=0x11", "did you mean order_mask?"), ("CONFIG_NOSUCH=y", "has no such word")):
        said = stepdown("verify", loop, "--set", setting)
        assert said.returncode == 2 and told in said.stderr and len(said.stderr.splitlines()) == 1


def test_obligations_are_written_as_smt_lib(tmp_path: Path) -> None:
    assert stepdown("verify", "--claims", "page-total", "--smt2", str(tmp_path)).returncode == 0
    scripts = list(tmp_path.glob("page-total-*.smt2"))
    assert len(scripts) > 20
    assert all("(set-info :status unsat)" in path.read_text() for path in scripts)


def test_simulate_reads_memory_from_a_pipe_and_says_what_it_does_not_know() -> None:
    said = stepdown("simulate", "--size", "4M", "--state", "-", given=BUDDYINFO)
    assert said.returncode == 0
    assert "no migrate types" in said.stdout
    assert stepdown("simulate", "--size", "1M", "--random", "7").stdout == (
        stepdown("simulate", "--size", "1M", "--random", "7").stdout
    )


def test_an_empty_buffer_is_allowed() -> None:
    assert stepdown("simulate", "--size", "0", "--random", "1").returncode == 0


@pytest.mark.parametrize("size", ["-1", "many", "4294967296", "1e3", ""])
def test_rejects_a_size_that_is_none(size: str) -> None:
    assert refused("simulate", f"--size={size}", "--random", "1")


def test_rejects_names_and_suggests_the_nearest() -> None:
    assert "did you mean page-total?" in refused("verify", "--claims", "page-totl")
    assert "did you mean pre-patch?" in refused("verify", "prepatch")
    assert "did you mean verify?" in refused("verfy")
    assert "selects nothing" in refused("verify", "--claims", ",")


def test_rejects_memory_that_cannot_be_read(tmp_path: Path) -> None:
    assert "No such file" in refused("simulate", "--size", "1M", "--state", str(tmp_path / "none"))
    assert "directory" in refused("simulate", "--size", "1M", "--state", str(tmp_path))
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)) * 10)
    assert refused("simulate", "--size", "1M", "--state", str(binary))
    assert refused("simulate", "--size", "1M", "--state", "-", given="")
    assert "zone" in refused("simulate", "--size", "1M", "--state", "-", "--zone", "None", given=BUDDYINFO)


def test_a_loop_of_the_users_is_proved_and_its_faults_are_told_with_their_line(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(LOOP)
    assert stepdown("verify", f"{mine}:Patched", "--claims", "page-total").returncode == 0
    mine.write_text(LOOP.replace("count - (1 << order)", "count - (1 << order) - 0 * nothing"))
    said = refused("verify", f"{mine}:Patched", "--claims", "page-total")
    assert "mine.py:" in said
    assert "NameError" in said
    mine.write_text("def f(:\n")
    assert "mine.py:1" in refused("verify", f"{mine}:Patched")
    mine.write_text("class Other: ...\n")
    assert refused("verify", f"{mine}:Other")
    assert refused("verify", f"{mine}:None")
    assert refused("verify", f"{tmp_path}/none.py:Loop")


def test_claims_are_printed_with_their_sources() -> None:
    rows = json.loads(stepdown("claims", "--format", "json").stdout)
    assert [row["name"] for row in rows["claims"]] == list(NAMED)
    assert "source: commit message; proof: proofs/orders_from_array.py" in stepdown("claims").stdout
