"""What is known of expressions: which are literals, what they mean, what they read."""

from __future__ import annotations

import ast
from collections.abc import Iterator

#: Modules whose members are known when the file is written.
MODULES = frozenset({"torch", "F", "nn", "math"})

#: Methods that change a list.
_CHANGE = ("append", "extend", "insert", "pop", "reverse", "sort")

#: Expressions that are never None.
PRESENT = (ast.Call, ast.BinOp, ast.Compare, ast.UnaryOp, ast.Subscript, ast.List, ast.Tuple)

Function = ast.FunctionDef


def dotted(tree: ast.expr) -> str:
    """`torch.nn.Conv2d` for a name with attributes, "" for all else."""
    parts: list[str] = []
    while isinstance(tree, ast.Attribute):
        parts.append(tree.attr)
        tree = tree.value
    return ".".join([tree.id, *reversed(parts)]) if isinstance(tree, ast.Name) else ""


def is_number(tree: ast.expr) -> bool:
    """Whether it is a whole or other number, and no bool."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return is_number(tree.operand)
    return isinstance(tree, ast.Constant) and type(tree.value) in (int, float)


def is_literal(tree: ast.expr, functions: frozenset[str] = frozenset()) -> bool:
    """Whether the value is known when the file is written: numbers, words, torch's functions, `functions`."""
    if isinstance(tree, (ast.Tuple, ast.List)):
        return all(is_literal(item, functions) for item in tree.elts)
    if isinstance(tree, ast.Lambda):
        return True
    first, *rest = dotted(tree).split(".")
    if first:
        return (first in MODULES and bool(rest)) or (first in functions and not rest)
    return isinstance(tree, ast.Constant) or is_number(tree)


def is_scalar(tree: ast.expr) -> bool:
    """Whether it is a literal of one word, which may stand wherever its name stood."""
    return isinstance(tree, ast.Constant) or is_number(tree) or bool(dotted(tree))


def is_size(tree: ast.expr) -> bool:
    """Whether it is a whole number that is computed of sizes of tensors."""
    if isinstance(tree, ast.Constant):
        return type(tree.value) is int
    if isinstance(tree, ast.UnaryOp):
        return is_size(tree.operand)
    if isinstance(tree, ast.BinOp):
        return is_size(tree.left) and is_size(tree.right)
    if isinstance(tree, ast.Call):
        return dotted(tree.func) in ("max", "min") and all(map(is_size, tree.args))
    is_shape = isinstance(tree, ast.Subscript) and dotted(tree.value).endswith(".shape")
    return is_shape and isinstance(tree, ast.Subscript) and isinstance(tree.slice, ast.Constant)


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two trees are the same code."""
    return ast.dump(one) == ast.dump(other)


def is_simple(tree: ast.expr) -> bool:
    """Whether it may be written twice: a name, an attribute, a literal."""
    return isinstance(tree, (ast.Name, ast.Lambda)) or is_scalar(tree)


def loads(tree: ast.AST | list[ast.stmt]) -> Iterator[ast.Name]:
    """The names that are read in a tree, each time that they are."""
    for root in tree if isinstance(tree, list) else [tree]:
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                yield node.target


def stored(tree: ast.AST | list[ast.stmt]) -> set[str]:
    """The names that are assigned in a tree."""
    roots = tree if isinstance(tree, list) else [tree]
    nodes = (node for root in roots for node in ast.walk(root))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def changed(body: list[ast.stmt]) -> set[str]:
    """The names whose values change in place: `x += ...`, `x.append(...)`, `x[i] = ...`."""
    found: set[str] = set()
    for node in (node for root in body for node in ast.walk(root)):
        if isinstance(node, ast.AugAssign):
            found.add(dotted(node.target).split(".")[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            found.update(name.id for name in ast.walk(node.value) if isinstance(name, ast.Name))
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGE
        ):
            found.add(dotted(node.func.value).split(".")[0])
    return found


def parameters(function: Function) -> list[ast.arg]:
    """All parameters but `*args` and `**options`, in order, `self` included."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def default(function: Function, name: str) -> ast.expr | None:
    """The default of a parameter; None if it has none."""
    args = function.args
    positional = [*args.posonlyargs, *args.args]
    pairs = [*zip(reversed(positional), reversed(args.defaults), strict=False)]
    pairs += [(arg, value) for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True) if value]
    return next((value for arg, value in pairs if arg.arg == name), None)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements behind the docstring."""
    return body[1:] if docstring_of(body) is not None else body


def docstring_of(body: list[ast.stmt]) -> str | None:
    """The docstring as it stands in the source."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first.value.value if isinstance(first.value.value, str) else None
    return None
