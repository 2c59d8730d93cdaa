"""The command `stepdown conform`."""

from __future__ import annotations

import sys

import click

from stepdown.verify import Choice, Usage

EPILOG = "Exit status: 0 no run differs; 1 MISMATCH; 3 it cannot be compiled or read here; 2 usage."


@click.command(name="conform", epilog=EPILOG)
@click.argument("target", metavar="FILE[:FUNCTION]")
@click.option("--runs", type=click.IntRange(1, 10_000_000), default=5_000, show_default=True, help="Runs to compare.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the runs that are drawn.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="A constant, a parameter, or CONFIG_X=y.")
def conform_command(target: str, runs: int, seed: int, sets: tuple[str, ...]) -> None:
    """Compile a function of a C file, run it, and compare it with what was read of it.

    This EXECUTES the function, in a child process with limits, under UBSan and ASan, with stubs for the kernel; no
    other command does. 64-bit types. One run that differs is a MISMATCH; anything else is SAMPLED and no proof.

    \b
    stepdown conform linux-6.1/arch/arm/mm/dma-mapping.c
    stepdown conform drivers/iommu/dma-iommu.c:__iommu_dma_alloc_pages --set order_mask=0x311 --set MAX_ORDER=11
    """
    from model.c.function import CFunction
    from model.kernel import Unsupported
    from model.loop import Call
    from stepdown.c_target import is_c
    from stepdown.compiled import NotCompiled, compiled
    from stepdown.conform import MOST_N, compare, first_difference

    if not is_c(target):
        raise Usage(f"{target}: a FILE.c or FILE.c:FUNCTION is wanted")
    chosen = Choice(target, data_model="lp64", sets=sets).target()
    for reading in chosen.readings or (chosen,):
        try:
            if not isinstance(reading.loop, CFunction):
                reading.loop.start(Call(1))  # says why it cannot be read
            assert isinstance(reading.loop, CFunction)
            with compiled(reading.loop) as program:
                done = compare(reading.loop, program, runs, seed)
        except (NotCompiled, Unsupported) as why:
            click.echo(f"{reading.name}: {reading.sentence}: UNSUPPORTED  {why}")
            sys.exit(3)
        if done.differs is not None:
            case, model, real = done.differs
            at, ours, theirs = first_difference(model, real)
            click.echo(f"{reading.name}: {reading.sentence}: MISMATCH at n = {case.n}")
            answers = "".join("01"[answer] for answer in case.answers) or "none"
            single = "; DMA_ATTR_ALLOC_SINGLE_PAGES" if case.single_pages else ""
            click.echo(
                f"  answers: {answers} first (1: granted), then orders {case.granted_orders:#x}, a bit each{single}"
            )
            click.echo(f"  event {at}: read {ours}, compiled {theirs}")
            sys.exit(1)
        alike = f"; {done.stopped_alike} undefined ones were stopped by a sanitizer" if done.stopped_alike else ""
        what = f"no difference in {done.compared} runs, n <= {MOST_N}, seed {seed}{alike}"
        click.echo(f"{reading.name}: {reading.sentence}: SAMPLED  {what}")
        if sys.stdout.isatty():
            click.echo(f"{done.compared / done.seconds:.0f} runs a second")
