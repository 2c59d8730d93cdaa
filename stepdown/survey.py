"""``stepdown survey``: a tree's functions that ask for blocks of a varying order in a loop, and what holds of them."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from multiprocessing.connection import Connection, wait
from pathlib import Path

from proofs.engine.words import Word
from spec.c_claims import C_CLAIMS, claims_of
from spec.claims import CLAIMS
from stepdown.verify import Usage, merged

JOBS = 2
FILES_AT_ONCE = 200
MOST_MEMORY = 2 << 30  # bytes of address space, of the process that reads and judges one function


@dataclass(frozen=True)
class Found:
    """A function found by its shape. ``name`` "": a file that cannot be read, ``trouble`` says why."""

    path: str  # below the tree
    name: str
    line: int = 0
    trouble: str = ""
    unread: str = ""  # file:line and construct, where it is plain that the function cannot be read


@dataclass
class Judged:
    """What is known of a function: for each claim its word and its reason."""

    found: Found
    claims: dict[str, tuple[str, str]] = field(default_factory=dict)
    unread: str = ""  # file:line and construct, where the function cannot be read at all
    stopped: str = ""  # why not every claim has its answer
    alone: str = ""  # the only setting that it was judged with, of many

    @property
    def notes(self) -> str:
        """Return what stands at the end of its line."""
        alone = f"with {self.alone} alone; with every one: stepdown verify" if self.alone else ""
        return "; ".join(part for part in (self.unsupported, self.stopped, alone) if part)

    def stop(self, why: str) -> None:
        """Give up the claims that have no answer yet."""
        self.stopped = why
        for name in CLAIMS | C_CLAIMS:
            self.claims.setdefault(name, (Word.UNKNOWN.value, why))

    def named(self, *words: str) -> list[str]:
        """Return the claims that got one of ``words``."""
        return [name for name, (word, _) in self.claims.items() if word in words]

    @property
    def unsupported(self) -> str:
        """Return file:line and construct of the first thing that cannot be read, "" for none."""
        reasons = (reason for word, reason in self.claims.values() if word == "UNSUPPORTED")
        return self.unread or next(reasons, "")


def files(folder: Path) -> list[str]:
    """Return the paths of the C files below ``folder``, no symbolic links followed. Raises Usage."""
    if folder.is_file() and folder.suffix in (".c", ".h"):
        return [str(folder)]
    if not folder.is_dir():
        raise Usage(f"{folder}: {'not a folder or a C file' if folder.exists() else 'no such folder'}")
    found, waiting = list[str](), [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.name.endswith((".c", ".h")) and entry.is_file(follow_symlinks=False):
                    found.append(entry.path)
    return sorted(found, key=lambda path: path.split(os.sep))


def find(folder: Path, jobs: int = JOBS) -> list[Found]:
    """Return the functions of the family below ``folder``, in the order of paths and lines. Raises Usage."""
    paths = files(folder)
    base = folder if folder.is_dir() else folder.parent
    tasks = [(base, paths[at : at + FILES_AT_ONCE]) for at in range(0, len(paths), FILES_AT_ONCE)]
    if jobs == 1 or len(tasks) < 2:
        return [found for task in tasks for found in _find_in(task)]
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        return [found for batch in pool.imap(_find_in, tasks) for found in batch]


def _find_in(task: tuple[Path, Sequence[str]]) -> list[Found]:
    from model.c.source import Unreadable

    base, paths = task
    found: list[Found] = []
    for path in paths:
        try:
            if _asks_allocator(path):
                found += _families(base, Path(path))
        except (Unreadable, OSError) as trouble:
            why = f"{path}: {trouble.strerror}" if isinstance(trouble, OSError) else str(trouble)
            found.append(Found(Path(path).relative_to(base).as_posix(), "", trouble=why))
    return found


def _families(base: Path, path: Path) -> list[Found]:
    """Return the functions of one file. Raises Unreadable, OSError."""
    from model.c.function import unread_at_a_glance
    from model.c.shape import families
    from model.c.source import Source, read_bytes

    below = path.relative_to(base).as_posix()
    source = Source(below, read_bytes(path))
    lines = sorted((source.functions[name][0].start_point[0] + 1, name) for name in families(source))
    return [Found(below, name, line, unread=unread_at_a_glance(source, name)) for line, name in lines]


def _asks_allocator(path: str) -> bool:
    from model.c.shape import asks_allocator
    from model.c.source import MOST_BYTES

    with open(path, "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size <= MOST_BYTES:
            return asks_allocator(file.read())
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:  # it is refused by its size, if it is one of them
            return asks_allocator(data)


def judge(
    folder: Path, functions: Iterable[Found], seconds: float, data_model: str | None = None, jobs: int = JOBS
) -> Iterator[Judged]:
    """Yield what holds of each function, in order: each is read and judged in a process of its own, stopped after so
    many ``seconds``. ``data_model`` None: ilp32 for 32-bit ARM's own files, both for all others, and what holds holds
    in both."""
    base = folder if folder.is_dir() else folder.parent
    with suppress(ImportError):
        import proofs.engine.prove  # noqa: F401 - once here, not in every child
    context = multiprocessing.get_context("fork")
    order, running = list(functions), dict[Connection, _Child]()
    done = {found: Judged(found, unread=found.unread) for found in order if found.unread}
    waiting = [found for found in order if not found.unread]
    try:
        while order:
            while waiting and len(running) < jobs:
                found = waiting.pop(0)
                receiver, sender = context.Pipe(duplex=False)
                child = context.Process(target=_work, args=(base, found, data_model, sender))
                child.start()
                sender.close()
                running[receiver] = _Child(Judged(found), child, time.monotonic() + seconds)
            if running:
                _listen(running, done, seconds)
            while order and order[0] in done:
                yield done[order.pop(0)]
    finally:
        for one in running.values():
            one.process.kill()


@dataclass
class _Child:
    judged: Judged
    process: multiprocessing.process.BaseProcess
    until: float


def _listen(running: dict[Connection, _Child], done: dict[Found, Judged], seconds: float) -> None:
    """Take what the children have to say; those that are through, or out of time, are done."""
    left = min(child.until for child in running.values()) - time.monotonic()
    for ready in wait(list(running), max(0.0, left)):
        assert isinstance(ready, Connection)
        child = running[ready]
        try:
            name, word, reason = ready.recv()
        except EOFError:
            child.process.join()
            if child.process.exitcode:
                child.judged.stop(f"its process ended with status {child.process.exitcode}")
            done[child.judged.found] = child.judged
            del running[ready]
            continue
        if name:
            child.judged.claims[name] = (word, reason)
        elif word == "UNREAD":
            child.judged.unread = reason
        elif word == "ALONE":
            child.judged.alone = reason
        else:
            child.judged.stop(reason)
    for receiver, child in list(running.items()):
        if time.monotonic() >= child.until:
            child.process.kill()
            child.judged.stop(f"no answer within {seconds:g} s")
            done[child.judged.found] = child.judged
            del running[receiver]


def _work(base: Path, found: Found, data_model: str | None, sender: Connection) -> None:
    """Judge one function, in a child: send each answer as it comes."""
    import resource

    from model.c.siblings import profile_of
    from model.c.source import Source, read_bytes
    from proofs.engine.prove import Prover
    from proofs.engine.theorem import SLOW_TO_PROVE
    from stepdown.c_target import Unread, models_of, target_in_tree

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    path = base / found.path
    try:
        source = Source(found.path, read_bytes(path))
        one = profile_of(found.name).at_a_glance
        models = (data_model,) if data_model is not None else models_of(path)[: 1 if one else None]
        targets = [target_in_tree(path, source, found.name, model, constants=one) for model in models]
        for target in targets:
            if isinstance(target.loop, Unread):
                sender.send(("", "UNREAD", str(target.loop.trouble)))
                return
        if one:
            sender.send(("", "ALONE", ", ".join([*models, *(f"{name}={value:#x}" for name, value in one.items())])))
        readings = [reading for target in targets for reading in target.readings or (target,)]
        provers = [Prover(reading) for reading in readings]
        for name in sorted(claims_of(readings[0]), key=SLOW_TO_PROVE.__contains__):  # they alone may come late
            answers = [prover.prove(name) for prover in provers]
            answer = merged(readings, answers) if len(answers) > 1 else answers[0]
            sender.send((name, answer.word.value, answer.reason))
    except MemoryError:
        sender.send(("", "STOPPED", f"more than {MOST_MEMORY >> 30} GiB of memory"))
    except RecursionError:
        sender.send(("", "STOPPED", "nested too deep"))
    finally:
        sender.close()
