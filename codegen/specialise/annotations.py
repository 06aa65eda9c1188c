"""Locals say their type only where mypy needs it: on the way from a module's call to what is returned."""

from __future__ import annotations

import ast

from codegen.specialise import text
from codegen.specialise.facts import Function


def drop_annotations(function: Function) -> None:
    """Remove `: Tensor` from the locals of a function on whose type that of no result depends."""
    nodes = [*ast.walk(function)]
    needed: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            needed |= _exposed_parts(node.value)
    size = -1
    while size != len(needed):
        size = len(needed)
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                needed |= _exposed_parts(node.value) if node.targets[0].id in needed else set()
    for node in nodes:
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [_plain(item, needed) for item in value]


def _plain(node: ast.AST, needed: set[str]) -> ast.AST:
    if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
        return node
    is_tensor = isinstance(node.annotation, ast.Name) and node.annotation.id == "Tensor"
    if not is_tensor or node.target.id in needed:
        return node
    new = ast.Assign([node.target], node.value)
    text.take_comments(new, node)
    return new


def exposed(tree: ast.expr) -> set[str]:
    """Names whose types an expression's type follows."""
    if isinstance(tree, ast.Name):
        return {tree.id}
    if isinstance(tree, ast.IfExp):
        return exposed(tree.body) | exposed(tree.orelse)
    if isinstance(tree, ast.BinOp):
        return exposed(tree.left) | exposed(tree.right)
    if isinstance(tree, ast.UnaryOp):
        return exposed(tree.operand)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        return exposed(tree.func.value)
    if isinstance(tree, (ast.Attribute, ast.Subscript)):
        return exposed(tree.value)
    return set()


def _exposed_parts(tree: ast.expr) -> set[str]:
    """The same of each part of a tuple or a list."""
    if isinstance(tree, (ast.Tuple, ast.List)):
        return {name for item in tree.elts for name in _exposed_parts(item)}
    if isinstance(tree, ast.IfExp):
        return _exposed_parts(tree.body) | _exposed_parts(tree.orelse)
    return exposed(tree)
