"""The command `stepdown search`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepdown.verify import Usage, order_array_target

if TYPE_CHECKING:
    from stepdown.search import Case, Orders, Result

INTERRUPTED = 130
EPILOG = "Exit status: 0 the front of all arrays; 130 interrupted, the front so far; 2 usage; 70 our bug."
TODAY = (9, 8, 4, 0)  # the kernel's array


@click.command(name="search", epilog=EPILOG)
@click.option(
    "--size", "sizes", required=True, multiple=True, metavar="SIZE", help="Bytes, or with K, M, G. Again: more."
)
@click.option("--state", "states", multiple=True, metavar="FILE", help="Memory, as for simulate. Again: more of it.")
@click.option("--random", "seeds", type=int, multiple=True, metavar="SEED", help="A machine drawn from this seed.")
@click.option(
    "--orders", "arrays", multiple=True, metavar="9,8,4,0", help="Only these arrays; without: all of 0 to 10."
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw the front there.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="FILE", help="Keep results there; go on from them.")
@click.option("--jobs", type=click.IntRange(-1), default=-1, show_default="one a core", help="Processes.")
@click.option("--backend", type=click.Choice(["local", "dask"]), default="local", help="Where it runs.")
@click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster; stepdown must be on its workers, too.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def search_command(
    sizes: tuple[str, ...], states: tuple[str, ...], seeds: tuple[int, ...], arrays: tuple[str, ...],
    plot: Path | None, resume: Path | None, jobs: int, backend: str, scheduler: str | None, form: str,
) -> None:  # fmt: skip
    """Show which order arrays no other one beats on given memory: attempts, TLB entries (pages of 4K, 64K, 1M,
    2M, the I/O address aligned to 1M), and free blocks of 2M consumed.

    Ctrl-C stops it and shows the front so far; with --resume FILE the same command goes on from there.

    \b
    stepdown search --size 4M --state /proc/buddyinfo
    stepdown search --size 1M --size 8M --random 1 --random 2 --plot front.svg
    stepdown search --size 4M --state board.txt --orders 9,8,4,0 --orders 8,4,0
    stepdown search --size 4M --state board.txt --backend dask --scheduler tcp://10.0.0.1:8786
    """
    from stepdown import search, search_plot, search_results

    if (backend == "dask") != (scheduler is not None):
        raise Usage("--backend dask and --scheduler ADDRESS go together")
    if plot is not None and plot.suffix != ".svg":
        raise Usage(f"--plot {plot}: an SVG is drawn, to a file called .svg")
    asked = list(dict.fromkeys(order_array_target(text, False).orders for text in arrays)) or search.every_array()
    cases, notes = _cases(sizes, states, seeds)
    try:
        found = [] if resume is None else search_results.begun(resume, cases)
        found = [result for result in found if result.orders in asked]
        done = {result.orders for result in found}
        left = [orders for orders in asked if orders not in done]
        results = search.search(left, cases, jobs, scheduler)
        try:
            for result in _watched(results if resume is None else search_results.kept(resume, results), len(left)):
                found.append(result)
        except KeyboardInterrupt:
            click.echo(f"stepdown: interrupted after {len(found)} of {len(asked)} arrays", err=True)
    except OSError as trouble:
        raise Usage(f"{trouble.filename or scheduler}: {trouble.strerror or 'no such cluster'}") from None
    except ValueError as trouble:
        raise Usage(str(trouble)) from None
    best, today = search.front(found), search.evaluated(TODAY, cases)
    if form == "json":
        click.echo(json.dumps(_as_dict(cases, asked, found, best, today), indent=2))
    else:
        click.echo("\n".join([*_table(cases, asked, found, best, today), *notes]))
    if plot is not None and best:
        try:
            plot.write_text(search_plot.plotted(found, best), encoding="utf-8")
        except OSError as error:
            raise Usage(f"{plot}: {error.strerror}") from None
    sys.exit(0 if len(found) == len(asked) else INTERRUPTED)


def _cases(sizes: Iterable[str], states: Iterable[str], seeds: Iterable[int]) -> tuple[list[Case], list[str]]:
    """Return every size on every memory, and notes on what was read. Raises Usage."""
    from stepdown.search import Case, evaluated
    from stepdown.simulate import machine_from_file, parse_size, random_machine, total_pages

    try:
        machines = [(name, *machine_from_file(name)) for name in states]
        machines += [(f"random {seed}", random_machine(seed), []) for seed in seeds]
        pages = [total_pages(parse_size(size)) for size in sizes]
    except ValueError as error:
        raise Usage(str(error)) from None
    if not machines:
        raise Usage("which memory? --state FILE (try /proc/buddyinfo), or --random SEED")
    cases = [Case(name, n, machine.state()) for name, machine, _ in machines for n in pages]
    for case in cases:
        if evaluated((0,), [case]).costs is None:
            raise Usage(f"{case.name}: too little free memory for {case.n} pages, whatever the array")
    return cases, list(dict.fromkeys(f"note: {note}" for *_, notes in machines for note in notes))


def _watched(results: Iterable[Result], most: int) -> Iterator[Result]:
    """Yield the results, a bar of progress beside them on a terminal."""
    if not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(results, "arrays", most, console=Console(stderr=True), transient=True)


def _table(
    cases: Sequence[Case], asked: Sequence[Orders], found: Sequence[Result], best: Sequence[Result], today: Result
) -> Iterator[str]:
    from stepdown.picture import plural, size_text
    from stepdown.search import MEASURES

    done = ("" if len(found) == len(asked) else f"{len(found)} of ") + plural(len(asked), "order array")
    sizes = ", ".join(dict.fromkeys(size_text(case.n) for case in cases))
    memory = ", ".join(dict.fromkeys(case.name for case in cases))
    yield f"{done}, {sizes} on {memory}: simulated, all added up"
    if failed := sum(result.costs is None for result in found):
        yield f"{plural(failed, 'array')} without a 0 that is reached: the loop runs off the end"
    yield ""
    yield "".join(f"{measure:>14}" for measure in MEASURES) + "  the front: no array is better in one and worse in none"
    for result in best:
        told = f"static const int iommu_order_array[] = {{ {', '.join(map(str, result.orders))} }};"
        yield "".join(f"{cost:>14}" for cost in result.costs or ()) + "  " + told
    beaten = "" if any(result.costs == today.costs for result in best) else ", not on the front"
    yield "".join(f"{cost:>14}" for cost in today.costs or ()) + f"  today's {{ 9, 8, 4, 0 }}{beaten}"


def _as_dict(
    cases: Sequence[Case], asked: Sequence[Orders], found: Sequence[Result], best: Sequence[Result], today: Result
) -> dict[str, Any]:
    from stepdown.search import MEASURES

    def row(result: Result) -> dict[str, Any]:
        return {"orders": result.orders, "costs": dict(zip(MEASURES, result.costs or (), strict=True))}

    return {
        "version": 1,
        "command": "search",
        "cases": [{"memory": case.name, "pages": case.n} for case in cases],
        "arrays": len(asked),
        "done": len(found),
        "failed": sum(result.costs is None for result in found),
        "front": [row(result) for result in best],
        "today": row(today),
    }
