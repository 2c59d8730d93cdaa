"""Work in forked children beside this process, for one more core."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

T = TypeVar("T")
ONE, FAILED, END = range(3)  # what the child tells: a result, the exception it met, that there are no more


@contextmanager
def beside(work: Callable[[], Iterable[T]]) -> Iterator[Results[T]]:
    """Run ``work`` in a forked child; its results, in order, which must be picklable. The child ends with the block.

    What it raises is raised where its results are read; RuntimeError if it dies.
    """
    with _started(work) as receiver:
        yield Results(receiver)


class Results(Iterator[T]):
    """What a child yields, as it comes."""

    def __init__(self, receiver: Connection) -> None:
        self.receiver = receiver
        self.read: list[T] | None = None  # the result that was read ahead; [] at the end

    def waits(self) -> bool:
        """Return whether there is a result already."""
        if self.read is None and self.receiver.poll():
            self.read = list(_next(self.receiver))
        return bool(self.read)

    def __next__(self) -> T:
        """Return the next result. Raises what the child raised, RuntimeError if it died."""
        if self.read is None:
            self.read = list(_next(self.receiver))
        if not self.read:
            raise StopIteration
        (result,), self.read = self.read, None
        return result


def all_beside(works: Sequence[Callable[[], Iterable[T]]], seconds: float) -> list[list[T]]:
    """Return what each of ``works`` yields in a forked child of its own, as far as it comes in that time.

    None waits until another's results are read. What one raises is raised here, RuntimeError if it dies.
    """
    deadline = time.monotonic() + seconds
    with ExitStack() as started:
        found: dict[Connection, list[T]] = {started.enter_context(_started(work)): [] for work in works}
        at_work = set(found)
        while at_work:
            ready = wait(at_work, max(0, deadline - time.monotonic()))
            if not ready:
                break
            for receiver in (one for one in found if one in ready):
                results = list(_next(receiver))
                found[receiver] += results
                if not results:
                    at_work.discard(receiver)
    return list(found.values())


@contextmanager
def _started(work: Callable[[], Iterable[Any]]) -> Iterator[Connection]:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        try:
            for result in work():
                sender.send((ONE, result))
            sender.send((END, None))
        except BaseException as failure:
            sender.send((FAILED, failure))

    process = context.Process(target=child, daemon=True)
    process.start()
    sender.close()
    try:
        yield receiver
    finally:
        process.terminate()
        process.join()
        receiver.close()


def _next(receiver: Connection) -> Iterator[Any]:
    """Yield the next result, or nothing at the end."""
    try:
        told, result = receiver.recv()
    except EOFError:
        raise RuntimeError("the second prover process died") from None
    if told == FAILED:
        raise result
    if told == ONE:
        yield result
