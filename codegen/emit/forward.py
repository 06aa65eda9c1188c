"""Nodes -> the statements of one `forward`: what is one line, and what each value is called."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from codegen.emit.loose_types import loose_names, yields_any
from codegen.emit.variables import Variables
from codegen.graph import Graph, Host, Loop, Module, Node, Op, Targets, Value, naming
from codegen.graph.expression import build
from codegen.graph.ops import CALLS, SIZES
from codegen.graph.parsing import call_count, free_names
from codegen.graph.shapes import shape_text
from codegen.model.nested import instances
from codegen.torch_api import facts

#: Width of a line of `forward`'s body: black's 88 columns less the indentation.
WIDTH = 80

#: What is written where it is used, however often.
_FREE = SIZES | {Op.ALIAS, Op.NOTHING}

#: What begins a stage of its own: only casts and new axes are written inside it.
_BORDERS = frozenset({Op.FLATTEN, Op.STEPS, Op.PACK})


#: What is no call to a reader.
_SLIGHT = frozenset({Op.CAST, Op.FLATTEN, Op.EXPAND, *_FREE})

#: More tensors than these are put together on several lines.
_MANY = 6


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


class Writer:
    """Writes steps that follow one another; `codegen.emit.loops` writes those that repeat, too."""

    def __init__(self, graph: Graph, attributes: dict[Module, str]) -> None:
        self.graph = graph
        self.attributes = attributes
        self.uses = graph.uses()
        self.variables = Variables(graph, attributes, frozenset(_callees(graph)))
        self.names = self.variables.names
        self.inlined: set[Value] = set()
        self.reads: set[str] = set()
        self.untyped: set[str] = set()
        self.declared: frozenset[str] = frozenset()
        self.loose: set[str] = set()
        self.passed: set[Node] = set()

    def write(self) -> Forward:
        """The whole method."""
        arguments = self.variables.name_arguments()
        self.declared = frozenset(arguments)
        statements = self._statements()
        self.variables.name_values(statements, self.inlined)
        self._name_result(statements)
        self.loose = self._loose(statements)
        lines: list[str] = []
        steps: list[tuple[Node, ...]] = []
        typed = set(self.declared)
        for position, node in enumerate(statements):
            last = position == len(statements) - 1
            if statement := self._line(node, typed, returns=last and self._returns(node)):
                lines.extend(statement)
                steps.extend([tuple(self._written(node))] * self._count(node, statement))
        if not statements or not self._returns(statements[-1]):
            outputs = [self._text(self._value(value)) for value in self.graph.outputs]
            written = tuple(node for value in self.graph.outputs for node in self._inside(value))
            if len(outputs) == 1 and outputs[0] in self.untyped:
                result = self.variables.claim("result")
                lines.append(f"{result}: Tensor = {outputs[0]}")
                outputs = [result]
                steps.append(written)
            lines.append(f"return {', '.join(outputs)}")
            steps.append(written)
        return Forward(arguments, lines, self.reads, steps)

    def _count(self, node: Node, lines: list[str]) -> int:
        """How many statements the lines of a node are."""
        del node, lines
        return 1

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
        return self._without_results(statements, lengths)

    def _without_results(self, statements: list[Node], lengths: dict[Node, int]) -> list[Node]:
        """The statements less those that end with one of several results, which `return` computes itself."""
        outputs, count = self.graph.outputs, 0
        while count < len(statements) and self._is_result(statements[-count - 1]):
            count += 1
        last = statements[len(statements) - count :]
        length = sum(lengths[node] + 2 for node in last) + 8 * (len(outputs) - count)
        if len(outputs) < 2 or not last or len("return ") + length > WIDTH:
            return statements
        self.inlined.update(node.result for node in last)
        return statements[: len(statements) - count]

    def _is_result(self, node: Node) -> bool:
        """Whether a statement yields one of the results, which nothing else reads."""
        value = node.targets
        return isinstance(value, Value) and value in self.graph.outputs and self.uses.get(value) == 1

    def _may_inline(self, node: Node, reader: Node, lengths: dict[Node, int]) -> bool:
        """A value used once is written inside its reader, where that stays on one line and at one stage."""
        if self.uses.get(node.result) != 1 or node.result in self.graph.outputs or reader.op is Op.LOOP:
            return False
        if reader.op in CALLS and node.op is not Op.FLATTEN and not _is_light(reader):
            return False
        if reader.op in _BORDERS and node.op not in (Op.EXPAND, Op.CAST):
            return False
        if node.op is Op.LAYOUT and reader.op is not Op.LAYOUT:
            return False
        if reader.op is Op.CONCAT and self._calls(node) > 1:
            return False
        if reader.op is Op.CONCAT and len(list(reader.values())) > _MANY:  # each stands on a line of its own
            return lengths[node] <= WIDTH - 8
        others = sum(
            lengths.get(v.node, 0) for v in reader.values() if v in self.inlined and v.node is not None
        )
        return lengths[node] + others + self._length(reader) + self._target_length(reader) <= WIDTH

    def _calls(self, node: Node) -> int:
        """How many calls the expression of a node makes, casts and views aside."""
        inside = sum(
            self._calls(value.node)
            for value in node.values()
            if value in self.inlined and value.node is not None
        )
        return inside + (0 if node.op in _SLIGHT else call_count(node.template))

    def _target_length(self, node: Node) -> int:
        """About how long the left side of the statement would be, less the name that is written inside it."""
        target = node.targets
        if isinstance(target, Value) and self.uses.get(target, 0) > 1:  # it lives on
            return len(": Tensor = ") + len(target.layer)
        return 5

    def _length(self, node: Node) -> int:
        """How long the node's own expression is, with names of values that live on."""
        if node.op is Op.LOOP:
            return 0

        def name(value: Value) -> ast.expr:
            lives_on = value.node in self.passed  # a statement before the last one
            text = naming.identifier(value.layer, "x") if lives_on else self.names.get(value, "x")
            return ast.Name(text, ast.Load())

        tree = build(node.template, node.operands, name, self._module)
        return len(ast.unparse(ast.fix_missing_locations(tree)))

    # ---------------------------------------------------------------- names

    def _name_result(self, statements: list[Node]) -> None:
        """The last statement's result has a name of its own where it cannot be returned at once."""
        for node in statements[-1:]:
            unpacked = any(isinstance(v.node and v.node.targets, tuple) for v in self._reads(node.values()))
            if [node.targets] == self.graph.outputs and (unpacked or not self._returns(node)):
                self.variables.name_result(node)

    def _reads(self, values: Iterable[Value]) -> Iterator[Value]:
        """The values, or what they are computed from where they are written inside what reads them."""
        for value in values:
            if value in self.inlined and value.node is not None:
                yield from self._reads(value.node.values())
            else:
                yield value

    # ---------------------------------------------------------------- text

    def _loose(self, statements: list[Node]) -> set[str]:
        """Names that need a type from the beginning, as mypy takes what is returned of them for `Any`."""
        if len(self.graph.outputs) != 1:
            return set()
        assigned = [
            (self.names[node.targets], self._tree(node))
            for node in statements
            if isinstance(node.targets, Value)
        ]
        assigned += [
            (self.names[value], self._value(begin))
            for node in statements
            if isinstance(node, Loop)
            for value, begin in zip(node.results(), node.operands["carried"], strict=True)
        ]
        last = next((node for node in statements[-1:] if self._returns(node)), None)
        returned = self._tree(last) if last is not None else self._value(self.graph.outputs[0])
        return loose_names(assigned, returned, self.declared, self.untyped)

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
            unpacked = {self.names[value] for value in node.results() if value in self.names}
            self.untyped = self.untyped | (unpacked - typed)
            return [f"{self._text(self._target(node.targets))} = {text}"]
        name = self.names[node.targets]
        if text == name:
            return []
        annotation = ": Tensor" if name in self.loose and name not in typed else ""
        if annotation:
            typed.add(name)
        is_any = name not in typed and self._yields_any(tree)
        self.untyped = self.untyped | {name} if is_any else self.untyped - {name}
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
        return yields_any(tree, self.untyped)

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
        return _name_first(written)

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


def _name_first(tree: ast.expr) -> ast.expr:
    """A sum as people write it, what is there already in front: `self.conv(y) + x` as `x + self.conv(y)`."""
    if not isinstance(tree, ast.BinOp) or not isinstance(tree.op, ast.Add):
        return tree
    swaps = isinstance(tree.right, ast.Name) and isinstance(tree.left, ast.Call)
    return ast.BinOp(tree.right, tree.op, tree.left) if swaps else tree


def _is_light(node: Node) -> bool:
    """Whether a module only refines its input: norms, dropout, activations."""
    module, *_rest = node.modules()
    return facts(module.constructor).light
