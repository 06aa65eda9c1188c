"""Expressions of which parts are known: what is computed now is not computed when the model runs."""

from __future__ import annotations

import ast
import copy
import operator
from collections.abc import Callable, Mapping
from typing import Any

from codegen.specialise.facts import dotted, is_literal, is_number, is_simple, same
from codegen.specialise.remainders import simplify
from codegen.specialise.unrolling import LONG, Unknown, bind_target, iterated, literal, value_of
from codegen.torch_api import defaults

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len, "max": max, "min": min, "sum": sum, "abs": abs, "all": all, "any": any, "int": int
}  # fmt: skip


class Folder(ast.NodeTransformer):
    """Folds an expression.

    Args:
        known: Expressions that stand for names, and for attributes of `self` ("self.rate").
        present: Names that are not None.
    """

    def __init__(self, known: Mapping[str, ast.expr], present: frozenset[str] = frozenset()) -> None:
        self.known = known
        self.present = present

    def fold(self, tree: ast.expr) -> ast.expr:
        """The folded expression, a new tree."""
        folded: ast.expr = self.visit(copy.deepcopy(tree))
        return folded

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name that is known."""
        value = self.known.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return node if value is None else copy.deepcopy(value)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """An attribute that is known."""
        value = self.known.get(dotted(node)) if isinstance(node.ctx, ast.Load) else None
        if value is not None:
            return copy.deepcopy(value)
        self.generic_visit(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """Its own parameters hide what is known."""
        own = {arg.arg for arg in node.args.args}
        known = {name: value for name, value in self.known.items() if name not in own}
        node.body = Folder(known, self.present).visit(node.body)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Numbers are computed, lists joined and repeated."""
        self.generic_visit(node)
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(node.op, ast.Mult) and isinstance(one, (ast.List, ast.Tuple)):
                times = _count(other)
                if times == 1 or (times <= LONG and all(map(is_simple, one.elts))):
                    items = [copy.deepcopy(item) for _ in range(times) for item in one.elts]
                    return type(one)(items, ast.Load())
        for kind in (ast.List, ast.Tuple):
            if isinstance(node.op, ast.Add) and isinstance(node.left, kind) and isinstance(node.right, kind):
                return kind(node.left.elts + node.right.elts, ast.Load())
        return self._computed(node, node.op, node.left, node.right)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Comparisons of literals, and with None."""
        self.generic_visit(node)
        if len(node.ops) != 1:
            return node
        (test,), (other,) = node.ops, node.comparators
        if isinstance(test, (ast.Is, ast.IsNot)):
            is_none = self._is_none(node.left)
            if is_none is None or not (isinstance(other, ast.Constant) and other.value is None):
                return node
            return ast.Constant(is_none == isinstance(test, ast.Is))
        return self._computed(node, test, node.left, other)

    def _is_none(self, tree: ast.expr) -> bool | None:
        if isinstance(tree, ast.Constant):
            return tree.value is None
        is_one = is_literal(tree) or (isinstance(tree, ast.Name) and tree.id in self.present)
        return False if is_one else None

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """What decides stands alone, what does not is left out."""
        self.generic_visit(node)
        decides = isinstance(node.op, ast.Or)
        values: list[ast.expr] = []
        for value in node.values:
            if isinstance(value, ast.Constant):
                if bool(value.value) is decides:
                    return value
                continue
            values.append(value)
        if len(values) < 2:
            return values[0] if values else ast.Constant(not decides)
        return ast.BoolOp(node.op, values)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """`not True`."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        if isinstance(node.op, ast.USub) and same(node.operand, ast.Constant(0)):
            return node.operand
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """The one that is taken."""
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            chosen: ast.expr = self.visit(node.body if test.value else node.orelse)
            return chosen
        node.test, node.body, node.orelse = test, self.visit(node.body), self.visit(node.orelse)
        return node.body if same(node.body, node.orelse) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """An element of a list, a tuple or a dict that is written out."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Dict):
            for key, item in zip(node.value.keys, node.value.values, strict=True):
                if key is not None and same(key, node.slice):
                    return item
        if isinstance(node.value, (ast.List, ast.Tuple)) and isinstance(node.ctx, ast.Load):
            try:
                return self._elements(node.value, node.slice)
            except (Unknown, IndexError):
                return self._one_of_equals(node)
        is_step = isinstance(node.slice, ast.Slice)
        index = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if isinstance(index, ast.Slice) and index.step is not None and same(index.step, ast.Constant(1)):
            index.step = None
            rest = node.slice.elts[:-1] if isinstance(node.slice, ast.Tuple) else []
            is_all = index.lower is None and index.upper is None
            if is_all and (is_step or [item for item in rest if not _is_all(item)] == []):
                return node.value
        return node

    def _elements(self, items: ast.List | ast.Tuple, index: ast.expr) -> ast.expr:
        if isinstance(index, ast.Slice):
            bounds = [None if b is None else value_of(b) for b in (index.lower, index.upper, index.step)]
            return type(items)(items.elts[slice(*bounds)], ast.Load())
        return items.elts[int(value_of(index))]

    def _one_of_equals(self, node: ast.Subscript) -> ast.expr:
        items = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else []
        is_all = not isinstance(node.slice, (ast.Slice, ast.Tuple))
        if is_all and items and all(is_literal(item) and same(item, items[0]) for item in items):
            return items[0]
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        """Over numbers and lists that are written out."""
        elements = self._unrolled(node.elt, node.generators)
        if elements is not None:
            return ast.List(elements, ast.Load())
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        """As a tuple: it is read once, by what it stands in."""
        elements = self._unrolled(node.elt, node.generators)
        if elements is not None:
            return ast.Tuple(elements, ast.Load())
        return self._comprehension(node)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> ast.expr:
        """Its own names hide what is known."""
        own = {
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
        inner = Folder({k: v for k, v in self.known.items() if k not in own}, self.present - own)
        for index, generator in enumerate(node.generators):
            generator.iter = (self if index == 0 else inner).visit(generator.iter)
            generator.ifs = [inner.visit(test) for test in generator.ifs]
        node.elt = inner.visit(node.elt)
        return node

    def _unrolled(self, element: ast.expr, generators: list[ast.comprehension]) -> list[ast.expr] | None:
        if not generators:
            return [self.fold(element)]
        first, *rest = generators
        items = iterated(self.fold(first.iter))
        if items is None:
            return None
        elements: list[ast.expr] = []
        for item in items:
            inner = bind_target(first.target, item)
            if inner is None:
                return None
            folder = Folder({**self.known, **inner}, self.present)
            tests = [folder.fold(test) for test in first.ifs]
            if not all(isinstance(test, ast.Constant) for test in tests):
                return None
            if all(isinstance(test, ast.Constant) and test.value for test in tests):
                below = folder._unrolled(element, rest)
                if below is None:
                    return None
                elements += below
        return elements

    def visit_List(self, node: ast.List) -> ast.expr:
        """Starred lists become part of it."""
        self.generic_visit(node)
        node.elts = _spliced(node.elts)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        """Starred lists become part of it."""
        self.generic_visit(node)
        node.elts = _spliced(node.elts)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Python's functions of literals; lambdas; arguments that are the default."""
        self.generic_visit(node)
        node.args = _spliced(node.args)
        name = dotted(node.func)
        if isinstance(node.func, ast.Lambda) and not node.keywords:
            return _applied(node.func, node.args) or node
        if name in ("tuple", "list") and len(node.args) == 1 and not node.keywords:
            (items,) = node.args
            if isinstance(items, (ast.List, ast.Tuple)):
                return (ast.List if name == "list" else ast.Tuple)(items.elts, ast.Load())
        if name == "len" and isinstance(node.args[0], (ast.List, ast.Tuple)):
            return ast.Constant(len(node.args[0].elts))
        if name in _FUNCTIONS and not node.keywords:
            try:
                return literal(_FUNCTIONS[name](*map(value_of, node.args)))
            except (Unknown, ValueError, TypeError):
                return simplify(node)
        node.keywords = [word for word in node.keywords if not _is_default(name, word)]
        return node

    def _computed(self, node: ast.expr, op: ast.AST, left: ast.expr, right: ast.expr) -> ast.expr:
        compute = _OPERATORS.get(type(op))
        try:
            if compute is None:
                return node
            return literal(compute(value_of(left), value_of(right)))
        except (Unknown, ArithmeticError, TypeError, ValueError):
            return simplify(node)


def _count(tree: ast.expr) -> int:
    """A whole number; one that is too great if it is unknown."""
    return tree.value if isinstance(tree, ast.Constant) and type(tree.value) is int else LONG + 1


def _is_all(index: ast.expr) -> bool:
    if isinstance(index, ast.Constant):
        return index.value is Ellipsis
    return isinstance(index, ast.Slice) and not (index.lower or index.upper or index.step)


def _is_default(callee: str, word: ast.keyword) -> bool:
    """Whether torch takes the argument to be so by itself."""
    if callee.split(".")[0] not in ("torch", "F", "nn"):
        return False
    if isinstance(word.value, ast.Constant) and word.value.value is None:
        return True
    usual, name = defaults(callee), word.arg or ""
    if name not in usual or not (isinstance(word.value, ast.Constant) or is_number(word.value)):
        return False
    value = value_of(word.value)
    return bool(usual[name] == value) and type(usual[name]) is type(value)


def _spliced(items: list[ast.expr]) -> list[ast.expr]:
    spliced: list[ast.expr] = []
    for item in items:
        inner = item.value if isinstance(item, ast.Starred) else None
        spliced += inner.elts if isinstance(inner, (ast.List, ast.Tuple)) else [item]
    return spliced


def _applied(function: ast.Lambda, arguments: list[ast.expr]) -> ast.expr | None:
    names = [arg.arg for arg in function.args.args]
    counts = {
        name: sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(function.body)) for name in names
    }
    if len(names) != len(arguments) or function.args.defaults:
        return None
    if any(counts[name] > 1 and not is_simple(a) for name, a in zip(names, arguments, strict=True)):
        return None
    return Folder(dict(zip(names, arguments, strict=True))).fold(function.body)
