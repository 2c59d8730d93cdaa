"""One token of a copy of the loop is changed in a file, and the verdict changes, with nothing else touched."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from inspect import getsource
from io import StringIO
from pathlib import Path
from tokenize import generate_tokens

import pytest

from model import patched
from proofs.engine.prove import Prover
from proofs.engine.verdict import Answer
from proofs.engine.words import Word
from spec.targets import TARGETS

TOKENS = [  # line that the token stands in, the token, what comes in its place, the claim, its smallest n
    ("if fls(count) < as_unsigned(order):", "<", "<=", "array-index-in-bounds", 1),
    ("page = kernel.alloc_pages(gfp, 0)", "0", "1", "orders-from-array", 1),
    ("page = kernel.alloc_pages(gfp | GFP_NORETRY, order)", "GFP_NORETRY", "GFP_NOWARN", "high-orders-never-retry", 16),
    ("kernel.store(i, page, 1 << order)", "i", "count", "every-page-stored-once", 1),
    ("kernel.clear(page, 1 << order)", "1", "2", "cleared-once", 1),
    ("kernel.split_page(page, order)", "page", "order", "rollback-exact", 17),
    ("if not count:", "not", "2 >", "page-total", 1),
]


def prove(file: Path, claim: str) -> Answer:
    """Return the answer for the loop in ``file``."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return Prover(replace(TARGETS["patched"], loop=module.Patched())).prove(claim)


def edit_token(file: Path, line: str, old: str, new: str) -> None:
    """Replace the first token ``old`` of the one line that begins with ``line``."""
    source = file.read_text()
    found = [at for at, text in enumerate(source.splitlines()) if text.strip().startswith(line)]
    assert len(found) == 1, f"{line!r} stands in {len(found)} lines"
    token = next(
        t for t in generate_tokens(StringIO(source).readline) if t.start[0] == found[0] + 1 and t.string == old
    )
    lines = source.splitlines(keepends=True)
    begins, ends = token.start[1], token.end[1]
    lines[found[0]] = lines[found[0]][:begins] + new + lines[found[0]][ends:]
    file.write_text("".join(lines))


@pytest.mark.parametrize(
    ("line", "old", "new", "claim", "n"), TOKENS, ids=[f"{t[3]}: {t[1]} to {t[2]}" for t in TOKENS]
)
def test_one_token_changes_the_verdict(tmp_path: Path, line: str, old: str, new: str, claim: str, n: int) -> None:
    file = tmp_path / "copied_loop.py"
    file.write_text(getsource(patched))
    before = prove(file, claim)
    assert before.word is Word.PROVED, before.reason

    edited = tmp_path / "edited_loop.py"
    edited.write_text(file.read_text())
    edit_token(edited, line, old, new)
    after = prove(edited, claim)
    assert after.word is Word.REFUTED, after.reason
    assert after.scenario is not None
    assert after.scenario.call.n == n
