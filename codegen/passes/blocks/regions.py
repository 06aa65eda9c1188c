"""Regions: convex parts of a graph with few inputs and one output, which could be a block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from codegen.graph import Graph, Host, Module, Node, Op, Value
from codegen.graph.written_order import written_order

#: A block reads at most so many values, and so many masks beside them.
MAX_INPUTS, MAX_MASKS = 3, 2


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a graph that can be computed as a whole.

    Attributes:
        graph: What it is a part of.
        nodes: Its nodes, each after those that it reads; the order follows from the structure alone.
        inputs: Values that it reads from outside, in the order of their first use.
        output: The one value that is read outside.
    """

    graph: Graph
    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    output: Value


@dataclass
class Flow:
    """Who reads and who makes what in a graph.

    Attributes:
        graph: The graph.
        position: Of each node.
        producer: The node that makes each value.
        readers: The nodes that read each value.
        callers: The nodes that call each module.
        before: The nodes whose results each node reads.
        after: The nodes that read the results of each node.
        order: The nodes in the order in which an author would write them.
        outputs: What the graph yields.
    """

    graph: Graph
    position: dict[Node, int] = field(default_factory=dict)
    producer: dict[Value, Node] = field(default_factory=dict)
    readers: dict[Value, list[Node]] = field(default_factory=dict)
    callers: dict[Module, set[Node]] = field(default_factory=dict)
    before: dict[Node, tuple[Node, ...]] = field(default_factory=dict)
    after: dict[Node, tuple[Node, ...]] = field(default_factory=dict)
    order: list[Node] = field(default_factory=list)
    outputs: frozenset[Value] = frozenset()

    def __post_init__(self) -> None:
        for position, node in enumerate(self.graph.nodes):
            self.position[node] = position
            self.producer.update((value, node) for value in node.results())
            for value in node.values():
                self.readers.setdefault(value, []).append(node)
            for module in node.modules():
                self.callers.setdefault(module, set()).add(node)
        for node in self.graph.nodes:
            sources = (self.producer.get(value) for value in node.values())
            self.before[node] = tuple(source for source in sources if source is not None)
            self.after[node] = tuple(r for value in node.results() for r in self.readers.get(value, ()))
        self.order = written_order(self.graph, self.producer)
        self.outputs = frozenset(self.graph.outputs)

    def closure(self, nodes: Iterable[Node]) -> set[Node]:
        """The nodes and all that lies on a path between two of them."""
        start = set(nodes)
        if len(start) == 1:
            return start
        first = min(self.position[node] for node in start)
        last = max(self.position[node] for node in start)
        below, above = set(start), set(start)
        between = self.graph.nodes[first : last + 1]
        for node in between:
            if node not in below and not below.isdisjoint(self.before[node]):
                below.add(node)
        for node in reversed(between):
            if node not in above and not above.isdisjoint(self.after[node]):
                above.add(node)
        return below & above

    def absorb(self, nodes: set[Node]) -> set[Node]:
        """The nodes with those before them that serve them alone and only read what they read anyway."""
        grown = set(nodes)
        while True:
            read = {value for node in grown for value in node.values()}
            more = {
                source
                for node in grown
                for source in self.before[node]
                if source not in grown
                and source.op is not Op.NOTHING
                and all(reader in grown for reader in self.after[source])
                and not self._leaves(source)
                and set(source.values()) <= read
            }
            if not more:
                return grown
            grown |= more

    def _leaves(self, node: Node) -> bool:
        return any(value in self.outputs for value in node.results())

    def region(
        self, nodes: Iterable[Node], *, pure: bool = False, max_inputs: int = MAX_INPUTS
    ) -> Region | None:
        """The nodes as a region; None if they are none, or share a module with others.

        Args:
            nodes: What it would consist of.
            pure: Whether it may be without any module.
            max_inputs: How many values it may read from outside, beside masks.
        """
        inside = set(nodes)
        if not inside or self.closure(inside) != inside:
            return None
        outputs = [
            value
            for node in sorted(inside, key=self.position.__getitem__)
            for value in node.results()
            if value in self.outputs or any(reader not in inside for reader in self.readers.get(value, []))
        ]
        if len(outputs) != 1 or isinstance(outputs[0], Host):
            return None
        if any(not self.callers[module] <= inside for node in inside for module in node.modules()):
            return None
        ordered, inputs = self._ordered(outputs[0], inside)
        data = [value for value in inputs if value.dtype != "bool"]
        if len(ordered) != len(inside) or not inputs or len(data) > max_inputs:
            return None
        if len(inputs) - len(data) > MAX_MASKS:
            return None
        if any(isinstance(value, Host) for value in inputs):
            return None
        if not pure and not any(True for node in inside for _ in node.modules()):
            return None
        return Region(self.graph, tuple(ordered), tuple(inputs), outputs[0])

    def _ordered(self, output: Value, inside: set[Node]) -> tuple[list[Node], list[Value]]:
        """What leads to `output`, depth first, and the values from outside, masks last."""
        ordered: dict[Node, None] = {}
        inputs: dict[Value, None] = {}
        stack: list[tuple[Value, bool]] = [(output, False)]
        while stack:
            value, ready = stack.pop()
            node = self.producer.get(value)
            if node is None or node not in inside:
                inputs[value] = None
            elif ready:
                ordered[node] = None
            elif node not in ordered:
                stack.append((value, True))
                stack.extend((source, False) for source in reversed(list(node.values())))
        return list(ordered), sorted(inputs, key=lambda value: value.dtype == "bool")
