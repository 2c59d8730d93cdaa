"""The command `stepdown replay`."""

from __future__ import annotations

import sys

import click

from stepdown.verify import Usage

EPILOG = "Exit status: 1 while a run still breaks its claim, 0 once none does; 2 no scenario file; 70 our bug."


@click.command(name="replay", epilog=EPILOG)
@click.argument("file")
def replay_command(file: str) -> None:
    """Run the scenarios of FILE again on the loop as it is now. A loop of a FILE.py is code, and it is run.

    \b
    stepdown verify my_loop.py:MyLoop --save broken.json
    stepdown replay broken.json
    """
    from stepdown import scenarios

    try:
        with click.open_file(file, encoding="utf-8", errors="replace") as source:
            text = source.read(scenarios.MOST_BYTES + 1)
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}") from None
    saved = scenarios.read(text, file)
    if not saved:
        raise Usage(f"{file}: it holds no run")
    target = saved[0].choice.target()
    click.echo(f"{target.name}: {target.sentence}")
    for one in saved:
        for line in scenarios.replayed(one, target):
            click.echo(line)
    sys.exit(1 if any(scenarios.broken(target, one.scenario) for one in saved) else 0)
