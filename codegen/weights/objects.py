"""Binds variables to TensorFlow's SavedModels and checkpoints, where attributes lead to each.

Formulas: `add_weight` of tf.keras tracks a variable under its name; `_layer_checkpoint_dependencies` of
`Functional` and `Sequential` tracks their layers as `layer-0`, `layer-1`, ...; lists track `0`, `1`, ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from codegen.errors import WeightMismatch, shorten
from codegen.graph.recipe import Weight
from codegen.model.saved_model import ObjectWeights, StoredTensor, TrackedObject
from codegen.model.variables import Variable, VariableTree
from codegen.weights.legacy import make_unit
from codegen.weights.old_storage import OldStorage
from codegen.weights.slots import Slot, SlotTree, Unit, slot_tree

Bound = dict[Variable, Weight]

_LAYER = "layer-"


def bind_objects(tree: VariableTree, weights: ObjectWeights) -> Bound:
    """Each variable's recipe from the objects of a file.

    Raises:
        WeightMismatch: An array is missing, surplus or of another shape, or several models of the file fit.
    """
    root = slot_tree(tree, {}, OldStorage().find)
    fitting: dict[str, Bound] = {}
    problem: WeightMismatch | None = None
    for name, number in weights.models.items():
        try:
            fitting[name] = _bind_model(root, number, weights)
        except WeightMismatch as error:
            problem = problem or error
    if len(fitting) > 1:
        raise WeightMismatch(
            f"the file has several models that fit ({', '.join(map(shorten, fitting))}); "
            "save the weights of one with model.save_weights()"
        )
    if not fitting:
        assert problem is not None
        raise problem
    return next(iter(fitting.values()))


def _bind_model(root: SlotTree, number: int, weights: ObjectWeights) -> Bound:
    bound: Bound = {}
    used: set[int] = set()
    for node, place in _walk(root, number, weights):
        units: dict[Unit, dict[int, StoredTensor]] = {}
        for slot, found in _own(node, weights.objects[place], weights):
            used.add(found)
            tensor = weights.objects[found].tensor
            assert tensor is not None
            units.setdefault(slot.unit, {})[slot.index] = tensor
        for unit, arrays in units.items():
            bound.update(make_unit(unit, arrays))
    for found, path in _variables(number, weights):
        if found not in used:
            raise WeightMismatch(
                f"the file has {path} of shape {_shape(found, weights)}, which is no weight of the model; "
                "give the weights of this very model"
            )
    return bound


def _own(node: SlotTree, holder: TrackedObject, weights: ObjectWeights) -> Iterator[tuple[Slot, int]]:
    """The slots of a layer itself with the variables of their names."""
    inherited = {slot for child in node.children for slot in child.all_slots()}
    for slot in node.slots:
        if slot in inherited:
            continue
        found = holder.edges.get(slot.name)
        if found is not None and weights.objects[found].tensor is not None:
            yield slot, found
        elif not slot.is_aside:
            owner, shape = "/".join(slot.unit.owner), slot.unit.variables[slot.index].shape
            raise WeightMismatch(
                f"layer {owner!r}: the file has no {slot.name} of shape {shape} for it, "
                f"but {shorten(list(holder.edges))}; give the weights of this very model"
            )


def _walk(root: SlotTree, number: int, weights: ObjectWeights) -> Iterator[tuple[SlotTree, int]]:
    """All layers that have weights, with the objects that they are."""
    waiting = [(root, number)]
    while waiting:
        node, place = waiting.pop()
        yield node, place
        layers = _layers(node, weights.objects[place].edges) if node.spec.model is not None else {}
        for child in node.children:
            if node.spec.model is not None:
                found = layers.get(child.attribute)
            else:
                found = _sublayer(child.attribute, place, weights)
            if found is not None:
                waiting.append((child, found))
                continue
            missing = next((slot for slot in child.all_slots() if not slot.is_aside), None)
            if missing is not None:
                owner = "/".join(missing.unit.owner)
                raise WeightMismatch(
                    f"layer {owner!r}: the file has no {child.attribute} with {missing.name}, "
                    f"but {shorten(list(weights.objects[place].edges))}; give the weights of this very model"
                )


def _sublayer(attribute: str, place: int, weights: ObjectWeights) -> int | None:
    """The object under an attribute, `cell`, or in a list, `cells/0`; some attributes are private."""
    for name in attribute.split("/"):
        edges = weights.objects[place].edges
        found = edges.get(name, edges.get(f"_{name}"))
        if found is None:
            return None
        place = found
    return place


def _layers(node: SlotTree, edges: Mapping[str, int]) -> dict[str, int]:
    """The objects of a model's layers: `layer-N` is number N.

    A Sequential counts its InputLayer only in TensorFlow 1.15 and 2.0.
    """
    model = node.spec.model
    assert model is not None
    names = [layer.name for layer in model.layers]
    numbers = sorted(int(edge.removeprefix(_LAYER)) for edge in edges if _is_layer(edge))
    if model.class_name == "Sequential" and len(numbers) == len(names) - 1:
        names = names[1:]
    if not numbers:
        raise WeightMismatch(
            f"the objects in the file with the weights ({shorten(list(edges)[:6], 160)}) are no functional "
            "or Sequential model; give the weights of this very model"
        )
    if numbers != list(range(len(names))):
        raise WeightMismatch(
            f"model {model.name!r} has {len(names)} layers, but {len(numbers)} in the file with the weights; "
            "give the weights of this very model"
        )
    return {name: edges[f"{_LAYER}{number}"] for number, name in enumerate(names)}


def _is_layer(edge: str) -> bool:
    return edge.startswith(_LAYER) and edge.removeprefix(_LAYER).isdecimal() and len(edge) < 16


def _variables(number: int, weights: ObjectWeights) -> Iterator[tuple[int, str]]:
    """All variables that the object holds, each once, and their paths."""
    seen = {number}
    waiting = [(number, "")]
    while waiting:
        place, path = waiting.pop()
        found = weights.objects[place]
        if found.tensor is not None:
            yield place, path
        for name, inner in found.edges.items():
            if inner not in seen:
                seen.add(inner)
                waiting.append((inner, f"{path}/{name}" if path else name))


def _shape(number: int, weights: ObjectWeights) -> tuple[int, ...]:
    tensor = weights.objects[number].tensor
    assert tensor is not None
    return tensor.shape
