"""z3 behind one question: can these literals hold together? Integers, linear, no quantifiers, no arrays.

z3's Python classes cost several times the solving here, so the C interface is called directly; terms are built once for
each literal and kept. Effort is z3's own resource count, which does not depend on the load of the machine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from math import inf

import z3.z3core as z3c

from proofs.engine.literals import Literal, Terms, definitions

RESOURCE_LIMIT = 20_000_000  # of one query; a query of the patched loop takes some thousands
FIRST_LIMIT = 300_000  # of a query's first try, after which it is asked anew; the costliest of most loops take 100,000

Clause = Sequence[Literal]  # one of them holds


class SolverUnknown(Exception):
    """The solver gave up; the text is its reason."""


class Solver:
    """One z3 solver in a context of its own, so that no verdict depends on what was asked before it was made."""

    def __init__(self, resource_limit: int = RESOURCE_LIMIT) -> None:
        self.resource_limit = resource_limit
        self.scopes: list[list[Clause]] = [[]]  # what holds in each open scope
        self.told: list[int] = []  # of each scope that z3 has open: how many of its clauses it knows
        self.highest: list[dict[Terms, int]] = []  # and which bounds on a form hold in it
        self.numerals: dict[int, object] = {}
        self.variables: dict[str, object] = {}
        self.sorts: dict[str, bool] = {}  # variable: is it Boolean
        self.atoms: dict[Literal, object] = {}
        self.fresh = 0
        self.queries = 0
        self.kept: list[object] = []  # every term made: released with the solver

    @cached_property
    def context(self) -> object:
        """Return z3's context, made when the first question is asked: many proofs ask none."""
        configuration = z3c.Z3_mk_config()
        context = z3c.Z3_mk_context_rc(configuration)
        z3c.Z3_del_config(configuration)
        return context

    @cached_property
    def integers(self) -> object:
        """Return the sort of whole numbers."""
        return z3c.Z3_mk_int_sort(self.context)

    @cached_property
    def booleans(self) -> object:
        """Return the sort of truth values."""
        return z3c.Z3_mk_bool_sort(self.context)

    def __del__(self) -> None:
        if "context" in vars(self) and z3c is not None:  # None: Python is on its way out, and its memory with it
            for term in self.kept:
                z3c.Z3_dec_ref(self.context, term)
            z3c.Z3_solver_dec_ref(self.context, self.solver)
            z3c.Z3_del_context(self.context)

    def push(self, literals: Iterable[Literal] = ()) -> None:
        """Open a scope in which ``literals`` hold."""
        self.scopes.append([])
        self.assume(literals)

    def pop(self) -> None:
        """Close the innermost scope."""
        self.scopes.pop()
        if len(self.told) > len(self.scopes):
            z3c.Z3_solver_pop(self.context, self.solver, 1)
            self.told.pop()
            self.highest.pop()

    def assume(self, literals: Iterable[Literal]) -> None:
        """Let ``literals`` hold in the innermost scope, with the definitions of the quotients in them."""
        scope = self.scopes[-1]
        for literal in literals:
            scope.extend(_defined(literal))
            scope.append((literal,))

    def assume_any(self, literals: Sequence[Literal]) -> None:
        """Let at least one of ``literals`` hold in the innermost scope."""
        scope = self.scopes[-1]
        for literal in literals:
            scope.extend(_defined(literal))
        scope.append(tuple(literals))

    def assume_not_all(self, conjunctions: Iterable[Sequence[Literal]]) -> None:
        """Let each of the conjunctions be false in the innermost scope."""
        for literals in conjunctions:
            self.assume_any([literal.negated() for literal in literals])

    def check(self) -> bool:
        """Return whether the scopes' literals can hold together. Raises SolverUnknown."""
        self.queries += 1
        self._tell()
        answer = z3c.Z3_solver_check(self.context, self.solver)
        if answer == 0 and self.resource_limit > FIRST_LIMIT:
            answer = self._check_anew()
        if answer == 0:
            raise SolverUnknown(z3c.Z3_solver_get_reason_unknown(self.context, self.solver))
        return bool(answer > 0)

    def satisfiable(self, literals: Iterable[Literal]) -> bool:
        """Return whether ``literals`` can hold together with the open scopes."""
        self.push(literals)
        try:
            return self.check()
        finally:
            self.pop()

    def values(
        self, names: Iterable[str], literals: Iterable[Literal] = (), not_all: Sequence[Literal] = ()
    ) -> dict[str, int] | None:
        """Return values of ``names`` with which ``literals`` hold together with the open scopes, and ``not_all`` not
        all, if there are any; None: there are no such values."""
        self.push(literals)
        try:
            if not_all:
                self.assume_not_all([not_all])
            return self.model(names) if self.check() else None
        finally:
            self.pop()

    def model(self, names: Iterable[str]) -> dict[str, int]:
        """Return values of ``names`` that the last check, which said yes, found; one it never heard of is left out.

        They are asked for in their order, not a set's: a question makes terms, and what was made before sways what z3
        finds later.
        """
        model = z3c.Z3_solver_get_model(self.context, self.solver)
        z3c.Z3_model_inc_ref(self.context, model)
        values = {}
        result = (z3c.Ast * 1)()
        for name in sorted(names):
            term = self.variables.get(name)
            if term is None:
                continue
            z3c.Z3_model_eval(self.context, model, term, True, result)
            if self.sorts[name]:
                values[name] = int(z3c.Z3_get_bool_value(self.context, result[0]) == 1)
            else:
                values[name] = self._integer(result[0])
        z3c.Z3_model_dec_ref(self.context, model)
        return values

    def resources(self) -> int:
        """Return z3's resource count so far: take differences, it accumulates."""
        if not self.queries:
            return 0
        statistics = z3c.Z3_solver_get_statistics(self.context, self.solver)
        z3c.Z3_stats_inc_ref(self.context, statistics)
        spent = 0
        for at in range(z3c.Z3_stats_size(self.context, statistics)):
            if z3c.Z3_stats_get_key(self.context, statistics, at) == "rlimit count":
                spent = z3c.Z3_stats_get_uint_value(self.context, statistics, at)
        z3c.Z3_stats_dec_ref(self.context, statistics)
        return int(spent)

    def _check_anew(self) -> int:
        """Ask again without what thousands of queries taught the solver: where it loses its way, one that knows nothing
        but what holds now often answers at once."""
        z3c.Z3_solver_dec_ref(self.context, self.solver)
        del self.solver
        self.told, self.highest = [], []
        self._tell()
        self._limit(self.resource_limit)
        answer = z3c.Z3_solver_check(self.context, self.solver)
        self._limit(FIRST_LIMIT)
        return int(answer)

    @cached_property
    def solver(self) -> object:
        """Return z3's own solver: it knows what was told so far, and nothing else."""
        solver = z3c.Z3_mk_simple_solver(self.context)
        z3c.Z3_solver_inc_ref(self.context, solver)
        self._limit(min(FIRST_LIMIT, self.resource_limit), solver)
        return solver

    def _tell(self) -> None:
        """Let z3 know all that holds in the open scopes: told when a question is asked, which is not in every scope."""
        for at, scope in enumerate(self.scopes):
            if at == len(self.told):
                if at:
                    z3c.Z3_solver_push(self.context, self.solver)
                self.told.append(0)
                self.highest.append(dict(self.highest[-1]) if at else {})
            if self.told[at] < len(scope):
                for clause in _unsaid(scope[self.told[at] :], self.highest[at]):
                    z3c.Z3_solver_assert(self.context, self.solver, self._any([self._atom(one) for one in clause]))
                self.told[at] = len(scope)

    def _limit(self, resources: int, solver: object = None) -> None:
        """Let each query from now on cost so much."""
        parameters = z3c.Z3_mk_params(self.context)
        z3c.Z3_params_inc_ref(self.context, parameters)
        name = z3c.Z3_mk_string_symbol(self.context, "rlimit")
        z3c.Z3_params_set_uint(self.context, parameters, name, resources)
        z3c.Z3_solver_set_params(self.context, solver or self.solver, parameters)
        z3c.Z3_params_dec_ref(self.context, parameters)

    def _integer(self, term: object) -> int:
        small = ctypes.c_longlong()
        if z3c.Z3_get_numeral_int64(self.context, term, small):
            return small.value
        return int(z3c.Z3_get_numeral_string(self.context, term))

    def _keep(self, term: object) -> object:
        z3c.Z3_inc_ref(self.context, term)
        self.kept.append(term)
        return term

    def _numeral(self, value: int) -> object:
        term = self.numerals.get(value)
        if term is None:
            term = self.numerals[value] = self._keep(z3c.Z3_mk_numeral(self.context, str(value), self.integers))
        return term

    def _variable(self, name: str, is_boolean: bool) -> object:
        term = self.variables.get(name)
        if term is None:
            sort = self.booleans if is_boolean else self.integers
            symbol = z3c.Z3_mk_string_symbol(self.context, name)
            term = self.variables[name] = self._keep(z3c.Z3_mk_const(self.context, symbol, sort))
            self.sorts[name] = is_boolean
        return term

    def _array(self, terms: Sequence[object]) -> object:
        array = (z3c.Ast * len(terms))()
        for at, term in enumerate(terms):
            array[at] = term
        return array

    def _make(self, kind: str, parts: Sequence[object]) -> object:
        """Return ``kind`` of ``parts``, kept until the solver goes: in this mode z3 collects what nobody holds."""
        make = getattr(z3c, f"Z3_mk_{kind}")
        if kind in ("add", "mul", "or", "and"):
            return self._keep(make(self.context, len(parts), self._array(parts)))
        return self._keep(make(self.context, *parts))

    def _any(self, terms: Sequence[object]) -> object:
        return terms[0] if len(terms) == 1 else self._make("or", terms)

    def _form(self, literal: Literal) -> object:
        parts = []
        for name, coefficient in literal.terms:
            term = self._variable(name, is_boolean=False)
            parts.append(term if coefficient == 1 else self._make("mul", [self._numeral(coefficient), term]))
        return parts[0] if len(parts) == 1 else self._make("add", parts)

    def _atom(self, literal: Literal) -> object:
        atom = self.atoms.get(literal)
        if atom is None:
            atom = self.atoms[literal] = self._build(literal)
        return atom

    def _build(self, literal: Literal) -> object:
        if not literal.terms:
            return self._make("true" if literal.holds({}) else "false", [])
        if literal.kind in ("yes", "no"):
            term = self._variable(literal.terms[0][0], is_boolean=True)
            return term if literal.kind == "yes" else self._make("not", [term])
        form = self._form(literal)
        if literal.kind in ("div", "ndiv"):
            return self._divisibility(literal, form)
        bound = self._numeral(-literal.constant)
        if literal.kind == "le":
            return self._make("le", [form, bound])
        equal = self._make("eq", [form, bound])
        return equal if literal.kind == "eq" else self._make("not", [equal])

    def _divisibility(self, literal: Literal, form: object) -> object:
        """``form + constant = modulus * q + r``, r = 0 or 0 < r < modulus: exact, since q and r are fresh."""
        self.fresh += 1
        q = self._variable(f"q!{self.fresh}", is_boolean=False)
        multiple = self._make("mul", [self._numeral(literal.modulus), q])
        shifted = self._make("add", [form, self._numeral(literal.constant)])
        if literal.kind == "div":
            return self._make("eq", [shifted, multiple])
        r = self._variable(f"r!{self.fresh}", is_boolean=False)
        return self._make(
            "and",
            [
                self._make("eq", [shifted, self._make("add", [multiple, r])]),
                self._make("le", [self._numeral(1), r]),
                self._make("lt", [r, self._numeral(literal.modulus)]),
            ],
        )


@lru_cache(1 << 14)
def _defined(literal: Literal) -> tuple[Clause, ...]:
    return tuple((defining,) for defining in definitions(literal))


def _unsaid(clauses: Sequence[Clause], highest: dict[Terms, int]) -> Iterator[Clause]:
    """Yield the clauses without the bounds that follow from one on the same form: a third of what is told.

    highest: of each form the bound told so far, which is learnt.
    """
    bounds: dict[Terms, int] = {}
    for clause in clauses:
        if len(clause) != 1 or clause[0].kind != "le":
            yield clause
        elif clause[0].constant > highest.get(clause[0].terms, -inf):
            bounds[clause[0].terms] = highest[clause[0].terms] = clause[0].constant
    for form, constant in bounds.items():
        yield (Literal("le", form, constant),)
