"""The variables of a layer as arrays that a file holds, and the tree of layers that holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codegen.graph.recipe import Weight
from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable, VariableTree

Make = Callable[[Sequence[Weight]], Sequence[Weight]]

# Layers that save to paths in an order of their own (`variable_serialization_spec`).
_SAVES_IN_ORDER = frozenset(
    {"Conv1D", "Conv2D", "Conv3D", "Dense", "EinsumDense", "Embedding", "ReversibleEmbedding"}
)


@dataclass(frozen=True, eq=False)
class Unit:
    """Variables that are made together from stored arrays.

    Attributes:
        owner: Path of layer names, for messages.
        variables: What is made.
        slots: Keras' names of the arrays, as far as they tell, and whether each is trainable.
        make: Recipes of `variables` from recipes of the arrays; ValueError if these do not fit.
    """

    owner: tuple[str, ...]
    variables: tuple[Variable, ...]
    slots: tuple[tuple[str, bool], ...]
    make: Make


@dataclass(frozen=True, eq=False)
class Slot:
    """One array that a file should hold: number `index` of a unit."""

    unit: Unit
    index: int

    @property
    def name(self) -> str:
        """Keras' name of the array."""
        return self.unit.slots[self.index][0]

    @property
    def trainable(self) -> bool:
        """Whether the layer would train it if the layer were not frozen."""
        return self.unit.slots[self.index][1]

    @property
    def variable(self) -> Variable | None:
        """The variable, where the array is just that."""
        return self.unit.variables[self.index] if self.unit.make is as_stored else None

    @property
    def is_aside(self) -> bool:
        """Whether a file may lack the array, see `Variable`."""
        return self.variable is not None and self.variable.aside


@dataclass(frozen=True, eq=False)
class SlotTree:
    """A layer: its own slots, trainable ones first, and its sublayers in Keras' tracking order."""

    attribute: str
    spec: LayerSpec
    slots: tuple[Slot, ...]
    children: tuple[SlotTree, ...]

    def all_slots(self) -> list[Slot]:
        """The slots of this layer and all that it holds, each once."""
        found = dict.fromkeys(self.slots)
        for child in self.children:
            found.update(dict.fromkeys(child.all_slots()))
        return list(found)


#: Finds the unit of a whole layer (with its sublayers' variables) that is stored in an old way.
FindUnit = Callable[[LayerSpec, str, tuple[Variable, ...]], Unit | None]


def as_stored(stored: Sequence[Weight]) -> Sequence[Weight]:
    """The variables are the arrays."""
    return stored


def slot_tree(tree: VariableTree, find_unit: FindUnit | None = None, stored: str = "") -> SlotTree:
    """The tree in Keras' order: a model's layers as the model lists them.

    Args:
        tree: A layer.
        find_unit: Tells which layers are stored in an old way.
        stored: How the layer that holds this one is stored.
    """
    stored = tree.spec.stored or stored
    unit = find_unit(tree.spec, stored, _variables(tree)) if find_unit and stored else None
    if unit is not None:
        return SlotTree(tree.attribute, tree.spec, _slots(unit), ())
    children = [slot_tree(child, find_unit, stored) for child in _children(tree)]
    own = tree.variables
    if find_unit or tree.spec.class_name not in _SAVES_IN_ORDER:
        own = sorted(own, key=lambda variable: not variable.trainable)
    return SlotTree(tree.attribute, tree.spec, _own_slots(own, children), tuple(children))


def _own_slots(variables: Sequence[Variable], children: Sequence[SlotTree]) -> tuple[Slot, ...]:
    """The slots of a layer's variables; of those that it holds of its sublayers, theirs."""
    found = {slot.variable: slot for child in children for slot in child.all_slots() if slot.variable}
    own = [variable for variable in variables if variable not in found]
    if own:
        names = tuple((variable.name, variable.trainable) for variable in own)
        unit = Unit(own[0].owner, tuple(own), names, as_stored)
        found.update(zip(own, _slots(unit), strict=True))
    return tuple(found[variable] for variable in variables)


def _slots(unit: Unit) -> tuple[Slot, ...]:
    return tuple(Slot(unit, index) for index in range(len(unit.slots)))


def _children(tree: VariableTree) -> list[VariableTree]:
    if tree.spec.model is None:
        return tree.children
    by_name = {child.attribute: child for child in tree.children}
    layers = [layer.name for layer in tree.spec.model.layers]
    return [by_name[name] for name in layers if name in by_name]


def _variables(tree: VariableTree) -> tuple[Variable, ...]:
    found = list(tree.variables)
    for child in _children(tree):
        found.extend(_variables(child))
    return tuple(found)
