"""The command `stepdown conform`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from spec.c_claims import claims_of
from spec.examples import EXAMPLES
from spec.targets import TARGETS
from stepdown.verify import Choice, Usage, answers, nearest

if TYPE_CHECKING:
    from stepdown.conform import Comparison

EPILOG = "Exit status: 0 no run differs; 1 MISMATCH; 3 it cannot be compiled or read here; 2 usage."


@click.command(name="conform", epilog=EPILOG)
@click.argument("target", metavar="FILE[:FUNCTION]")
@click.option("--runs", type=click.IntRange(1, 10_000_000), default=5_000, show_default=True, help="Runs to compare.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the runs that are drawn.")
@click.option("--same-as", metavar="LOOP", help="Compare with a loop that comes with stepdown, not with what was read.")
@click.option(
    "--refuted/--no-refuted",
    default=True,
    show_default=True,
    help="Then judge the claims, and run each scenario that refutes one.",
)
@click.option(
    "--data-model",
    type=click.Choice(["ilp32", "lp64"]),
    help="C's types; without: both, where the compiler makes both.",
)
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="A constant, a parameter, or CONFIG_X=y.")
def conform_command(
    target: str, runs: int, seed: int, refuted: bool, sets: tuple[str, ...], same_as: str | None, data_model: str | None
) -> None:
    """Compile a function of a C file, run it, and compare it with what was read of it.

    This EXECUTES the function, in a child process with limits, with stubs for the kernel; no other command does. 64-bit
    types run under UBSan and ASan; 32-bit ones under UBSan, without a library, and their array is watched at its ends.
    One run that differs is a MISMATCH; anything else is SAMPLED and no proof.

    \b
    stepdown conform linux-6.1/arch/arm/mm/dma-mapping.c
    stepdown conform linux-6.1/arch/arm/mm/dma-mapping.c --same-as patched --runs 20000
    stepdown conform my_loop.c:fill --no-refuted --runs 100000
    stepdown conform drivers/iommu/dma-iommu.c:__iommu_dma_alloc_pages --set order_mask=0x311 --set MAX_ORDER=11
    """
    from model.c.function import CFunction
    from model.kernel import Unsupported
    from model.loop import Call
    from proofs.engine.words import Word
    from stepdown.c_target import is_c
    from stepdown.compiled import NotCompiled, compiled, makes
    from stepdown.conform import compare, reproduced

    known = TARGETS | EXAMPLES
    if same_as is not None and same_as not in known:
        raise Usage(f"no loop is called {same_as}; {nearest(same_as, known)}")
    if not is_c(target):
        raise Usage(f"{target}: a FILE.c or FILE.c:FUNCTION is wanted")
    models = [data_model] if data_model else [model for model in ("lp64", "ilp32") if model == "lp64" or makes(model)]
    if data_model is None and len(models) == 1:
        click.echo("stepdown: ilp32 is left out: the C compiler makes no 32-bit program that runs here", err=True)
    chosen = [Choice(target, data_model=model, sets=sets).target() for model in models]
    if any((each.readings or (each,))[0].loop.lowest_order is not None for each in chosen):
        raise Usage(f"{target}: a compiled run needs one mask of orders: --set order_mask=0x311")
    agree = True
    for reading in (reading for each in chosen for reading in each.readings or (each,)):
        title = f"{reading.name}: {reading.sentence}"
        try:
            if not isinstance(reading.loop, CFunction):
                reading.loop.start(Call(1))  # says why it cannot be read
            assert isinstance(reading.loop, CFunction)
            with compiled(reading.loop) as program:
                done = compare(known[same_as].loop if same_as else reading.loop, program, runs, seed)
                click.echo(f"{title}: {_told(done, seed)}")
                agree &= done.differs is None
                for answer in answers(reading, list(claims_of(reading))) if refuted else ():
                    if answer.word is Word.REFUTED:
                        how = reproduced(reading.loop, program, answer)
                        click.echo(f"  {answer.claim}: {how}")
                        agree &= not how.startswith("MISMATCH")
        except (NotCompiled, Unsupported) as why:
            click.echo(f"{title}: UNSUPPORTED  {why}")
            sys.exit(3)
    sys.exit(0 if agree else 1)


def _told(done: Comparison, seed: int) -> str:
    from stepdown.told import first_difference, spelled

    if done.differs is None:
        alike = f"; {done.stopped_alike} undefined ones were stopped by a sanitizer" if done.stopped_alike else ""
        if sys.stdout.isatty():
            alike += f"; {done.compared / done.seconds:.0f} a second"
        return f"SAMPLED  no difference in {done.compared} runs, n <= {done.most_n}, seed {seed}{alike}"
    case, model, real = done.differs
    at, ours, theirs = first_difference(model, real)
    first = "".join("01"[answer] for answer in case.answers) or "none"
    single = "; DMA_ATTR_ALLOC_SINGLE_PAGES" if case.single_pages else ""
    answered = f"answers: {first} first (1: granted), then orders {case.granted_orders:#x}, a bit each{single}"
    event = f"event {at}: {spelled(theirs)}, where the model has {spelled(ours)}"
    return f"MISMATCH at n = {case.n}\n  {answered}\n  {event}"
