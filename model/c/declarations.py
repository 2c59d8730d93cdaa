"""Declarations of C: the types that they name, and the variables that are in scope."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from keyword import iskeyword

from tree_sitter import Node

from model.c.expressions import Variable
from model.c.places import Places
from model.c.source import declared_name, text
from model.c.types import PAGE, CInt, DataModel, Opaque, Pointer, Type
from model.kernel import Unsupported

RESERVED = ("n", "watch", "freed", "stored_to", "memory", "ghost")  # names that a proof or a state has for its own


class Declarations(Places):
    """Reads declarations. Each has a variable of its own, however many are called the same."""

    variables: list[Variable]
    scopes: list[dict[str, Variable]]  # innermost last

    def variable(self, name: str) -> Variable | None:
        """Return the variable in scope that is called ``name``."""
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def type_of(self, node: Node) -> Type:
        """Return the type that a type descriptor names."""
        kind = self.base(node)
        declarator = node.child_by_field_name("declarator")
        while declarator is not None:
            kind, declarator = Pointer(kind), declarator.child_by_field_name("declarator")
        return kind

    def base(self, node: Node) -> Type:
        """Return the type that a declaration begins with."""
        kind = node.child_by_field_name("type")
        if kind is None:
            return Opaque("?")
        name = " ".join(text(kind).split())
        return PAGE if name == "struct page" else self.named(name)

    def named(self, name: str) -> Type:
        """Return the type called ``name``, Opaque where it is not known, or not what the file says."""
        if not self.names_of_types().isdisjoint(name.split()):
            return Opaque(name)
        return self.model.named.get(name) or keywords(self.model, name) or Opaque(name)

    def names_of_types(self) -> AbstractSet[str]:
        """Return the names that the file itself gives a meaning, of types and of macros."""
        raise NotImplementedError

    def returned(self, function: Node) -> Type:
        """Return the type of what a function returns."""
        kind = self.base(function)
        declarator = function.child_by_field_name("declarator")
        while declarator is not None and declarator.type == "pointer_declarator":
            kind, declarator = Pointer(kind), declarator.child_by_field_name("declarator")
        return kind

    def parameters_of(self, function: Node) -> list[tuple[str, Type]]:
        """Return the name and the type of each parameter of a function. Raises Unsupported."""
        declarator = function.child_by_field_name("declarator")
        while declarator is not None and declarator.type != "function_declarator":
            declarator = declarator.child_by_field_name("declarator")
        listed = declarator.child_by_field_name("parameters") if declarator is not None else None
        found = []
        for child in listed.named_children if listed is not None else ():
            if child.type == "parameter_declaration":
                declared = child.child_by_field_name("declarator")
                if declared is None:
                    continue
                found.append((declared_name(declared), self.pointers(child, declared)))
            elif child.type != "comment":
                raise Unsupported(self.where(child), "a variable number of arguments")
        return found

    def pointers(self, declaration: Node, declarator: Node | None) -> Type:
        """Return the type of what a declarator declares."""
        kind = self.base(declaration)
        while declarator is not None and declarator.type != "identifier":
            if declarator.type in ("pointer_declarator", "array_declarator"):
                kind = Pointer(kind)
            declarator = declarator.child_by_field_name("declarator")
        return kind

    def declare(self, name: str, kind: Type) -> Variable:
        """Return a new variable, in the innermost scope from now on."""
        plain = f"{name}_" if iskeyword(name) else name  # a state of Python's has it as a field
        same = sum(variable.name == plain or variable.name.startswith(f"{plain}_no_") for variable in self.variables)
        own = f"{plain}_no_{same + 1}" if same or name in RESERVED else plain
        variable = Variable(len(self.variables), own, kind)
        self.variables.append(variable)
        self.scopes[-1][name] = variable
        return variable


def keywords(model: DataModel, name: str) -> CInt | None:
    """Return the type of integers that C's own words name, None where they name none."""
    try:
        return model.from_words(name.split())
    except ValueError:
        return None
