"""Removes what no output depends on."""

from __future__ import annotations

from codegen.graph import Graph, Node, Op, Value


def remove_dead_code(graph: Graph, *, keep_inputs: bool = True) -> None:
    """Drop nodes that no output of the graph needs; what changes a state stays.

    Args:
        graph: Changed in place.
        keep_inputs: Whether inputs that nothing reads stay in the signature.
    """
    needed: set[Value] = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if node.involves(Op.EFFECT) or needed.intersection(node.results()):
            kept.append(node)
            needed.update(node.values())
    graph.nodes = kept[::-1]
    if not keep_inputs:
        graph.inputs = [value for value in graph.inputs if value in needed]
