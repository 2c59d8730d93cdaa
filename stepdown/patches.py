"""The change in a mail, applied in memory to the files of a tree. Exactly, or not at all: nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unidiff.patch import Hunk, PatchedFile

MOST_FILES, MOST_HUNKS, MOST_TOLD = 500, 5_000, 4
ORIGINAL = "ask for the original (git format-patch, b4, lore)"
HUNK = re.compile(r"@@ -(\d{1,19})(?:,(\d{1,19}))? \+(\d{1,19})(?:,(\d{1,19}))? @@")


class BadPatch(ValueError):
    """The patch cannot be taken as it stands; the message is one line."""


@dataclass(frozen=True)
class Line:
    """A line of the diff: its kind (" ", "+", "-"), its text, and the line of the new file it comes to, or 0."""

    kind: str
    text: str
    number: int


@dataclass
class Change:
    """One file before and after: its name in the tree, its contents, the hunks' lines, and notes on applying them."""

    name: str
    old: bytes
    new: bytes
    hunks: list[list[Line]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parsed(diff: str) -> list[PatchedFile]:
    """Return the files of a unified diff. Raises BadPatch, saying which hunk of a mangled one is wrong, and how."""
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    lines = diff.removesuffix("\n").split("\n")
    if sum(text.startswith("@@ ") for text in lines) > MOST_HUNKS:
        raise BadPatch(f"more than {MOST_HUNKS} hunks: refused")
    for text, follows in pairwise([*lines, ""]):
        if re.match(r"--- (a/|/dev/null)", text) and not follows.startswith("+++ "):
            raise BadPatch(f'cut off or mangled: no "+++" line below "{text[:80]}"; {ORIGINAL}')
    wrong = list(islice(disagreeing(lines), MOST_TOLD + 1))
    if wrong:
        more = ["and more"] if len(wrong) > MOST_TOLD else []
        raise BadPatch("; ".join([f"mangled by a mailer or archive: {wrong[0]}", *wrong[1:MOST_TOLD], *more, ORIGINAL]))
    try:
        files = list(PatchSet([text + "\n" for text in lines]))
    except UnidiffParseError as error:
        raise BadPatch(f"mangled: {' '.join(str(error).split())}; {ORIGINAL}") from None
    if len(files) > MOST_FILES:
        raise BadPatch(f"{len(files)} files: more than {MOST_FILES} are refused")
    if not files:
        raise BadPatch("no hunk in it")
    return files


def disagreeing(lines: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with each hunk whose header counts other lines than stand below it."""
    number, name = 0, ""
    for at, text in enumerate(lines):
        if text.startswith("+++ "):
            name = text[4:].split("\t")[0].removeprefix("b/")
        header = HUNK.match(text)
        if header is None:
            continue
        number += 1
        wanted = [int(count) if count is not None else 1 for count in (header[2], header[4])]
        old, new, bare = counted(lines, at + 1, wanted)
        if [old, new] != wanted or bare:
            promised = f"promises {wanted[0]} old and {wanted[1]} new lines and has {old} and {new}"
            stripped = f", {bare} of them without their first blank" if bare else ""
            yield f"hunk {number} ({name}, {header[0]}) {promised}{stripped}"


def counted(lines: Sequence[str], at: int, wanted: list[int]) -> tuple[int, int, int]:
    """Return how many old and new lines the hunk that begins at ``at`` has, and how many of them begin with nothing
    that a diff's line begins with."""
    old = new = bare = 0
    for text in islice(lines, at, None):
        kind = text[:1] or " "  # an empty line of context: mailers strip its blank
        full = [old, new] == wanted
        ends = kind not in "+-" or text.startswith(("--- ", "-- ")) or text == "--"  # the next file, or a signature
        if text.startswith(("@@ ", "diff --git ")) or (full and ends):
            break
        if kind == "\\":
            continue
        old += kind != "+"
        new += kind != "-"
        bare += kind not in " +-"
    return old, new, bare


def applied(files: Sequence[PatchedFile], tree: Path, already: dict[str, bytes]) -> Iterator[Change]:
    """Yield each file of C that the patch changes, before and after. Raises BadPatch.

    ``already`` has the files that earlier patches of the series changed, by name; it is brought up to date.
    """
    for file in files:
        source, target = named(file.source_file), named(file.target_file)
        if not (source or target).endswith((".c", ".h")) or file.is_binary_file:
            continue
        if not source and (already[target] if target in already else (tree / target).exists()):
            raise BadPatch(f"{target}: the patch creates it, and it is in the tree: is it the tree the patch is for?")
        old = b"" if not source else already[source] if source in already else contents(tree, source)
        change = Change(target or source, old, old)
        change.new = _patched(change, old, file)
        if file.is_rename:
            already[source] = b""
        already[change.name] = change.new
        yield change


def named(text: str) -> str:
    """Return a file's path in the tree, "" for /dev/null. Raises BadPatch for one that leaves the tree."""
    if text == "/dev/null":
        return ""
    path = PurePosixPath(re.sub(r"^[abiwco]/", "", text.strip()))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BadPatch(f"{text[:80]}: a path that leaves the tree")
    return str(path)


def contents(tree: Path, name: str) -> bytes:
    """Return a file of the tree. Raises BadPatch."""
    from model.c.source import Unreadable, read_bytes

    path = tree / name
    if not path.resolve().is_relative_to(tree.resolve()):
        raise BadPatch(f"{name}: a link that leaves the tree")
    try:
        return read_bytes(path)
    except Unreadable as error:
        raise BadPatch(str(error)) from None


def _patched(change: Change, old: bytes, file: PatchedFile) -> bytes:
    lines = old.split(b"\n")
    shift = 0
    for hunk in file:
        before = [line.value.rstrip("\n").encode() for line in hunk if line.is_context or line.is_removed]
        after = [line.value.rstrip("\n").encode() for line in hunk if line.is_context or line.is_added]
        wanted = max(hunk.source_start - 1, 0) + shift
        if old and not before:
            raise BadPatch(
                f"{change.name}: the hunk at line {hunk.source_start} has no context: where it belongs is not sure"
            )
        at = _place(lines, before, wanted)
        if at is None:
            missing = next(
                (text for text in before if text.strip() and text not in lines), before[0] if before else b""
            )
            raise BadPatch(
                f"{change.name}: the hunk at line {hunk.source_start} does not apply; this tree has no line "
                f"{missing.decode('utf-8', 'replace').strip()[:60]!r} there: is it the tree the patch is for?"
            )
        if at != wanted:
            change.notes.append(
                f"{change.name}: the hunk at line {hunk.source_start} applies {at - wanted:+d} lines off"
            )
        lines[at : at + len(before)] = after
        shift += len(after) - len(before) + (at - wanted)
        change.hunks.append(_lines(hunk, at + 1))
    return b"\n".join(lines)


def _place(lines: list[bytes], before: list[bytes], wanted: int) -> int | None:
    """Return the place nearest to ``wanted`` where ``before`` stands; None where it does not, or not for certain."""
    if lines[wanted : wanted + len(before)] == before:
        return wanted
    if not before:
        return None
    fits = [at for at, text in enumerate(lines) if text == before[0] and lines[at : at + len(before)] == before]
    return fits[0] if len(fits) == 1 else None


def _lines(hunk: Hunk, first: int) -> list[Line]:
    """Return the lines of a hunk, numbered as in the new file from ``first`` on."""
    found = []
    for line in hunk:
        if line.line_type not in " +-":
            continue
        found.append(Line(line.line_type, line.value.rstrip("\n"), 0 if line.is_removed else first))
        first += not line.is_removed
    return found
