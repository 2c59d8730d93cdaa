"""``stepdown review``: what a patch mail does to the loops of a tree, which is only read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.engine.beside import all_beside
from spec.c_claims import claims_of
from spec.targets import Target
from stepdown.compare import Change, attempts
from stepdown.mail import Mail
from stepdown.message_numbers import Number, numbers, sizes
from stepdown.patches import Change as FileChange
from stepdown.patches import Line, applied, parsed
from stepdown.verify import answers

if TYPE_CHECKING:
    from model.c.source import Source
    from proofs.engine.verdict import Answer
    from proofs.worst_case import WorstCase

SOME_PAGES = (8, 255, 256, 1024)  # sizes at which costs are shown where the message names none
MOST_PAGES = 4096  # of a size that a message names


@dataclass(frozen=True)
class Fate:
    """What becomes of one claim; ``old`` is None on a loop that the patch adds, ``new`` on one that it removes."""

    claim: str
    old: Answer | None
    new: Answer | None

    @property
    def word(self) -> str:
        """Return the word of a comparison; on a loop added proved, refuted, not applicable or unknown; or gone."""
        if self.new is None:
            return "gone"
        if self.old is not None:
            return Change(self.claim, self.old, self.new).word
        known = {"PROVED": "proved", "REFUTED": "refuted", "NOT APPLICABLE": "not applicable"}
        return known.get(self.new.word.value, "unknown")


@dataclass
class LoopReview:
    """One loop that a patch changes, adds or removes: its claims and costs before and after; its hunk's lines."""

    name: str  # path:function
    how: str  # changed, renamed, added or removed
    hunk: list[Line]
    was: str = ""  # the function's name before it was renamed
    fates: list[Fate] = field(default_factory=list)
    costs: list[tuple[WorstCase | None, WorstCase]] = field(default_factory=list)
    attempts: dict[str, dict[int, int]] = field(default_factory=dict)  # by loop and answers, then by pages
    unread: str = ""  # why the function cannot be judged

    @property
    def broken(self) -> list[Fate]:
        """Return the claims that the patch loses, or that a loop which it adds breaks."""
        return [fate for fate in self.fates if fate.word in ("lost", "refuted")]

    @property
    def word(self) -> str:
        """Return lost, refuted, unknown, gone, proved or kept: the loop's part in the exit status."""
        if self.how == "removed":
            return "gone"
        words = {fate.word for fate in self.fates}
        trouble = next((word for word in ("lost", "refuted") if word in words), "")
        unproved = any(cost is not None and cost.form is None for pair in self.costs for cost in pair)
        trouble = trouble or ("unknown" if self.unread or unproved or "unknown" in words else "")
        return trouble or ("proved" if self.how == "added" else "kept")


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
            review.loops += [judged(pair, one, tree, mail.message, limit) for pair in changed_loops(one)]
        costs: dict[str, Mapping[int, int]] = {}
        for loop in review.loops:
            costs |= loop.attempts
        review.numbers = numbers(mail.message, costs)
        yield review


@dataclass(frozen=True)
class Pair:
    """A loop before and after: the file's two sources, and the function's name in each, "" where there is none."""

    old: Source
    new: Source
    was: str
    name: str

    @property
    def how(self) -> str:
        """Return changed, renamed, added or removed."""
        if self.was and self.name:
            return "changed" if self.was == self.name else "renamed"
        return "added" if self.name else "removed"


def changed_loops(change: FileChange) -> Iterator[Pair]:
    """Yield each loop whose text, or what it uses of its file, a patch changes; one removed and one added are one that
    is renamed."""
    from model.c.shape import asks_allocator, families
    from model.c.source import Source, Unreadable

    if not change.name.endswith(".c") or not (asks_allocator(change.old) or asks_allocator(change.new)):
        return
    try:
        old, new = Source(change.name, change.old), Source(change.name, change.new)
    except Unreadable:
        return
    before, after = families(old), families(new)
    removed = [name for name in before if name not in new.functions]
    added = [name for name in after if name not in old.functions]
    if len(removed) == len(added) == 1:
        yield Pair(old, new, removed[0], added[0])
        removed, added = [], []
    for name in dict.fromkeys((*before, *after)):
        if name in removed:
            yield Pair(old, new, name, "")
        elif name in added:
            yield Pair(old, new, "", name)
        elif name in old.functions and name in new.functions and reads(old, name) != reads(new, name):
            yield Pair(old, new, name, name)


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


def judged(pair: Pair, change: FileChange, tree: Path, message: str, limit: float) -> LoopReview:
    """Return what a patch does to one loop."""
    from stepdown.c_target import target_in_tree

    model = "ilp32" if change.name.startswith("arch/arm/") else "lp64"
    both = {"before": (pair.old, pair.was), "after": (pair.new, pair.name)}
    targets = {
        when: target_in_tree(tree / change.name, source, name, model) for when, (source, name) in both.items() if name
    }
    loop = LoopReview(f"{change.name}:{pair.name or pair.was}", pair.how, hunk_of(change, pair))
    loop.was = pair.was if pair.how == "renamed" else ""
    loop.fates, loop.costs = fates_and_costs(targets, limit)
    given = [one for fate in loop.fates for one in (fate.old, fate.new) if one is not None]
    loop.unread = next((one.reason for one in given if one.word.value == "UNSUPPORTED"), "")
    if loop.unread:
        loop.costs = []
    else:
        loop.attempts = costs_at([n for n in sizes(message) if n <= MOST_PAGES] or list(SOME_PAGES), targets)
    return loop


def fates_and_costs(
    targets: Mapping[str, Target], limit: float
) -> tuple[list[Fate], list[tuple[WorstCase | None, WorstCase]]]:
    """Return what becomes of the claims and of the costs (of the first reading if there are several; none of a loop
    that is removed), as far as is known in ``limit`` seconds. Claims and costs are each judged in processes of their
    own, for as many cores."""
    from proofs.engine.theorem import SLOW_TO_PROVE
    from proofs.engine.verdict import Answer
    from proofs.engine.words import Word
    from proofs.worst_case import COSTS, WorstCase, worst_cases

    known = claims_of(next(iter(targets.values())))  # every function of C is judged by the same
    names = sorted(known, key=SLOW_TO_PROVE.__contains__)  # the slow ones last: they alone may come late
    works: dict[tuple[str, str], Callable[[], Iterable[Any]]] = {}
    for when, target in targets.items():
        works[when, "claims"] = partial(answers, target, names, jobs=1)
        if "after" in targets:
            works[when, "costs"] = partial(worst_cases, (*target.readings, target)[0])
    told = dict(zip(works, all_beside([*works.values()], limit), strict=True))
    late = f"no answer within {limit:g} s"
    unknown: dict[str, list[Any]] = {
        "claims": [Answer(name, Word.UNKNOWN, late) for name in names],
        "costs": [WorstCase(cost, Word.UNKNOWN, reason=late) for cost in COSTS],
    }

    def both(what: str) -> Iterator[tuple[Any, Any]]:
        none = [None] * len(unknown[what])
        sides = (told.get((when, what), none) for when in ("before", "after"))
        return zip(*(found + unknown[what][len(found) :] for found in sides), strict=True)

    fates = {name: Fate(name, old, new) for name, (old, new) in zip(names, both("claims"), strict=True)}
    return [fates[name] for name in known], list(both("costs")) if "after" in targets else []


def costs_at(pages: list[int], targets: Mapping[str, Target]) -> dict[str, dict[int, int]]:
    """Return the attempts, before and after, where blocks above order 0 are refused, and where all is granted."""
    found: dict[str, dict[int, int]] = {}
    for which, target in targets.items():
        for grants, what in ((False, "blocks refused"), (True, "all granted")):
            from model.loop import Call

            counted = {n: attempts(target.loop, Call(n, single_pages=target.single_pages), grants) for n in pages}
            found[f"attempts {which} the patch, {what}"] = {n: c for n, c in counted.items() if c is not None}
    return found


def hunk_of(change: FileChange, pair: Pair) -> list[Line]:
    """Return the lines of the hunk that changes the function, else of the first one; of a function that is added its
    own lines, of one that is removed its first."""
    if pair.how == "removed":
        gone = [line for hunk in change.hunks for line in hunk if line.kind == "-"]
        return [line for line in gone if re.search(rf"\b{pair.was}\b", line.text)][:1]
    for node in pair.new.functions.get(pair.name, []):
        first, last = node.start_point[0] + 1, node.end_point[0] + 1
        for hunk in change.hunks:
            if any(line.kind != " " and first <= at <= last for line, at in _placed(hunk)):
                return [one for one in hunk if first <= one.number <= last] if pair.how == "added" else hunk
    return change.hunks[0] if change.hunks else []


def _placed(hunk: list[Line]) -> Iterator[tuple[Line, int]]:
    """Yield each line with its place in the new file; a removed one stands where it was."""
    at = next((line.number for line in hunk if line.number), 1)
    for line in hunk:
        at = line.number or at
        yield line, at
