"""Whole numbers that depend on one remainder, in the shortest of the ways to write them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import TypeGuard

from codegen.specialise.facts import is_size

#: Remainders of larger divisors are not tried out one by one.
_LARGEST = 16

_INTEGER = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)


def simplify(tree: ast.expr) -> ast.expr:
    """The expression, or a shorter one that has the same value whatever the size in it is.

    `max(1 + -width % 2, 0) // 2` is a number of the remainder of `width` by 2 alone: it is `width % 2`.
    """
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub)):
        is_nothing = isinstance(tree.right, ast.Constant) and tree.right.value == 0
        if is_nothing and is_size(tree.left):
            return tree.left
    found = list(_remainders(tree))
    if not found or len({ast.dump(one) for one in found}) != 1:
        return tree
    unknown, divisor = found[0].left, found[0].right
    if not isinstance(divisor, ast.Constant) or type(divisor.value) is not int:
        return tree
    if not 1 <= divisor.value <= _LARGEST:
        return tree
    negative = isinstance(unknown, ast.UnaryOp) and isinstance(unknown.op, ast.USub)
    size = unknown.operand if isinstance(unknown, ast.UnaryOp) and negative else unknown
    if not is_size(size):  # a tensor, or a fraction
        return tree
    sign = -1 if negative else 1
    try:
        values = [_value(tree, found[0], sign * n % divisor.value) for n in range(divisor.value)]
    except (ArithmeticError, ValueError):
        return tree
    return _written(values, size, divisor.value) or tree


def _remainders(tree: ast.AST) -> Iterator[ast.BinOp]:
    """The remainders in an expression of whole numbers; none if there is anything else in it."""
    if _is_remainder(tree):
        yield tree
    elif isinstance(tree, ast.BinOp) and isinstance(tree.op, _INTEGER):
        yield from _remainders(tree.left)
        yield from _remainders(tree.right)
    elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in ("max", "min"):
        for argument in tree.args:
            yield from _remainders(argument)


def _is_remainder(tree: ast.AST) -> TypeGuard[ast.BinOp]:
    if not (isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mod)):
        return False
    return isinstance(tree.right, ast.Constant) and not isinstance(tree.left, ast.Constant)


def _value(tree: ast.expr, remainder: ast.BinOp, value: int) -> int:
    """The value of the expression where the remainder has one.

    Raises:
        ValueError: Something else in it is unknown.
    """
    if ast.dump(tree) == ast.dump(remainder):
        return value
    if isinstance(tree, ast.Constant) and type(tree.value) is int:
        return tree.value
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_value(tree.operand, remainder, value)
    if isinstance(tree, ast.BinOp):
        one, other = _value(tree.left, remainder, value), _value(tree.right, remainder, value)
        if isinstance(tree.op, ast.Add):
            return one + other
        if isinstance(tree.op, ast.Sub):
            return one - other
        if isinstance(tree.op, ast.Mult):
            return one * other
        if isinstance(tree.op, ast.FloorDiv):
            return one // other
        if isinstance(tree.op, ast.Mod):
            return one % other
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in ("max", "min"):
        numbers = [_value(argument, remainder, value) for argument in tree.args]
        return max(numbers) if tree.func.id == "max" else min(numbers)
    raise ValueError("unknown")


def _written(values: list[int], size: ast.expr, divisor: int) -> ast.expr | None:
    """How a number is written whose value for each remainder of the size is given."""
    if len(set(values)) == 1:
        return _plus(None, values[0])
    for sign in (1, -1):
        pattern = [sign * n % divisor for n in range(divisor)]
        offset = values[0] - pattern[0]
        if [value - offset for value in values] == pattern:
            inner: ast.expr = copy.deepcopy(size)
            if sign < 0:
                inner = ast.UnaryOp(ast.USub(), inner)
            return _plus(ast.BinOp(inner, ast.Mod(), ast.Constant(divisor)), offset)
    return None


def _plus(tree: ast.expr | None, number: int) -> ast.expr:
    constant = ast.Constant(abs(number))
    if tree is None:
        return ast.UnaryOp(ast.USub(), constant) if number < 0 else constant
    if number == 0:
        return tree
    return ast.BinOp(tree, ast.Sub() if number < 0 else ast.Add(), constant)
