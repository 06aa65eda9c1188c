"""Candidates for blocks: stretches of the written order that occur at least twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from codegen.graph import Node
from codegen.passes.blocks.lines import node_lines
from codegen.passes.blocks.patterns import single_key
from codegen.passes.blocks.regions import MAX_INPUTS, MAX_MASKS, Flow

#: Longest stretch that may be a block, and how many stretches are looked at in full.
MAX_LENGTH, MAX_STRETCHES = 160, 80

#: Of the places of a stretch so many are looked at before it is taken for a candidate.
_SAMPLE = 8


@dataclass(frozen=True, eq=False)
class Series:
    """The nodes of a graph in the written order.

    Attributes:
        flow: The graph.
        nodes: The nodes.
        keys: What each node does, as a number.
        reads: The positions of the nodes that each node reads; -1 - n for the n-th value from elsewhere.
        until: The position of the last node that reads what each node makes.
        lines: How many lines the nodes before each position take.
        calls: How many of the nodes before each position call modules.
    """

    flow: Flow
    nodes: list[Node]
    keys: list[int]
    reads: list[tuple[int, ...]]
    until: list[int]
    lines: list[float]
    calls: list[int]

    def is_block(self, start: int, end: int) -> bool:
        """Whether a stretch calls modules, reads few values from outside and makes one for outside."""
        if self.calls[end] == self.calls[start]:
            return False
        if sum(until >= end for until in self.until[start:end]) != 1:
            return False
        outside = {source for sources in self.reads[start:end] for source in sources if source < start}
        return 1 <= len(outside) <= MAX_INPUTS + MAX_MASKS


@dataclass(frozen=True)
class Place:
    """The stretch `start:end` of a series."""

    series: Series
    start: int
    end: int

    @property
    def nodes(self) -> list[Node]:
        """What stands there."""
        return self.series.nodes[self.start : self.end]

    def cuts_run(self) -> bool:
        """Whether it repeats a shorter stretch, which goes on before or behind it."""
        keys = self.series.keys
        steps = keys[self.start : self.end]
        for period in _periods(steps):
            behind = keys[self.end : self.end + period] == steps[len(steps) - period :]
            before = self.start >= period and keys[self.start - period : self.start] == steps[:period]
            if behind or before:
                return True
        return False


def _periods(keys: list[int]) -> Iterator[int]:
    """The lengths after which a stretch repeats itself, as its last elements are its first ones, too."""
    borders = [0] * len(keys)
    for end in range(1, len(keys)):
        border = borders[end - 1]
        while border and keys[border] != keys[end]:
            border = borders[border - 1]
        borders[end] = border + 1 if keys[border] == keys[end] else 0
    border = borders[-1]
    while border:
        yield len(keys) - border
        border = borders[border - 1]


class Keys:
    """What nodes do, as numbers; equal for nodes that may be the same step of a block."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[Node, tuple[int, float]] = {}

    def forget(self, nodes: Iterable[Node]) -> None:
        """Look at these nodes again: they were changed."""
        for node in nodes:
            self._known.pop(node, None)

    def of(self, node: Node, flow: Flow) -> tuple[int, float]:
        """The number of what a node does, and how many lines it takes."""
        if node not in self._known:
            shared = any(len(flow.callers[m]) > 1 for m in node.modules() if m.constructor != "attribute")
            key: Hashable = node if shared else single_key(flow.graph, node)
            self._known[node] = self._numbers.setdefault(key, len(self._numbers)), node_lines(node)
        return self._known[node]


def series(flow: Flow, keys: Keys) -> Series:
    """The series of a graph."""
    nodes = flow.order
    position = {node: number for number, node in enumerate(nodes)}
    outside: dict[object, int] = {}
    facts = [keys.of(node, flow) for node in nodes]
    reads = [
        tuple(
            (
                position[flow.producer[value]]
                if value in flow.producer
                else -1 - outside.setdefault(value, len(outside))
            )
            for value in node.values()
        )
        for node in nodes
    ]
    until = [
        (
            len(nodes)
            if any(value in flow.outputs for value in node.results())
            else max((position[reader] for reader in flow.after[node]), default=-1)
        )
        for node in nodes
    ]
    calls = [any(True for _ in node.modules()) for node in nodes]
    return Series(
        flow,
        nodes,
        [key for key, _ in facts],
        reads,
        until,
        [0.0, *accumulate(lines for _, lines in facts)],
        [0, *accumulate(calls)],
    )


def repeats(all_series: Iterable[Series]) -> list[tuple[float, list[Place]]]:
    """Stretches that occur at least twice, each with the lines that it may save at most; best first."""
    ranked: list[tuple[float, list[Place]]] = []
    for places in _groups(all_series):
        if places[0].end - places[0].start < 2:
            continue
        sample = [place for place in places[:_SAMPLE] if place.series.is_block(place.start, place.end)]
        if not sample:
            continue
        if sample[0].cuts_run():
            continue
        chosen = _apart(p for p in places if p.series.is_block(p.start, p.end))
        if len(chosen) > 1:
            lines = chosen[0].series.lines
            size = lines[chosen[0].end] - lines[chosen[0].start]
            ranked.append(((len(chosen) - 1) * size, chosen))
    return sorted(ranked, key=lambda item: -item[0])[:MAX_STRETCHES]


def _groups(all_series: Iterable[Series]) -> Iterator[list[Place]]:
    """The places of equal stretches, shorter stretches first."""
    level = [[(series, start) for series in all_series for start in range(len(series.nodes))]]
    length = 0
    while level and length < MAX_LENGTH:
        longer: list[list[tuple[Series, int]]] = []
        for group in level:
            by_key: dict[int, list[tuple[Series, int]]] = {}
            for series, start in group:
                if start + length < len(series.nodes):
                    by_key.setdefault(series.keys[start + length], []).append((series, start))
            longer.extend(same for same in by_key.values() if len(same) > 1)
        level, length = longer, length + 1
        for group in level:
            yield [Place(series, start, start + length) for series, start in group]


def _apart(places: Iterable[Place]) -> list[Place]:
    """The places that do not overlap, from the front."""
    chosen: list[Place] = []
    for place in places:
        if not chosen or chosen[-1].series is not place.series or chosen[-1].end <= place.start:
            chosen.append(place)
    return chosen
