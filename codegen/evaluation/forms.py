"""What a graph computes, without shapes and names: equal for calls that one class can serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.graph import Graph, Module, Value


def form_of(graph: Graph) -> object:
    """What a graph computes, without shapes: equal for calls that one class can serve."""
    numbers = {value: index for index, value in enumerate(graph.inputs)}
    steps = []
    for node in graph.nodes:
        operands = tuple((name, _plain(operand, numbers)) for name, operand in node.operands.items())
        for value in node.results():
            numbers[value] = len(numbers)
        steps.append((node.template, operands))
    return (
        tuple(value.dtype for value in graph.inputs),
        tuple(steps),
        tuple(numbers.get(value, -1) for value in graph.outputs),
    )


def _plain(operand: Any, numbers: Mapping[Value, int]) -> object:
    if isinstance(operand, Value):
        return ("value", numbers.get(operand, -1))
    if isinstance(operand, Module):
        return ("module", id(operand))
    if isinstance(operand, (list, tuple)):
        return tuple(_plain(part, numbers) for part in operand)
    if isinstance(operand, Mapping):
        return tuple((key, _plain(part, numbers)) for key, part in operand.items())
    return repr(operand)
