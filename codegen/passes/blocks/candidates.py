"""Candidates for blocks: what layer names hold together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from codegen.graph import Node
from codegen.passes.blocks.borders import coherence
from codegen.passes.blocks.names import families, tokens
from codegen.passes.blocks.patterns import Pattern, Use, trace
from codegen.passes.blocks.regions import Flow, Region
from codegen.passes.blocks.series import Place


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
                add_use(found.setdefault(family, []), trace(region))
    return found


def _whole(flow: Flow, nodes: list[Node]) -> Region | None:
    """The region of what is between the nodes, and what serves them alone."""
    return flow.region(flow.absorb(flow.closure(nodes))) if nodes else None


def _without_part(
    nodes: list[Node], place: Hashable, groups: dict[tuple[Hashable, Hashable], list[Node]]
) -> list[Node]:
    """The nodes without the largest group whose place says more: `4` without `reduce_4`."""
    parts: list[list[Node]] = [
        group
        for (_, other), group in groups.items()
        if isinstance(other, tuple) and other[-1:] == (place,) and len(group) < len(nodes)
    ]
    largest: list[Node] = max(parts, key=len, default=[])
    return [node for node in nodes if node not in set(largest)]


def patterns_of(places: list[Place]) -> list[Pattern]:
    """The patterns of a stretch that repeats."""
    patterns: list[Pattern] = []
    for place in places:
        flow = place.series.flow
        region = flow.region(flow.absorb(set(place.nodes)))
        if region is not None:
            add_use(patterns, trace(region))
    for pattern in patterns:
        pattern.coherence = coherence(places)
    return patterns


def add_use(patterns: list[Pattern], pattern: Pattern) -> None:
    """Put a traced region among the patterns: as another use of the one with the same key, if any."""
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
