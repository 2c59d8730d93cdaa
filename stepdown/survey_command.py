"""The command `stepdown survey`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stepdown.survey import Found, Judged

EPILOG = "Exit status: 0 all holds; 1 a claim is refuted; 3 anything unsupported or not answered; 2 usage; 70 our bug."
GOOD = ("PROVED", "NOT APPLICABLE")


@click.command(name="survey", epilog=EPILOG)
@click.argument("tree", type=click.Path(path_type=Path))
@click.option(
    "--seconds", type=click.FloatRange(0, 3600, min_open=True), default=4.0, show_default=True, help="For each."
)
@click.option(
    "--data-model", type=click.Choice(["ilp32", "lp64"]), help="C's types; without: both, ilp32 for arch/arm."
)
@click.option("--list", "only_list", is_flag=True, help="Only say where they are; judge nothing.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def survey_command(tree: Path, seconds: float, data_model: str | None, only_list: bool, form: str) -> None:
    """Find every function below TREE that asks a page allocator, in a loop, for blocks of an order that is no constant,
    and print which claims hold of it. A function is found by its shape; nothing of the tree is run.

    \b
    stepdown survey linux/mm
    stepdown survey linux --seconds 10 --format json
    stepdown survey linux/drivers --list
    """
    from stepdown import survey

    everything = survey.find(tree)
    unread = [found for found in everything if not found.name]
    functions = [found for found in everything if found.name]
    rows = [] if only_list else list(survey.judge(tree, functions, seconds, data_model))
    if form == "json":
        click.echo(json.dumps(as_dict(tree, functions, unread, rows), indent=2))
    else:
        click.echo("\n".join(table(functions, rows)))
        for found in unread:
            click.echo(f"not read: {found.trouble}")
    sys.exit(0 if only_list else exit_status(rows, unread))


def exit_status(rows: Sequence[Judged], unread: Sequence[Found] = ()) -> int:
    """Return 0 if every claim holds of every function, 1 if one is refuted, 3 for whatever else, unread files too."""
    words = {word for row in rows for word, _ in row.claims.values()}
    incomplete = bool(unread) or any(row.unread or row.stopped for row in rows)
    return 1 if "REFUTED" in words else 3 if incomplete or words - set(GOOD) else 0


def table(functions: Sequence[Found], rows: Sequence[Judged]) -> list[str]:
    """Return a line for each function: name, file:line, how many claims hold, are refuted, have no answer; why."""
    names = [(found.name, f"{found.path}:{found.line}") for found in functions]
    if not names:
        return ["no function asks for blocks of a varying order in a loop"]
    one, two = (max(len(name[at]) for name in [*names, ("function", "file:line")]) for at in (0, 1))
    if not rows:
        return [f"{name:<{one}}  {where}" for name, where in names]
    lines = [f"{'function':<{one}}  {'file:line':<{two}}  held  refuted  open  unsupported"]
    for row, (name, where) in zip(rows, names, strict=True):
        refuted = row.named("REFUTED")
        held = row.named("PROVED")
        rest = len(row.claims) - len(held) - len(refuted) - len(row.named("NOT APPLICABLE"))
        numbers = f"{'-':>4}  {'-':>7}  {'-':>4}" if row.unread else f"{len(held):>4}  {len(refuted):>7}  {rest:>4}"
        lines.append(f"{name:<{one}}  {where:<{two}}  {numbers}  {row.notes}".rstrip())
        lines += [f"  refuted: {', '.join(refuted)}"] if refuted else []
    judged = [row for row in rows if not row.unread]
    lines += ["", f"{len(rows)} functions, {len(judged)} read to a loop, {len(rows) - len(judged)} unsupported"]
    return lines


def as_dict(tree: Path, functions: Sequence[Found], unread: Sequence[Found], rows: Sequence[Judged]) -> dict[str, Any]:
    """Return what was found, for machines."""
    judged = {row.found: row for row in rows}
    listed = []
    for found in functions:
        entry: dict[str, Any] = {"function": found.name, "file": found.path, "line": found.line}
        if (row := judged.get(found)) is not None:
            entry["claims"] = [{"claim": c, "word": word, "reason": why} for c, (word, why) in row.claims.items()]
            entry |= {"unsupported": row.unsupported, "stopped": row.stopped, "alone": row.alone}
        listed.append(entry)
    not_read = [{"file": found.path, "reason": found.trouble} for found in unread]
    return {"version": 1, "tree": str(tree), "functions": listed, "not_read": not_read}
