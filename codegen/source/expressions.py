"""Expressions of Python source as instructions of the normal form that compiled functions have, too."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from codegen.bytecode.routine import Cell, Routine
from codegen.source.code import Code, Label
from codegen.source.scopes import ITERABLE, Comprehension, Scope

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^",
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Invert: "~"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def operator(node: ast.operator) -> str:
    """The sign of an operator."""
    return _BINARY[type(node)]


class Expressions:
    """Compiles the expressions of one function.

    Args:
        scope: Its variables.
        file: The name of the file in which it stands.
        make: Compiles a function within this one: its syntax, its scope.
    """

    def __init__(self, scope: Scope, file: str, make: Callable[[Any, Scope, str], Routine]) -> None:
        self.scope, self.file, self.make = scope, file, make
        self.code = Code()

    def value(self, node: ast.expr) -> None:
        """Push what an expression yields."""
        before, self.code.line = self.code.line, node.lineno
        handler = _EXPRESSIONS.get(type(node))
        if handler is None:
            self.code.add("unsupported", type(node).__name__)
        else:
            handler(self, node)
        self.code.line = before

    # ---------------------------------------------------------------- names

    def load(self, name: str) -> None:
        """Push a variable."""
        self.code.add(self.kind(name), name)

    def store(self, name: str) -> None:
        """The topmost value becomes a variable."""
        kind = self.kind(name)
        if kind == "global":
            self.code.add("unsupported", f"global {name}")
        else:
            self.code.add("store" if kind == "local" else "store_cell", name)

    def kind(self, name: str) -> str:
        """Whether a variable is local, a cell or global."""
        if name in self.scope.cells or name in self.scope.free:
            return "cell"
        return "local" if name in self.scope.bound else "global"

    def assign(self, target: ast.expr) -> None:
        """The topmost value goes to a target."""
        if isinstance(target, ast.Name):
            self.store(target.id)
        elif isinstance(target, ast.Attribute):
            self.value(target.value)
            self.code.add("store_attribute", target.attr)
        elif isinstance(target, ast.Subscript):
            self.value(target.value)
            self.value(target.slice)
            self.code.add("store_item")
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts)
        else:
            self.code.add("unsupported", type(target).__name__)

    def _unpack(self, targets: Sequence[ast.expr]) -> None:
        starred = [index for index, item in enumerate(targets) if isinstance(item, ast.Starred)]
        if starred:
            self.code.add("unpack_rest", (starred[0], len(targets) - starred[0] - 1))
        else:
            self.code.add("unpack", len(targets))
        for item in targets:
            self.assign(item.value if isinstance(item, ast.Starred) else item)

    # ---------------------------------------------------------------- operators

    def bool_op(self, node: ast.BoolOp) -> None:
        """`a and b`, `a or b`."""
        end = Label()
        for index, part in enumerate(node.values):
            self.value(part)
            if index < len(node.values) - 1:
                self.code.add("jump_or_pop", (end, isinstance(node.op, ast.Or)))
        self.code.put(end)

    def compare(self, node: ast.Compare) -> None:
        """`a < b`, `a < b < c`."""
        self.value(node.left)
        failed, end = Label(), Label()
        for index, (sign, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            self.value(right)
            if index < len(node.ops) - 1:
                self.code.add("copy", 1)
                self.code.add("sink", 3)
                self.code.add("compare", _COMPARE[type(sign)])
                self.code.add("jump_or_pop", (failed, False))
            else:
                self.code.add("compare", _COMPARE[type(sign)])
        if len(node.ops) > 1:
            self.code.add("jump", end)
            self.code.put(failed)
            self.code.add("swap", 2)
            self.code.add("pop")
            self.code.put(end)

    def choice(self, node: ast.IfExp) -> None:
        """`a if condition else b`."""
        otherwise, end = Label(), Label()
        self.value(node.test)
        self.code.add("jump_if", (otherwise, False))
        self.value(node.body)
        self.code.add("jump", end)
        self.code.put(otherwise)
        self.value(node.orelse)
        self.code.put(end)

    # ---------------------------------------------------------------- collections

    def items(self, nodes: Sequence[ast.expr], kind: str) -> None:
        """A list, tuple or set."""
        if not any(isinstance(item, ast.Starred) for item in nodes):
            for item in nodes:
                self.value(item)
            self.code.add(kind, len(nodes))
            return
        self.code.add("set" if kind == "set" else "list", 0)
        for item in nodes:
            self.value(item.value if isinstance(item, ast.Starred) else item)
            spread = isinstance(item, ast.Starred)
            self.code.add("extend" if spread else "add" if kind == "set" else "append", 1)
        if kind == "tuple":
            self.code.add("as_tuple")

    def dict_(self, node: ast.Dict) -> None:
        """`{"a": 1, **others}`."""
        self.code.add("dict", 0)
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.value(value)
                self.code.add("merge", 1)
            else:
                self.value(key)
                self.value(value)
                self.code.add("enter", 1)

    def slice_(self, node: ast.Slice) -> None:
        """`a:b:c`."""
        for part in (node.lower, node.upper, node.step):
            if part is None:
                self.code.add("constant")
            else:
                self.value(part)
        self.code.add("slice", 3)

    def text(self, node: ast.JoinedStr) -> None:
        """A formatted text."""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.value(part.value)
                spec = part.format_spec
                plain = spec is None and part.conversion in (-1, ord("s"))
                self.code.add("format", "" if plain else "formatted")
            else:
                self.value(part)
        self.code.add("text", len(node.values))

    # ---------------------------------------------------------------- functions

    def call(self, node: ast.Call) -> None:
        """`function(a, *b, c=1, **d)`."""
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            self.code.add("super")
            return
        self.value(node.func)
        spreads = any(isinstance(arg, ast.Starred) for arg in node.args)
        if not spreads and all(word.arg is not None for word in node.keywords):
            for arg in [*node.args, *(word.value for word in node.keywords)]:
                self.value(arg)
            names = tuple(word.arg for word in node.keywords)
            self.code.add("call", (len(node.args) + len(names), names))
            return
        self.items(node.args, "list")
        self.code.add("dict", 0)
        for word in node.keywords:
            if word.arg is not None:
                self.code.add("constant", word.arg)
            self.value(word.value)
            self.code.add("merge" if word.arg is None else "enter", 1)
        self.code.add("call_spread", arg=True)

    def function(self, node: Any, name: str) -> None:
        """Push a function that is defined here."""
        arguments: ast.arguments = node.args
        has = 0
        if arguments.defaults:
            self.items(arguments.defaults, "tuple")
            has |= 1
        named = [
            (argument.arg, default)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        if named:
            self.code.add("dict", 0)
            for argument, default in named:
                self.code.add("constant", argument)
                self.value(default)
                self.code.add("enter", 1)
            has |= 2
        self._routine(self.make(node, self.scope.children[node], name), has)

    def _routine(self, routine: Routine, has: int) -> None:
        if routine.free:
            for name in routine.free:
                self.code.add("constant", Cell(name))
            self.code.add("tuple", len(routine.free))
            has |= 8
        self.code.add("constant", routine)
        self.code.add("function", has)

    def comprehension(self, node: Comprehension) -> None:
        """A comprehension is a function that is called with what its first loop is over."""
        scope = self.scope.children[node]
        inner = Expressions(scope, self.file, self.make)
        inner.code.line = node.lineno
        inner.fill(node)
        routine = Routine(
            "<lambda>", (ITERABLE,), (), "", "", scope.cells, scope.free, scope.is_generator, floors=False,
            instructions=inner.code.finished(), file=self.file,
        )  # fmt: skip
        self._routine(routine, 0)
        self.value(node.generators[0].iter)
        self.code.add("call", (1, ()))

    def fill(self, node: Comprehension) -> None:
        """The body of a comprehension."""
        kind = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict"}.get(type(node), "")
        if kind:
            self.code.add(kind, 0)
        self._loop(node, 0)
        if kind:
            self.code.add("return")

    def _loop(self, node: Comprehension, depth: int) -> None:
        if depth == len(node.generators):
            self._element(node, depth)
            return
        generator = node.generators[depth]
        again, end = Label(), Label()
        if depth:
            self.value(generator.iter)
        else:
            self.load(ITERABLE)
        self.code.add("iterate")
        self.code.put(again)
        self.code.add("next", (end, True))
        self.assign(generator.target)
        for condition in generator.ifs:
            self.value(condition)
            self.code.add("jump_if", (again, False))
        self._loop(node, depth + 1)
        self.code.add("jump", again)
        self.code.put(end)

    def _element(self, node: Comprehension, depth: int) -> None:
        if isinstance(node, ast.DictComp):
            self.value(node.key)
            self.value(node.value)
            self.code.add("enter", depth + 1)
            return
        self.value(node.elt)
        if isinstance(node, ast.GeneratorExp):
            self.code.add("yield")
            self.code.add("pop")
        else:
            self.code.add("append" if isinstance(node, ast.ListComp) else "add", depth + 1)

    # ---------------------------------------------------------------- the rest

    def attribute(self, node: ast.Attribute) -> None:
        """`a.b`."""
        self.value(node.value)
        self.code.add("attribute", node.attr)

    def item(self, node: ast.Subscript) -> None:
        """`a[b]`."""
        self.value(node.value)
        self.value(node.slice)
        self.code.add("item")

    def binary(self, node: ast.BinOp) -> None:
        """`a + b`."""
        self.value(node.left)
        self.value(node.right)
        self.code.add("binary", operator(node.op))

    def unary(self, node: ast.UnaryOp) -> None:
        """`-a`."""
        self.value(node.operand)
        self.code.add("unary", _UNARY[type(node.op)])

    def constant(self, node: ast.Constant) -> None:
        """A number, a text, None."""
        if isinstance(node.value, bytes):
            self.code.add("unsupported", "bytes")
        else:
            self.code.add("constant", node.value)

    def named(self, node: ast.NamedExpr) -> None:
        """`(a := b)`."""
        self.value(node.value)
        self.code.add("copy", 1)
        self.store(node.target.id)

    def yield_(self, node: ast.Yield) -> None:
        """`yield a`."""
        self.value(node.value or ast.Constant(None, lineno=node.lineno))
        self.code.add("yield")


_EXPRESSIONS: dict[type[ast.expr], Callable[[Expressions, Any], None]] = {
    ast.Attribute: Expressions.attribute,
    ast.BinOp: Expressions.binary,
    ast.BoolOp: Expressions.bool_op,
    ast.Call: Expressions.call,
    ast.Compare: Expressions.compare,
    ast.Constant: Expressions.constant,
    ast.Dict: Expressions.dict_,
    ast.DictComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.IfExp: Expressions.choice,
    ast.JoinedStr: Expressions.text,
    ast.Lambda: lambda self, node: self.function(node, "<lambda>"),
    ast.List: lambda self, node: self.items(node.elts, "list"),
    ast.ListComp: Expressions.comprehension,
    ast.Name: lambda self, node: self.load(node.id),
    ast.NamedExpr: Expressions.named,
    ast.Set: lambda self, node: self.items(node.elts, "set"),
    ast.SetComp: Expressions.comprehension,
    ast.Slice: Expressions.slice_,
    ast.Subscript: Expressions.item,
    ast.Tuple: lambda self, node: self.items(node.elts, "tuple"),
    ast.UnaryOp: Expressions.unary,
    ast.Yield: Expressions.yield_,
}
