"""What `stepdown trace` says: a few lines a call, or JSON."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from model.events import Attempt
from model.recorded import Recorded
from stepdown.picture import plural, size_text
from stepdown.trace import HELD, IS_BROKEN, NOT_OBSERVABLE, CallVerdict, TraceVerdict

JSON_VERSION = 1
WIDTH = 100


def call_text(judged: CallVerdict, number: int) -> list[str]:
    """Return one call in lines: the verdict first, then why, then what was judged."""
    call = judged.call
    lines = [f"buffer {number}, line {call.line}: {what(call)}: {judged.word}"]
    lines += [f"  {reason}" for reason in judged.reasons]
    for claim in judged.named(IS_BROKEN):
        lines.append(f"  line {claim.line} breaks {claim.claim}: {claim.reason}")
    if judged.agreement is not None:
        lines += [f"  {line}" for line in wrapped(agreement_text(judged), WIDTH - 2)]
    lines += [f"  {line}" for line in wrapped(f"attempts: {attempts_text(call)}", WIDTH - 2)] if call.is_reached else []
    held = judged.named(HELD)
    if held:
        lines += listed("held", ", ".join(claim.claim for claim in held))
    unseen: dict[str, list[str]] = {}
    for claim in judged.named(NOT_OBSERVABLE):
        unseen.setdefault(claim.reason, []).append(claim.claim)
    for reason, names in unseen.items():
        lines += listed("not observable", f"{', '.join(names)}: {reason}")
    return lines


def listed(word: str, text: str) -> list[str]:
    """Return "word  text", the text wrapped beside the word."""
    rows = wrapped(text, WIDTH - 18)
    return [f"  {word if not at else '':<16}{row}".rstrip() for at, row in enumerate(rows)]


def wrapped(text: str, width: int) -> list[str]:
    """Return the text in lines; a claim's name stays whole."""
    return wrap(text, width, break_on_hyphens=False)


def what(call: Recorded) -> str:
    """Return whose call it is and what it wants."""
    loops = {"arm": "ARM loop", "dma-iommu": "dma-iommu loop", "": "a loop not told"}
    parts = [call.task or "a task not named", f"{loops[call.loop]} (told by {call.told_by})"]
    if call.n is None:
        parts.append("size not known")
    else:
        parts.append(f"{call.size_bytes} bytes ({plural(call.n, 'page')})")
    if call.attrs:
        parts.append(f"attrs {call.attrs:#x}")
    if call.ok is False:
        parts.append("the request failed")
    return ", ".join(parts)


def agreement_text(judged: CallVerdict) -> str:
    """Return how far the model goes along."""
    agreement = judged.agreement
    assert agreement is not None
    frames = {None: "", True: ", and the frames read back are those granted", False: ""}[judged.frames_agree]
    text = f"agrees with {judged.target} in {plural(agreement.attempts, 'attempt')}"
    if agreement.at is None:
        text = text.replace(" in ", " in all of ") if agreement.attempts > 1 else text
    else:
        at = min(agreement.at, judged.call.attempts - 1)
        lines = [n for e, n in zip(judged.call.events, judged.call.lines, strict=True) if isinstance(e, Attempt)]
        text += f", then not, at line {lines[at]}: {agreement.reason}" if at < len(lines) else f": {agreement.reason}"
    return text + frames + ("; THE FRAMES READ BACK ARE NOT THOSE GRANTED" if judged.frames_agree is False else "")


def attempts_by_order(call: Recorded) -> list[tuple[int, int, int]]:
    """Return order, attempts granted and attempts refused, the largest order first."""
    counts: dict[int, list[int]] = {}
    for event in call.events:
        if isinstance(event, Attempt):
            counts.setdefault(event.order, [0, 0])[event.granted] += 1
    return [(order, granted, refused) for order, (refused, granted) in sorted(counts.items(), reverse=True)]


def attempts_text(call: Recorded) -> str:
    """Return the attempts by order in a few words."""
    if not call.events:
        return f"{call.attempts}, {size_text(call.granted_pages)} granted"
    rows = [f"order {o}: {g} granted" + (f", {r} refused" if r else "") for o, g, r in attempts_by_order(call)]
    return f"{call.attempts} ({'; '.join(rows)})"


def trace_text(verdict: TraceVerdict) -> list[str]:
    """Return the verdict on one trace in a few lines."""
    counts = ", ".join(f"{count} {word}" for word, count in verdict.counts.items())
    calls = plural(verdict.calls, "buffer") + (f" ({counts})" if verdict.calls > 1 else "")
    others = f"{plural(verdict.other_requests, 'other request')} kept apart"
    lines = [f"{verdict.name}: {verdict.word}: {calls}, {others}, {plural(verdict.lines, 'line')}"]
    lines += [f"  {reason}" for reason in verdict.reasons]
    if verdict.word == "CONFORMS":
        lines += listed("claims covered", ", ".join(sorted(verdict.covered or ())))
    return lines


def call_dict(judged: CallVerdict, number: int) -> dict[str, Any]:
    """Return one call as JSON has it."""
    call, agreement = judged.call, judged.agreement
    return {
        "buffer": number,
        "line": call.line,
        "task": call.task,
        "loop": call.loop,
        "told_by": call.told_by,
        "size_bytes": call.size_bytes,
        "pages": call.n,
        "gfp": None if call.gfp is None else str(call.gfp),
        "attrs": call.attrs,
        "ok": call.ok,
        "verdict": judged.word,
        "reasons": list(judged.reasons),
        "model": judged.target,
        "agrees_for_attempts": None if agreement is None else agreement.attempts,
        "differs": None if agreement is None or agreement.at is None else agreement.reason,
        "frames_agree": judged.frames_agree,
        "attempts": [{"order": o, "granted": g, "refused": r} for o, g, r in attempts_by_order(call)],
        "claims": [
            {"name": c.claim, "verdict": c.word, "reason": c.reason, "line": c.line} for c in judged.claims
        ],
    }  # fmt: skip


def trace_dict(verdict: TraceVerdict, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the verdict on one trace as JSON has it."""
    return {
        "file": verdict.name,
        "verdict": verdict.word,
        "status": verdict.status,
        "lines": verdict.lines,
        "other_requests": verdict.other_requests,
        "reasons": verdict.reasons,
        "claims_covered": sorted(verdict.covered or ()) if verdict.word == "CONFORMS" else [],
        "buffers": calls,
    }
