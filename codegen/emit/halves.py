"""A model that is to be trained in two halves: up to what the loss is computed from, and from there on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegen.emit.forward import Forward
from codegen.emit.loops import write_forward
from codegen.graph import Graph, Module, Node, Value

#: The method that yields what the loss is computed from.
METHOD = "forward_training"


@dataclass(frozen=True)
class Halves:
    """The two halves of a model.

    Attributes:
        first: From the inputs to what the loss is computed from.
        second: From there to the outputs.
    """

    first: Graph
    second: Graph


def halve(graph: Graph, loss_inputs: Sequence[Value]) -> Halves | None:
    """Split a model; None if its outputs are computed from more than what the loss is.

    Args:
        graph: The model, whose outputs are its own alone.
        loss_inputs: What the loss is computed from.
    """
    needed = set(loss_inputs)
    before: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.results()):
            needed.update(node.values())
            before.insert(0, node)
    after = [node for node in graph.nodes if node not in set(before)]
    made = {value for node in after for value in node.results()}
    read = {value for node in after for value in node.values()} | set(graph.outputs)
    if not read - made <= set(loss_inputs):
        return None
    first = Graph(graph.name, graph.inputs, before, list(loss_inputs))
    return Halves(first, Graph(graph.name, list(dict.fromkeys(loss_inputs)), after, graph.outputs))


def write_halves(halves: Halves, attributes: dict[Module, str]) -> tuple[Forward, Forward]:
    """The bodies of `forward_training` and of the `forward` that calls it."""
    first, second = (write_forward(half, attributes) for half in (halves.first, halves.second))
    used = {value for node in halves.second.nodes for value in node.values()} | set(halves.second.outputs)
    names = dict(zip(halves.second.inputs, second.arguments, strict=True))
    targets = [names.get(value, "_") if value in used else "_" for value in halves.first.outputs]
    seen: set[str] = set()
    for index, name in enumerate(targets):
        targets[index] = "_" if name in seen else name
        seen.add(name)
    call = f"{', '.join(targets)} = self.{METHOD}({', '.join(first.arguments)})"
    steps = [tuple(halves.first.nodes), *second.steps]
    return first, Forward(first.arguments, [call, *second.body], first.names | second.names, steps)
