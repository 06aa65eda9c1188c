"""The text of a graph -> Graph, strictly: what `codegen.graph.text` writes, for tests of passes."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable
from typing import Any

from codegen.graph import Derived, FlatOrder, Graph, Host, Module, Node, Op, Parameter, Symbol, Value
from codegen.graph.check import check_graph
from codegen.graph.expression import names_in
from codegen.graph.shapes import axis_letters
from codegen.graph.text import MODULE_NAMES, VALUE_NAMES

_WORD = r"""[A-Za-z_]\w*|'[^']*'|"[^"]*\""""
_VALUE = re.compile(
    r"\((?P<sizes>.*?)\) (?P<dtype>\w+)( perm (?P<perm>[\d,]+))?"
    rf"( flat \((?P<flat>[\d, ]+)\) by (?P<dims>[\d,]+))?( (?P<layer>{_WORD}))?"
)
_NODE = re.compile(rf"(?P<values>.*?)( ?@ (?P<layer>{_WORD}))?( ?\[(?P<op>\w+)\])?")
_MODULE = re.compile(rf"(?P<name>(?!frozen '){_WORD})?( ?frozen (?P<frozen>.+))?")


def parse_graph(text: str) -> Graph:
    """The graph that a text shows: its last class; weights have no recipes.

    Raises:
        ValueError: A line is none that `graph_text` writes; the message quotes it.
    """
    classes: dict[str, _Reader] = {}
    reader: _Reader | None = None
    for line in textwrap.dedent(text).strip().splitlines():
        try:
            code, _, note = re.sub(r"%(\d+)", r"_\1", line).partition("  # ")
            if line.startswith("class "):
                reader = _Reader(code, note, {name: known.graph for name, known in classes.items()})
                classes[code.removeprefix("class ").partition("(")[0].rstrip(":")] = reader
            elif line:
                assert reader is not None and line.startswith("    "), "a class starts with its name"
                reader.read(code.strip(), note)
        except (AssertionError, LookupError, SyntaxError, AttributeError, ValueError) as error:
            raise ValueError(f"{line.strip()!r} is no line of a graph: {error!r}") from error
    if reader is None or not reader.is_done:
        raise ValueError("the text does not end with a class that returns something")
    return reader.graph


class _Reader:
    """Reads the lines of one class."""

    def __init__(self, header: str, note: str, classes: dict[str, Graph]) -> None:
        signature = re.fullmatch(r"class (\w+)(\(.+\))?:", header)
        assert signature is not None
        self.graph = Graph(_name(note) or signature[1])
        self.classes = classes
        self.values: dict[str, Value] = {}
        self.modules: dict[str, Module] = {}
        self.params: dict[str, Parameter] = {}
        self.is_done = False
        function = ast.parse(f"def f{signature[2] or '()'}: pass").body[0]
        assert isinstance(function, ast.FunctionDef)
        arguments, defaults = function.args.args, function.args.defaults
        for argument, default in zip(
            arguments[::-1], [*defaults[::-1], *[None] * len(arguments)], strict=False
        ):
            assert argument.annotation is not None
            value = None if default is None else self._operand(default)
            parameter = Parameter(argument.arg, ast.unparse(argument.annotation), value, default is not None)
            self.params[parameter.name] = parameter
        self.graph.params = list(self.params.values())[::-1]

    def read(self, code: str, note: str) -> None:
        """One line below the header."""
        assert not self.is_done
        (statement,) = ast.parse(code).body
        if isinstance(statement, ast.Return):
            self._outputs(statement)
        elif isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]).startswith("self."):
            self._module(ast.unparse(statement.targets[0]).removeprefix("self."), statement.value, note)
        elif isinstance(statement, ast.Assign) and code.endswith(" = input"):
            self.graph.inputs += self._yielded(statement.targets[0], [_value(note)])[1]
        elif isinstance(statement, ast.Assign):
            self._node(statement.targets[0], statement.value, note)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            self.graph.doc = str(statement.value.value)
        else:
            assert isinstance(statement, ast.Expr)
            self._node(None, statement.value, note)

    def _outputs(self, statement: ast.Return) -> None:
        assert statement.value is not None
        outputs = self._operand(statement.value)
        self.graph.outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        self.is_done = True

    def _module(self, name: str, made: ast.expr, note: str) -> None:
        when = None
        if isinstance(made, ast.IfExp):
            assert ast.unparse(made.orelse) == "nn.Identity()"
            when, made = self._operand(made.test), made.body
        assert isinstance(made, ast.Call) and name not in self.modules
        said = _MODULE.fullmatch(note)
        assert said is not None
        args = [self._operand(argument) for argument in made.args]
        callee = ast.unparse(made.func)
        self.modules[name] = Module(
            _name(said["name"]) or name,
            "" if callee in self.classes else callee,
            tuple(argument for argument in args if not isinstance(argument, Module)),
            {keyword.arg or "": self._operand(keyword.value) for keyword in made.keywords},
            frozen=frozenset(ast.literal_eval(f"({said['frozen']},)") if said["frozen"] else ()),
            graph=self.classes.get(callee),
            children=tuple(argument for argument in args if isinstance(argument, Module)),
            when=when,
        )

    def _node(self, target: ast.expr | None, expression: ast.expr, note: str) -> None:
        said = _NODE.fullmatch(note)
        assert said is not None
        values = [_value(part) for part in said["values"].split("; ") if part]
        finder = _Operands(self, expression)
        template = ast.unparse(finder.visit(expression))
        layer = said["layer"]
        name = _name(layer) if layer else values[0].layer if values else ""
        node = Node(template, finder.operands, layer=name, op=Op[(said["op"] or "other").upper()])
        node.targets, made = (None, []) if target is None else self._yielded(target, values)
        for value in made:
            value.node = node
            if node.op is Op.LAYOUT:
                value.twins = node.source.twins
                value.twins[value.perm] = value
        self.graph.nodes.append(node)

    def _yielded(self, target: ast.expr, values: list[Value]) -> tuple[Any, list[Value]]:
        """What a line assigns to, with new values for its names, and these values."""
        names = [name.id for name in ast.walk(target) if isinstance(name, ast.Name) and name.id != "_"]
        names.sort(key=lambda name: int(name[1:]))
        assert not self.values.keys() & set(names)
        self.values.update(zip(names, values, strict=True))
        return self._operand(target), values

    def _operand(self, tree: ast.expr) -> Any:
        """An operand or an argument."""
        text = ast.unparse(tree)
        if isinstance(tree, (ast.Tuple, ast.List)):
            items = [self._operand(item) for item in tree.elts]
            return tuple(items) if isinstance(tree, ast.Tuple) else items
        if isinstance(tree, ast.Dict):
            keys = [ast.literal_eval(key) for key in tree.keys if key is not None]
            return dict(zip(keys, map(self._operand, tree.values), strict=True))
        if isinstance(tree, ast.Call) and text.startswith("slice("):
            return slice(*map(self._operand, tree.args))
        if text.startswith("self."):
            return self.modules[text.removeprefix("self.")]
        if re.fullmatch(r"_\d*", text):
            return None if text == "_" else self.values[text]
        if text in self.params:
            return self.params[text]
        if text in ("math.inf", "-math.inf", "math.nan"):
            return float(text.replace("math.", ""))
        try:
            return ast.literal_eval(tree)
        except ValueError:
            return (Derived if names_in(tree) & self.params.keys() else Symbol)(text)


class _Operands(ast.NodeTransformer):
    """Takes the operands out of an expression: what is left is the template."""

    def __init__(self, reader: _Reader, expression: ast.expr) -> None:
        self.reader = reader
        self.operands: dict[str, Any] = {}
        values, modules = iter(VALUE_NAMES), iter(MODULE_NAMES)
        self.plain: dict[str, str] = {}
        trees = [tree for tree in ast.walk(expression) if isinstance(tree, ast.expr)]
        named = [tree for tree in trees if _is_named(tree)]
        inside = {part for tree in named for part in ast.walk(tree)}
        plain = [tree for tree in trees if _is_plain(tree) and tree not in inside]
        for tree in sorted([*named, *plain], key=lambda tree: (tree.lineno, tree.col_offset)):
            if isinstance(tree, ast.Dict):
                assert isinstance(tree.keys[0], ast.Name)
                self._take(tree.keys[0].id, reader._operand(tree.values[0]))
            elif ast.unparse(tree) not in self.plain:
                operand = reader._operand(tree)
                name = next(modules if isinstance(operand, Module) else values)
                self._take(name, operand)
                self.plain[ast.unparse(tree)] = name

    def _take(self, name: str, operand: Any) -> None:
        assert self.operands.setdefault(name, operand) == operand, f"two operands {name}"

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        """A named operand."""
        return node.keys[0] if _is_named(node) and node.keys[0] is not None else node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A value."""
        return ast.Name(self.plain[node.id]) if _is_plain(node) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """A module."""
        return ast.Name(self.plain[ast.unparse(node)]) if _is_plain(node) else self.generic_visit(node)


def _is_named(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Dict) and [type(key) for key in tree.keys] == [ast.Name]


def _is_plain(tree: ast.AST) -> bool:
    if isinstance(tree, ast.Attribute):
        return isinstance(tree.value, ast.Name) and tree.value.id == "self" and tree.attr != "training"
    return isinstance(tree, ast.Name) and re.fullmatch(r"_\d+", tree.id) is not None


def _value(note: str) -> Value:
    said = _VALUE.fullmatch(note)
    assert said is not None, f"{note!r} says of no value what it is"
    sizes = re.split(r", (?![^(]*\))", said["sizes"].removesuffix(",")) if said["sizes"] else []
    letters = axis_letters(len(sizes))
    labels = tuple(sizes) if any(not s.isdigit() and s != letters[a] for a, s in enumerate(sizes)) else ()
    flat = FlatOrder(_numbers(said["flat"]), _digits(said["dims"])) if said["flat"] else None
    return (Host if said["dtype"] == "size" else Value)(
        tuple(int(size) if size.isdigit() else None for size in sizes),
        said["dtype"],
        _name(said["layer"]),
        _digits(said["perm"]) if said["perm"] else (),
        flat,
        labels=labels,
    )


def _digits(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",") if "," in text else text))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _name(word: str | None) -> str:
    return str(ast.literal_eval(word)) if word and word[0] in "'\"" else word or ""


def rewritten(change: Callable[[Graph], None], text: str) -> str:
    """The text of a graph after a pass, which must find and leave it valid; indented as tests are."""
    graph = parse_graph(text)
    check_graph(graph)
    change(graph)
    check_graph(graph)
    return "\n" + textwrap.indent(str(graph), "        ") + "\n    "
