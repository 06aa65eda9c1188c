"""Whether a graph is valid: what every pass may rely on, and must leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from codegen.graph.core import (
    Derived,
    Graph,
    Host,
    Module,
    Node,
    Parameter,
    Value,
    definitions,
    with_children,
)
from codegen.graph.expression import names_in
from codegen.graph.ops import CALLS
from codegen.graph.parsing import parse_template
from codegen.graph.templates import TemplateError, check_template
from codegen.model.nested import instances


class InvalidGraph(Exception):
    """A graph contradicts itself: a mistake in a layer function or a pass of ours."""


def check_graph(root: Graph) -> None:
    """Verify a graph and the classes inside it.

    Every value is made once and before it is read, and knows its node; layouts are layouts; templates
    name operands and what the generated file knows; what is called is called as its class says; no
    module is in two classes.

    Raises:
        InvalidGraph: It is not valid; the message names the class, and the node or module.
    """
    homes: dict[Module, Graph] = {}
    for graph in definitions(root):
        _Checker(graph).check()
        for module in with_children(graph.modules()):
            if homes.setdefault(module, graph) is not graph:
                _fail(graph, module, f"it is in {homes[module].name!r} as well")


class _Checker:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made: set[Value] = set()

    def check(self) -> None:
        """Verify one class."""
        graph = self.graph
        self._make(graph.inputs, None)
        for node in graph.nodes:
            for value in node.values():
                if value not in self.made:
                    self._fail(node, "it reads a value that nothing before it yields")
            self._check_parameters(node, list(node.operands.values()))
            try:
                check_template(node.template, node.operands)
            except TemplateError as error:
                self._fail(node, str(error))
            self._make(node.results(), node)
            self._check_call(node)
        if not graph.outputs or not self.made.issuperset(graph.outputs):
            self._fail(graph, "it returns nothing, or a value that nothing yields")
        for module in with_children(graph.modules()):
            self._check_module(module)

    def _make(self, values: Iterable[Value], node: Node | None) -> None:
        for value in values:
            where = node or value
            if value in self.made:
                self._fail(where, "its result exists already")
            if value.node is not node:
                self._fail(where, "its result takes another node for its own")
            self.made.add(value)
            self._check_value(where, value)

    def _check_value(self, where: Node | Value, value: Value) -> None:
        if sorted(value.perm) != list(range(value.rank)):
            self._fail(where, f"{value.perm} is no layout of the shape {value.shape}")
        if value.labels and len(value.labels) != value.rank:
            self._fail(where, f"{value.labels} are no sizes of the shape {value.shape}")
        if isinstance(value, Host) != (value.dtype == "size"):
            self._fail(where, f"a {type(value).__name__} has no dtype {value.dtype!r}")
        if value.flat and sorted(value.flat.dims) != list(range(len(value.flat.sizes))):
            self._fail(where, f"{value.flat} is no order")
        for perm, twin in value.twins.items():
            if (twin.shape, twin.dtype) != (value.shape, value.dtype) or perm not in (twin.perm, (-1,)):
                self._fail(where, f"its twin of layout {perm} is another tensor")

    def _check_call(self, node: Node) -> None:
        """A class is called with as many values as it takes, and yields as many as it returns."""
        for module in node.modules():
            if module.graph is None or node.op not in CALLS:
                continue
            given, made = len(list(node.values())), len(list(node.results()))
            takes, returns = len(module.graph.inputs), len(module.graph.outputs)
            needs = sum(not value.optional for value in module.graph.inputs)
            if made != returns or not needs <= given <= takes:
                self._fail(
                    node, f"{module.graph.name!r} makes {returns} of {takes} values, not {made} of {given}"
                )

    def _check_module(self, module: Module) -> None:
        if bool(module.constructor) == (module.graph is not None):
            self._fail(module, "it needs a constructor or a class")
        if module.children and module.constructor not in ("nn.Sequential", "nn.ModuleList"):
            self._fail(module, "only an nn.Sequential or nn.ModuleList is made of others")
        self._check_parameters(module, [module.args, module.kwargs, module.when])
        if module.graph is None:
            return
        params = {parameter.name: parameter for parameter in module.graph.params}
        given = [*list(params)[: len(module.args)], *module.kwargs]
        needed = [name for name, parameter in params.items() if not parameter.has_default]
        if len(module.args) > len(params) or len(set(given)) < len(given):
            self._fail(module, "an argument is given twice, or to no parameter")
        if not set(needed) <= set(given) <= params.keys():
            self._fail(module, f"{module.graph.name!r} takes {list(params)}, it is given {given}")
        inside = [m for graph in definitions(module.graph) for m in with_children(graph.modules())]
        if not module.members.keys() <= set(inside).union(*(part.members.values() for part in inside)):
            self._fail(module, f"it has members that {module.graph.name!r} knows nothing of")

    def _check_parameters(self, where: Node | Module, operand: Any) -> None:
        """What is computed from parameters is computed from those of this class."""
        names = {parameter.name for parameter in self.graph.params}
        for part in _symbolic(operand):
            read = {part.name} if isinstance(part, Parameter) else names_in(parse_template(part.code))
            if not read <= names:
                self._fail(where, f"{', '.join(sorted(read - names))} is no parameter of its class")

    def _fail(self, where: Graph | Node | Module | Value, problem: str) -> NoReturn:
        _fail(self.graph, where, problem)


def _symbolic(operand: Any) -> Iterator[Parameter | Derived]:
    yield from instances(operand, Parameter)
    yield from instances(operand, Derived)


def _fail(graph: Graph, where: Graph | Node | Module | Value, problem: str) -> NoReturn:
    if isinstance(where, Node):
        place = f"node {where.template!r} of layer {where.layer!r}"
    elif isinstance(where, Module):
        place = f"module {where.name!r} ({where.constructor or 'a class'})"
    else:
        place = f"input {where.layer!r}" if isinstance(where, Value) else "the class"
    raise InvalidGraph(f"in {graph.name!r}, {place}: {problem}")
