"""The command `stepdown fidelity`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepdown.verify import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepdown.fidelity import Row

TARGET = 90  # per cent


@click.command(name="fidelity", epilog=f"Exit status: 0 at least {TARGET} % are exact; 1 fewer; 2 no trace to predict.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--all", "show_all", is_flag=True, help="Print the exact ones, too.")
def fidelity_command(folder: Path, form: str, show_all: bool) -> None:
    """Predict each trace of DIR from the dump before it, and compare with what the kernel granted.

    A trace NAME.trace needs "# buddyinfo before:" lines in its header, or /proc/pagetypeinfo in NAME.pti beside it;
    "# meminfo:" lines give the watermarks, by the kernel's formulas.

    \b
    stepdown fidelity tests/data/traces
    """
    from stepdown import fidelity

    if not folder.is_dir():
        raise Usage(f"{folder}: expected a folder of traces")
    rows = list(fidelity.rows(folder))
    judged = [row for row in rows if not row.skipped]
    if not judged:
        raise Usage(f"{folder}: expected traces with a dump before the request, got {len(rows)} traces, none with one")
    exact = sum(row.is_exact() for row in judged)
    if form == "json":
        click.echo(json.dumps(as_dict(rows, fidelity.VARIANTS), indent=2))
    else:
        click.echo("\n".join(table(rows, fidelity.VARIANTS, show_all)))
    sys.exit(0 if 100 * exact >= TARGET * len(judged) else 1)


def share(rows: Sequence[Row], variant: int = 0) -> str:
    """Return how many rows are exact, in words."""
    exact = sum(row.is_exact(variant) for row in rows)
    return f"{exact} of {len(rows)} exact ({100 * exact // len(rows)} %)" if rows else "none"


def table(rows: Sequence[Row], variants: Sequence[str], show_all: bool) -> list[str]:
    """Return the table: by trace, by folder, and by what the model would be without one of its parts."""
    judged = [row for row in rows if not row.skipped]
    shown = [row for row in judged if show_all or not row.is_exact()]
    lines = [f"blocks granted, predicted from the dump before the request: {share(judged)}"]
    if shown:
        width = max(len(row.name) for row in shown)
        lines += ["", f"{'trace':<{width}}  {'pages':>6}  {'kernel':<26}  {'model':<26}  off by"]
        for row in shown:
            kernel, model = by_order(row.kernel), by_order(row.predictions[0].chunks)
            lines.append(
                f"{row.name:<{width}}  {row.pages:>6}  {kernel:<26}  {model:<26}  {row.off_by()}  {row.why}".rstrip()
            )
    lines += ["", "by folder (nothing is fitted to traces: leaving a folder out changes nothing for it)"]
    for folder in dict.fromkeys(row.folder for row in judged):
        lines.append(f"  {folder:<24}{share([row for row in judged if row.folder == folder])}")
    easy = [row for row in judged if all(row.is_exact(variant) for variant in range(len(variants)))]
    lines += ["", "what each part of the model is good for"]
    lines += [f"  {name:<24}{share(judged, at)}" for at, name in enumerate(variants)]
    lines.append(f"  {len(easy)} of {len(judged)} are exact whatever part is left out: they do not test these parts")
    skipped = [row for row in rows if row.skipped]
    lines += ["", *(f"not predicted: {row.name}: {row.skipped}" for row in skipped)] if skipped else []
    return lines


def by_order(chunks: Sequence[tuple[int, int]]) -> str:
    """Return blocks by order, the largest first: "9x2 4x1 0x17"."""
    return " ".join(f"{order}x{count}" for order, count in reversed(chunks)) or "none"


def as_dict(rows: Sequence[Row], variants: Sequence[str]) -> dict[str, Any]:
    """Return the table as JSON has it."""
    judged = [row for row in rows if not row.skipped]
    return {
        "version": 1,
        "command": "fidelity",
        "traces": len(judged),
        "exact": {name: sum(row.is_exact(at) for row in judged) for at, name in enumerate(variants)},
        "rows": [
            {
                "trace": row.name, "pages": row.pages, "exact": row.is_exact(), "off_by": row.off_by(), "why": row.why,
                "kernel": dict(row.kernel), "model": dict(row.predictions[0].chunks),
            }
            for row in judged
        ],
        "skipped": {row.name: row.skipped for row in rows if row.skipped},
    }  # fmt: skip
