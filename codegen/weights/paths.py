"""Binds variables to `.keras` and `.weights.h5` files, where each has a path.

Formulas: `_save_state` and `_save_container_state` in `saving_lib.py` of Keras 2.12 to 3.15. An array's
path is the attributes that lead to its layer, then `vars/<index>`. In a list of layers, a layer is
called after its class, with a number if it is not the first of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codegen.errors import WeightMismatch
from codegen.graph.recipe import Weight
from codegen.model.packages import OPS
from codegen.model.saved_model import PathWeights, StoredTensor
from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable, VariableTree
from codegen.model.words import MODEL_ROOTS, folder_name
from codegen.weights.legacy import make_unit
from codegen.weights.slots import SlotTree, Unit, slot_tree

_RANDOM_STATE = frozenset({"seed_generator", "random_generator", "_random_generator"})
# Keras' Python class, where the config knows it under another name.
_PYTHON_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention"}


def bind_paths(tree: VariableTree, weights: PathWeights) -> dict[Variable, Weight]:
    """Each variable's recipe from the arrays' paths.

    Raises:
        WeightMismatch: An array is missing, surplus or of another shape.
    """
    root = slot_tree(tree)
    folders = _folders(weights.tensors)
    bound: dict[Variable, Weight] = {}
    used: set[str] = set()
    for node, path in _walk(root, "", folders):
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
    surplus = sorted(key for key in weights.tensors if key not in used and _is_weight(key))
    if surplus:
        raise WeightMismatch(
            f"the file has {surplus[0]} of shape {weights.tensors[surplus[0]].shape}, "
            "which is no weight of the model; give the weights of this very model"
        )
    return bound


def _walk(node: SlotTree, path: str, folders: frozenset[str]) -> Iterator[tuple[SlotTree, str]]:
    """All layers with the folders that hold them; `path` ends in a slash or is empty."""
    yield node, path
    by_name = {child.attribute: child for child in node.children}
    if node.spec.model is None:
        places = _attributes(node, path, folders)
    else:
        places = _layers(node.spec.model.layers, by_name, path, folders)
    for attribute, place in places.items():
        yield from _walk(by_name[attribute], place, folders)


def _layers(
    layers: Iterable[LayerSpec], nodes: dict[str, SlotTree], path: str, folders: frozenset[str]
) -> dict[str, str]:
    """Folder of each layer of a model that has weights."""
    old = f"{path}_layer_checkpoint_dependencies/"
    by_class: dict[str, str] = {}
    counts: dict[str, int] = {}
    for layer in layers:
        if layer.package.startswith(OPS):  # an operation, which Keras does not count as a layer
            continue
        has_weights = layer.name in nodes and bool(nodes[layer.name].all_slots())
        name = _numbered(layer, counts)
        if has_weights:
            by_class[layer.name] = name
            if old in folders:  # 2.13 lists a layer with weights twice
                _numbered(layer, counts)
    container = old if old in folders else f"{path}layers/"
    present = {name: f"{container}{folder}/" for name, folder in by_class.items()}
    named = {name: f"{container}{name}/" for name in by_class}
    if set(present.values()) - folders and not set(named.values()) - folders:
        return named  # a file that was loaded and saved again may use the layers' names
    return present


def _attributes(node: SlotTree, path: str, folders: frozenset[str]) -> dict[str, str]:
    """Folder of each sublayer: `cell`, `_query_dense`, or `cells/lstm_cell_1` for `cells/1`."""
    counts: dict[str, dict[str, int]] = {}
    places: dict[str, str] = {}
    for child in node.children:
        attribute, in_list, _ = child.attribute.rpartition("/")
        if in_list:
            name = f"{attribute}/{_numbered(child.spec, counts.setdefault(attribute, {}))}"
        else:
            name = child.attribute.removeprefix("_")
        # Some attributes are private, and have a public property only in some versions.
        private = f"{path}_{name}/"
        places[child.attribute] = private if private in folders else f"{path}{name}/"
    return places


def _numbered(layer: LayerSpec, counts: dict[str, int]) -> str:
    name = folder_name(_PYTHON_CLASSES.get(layer.class_name, layer.class_name))
    counts[name] = counts.get(name, -1) + 1
    return f"{name}_{counts[name]}" if counts[name] else name


def _folders(paths: Iterable[str]) -> frozenset[str]:
    """Every folder of the tree, with a slash at the end."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and f"{folder}/" not in found:
            found.add(f"{folder}/")
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def _is_weight(path: str) -> bool:
    parts = path.split("/")
    if parts[-1] == "idf_weights":  # a lookup's, which stand in its config too
        return False
    return parts[0] in MODEL_ROOTS and not _RANDOM_STATE.intersection(parts)
