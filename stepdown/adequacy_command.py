"""The command `stepdown adequacy`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from spec.targets import TARGETS

if TYPE_CHECKING:
    from proofs.adequacy import Judged

EPILOG = "Exit status: 0 each mutation is refuted or proved equivalent; 1 one survives; 2 usage; 70 our bug."


@click.command(name="adequacy", epilog=EPILOG)
@click.argument("target", type=click.Choice(list(TARGETS)[:3]), default="patched")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def adequacy_command(target: str, form: str) -> None:
    """Change TARGET's own source in many ways: does the specification notice each change?

    \b
    stepdown adequacy
    stepdown adequacy pre-patch
    """
    from proofs import adequacy

    found: list[Judged] = []
    for mutation in adequacy.mutations_of(target):
        found.append(adequacy.judged(mutation))
        if form == "text":
            click.echo(_line(found[-1]))
    survivors = [one for one in found if one.survives]
    if form == "text":
        click.echo("\n" + _table(found))
        click.echo(f"\n{target}: {_summary(found)}")
        for one in survivors:
            click.echo(f"the specification does not say that this must not be: {one.mutation.name}")
    else:
        click.echo(json.dumps({"version": 1, "target": target, "mutations": [_row(one) for one in found]}, indent=2))
    sys.exit(1 if survivors else 0)


def _verdict(one: Judged) -> str:
    return "SURVIVES" if one.survives else "EQUIVALENT" if one.equivalent else "REFUTED"


def _line(one: Judged) -> str:
    return f"{one.mutation.name:<35}{_verdict(one):<12}{', '.join(one.fallen)}".rstrip()


def _row(one: Judged) -> dict[str, object]:
    return {"name": one.mutation.name, "verdict": _verdict(one), "claims": list(one.fallen)}


def _summary(found: list[Judged]) -> str:
    words = [_verdict(one) for one in found]
    return f"{len(found)} mutations: " + ", ".join(
        f"{words.count(word)} {word}" for word in ("REFUTED", "EQUIVALENT", "SURVIVES") if word in words
    )


def _table(found: list[Judged]) -> str:
    """Return for each claim how many mutations break it, and how many it alone tells from the original."""
    claims = {name: None for one in found for name in one.fallen}
    lines = ["claim                          breaks  alone"]
    for name in sorted(claims, key=lambda name: -sum(name in one.fallen for one in found)):
        falls = sum(name in one.fallen for one in found)
        alone = sum(one.fallen == (name,) for one in found)
        lines.append(f"{name:<30}{falls:>7}{alone:>7}")
    return "\n".join(lines)
