"""What is published: the JSON schema, and a wheel that works beside other people's folders of the same names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from stepdown import report
from stepdown.verify import chosen_target, verify

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("name", "claim"), [("patched", "attempts-bounded"), ("pre-patch", "orders-from-array")])
def test_the_json_output_is_as_its_schema_says(name: str, claim: str) -> None:
    schema = json.loads((ROOT / "stepdown" / "verify.schema.json").read_text())
    target = chosen_target(name)
    said = json.loads(report.as_json(target, list(verify(target, [claim]))))
    jsonschema.validate(said, schema)
    said["claims"][0]["verdict"] = "FINE"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, schema)


@pytest.mark.slow
def test_the_wheel_works_beside_folders_named_as_ours(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "bench/", "examples/"))]
    assert "stepdown/verify.schema.json" in names
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
