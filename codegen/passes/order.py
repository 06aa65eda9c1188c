"""The way of each input is written to its end before that of the next one begins."""

from __future__ import annotations

from codegen.graph import Graph, Node, Op, Value, definitions


def follow_inputs(root: Graph) -> None:
    """Order the expressions of a model, and of the models inside it, by the last input that they need.

    So an encoder stands before the decoder that reads it, and the attributes in that order, too. Keras lists
    layers by their depth. Where a state is changed, all stays as it is.
    """
    for graph in definitions(root):
        if len(graph.inputs) > 1 and not graph.doc and not any(n.involves(Op.EFFECT) for n in graph.nodes):
            ranks = _ranks(graph)
            graph.nodes.sort(key=lambda node: ranks[node])


def _ranks(graph: Graph) -> dict[Node, int]:
    """The place of the last input that each node needs."""
    places: dict[Value, int] = {value: place for place, value in enumerate(graph.inputs)}
    ranks: dict[Node, int] = {}
    for node in graph.nodes:
        ranks[node] = max((places[value] for value in node.values()), default=0)
        places.update(dict.fromkeys(node.results(), ranks[node]))
    return ranks
