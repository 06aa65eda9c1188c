"""What is computed twice from the same values is computed once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from codegen.graph import Graph, Symbol, Value, definitions
from codegen.graph.rewrite import fill, remove, replace


def merge_duplicates(root: Graph) -> None:
    """Let all readers of equal expressions read the first one, in the model and in the models inside it."""
    for graph in definitions(root):
        known: dict[Hashable, Value] = {}
        same: dict[Value, Value] = {}
        for node in graph.nodes:
            value = node.targets
            if isinstance(value, Value) and node.is_pure and value not in graph.outputs:
                operands = tuple((name, fill(operand, same)) for name, operand in node.operands.items())
                first = known.setdefault((node.form, value.perm, value.shape, _key(operands)), value)
                if first is not value:
                    same[value] = first
                    assert first.node is not None
                    first.node.replaces += (node,)
        remove(graph, [value.node for value in same if value.node is not None])
        replace(graph, same)


def _key(operand: Any) -> Hashable:
    if isinstance(operand, (Value, Symbol)):
        return operand
    if isinstance(operand, (tuple, list)):
        return (type(operand).__name__, *map(_key, operand))
    if isinstance(operand, slice):
        return ("slice", _key((operand.start, operand.stop, operand.step)))
    return repr(operand)
