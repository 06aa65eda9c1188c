"""Literals and their values; what loops over them run over."""

from __future__ import annotations

import ast
from typing import Any

from codegen.specialise.facts import dotted

#: More items than these are not written out, and no longer numbers.
LONG = 8


class Unknown(Exception):
    """The value is not known before the model runs."""


def value_of(tree: ast.expr) -> Any:
    """The value of a literal of numbers, words, tuples and lists.

    Raises:
        Unknown: It is no such literal.
    """
    try:
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError) as error:
        raise Unknown from error


def literal(value: Any) -> ast.expr:
    """The tree of a value.

    Raises:
        Unknown: It has none that a person would write.
    """
    if isinstance(value, (list, tuple)):
        items = [literal(item) for item in value]
        return ast.List(items, ast.Load()) if isinstance(value, list) else ast.Tuple(items, ast.Load())
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return ast.Constant(value)
    if isinstance(value, (int, float)) and len(repr(value)) <= LONG:
        number = ast.Constant(abs(value))
        return ast.UnaryOp(ast.USub(), number) if value < 0 else number
    raise Unknown


def iterated(tree: ast.expr) -> list[ast.expr] | None:
    """What a loop over the expression runs over, if it is known and short."""
    if isinstance(tree, (ast.List, ast.Tuple)):
        return [*tree.elts] if not any(isinstance(item, ast.Starred) for item in tree.elts) else None
    if not isinstance(tree, ast.Call) or tree.keywords:
        return None
    name = dotted(tree.func)
    if name == "range":
        try:
            numbers = range(*[int(value_of(bound)) for bound in tree.args])
        except (Unknown, TypeError):
            return None
        return [literal(number) for number in numbers] if len(numbers) <= LONG else None
    inner = [iterated(argument) for argument in tree.args]
    if name not in ("zip", "enumerate", "reversed") or None in inner:
        return None
    lists = [items for items in inner if items is not None]
    if name == "reversed":
        return lists[0][::-1]
    if name == "enumerate":
        lists.insert(0, [ast.Constant(index) for index in range(len(lists[0]))])
    return [ast.Tuple([*items], ast.Load()) for items in zip(*lists, strict=False)]


def bind_target(target: ast.expr, item: ast.expr) -> dict[str, ast.expr] | None:
    """What the names of a loop's target stand for; None if that is not known."""
    if isinstance(target, ast.Name):
        return {target.id: item}
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(item, (ast.Tuple, ast.List)):
        return None
    if len(target.elts) != len(item.elts):
        return None
    found: dict[str, ast.expr] = {}
    for one, other in zip(target.elts, item.elts, strict=True):
        inner = bind_target(one, other)
        if inner is None:
            return None
        found |= inner
    return found
