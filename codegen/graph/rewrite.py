"""Edits of a graph that leave it valid: what passes change it with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codegen.graph.core import Graph, Node, Operand, Value
from codegen.graph.ops import Op
from codegen.model.nested import map_nested


def fill(operand: Operand, replacements: Mapping[Any, Any]) -> Operand:
    """An operand with the values, modules or other objects inside it replaced."""
    kinds = tuple({type(key) for key in replacements})
    filled: Operand = map_nested(
        lambda part: replacements.get(part, part) if isinstance(part, kinds) else part, operand
    )
    return filled


def reread(node: Node, replacements: Mapping[Any, Any]) -> None:
    """Let a node read other values or modules than before."""
    node.operands = {name: fill(operand, replacements) for name, operand in node.operands.items()}


def replace(graph: Graph, values: Mapping[Value, Value]) -> None:
    """Let all that reads the old values read the new ones; what yields the old ones stays."""
    for node in graph.nodes:
        reread(node, values)
    graph.outputs = [values.get(value, value) for value in graph.outputs]


def remove(graph: Graph, nodes: Iterable[Node]) -> None:
    """Take nodes out; nothing may read their results any more."""
    gone = set(nodes)
    graph.nodes = [node for node in graph.nodes if node not in gone]


def substitute(graph: Graph, nodes: Iterable[Node], new: Sequence[Node]) -> None:
    """Put new nodes where the last of some nodes stands, and take these out.

    Args:
        graph: Changed in place.
        nodes: Are taken out.
        new: Yield all that is read of their results.
    """
    nodes = list(nodes)
    gone = set(nodes)
    last = max(position for position, node in enumerate(graph.nodes) if node in gone)
    before, behind = graph.nodes[:last], graph.nodes[last + 1 :]
    graph.nodes = [*(node for node in before if node not in gone), *new, *behind]
    for node in new:
        node.replaces += tuple(old for old in nodes if old is not node)
        for value in node.results():
            value.node = node


def remove_unused(graph: Graph) -> None:
    """Take out what no output needs; what changes a state stays, and so do the inputs."""
    needed: set[Value] = set(graph.outputs)
    unused: list[Node] = []
    for node in reversed(graph.nodes):
        if node.involves(Op.EFFECT) or needed.intersection(node.results()):
            needed.update(node.values())
        else:
            unused.append(node)
    remove(graph, unused)
