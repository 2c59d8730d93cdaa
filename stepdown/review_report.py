"""What a review says: to a person, as a reply to the mail, to a machine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from stepdown.picture import plural
from stepdown.report import table
from stepdown.review import Fate, LoopReview, Review

HOW = ("changed", "renamed", "added", "removed")
WIDTH = 72  # of a mail
UNBROKEN = "\xa0"
JSON_VERSION = 1
MOST_EVENTS = 24  # lines of a scenario in a reply


def status(reviews: Sequence[Review]) -> int:
    """Return 1 when a claim is lost or a loop that is added breaks one, 3 when something is unknown, 0 when all is kept
    or proved, or loops are only removed, or none is touched."""
    words = {loop.word for review in reviews for loop in review.loops}
    return 1 if words & {"lost", "refuted"} else 3 if "unknown" in words else 0


def text(review: Review) -> Iterator[str]:
    """Yield the lines for a terminal."""
    count = Counter(loop.how for loop in review.loops) or Counter(changed=0)
    counted = ", ".join(f"{plural(count[how], 'loop')} {how}" for how in HOW if how in count)
    yield f"{review.mail.subject or 'a patch'}: {plural(len(review.files), 'file')}, {counted}"
    yield from (f"note: {note}" for note in review.notes)
    if not review.loops:
        yield "no loop that asks for blocks of a varying order is changed"
    for loop in review.loops:
        yield ""
        yield loop.name
        yield from (f"  {line}".rstrip() for line in findings(loop, whole=True))
    if review.numbers:
        yield ""
        yield "numbers of the message"
        yield from (f"  {number.text}: {number.word} ({number.reason})" for number in review.numbers)


def findings(loop: LoopReview, whole: bool) -> Iterator[str]:
    """Yield what a patch does to one loop: claims, the first run for each loss, costs. Without ``whole``: what to say
    in a mail."""
    if loop.how == "removed":
        yield _gone(loop)
        return
    if loop.how == "renamed":
        yield f"renamed, it was {loop.was}"
    if loop.how == "added":
        yield "the patch adds this loop"
    if loop.unread:
        yield f"not judged: {loop.unread}"
    groups: dict[str, list[str]] = {}
    for fate in loop.fates:
        groups.setdefault(fate.word, []).append(fate.claim)
    if loop.unread and not set(groups) - {"unknown", "not applicable"}:
        return
    for word in ("lost", "refuted", "gained", "unknown", "broken in both"):
        if word in groups:
            yield f"{word}: {', '.join(groups[word])}"
    for word in ("kept", "proved"):
        if word in groups:
            yield f"{word}: {plural(len(groups[word]), 'claim')}"
    for fate in loop.fates:
        if fate.word == "unknown" and whole:
            yield _unknown(fate)
    shown: set[Any] = set()
    for fate in loop.broken:
        assert fate.new is not None
        run = fate.new.scenario
        yield ""
        if run is None or run.events in shown:
            yield f"{fate.claim} is {fate.word}: {fate.new.reason}" + ("" if run is None else ", in the run above")
            continue
        shown.add(run.events)
        yield f"{fate.claim} is {fate.word}; the smallest run that breaks it:"
        lines = table(run)
        cut = [*lines[: MOST_EVENTS // 2], "  ...", *lines[-MOST_EVENTS // 2 :]]
        yield from lines if whole or len(lines) <= MOST_EVENTS else cut
    if loop.costs:
        yield ""
        when = "" if loop.how == "added" else ", before and after"
        yield f"worst case of each cost{when} (b: the bit length of n)"
        for before, after in loop.costs:
            same = str(before) == str(after)
            yield f"  {after.cost}: {before or after}" + (", unchanged" if same else "")
            if before is not None and not same:
                yield f"  {'':<{len(after.cost)}}  {after}"
    for what, by_size in loop.attempts.items():
        told = ", ".join(f"{cost} for {n} pages" for n, cost in by_size.items())
        yield f"  {what}: {told or 'no call succeeds'}"


def _gone(loop: LoopReview) -> str:
    """Return that a loop is removed, and how much had been shown of it."""
    if loop.unread:
        return "the patch removes this loop, which could not be read"
    words = [fate.old.word.value for fate in loop.fates if fate.old is not None]
    open_ones = sum(word not in ("PROVED", "REFUTED", "NOT APPLICABLE") for word in words)
    known = f"{plural(words.count('PROVED'), 'claim')} proved of it, {words.count('REFUTED')} refuted"
    return f"the patch removes this loop: {known}" + (f", {open_ones} unknown" if open_ones else "")


def _unknown(fate: Fate) -> str:
    """Return why it is not known what becomes of a claim."""
    assert fate.new is not None
    if fate.old is None:
        return f"{fate.claim}: {fate.new.word.value}: {fate.new.reason}"
    words = f"{fate.old.word.value} before, {fate.new.word.value} after"
    return f"{fate.claim}: {words}: {fate.new.reason or fate.old.reason}"


def reply(review: Review, tree: str) -> Iterator[str]:
    """Yield a draft of a reply: the hunk quoted, the findings below the line they are about, how to reproduce them."""
    yield f"Subject: Re: {review.mail.subject}"
    yield ""
    for number in review.numbers:
        if number.word != "not checkable":
            yield from _quoted(number.text)
            yield from wrap(f"{number.word.capitalize()}: {number.reason}.", WIDTH)
            yield ""
    for loop in review.loops:
        changed = [at for at, line in enumerate(loop.hunk) if line.kind != " "]
        about = changed[-1] if changed else len(loop.hunk) - 1
        for line in loop.hunk[: about + 1]:
            yield from _quoted(line.kind + line.text)
        yield ""
        yield from wrap(f"{loop.name}:", WIDTH)
        for finding in findings(loop, whole=False):
            yield from _fitted(finding)
        yield ""
        for line in loop.hunk[about + 1 :]:
            yield from _quoted(line.kind + line.text)
        yield ""
    if not review.loops:
        yield "No loop that asks for blocks of a varying order is changed."
        yield ""
    yield "To reproduce:"
    yield f"  stepdown review --tree {tree} < this.mail"
    if review.loops and all(loop.word in ("kept", "proved") for loop in review.loops):
        yield ""
        yield "[draft, yours to sign or to drop]"
        yield "[Tested-by: YOUR NAME <YOUR ADDRESS>]"


def _quoted(line: str) -> Iterator[str]:
    """Yield a line of the mail as a quote: never broken, as mailers have it."""
    yield f"> {line}"


def _fitted(line: str) -> list[str]:
    """Return a line in lines of a mail, each with the first one's indentation; a table's is broken between columns."""
    indent = " " * (len(line) - len(line.lstrip()))
    if re.search(r"\S {2,}\S", line):
        line = indent + re.sub(r"(?<=\S) (?=\S)", UNBROKEN, line.strip())
    lines = wrap(line, WIDTH, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False) or [""]
    return [one.replace(UNBROKEN, " ") for one in lines]


def as_dict(reviews: Sequence[Review]) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "version": JSON_VERSION,
        "command": "review",
        "patches": [
            {
                "subject": review.mail.subject,
                "files": review.files,
                "notes": review.notes,
                "loops": [_loop(loop) for loop in review.loops],
                "numbers": [{"text": n.text, "verdict": n.word, "reason": n.reason} for n in review.numbers],
            }
            for review in reviews
        ],
    }


def _loop(loop: LoopReview) -> dict[str, Any]:
    return {
        "function": loop.name,
        "change": loop.how,
        "old_name": loop.was or None,
        "verdict": loop.word,
        "not_judged": loop.unread or None,
        "claims": [
            {"claim": c.claim, "change": c.word, "old": c.old and c.old.word.value, "new": c.new and c.new.word.value}
            for c in loop.fates
        ],
        "worst": [{"cost": new.cost, "old": old and str(old), "new": str(new)} for old, new in loop.costs],
        "attempts": {what: {str(n): cost for n, cost in by.items()} for what, by in loop.attempts.items()},
    }
