"""Nodes -> the statements of one `forward` with its loops."""

from __future__ import annotations

import ast
import re

from codegen.emit.forward import Forward, Writer
from codegen.emit.variables import Variables
from codegen.graph import Graph, Loop, Module, Node, Value, naming


def write_forward(graph: Graph, attributes: dict[Module, str]) -> Forward:
    """Write the body of a class's `forward`.

    Args:
        graph: The class.
        attributes: Names of its modules.
    """
    return _LoopWriter(graph, attributes).write()


class _LoopWriter(Writer):
    """Writes loops as `for` statements."""

    def _count(self, node: Node, lines: list[str]) -> int:
        is_loop = isinstance(node, Loop)
        return 1 + next((n for n, line in enumerate(lines) if line.startswith("for ")), 0) if is_loop else 1

    def _line(self, node: Node, typed: set[str], *, returns: bool) -> list[str]:
        if isinstance(node, Loop):
            return self._loop(node, typed)
        return super()._line(node, typed, returns=returns)

    def _loop(self, node: Loop, typed: set[str]) -> list[str]:
        """A `for` statement, after what it begins with."""
        lines = []
        variables = [self.names[value] for value in node.results()]
        for variable, begin in zip(variables, node.operands["carried"], strict=True):
            tree = self._value(begin)
            if (text := self._text(tree)) == variable:
                continue
            annotation = ": Tensor" if variable in self.loose and variable not in typed else ""
            if self._yields_any(tree) and not annotation:
                self.untyped = self.untyped | {variable}
            lines.append(f"{variable}{annotation} = {text}")
        item, over = "_", f"range({node.times})"
        if node.item is not None and node.item.graph is not None:
            item = self.variables.claim(naming.identifier(_snake(node.item.graph.name)))
            over = f"self.{self.attributes[node.operands['modules'][0]]}"
        constants = [self._text(self._value(value)) for value in node.operands["constants"]]
        body = _Body(node, self.attributes, self.variables, item)
        inside = body.lines([*variables, *constants], typed | set(variables) | set(constants))
        self.reads |= body.reads
        return [*lines, f"for {item} in {over}:", *(f"    {line}" for line in inside)]


class _Body(_LoopWriter):
    """Writes what is done again and again."""

    def __init__(self, loop: Loop, attributes: dict[Module, str], outside: Variables, item: str) -> None:
        super().__init__(loop.body, attributes)
        self.loop = loop
        self.outside = outside
        self.item = item

    def lines(self, variables: list[str], typed: set[str]) -> list[str]:
        """The statements, each time's results in the variables that the next time reads."""
        graph = self.graph
        self.names.update(zip(graph.inputs, variables, strict=True))
        statements = self._statements()
        last = {value: at for at, node in enumerate(statements) for value in self._reads(node.values())}
        position = {node: at for at, node in enumerate(statements)}
        moved: list[tuple[str, Value]] = []
        for value, old, name in zip(graph.outputs, graph.inputs, variables, strict=False):
            if value.node in position and last.get(old, -1) <= position[value.node]:
                self.names[value] = name
            else:
                moved.append((name, value))
        for node in statements:
            for value in node.results():
                if value not in self.names:
                    self.names[value] = self.outside.claim(naming.identifier(value.layer, "y"))
        lines = [line for node in statements for line in self._line(node, typed, returns=False)]
        ends = [f"{name} = {self._text(self._value(value))}" for name, value in moved]
        return lines + [end for end in ends if end.partition(" = ")[0] != end.partition(" = ")[2]]

    def _module(self, module: Module) -> ast.expr:
        if module is self.loop.item:
            return ast.Name(self.item, ast.Load())
        return super()._module(module)


def _snake(name: str) -> str:
    """`GatedConv` -> gated_conv."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
