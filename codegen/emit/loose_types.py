"""What mypy makes of the expressions of `forward`: which names need a type, as modules yield `Any`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from codegen.specialise.annotations import exposed


def yields_any(tree: ast.expr, untyped: Collection[str]) -> bool:
    """Whether mypy takes an expression for `Any`: what a module's call yields, and what comes of it.

    Args:
        tree: The expression.
        untyped: The names that are of no known type.
    """
    if isinstance(tree, ast.Name):
        return tree.id in untyped
    if isinstance(tree, ast.IfExp):
        return yields_any(tree.body, untyped) and yields_any(tree.orelse, untyped)
    if isinstance(tree, ast.Call):
        function = tree.func
        if not isinstance(function, ast.Attribute):
            return False
        is_own = isinstance(function.value, ast.Name) and function.value.id == "self"
        return is_own or yields_any(function.value, untyped)
    if isinstance(tree, ast.BinOp):
        return yields_any(tree.left, untyped) or yields_any(tree.right, untyped)
    if isinstance(tree, (ast.Attribute, ast.Subscript)):
        return yields_any(tree.value, untyped)
    return isinstance(tree, ast.UnaryOp) and yields_any(tree.operand, untyped)


def loose_names(
    assignments: Iterable[tuple[str, ast.expr]],
    returned: ast.expr,
    declared: Collection[str],
    untyped: Collection[str],
) -> set[str]:
    """Names that need a type from the beginning, as mypy takes what is returned of them for `Any`.

    Args:
        assignments: Names and what is assigned to them, in order.
        returned: What is returned.
        declared: Names that have a type already, and keep it whatever is assigned to them.
        untyped: Names that are of no known type before.
    """
    found: set[str] = set()
    for name, tree in assignments:
        is_loose = yields_any(tree, untyped) or found & exposed(tree)
        found = found | {name} if is_loose and name not in declared else found - {name}
    return found & exposed(returned)
