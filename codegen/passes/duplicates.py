"""What is computed twice from the same values is computed once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from codegen.graph import Graph, Node, Symbol, Value, definitions
from codegen.passes.blocks.patterns import fill


def merge_duplicates(root: Graph) -> None:
    """Let all readers of equal expressions read the first one, in the model and in the models inside it."""
    for graph in definitions(root):
        known: dict[Hashable, Value] = {}
        renamed: dict[Value, Value] = {}
        kept: list[Node] = []
        for node in graph.nodes:
            node.operands = {name: fill(operand, renamed) for name, operand in node.operands.items()}
            value = node.targets
            if isinstance(value, Value) and node.is_pure and value not in graph.outputs:
                key = (node.form, value.perm, value.shape, _key(tuple(node.operands.items())))
                if key in known:
                    renamed[value] = known[key]
                    continue
                known[key] = value
            kept.append(node)
        graph.nodes = kept


def _key(operand: Any) -> Hashable:
    if isinstance(operand, (Value, Symbol)):
        return operand
    if isinstance(operand, (tuple, list)):
        return (type(operand).__name__, *map(_key, operand))
    if isinstance(operand, slice):
        return ("slice", _key((operand.start, operand.stop, operand.step)))
    return repr(operand)
