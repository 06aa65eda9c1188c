"""Which layers of a model are one layer: saved once, whatever number of models and wrappers use it.

Keras saves a `shared_object_id` with each further use of a layer (`ObjectSharingScope` of Keras 2.12 to 3.15,
`SharedObjectSavingScope` of tf.keras 2.4 to 2.11), but not with the first one, which has the same name and
the same config. Two models may each have a layer of that name and config: then nothing tells which is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable, VariableTree
from codegen.weights.slots import FirstUses, children_in_order, variables_in_order


def first_uses(root: VariableTree, *, by_name: bool = False) -> FirstUses:
    """The first use of each further use of a layer, by the `id` of the further use.

    Args:
        root: The whole model.
        by_name: Take all layers of the same name and config for one, whatever the file says.
    """
    found: dict[int, VariableTree] = {}
    numbered: dict[int, VariableTree] = {}
    nodes = list(_all_nodes(root))
    for position, node in enumerate(nodes):
        if id(node) in found or (node.spec.shared is None and not by_name):
            continue
        others = nodes[:position] if by_name else [other for other in nodes if other.spec.shared is None]
        alike = [found.get(id(other), other) for other in others if _is_same(node, other)]
        firsts = {id(first): first for first in alike}
        first = firsts.popitem()[1] if len(firsts) == 1 else node
        if node.spec.shared is not None:
            first = numbered.setdefault(node.spec.shared, first)
        if first is not node:
            found.update(_paired(node, first, found))
    return found


def bound_alike(first: FirstUses, root: VariableTree) -> Iterator[tuple[Variable, Variable]]:
    """The variables of further uses, each with that of the first use."""
    for node in _all_nodes(root):
        if id(node) in first:
            yield from zip(variables_in_order(node), variables_in_order(first[id(node)]), strict=True)


def is_same_layer(one: LayerSpec, other: LayerSpec) -> bool:
    """Whether two layers have the same class, name and config, however they are called."""
    return replace(one, calls=()) == replace(other, calls=())


def _is_same(one: VariableTree, other: VariableTree) -> bool:
    if not is_same_layer(one.spec, other.spec):
        return False
    shapes = [[v.shape for v in variables_in_order(tree)] for tree in (one, other)]
    return shapes[0] == shapes[1]


def _paired(node: VariableTree, first: VariableTree, known: FirstUses) -> dict[int, VariableTree]:
    """A further use and what it holds, each with its counterpart."""
    pairs = {id(node): known.get(id(first), first)}
    for child, counterpart in zip(children_in_order(node), children_in_order(first), strict=True):
        pairs |= _paired(child, counterpart, known)
    return pairs


def _all_nodes(tree: VariableTree) -> Iterator[VariableTree]:
    yield tree
    for child in children_in_order(tree):
        yield from _all_nodes(child)
