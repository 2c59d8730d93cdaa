"""The front door: command line, public Python API, reports.

``from stepdown import Loop, Call, verify`` is all that a user imports; names are loaded when they are first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def _bind(name: str) -> None:
    """Import the package ``name`` that was installed beside this one, whatever else the path holds by that name."""
    if name in sys.modules:
        return
    spec = PathFinder.find_spec(name, [str(Path(__file__).resolve().parent.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"stepdown is not installed whole: the package {name} is missing beside it")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


for _name in ("model", "spec", "proofs"):
    _bind(_name)

_PUBLIC = {
    "Loop": "model.loop", "Call": "model.loop", "Unwinding": "model.loop", "DONE": "model.events",
    "FAILED": "model.events", "GFP_NORETRY": "model.gfp", "GFP_NOWARN": "model.gfp", "GFP_HIGHMEM": "model.gfp",
    "GFP_KERNEL": "model.gfp", "Gfp": "model.gfp", "Kernel": "model.kernel", "CLAIMS": "spec.claims",
    "TARGETS": "spec.targets", "Target": "spec.targets", "verify": "stepdown.verify",
    "still_broken": "stepdown.scenarios",
}  # fmt: skip
__all__ = sorted([*_PUBLIC, "__version__"])  # noqa: PLE0605 - a list of names, computed from the table above


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'stepdown' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
