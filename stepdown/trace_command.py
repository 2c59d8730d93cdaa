"""The command `stepdown trace`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from stepdown.verify import Usage, chosen_claims

if TYPE_CHECKING:
    from spec.claims import Claim

EPILOG = (
    "Exit status: 0 all conform; 1 a claim is broken; 3 not enough evidence, the loop was not reached, or model and "
    "trace differ; 2 no trace; 70 our bug."
)


@click.command(name="trace", epilog=EPILOG)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--claims", "names", metavar="NAME,...", help="Judge only these claims.")
@click.option("--size", metavar="SIZE", help="Bytes of each buffer, where no probe and no header tells: 4M.")
@click.option("--loop", type=click.Choice(["arm", "dma-iommu"]), help="Which loop, where no return address tells.")
@click.option("--orders", metavar="N,...", help="The order array, or the orders that the IOMMU maps: 9,0.")
@click.option("--max-order", type=click.IntRange(0, 63), metavar="N", help="The allocator's largest order.")
@click.option("--cost", "with_cost", is_flag=True, help="Print what attempts cost, by order and answer.")
@click.option("--html", "html_file", metavar="FILE", help="Draw the buffers on a page of their own; one trace only.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def trace_command(
    files: tuple[str, ...],
    names: str | None,
    size: str | None,
    loop: str | None,
    orders: str | None,
    max_order: int | None,
    with_cost: bool,
    html_file: str | None,
    form: str,
) -> None:
    """Judge traces of a running kernel by the claims: each buffer that the loop built.

    Reads /sys/kernel/tracing/trace, trace-cmd report, perf script, function_graph; gzip, xz, bzip2; - is standard
    input. A claim is held, broken, or not observable in the trace.

    \b
    stepdown trace board.trace
    ssh board cat /sys/kernel/tracing/trace | stepdown trace -
    stepdown trace --format json board.trace.xz
    stepdown trace --cost board.trace
    """
    from model.trace_forms import BadTrace
    from stepdown import html_pages, trace, trace_cost, trace_files, trace_report
    from stepdown.simulate import parse_size

    claims = claims_on_traces(names)
    try:
        size_bytes = None if size is None else parse_size(size)
    except ValueError as error:
        raise Usage(str(error)) from None
    known = trace.Known(size_bytes, loop or "", parsed_orders(orders), max_order, with_cost)
    if html_file is not None and len(files) > 1:
        raise Usage("--html draws one trace: give one FILE")
    verdicts, reports = [], []
    for name in files or ("-",):
        verdict = trace.TraceVerdict("standard input" if name == "-" else name)
        calls: list[dict[str, Any]] = []
        cost = trace_cost.Cost()
        drawn: list[Any] = []
        try:
            with trace_files.open_trace(name) as text:
                lines = trace_files.lines_of(text, progress(verdict) if sys.stderr.isatty() else None)
                for number, judged in enumerate(trace.judge_trace(lines, verdict, known, claims), 1):
                    cost.add(judged.call.works)
                    if html_file is not None and len(drawn) < html_pages.MOST_BUFFERS:
                        drawn.append(html_pages.call_outcome(judged, number))
                    if form == "json":
                        calls.append(trace_report.call_dict(judged, number))
                    elif number <= MOST_SHOWN or judged.word != trace.CONFORMS:
                        click.echo("\n".join(trace_report.call_text(judged, number)))
        except BadTrace as error:
            raise Usage(f"{verdict.name}: {error}") from None
        except OSError as error:
            raise Usage(f"{name}: {error.strerror or error}") from None
        if sys.stderr.isatty() and verdict.lines >= LINES_A_TELL:
            click.echo("", err=True)
        verdicts.append(verdict)
        if html_file is not None:
            html_pages.write(html_file, html_pages.trace_page(verdict, drawn))
        if form == "json":
            reports.append(trace_report.trace_dict(verdict, calls) | ({"cost": cost.as_list()} if with_cost else {}))
        else:
            if verdict.counts.get(trace.CONFORMS, 0) > MOST_SHOWN:
                click.echo(f"... of the buffers that conform only the first {MOST_SHOWN} are shown")
            click.echo("\n".join(trace_report.trace_text(verdict) + (cost.text() if with_cost else [])))
    statuses = {verdict.status for verdict in verdicts}
    status = 1 if 1 in statuses else max(statuses)
    if form == "json":
        click.echo(json.dumps({"version": 1, "command": "trace", "status": status, "traces": reports}, indent=2))
    sys.exit(status)


def claims_on_traces(names: str | None) -> list[Claim]:
    """Return the chosen claims as far as they are about runs. Raises Usage."""
    from spec.claims import CLAIMS

    claims = [CLAIMS[name] for name in chosen_claims(names) if name in CLAIMS]
    if not claims:
        raise Usage(f"--claims {names}: these are claims about C source, no trace shows them")
    return claims


MOST_SHOWN = 20  # buffers that conform, of one trace
LINES_A_TELL = 50_000


def progress(verdict: Any) -> Any:
    """Return what tells the number of lines on a terminal."""

    def tell(number: int) -> None:
        click.echo(f"\r{verdict.name}: {number} lines, {verdict.calls} buffers", nl=False, err=True)

    return tell


def parsed_orders(text: str | None) -> tuple[int, ...]:
    """Return "9,8,4,0" as numbers, nothing where nothing is given. Raises Usage."""
    words = [] if text is None else [word.strip() for word in text.split(",")]
    if any(not (word.isascii() and word.isdigit() and len(word) <= 2 and int(word) < 64) for word in words):
        raise Usage(f"orders {text!r}: expected numbers from 0 to 63 with commas between them, such as 9,8,4,0")
    return tuple(int(word) for word in words)
