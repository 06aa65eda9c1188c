"""Binds variables to TensorFlow's SavedModels and checkpoints, where attributes lead to each.

Formulas: `add_weight` of tf.keras tracks a variable under its name; `_layer_checkpoint_dependencies` of
`Functional` and `Sequential` tracks their layers as `layer-0`, `layer-1`, ...; lists track `0`, `1`, ...
"""

from __future__ import annotations

from collections.abc import Iterator

from codegen.errors import WeightMismatch, shorten
from codegen.graph.recipe import Weight
from codegen.model.saved_model import ObjectWeights, StoredTensor, TrackedObject
from codegen.model.variables import Variable, VariableTree
from codegen.weights.legacy import make_unit
from codegen.weights.old_storage import OldStorage
from codegen.weights.slots import Slot, SlotTree, Unit, slot_tree

Bound = dict[Variable, Weight]

_ADVICE = "give the weights of this very model"


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
            fitting[name] = _Objects(weights).bind(root, number)
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


class _Objects:
    """The objects of a file, and which of them are weights of the model."""

    def __init__(self, weights: ObjectWeights) -> None:
        self._objects = weights.objects
        self._used: set[int] = set()

    def bind(self, root: SlotTree, number: int) -> Bound:
        """The recipes of the model that is this object."""
        bound: Bound = {}
        for node, place in self._walk(root, number):
            units: dict[Unit, dict[int, StoredTensor]] = {}
            for slot, found in self._own(node, place):
                self._used.add(found)
                units.setdefault(slot.unit, {})[slot.index] = self._tensor(found)
            for unit, arrays in units.items():
                bound.update(make_unit(unit, arrays))
        for found, path in self._variables(number):
            if found not in self._used:
                raise WeightMismatch(
                    f"the file has {path} of shape {self._tensor(found).shape}, "
                    f"which is no weight of the model; {_ADVICE}"
                )
        return bound

    def _tensor(self, number: int) -> StoredTensor:
        tensor = self._objects[number].tensor
        assert tensor is not None
        return tensor

    def _own(self, node: SlotTree, place: int) -> Iterator[tuple[Slot, int]]:
        """The slots of a layer itself with their variables: by name, else in the order of their making."""
        edges = self._objects[place].edges
        own = {name: number for name, number in edges.items() if self._objects[number].tensor is not None}
        inherited = {slot for child in node.children for slot in child.all_slots()}
        slots = [slot for slot in node.slots if slot not in inherited]
        yield from ((slot, own[slot.name]) for slot in slots if slot.name in own)
        unnamed = [slot for slot in slots if slot.name not in own and not slot.is_aside]
        named = {own[slot.name] for slot in slots if slot.name in own}
        rest = [number for number in dict.fromkeys(own.values()) if number not in named]
        # Which of them Keras trains does not stand in every file, and decides on the order of the slots.
        if unnamed and (len(unnamed) != len(rest) or len({slot.trainable for slot in unnamed}) > 1):
            slot = unnamed[0]
            owner, shape = "/".join(slot.unit.owner), slot.unit.variables[slot.index].shape
            raise WeightMismatch(
                f"layer {owner!r}: the file has no {slot.name} of shape {shape} for it, "
                f"but {shorten(list(edges))}; {_ADVICE}"
            )
        if unnamed:
            yield from zip(unnamed, rest, strict=True)

    # ---------------------------------------------------------------- layers

    def _walk(self, root: SlotTree, number: int) -> Iterator[tuple[SlotTree, int]]:
        """All layers that have weights, with the objects that they are."""
        waiting = [(root, number)]
        while waiting:
            node, place = waiting.pop()
            yield node, place
            children = [child for child in node.children if child.all_slots()]
            if node.spec.model is not None:
                places = _layers(node, self._objects[place])
            else:
                places = self._sublayers(children, place)
            for child in children:
                if child.attribute in places:
                    waiting.append((child, places[child.attribute]))
                elif missing := [slot for slot in child.all_slots() if not slot.is_aside]:
                    owner = "/".join(missing[0].unit.owner)
                    raise WeightMismatch(
                        f"layer {owner!r}: the file has no {child.attribute} with {missing[0].name}, "
                        f"but {shorten(list(self._objects[place].edges))}; {_ADVICE}"
                    )

    def _sublayers(self, children: list[SlotTree], place: int) -> dict[str, int]:
        """The objects of sublayers: under an attribute, `cell`, or in a list, `cells/0`.

        Some attributes are private in TensorFlow's Keras. Lists may hold layers without weights, too.
        """
        found: dict[str, int] = {}
        listed: dict[str, list[str]] = {}
        for child in children:
            name, in_list, _ = child.attribute.rpartition("/")
            if in_list:
                listed.setdefault(name, []).append(child.attribute)
            elif (number := self._edge(place, child.attribute)) is not None:
                found[child.attribute] = number
        for name, attributes in listed.items():
            number = self._edge(place, name)
            members = [] if number is None else self._objects[number].members()
            members = [member for member in members if any(True for _ in self._variables(member))]
            if len(members) == len(attributes):
                found.update(zip(attributes, members, strict=True))
        return found

    def _edge(self, place: int, name: str) -> int | None:
        edges = self._objects[place].edges
        return edges.get(name, edges.get(f"_{name}"))

    def _variables(self, number: int) -> Iterator[tuple[int, str]]:
        """All variables that the object holds, each once, and their paths."""
        seen = {number}
        waiting = [(number, "")]
        while waiting:
            place, path = waiting.pop()
            found = self._objects[place]
            if found.tensor is not None:
                yield place, path
            for name, inner in found.edges.items():
                if inner not in seen:
                    seen.add(inner)
                    waiting.append((inner, f"{path}/{name}" if path else name))


def _layers(node: SlotTree, found: TrackedObject) -> dict[str, int]:
    """The objects of a model's layers.

    A Sequential counts its InputLayer only in TensorFlow 1.15 and 2.0, and never those of a table.
    """
    model = node.spec.model
    assert model is not None
    names = [layer.name for layer in model.layers]
    numbers = found.layers
    if not numbers:
        raise WeightMismatch(
            f"the objects in the file with the weights ({shorten(list(found.edges)[:6], 160)}) are no "
            f"functional or Sequential model; {_ADVICE}"
        )
    if model.class_name == "Sequential" and len(numbers) == len(names) - len(model.inputs):
        names = names[len(model.inputs) :]
    if len(numbers) != len(names):
        raise WeightMismatch(
            f"model {model.name!r} has {len(names)} layers, but {len(numbers)} in the file with the weights; "
            f"{_ADVICE}"
        )
    return dict(zip(names, numbers, strict=True))
