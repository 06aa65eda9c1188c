"""Candidates for blocks: what layer names hold together, and what repeats along a chain of values."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from codegen.graph import Node
from codegen.passes.outline_names import affinity, families, tokens
from codegen.passes.outline_pattern import Pattern, Use, body, trace
from codegen.passes.outline_regions import Flow, Region

#: Longest run of steps along a chain that may be a block, and how many such runs are looked at in full.
MAX_STEPS, MAX_RUNS = 30, 60


def by_names(flows: Iterable[Flow]) -> dict[Hashable, list[Pattern]]:
    """Regions whose layers share a part of their names, as patterns by the form of that part."""
    found: dict[Hashable, list[Pattern]] = {}
    for flow in flows:
        groups: dict[tuple[Hashable, Hashable], list[Node]] = {}
        for node in flow.graph.nodes:
            for family, place in families(tokens(node.layer)):
                groups.setdefault((family, place), []).append(node)
        for (family, place), nodes in groups.items():
            if len(nodes) == 1:
                continue
            region = _whole(flow, nodes)
            if region is None:
                region = _whole(flow, _without_part(nodes, place, groups))
            if region is not None and len(region.nodes) > 1:
                _add(found.setdefault(family, []), trace(region))
    return found


def _whole(flow: Flow, nodes: list[Node]) -> Region | None:
    """The region of what is between the nodes, and what serves them alone."""
    return flow.region(flow.absorb(flow.closure(nodes))) if nodes else None


def _without_part(
    nodes: list[Node], place: Hashable, groups: dict[tuple[Hashable, Hashable], list[Node]]
) -> list[Node]:
    """The nodes without the largest group whose place says more: `4` without `reduce_4`."""
    parts = [
        group
        for (_, other), group in groups.items()
        if isinstance(other, tuple) and other[-1:] == (place,) and len(group) < len(nodes)
    ]
    largest = set(max(parts, key=len, default=[]))
    return [node for node in nodes if node not in largest]


def _add(patterns: list[Pattern], pattern: Pattern) -> None:
    """Put a traced region among the patterns: as another use of one that has the same key, if there is one."""
    same = next((known for known in patterns if known.key == pattern.key), None)
    if same is None:
        patterns.append(pattern)
        return
    (use,) = pattern.uses
    taken = {node for other in same.uses for node in other.region.nodes}
    if not taken.intersection(use.region.nodes):
        same.uses.append(translate(use, pattern, same))


def translate(use: Use, pattern: Pattern, same: Pattern) -> Use:
    """A use of `pattern` as a use of the equal `same`."""
    holes = dict(zip(pattern.holes, same.holes, strict=True))
    modules = dict(zip(pattern.prototypes, same.prototypes, strict=True))
    values = dict(zip(pattern.values, same.values, strict=True))
    return Use(
        use.region,
        {holes[hole]: number for hole, number in use.numbers.items()},
        {modules[proto]: module for proto, module in use.members.items()},
        {values[proto]: value for proto, value in use.values.items()},
    )


# -------------------------------------------------------------------- chains


@dataclass(frozen=True, eq=False)
class _Step:
    """All that leads from one value to the next one through which everything passes."""

    nodes: tuple[Node, ...]
    key: Hashable
    body: float
    first: str
    last: str


def by_chains(flows: Iterable[Flow]) -> list[Pattern]:
    """Runs of steps that occur at least twice, as patterns."""
    keys: dict[Hashable, int] = {}
    runs: dict[tuple[int, ...], list[tuple[Flow, list[_Step], int, int]]] = {}
    for flow in flows:
        for chain in chains(flow):
            numbers = [keys.setdefault(step.key, len(keys)) for step in chain]
            for start in range(len(chain)):
                for end in range(start + 1, min(start + MAX_STEPS, len(chain)) + 1):
                    if not _cuts_run(numbers, start, end):
                        runs.setdefault(tuple(numbers[start:end]), []).append((flow, chain, start, end))
    ranked = []
    for places in runs.values():
        chosen = _apart(places)
        _, chain, start, end = chosen[0]
        size = sum(step.body for step in chain[start:end])
        if len(chosen) > 1 and sum(len(step.nodes) for step in chain[start:end]) > 1:
            ranked.append((-(len(chosen) - 1) * size * _coherence(chosen), len(ranked), chosen))
    patterns: list[Pattern] = []
    for _, _, chosen in sorted(ranked)[:MAX_RUNS]:
        group: list[Pattern] = []
        for flow, chain, start, end in chosen:
            region = flow.region(node for step in chain[start:end] for node in step.nodes)
            if region is not None:
                _add(group, trace(region))
        for pattern in group:
            pattern.coherence = _coherence(chosen)
        patterns.extend(group)
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


def _apart(places: list[tuple[Flow, list[_Step], int, int]]) -> list[tuple[Flow, list[_Step], int, int]]:
    """The places that do not overlap, from the front."""
    chosen: list[tuple[Flow, list[_Step], int, int]] = []
    for place in places:
        if not chosen or chosen[-1][1] is not place[1] or chosen[-1][3] <= place[2]:
            chosen.append(place)
    return chosen


def _coherence(places: list[tuple[Flow, list[_Step], int, int]]) -> float:
    """How well names and habit agree with these borders: 1 if nothing speaks against them."""
    against = 0
    for _, chain, start, end in places:
        joints = [affinity(a.last, b.first) for a, b in zip(chain[start:end], chain[start + 1 : end], strict=False)]
        borders = [affinity(chain[i - 1].last, chain[i].first) for i in (start, end) if 0 < i < len(chain)]
        against += any(border > min(joints, default=0) for border in borders)
    factor = 1 - 0.6 * against / len(places)
    _, chain, start, _ = places[0]
    first = chain[start].nodes
    if len(first) == 1 and not list(first[0].modules()):
        factor *= 0.85  # a block begins with what has weights
    return factor


def chains(flow: Flow) -> Iterator[list[_Step]]:
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
    results = list(node.results())
    if len(results) != 1:
        return None
    nodes = {node}
    if len({value for value in node.values()}) > 1:
        start = flow.position[dominator] if dominator is not None else -1
        above = {node}
        for other in reversed(flow.graph.nodes[start + 1 : flow.position[node]]):
            if any(reader in above for reader in flow.after[other]):
                above.add(other)
        nodes = above
    return flow.region(nodes, pure=True, max_inputs=1)


def _dominators(flow: Flow) -> dict[Node, Node | None]:
    """The last node through which all data passes on its way to each node; None for an input of the graph."""
    dominators: dict[Node, Node | None] = {}
    depth: dict[Node | None, int] = {None: 0}
    for node in flow.graph.nodes:
        sources: list[Node | None] = [flow.producer.get(value) for value in node.values()]
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
