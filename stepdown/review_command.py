"""The command `stepdown review`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from stepdown.verify import Usage

EPILOG = (
    "Exit status: 0 nothing is lost, as where loops are only removed; 1 a claim is lost, or an added loop breaks one; "
    "3 something is unknown; 2 usage, or no patch that applies."
)


@click.command(name="review", epilog=EPILOG)
@click.argument("mbox", type=click.Path(path_type=Path), default="-")
@click.option("--tree", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The kernel it applies to.")
@click.option("--format", "form", type=click.Choice(["text", "reply", "json"]), default="text")
@click.option(
    "--limit",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="For each loop; what has no answer then is unknown.",
)
def review_command(mbox: Path, tree: Path, form: str, limit: float) -> None:
    """Review a patch mail, or a series: claims kept, lost and gained, costs, and the numbers of the message.

    The tree is only read, the patch is applied in memory, exactly; nothing is run. A mangled patch is refused.

    \b
    stepdown review --tree ~/linux < patch.mail
    stepdown review series.mbox --tree ~/linux --format reply > draft.txt
    """
    from stepdown import review, review_report
    from stepdown.mail import MOST_BYTES, BadMail, mails
    from stepdown.patches import BadPatch

    if not tree.is_dir():
        raise Usage(f"{tree}: no such directory")
    try:
        if str(mbox) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        elif not mbox.is_file():
            raise Usage(f"{mbox}: {'not a file' if mbox.exists() else 'no such file'}")
        else:
            with mbox.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        done = []
        for one in review.reviews(mails(data), tree, limit):
            done.append(one)
            if form == "text":
                click.echo("\n".join([*([""] if len(done) > 1 else []), *review_report.text(one)]))
            elif form == "reply":
                click.echo("\n".join(review_report.reply(one, str(tree))))
    except (BadMail, BadPatch) as trouble:
        raise Usage(f"{'standard input' if str(mbox) == '-' else mbox}: {trouble}") from None
    except OSError as trouble:
        raise Usage(f"{trouble.filename or mbox}: {trouble.strerror}") from None
    if form == "json":
        click.echo(json.dumps(review_report.as_dict(done), indent=2))
    sys.exit(review_report.status(done))
