"""Templates -> Python syntax trees: operands are put in as trees, so no text is ever pasted together."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from codegen.graph.core import Module, Operand, Parameter, Symbol, Value
from codegen.graph.parsing import parse_template


def build(
    template: str,
    operands: Mapping[str, Operand],
    value: Callable[[Value], ast.expr],
    module: Callable[[Module], ast.expr],
) -> ast.expr:
    """The template's tree with its operands put in.

    Args:
        template: See `Node.template`.
        operands: What its names stand for.
        value: Writes a value: a name, or the expression that computes it.
        module: Writes a module: `self.conv`.
    """
    trees = {name: operand_tree(operand, value, module) for name, operand in operands.items()}
    tree: ast.expr = _substitute(parse_template(template), trees)
    return tree


def operand_tree(
    operand: Operand, value: Callable[[Value], ast.expr], module: Callable[[Module], ast.expr]
) -> ast.expr:
    """The tree of one operand."""
    if isinstance(operand, Value):
        return value(operand)
    if isinstance(operand, Module):
        return module(operand)
    if isinstance(operand, (tuple, list)):
        items = [operand_tree(item, value, module) for item in operand]
        if isinstance(operand, list):
            return ast.List(items, ast.Load())
        return ast.Tuple(items, ast.Load())
    if isinstance(operand, slice):
        parts = (operand.start, operand.stop, operand.step)
        return ast.Slice(*(None if p is None else operand_tree(p, value, module) for p in parts))
    return literal_tree(operand)


def literal_tree(literal: object) -> ast.expr:
    """The tree of a Python literal, a `Symbol` or a `Parameter`.

    Raises:
        TypeError: The object has no literal form.
    """
    if isinstance(literal, Symbol):
        return parse_template(literal.code)
    if isinstance(literal, Parameter):
        return ast.Name(literal.name, ast.Load())
    if isinstance(literal, (tuple, list)):
        items = [literal_tree(item) for item in literal]
        return ast.Tuple(items, ast.Load()) if isinstance(literal, tuple) else ast.List(items, ast.Load())
    if isinstance(literal, bool) or literal is None or literal is Ellipsis or isinstance(literal, str):
        return ast.Constant(literal)
    if isinstance(literal, float) and not math.isfinite(literal):
        sign = "-" if literal < 0 else ""
        return parse_template("math.nan" if math.isnan(literal) else f"{sign}math.inf")
    if isinstance(literal, (int, float)):
        number = ast.Constant(abs(literal))
        negative = math.copysign(1, literal) < 0 if isinstance(literal, float) else literal < 0
        return ast.UnaryOp(ast.USub(), number) if negative else number
    raise TypeError(f"{type(literal).__name__} has no literal form")


def text(tree: ast.expr) -> str:
    """Python source of a tree."""
    return ast.unparse(ast.fix_missing_locations(tree))


def names_in(tree: ast.AST) -> set[str]:
    """All names that a tree reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _substitute(tree: Any, trees: Mapping[str, ast.expr]) -> Any:
    """A copy of `tree` with names replaced; a starred tuple is spliced into the arguments around it."""
    if isinstance(tree, ast.Name):
        return trees.get(tree.id, tree)
    if isinstance(tree, list):
        result: list[Any] = []
        for item in tree:
            new = _substitute(item, trees)
            if isinstance(new, ast.Starred) and isinstance(new.value, (ast.Tuple, ast.List)):
                result.extend(new.value.elts)
            else:
                result.append(new)
        return result
    if not isinstance(tree, ast.AST):
        return tree
    fields = {name: _substitute(child, trees) for name, child in ast.iter_fields(tree)}
    return type(tree)(**fields)
