"""``stepdown verify``: from what the user typed to answers."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from spec.c_claims import NAMED, claims_of
from spec.defects import DEFECTS
from spec.examples import EXAMPLES
from spec.targets import MOST_ENTRIES, TARGETS, Target, of_order_array

if TYPE_CHECKING:
    from proofs.engine.verdict import Answer


class Usage(Exception):
    """What the user asked for cannot be: one clear line, exit status 2."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" where one of ``known`` is near, else the whole list."""
    names = list(known)
    close = get_close_matches(name, names, 1, 0.5)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"


def chosen_claims(text: str | None, target: Target | None = None) -> list[str]:
    """Return the claims that ``--claims`` names, all of them without it. Raises Usage."""
    if text is None and target is not None:
        return list(claims_of(target))
    if text is None:
        return list(NAMED)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise Usage("--claims selects nothing: give names, separated by commas; see `stepdown claims`")
    for name in names:
        if name not in NAMED:
            raise Usage(f"no claim is called {name}; {nearest(name, NAMED)}")
    return list(dict.fromkeys(names))


def chosen_target(
    text: str, data_model: str | None = None, single_pages: bool = False, sets: Iterable[str] = ()
) -> Target:  # fmt: skip
    """Return the target called ``text``, a function of a C file, or the class of a Python file. Raises Usage."""
    known = TARGETS | EXAMPLES | {name: defect.target for name, defect in DEFECTS.items()}
    if text in known:
        return known[text]
    if re.fullmatch(r".+\.[ch](:\w+)?", text):
        from stepdown.c_target import read_target

        return read_target(text, data_model, single_pages, sets)
    found = re.fullmatch(r"(?P<path>.+\.py):(?P<name>\w+)", text)
    if found:
        return _from_file(Path(found["path"]), found["name"])
    raise Usage(
        f"no target is called {text}; {nearest(text, known)}; a loop of your own is FILE.py:CLASS or FILE.c:FUNCTION"
    )


@dataclass(frozen=True)
class Choice:
    """What the user typed to choose a loop."""

    text: str = "patched"
    orders: str | None = None
    data_model: str | None = None  # of a FILE.c: None: both, or ilp32 alone for arch/arm
    single_pages: bool = False
    sets: tuple[str, ...] = ()

    def typed(self) -> str:
        """Return the choice as it is typed in a shell."""
        words = [self.text] if self.orders is None else ["--orders", self.orders.strip("{} ").replace(" ", "")]
        words += [] if self.data_model is None else ["--data-model", self.data_model]
        words += ["--single-pages"] if self.single_pages else []
        return shlex.join([*words, *(word for setting in self.sets for word in ("--set", setting))])

    def target(self) -> Target:
        """Return the target that was chosen. Raises Usage."""
        if self.orders is None:
            return chosen_target(self.text, self.data_model, self.single_pages, self.sets)
        if self.text != "patched":
            raise Usage(f"--orders stands instead of a TARGET: it is the patched loop's array, not {self.text}'s")
        return order_array_target(self.orders, self.single_pages)


def order_array_target(text: str, single_pages: bool) -> Target:
    """Return the patched loop with the array that ``--orders`` gives: ints between commas. Raises Usage."""
    try:
        orders = tuple(int(entry) for entry in text.strip("{} ").split(","))
    except ValueError:
        raise Usage(f"--orders {text}: ints between commas are wanted, as in --orders 9,8,4,0") from None
    if len(orders) > MOST_ENTRIES:
        raise Usage(f"--orders has {len(orders)} entries; at most {MOST_ENTRIES} are read")
    for order in orders:
        if not -(2**31) <= order < 2**31:
            raise Usage(f"--orders: {order} is not an int of C")
    return of_order_array(orders, single_pages)


def _from_file(path: Path, name: str) -> Target:
    from stepdown.strategy_check import check
    from stepdown.strategy_file import Bad, load

    try:
        loop = load(path, name)
        check(path, loop)
    except (Bad, OSError) as trouble:
        raise Usage(f"{path}: {trouble.strerror}" if isinstance(trouble, OSError) else str(trouble)) from None
    return Target(f"{path}:{name}", loop, "a loop of the user's", reads_order_array=hasattr(loop, "order_array"))


def verify(
    target: str | Target = "patched", claims: Iterable[str] | None = None, obligations: bool = False,
    same_as: str | None = None,
) -> Iterator[Answer]:  # fmt: skip
    """Yield the answer to each claim on ``target``, in the order of the specification; then whether it does the same as
    the target ``same_as``. Raises Usage."""
    what = chosen_target(target) if isinstance(target, str) else target
    names = list(claims_of(what)) if claims is None else list(claims)
    with ExitStack() as started:
        last: Iterable[Answer] = ()
        if same_as is not None:
            import proofs.engine.prove  # noqa: F401 - once, for every process
            from proofs.engine.beside import beside

            last = started.enter_context(beside(lambda: [compared(what, same_as, obligations)]))
        for answer in answers(what, names, obligations):
            path = what.name.rpartition(":")[0]
            if path.endswith(".py") and answer.reason.startswith(f"{path}:"):  # raised in a file of the user's
                raise Usage(answer.reason)
            yield answer
        yield from last


def answers(target: Target, names: list[str], obligations: bool = False, jobs: int = 2) -> Iterator[Answer]:
    """Yield the answer to each claim, merged over the target's readings."""
    from proofs.engine.theorem import prove_all

    if not target.readings:
        yield from prove_all(target, names, jobs, obligations)
        return
    for of_each in zip(*_of_each_reading(target.readings, names, obligations), strict=True):
        yield merged(target.readings, of_each)


def _of_each_reading(readings: Sequence[Target], names: list[str], obligations: bool) -> list[list[Answer]]:
    """Return the answers on each reading: every other one from a child, the rest from here."""
    from proofs.engine.beside import beside
    from proofs.engine.theorem import prove_all

    def proved(those: Iterable[Target]) -> Iterator[list[Answer]]:
        return (list(prove_all(reading, names, 1, obligations)) for reading in those)

    with beside(lambda: proved(readings[1::2])) as there:
        here = proved(readings[::2])
        return [next(there if at % 2 else here) for at in _shown(range(len(readings)))]


def _shown(numbers: range) -> Iterable[int]:
    """Return the numbers, a bar of progress beside them on a terminal."""
    if not sys.stderr.isatty():
        return numbers
    from rich.console import Console
    from rich.progress import track

    return track(numbers, "readings", console=Console(stderr=True), transient=True)


def merged(readings: Sequence[Target], answers: Sequence[Answer]) -> Answer:
    """Return the answer to a claim on several readings of one function: PROVED if it is in all that it applies to,
    else the first one that is refuted, or is not its model, else the first one that is not proved; it says in which
    reading."""
    from proofs.engine.verdict import LACKS_CASES

    words = [answer.word.value for answer in answers]
    worst = "REFUTED" if "REFUTED" in words else "MISMATCH" if "MISMATCH" in words else None
    worst = worst or next((word for word in words if word not in ("PROVED", "NOT APPLICABLE")), None)
    if worst is not None:
        at = words.index(worst)
        where = f"{readings[at].sentence}: {answers[at].reason}"
        return replace(answers[at], reason=where)
    proved = [answer for answer in answers if answer.word.value == "PROVED"]
    first = next((answer for answer in proved if answer.reason != LACKS_CASES), (*proved, answers[0])[0])
    cost = sum((answer.cost for answer in answers), start=type(first.cost)())
    assumed = tuple(dict.fromkeys(one for answer in proved for one in answer.assumptions))
    return replace(
        first,
        cost=cost,
        assumptions=assumed,
        obligations=tuple(one for answer in answers for one in answer.obligations),
    )


def compared(target: Target, same_as: str, obligations: bool = False) -> Answer:
    """Return whether ``target`` does the same as the built-in one called ``same_as``: PROVED, or MISMATCH with the
    smallest run on which it does not."""
    if target.readings:
        return merged(target.readings, [compared(reading, same_as, obligations) for reading in target.readings])
    from model.lockstep import SAME, Lockstep
    from proofs.engine.prove import Prover
    from proofs.engine.words import Word

    loop = Lockstep(target.loop, (TARGETS | EXAMPLES)[same_as].loop)
    answer = Prover(replace(target, loop=loop), obligations).prove(SAME)
    if answer.word is Word.PROVED and loop.harmless:
        return replace(answer, reason=f"not compared: {', '.join(loop.harmless)}")
    return replace(answer, word=Word.MISMATCH) if answer.word is Word.REFUTED else answer
