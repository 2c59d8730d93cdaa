"""The lab's reading of a guest's log, without a guest: the lab itself is `make lab`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.tracing import FOLDER, K4, TRACES, judged

ROOT = Path(__file__).parent.parent
CHECK = ROOT / "lab" / "check.py"


def as_log(name: str) -> str:
    """Return what a guest would have printed for a stored trace."""
    lines = TRACES[f"arm-6.1/{name}.trace"].read_text().splitlines()
    header = [line for line in lines if line.startswith(("# kernel", "# cmdline", "# meminfo"))]
    body = lines[lines.index("# --- /sys/kernel/tracing/trace, verbatim ---") + 1 :]
    parts = {"info": [line.split(": ", 1)[1] for line in header], f"{name}/trace": body}
    for key, start in (("dmalab", "# module: "), ("buddyinfo.before", "# buddyinfo before: ")):
        parts[f"{name}/{key}"] = [line.removeprefix(start) for line in lines if line.startswith(start)]
    return "".join(
        f"@@BEGIN {key}\r\n" + "".join(f"{row}\r\n" for row in rows) + f"@@END {key}\r\n" for key, rows in parts.items()
    )


def run(tmp_path: Path, log: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "guest.log").write_text(log, newline="")
    words = [sys.executable, str(CHECK), str(tmp_path / "guest.log"), str(tmp_path / "traces")]
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_a_guests_log_is_cut_into_traces_that_are_judged(tmp_path: Path) -> None:
    said = run(tmp_path, as_log("k4k0-1060864") + as_log("fresh-2097152-contig"))
    assert "k4k0-1060864              CONFORMS      8:0+1 4:16+0 0:3+0" in said.stdout
    assert "fresh-2097152-contig      NOT REACHED" in said.stdout
    assert "2 of 2 traces as expected; scenarios missing: k0 k8k4k0 k9k8k4k0 oom" in said.stdout
    written = (tmp_path / "traces" / "k4k0-1060864.trace").read_text()
    assert judged(written)[0].covered == judged(K4)[0].covered
    assert said.returncode == 1  # scenarios are missing, and so are the two loops


def test_a_trace_that_breaks_a_claim_fails_the_lab(tmp_path: Path) -> None:
    said = run(tmp_path, as_log("k4k0-1060864").replace("order=8", "order=7"))
    assert said.returncode == 1
    assert "0 of 1 traces as expected" in said.stdout
    assert "orders-from-array" in said.stdout


def test_the_module_keeps_its_notice_and_its_licence_is_listed() -> None:
    assert (ROOT / "lab/module/dmalab.c").read_text().startswith("// SPDX-License-Identifier: GPL-2.0\n")
    assert "lab/module/" in (ROOT / "LICENSES/README.md").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSES/GPL-2.0-only.txt").read_text()[:100]
    assert '"lab' not in (ROOT / "pyproject.toml").read_text()
    assert FOLDER.is_dir()
