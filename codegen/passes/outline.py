"""Repeated structure becomes classes: `Graph -> Graph`, nested where the model is."""

from __future__ import annotations

from codegen.graph import Graph, definitions
from codegen.passes.outline_build import make_block
from codegen.passes.outline_candidates import by_chains, by_names
from codegen.passes.outline_params import count_parameters
from codegen.passes.outline_pattern import Pattern, body
from codegen.passes.outline_regions import Flow
from codegen.passes.outline_runs import fold_runs
from codegen.passes.outline_unify import unify_all
from codegen.passes.schedules import write_schedules

#: Lines of a class beside its parameters and body; of one parameter; of one use.
_CLASS, _PARAMETER, _USE = 13, 1.6, 1.3

#: A class must save so many lines.
_WORTH = 4


def outline(graph: Graph) -> Graph:
    """Make classes of what repeats, in the model and in the models inside it.

    Args:
        graph: Changed in place, and returned.
    """
    graphs = definitions(graph)
    while True:
        pattern = _best(graphs)
        if pattern is None:
            break
        graphs.append(make_block(pattern))
    for definition in graphs:
        fold_runs(definition)
    write_schedules(graph)
    return graph


def _best(graphs: list[Graph]) -> Pattern | None:
    """The pattern that saves most lines."""
    flows = [Flow(graph) for graph in graphs]
    patterns = [pattern for group in by_names(flows).values() for pattern in unify_all(group)]
    patterns += by_chains(flows)
    best, most = None, float(_WORTH)
    for pattern in patterns:
        if len(pattern.uses) > 1 and not pattern.is_run and (saved := _saved(pattern)) > most:
            best, most = pattern, saved
    return best


def _saved(pattern: Pattern) -> float:
    """About how many lines the file gets shorter by."""
    inline = [body(use.region.nodes) for use in pattern.uses]
    saved = sum(inline) - max(inline) - _CLASS - len(pattern.uses) * _USE
    if saved <= _WORTH:
        return 0
    return (saved - _PARAMETER * count_parameters(pattern)) * pattern.coherence
