"""Candidates for blocks: steps in which branches meet, where names say nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from codegen.graph import Node, Op, Value
from codegen.passes.blocks.candidates import add_use
from codegen.passes.blocks.names import is_automatic, tokens
from codegen.passes.blocks.patterns import Pattern, trace
from codegen.passes.blocks.regions import Flow, Region

#: Such a step has at least and at most so many nodes.
_LEAST, _MOST = 4, 60


def by_joins(flows: Iterable[Flow]) -> dict[Hashable, list[Pattern]]:
    """Steps in which branches meet, with the activation behind, as patterns by what joins."""
    groups: dict[Hashable, list[Pattern]] = {}
    for flow in flows:
        for join, step in _steps(flow):
            unnamed = sum(is_automatic(tokens(node.layer)) for node in step.nodes)
            if len(step.nodes) < _LEAST or 2 * unnamed < len(step.nodes):
                continue
            region = flow.region([*step.nodes, *_activation(flow, step.output)])
            if region is not None:
                add_use(groups.setdefault(join.form, []), trace(region))
    return groups


def _activation(flow: Flow, value: Value) -> list[Node]:
    """The activation that reads a value, if nothing else does."""
    readers = flow.readers.get(value, [])
    alone = len(readers) == 1 and value not in flow.outputs
    return readers if alone and readers[0].op is Op.ACTIVATION else []


def _steps(flow: Flow) -> Iterator[tuple[Node, Region]]:
    """The nodes where branches meet, with all behind the last value through which everything passes."""
    dominators = _dominators(flow)
    for node in flow.graph.nodes:
        read = [value for value in node.results() if value in flow.readers or value in flow.outputs]
        if len(read) != 1 or len(set(_data(node))) < 2:
            continue
        above = _behind(flow, node, dominators[node])
        if above:
            nodes = {other for other in above if other is node or not _makes_shared_mask(flow, other, above)}
            region = flow.region(nodes, pure=True, max_inputs=1)
            if region is not None:
                yield node, region


def _behind(flow: Flow, node: Node, dominator: Node | None) -> set[Node]:
    """What lies between a node and its dominator, the node with it; nothing if that is much."""
    start = flow.position[dominator] if dominator is not None else -1
    above = {node}
    stack = [node]
    while stack:
        for source in flow.before[stack.pop()]:
            if source not in above and flow.position[source] > start:
                above.add(source)
                stack.append(source)
        if len(above) > _MOST:
            return set()
    return above


def _makes_shared_mask(flow: Flow, node: Node, inside: set[Node]) -> bool:
    """Whether a node yields a mask that others read, too."""
    is_mask = all(value.dtype == "bool" for value in node.results())
    return is_mask and not inside.issuperset(flow.after[node])


def _data(node: Node) -> list[Value]:
    """The values that a node reads, without the masks that go along with them."""
    values = list(node.values())
    return [value for value in values if value.dtype != "bool"] or values


def _dominators(flow: Flow) -> dict[Node, Node | None]:
    """The last node through which all data passes on its way to each node; None for an input of the graph."""
    dominators: dict[Node, Node | None] = {}
    depth: dict[Node | None, int] = {None: 0}
    for node in flow.graph.nodes:
        sources: list[Node | None] = [flow.producer.get(value) for value in _data(node)]
        common = sources[0] if sources else None
        for source in sources[1:]:
            while common is not source:
                if depth[common] >= depth[source]:
                    common = dominators[common] if common is not None else None
                else:
                    source = dominators[source] if source is not None else None
        dominators[node] = common
        depth[node] = depth[common] + 1
    return dominators
