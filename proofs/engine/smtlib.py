"""Obligations as SMT-LIB 2, for any other solver: unsat means shown; without its goal it must be sat."""

from __future__ import annotations

from collections.abc import Sequence

from proofs.engine.literals import Literal, Terms, definition
from proofs.engine.verdict import Obligation


def script(obligation: Obligation, with_goal: bool = True) -> str:
    """Return the obligation as an SMT-LIB 2 script, logic QF_LIA, whose expected answer is its (set-info :status)."""
    writer = _Writer()
    body = [f"(assert {writer.literal(literal)})" for literal in obligation.given]
    status = "sat"
    if with_goal:
        status = "unsat"
        if obligation.cases:
            body += [f"(assert (not {writer.conjunction(case)}))" for case in obligation.cases]
        elif obligation.goals:
            body.append(f"(assert (not {writer.conjunction(obligation.goals)}))")
    elif not obligation.goals and not obligation.cases:
        body = []  # the claim is that what is given is impossible: there is nothing to leave out
    defined = writer.definitions()
    lines = [
        "(set-logic QF_LIA)",
        f'(set-info :source "{obligation.name.replace(chr(34), chr(39))}")',
        f"(set-info :status {status})",
        *(f"(declare-const {_quoted(name)} {sort})" for name, sort in sorted(writer.sorts.items())),
        *defined,
        *body,
        "(check-sat)",
    ]
    return "\n".join(lines) + "\n"


class _Writer:
    def __init__(self) -> None:
        self.sorts: dict[str, str] = {}

    def conjunction(self, literals: Sequence[Literal]) -> str:
        parts = [self.literal(literal) for literal in literals]
        return parts[0] if len(parts) == 1 else f"(and {' '.join(parts)})" if parts else "true"

    def literal(self, literal: Literal) -> str:
        if literal.kind in ("yes", "no"):
            name = literal.terms[0][0]
            self.sorts[name] = "Bool"
            return _quoted(name) if literal.kind == "yes" else f"(not {_quoted(name)})"
        form = self._form(literal.terms, literal.constant)
        if literal.kind == "le":
            return f"(<= {form} 0)"
        value = form if literal.kind in ("eq", "ne") else f"(mod {form} {literal.modulus})"
        equal = f"(= {value} 0)"
        return equal if literal.kind in ("eq", "div") else f"(not {equal})"

    def definitions(self) -> list[str]:
        """Return what the quotients among the variables mean."""
        done: set[str] = set()
        lines: list[str] = []
        while set(self.sorts) - done:
            for name in sorted(set(self.sorts) - done):
                done.add(name)
                lines += [f"(assert {self.literal(literal)})" for literal in definition(name)]
        return lines

    def _form(self, terms: Terms, constant: int) -> str:
        for name, _ in terms:
            self.sorts[name] = "Int"
        parts = [_quoted(v) if c == 1 else f"(* {_number(c)} {_quoted(v)})" for v, c in terms]
        if constant or not parts:
            parts.append(_number(constant))
        return parts[0] if len(parts) == 1 else f"(+ {' '.join(parts)})"


def _quoted(name: str) -> str:
    return "|" + name.replace("|", "/") + "|"


def _number(value: int) -> str:
    return str(value) if value >= 0 else f"(- {-value})"
