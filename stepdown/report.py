"""What a person, or a machine, gets to read: text, JSON, JUnit, KTAP, and annotations for GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from model.events import Attempt, Back, Clear, End, Event, Free, Look, Split, Store, Turn
from spec.c_claims import NAMED
from spec.claims import SCOPE
from spec.targets import Target

if TYPE_CHECKING:
    from proofs.engine.search import Scenario
    from proofs.engine.verdict import Answer

JSON_VERSION = 1
LINES_SHOWN = 12  # of a long run: so many from its begin, so many from its end
GOOD = ("PROVED", "NOT APPLICABLE")


def exit_status(answers: Iterable[Answer]) -> int:
    """Return 0 if all is PROVED or NOT APPLICABLE, 1 if anything is REFUTED, 3 for whatever else."""
    words = {answer.word.value for answer in answers}
    return 1 if "REFUTED" in words else 3 if words - set(GOOD) else 0


def text_line(answer: Answer) -> str:
    """Return one answer in one line: name, word, reason, cost."""
    reason = answer.reason
    if answer.scenario is not None:
        reason = f"n = {answer.scenario.call.n}: {reason}"
    cost = answer.cost
    spent = f"({cost.paths} paths, {cost.obligations} obligations)" if cost.obligations else ""
    return "  ".join(part for part in (f"{answer.claim:<30}{answer.word.value:<15}", reason, spent) if part).rstrip()


def text_details(target: Target, answers: Sequence[Answer], explain: bool) -> str:
    """Return what stands below the verdicts: the halves, the scenarios, the assumptions, what to do next."""
    from stepdown.scenarios import notes

    lines: list[str] = []
    shown: set[Any] = set()
    for answer in answers:
        for part in answer.parts:
            if part.word is not answer.word:
                lines.append(f"{answer.claim} ({part.label}): {part.word.value}  {part.reason}")
    for answer in answers:
        if answer.scenario is not None and answer.scenario.events not in shown:
            shown.add(answer.scenario.events)
            lines += ["", f"{answer.claim}: the smallest run that breaks it", *table(answer.scenario)]
            lines += notes(target, answer.scenario)
    if explain:
        for answer in answers:
            if answer.invariants:
                lines += ["", f"{answer.claim}: supporting invariants", *(f"  {line}" for line in answer.invariants)]
    assumed = sorted({a for answer in answers if answer.word.value == "PROVED" for a in answer.assumptions})
    lines += ["", *(line for note in target.notes for line in wrap(note, 100))] if target.notes else []
    proved = sum(answer.word.value == "PROVED" for answer in answers)
    if proved:
        lines += ["", f"PROVED means: for {target.sizes}, every flags of the caller, every answer of the allocator."]
        lines += [*wrap(f"Scope: {SCOPE}.", 100)]
        lines += [f"Assumed: {assumption}." for assumption in assumed]
    return "\n".join(lines)


def summary(target: Target, answers: Sequence[Answer]) -> str:
    """Return the verdict on everything that was asked, in one line."""
    counts: dict[str, int] = {}
    for answer in answers:
        counts[answer.word.value] = counts.get(answer.word.value, 0) + 1
    return f"{target.name}: " + ", ".join(f"{count} {word}" for word, count in counts.items())


def table(scenario: Scenario) -> list[str]:
    """Return a run as a table of attempts and what followed, the last line marked: it breaks the claim."""
    call = scenario.call
    mask = f", order mask = {call.order_mask}" if call.order_mask else ""
    lines = [f"  n = {call.n} pages, caller's gfp = {call.gfp}{mask}"]
    shown = list(enumerate(scenario.events))
    left_out = len(shown) - 2 * LINES_SHOWN
    if left_out > 1:
        shown = shown[:LINES_SHOWN] + shown[-LINES_SHOWN:]
    for at, event in shown:
        if left_out > 1 and at == len(scenario.events) - LINES_SHOWN:
            lines.append(f"     ... {left_out} events ...")
        mark = ">>" if at == len(scenario.events) - 1 else ""
        lines.append(f"  {mark:<3}{_describe(event)}".rstrip())
    return [*lines, f"  {scenario.sentence}"]


def _describe(event: Event) -> str:
    if isinstance(event, Attempt):
        answer = f"granted, frame {event.frame}" if event.granted else "refused"
        return f"attempt     order {event.order:<3} {event.gfp}  {answer}"
    if isinstance(event, Store):
        return f"store       slots {event.slot}..{event.slot + event.pages - 1} = frames from {event.frame}"
    if isinstance(event, Look):
        return f"look        entry {event.index} of {event.length}"
    if isinstance(event, Split | Free):
        return f"{type(event).__name__.lower():<12}frame {event.frame}, order {event.order}"
    if isinstance(event, Clear):
        return f"clear       frames {event.frame}..{event.frame + event.pages - 1}"
    if isinstance(event, End):
        return "end         success" if event.ok else "end         failure"
    if isinstance(event, Back):
        return "step        of the rollback"
    assert isinstance(event, Turn)
    return "pass        of while (count)"


def as_dict(target: Target, answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the answers as JSON: see stepdown/verify.schema.json."""
    return {
        "version": JSON_VERSION,
        "command": "verify",
        "target": target.name,
        "domain": target.sizes,
        "scope": SCOPE,
        "status": exit_status(answers),
        "claims": [_claim(answer) for answer in answers],
    }


def _claim(answer: Answer) -> dict[str, Any]:
    return {
        "name": answer.claim,
        "sentence": NAMED[answer.claim].sentence,
        "verdict": answer.word.value,
        "reason": answer.reason,
        "assumptions": list(answer.assumptions),
        "invariants": list(answer.invariants),
        "cost": {
            "paths": answer.cost.paths,
            "obligations": answer.cost.obligations,
            "solver_resources": answer.cost.resources,
        },
        "parts": [{"label": p.label, "verdict": p.word.value, "reason": p.reason} for p in answer.parts],
        "scenario": None if answer.scenario is None else _scenario(answer.scenario),
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "n": scenario.call.n,
        "gfp": str(scenario.call.gfp),
        "single_pages": scenario.call.single_pages,
        "order_mask": scenario.call.order_mask and str(scenario.call.order_mask),
        "answers": ["granted" if answer else "refused" for answer in scenario.answers],
        "events": [_describe(event) for event in scenario.events],
        "sentence": scenario.sentence,
    }


def as_json(target: Target, answers: Sequence[Answer]) -> str:
    """Return the answers as a JSON text."""
    return json.dumps(as_dict(target, answers), indent=2)


def as_junit(target: Target, answers: Sequence[Answer]) -> str:
    """Return the answers as a JUnit file: a claim is a test case; only PROVED passes, NOT APPLICABLE is skipped."""
    bad = [answer for answer in answers if answer.word.value not in GOOD]
    skipped = [answer for answer in answers if answer.word.value == "NOT APPLICABLE"]
    suite = ElementTree.Element(
        "testsuite", name=f"stepdown verify {target.name}", tests=str(len(answers)), failures=str(len(bad)),
        errors="0", skipped=str(len(skipped)),
    )  # fmt: skip
    for answer in answers:
        case = ElementTree.SubElement(suite, "testcase", classname=f"stepdown.{target.name}", name=answer.claim)
        if answer in skipped:
            ElementTree.SubElement(case, "skipped", message=answer.reason)
        elif answer in bad:
            failure = ElementTree.SubElement(case, "failure", message=f"{answer.word.value}: {answer.reason}")
            failure.text = "\n".join(table(answer.scenario)) if answer.scenario is not None else answer.reason
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def as_ktap(target: Target, answers: Sequence[Answer]) -> str:
    """Return the answers as KTAP, Documentation/dev-tools/ktap.rst."""
    lines = ["KTAP version 1", f"1..{len(answers)}"]
    for number, answer in enumerate(answers, 1):
        word = answer.word.value
        result = "ok" if word in GOOD else "not ok"
        directive = f" # SKIP {answer.reason}" if word == "NOT APPLICABLE" else f" # {word}"
        if answer.scenario is not None:
            lines += [f"# {line.strip()}" for line in table(answer.scenario)]
        lines.append(f"{result} {number} {target.name}.{answer.claim}{directive}")
    return "\n".join(lines)


def github_annotations(target: Target, answers: Sequence[Answer]) -> list[str]:
    """Return an ``::error`` line for whatever is not proved, for GitHub's own log reader."""
    found = []
    for answer in answers:
        if answer.word.value not in GOOD:
            message = f"{target.name}: {answer.claim} is {answer.word.value}: {answer.reason}"
            found.append("::error::" + message.replace("%", "%25").replace("\n", "%0A"))
    return found
