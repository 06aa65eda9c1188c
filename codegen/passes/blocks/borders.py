"""How well the borders of a candidate agree with names and habits: where authors begin and end a block."""

from __future__ import annotations

from codegen.graph import Module, Node, Op
from codegen.graph.layer_names import is_automatic
from codegen.passes.blocks.names import affinity
from codegen.passes.blocks.series import Place

#: What a block is worth that names speak against; that begins in the middle of a unit such as convolution,
#: norm and activation, or ends there; that begins with what another one ends with; whose attention is not
#: its beginning; behind which its series goes on.
_NAMES, _MIDDLE, _BEGINNING, _ATTENTION, _GOES_ON = 0.4, 0.7, 0.75, 0.5, 0.85

#: What a block may end with, but seldom begins with.
_ENDS = frozenset({Op.ADD, Op.MUL, Op.CONCAT, Op.ACTIVATION})


def coherence(places: list[Place]) -> float:
    """How well names and habits agree with these borders: 1 if nothing speaks against them."""
    first, last = places[0], places[-1]
    factor = 1 - (1 - _NAMES) * sum(map(_is_against_names, places)) / len(places)
    if _begins_in_unit(first) or _ends_in_unit(last):
        factor *= _MIDDLE
    elif first.nodes[0].op in _ENDS:
        factor *= _BEGINNING
    modules = [module for node in first.nodes for module in node.modules()]
    if any(map(_attends, modules)) and not any(map(_attends, modules[:2])):
        factor *= _ATTENTION  # an encoder begins with its attention, or with the norm before it
    return factor * (_GOES_ON if _goes_on(last) else 1)


def _is_against_names(place: Place) -> bool:
    """Whether names hold what is at a border together more than what is inside."""
    nodes, start, end = place.series.nodes, place.start, place.end
    joints = [_affinity(nodes[i], nodes[i + 1]) for i in range(start, end - 1)]
    borders = [_affinity(nodes[i - 1], nodes[i]) for i in (start, end) if 0 < i < len(nodes)]
    return any(border > min(joints, default=0) for border in borders)


def _affinity(a: Node, b: Node) -> int:
    named = not (is_automatic(a.layer) or is_automatic(b.layer))
    return affinity(a.layer, b.layer) if named else 0


def _begins_in_unit(place: Place) -> bool:
    """Whether a block begins with a norm or activation of what a layer before it yields."""
    before = place.nodes[0].source.node if any(place.nodes[0].values()) else None
    return before is not None and before.op is Op.CALL and _refines(place.nodes[0])


def _ends_in_unit(place: Place) -> bool:
    """Whether what a block yields is refined at once by a norm or activation, and read by nothing else."""
    (end,) = [at for at in range(place.start, place.end) if place.series.until[at] >= place.end][:1]
    readers = place.series.flow.after[place.series.nodes[end]]
    is_plain = place.series.nodes[end].op is Op.CALL
    return len(readers) == 1 and (
        readers[0].op is Op.ACTIVATION or (is_plain and _refines(readers[0]) and _is_batch_norm(readers[0]))
    )


def _refines(node: Node) -> bool:
    return node.op is Op.ACTIVATION or _is_batch_norm(node)


def _is_batch_norm(node: Node) -> bool:
    return any("BatchNorm" in module.constructor for module in node.modules())


def _goes_on(place: Place) -> bool:
    """Whether the steps that a block begins with follow once more behind its last use."""
    keys = place.series.keys
    count = 0
    while place.end + count < len(keys) and keys[place.end + count] == keys[place.start + count]:
        count += 1
    return place.series.calls[min(place.end + count, len(keys))] > place.series.calls[place.end]


def _attends(module: Module) -> bool:
    return "ttention" in module.constructor or (module.graph is not None and module.graph.name == "Attention")
