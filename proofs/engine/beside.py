"""Work in a forked child beside this process, for one more core."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
ONE, FAILED, END = range(3)  # what the child tells: a result, the exception it met, that there are no more


@contextmanager
def beside(work: Callable[[], Iterable[T]], seconds: float | None = None) -> Iterator[Iterator[T]]:
    """Run ``work`` in a forked child; its results, in order, which must be picklable. The child ends with the block.

    What it raises is raised where its results are read; RuntimeError if it dies, TimeoutError ``seconds`` from now.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        gc.disable()  # a quarter of the time of a loop of many paths, and it finds nothing to speak of
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
        yield _results(receiver, deadline)
    finally:
        process.terminate()
        process.join()


def _results(receiver: Any, deadline: float | None) -> Iterator[Any]:
    while True:
        if deadline is not None and not receiver.poll(max(0, deadline - time.monotonic())):
            raise TimeoutError("no further result in time")
        try:
            told, result = receiver.recv()
        except EOFError:
            raise RuntimeError("the second prover process died") from None
        if told == END:
            return
        if told == FAILED:
            raise result
        yield result
