"""Functions of Python source as routines in the normal form that compiled functions have, too."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from codegen.bytecode.routine import Routine
from codegen.source.code import Label
from codegen.source.expressions import Expressions, operator
from codegen.source.scopes import FunctionNode, Scope, statement_scope


def value_routine(name: str, statements: Sequence[ast.stmt], file: str) -> Routine:
    """A function without parameters that returns what a name stands for behind these statements."""
    scope = statement_scope(statements)
    compiler = _Statements(scope, file)
    compiler.run(statements)
    compiler.load(name)
    compiler.code.add("return")
    instructions = compiler.code.finished()
    return Routine(
        "<lambda>", (), (), "", "", scope.cells, scope.free, is_generator=False, floors=False,
        instructions=instructions, file=file,
    )  # fmt: skip


def _function(node: FunctionNode, scope: Scope, name: str, file: str) -> Routine:
    compiler = _Statements(scope, file)
    compiler.code.line = node.lineno
    if isinstance(node, ast.Lambda):
        compiler.value(node.body)
        compiler.code.add("return")
    else:
        compiler.run(node.body)
    arguments = node.args
    return Routine(
        name,
        tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args)),
        tuple(argument.arg for argument in arguments.kwonlyargs),
        arguments.vararg.arg if arguments.vararg else "",
        arguments.kwarg.arg if arguments.kwarg else "",
        scope.cells,
        scope.free,
        scope.is_generator,
        floors=False,
        instructions=compiler.code.finished(),
        file=file,
    )


class _Statements(Expressions):
    """Compiles the statements of one function."""

    def __init__(self, scope: Scope, file: str) -> None:
        super().__init__(scope, file, lambda node, inner, name: _function(node, inner, name, file))
        self._loops: list[tuple[Label, Label, int]] = []
        self._managers = 0

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Compile statements in their order."""
        for statement in statements:
            self.code.line = statement.lineno
            handler = _STATEMENTS.get(type(statement))
            if handler is None:
                self.code.add("unsupported", type(statement).__name__)
            else:
                handler(self, statement)

    # ---------------------------------------------------------------- assignments

    def expression(self, node: ast.Expr) -> None:
        """An expression whose result nobody wants; texts are documentation."""
        if not isinstance(node.value, ast.Constant):
            self.value(node.value)
            self.code.add("pop")

    def assignment(self, node: ast.Assign) -> None:
        """`a = b = c`."""
        self.value(node.value)
        for target in node.targets[:-1]:
            self.code.add("copy", 1)
            self.assign(target)
        self.assign(node.targets[-1])

    def annotated(self, node: ast.AnnAssign) -> None:
        """`a: int = b`."""
        if node.value is not None:
            self.value(node.value)
            self.assign(node.target)

    def update(self, node: ast.AugAssign) -> None:
        """`a += b`."""
        target = node.target
        if isinstance(target, ast.Name):
            self.load(target.id)
        elif isinstance(target, ast.Attribute):
            self.value(target.value)
            self.code.add("attribute", target.attr)
        else:
            self.value(target.value)
            self.value(target.slice)
            self.code.add("item")
        self.value(node.value)
        self.code.add("update", operator(node.op))
        self.assign(target)

    def delete(self, node: ast.Delete) -> None:
        """`del a`: of variables, and of the mask of a tensor."""
        for target in node.targets:
            if isinstance(target, ast.Name) and self.kind(target.id) == "local":
                self.code.add("unset", target.id)
            elif isinstance(target, ast.Attribute) and target.attr == "_keras_mask":
                self.code.add("constant")
                self.assign(target)
            else:
                self.code.add("unsupported", "Delete")

    # ---------------------------------------------------------------- control

    def choose(self, node: ast.If) -> None:
        """`if`."""
        otherwise, end = Label(), Label()
        self.value(node.test)
        self.code.add("jump_if", (otherwise, False))
        self.run(node.body)
        self.code.add("jump", end)
        self.code.put(otherwise)
        self.run(node.orelse)
        self.code.put(end)

    def for_(self, node: ast.For) -> None:
        """`for`."""
        again, over, end = Label(), Label(), Label()
        self.value(node.iter)
        self.code.add("iterate")
        self.code.put(again)
        self.code.add("next", (over, True))
        self.assign(node.target)
        self._loops.append((again, end, self._managers))
        self.run(node.body)
        self._loops.pop()
        self.code.add("jump", again)
        self.code.put(over)
        self.run(node.orelse)
        out = Label()
        self.code.add("jump", out)
        self.code.put(end)
        self.code.add("pop")  # the iterator
        self.code.put(out)

    def while_(self, node: ast.While) -> None:
        """`while`; something lies on the stack as in a `for`."""
        again, over, end, out = Label(), Label(), Label(), Label()
        self.code.add("constant")
        self.code.put(again)
        self.value(node.test)
        self.code.add("jump_if", (over, False))
        self._loops.append((again, end, self._managers))
        self.run(node.body)
        self._loops.pop()
        self.code.add("jump", again)
        self.code.put(over)
        self.code.add("pop")
        self.run(node.orelse)
        self.code.add("jump", out)
        self.code.put(end)
        self.code.add("pop")
        self.code.put(out)

    def leave(self, node: ast.Break | ast.Continue) -> None:
        """`break`, `continue`."""
        again, end, managers = self._loops[-1] if self._loops else (Label(), Label(), 0)
        for _ in range(self._managers - managers):
            self.code.add("pop")
        self.code.add("jump", end if isinstance(node, ast.Break) else again)

    def return_(self, node: ast.Return) -> None:
        """`return`."""
        if node.value is None:
            self.code.add("constant")
        else:
            self.value(node.value)
        self.code.add("return")

    def raise_(self, node: ast.Raise) -> None:
        """`raise`."""
        if node.exc is not None:
            self.value(node.exc)
        self.code.add("raise", int(node.exc is not None))

    def assert_(self, node: ast.Assert) -> None:
        """`assert`."""
        fine = Label()
        self.value(node.test)
        self.code.add("jump_if", (fine, True))
        self.code.add("global", "AssertionError")
        self.code.add("raise", 1)
        self.code.put(fine)

    def with_(self, node: ast.With) -> None:
        """`with`: what leaves the context lies on the stack below what is done in it."""
        for item in node.items:
            self.value(item.context_expr)
            self.code.add("with")
            if item.optional_vars is None:
                self.code.add("pop")
            else:
                self.assign(item.optional_vars)
            self._managers += 1
        self.run(node.body)
        for _ in node.items:
            self.code.add("pop")
            self._managers -= 1

    def try_(self, node: ast.Try) -> None:
        """`try`: what goes wrong in it is refused, so that nothing is ever handled."""
        self.run([*node.body, *node.orelse, *node.finalbody])

    # ---------------------------------------------------------------- definitions and imports

    def define(self, node: ast.FunctionDef) -> None:
        """`def`."""
        for decorator in node.decorator_list:
            self.value(decorator)
        self.function(node, node.name)
        for _ in node.decorator_list:
            self.code.add("call", (1, ()))
        self.store(node.name)

    def import_(self, node: ast.Import) -> None:
        """`import a.b as c`."""
        for alias in node.names:
            root = alias.name.partition(".")[0]
            self.code.add("bring", (0, alias.name if alias.asname else root, ""))
            self.store(alias.asname or root)

    def import_from(self, node: ast.ImportFrom) -> None:
        """`from a import b as c`."""
        for alias in node.names:
            self.code.add("bring", (node.level, node.module or "", alias.name))
            self.store(alias.asname or alias.name)


_STATEMENTS: dict[type[ast.stmt], Callable[[_Statements, Any], None]] = {
    ast.AnnAssign: _Statements.annotated,
    ast.Assert: _Statements.assert_,
    ast.Assign: _Statements.assignment,
    ast.AugAssign: _Statements.update,
    ast.Break: _Statements.leave,
    ast.Continue: _Statements.leave,
    ast.Delete: _Statements.delete,
    ast.Expr: _Statements.expression,
    ast.For: _Statements.for_,
    ast.FunctionDef: _Statements.define,
    ast.Global: lambda *_: None,
    ast.If: _Statements.choose,
    ast.Import: _Statements.import_,
    ast.ImportFrom: _Statements.import_from,
    ast.Nonlocal: lambda *_: None,
    ast.Pass: lambda *_: None,
    ast.Raise: _Statements.raise_,
    ast.Return: _Statements.return_,
    ast.Try: _Statements.try_,
    ast.While: _Statements.while_,
    ast.With: _Statements.with_,
}
