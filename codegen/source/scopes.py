"""Which variables of a function are its own, shared with functions inside it, or of functions around it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(eq=False)
class Scope:
    """The names of one function, lambda or comprehension.

    Attributes:
        bound: Parameters, and what is assigned.
        cells: Those of them that inner functions see.
        free: Names of outer functions that it or inner functions see.
        children: The functions in it, by their syntax.
    """

    is_comprehension: bool = False
    parent: Scope | None = None
    bound: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)
    cells: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    children: dict[ast.AST, Scope] = field(default_factory=dict)
    is_generator: bool = False


def function_scope(node: FunctionNode) -> Scope:
    """The scope of a function that stands in no other one."""
    scope = Scope()
    _fill(scope, node)
    _resolve(scope, frozenset())
    return scope


def statement_scope(statements: Iterable[ast.stmt]) -> Scope:
    """The scope of statements as if they were the body of a function."""
    scope = Scope()
    for statement in statements:
        _Names(scope).visit(statement)
    _resolve(scope, frozenset())
    return scope


def parameters(arguments: ast.arguments) -> list[str]:
    """The names of all parameters."""
    nodes = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    nodes += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [argument.arg for argument in nodes]


def _fill(scope: Scope, node: FunctionNode) -> None:
    scope.bound.update(parameters(node.args))
    names = _Names(scope)
    for statement in [node.body] if isinstance(node, ast.Lambda) else node.body:
        names.visit(statement)


def _resolve(scope: Scope, around: frozenset[str]) -> set[str]:
    """Find cells and free variables; returns the names that the scope wants of what is around it."""
    scope.bound -= scope.declared
    visible = around | scope.bound
    wanted: set[str] = set()
    for child in scope.children.values():
        wanted |= _resolve(child, visible)
    own = {name for name in scope.used | scope.declared if name in around and name not in scope.bound}
    scope.cells = tuple(sorted(wanted & scope.bound))
    scope.free = tuple(sorted(own | (wanted - scope.bound)))
    return set(scope.free)


class _Names(ast.NodeVisitor):
    """Collects the names of one scope, and makes those of the functions in it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def visit_Name(self, node: ast.Name) -> None:
        (self.scope.used if isinstance(node.ctx, ast.Load) else self.scope.bound).add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.scope.bound.add(node.name)
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.scope.bound.add(node.name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scope.bound.add(node.name)

    def visit_Import(self, node: ast.Import) -> None:
        self.scope.bound.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.scope.bound.update(alias.asname or alias.name for alias in node.names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """What handles errors is never reached."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Global(self, node: ast.Global) -> None:
        self.scope.declared.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.declared.update(node.names)

    def visit_Yield(self, node: ast.Yield) -> None:
        self.scope.is_generator = True
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        scope = self.scope
        while scope.is_comprehension and scope.parent is not None:
            scope.declared.add(node.target.id)
            scope = scope.parent
        scope.bound.add(node.target.id)
        self.visit(node.value)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node, [node.key, node.value])

    def _function(self, node: FunctionNode) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        child = self.scope.children[node] = Scope(parent=self.scope)
        _fill(child, node)

    def _comprehension(self, node: Comprehension, results: list[ast.expr]) -> None:
        child = self.scope.children[node] = Scope(is_comprehension=True, parent=self.scope)
        child.bound.add(ITERABLE)
        child.is_generator = isinstance(node, ast.GeneratorExp)
        self.visit(node.generators[0].iter)
        inner = _Names(child)
        for index, generator in enumerate(node.generators):
            inner.visit(generator.target)
            if index:
                inner.visit(generator.iter)
            for condition in generator.ifs:
                inner.visit(condition)
        for result in results:
            inner.visit(result)


#: The parameter of a comprehension: what its first loop is over.
ITERABLE = ".0"
