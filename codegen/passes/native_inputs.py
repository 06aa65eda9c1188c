"""Where all that a class does with an input is one permute, its caller does it."""

from __future__ import annotations

from collections.abc import Callable

from codegen.graph import Graph, Op, Value
from codegen.graph.rewrite import remove


def take_native_inputs(graph: Graph, may_take: Callable[[Value], bool] = lambda _: True) -> None:
    """Let a class take its inputs as its layers want them.

    Args:
        graph: Changed in place.
        may_take: Whether an input may be taken in this layout.
    """
    for position, value in enumerate(graph.inputs):
        readers = [node for node in graph.nodes if value in node.values()]
        if len(readers) == 1 and readers[0].op is Op.LAYOUT and value not in graph.outputs:
            (twin,) = readers[0].results()
            if value.twins.get(twin.perm) is twin and may_take(twin):
                remove(graph, readers)
                graph.inputs[position], twin.node = twin, None


def take_channels_first(graph: Graph) -> None:
    """Let the model take its images as N,C,H,W, where its layers want them so."""
    take_native_inputs(graph, lambda value: value.perm == (0, value.rank - 1, *range(1, value.rank - 1)))
