"""Repeated structure becomes classes: `Graph -> Graph`, nested where the model is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

from codegen.graph import Graph, Op, definitions
from codegen.passes.blocks.attention import outline_attention
from codegen.passes.blocks.build import drop_nothing, make_block
from codegen.passes.blocks.candidates import by_names, patterns_of
from codegen.passes.blocks.joins import by_joins
from codegen.passes.blocks.lines import saved_lines
from codegen.passes.blocks.parameters import solve
from codegen.passes.blocks.patterns import Pattern, Use
from codegen.passes.blocks.regions import Flow
from codegen.passes.blocks.series import Keys, repeats, series
from codegen.passes.blocks.variants import Unifier

#: What makes blocks look different, and so many of them are looked at apart.
_SHAPES, _VARIANTS = ("kernel_size", "dilation"), 4

#: What a class is worth whose uses are of two kinds in turn.
_ALTERNATING = 0.5

#: A class must save so many lines.
_WORTH = 1


def outline(root: Graph) -> None:
    """Make classes of what repeats, in the model and in the models inside it."""
    graphs = definitions(root)
    search = _Search([*graphs, *outline_attention(graphs)])
    while pattern := search.best():
        search.make(pattern)
    for graph in definitions(root):
        drop_nothing(graph)


def number_names(root: Graph) -> None:
    """Blocks of the same name are told apart by letters, in the order of the file: `InceptionA`."""
    blocks = [definition for definition in definitions(root) if definition is not root]
    counts = Counter(definition.name for definition in blocks)
    places: Counter[str] = Counter()
    for definition in blocks:
        name = definition.name
        if counts[name] > 1:
            places[name] += 1
            letter = chr(ord("A") + places[name] - 1) if counts[name] <= 26 else str(places[name])
            definition.name = name.replace("InceptionBlock", "Inception") + letter


class _Search:
    """The search for the next block, in all classes of the file.

    Attributes:
        graphs: The classes.
    """

    def __init__(self, graphs: list[Graph]) -> None:
        self.graphs = graphs
        self._flows: dict[Graph, Flow] = {}
        self._keys = Keys()
        self._unifier = Unifier()

    def best(self) -> Pattern | None:
        """The pattern that saves most lines."""
        flows = [self._flow(graph) for graph in self.graphs]
        groups = [*by_names(flows).values(), *by_joins(flows).values()]
        best = _better(
            (None, float(_WORTH)), (pattern for group in groups for pattern in self._unifier.all(group))
        )
        for bound, places in repeats([series(flow, self._keys) for flow in flows]):
            if bound <= best[1]:
                break
            best = _better(best, patterns_of(places))
        return best[0]

    def make(self, pattern: Pattern) -> None:
        """Make the class of a pattern."""
        changed = dict.fromkeys(use.region.graph for use in pattern.uses)
        self.graphs.append(make_block(pattern))
        for graph in changed:
            self._flows.pop(graph, None)

    def _flow(self, graph: Graph) -> Flow:
        if graph not in self._flows:
            self._flows[graph] = Flow(graph)
        return self._flows[graph]


def _better(best: tuple[Pattern | None, float], patterns: Iterable[Pattern]) -> tuple[Pattern | None, float]:
    """The best pattern so far and the lines that it saves, or one of these if it saves more."""
    for pattern in patterns:
        saved = _saved(pattern) * (_ALTERNATING if _alternates(pattern) else 1)
        if saved <= best[1]:
            continue
        best = pattern, saved
        variants = [(_saved(variant), variant) for variant in _variants(pattern)]
        if sum(saved for saved, _ in variants) > saved:
            best = max(variants, key=lambda item: item[0])[1], saved
    return best


def _alternates(pattern: Pattern) -> bool:
    """Whether two kinds of uses of the same modules follow one another in turn: a pair is a block then."""
    if not any(use.flags for use in pattern.uses) or len({len(use.members) for use in pattern.uses}) > 1:
        return False  # an optional module is an option, whenever it is there
    position = {node: at for at, node in enumerate(pattern.uses[0].region.graph.nodes)}
    uses = sorted(pattern.uses, key=lambda use: position.get(use.region.nodes[-1], 0))
    flags = [tuple(use.flags.values()) for use in uses]
    return (
        len(flags) > 3
        and flags[0] != flags[1]
        and all(a == b for a, b in zip(flags, flags[2:], strict=False))
    )


def _variants(pattern: Pattern) -> Iterator[Pattern]:
    """The uses with the same kernels apart: one class for all may have too many parameters."""
    if any(node.op is Op.SELECT for node in pattern.nodes):
        return
    holes = [hole for hole in pattern.holes if hole.role in _SHAPES]
    alike: dict[Hashable, list[Use]] = {}
    for use in pattern.uses:
        alike.setdefault(tuple(use.numbers.get(hole) for hole in holes), []).append(use)
    if 1 < len(alike) <= _VARIANTS:
        for uses in alike.values():
            yield replace(pattern, uses=uses)


def _saved(pattern: Pattern) -> float:
    """About how many lines the file gets shorter by."""
    if len(pattern.uses) < 2 or pattern.is_run:
        return 0
    saved = saved_lines(pattern)
    if saved > _WORTH:
        saved = saved_lines(pattern, solve(pattern, {}))
    return saved * pattern.coherence if saved > _WORTH else 0
