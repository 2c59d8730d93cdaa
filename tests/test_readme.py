"""The README shows what the commands print: each is run as printed, in a folder with what the README speaks of."""

from __future__ import annotations

import re

import pytest

from tests.readme import KERNELS, Shown, buddyinfo, my_loop, needs_kernels, printed, shown


def without_costs(lines: list[str]) -> list[str]:
    """Return the lines without the effort of proofs, which changes with every change of the engine."""
    return [re.sub(r" *\(\d+ paths, \d+ obligations\)", "", text) for text in lines]


@pytest.mark.parametrize("what", shown(), ids=lambda what: what.command)
def test_a_command_prints_what_the_readme_shows(what: Shown) -> None:
    if needs_kernels(what.command) and not KERNELS.is_dir():
        pytest.skip("no kernel sources here: make kernel-sources")
    assert without_costs(printed(what)) == without_costs(what.output), "to bring it up to date: python -m tests.readme"


def test_the_readme_shows_each_of_its_main_commands() -> None:
    commands = [what.command for what in shown()]
    for verb in ("stepdown verify", "stepdown simulate", "stepdown trace", "python -m proofs."):
        assert any(command.startswith(verb) for command in commands), verb
    assert all(what.output for what in shown())


def test_a_line_that_is_not_printed_is_seen() -> None:
    what = next(what for what in shown() if what.command.startswith("python -m proofs."))
    assert printed(what) != [*what.output, "and more"]


def test_the_memory_that_was_read_is_told_from_what_was_printed() -> None:
    what = next(what for what in shown() if "simulate" in what.command)
    assert len(buddyinfo(what.output).splitlines()) == len(re.findall(r"Node \d", "\n".join(what.output)))
    assert my_loop().startswith("# my_loop.py\nfrom dataclasses")
    assert "$" not in my_loop()
