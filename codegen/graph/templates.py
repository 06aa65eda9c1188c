"""Checks a template against its operands when it is given, not when the generated file is run."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection
from functools import cache

from codegen.graph import helpers
from codegen.graph.parsing import parse_template

#: What every generated file may name: modules that it imports, itself, Python's own functions.
_KNOWN = frozenset({"torch", "F", "nn", "math", "self"}) | frozenset(dir(builtins))


class TemplateError(Exception):
    """A mistake in a layer function: its template does not go with its operands."""


def check_template(template: str, operands: Collection[str]) -> None:
    """Refuse a template that has no use for an operand, or reads a name that stands for nothing.

    Args:
        template: See `Node.template`.
        operands: The names that it may use.

    Raises:
        TemplateError: The template is no expression, or does not go with the operands.
    """
    read = _names(template)
    unused = [name for name in operands if name not in read]
    if unused:
        raise TemplateError(f"the template {template!r} has no use for {_listed(unused)}")
    unknown = sorted(read - _KNOWN - set(operands) - helpers.names())
    if unknown:
        raise TemplateError(f"the template {template!r} names {_listed(unknown)}, which is no operand of it")


@cache
def _names(template: str) -> frozenset[str]:
    """The names that a template reads from outside."""
    try:
        tree = parse_template(template)
    except SyntaxError as error:
        raise TemplateError(f"the template {template!r} is no Python expression: {error.msg}") from error
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return frozenset(node.id for node in names) - own


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(repr, names))
