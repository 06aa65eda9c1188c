"""Candidates for blocks: what repeats along a chain of values through which all data passes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from codegen.graph import Node, Op, Value
from codegen.passes.blocks.candidates import add_use
from codegen.passes.blocks.names import affinity, is_automatic, tokens
from codegen.passes.blocks.patterns import Pattern, body, trace
from codegen.passes.blocks.regions import Flow, Region

#: Longest run of steps along a chain that may be a block, and how many such runs are looked at in full.
MAX_STEPS, MAX_RUNS = 30, 60

#: Steps in which branches meet have at least so many nodes.
_LEAST = 4


@dataclass(frozen=True, eq=False)
class _Step:
    """All that leads from one value to the next one through which everything passes."""

    nodes: tuple[Node, ...]
    key: Hashable
    body: float
    first: str
    last: str


Chain = tuple[Flow, list[_Step]]
Place = tuple[Flow, list[_Step], int, int]  # steps `start:end` of a chain


def by_joins(found: Iterable[Chain]) -> dict[Hashable, list[Pattern]]:
    """Steps in which branches meet, where names say nothing, with the activation behind, by what joins."""
    groups: dict[Hashable, list[Pattern]] = {}
    for flow, chain in found:
        for step, following in zip(chain, [*chain[1:], None], strict=True):
            join = max(step.nodes, key=flow.position.__getitem__)
            unnamed = sum(is_automatic(tokens(node.layer)) for node in step.nodes)
            if len(step.nodes) < _LEAST or 2 * unnamed < len(step.nodes):
                continue
            more = following.nodes if following is not None and _is_activation(following.nodes) else ()
            region = flow.region([*step.nodes, *more])
            if region is not None:
                add_use(groups.setdefault(join.form, []), trace(region))
    return groups


def _is_activation(nodes: tuple[Node, ...]) -> bool:
    return len(nodes) == 1 and nodes[0].op is Op.ACTIVATION


def runs(found: Iterable[Chain]) -> list[tuple[float, list[Place]]]:
    """Runs of steps that occur at least twice, each with the lines that it may save at most; best first."""
    keys: dict[Hashable, int] = {}
    places: dict[tuple[int, ...], list[Place]] = {}
    for flow, chain in found:
        numbers = [keys.setdefault(step.key, len(keys)) for step in chain]
        for start in range(len(chain)):
            for end in range(start + 1, min(start + MAX_STEPS, len(chain)) + 1):
                if not _cuts_run(numbers, start, end):
                    places.setdefault(tuple(numbers[start:end]), []).append((flow, chain, start, end))
    ranked: list[tuple[float, list[Place]]] = []
    for chosen in map(_apart, places.values()):
        _, chain, start, end = chosen[0]
        size = sum(step.body for step in chain[start:end])
        if len(chosen) > 1 and sum(len(step.nodes) for step in chain[start:end]) > 1:
            ranked.append(((len(chosen) - 1) * size * _coherence(chosen), chosen))
    return sorted(ranked, key=lambda item: -item[0])[:MAX_RUNS]


def patterns_of(places: list[Place]) -> list[Pattern]:
    """The patterns of a run."""
    patterns: list[Pattern] = []
    for flow, chain, start, end in places:
        region = flow.region(flow.absorb({node for step in chain[start:end] for node in step.nodes}))
        if region is not None:
            add_use(patterns, trace(region))
    for pattern in patterns:
        pattern.coherence = _coherence(places)
    return patterns


def _cuts_run(numbers: list[int], start: int, end: int) -> bool:
    """Whether the steps repeat a shorter series, which goes on before or after them."""
    steps = numbers[start:end]
    for period in range(1, end - start):
        if steps[period:] != steps[:-period]:
            continue
        after = numbers[end : end + period] == numbers[end - period : end]
        before = start >= period and numbers[start - period : start] == steps[:period]
        if before or after:
            return True
    return False


def _apart(places: list[Place]) -> list[Place]:
    """The places that do not overlap, from the front."""
    chosen: list[Place] = []
    for place in places:
        if not chosen or chosen[-1][1] is not place[1] or chosen[-1][3] <= place[2]:
            chosen.append(place)
    return chosen


def _coherence(places: list[Place]) -> float:
    """How well names and habit agree with these borders: 1 if nothing speaks against them."""
    against = 0
    for _, chain, start, end in places:
        joints = [
            affinity(a.last, b.first) for a, b in zip(chain[start:end], chain[start + 1 : end], strict=False)
        ]
        borders = [affinity(chain[i - 1].last, chain[i].first) for i in (start, end) if 0 < i < len(chain)]
        against += any(border > min(joints, default=0) for border in borders)
    factor = 1 - 0.6 * against / len(places)
    _, chain, start, _ = places[0]
    first = chain[start].nodes
    if len(first) == 1 and not list(first[0].modules()):
        factor *= 0.85  # a block begins with what has weights
    attends = [node.involves(Op.ATTENTION) for step in chain[start : places[0][3]] for node in step.nodes]
    if any(attends) and not any(attends[: len(first)]):
        factor *= 0.9  # an encoder begins with its attention
    return factor


def chains(flows: Iterable[Flow]) -> list[Chain]:
    """The maximal chains of steps of each graph."""
    return [(flow, chain) for flow in flows for chain in _chains(flow)]


def _chains(flow: Flow) -> Iterator[list[_Step]]:
    """The maximal chains of steps, each step reading only what the one before yields."""
    dominators = _dominators(flow)
    steps: dict[Node, tuple[Node | None, Region]] = {}
    for node in flow.graph.nodes:
        region = _step_region(flow, node, dominators[node])
        if region is not None:
            steps[node] = (dominators[node], region)
    followed: dict[Node, Node] = {}
    for node, (before, region) in steps.items():
        if before is None or before not in steps or region.inputs[0] in flow.graph.outputs:
            continue
        inside = set(region.nodes)
        if before not in inside and all(reader in inside for reader in flow.readers[region.inputs[0]]):
            followed[before] = node
    for node in steps:
        if node in followed.values():
            continue
        chain = []
        current: Node | None = node
        while current is not None:
            chain.append(_step(steps[current][1]))
            current = followed.get(current)
        yield chain


def _step(region: Region) -> _Step:
    pattern = trace(region)
    in_order = sorted(region.nodes, key=region.graph.nodes.index)
    return _Step(region.nodes, pattern.key, body(region.nodes), in_order[0].layer, in_order[-1].layer)


def _step_region(flow: Flow, node: Node, dominator: Node | None) -> Region | None:
    """The step that ends with `node`: the region behind its dominator, with one input."""
    read = [value for value in node.results() if value in flow.readers or value in flow.graph.outputs]
    if len(read) != 1:
        return None
    nodes = {node}
    if len(set(_data(node))) > 1:
        start = flow.position[dominator] if dominator is not None else -1
        above = {node}
        for other in reversed(flow.graph.nodes[start + 1 : flow.position[node]]):
            if any(reader in above for reader in flow.after[other]):
                above.add(other)
        nodes = {other for other in above if other is node or not _makes_shared_mask(flow, other, above)}
    return flow.region(nodes, pure=True, max_inputs=1)


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
