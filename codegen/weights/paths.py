"""Binds variables to `.keras` and `.weights.h5` files, where each has a path."""

from __future__ import annotations

import re
from collections.abc import Mapping

from codegen.errors import WeightMismatch
from codegen.graph.recipe import Weight
from codegen.model.saved_model import PathWeights, StoredTensor
from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable, VariableTree
from codegen.weights.folders import FolderSearch
from codegen.weights.legacy import make_unit
from codegen.weights.slots import FirstUses, SlotTree, Unit, slot_tree
from codegen.weights.stored_tree import CONTAINERS

_RANDOM_STATE = frozenset({"seed_generator", "random_generator", "_random_generator"})


def bind_paths(
    tree: VariableTree, weights: PathWeights, first_uses: FirstUses, version: str
) -> dict[Variable, Weight]:
    """Each variable's recipe from the arrays' paths.

    Args:
        tree: The whole model's variables.
        weights: The file's.
        first_uses: Which layers are used a second time.
        version: Of the Keras that wrote the file.

    Raises:
        WeightMismatch: An array is missing, surplus or of another shape, or nothing tells whose it is.
    """
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    search = FolderSearch(weights, counts_saved=not (2, 14) <= numbers < (3,))
    bound: dict[Variable, Weight] = {}
    used: set[str] = set()
    for node, path in search.find(slot_tree(tree, first_uses)).items():
        units: dict[Unit, dict[int, StoredTensor]] = {}
        for index, slot in enumerate(node.slots):
            key = f"{path}vars/{index}"
            used.add(key)
            if key in weights.tensors:
                units.setdefault(slot.unit, {})[slot.index] = weights.tensors[key]
            elif not slot.is_aside:
                owner, shape = "/".join(slot.unit.owner), slot.unit.variables[slot.index].shape
                raise WeightMismatch(
                    f"layer {owner!r}: the file has no {key}, which should hold {slot.name} of shape {shape}"
                )
        for unit, found in units.items():
            bound.update(make_unit(unit, found))
    for key in sorted(weights.tensors.keys() - used):
        if _is_surplus(key, search.owners):
            raise WeightMismatch(
                f"the file has {key} of shape {weights.tensors[key].shape}, "
                "which is no weight of the model; give the weights of this very model"
            )
    return bound


def _is_surplus(path: str, owners: Mapping[str, SlotTree | LayerSpec]) -> bool:
    """Whether an array that nobody asked for is a layer's, not what training or a user adds to a model."""
    parts = path.split("/")
    if parts[-1] == "idf_weights" or _RANDOM_STATE.intersection(parts):  # a lookup's stand in its config too
        return False
    folders = ("/".join([*parts[:count], ""]) if count else "" for count in range(len(parts) - 1, -1, -1))
    folder = next((folder for folder in folders if folder in owners), "")
    owner = owners.get(folder)
    if not isinstance(owner, SlotTree):  # of a layer that is not called
        return False
    inside = path.removeprefix(folder).split("/")[0]
    return owner.spec.model is None or inside in ("vars", *CONTAINERS)
