"""The arrays that an optimizer saved -> recipes of the state of torch's optimizer, by parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from codegen.errors import WeightMismatch
from codegen.graph.recipe import Leaf, Weight
from codegen.model.saved_model import LayerWeights, SavedModel, StoredTensor
from codegen.model.variables import Variable, VariableTree
from codegen.training.losses import NotContinued
from codegen.training.optimizers import Rule
from codegen.training.optimizers import Slot as Kept
from codegen.training.read_config import version_numbers
from codegen.weights.legacy import make_unit
from codegen.weights.old_storage import OldStorage
from codegen.weights.order import trained_slots
from codegen.weights.sharing import bound_alike, first_uses
from codegen.weights.slots import Slot, SlotTree, Unit, as_stored, slot_tree

#: The moving average of a weight.
AVERAGE = Kept("average")

_MISFIT = "the optimizer's state, which does not fit the weights that the model trains"


@dataclass(frozen=True)
class OptimizerState:
    """What a file says of the optimizer's past.

    Attributes:
        steps: How many it has done; None if the file does not say.
        arrays: For each key of torch's state the recipe of each variable's array.
    """

    steps: int | None
    arrays: Mapping[str, Mapping[Leaf, Weight]]

    def of(self, weight: Weight) -> dict[str, Weight]:
        """The state of the parameter that is made by a recipe over variables.

        Raises:
            NotContinued: The parameter is computed from its variables, not only made of their numbers.
        """
        weight = weight.trained()
        if _computes(weight):
            raise NotContinued("the optimizer's state, as a weight is stored otherwise than it is trained")
        return {key: _substituted(weight, known) for key, known in self.arrays.items()}


def _substituted(weight: Weight, known: Mapping[Leaf, Weight]) -> Weight:
    def found(leaf: Leaf) -> Weight:
        return known[leaf] if leaf in known else Weight.full(leaf.shape, 0.0)

    return weight.substitute(found)


def _computes(weight: Weight) -> bool:
    return weight.step in ("numpy", "sum", "nearest", "round") or any(map(_computes, weight.inputs))


def read_state(
    tree: VariableTree,
    saved: SavedModel,
    arrays: Sequence[StoredTensor],
    rule: Rule,
    *,
    averages: bool = False,
) -> OptimizerState:
    """Find whose each array is.

    Args:
        tree: The model's variables.
        saved: The file.
        arrays: Of the optimizer, in the order of its variables.
        rule: Says which arrays it keeps.
        averages: Whether moving averages of the weights come first.

    Raises:
        NotContinued: They are not those of this model's weights.
    """
    problem: Exception | None = None
    for order in _orders(tree, saved):
        try:
            return _assigned(tree, list(arrays), order(), rule, averages=averages)
        except (WeightMismatch, ValueError) as error:
            problem = error
    raise NotContinued(_MISFIT) from problem


def _orders(tree: VariableTree, saved: SavedModel) -> Iterator[Callable[[], list[Slot]]]:
    """The arrays of the weights that are trained, in the orders in which Keras may have listed them."""
    is_legacy = isinstance(saved.weights, LayerWeights)
    keras3 = saved.keras_version.startswith("3")
    for by_name in (False, True):
        again = first_uses(tree, by_name=by_name)
        for fused in (False, True) if is_legacy else (False,):
            root = slot_tree(tree, again, OldStorage(fused).find if is_legacy else None)
            yield partial(_listed, root, saved.keras_version, keras3=keras3)


def _listed(root: SlotTree, keras_version: str, *, keras3: bool) -> list[Slot]:
    slots, version = trained_slots(root, keras3=keras3), version_numbers(keras_version)
    return slots if version >= (2, 0, 6) else sorted(slots, key=partial(_name, version))


def _name(version: tuple[int, ...], slot: Slot) -> str:
    """The name of a weight, by which models sorted theirs before 2.0.6."""
    layer, *inner = slot.unit.owner
    if inner not in ([], ["cell"]):
        raise ValueError("weights inside a layer or a model had names that the file does not tell")
    return f"{layer}/{slot.name}" if version >= (2,) else f"{layer}_{_KERAS1_NAMES.get(slot.name, slot.name)}"


_KERAS1_NAMES = {"kernel": "W", "recurrent_kernel": "U", "bias": "b"}


def _assigned(
    tree: VariableTree, arrays: list[StoredTensor], slots: Sequence[Slot], rule: Rule, *, averages: bool
) -> OptimizerState:
    blocks = [*([(AVERAGE,)] if averages else []), *rule.blocks]
    needed = len(slots) * sum(map(len, blocks))
    head = len(arrays) - needed
    if head < (1 if rule.has_count else 0):
        raise ValueError("too few arrays")
    steps = _number(arrays[0]) if rule.has_count else None
    # Behind the count of steps may stand the learning rate and other numbers; Nadam's of Keras 3 is last.
    start = next((i for i in range(head + 1) if i == head or arrays[i].shape != ()), head)
    if rule.has_count:
        start = max(start, 1)
    found: dict[str, dict[Leaf, Weight]] = {}
    for block in blocks:
        part = arrays[start : start + len(slots) * len(block)]
        start += len(part)
        for index, slot in enumerate(block):
            if slot.key:
                made = _variables(slots, part[index :: len(block)])
                found[slot.key] = {v: _times(w, slot.factor) for v, w in made.items()}
    if any(array.shape != () for array in arrays[start:]):
        raise ValueError("too many arrays")
    for variable, first in bound_alike(first_uses(tree), tree):
        for known in found.values():
            if first in known:
                known.setdefault(variable, known[first])
    return OptimizerState(steps, found)


def _variables(slots: Sequence[Slot], arrays: Sequence[StoredTensor]) -> dict[Variable, Weight]:
    units: dict[Unit, dict[int, StoredTensor]] = {}
    for slot, array in zip(slots, arrays, strict=True):
        units.setdefault(slot.unit, {})[slot.index] = array
    made: dict[Variable, Weight] = {}
    for unit, found in units.items():
        if unit.make is not as_stored:  # it takes its arrays together, those that are not trained too
            like = next(iter(found.values()))
            found = {index: found.get(index, _zeros(like)) for index in range(len(unit.slots))}
        made.update(make_unit(unit, found))
    return made


def _zeros(like: StoredTensor) -> StoredTensor:
    return replace(like, read=lambda: np.zeros(like.shape, np.float32))


def _times(weight: Weight, factor: float) -> Weight:
    return weight if factor == 1 else weight.apply("multiply", Weight.full((), factor))


def _number(array: StoredTensor) -> int:
    if array.shape not in ((), (1,)):
        raise ValueError("the count of steps is no number")
    return int(np.asarray(array.read()).reshape(()))
