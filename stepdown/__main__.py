"""The command line."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import stepdown
from stepdown.adequacy_command import adequacy_command
from stepdown.compare_command import compare_command
from stepdown.conform_command import conform_command
from stepdown.fidelity_command import fidelity_command
from stepdown.replay_command import replay_command
from stepdown.review_command import review_command
from stepdown.search_command import search_command
from stepdown.survey_command import survey_command
from stepdown.trace_command import trace_command
from stepdown.verify import Choice, Usage, chosen_claims, chosen_target, nearest, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proofs.engine.verdict import Answer

INTERNAL_ERROR, INTERRUPTED = 70, 130
MODELS = ("patched", "pre-patch", "system-heap", "system-heap-6.1")  # that a function of a kernel may be the same as
EPILOG = "Exit status: 0 all PROVED or NOT APPLICABLE; 1 refuted; 3 unknown, vacuous, unsupported; 2 usage; 70 our bug."


class Group(click.Group):
    """Verbs, with the nearest one suggested for a mistyped one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the verb that was asked for. Raises UsageError."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"no command is called {args[0]}; {nearest(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Group, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(stepdown.__version__)
def cli() -> None:
    """Verify loops that build large buffers by stepping down through block sizes.

    \b
    stepdown verify                       every claim about the patched loop
    stepdown verify pre-patch             what the loop before it broke, and how
    stepdown simulate --size 4M --state /proc/buddyinfo
    stepdown trace board.trace            did a running kernel do what is claimed?
    stepdown claims                       what is claimed, and where it comes from
    """


@cli.command(name="verify", epilog=EPILOG)
@click.argument("target", default="patched")
@click.option("--claims", "names", metavar="NAME,...", help="Only these claims.")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit", "ktap"]), default="text")
@click.option("--smt2", metavar="DIR", help="Write every obligation there as SMT-LIB 2.")
@click.option("--explain", is_flag=True, help="Print the supporting invariants, too.")
@click.option(
    "--data-model",
    type=click.Choice(["ilp32", "lp64"]),
    help="The types of a FILE.c; without: both, ilp32 for arch/arm.",
)
@click.option("--orders", metavar="9,8,4,0", help="The patched loop with this order array, instead of a TARGET.")
@click.option("--single-pages", is_flag=True, help="--orders or a FILE.c: called with DMA_ATTR_ALLOC_SINGLE_PAGES.")
@click.option("--set", "sets", metavar="NAME=VALUE", multiple=True, help="A constant or CONFIG_ of a FILE.c's kernel.")
@click.option("--save", metavar="FILE", help="Write the runs that break claims there, for `stepdown replay FILE`.")
@click.option("--emit", type=click.Choice(["pytest"]), help="Print a test to paste for each run that breaks a claim.")
@click.option("--same-as", type=click.Choice(MODELS), help="Is it the same as this model of ours?")
def verify_command(
    target: str, names: str | None, form: str, smt2: str | None, explain: bool, data_model: str | None,
    orders: str | None, single_pages: bool, sets: tuple[str, ...], same_as: str | None, save: str | None,
    emit: str | None,
) -> None:  # fmt: skip
    """Prove or refute the claims about TARGET: patched, pre-patch, order-mask, ..., FILE.py:CLASS, FILE.c:FUNCTION.

    A FILE.py is code, and it is run. A FILE.c is read as it is, and nothing of it is run.

    \b
    stepdown verify
    stepdown verify pre-patch --claims orders-never-increase
    stepdown verify --orders 9,8,4
    stepdown verify my_loop.py:MyLoop
    stepdown verify linux/arch/arm/mm/dma-mapping.c:__iommu_alloc_buffer
    stepdown verify --format junit > stepdown.xml
    """
    from stepdown import report

    choice = Choice(target, orders, data_model, single_pages, sets)
    what = choice.target()
    claims = chosen_claims(names, what)
    folder = None if smt2 is None else _new_folder(Path(smt2))
    answers: list[Answer] = []
    if form == "text":
        click.echo(f"{what.name}: {what.sentence}; {what.sizes}")
    for answer in verify(what, claims, obligations=folder is not None, same_as=same_as):
        answers.append(answer)
        if form == "text":
            click.echo(report.text_line(answer))
        elif sys.stderr.isatty():
            click.echo(f"\r{len(answers)} of {len(claims)} claims", nl=False, err=True)
    if form != "text" and sys.stderr.isatty():
        click.echo("", err=True)
    if folder is not None:
        click.echo(f"{_write_obligations(folder, answers)} obligations in {folder}", err=True)
    if form == "text":
        click.echo(report.text_details(what, answers, explain))
        click.echo("\n" + report.summary(what, answers))
        _what_next(choice, answers)
    else:
        writers = {"json": report.as_json, "junit": report.as_junit, "ktap": report.as_ktap}
        click.echo(writers[form](what, answers))
    _keep_scenarios(choice, answers, save, emit)
    if os.environ.get("GITHUB_ACTIONS"):
        for line in report.github_annotations(what, answers):
            click.echo(line, err=True)
    sys.exit(report.exit_status(answers))


def _keep_scenarios(choice: Choice, answers: Sequence[Answer], save: str | None, emit: str | None) -> None:
    from stepdown import scenarios

    found = [answer.scenario for answer in answers if answer.scenario is not None]
    if emit is not None and found:
        click.echo("\n" + scenarios.as_pytest(choice, found))
    if save is None:
        return
    if not found:
        click.echo(f"stepdown: no claim is refuted: {save} is not written", err=True)
        return
    try:
        Path(save).write_text(scenarios.as_json(choice, found), encoding="utf-8")
    except OSError as error:
        raise Usage(f"{save}: {error.strerror}") from None
    click.echo(f"{len(found)} run{'s' if len(found) > 1 else ''} in {save}: stepdown replay {save}", err=True)


def _what_next(choice: Choice, answers: Sequence[Answer]) -> None:
    from proofs.engine.words import Word

    refuted = [answer for answer in answers if answer.word is Word.REFUTED]
    if refuted:
        click.echo(f"Again, that claim alone: stepdown verify {choice.typed()} --claims {refuted[0].claim}")
    elif len(answers) > 1:
        click.echo("Why: add --explain. On your own memory: stepdown simulate --size 4M --state /proc/buddyinfo")


def _new_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from None
    return path


def _write_obligations(folder: Path, answers: Sequence[Answer]) -> int:
    from proofs.engine.smtlib import script

    written = 0
    for answer in answers:
        for number, obligation in enumerate(answer.obligations):
            (folder / f"{answer.claim}-{number:04}.smt2").write_text(script(obligation), encoding="utf-8")
            written += 1
    return written


@cli.command(name="claims")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def claims_command(form: str) -> None:
    """Print the claims: sentence, source, assumptions, scope on each target, and the proof's file.

    \b
    stepdown claims
    stepdown claims --format json
    """
    import json

    from spec.c_claims import NAMED
    from spec.claims import CLAIMS, SCOPE
    from spec.targets import TARGETS

    if form == "json":
        rows = [
            {"name": c.name, "sentence": c.sentence, "source": c.source, "assumes": list(c.assumes),
             "proof": c.module.replace(".", "/") + ".py" if c.name in CLAIMS else None,
             "not_applicable": {n: c.not_applicable(t) for n, t in TARGETS.items() if c.not_applicable(t)}}
            for c in NAMED.values()
        ]  # fmt: skip
        click.echo(json.dumps({"version": 1, "scope": SCOPE, "claims": rows}, indent=2))
        return
    click.echo(f"Scope of all: {SCOPE}.\n")
    for claim in NAMED.values():
        proof = f"; proof: {claim.module.replace('.', '/')}.py" if claim.name in CLAIMS else ""
        click.echo(f"{claim.name}\n  {claim.sentence}\n  source: {claim.source}{proof}")
        for assumption in claim.assumes:
            click.echo(f"  assumes: {assumption}")
        for name, target in TARGETS.items():
            reason = claim.not_applicable(target)
            if reason:
                click.echo(f"  not applicable to {name}: {reason}")


@cli.command(name="simulate")
@click.argument("target", default="patched")
@click.option("--size", required=True, metavar="SIZE", help="Bytes, or with K, M, G.")
@click.option(
    "--state", metavar="FILE", help="/proc/buddyinfo, /proc/pagetypeinfo, an OOM report, a copy of one, or -."
)
@click.option("--random", "seed", type=int, metavar="SEED", help="A machine drawn from this seed instead.")
@click.option("--zone", metavar="NAME", help="Only that zone.")
@click.option("--html", "html_file", metavar="FILE", help="Draw it on a page of its own, other strategies beside it.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def simulate_command(
    target: str, size: str, state: str | None, seed: int | None, zone: str | None, html_file: str | None, form: str
) -> None:
    """Show what TARGET would do on a machine's memory: attempts, chunks, free lists before and after.

    A FILE.py is code, and it is run.

    \b
    stepdown simulate --size 4M --state /proc/buddyinfo
    stepdown simulate pre-patch --size 4M --random 7
    ssh board cat /proc/pagetypeinfo | stepdown simulate --size 1M --state -
    """
    import json
    import shutil

    from model.loop import Call
    from stepdown import picture, simulate

    what = chosen_target(target)
    try:
        size_bytes = simulate.parse_size(size)
        n = simulate.total_pages(size_bytes)
        notes: list[str] = []
        if size_bytes and not n:
            notes.append(
                f"{size_bytes} bytes round up past 2^32, to 0 pages, as they do in the caller: an empty buffer"
            )
        if state is not None and seed is not None:
            raise Usage("--state and --random exclude each other")
        if state is not None:
            machine, more = simulate.machine_from_file(state, zone)
            notes += more
        elif seed is not None:
            machine = simulate.random_machine(seed)
        else:
            raise Usage("which memory? --state FILE (try /proc/buddyinfo), or --random SEED")
    except ValueError as error:
        raise Usage(str(error)) from None
    if n > LONG_RUN and sys.stderr.isatty():
        click.echo(f"simulating {n} pages ...", err=True)
    call = Call(n, single_pages=what.single_pages)
    log: list[tuple[int, int | None]] | None = None if html_file is None else []
    result = simulate.simulate(what.loop, call, machine, notes, log)
    if html_file is not None and log is not None:
        from stepdown import html_pages

        html_pages.write(html_file, html_pages.simulation_page(result, log, what.name, call))
    if form == "json":
        click.echo(json.dumps(simulate.as_dict(result), indent=2))
        return
    plain = not sys.stdout.isatty()
    width = 80 if plain else shutil.get_terminal_size().columns
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    click.echo(
        picture.render_text(result, width, color=not plain and "NO_COLOR" not in os.environ, ascii_only=ascii_only)
    )


cli.add_command(trace_command)
cli.add_command(fidelity_command)
cli.add_command(replay_command)
cli.add_command(adequacy_command)
cli.add_command(compare_command)
cli.add_command(conform_command)
cli.add_command(search_command)
cli.add_command(survey_command)
cli.add_command(review_command)

LONG_RUN = 200_000  # pages: about a second


def main() -> None:
    """Run the command line; no traceback for what the user did, one line and status 70 for what we did."""
    gc.set_threshold(50_000)  # many small objects, few cycles: looking for them took a twentieth of a run
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Usage as error:
        click.echo(f"stepdown: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("stepdown: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("STEPDOWN_DEBUG"):
            raise
        click.echo(
            f"stepdown: internal error: {type(error).__name__}: {error} (STEPDOWN_DEBUG=1 shows where)", err=True
        )
        sys.exit(INTERNAL_ERROR)


if __name__ == "__main__":
    main()
