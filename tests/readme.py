"""What the README shows, beside what commands print today. `python -m tests.readme` brings it up to date."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
INDENT = "    "
BUDDYINFO = "/proc/buddyinfo"
LEFT_OUT = "..."  # a block's first or last line, or both: where it shows only a part of what is printed
KERNELS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepdown" / "kernels"


@dataclass(frozen=True)
class Shown:
    """A command of the README and what it shows below it."""

    command: str
    first: int  # line of the output, counted from 0
    output: list[str]


def block_at(lines: list[str], first: int) -> list[str]:
    """Return the indented lines from ``first`` to the next command or text, without their indentation."""
    found: list[str] = []
    for text in lines[first:]:
        if text.startswith(INDENT + "$ ") or (text and not text.startswith(INDENT)):
            break
        found.append(text[len(INDENT) :])
    while found and not found[-1]:
        found.pop()
    return found


def shown() -> list[Shown]:
    """Return every "$ command" of the README with its output."""
    lines = README.read_text().splitlines()
    marks = [at for at, text in enumerate(lines) if text.startswith(INDENT + "$ ")]
    return [Shown(lines[at][len(INDENT) + 2 :], at + 1, block_at(lines, at + 1)) for at in marks]


def my_loop() -> str:
    """Return the loop that the README writes down."""
    lines = README.read_text().splitlines()
    return "\n".join(block_at(lines, lines.index(INDENT + "# my_loop.py"))) + "\n"


def buddyinfo(output: list[str]) -> str:
    """Return the dump that a shown simulation read, from the free lists that it printed."""
    zones = []
    for at, text in enumerate(output):
        if unchanged := re.match(r" *Node (\d+), zone (\w+), unchanged: (.*)", text):
            zones.append(f"Node {unchanged[1]}, zone {unchanged[2]} {unchanged[3]}")
        elif changed := re.match(r" *Node (\d+), zone (\w+): ", text):
            rows = [row.split() for row in output[at + 2 :] if re.match(r" *\d+ +\d+ +\d+", row)]
            zones.append(f"Node {changed[1]}, zone {changed[2]} {' '.join(row[1] for row in rows)}")
    return "\n".join(zones) + "\n"


def needs_kernels(command: str) -> bool:
    """Return whether ``command`` reads the sources that `make kernel-sources` gets."""
    return "linux-" in command


def printed(what: Shown) -> list[str]:
    """Return what the command prints today, as far as the README shows it."""
    with tempfile.TemporaryDirectory() as name:
        folder, command = Path(name), what.command
        (folder / "my_loop.py").write_text(my_loop())
        for there in [ROOT / "tests", ROOT / "proofs", *(KERNELS.glob("*") if needs_kernels(command) else ())]:
            (folder / there.name).symlink_to(there)
        if BUDDYINFO in command:
            (folder / "dump").write_text(buddyinfo(what.output))
            command = command.replace(BUDDYINFO, "dump")
        words = shlex.split(command)
        words[0:1] = [sys.executable, "-m", "stepdown"] if words[0] == "stepdown" else [sys.executable]
        ran = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
            env={k: v for k, v in os.environ.items() if k != "GITHUB_ACTIONS"} | {"PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
    if ran.returncode not in (0, 1, 3):
        raise RuntimeError(f"{what.command}: {ran.stderr}")
    lines = [text.rstrip() for text in ran.stdout.rstrip().splitlines()]
    if what.output[:1] == [LEFT_OUT]:
        both = what.output[-1:] == [LEFT_OUT] and what.output[1] in lines
        first = lines.index(what.output[1]) if both else len(lines) - len(what.output) + 1
        lines = [LEFT_OUT, *lines[first:]]
    if what.output[-1:] == [LEFT_OUT]:
        lines = [*lines[: len(what.output) - 1], LEFT_OUT]
    return lines


def main() -> None:
    """Put into the README what its commands print."""
    lines = README.read_text().splitlines()
    for what in reversed(shown()):
        if needs_kernels(what.command) and not KERNELS.is_dir():
            print(f"left as it is, for lack of kernel sources: {what.command}", file=sys.stderr)
            continue
        now = [(INDENT + text).rstrip() for text in printed(what)]
        lines[what.first : what.first + len(what.output)] = now
    README.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
