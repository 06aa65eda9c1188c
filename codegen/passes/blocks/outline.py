"""Repeated structure becomes classes: `Graph -> Graph`, nested where the model is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

from codegen.graph import Graph, Op, definitions
from codegen.passes.blocks.build import make_block
from codegen.passes.blocks.candidates import by_names
from codegen.passes.blocks.chains import by_joins, chains, patterns_of, runs
from codegen.passes.blocks.parameters import parameter_count
from codegen.passes.blocks.patterns import Pattern, Use, body
from codegen.passes.blocks.regions import Flow
from codegen.passes.blocks.unify import unify_all

#: Lines of a class beside its parameters and body; of one parameter; of one use, alone or in a sequence.
_CLASS, _PARAMETER, _USE, _IN_RUN = 13, 1.6, 1.6, 0.7

#: More parameters than these make calls long, so that each costs more.
_MANY, _MORE = 4, 4

#: What makes blocks look different, and so many of them are looked at apart.
_SHAPES, _VARIANTS = ("kernel_size", "dilation"), 4

#: A class must save so many lines.
_WORTH = 1


def outline(root: Graph) -> None:
    """Make classes of what repeats, in the model and in the models inside it."""
    graphs = definitions(root)
    while pattern := _best(graphs):
        graphs.append(make_block(pattern))


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


def _best(graphs: list[Graph]) -> Pattern | None:
    """The pattern that saves most lines."""
    flows = [Flow(graph) for graph in graphs]
    found = chains(flows)
    groups = [*by_names(flows).values(), *by_joins(found).values()]
    best = _better((None, float(_WORTH)), (pattern for group in groups for pattern in unify_all(group)))
    for bound, places in runs(found):
        if bound <= best[1]:
            break
        best = _better(best, patterns_of(places))
    return best[0]


def _better(best: tuple[Pattern | None, float], patterns: Iterable[Pattern]) -> tuple[Pattern | None, float]:
    """The best pattern so far and the lines that it saves, or one of these if it saves more."""
    for pattern in patterns:
        saved = _saved(pattern)
        if saved <= best[1]:
            continue
        best = pattern, saved
        variants = [(_saved(variant), variant) for variant in _variants(pattern)]
        if sum(saved for saved, _ in variants) > saved:
            best = max(variants, key=lambda item: item[0])[1], saved
    return best


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
    inline = [body(use.region.nodes) for use in pattern.uses]
    made = {use.region.output for use in pattern.uses}
    in_run = sum(use.region.inputs[0] in made for use in pattern.uses)
    calls = (len(pattern.uses) - in_run) * _USE + in_run * _IN_RUN
    saved = sum(inline) - max(inline) - _CLASS - calls
    if saved <= _WORTH:
        return 0
    parameters = parameter_count(pattern)
    return (saved - _PARAMETER * parameters - _MORE * max(0, parameters - _MANY)) * pattern.coherence
