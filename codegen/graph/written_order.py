"""The nodes of a graph in the order in which an author would write them: each branch to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from codegen.graph import Graph, Node, Op, Value


def written_order(graph: Graph, producer: Mapping[Value, Node]) -> list[Node]:
    """The nodes, depth first from the outputs, so that what was written as one block stands together.

    What leads from an input other than the main one comes first: an encoder before its decoder. The main
    input is the one that the outputs lead back to by what each node reads first.

    Args:
        graph: Stays as it is.
        producer: The node that makes each value.
    """
    ordered = {node: None for node in graph.nodes if node.op is Op.NOTHING}
    for value in _side_ends(graph, producer):
        _visit(value, producer, ordered)
    for value in graph.outputs:
        _visit(value, producer, ordered)
    for node in graph.nodes:  # what has an effect alone
        for value in node.values():
            _visit(value, producer, ordered)
        ordered[node] = None
    return list(ordered)


def _visit(value: Value, producer: Mapping[Value, Node], ordered: dict[Node, None]) -> None:
    """Append what leads to a value, depth first."""
    stack = [(producer.get(value), False)]
    while stack:
        node, ready = stack.pop()
        if node is None or node in ordered:
            continue
        if ready:
            ordered[node] = None
        else:
            stack.append((node, True))
            stack.extend((producer.get(source), False) for source in reversed(list(node.values())))


def _side_ends(graph: Graph, producer: Mapping[Value, Node]) -> Iterable[Value]:
    """Where the ways of all inputs but the main one end, input by input."""
    if len(graph.inputs) < 2:
        return []
    reached: dict[Value, int] = {value: 1 << number for number, value in enumerate(graph.inputs)}
    by_input: dict[int, dict[Value, None]] = {}
    for node in graph.nodes:
        sources = [(value, reached.get(value, 0)) for value in node.values()]
        own = 0
        for _, bits in sources:
            own |= bits
        for value, bits in sources:
            if bits != own and bits:
                by_input.setdefault(bits, {})[value] = None
        reached.update((value, own) for value in node.results())
    main = graph.outputs[0] if graph.outputs else None
    while main is not None and main in producer:
        main = next((value for value in producer[main].values()), None)
    order = [bits for value, bits in reached.items() if value in graph.inputs and value is not main]
    return [value for bits in order for value in by_input.get(bits, ())]
