"""The variables of a layer as arrays that a file holds, and the tree of layers that holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from codegen.graph.recipe import Weight
from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable, VariableTree

#: The first use of each further use of a layer, by the `id` of the latter.
FirstUses = Mapping[int, VariableTree]

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
    """A layer: its own slots, trainable ones first, and its sublayers in Keras' tracking order.

    A further use of a layer that stands elsewhere in the model has the slots and children of the `first`. The
    `folder` is that of the `VariableTree`.
    """

    attribute: str
    spec: LayerSpec
    slots: tuple[Slot, ...]
    children: tuple[SlotTree, ...]
    first: SlotTree | None = None
    folder: str | None = None

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


def slot_tree(tree: VariableTree, first_uses: FirstUses, find_unit: FindUnit | None = None) -> SlotTree:
    """The tree in Keras' order: a model's layers as the model lists them.

    Args:
        tree: The whole model.
        first_uses: Which layers are used a second time, see `sharing`.
        find_unit: Tells which layers are stored in an old way.
    """
    return _Planter(first_uses, find_unit, {}).plant(tree, "")


@dataclass(frozen=True)
class _Planter:
    first_uses: FirstUses
    find_unit: FindUnit | None
    made: dict[int, SlotTree]

    def plant(self, tree: VariableTree, stored: str) -> SlotTree:
        """The slots of a layer; `stored` says how the layer that holds it is stored."""
        first = self.first_uses.get(id(tree))
        if first is not None:
            node = self.plant(first, stored)
            return replace(node, attribute=tree.attribute, spec=tree.spec, first=node)
        if id(tree) not in self.made:
            self.made[id(tree)] = self._make(tree, tree.spec.stored or stored)
        return self.made[id(tree)]

    def _make(self, tree: VariableTree, stored: str) -> SlotTree:
        find_unit = self.find_unit
        unit = find_unit(tree.spec, stored, variables_in_order(tree)) if find_unit and stored else None
        if unit is not None:
            return SlotTree(tree.attribute, tree.spec, _slots(unit), (), folder=tree.folder)
        children = [self.plant(child, stored) for child in children_in_order(tree)]
        own = tree.variables
        if find_unit or tree.spec.class_name not in _SAVES_IN_ORDER:
            own = sorted(own, key=lambda variable: not variable.trainable)
        slots = _own_slots(own, children)
        return SlotTree(tree.attribute, tree.spec, slots, tuple(children), folder=tree.folder)


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


def children_in_order(tree: VariableTree) -> list[VariableTree]:
    """The sublayers of a layer; those of a model as the model lists them."""
    if tree.spec.model is None:
        return tree.children
    by_name = {child.attribute: child for child in tree.children}
    layers = [layer.name for layer in tree.spec.model.layers]
    return [by_name[name] for name in layers if name in by_name]


def variables_in_order(tree: VariableTree) -> tuple[Variable, ...]:
    """The variables of a layer and of all that it holds."""
    found = list(tree.variables)
    for child in children_in_order(tree):
        found.extend(variables_in_order(child))
    return tuple(found)
