"""The house keeps its rules: imports go one way, no solver in model/ or spec/, no type test on what may be a symbol."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("model", "spec", "proofs", "stepdown")
SOLVERS = {"z3", "cvc5", "crosshair", "hypothesis"}
NUMBERS = {"int", "bool", "float", "complex", "str"}
FILES = [path for room in ORDER for path in sorted((ROOT / room).rglob("*.py"))]


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def type_tests(tree: ast.AST) -> list[int]:
    """Return the lines that ask whether something is a number: of a symbol the answer is silently no."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names = {name.id for arg in node.args[1:] for name in ast.walk(arg) if isinstance(name, ast.Name)}
            if node.func.id == "isinstance" and names & NUMBERS:
                found.append(node.lineno)
            if node.func.id == "type" and len(node.args) == 1:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    room = ORDER.index(path.relative_to(ROOT).parts[0])
    for module in imported(ast.parse(path.read_text())):
        top = module.split(".")[0]
        assert top not in ORDER or ORDER.index(top) <= room, module
        assert room > 1 or top not in SOLVERS, module


def test_model_and_spec_load_no_solver() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in FILES
        if path.relative_to(ROOT).parts[0] in ("model", "spec") and path.name != "__init__.py"
    ]
    code = f"import sys, {', '.join(modules)}; sys.exit(bool({SOLVERS!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("path", [p for p in FILES if "model" in p.parts or "spec" in p.parts], ids=lambda p: p.name)
def test_no_type_test_meets_a_symbol(path: Path) -> None:
    assert type_tests(ast.parse(path.read_text())) == []


def test_the_lint_sees_a_type_test() -> None:
    assert type_tests(ast.parse("if isinstance(order, int): pass")) == [1]
    assert type_tests(ast.parse("if type(order) is int: pass")) == [1]
    assert type_tests(ast.parse("if isinstance(event, Attempt): pass")) == []
