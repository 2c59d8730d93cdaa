"""Scenarios as files: saved where a claim is refuted, replayed on the loop as it is now. Replaying needs no solver."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from model.gfp import NAMES, Gfp
from model.loop import Call, OrderBits, run
from spec import costs
from spec.c_claims import NAMED
from spec.claims import Part
from spec.monitor import Matter
from spec.targets import Target
from stepdown.verify import Choice, Usage

if TYPE_CHECKING:
    from proofs.engine.search import Scenario

VERSION = 1  # of the file: stepdown/scenario.schema.json
MOST_BYTES = 4 << 20
MOST_PAGES = 1 << 20


@dataclass(frozen=True)
class Saved:
    """A scenario and the loop that it was found on."""

    choice: Choice
    scenario: Scenario


def as_json(choice: Choice, scenarios: Iterable[Scenario]) -> str:
    """Return a scenario file: how the loop was chosen, and of each run the call and the answers."""
    runs = [
        {
            "claim": found.claim,
            "n": found.call.n,
            "single_pages": found.call.single_pages,
            "gfp": {"flags": [name for name in NAMES if getattr(found.call.gfp, name)], "other": found.call.gfp.other},
            "order_mask": found.call.order_mask and str(found.call.order_mask),
            "answers": ["granted" if answer else "refused" for answer in found.answers],
            "sentence": found.sentence,
        }
        for found in scenarios
    ]
    chosen = asdict(choice) | {"sets": list(choice.sets)}
    return json.dumps({"version": VERSION, "kind": "stepdown-scenarios", "loop": chosen, "runs": runs}, indent=2) + "\n"


def read(text: str, where: str) -> list[Saved]:
    """Return the scenarios of a file's text. Raises Usage, one line that names ``where``."""
    from proofs.engine.search import Scenario

    if len(text) > MOST_BYTES:
        raise Usage(f"{where}: larger than {MOST_BYTES >> 20} MB: no scenario file")
    try:
        data = json.loads(text)
        if data["kind"] != "stepdown-scenarios":
            raise KeyError("kind")
        if data["version"] != VERSION:
            raise Usage(f"{where}: version {data['version']} of scenario files; this stepdown reads {VERSION}")
        choice = Choice(**(data["loop"] | {"sets": tuple(data["loop"]["sets"])}))
        saved = []
        for one in data["runs"]:
            flags = Gfp(**dict.fromkeys(one["gfp"]["flags"], True), other=int(one["gfp"]["other"]))
            n, claim = one["n"], one["claim"]
            if not (type(n) is int and 0 <= n <= MOST_PAGES and claim in NAMED):
                raise Usage(f"{where}: a run of {n} pages that breaks {claim}: no such run")
            answers = tuple({"granted": True, "refused": False}[answer] for answer in one["answers"])
            mask = one.get("order_mask")
            call = Call(n, flags, bool(one["single_pages"]), OrderBits.of(int(mask, 16)) if mask else None)
            saved.append(Saved(choice, Scenario(claim, call, answers, (), str(one["sentence"]))))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Usage(f"{where}: not a scenario file of stepdown: {type(error).__name__} {error}") from None
    return saved


def broken(target: Target, scenario: Scenario) -> str:
    """Return how the run breaks its claim on ``target``, in any of its readings, "" where it does not (any more)."""
    if target.readings:
        return next(filter(None, (broken(reading, scenario) for reading in target.readings)), "")
    from proofs.engine import search

    claim = NAMED[scenario.claim]
    parts = claim.parts or (Part(costs.passes_bounded(target.spare_passes)),)
    matter = Matter(scenario.call, target.orders)
    kept = [part for part in parts if not part.not_applicable(target)]
    return next(filter(None, (search.replay(target.loop, part.monitor, matter, scenario) for part in kept)), "")


def replayed(saved: Saved, target: Target) -> Iterator[str]:
    """Yield the report on one run, a line at a time."""
    found = broken(target, saved.scenario)
    verdict = f"still broken: {found}" if found else "not broken any more by this run"
    yield f"{saved.scenario.claim:<30}n = {saved.scenario.call.n}: {verdict}"


def memory_line(target: Target, scenario: Scenario) -> str:
    """Return free memory on which the page allocator gives just these answers, as a line of /proc/buddyinfo; "" where
    no free list that holds only what is granted does."""
    from model.buddy import Migrate, ZoneState
    from model.events import Attempt
    from model.kernel import Crash, Kernel, PageArray
    from model.machine import Machine

    attempts = [event for event in scenario.events if isinstance(event, Attempt)]
    orders = [event.order for event in attempts if event.granted]
    if not all(0 <= order <= 10 for order in orders):
        return ""
    blocks = tuple(orders.count(order) for order in range(11))
    machine = Machine([ZoneState(0, "Normal", {Migrate.UNMOVABLE: blocks})])
    answers: list[bool] = []
    try:
        for event in run(target.loop, scenario.call, Kernel(machine, PageArray())):
            if isinstance(event, Attempt):
                answers.append(event.granted)
            if len(answers) >= len(scenario.answers):
                break
    except Crash:
        pass
    if tuple(answers) != scenario.answers:
        return ""
    return "Node 0, zone   Normal " + "".join(f"{count:7}" for count in blocks)


def either_way(target: Target, scenario: Scenario) -> list[int]:
    """Return which answers, counted from 1, do not matter: with the other one the run breaks the claim as well."""
    found = []
    for at, answer in enumerate(scenario.answers[:64]):
        answers = (*scenario.answers[:at], not answer, *scenario.answers[at + 1 :])
        if broken(target, replace(scenario, answers=answers)) == scenario.sentence:
            found.append(at + 1)
    return found


def notes(target: Target, scenario: Scenario) -> list[str]:
    """Return what stands below the table of a run: memory that does it, and which answers do not matter."""
    target = next((reading for reading in target.readings if broken(reading, scenario)), target)
    lines = []
    line = memory_line(target, scenario)
    if line:
        lines.append(f"  free memory that does it: {line}")
    elif scenario.answers:
        lines.append("  memory that holds just the blocks granted does not answer so: blocks come and go meanwhile")
    free = either_way(target, scenario)
    if free:
        attempts = "attempt" if len(free) == 1 else "attempts"
        lines.append(f"  whether {attempts} {', '.join(map(str, free))} is granted or refused does not matter")
    return lines


PYTEST = '''def test_{name}_n_{n}() -> None:
    """{sentence}"""
    from stepdown import still_broken

    assert still_broken(SCENARIO_{name}_n_{n}) == []


SCENARIO_{name}_n_{n} = r"""
{data}"""
'''


def as_pytest(choice: Choice, scenarios: Sequence[Scenario]) -> str:
    """Return tests to paste: each fails while its run still breaks its claim."""
    return "\n\n".join(
        PYTEST.format(
            name=found.claim.replace("-", "_"), n=found.call.n, sentence=found.sentence, data=as_json(choice, [found])
        )
        for found in scenarios
    )


def still_broken(text: str) -> list[str]:
    """Return how the runs of a scenario file's text still break their claims; empty: none does. Raises Usage."""
    saved = read(text, "the scenario")
    return [how for one in saved if (how := broken(one.choice.target(), one.scenario))]
