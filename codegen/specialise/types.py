"""Annotations of parameters, as narrow as the arguments that there are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from codegen.specialise.facts import same

_NAMES = {int: "int", float: "float", str: "str", bool: "bool"}


def narrowed(annotation: ast.expr, values: Sequence[ast.expr]) -> ast.expr:
    """A union without the members that no value is of; the annotation itself if a value is no literal.

    `int | tuple[int, ...]` of 3 and 5 is `int`, of (1, 2) and 3 it is `int | tuple[int, int]`.
    """
    members = [*_members(annotation)]
    if len(members) < 2:
        return annotation
    wanted: dict[str, ast.expr] = {}
    for member in members:
        for value in values:
            exact = _exact(member, value)
            if exact is not None:
                wanted[ast.dump(exact)] = exact
    is_known = all(any(_exact(member, value) is not None for member in members) for value in values)
    if not is_known or not wanted:
        return annotation
    first, *others = wanted.values()
    for other in others:
        first = ast.BinOp(first, ast.BitOr(), other)
    return first


def _members(annotation: ast.expr) -> Iterator[ast.expr]:
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        yield from _members(annotation.left)
        yield from _members(annotation.right)
    else:
        yield annotation


def _exact(member: ast.expr, value: ast.expr) -> ast.expr | None:
    """The type of a literal value, if the member of a union has it."""
    if isinstance(value, ast.Constant) and isinstance(member, ast.Name):
        return member if _NAMES.get(type(value.value)) == member.id else None
    if isinstance(value, ast.Constant) and isinstance(member, ast.Constant):
        return member if value.value is None and member.value is None else None
    if not (isinstance(value, ast.Tuple) and isinstance(member, ast.Subscript)):
        return None
    items = member.slice.elts if isinstance(member.slice, ast.Tuple) else []
    if len(items) != 2 or not same(items[1], ast.Constant(...)):
        return None
    return ast.Subscript(member.value, ast.Tuple([items[0]] * len(value.elts), ast.Load()), ast.Load())
