"""Nodes -> the statements of one `forward`: what is one line, and what each value is called."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from codegen.graph import Graph, Host, Module, Node, Op, Targets, Value, naming
from codegen.graph.expression import build
from codegen.graph.ops import CALLS, SIZES
from codegen.graph.parsing import free_names
from codegen.graph.shapes import shape_text
from codegen.model.nested import instances
from codegen.torch_api import facts

#: Width of a line of `forward`'s body: black's 88 columns less the indentation.
WIDTH = 80

#: What is written where it is used, however often.
_FREE = SIZES | {Op.ALIAS}

#: What begins a stage of its own: only casts and new axes are written inside it.
_BORDERS = frozenset({Op.FLATTEN, Op.STEPS, Op.PACK})


@dataclass
class Forward:
    """The text of a `forward` method.

    Attributes:
        arguments: Names of its arguments, in order.
        body: Its statements, comments included.
        names: All names that the statements read.
        steps: The nodes that each statement computes, in the order of the statements.
    """

    arguments: list[str]
    body: list[str]
    names: set[str]
    steps: list[tuple[Node, ...]]


def write_forward(graph: Graph, attributes: dict[Module, str]) -> Forward:
    """Write the body of a class's `forward`.

    Args:
        graph: The class.
        attributes: Names of its modules.
    """
    return _Writer(graph, attributes).write()


class _Writer:
    def __init__(self, graph: Graph, attributes: dict[Module, str]) -> None:
        self.graph = graph
        self.attributes = attributes
        self.uses = graph.uses()
        self.names: dict[Value, str] = {}
        self.inlined: set[Value] = set()
        self.space = naming.variables(frozenset(_callees(graph)))
        self.reads: set[str] = set()
        self.untyped: set[str] = set()
        self.loose: set[str] = set()
        self.passed: set[Node] = set()

    def write(self) -> Forward:
        arguments = self._name_arguments()
        statements = self._statements()
        self._name_values(statements)
        self._name_result(statements)
        lines: list[str] = []
        steps: list[tuple[Node, ...]] = []
        typed: set[str] = set(arguments)
        self.loose = self._loose(statements)
        for position, node in enumerate(statements):
            last = position == len(statements) - 1
            if statement := self._line(node, typed, returns=last and self._returns(node)):
                lines.extend(statement)
                steps.append(tuple(self._written(node)))
        if not statements or not self._returns(statements[-1]):
            outputs = [self._text(self._value(value)) for value in self.graph.outputs]
            written = tuple(node for value in self.graph.outputs for node in self._inside(value))
            if len(outputs) == 1 and outputs[0] in self.untyped:
                result = self.space.claim("result")
                lines.append(f"{result}: Tensor = {outputs[0]}")
                outputs = [result]
                steps.append(written)
            lines.append(f"return {', '.join(outputs)}")
            steps.append(written)
        return Forward(arguments, lines, self.reads, steps)

    def _written(self, node: Node) -> Iterator[Node]:
        """A node, and those that are written inside it."""
        yield node
        for value in node.values():
            yield from self._inside(value)

    def _inside(self, value: Value) -> Iterator[Node]:
        if value in self.inlined and value.node is not None:
            yield from self._written(value.node)

    # ---------------------------------------------------------------- which nodes get a line

    def _statements(self) -> list[Node]:
        """The nodes that are statements of their own, in order; the others are written inside these."""
        readers: dict[Value, Node] = {value: node for node in self.graph.nodes for value in node.values()}
        self.inlined = {
            node.targets for node in self.graph.nodes if isinstance(node.targets, Value) and node.op in _FREE
        }
        lengths: dict[Node, int] = {}
        statements: list[Node] = []
        for node in self.graph.nodes:
            lengths[node] = self._length(node) + sum(
                lengths[v.node] for v in node.values() if v in self.inlined and v.node is not None
            )
            value = node.targets
            if value in self.inlined:
                continue
            reader = readers.get(value) if isinstance(value, Value) else None
            if reader is not None and self._may_inline(node, reader, lengths):
                self.inlined.add(node.result)
            else:
                self.passed.update(statements[-1:])
                statements.append(node)
        return statements

    def _may_inline(self, node: Node, reader: Node, lengths: dict[Node, int]) -> bool:
        """A value used once is written inside its reader, where that stays on one line and at one stage."""
        if self.uses.get(node.result) != 1 or node.result in self.graph.outputs:
            return False
        if reader.op in CALLS and node.op is not Op.FLATTEN and not _is_light(reader):
            return False
        if reader.op in _BORDERS and node.op not in (Op.EXPAND, Op.CAST):
            return False
        if node.op is Op.LAYOUT and reader.op is not Op.LAYOUT:
            return False
        others = sum(
            lengths.get(v.node, 0) for v in reader.values() if v in self.inlined and v.node is not None
        )
        return lengths[node] + others + self._length(reader) + self._target_length(reader) <= WIDTH

    def _target_length(self, node: Node) -> int:
        """About how long the left side of the statement would be, less the name that is written inside it."""
        target = node.targets
        if isinstance(target, Value) and self.uses.get(target, 0) > 1:  # it lives on
            return len(": Tensor = ") + len(target.layer)
        return 5

    def _length(self, node: Node) -> int:
        """How long the node's own expression is, with names of values that live on."""

        def name(value: Value) -> ast.expr:
            lives_on = value.node in self.passed  # a statement before the last one
            text = naming.identifier(value.layer, "x") if lives_on else self.names.get(value, "x")
            return ast.Name(text, ast.Load())

        tree = build(node.template, node.operands, name, self._module)
        return len(ast.unparse(ast.fix_missing_locations(tree)))

    # ---------------------------------------------------------------- names

    def _name_arguments(self) -> list[str]:
        """Arguments are named after their layers; a single one of a block is `x`."""
        arguments = []
        for value in self.graph.inputs:
            self.names[value] = self.space.claim(naming.identifier(value.layer, "x"))
            arguments.append(self.names[value])
        return arguments

    def _name_values(self, statements: list[Node]) -> None:
        """The running value is `x`; a value that another `x` would overwrite is named after its layer."""
        last_use = self._last_uses(statements)
        spans: dict[Value, tuple[int, int]] = {}
        for position, node in enumerate(statements):
            for value in node.results():
                if value in self.uses:
                    spans[value] = (position, last_use.get(value, position))
        running, running_spans = self._running_name(last_use)
        for value in sorted(spans, key=lambda value: spans[value][1] - spans[value][0]):
            start, end = spans[value]
            alone = isinstance(value.node, Node) and value.node.targets is value
            if (
                alone
                and _is_tensor(value)
                and all(end <= other_start or other_end <= start for other_start, other_end in running_spans)
            ):
                self.names[value] = running
                running_spans.append((start, end))
        tensors = {value.layer for value in spans if value.dtype != "bool"}
        for value in spans:
            if value not in self.names:
                wanted = naming.identifier(value.layer, "y")
                if value.dtype == "bool" and value.layer in tensors:
                    wanted = f"{wanted}_mask" if "mask" in self.names.values() else "mask"
                self.names[value] = self.space.claim(wanted)

    def _name_result(self, statements: list[Node]) -> None:
        """What a module yields last is named after it: its type must be said, and only once."""
        for node in statements[-1:]:
            unpacked = any(isinstance(v.node and v.node.targets, tuple) for v in self._reads(node.values()))
            if [node.targets] == self.graph.outputs and (unpacked or not self._returns(node)):
                self.names[node.result] = self.space.claim(naming.identifier(node.result.layer, "y"))

    def _reads(self, values: Iterable[Value]) -> Iterator[Value]:
        """The values, or what they are computed from where they are written inside what reads them."""
        for value in values:
            if value in self.inlined and value.node is not None:
                yield from self._reads(value.node.values())
            else:
                yield value

    def _running_name(self, last_use: dict[Value, int]) -> tuple[str, list[tuple[int, int]]]:
        """The running value's name, and where it is taken: `x`, or `y` beside an `x` that lives on."""
        argument = next((value for value in self.graph.inputs if self.names[value] == "x"), None)
        if argument is None:
            return self.space.claim("x"), []
        if last_use.get(argument, 0) == 0:
            return "x", [(-1, 0)]
        return self.space.claim("y"), []

    def _last_uses(self, statements: list[Node]) -> dict[Value, int]:
        """The position of the last statement that reads each value, directly or through what is inside it."""
        last: dict[Value, int] = {}
        for position, node in enumerate(statements):
            last.update((value, position) for value in self._reads(node.values()))
        return last | dict.fromkeys(self._reads(self.graph.outputs), len(statements))

    # ---------------------------------------------------------------- text

    def _loose(self, statements: list[Node]) -> set[str]:
        """Names that need a type from the beginning, as mypy takes what is returned of them for `Any`."""
        loose: set[str] = set()
        for node in statements:
            if isinstance(node.targets, Value):
                tree, name = self._tree(node), {self.names[node.targets]}
                loose = loose | name if self._yields_any(tree) or loose & _exposed(tree) else loose - name
        last = statements[-1:]
        returned = [self._tree(node) for node in last if self._returns(node)]
        returned = returned or [self._value(value) for value in self.graph.outputs]
        return loose & {name for tree in returned for name in _exposed(tree)}

    def _returns(self, node: Node) -> bool:
        """Whether the statement can be the `return` itself."""
        return [node.targets] == self.graph.outputs and not self._yields_any(self._tree(node))

    def _line(self, node: Node, typed: set[str], *, returns: bool) -> list[str]:
        tree = self._tree(node)
        text = self._text(tree)
        if returns:
            return [f"return {text}"]
        if node.targets is None:
            return [text]
        if not isinstance(node.targets, Value):
            self.untyped.update(self.names[value] for value in node.results() if value in self.names)
            return [f"{self._text(self._target(node.targets))} = {text}"]
        name = self.names[node.targets]
        if text == name:
            return []
        needs_type = self._yields_any(tree) or name in self.loose
        annotation = ": Tensor" if needs_type and name not in typed else ""
        typed.add(name)
        line = f"{name}{annotation} = {text}"
        if isinstance(tree, ast.IfExp) and len(line) > WIDTH and not annotation:
            return self._choice(name, tree)
        return [line + self._comment(node, len(line))]

    def _choice(self, name: str, tree: ast.expr) -> list[str]:
        """A choice that is too long for one line, as an `if` statement."""
        lines: list[str] = []
        while isinstance(tree, ast.IfExp):
            word = "elif" if lines else "if"
            lines += [f"{word} {self._text(tree.test)}:", f"    {name} = {self._text(tree.body)}"]
            tree = tree.orelse
        other = self._text(tree)
        return lines if other == name else [*lines, "else:", f"    {name} = {other}"]

    def _yields_any(self, tree: ast.expr) -> bool:
        """Whether mypy takes the expression for `Any`: what a module's call yields, and what comes of it."""
        if isinstance(tree, ast.Name):
            return tree.id in self.untyped
        if isinstance(tree, ast.Call):
            function = tree.func
            if not isinstance(function, ast.Attribute):
                return False
            is_own = isinstance(function.value, ast.Name) and function.value.id == "self"
            return is_own or self._yields_any(function.value)
        if isinstance(tree, ast.BinOp):
            return self._yields_any(tree.left) or self._yields_any(tree.right)
        if isinstance(tree, (ast.Attribute, ast.Subscript)):
            return self._yields_any(tree.value)
        return isinstance(tree, ast.UnaryOp) and self._yields_any(tree.operand)

    def _comment(self, node: Node, length: int) -> str:
        """The result's shape, where it is another than that of what the line reads."""
        value = node.result
        if value.rank < 2 or isinstance(value, Host):
            return ""
        comment = f"  # {shape_text(value)}"
        before = {shape_text(source) for source in self._read_values(node)}
        return comment if shape_text(value) not in before and length + len(comment) <= WIDTH else ""

    def _read_values(self, node: Node) -> list[Value]:
        found = []
        for value in node.values():
            if value in self.inlined and value.node is not None:
                found.extend(self._read_values(value.node))
            else:
                found.append(value)
        return found

    def _tree(self, node: Node) -> ast.expr:
        tree = build(node.template, node.operands, self._value, self._module)
        written: ast.expr = _Methods(self._yields_any).visit(tree)
        return written

    def _text(self, tree: ast.expr) -> str:
        self.reads.update(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
        return ast.unparse(ast.fix_missing_locations(tree))

    def _value(self, value: Value) -> ast.expr:
        if value in self.inlined and value.node is not None:
            return self._tree(value.node)
        return ast.Name(self.names[value], ast.Load())

    def _module(self, module: Module) -> ast.expr:
        return ast.Attribute(ast.Name("self", ast.Load()), self.attributes[module], ast.Load())

    def _target(self, targets: Targets) -> ast.expr:
        """The left side of an assignment; what nobody reads is `_`."""
        if isinstance(targets, tuple) and any(value in self.names for value in instances(targets, Value)):
            return ast.Tuple([self._target(target) for target in targets], ast.Store())
        name = self.names.get(targets, "_") if isinstance(targets, Value) else "_"
        return ast.Name(name, ast.Store())


class _Methods(ast.NodeTransformer):
    """Functions that are written as methods where their tensor's type is unknown: `unflatten` has none."""

    def __init__(self, yields_any: Callable[[ast.expr], bool]) -> None:
        self.yields_any = yields_any

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`torch.unflatten(self.query(x), ...)` as `self.query(x).unflatten(...)`."""
        self.generic_visit(node)
        if ast.unparse(node.func) == "torch.unflatten" and self.yields_any(node.args[0]):
            return ast.Call(ast.Attribute(node.args[0], "unflatten", ast.Load()), node.args[1:], [])
        return node


def _callees(graph: Graph) -> Iterator[str]:
    """The names of functions and modules in a graph's expressions."""
    for node in graph.nodes:
        yield from (name for name in free_names(node.template) if name not in node.operands)


def _exposed(tree: ast.expr) -> set[str]:
    """Names whose types an expression's type follows."""
    if isinstance(tree, ast.Name):
        return {tree.id}
    if isinstance(tree, ast.IfExp):
        return _exposed(tree.body) | _exposed(tree.orelse)
    if isinstance(tree, ast.BinOp):
        return _exposed(tree.left) | _exposed(tree.right)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        return _exposed(tree.func.value)
    if isinstance(tree, (ast.Attribute, ast.Subscript)):
        return _exposed(tree.value)
    return set()


def _is_tensor(value: Value) -> bool:
    """Whether the value is a tensor, as the running value is: no number of the host, no packed sequence."""
    return not isinstance(value, Host) and (value.node is None or value.node.op is not Op.PACK)


def _is_light(node: Node) -> bool:
    """Whether a module only refines its input: norms, dropout, activations."""
    module, *_rest = node.modules()
    return facts(module.constructor).light
