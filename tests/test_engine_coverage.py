"""Which paths runs take: each that samples take is found again by chance, from its least size on."""

from __future__ import annotations

import pytest

from proofs.engine.coverage import taken_by_no_run
from proofs.engine.invariants import hypotheses
from proofs.engine.obligations import least_n
from proofs.engine.prove import Prover
from proofs.engine.solver import Solver
from proofs.engine.symbols import variable
from proofs.engine.system import Transition
from spec.targets import TARGETS

n = variable("n")


def paths(prover: Prover) -> list[Transition]:
    """Return the paths of a loop's turns that the invariants leave room for."""
    base, solver = prover.ground.base(""), Solver()
    turns = [t for t in base.possible.transitions if t.source is not None and not t.excluded]
    return [t for t in turns if solver.satisfiable((*hypotheses(base.system, base.invariants, t.source), *t.literals))]


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_no_smaller_size_than_the_least_takes_a_path(target: str) -> None:
    prover = Prover(TARGETS[target])
    base, solver = prover.ground.base(""), Solver()
    found = set()
    for path in paths(prover):
        least = least_n(solver, base.system, base.invariants, [path])
        solver.push((*hypotheses(base.system, base.invariants, path.source), *path.literals))
        assert not solver.satisfiable(((n < least).literal,)) and solver.satisfiable(((n <= least).literal,))
        solver.pop()
        assert all(least <= one["n"] for one in path.witnesses)
        found.add(least)
    assert len(found) > 2
    assert least_n(solver, base.system, base.invariants, paths(prover)) == min(found)


def test_what_is_never_wrong_has_no_least_size() -> None:
    base = Prover(TARGETS["patched"]).ground.base("")
    assert least_n(Solver(), base.system, base.invariants, []) == 0


@pytest.mark.parametrize("target", ["patched", "single-pages"])
def test_every_path_that_samples_take_is_found_by_chance(target: str) -> None:
    prover = Prover(TARGETS[target])
    base, solver = prover.ground.base(""), Solver()
    taken = [path for path in paths(prover) if path.witnesses]
    wanted = [(path, least_n(solver, base.system, base.invariants, [path])) for path in taken]
    assert len(wanted) > 3
    assert taken_by_no_run(prover.target, base.system, wanted) == []
