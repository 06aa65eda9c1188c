"""How long the values of one `forward` live, and what is computed meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from codegen.graph import Graph, Loop, Node, Op, Value
from codegen.graph.ops import COMMUTATIVE


class Spans:
    """The lives of values, in positions of statements; arguments begin at -1.

    Attributes:
        values: Those that statements yield and something reads, in order.
        joined: What loops carry, with what it begins with, where that is needed no more: one variable.
    """

    def __init__(self, graph: Graph, statements: Sequence[Node], inlined: Collection[Value]) -> None:
        self._inputs = list(graph.inputs)
        self._statements = statements
        self._parts = [list(_parts(node, inlined)) for node in statements]
        self._reads = [_read(parts, inlined) for parts in self._parts]
        result = Node("outputs", {"outputs": graph.outputs})
        last = _read(list(_parts(result, inlined)), inlined)
        self._span: dict[Value, tuple[float, float]] = dict.fromkeys(graph.inputs, (-1, 0))
        uses = graph.uses()
        for position, node in enumerate(statements):
            self._span.update((value, (position, position)) for value in node.results() if value in uses)
        for position, read in enumerate([*self._reads, last]):
            for value in read & self._span.keys():
                self._span[value] = (self._span[value][0], position)
        self.joined: dict[Value, Value] = {}
        for position, node in enumerate(statements):
            if isinstance(node, Loop):
                self._join(position, node)
        self.values = [value for value in self._span if value not in graph.inputs]

    def _join(self, position: int, loop: Loop) -> None:
        """What a loop carries lives while it runs, and what it begins with goes on in it."""
        taken: set[Value] = set()
        for value, begin in zip(loop.results(), loop.operands["carried"], strict=True):
            first = self.joined.get(begin, begin)
            end = max(self._span.get(value, (0, 0))[1], position + 0.5)
            is_free = first in self._span and first not in taken and first not in self._inputs
            if is_free and self._span[first][1] in (position, position + 0.5):
                taken.add(first)
                self.joined[value] = first
                self._span[first] = self._span[first][0], end
                self._span.pop(value, None)
            else:
                self._span[value] = position - 0.5, end

    def by_length(self) -> list[Value]:
        """The values, the shortest lives first."""
        return sorted(self.values, key=self.length)

    def length(self, value: Value) -> float:
        """How many statements later a value is last read."""
        return self._span[value][1] - self._span[value][0]

    def overlap(self, a: Value, b: Value) -> bool:
        """Whether two values live at the same time; a result may take the place of what it is made of."""
        (start, end), (other_start, other_end) = self._span[a], self._span[b]
        return end > other_start and other_end > start

    def holds(self, outer: Value, inner: Value) -> bool:
        """Whether a value lives as long as another one, and longer."""
        (start, end), (inner_start, inner_end) = self._span[outer], self._span[inner]
        return start < inner_start and inner_end <= end

    def is_trunk(self, value: Value) -> bool:
        """Whether all that is computed while a value lives is to be added to it, or multiplied with it."""
        start, end = self._span[value]
        between = range(int(start) + 1, int(end))
        if value in self.joined.values() or not between or not self.ends_in(value, *COMMUTATIVE):
            return False
        own = {inner for position in between for inner in self._statements[position].results()}
        return all(self._span[inner][1] <= end for inner in own & self._span.keys()) and all(
            self._reads[position] & (own | {value}) for position in between
        )

    def side(self, trunk: Value) -> list[Value]:
        """What is computed while a value lives."""
        start, end = self._span[trunk]
        between = [self._statements[position] for position in range(int(start) + 1, int(end))]
        return [value for node in between for value in node.results() if value in self._span]

    def ends_in(self, value: Value, *ops: Op) -> bool:
        """Whether one of these operations puts a value together with others, where it is last read."""
        end = int(self._span[value][1])
        parts = self._parts[end] if end < len(self._parts) else []
        return any(
            node.op in ops and value in node.values() and len(set(node.values())) > 1 for node in parts
        )

    def origin(self, value: Value) -> Value | None:
        """The one argument of several from which a value is computed, and nothing else."""
        if len(self._inputs) < 2:
            return None
        found: set[Value] = set()
        stack, seen = [value], {value}
        while stack:
            current = stack.pop()
            if current in self._inputs:
                found.add(current)
            before = set(current.node.values()) - seen if current.node is not None else set()
            seen |= before
            stack.extend(before)
        return found.pop() if len(found) == 1 else None


def _parts(node: Node, inlined: Collection[Value]) -> Iterator[Node]:
    """A statement and what is written inside it."""
    yield node
    for value in node.values():
        if value in inlined and value.node is not None:
            yield from _parts(value.node, inlined)


def _read(parts: list[Node], inlined: Collection[Value]) -> set[Value]:
    return {value for node in parts for value in node.values() if value not in inlined or value.node is None}
