"""The command `stepdown compare`."""

from __future__ import annotations

import json
import sys

import click

from stepdown.verify import Usage

EPILOG = "Exit status: 0 nothing is lost; 1 a claim is lost; 3 something is unknown; 2 usage; 70 our bug."


@click.command(name="compare", epilog=EPILOG)
@click.argument("old")
@click.argument("new")
@click.option("--pgsizes", default="4K,64K,1M,2M", show_default=True, metavar="LIST", help="Page sizes of the IOMMU.")
@click.option("--max-order", type=click.IntRange(0, 15), default=10, show_default=True, help="Largest order to be had.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def compare_command(old: str, new: str, pgsizes: str, max_order: int, form: str) -> None:
    """Show what NEW keeps, loses and gains against OLD, and what each costs: names, FILE.py:CLASS, or order arrays.

    A FILE.py is code, and it is run.

    \b
    stepdown compare patched 9,8,4,2,0
    stepdown compare pre-patch patched
    stepdown compare patched my_loop.py:MyLoop --pgsizes 4K,2M
    """
    from stepdown import compare, compare_costs, report
    from stepdown.measures import parse_pgsizes

    try:
        sizes = parse_pgsizes(pgsizes)
    except ValueError as error:
        raise Usage(str(error)) from None
    before, after = compare.chosen(old), compare.chosen(new)
    found = []
    if form == "text":
        click.echo(f"old: {before.name}: {before.sentence}; {before.sizes}")
        click.echo(f"new: {after.name}: {after.sentence}; {after.sizes}")
        click.echo("each claim is meant in its own loop's terms: its array, its bound\n")
    for change in compare.changes(before, after):
        found.append(change)
        if form == "text":
            click.echo(f"{change.claim:<30}{change.word:<16}{change.old.word.value} -> {change.new.word.value}")
    same = compare.same_behaviour(before, after)
    words = {change.word for change in found}
    status = 1 if "lost" in words else 3 if "unknown" in words else 0
    if form == "json":
        rows = [{"claim": c.claim, "change": c.word, "old": c.old.word.value, "new": c.new.word.value} for c in found]
        cost = [{"n": n, "refused": row[:2], "granted": row[2:]} for n, row in compare.costs(before, after)]
        told = {"version": 1, "claims": rows, "same_behaviour": same.word.value, "attempts": cost}
        told |= compare_costs.as_dict(before, after, max_order, sizes)
        click.echo(json.dumps(told, indent=2))
        sys.exit(status)
    for change in found:
        if change.word == "lost" and change.new.scenario is not None:
            click.echo(f"\n{change.claim}: lost; the smallest run that breaks it")
            click.echo("\n".join([*report.table(change.new.scenario)]))
    if same.scenario is not None:
        click.echo("\nwhere the two first ask, store or end otherwise; the run of NEW")
        click.echo("\n".join(report.table(same.scenario)))
    else:
        why = f": {same.reason}" if same.reason else ""
        click.echo(f"\nthe two do the same, for every size and every answer: {same.word.value}{why}")
    click.echo("\nattempts, one run each      blocks refused        all granted")
    click.echo("       n                    old      new         old      new")
    for n, row in compare.costs(before, after):
        numbers = ["-" if number is None else str(number) for number in row]
        click.echo(f"{n:>8}{numbers[0]:>23}{numbers[1]:>9}{numbers[2]:>12}{numbers[3]:>9}")
    for line in compare_costs.told(before, after, max_order, sizes):
        click.echo(line)
    sys.exit(status)
