"""Opens traces: files, standard input, plain or packed with gzip, xz or bzip2."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from model.trace_forms import LONGEST_LINE, BadTrace

CHUNK = 1 << 18  # characters read at once
PACKED: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}
OTHER_FORMS = {
    b"\x17\x08\x44tracing": "trace-cmd's own file: run trace-cmd report on it",
    b"PERFILE2": "perf's own file: run perf script on it",
    b"(\xb5/\xfd": "packed with zstd, which is not read here: unpack it",
    b"\x7fELF": "a program",
}


def open_trace(name: str) -> TextIO:
    """Return the text of a trace, "-" for standard input. Raises BadTrace or OSError."""
    file = sys.stdin.buffer if name == "-" else cast(BinaryIO, Path(name).open("rb"))  # noqa: SIM115 - closed with the text around it
    start = cast(io.BufferedReader, file).peek(16)[:16]
    for magic, form in OTHER_FORMS.items():
        if start.startswith(magic):
            raise BadTrace(f"expected a trace as text, got {form}")
    for magic, unpack in PACKED.items():
        if start.startswith(magic):
            return io.TextIOWrapper(cast(BinaryIO, unpack(file)), encoding="utf-8", errors="replace")
    return io.TextIOWrapper(file, encoding="utf-8", errors="replace")


def lines_of(text: TextIO, tell: Callable[[int], None] | None = None) -> Iterator[str]:
    """Yield the lines of a trace, none longer than can be held; tell how many now and then. Raises BadTrace."""
    number, rest = 0, ""
    try:
        while chunk := text.read(CHUNK):
            *lines, rest = (rest + chunk).split("\n")
            yield from lines
            number += len(lines)
            if tell is not None:
                tell(number)
            if len(rest) > LONGEST_LINE:
                yield rest
                rest = ""
        if rest:
            yield rest
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise BadTrace(f"line {number + 1}: expected more of a packed file, got {str(error) or 'its end'}") from None
    except OSError as error:
        raise BadTrace(f"line {number + 1}: {error.strerror or error}") from None
