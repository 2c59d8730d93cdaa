"""``stepdown review``: what a patch mail does to the loops of a tree, which is only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.engine.beside import beside
from spec.targets import Target
from stepdown.compare import Change, attempts, claims_on_both
from stepdown.mail import Mail
from stepdown.message_numbers import Number, numbers, sizes
from stepdown.patches import Change as FileChange
from stepdown.patches import Line, applied, parsed
from stepdown.verify import answers

if TYPE_CHECKING:
    from model.c.source import Source
    from proofs.worst_case import WorstCase

SOME_PAGES = (8, 255, 256, 1024)  # sizes at which costs are shown where the message names none
MOST_PAGES = 4096  # of a size that a message names


@dataclass
class LoopReview:
    """One loop that the patch changes: its claims, and its costs, before and after; the lines of its hunks."""

    name: str  # path:function
    hunk: list[Line]
    changes: list[Change] = field(default_factory=list)
    costs: list[tuple[WorstCase, WorstCase]] = field(default_factory=list)
    attempts: dict[str, dict[int, int]] = field(default_factory=dict)  # by loop and answers, then by pages
    unread: str = ""  # why the function cannot be judged

    @property
    def lost(self) -> list[Change]:
        """Return the claims that the patch loses."""
        return [change for change in self.changes if change.word == "lost"]

    @property
    def word(self) -> str:
        """Return lost, unknown or kept: the loop's part in the exit status."""
        words = {change.word for change in self.changes}
        return "lost" if "lost" in words else "unknown" if self.unread or "unknown" in words else "kept"


@dataclass
class Review:
    """What became of one patch."""

    mail: Mail
    files: list[str]
    notes: list[str]
    loops: list[LoopReview]
    numbers: list[Number] = field(default_factory=list)


def reviews(series: list[Mail], tree: Path, limit: float) -> Iterator[Review]:
    """Yield each patch of a series, judged on top of those before it, in ``limit`` seconds a loop. Raises BadPatch."""
    already: dict[str, bytes] = {}
    for mail in series:
        files = parsed(mail.diff)
        changed = list(applied(files, tree, already))
        review = Review(mail, [file.path for file in files], [note for one in changed for note in one.notes], [])
        for one in changed:
            review.loops += [judged(*pair, one, tree, mail.message, limit) for pair in changed_loops(one)]
        costs: dict[str, Mapping[int, int]] = {}
        for loop in review.loops:
            costs |= loop.attempts
        review.numbers = numbers(mail.message, costs)
        yield review


def changed_loops(change: FileChange) -> Iterator[tuple[Source, Source, str]]:
    """Yield the two sources and the name of each loop whose text, or what it uses of its file, a patch changes."""
    from model.c.shape import families, mentions_allocator
    from model.c.source import Source, Unreadable

    if not change.name.endswith(".c") or not (mentions_allocator(change.old) or mentions_allocator(change.new)):
        return
    try:
        old, new = Source(change.name, change.old), Source(change.name, change.new)
    except Unreadable:
        return
    for name in dict.fromkeys((*families(old), *families(new))):
        if reads(old, name) != reads(new, name):
            yield old, new, name


def reads(source: Source, name: str) -> list[str]:
    """Return the text that decides what a function does: its own, its callees' of the same file, and the file's
    variables and macros that these name."""
    from model.c.source import text, walk

    found: list[str] = []
    pending, seen = [name], set[str]()
    while pending:
        here = pending.pop()
        if here in seen:
            continue
        seen.add(here)
        nodes = source.functions.get(here, []) + source.globals.get(here, [])
        found += [" ".join(text(node).split()) for node in nodes]
        found += [body for body, _ in source.macros.get(here, [])]
        for node in nodes:
            pending += [text(part) for part in walk(node) if part.type == "identifier"]
    return sorted(found)


def judged(
    old: Source, new: Source, name: str, change: FileChange, tree: Path, message: str, limit: float
) -> LoopReview:
    """Return what a patch does to one loop."""
    from stepdown.c_target import target_in_tree

    model = "ilp32" if change.name.startswith("arch/arm/") else "lp64"
    loop = LoopReview(f"{change.name}:{name}", hunk_of(change, new, name))
    if name not in old.functions or name not in new.functions:
        loop.unread = "the patch adds it" if name not in old.functions else "the patch removes it"
        return loop
    before, after = (target_in_tree(tree / change.name, source, name, model) for source in (old, new))
    names = claims_on_both(before, after)
    with (
        beside(lambda: claims_and_costs(before, names), limit) as of_before,
        beside(lambda: claims_and_costs(after, names), limit) as of_after,
    ):
        pairs = list(zip(in_time(of_before, names, limit), in_time(of_after, names, limit), strict=True))
    loop.changes = [Change(one.claim, one, other) for one, other in pairs[: len(names)]]
    loop.costs = pairs[len(names) :]
    unread = [
        c.old.reason or c.new.reason for c in loop.changes if "UNSUPPORTED" in (c.old.word.value, c.new.word.value)
    ]
    if unread:
        loop.unread, loop.costs = unread[0], []
        return loop
    loop.attempts = costs_at([n for n in sizes(message) if n <= MOST_PAGES] or list(SOME_PAGES), before, after)
    return loop


def in_time(results: Iterator[Any], names: list[str], limit: float) -> list[Any]:
    """Return what came in time, and that the rest has no answer."""
    from proofs.engine.verdict import Answer
    from proofs.engine.words import Word
    from proofs.worst_case import COSTS, WorstCase

    found = []
    with suppress(TimeoutError):
        for result in results:
            found.append(result)
    late = f"no answer within {limit:g} s"
    none: list[Any] = [Answer(name, Word.UNKNOWN, late) for name in names]
    return found + [*none, *(WorstCase(cost, Word.UNKNOWN, reason=late) for cost in COSTS)][len(found) :]


def claims_and_costs(target: Target, names: list[str]) -> Iterator[Any]:
    """Yield the answer to each claim, then the worst case of each cost, of the first reading if there are several."""
    from proofs.engine.prove import Prover
    from proofs.engine.theorem import prove_with
    from proofs.worst_case import worst_cases

    if target.readings:
        yield from answers(target, names, jobs=1)
        yield from worst_cases(target.readings[0])
    else:
        prover = Prover(target)
        yield from prove_with(prover, names)
        yield from worst_cases(target, prover)


def costs_at(pages: list[int], before: Target, after: Target) -> dict[str, dict[int, int]]:
    """Return the attempts of both loops where blocks above order 0 are refused, and where all is granted."""
    found: dict[str, dict[int, int]] = {}
    for which, target in (("before", before), ("after", after)):
        for grants, what in ((False, "blocks refused"), (True, "all granted")):
            from model.loop import Call

            counted = {n: attempts(target.loop, Call(n, single_pages=target.single_pages), grants) for n in pages}
            found[f"attempts {which} the patch, {what}"] = {n: c for n, c in counted.items() if c is not None}
    return found


def hunk_of(change: FileChange, new: Source, name: str) -> list[Line]:
    """Return the lines of the hunk that changes the function, else of the first one."""
    for node in new.functions.get(name, []):
        first, last = node.start_point[0] + 1, node.end_point[0] + 1
        for hunk in change.hunks:
            if any(line.kind != " " and first <= at <= last for line, at in _placed(hunk)):
                return hunk
    return change.hunks[0] if change.hunks else []


def _placed(hunk: list[Line]) -> Iterator[tuple[Line, int]]:
    """Yield each line with its place in the new file; a removed one stands where it was."""
    at = next((line.number for line in hunk if line.number), 1)
    for line in hunk:
        at = line.number or at
        yield line, at
