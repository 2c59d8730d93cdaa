"""Cuts the guests' serial logs into traces, judges each by `stepdown trace`, and prints what the two loops cost.

check.py LOG... DIR: DIR receives NAME.trace (comment lines "# key: value", then the guest's trace word for word) and
NAME.pti (/proc/pagetypeinfo before and after).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

NOT_THE_LOOPS = {"fresh-2097152-contig": "NOT REACHED"}  # one contiguous block
LOOP = re.compile(r"dmalab: loop (old|new) size=(\d+) -> (\w+) calls=(\d+) chunks=(\d+) us=(\d+)")
MEASURED = {("old", 4194304): 9228, ("new", 4194304): 1027}  # calls, with no block above order 0 free
SCENARIOS = {"fresh", "k0", "k4k0", "k8k4k0", "k9k8k4k0", "oom"}


def sections(log: Path) -> dict[str, list[str]]:
    """Return what the guest printed between "@@BEGIN name" and "@@END name", by name."""
    found: dict[str, list[str]] = {}
    name = ""
    for raw in log.read_bytes().splitlines():
        line = raw.decode("latin-1").rstrip("\r")
        if begin := re.search(r"@@BEGIN (\S+)$", line):
            name = begin[1]
            found[name] = []
        elif re.search(r"@@END \S+$", line):
            name = ""
        elif name:
            found[name].append(line)
    return found


def write_traces(log: Path, folder: Path) -> list[Path]:
    """Write the traces of one guest; return their files."""
    found = sections(log)
    info = [*found.get("info", []), "", ""]
    written = []
    for key, lines in found.items():
        name, _, kind = key.rpartition("/")
        if kind != "trace":
            continue
        header = [f"# kernel: {info[0]}", f"# cmdline: {info[1]}"]
        header += ["# meminfo: " + " ".join(line.split()) for line in info if "Total" in line or "MemFree" in line]
        for when in ("before", "after"):
            header += [f"# buddyinfo {when}: {line}" for line in found.get(f"{name}/buddyinfo.{when}", [])]
        header += [f"# module: {line}" for line in found.get(f"{name}/dmalab", [])]
        header.append("# --- /sys/kernel/tracing/trace, verbatim ---")
        path = folder / f"{name}.trace"
        path.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8")
        written.append(path)
        if f"{name}/pagetypeinfo.before" in found:
            pages = [(w, found.get(f"{name}/pagetypeinfo.{w}", [])) for w in ("before", "after")]
            text = "".join("\n".join([f"# pagetypeinfo {when}", *rows]) + "\n" for when, rows in pages)
            path.with_suffix(".pti").write_text(text, encoding="utf-8")
    return written


def stepdown(*words: str) -> tuple[int, str]:
    """Return status and output of the command."""
    said = subprocess.run([sys.executable, "-m", "stepdown", *words], capture_output=True, text=True, check=False)
    return said.returncode, said.stdout + said.stderr


def check(paths: list[Path]) -> list[bool]:
    """Judge the traces and print the verdicts; return of each whether it is the one to expect."""
    _, said = stepdown("trace", "--format", "json", *map(str, paths))
    good = []
    for path, trace in zip(paths, json.loads(said)["traces"], strict=True):
        good.append(trace["verdict"] == NOT_THE_LOOPS.get(path.stem, "CONFORMS"))
        rows = [row for buffer in trace["buffers"] for row in buffer["attempts"]]
        attempts = " ".join(f"{row['order']}:{row['granted']}+{row['refused']}" for row in rows)
        print(f"{path.stem:<26}{trace['verdict']:<14}{attempts}".rstrip())
        if not good[-1]:
            print(json.dumps(trace, indent=2))
    return good


def loops(logs: list[Path]) -> bool:
    """Print what the loop before the patch and the patched one cost; return whether the calls are those known."""
    first: dict[tuple[str, int], int] = {}
    print("\nthe two loops, retold in a module, on the real alloc_pages(); the clock is qemu's virtual one")
    print(f"{'loop':<6}{'size':>10}  {'calls':>6}  {'chunks':>6}  {'time':>11}")
    for log in logs:
        for loop, size, _, calls, chunks, microseconds in LOOP.findall(log.read_text(encoding="latin-1")):
            first.setdefault((loop, int(size)), int(calls))
            print(f"{loop:<6}{size:>10}  {calls:>6}  {chunks:>6}  {int(microseconds):>8} us")
    return all(first.get(key) == calls for key, calls in MEASURED.items())


def main() -> int:
    """Check everything; return the exit status."""
    *logs, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    paths = [path for log in logs for path in write_traces(log, folder)]
    print("fresh traces of the real loop; attempts as order:granted+refused")
    good = check(paths)
    there = {path.stem.split("-")[0] for path in paths}
    loops_good = loops(logs)
    _, table = stepdown("fidelity", str(folder))
    print("\n" + table)
    missing = SCENARIOS - there
    print(
        f"lab: {sum(good)} of {len(paths)} traces as expected; scenarios missing: {' '.join(sorted(missing)) or 'none'}"
    )
    return 0 if all(good) and not missing and loops_good else 1


if __name__ == "__main__":
    sys.exit(main())
