"""What is published: the JSON schemas, and a wheel that works beside other people's folders of the same names."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.environments import whole_zone
from model.loop import Call, Loop
from model.machine import Machine
from model.patched import Patched
from model.pre_patch import PrePatch
from stepdown import report
from stepdown.simulate import as_dict, machine_from_dump, simulate
from stepdown.strategies import machines
from stepdown.verify import chosen_target, verify

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "claim"), [("patched", "attempts-bounded"), ("system-heap-6.1", "high-orders-never-retry")]
)
def test_the_json_output_is_as_its_schema_says(name: str, claim: str) -> None:
    schema = json.loads((ROOT / "stepdown" / "verify.schema.json").read_text())
    target = chosen_target(name)
    said = json.loads(report.as_json(target, list(verify(target, [claim]))))
    jsonschema.validate(said, schema)
    said["claims"][0]["verdict"] = "FINE"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, schema)


SIMULATE: dict[str, Any] = json.loads((ROOT / "stepdown" / "simulate.schema.json").read_text())


def validator() -> Any:
    return jsonschema.validators.validator_for(SIMULATE)(SIMULATE)


@given(machines(), st.integers(0, 600), st.sampled_from([Patched(), PrePatch(), Patched((9, 8, 4))]), st.booleans())
@settings(max_examples=60)
def test_what_simulate_says_in_json_is_as_its_schema_says(
    machine: Machine, n: int, loop: Loop, single_pages: bool
) -> None:
    said = as_dict(simulate(loop, Call(n, single_pages=single_pages), machine, ["a note"]))
    assert not list(validator().iter_errors(json.loads(json.dumps(said))))


def test_memory_read_from_a_dump_is_as_the_schema_says() -> None:
    for name in ("hotsos-kubernetes-proc-pagetypeinfo.txt", "hotsos-kubernetes-proc-buddyinfo.txt"):
        machine, notes = machine_from_dump((ROOT / "tests" / "data" / "buddyinfo" / name).read_text().splitlines())
        assert not list(validator().iter_errors(as_dict(simulate(Patched(), Call(100), machine, notes))))


def wrong_answers() -> list[Any]:
    """Return answers that no simulation gives, each wrong in one place."""
    said = as_dict(simulate(Patched(), Call(600), Machine([whole_zone("Normal", 1, 10)])))
    changed = []
    for path, value in (
        (("version",), 2),
        (("outcome",), "fine"),
        (("turns",), -1),
        (("more",), 0),
        (("attempts", 0, "granted"), "1"),
        (("chunks", 0, "number"), 0),
        (("free_after", 0, "free_blocks_by_order"), {"other": [1]}),
        (("free_before",), []),
    ):
        answer = at = copy.deepcopy(said)
        for key in path[:-1]:
            at = at[key]  # type: ignore[index] # a key or an index, as the path has it
        at[path[-1]] = value
        changed.append(answer)
    return [*changed, *({k: v for k, v in said.items() if k != missing} for missing in said)]


def test_the_schema_of_simulate_rejects_what_no_simulation_says() -> None:
    for answer in wrong_answers():
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(answer, SIMULATE)


@pytest.mark.slow
def test_the_wheel_works_beside_folders_named_as_ours(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "bench/", "examples/"))]
    assert {"stepdown/verify.schema.json", "stepdown/simulate.schema.json", "model/c/around.c"} <= set(names)
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    there = tmp_path / "theirs"
    for folder in ("model", "spec"):
        (there / folder).mkdir(parents=True)
        (there / folder / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    ours = [path for path in sys.path if "site-packages" in path]
    # -S leaves the editable install of this checkout out; the working directory comes first, as for "python -m"
    start = f"import sys; sys.path[:0] = [{str(there)!r}]; sys.path += {[str(site), *ours]!r}; "
    start += "from stepdown.__main__ import main; sys.argv = ['stepdown', 'verify', '--claims', 'page-total']; main()"
    ran = subprocess.run(
        [sys.executable, "-S", "-c", start], cwd=there, capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "page-total                    PROVED" in ran.stdout
