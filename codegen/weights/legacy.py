"""Binds variables to legacy HDF5: one ordered list of arrays for each layer of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from codegen.errors import ConversionError, WeightMismatch
from codegen.graph.recipe import Weight
from codegen.model.saved_model import LayerWeights, StoredTensor
from codegen.model.variables import Variable, VariableTree
from codegen.weights.old_storage import OldStorage
from codegen.weights.order import keras2_order, keras3_order
from codegen.weights.slots import FirstUses, Slot, SlotTree, Unit, slot_tree

Arrays = tuple[StoredTensor, ...]

# State of random numbers that some versions save among a layer's weights.
_RANDOM_STATE = ("seed_generator_state", "StateVar")


def bind_layers(
    tree: VariableTree, weights: LayerWeights, first_uses: FirstUses, *, keras3: bool
) -> dict[Variable, Weight]:
    """Each variable's recipe from the lists of a legacy file.

    Raises:
        WeightMismatch: An array is missing, surplus or of another shape.
    """
    if weights.top_level and tree.spec.model is not None:
        raise WeightMismatch(f"{weights.top_level[0].path}: the model itself has a weight of its own")
    variants = [slot_tree(tree, first_uses, OldStorage(fused).find) for fused in (False, True)]
    groups = {name: _without_random_state(arrays) for name, arrays in weights.groups.items()}
    groups = {name: arrays for name, arrays in groups.items() if arrays}
    bound: dict[Variable, Weight] = {}
    if tree.spec.model is None:  # a subclassed model may have weights of its own
        order = keras3_order if keras3 else keras2_order
        bound.update(_assign(tree.spec.name, weights.top_level, order(replace(variants[0], children=()))))
    for fit in zip(*(_pair(root, groups) for root in variants), strict=True):
        (name, arrays), nodes = fit[0][0], [node for _, node in fit]
        bound.update(_bind_group(name, arrays, nodes, keras3=keras3))
    return bound


def _without_random_state(arrays: Arrays) -> Arrays:
    return tuple(a for a in arrays if not a.name.rpartition("/")[2].startswith(_RANDOM_STATE))


# -------------------------------------------------------------------- layers and groups


def _pair(root: SlotTree, groups: Mapping[str, Arrays]) -> list[tuple[tuple[str, Arrays], SlotTree]]:
    """Which group is which layer: by name, else, as Keras does, by order."""
    # A layer whose weights may all be lacking has its group nevertheless, where they are not.
    layers = [
        node for node in root.children if _needed(node) or (node.attribute in groups and node.all_slots())
    ]
    groups = {name: arrays for name, arrays in groups.items() if name not in _uncalled(root)}
    # Keras 1 lists the layers of models that a Sequential merges, not those models.
    flat = [leaf for node in layers for leaf in _flattened(node, groups)]
    for candidates in (layers, flat):
        by_name = {node.attribute: node for node in candidates}
        if len(by_name) == len(candidates) and by_name.keys() == groups.keys():
            return [((name, arrays), by_name[name]) for name, arrays in groups.items()]
    for candidates in (layers, flat):
        if len(candidates) == len(groups):
            return list(zip(groups.items(), candidates, strict=True))
    return _refuse_groups(layers, groups)


def _needed(node: SlotTree) -> bool:
    return not all(slot.is_aside for slot in node.all_slots())


def _uncalled(root: SlotTree) -> set[str]:
    """Layers that the model lists but does not call: attributes that a user gave it, in Keras 2."""
    if root.spec.model is None:
        return set()
    return {layer.name for layer in root.spec.model.layers} - {node.attribute for node in root.children}


def _flattened(node: SlotTree, groups: Mapping[str, Arrays]) -> Iterator[SlotTree]:
    if node.spec.model is None or node.attribute in groups:
        yield node
        return
    for child in node.children:
        if _needed(child):
            yield from _flattened(child, groups)


def _refuse_groups(
    layers: Sequence[SlotTree], groups: Mapping[str, Arrays]
) -> list[tuple[tuple[str, Arrays], SlotTree]]:
    names = [node.attribute for node in layers]
    missing = [name for name in names if name not in groups]
    surplus = [name for name in groups if name not in names]
    problems = [f"no weights of layer {missing[0]!r}"] if missing else []
    problems += [f"weights of {surplus[0]!r}, which is no layer with weights"] if surplus else []
    raise WeightMismatch(
        f"the file has {' and '.join(problems)}: it has weights of {len(groups)} layers, "
        f"the model {len(names)} layers with weights; give the weights of this very model"
    )


# -------------------------------------------------------------------- arrays of one group


def _bind_group(
    name: str, arrays: Arrays, variants: Sequence[SlotTree], *, keras3: bool
) -> dict[Variable, Weight]:
    """The layer's recipes; the saved names decide between the orders that Keras may have written."""
    order = keras3_order if keras3 else keras2_order
    arrays = _of_layers(arrays, variants[0])
    problem: ConversionError | None = None
    fitting: list[dict[Variable, Weight]] = []
    for slots in _orders(variants, order, arrays):
        try:
            bound = _assign(name, arrays, slots)
        except WeightMismatch as error:
            problem = problem or error
            continue
        if not _contradicted(slots, arrays):
            return bound
        fitting.append(bound)
    if fitting:
        return fitting[0]
    assert problem is not None
    raise problem


def _of_layers(arrays: Arrays, node: SlotTree) -> Arrays:
    """The arrays without those of layers that are attributes of a nested model and none of its layers."""
    slots = node.all_slots()
    layers = {slot.unit.owner[-1] for slot in slots}
    own = tuple(array for array in arrays if "".join(array.name.split("/")[-2:-1]) in layers)
    return own if len(arrays) > len(slots) == len(own) else arrays


def _orders(
    variants: Sequence[SlotTree], order: Callable[..., list[Slot]], arrays: Arrays
) -> Iterator[list[Slot]]:
    """First what `trainable` and the config say, then what older files had: flags set after saving.

    Last what the names say: a quantised layer makes its weights in another order than it saves paths, and a
    layer of a package may list its sublayers otherwise in another version.
    """
    for heed_frozen in (True, False):
        for node in variants:
            slots = order(node, heed_frozen=heed_frozen)
            yield slots
            needed = [slot for slot in slots if not slot.is_aside]
            if len(needed) != len(slots):
                yield needed
    for node in variants:
        yield from _named(node.all_slots(), arrays)
        yield from _in_order_by_name(order(node), arrays)


def _named(slots: Sequence[Slot], arrays: Arrays) -> Iterator[list[Slot]]:
    """The order that the saved names give, if they tell all slots apart."""
    one_layer = len({slot.unit.owner for slot in slots}) == 1
    by_name = {("" if one_layer else slot.unit.owner[-1], slot.name): slot for slot in slots}
    names = [array.name.removesuffix(":0").split("/") for array in arrays]
    keys = ["" if one_layer else "".join(path[-2:-1]) for path in names]
    found = [by_name.get((key, path[-1])) for key, path in zip(keys, names, strict=True)]
    order = [slot for slot in dict.fromkeys(found) if slot is not None]
    if len(order) == len(arrays) and all(slot in order or slot.is_aside for slot in slots):
        yield order


def _in_order_by_name(slots: Sequence[Slot], arrays: Arrays) -> Iterator[list[Slot]]:
    """The slots of each name in the order of the arrays of that name, if there are as many of each."""
    by_name: dict[str, list[Slot]] = {}
    for slot in reversed(slots):
        by_name.setdefault(slot.name, []).append(slot)
    names = [array.name.removesuffix(":0").rpartition("/")[2] for array in arrays]
    if Counter(names) == Counter(slot.name for slot in slots):
        yield [by_name[name].pop() for name in names]


def _assign(name: str, arrays: Arrays, slots: Sequence[Slot]) -> dict[Variable, Weight]:
    if len(arrays) != len(slots):
        expected = ", ".join(slot.name for slot in slots)
        raise WeightMismatch(
            f"layer {name!r} has {len(slots)} weights ({expected}), but the file has {len(arrays)} for it "
            f"({', '.join(array.name for array in arrays)})"
        )
    parts: dict[Unit, dict[int, StoredTensor]] = {}
    for slot, array in zip(slots, arrays, strict=True):
        parts.setdefault(slot.unit, {})[slot.index] = array
    bound: dict[Variable, Weight] = {}
    for unit, found in parts.items():
        bound.update(make_unit(unit, found))
    return bound


def make_unit(unit: Unit, found: Mapping[int, StoredTensor]) -> dict[Variable, Weight]:
    """The recipes of a unit from its arrays by index; those of variables set aside may be absent.

    Raises:
        WeightMismatch: An array has another shape than its variable.
    """
    indices = sorted(found)
    stored = [Weight.of(found[index]) for index in indices]
    owner = "/".join(unit.owner)
    try:
        made = unit.make(stored)
    except (ValueError, IndexError) as error:
        first = found[indices[0]].path
        raise WeightMismatch(f"layer {owner!r}: the weights from {first} on do not fit: {error}") from error
    variables = unit.variables
    if len(indices) != len(unit.slots):
        variables = tuple(variables[index] for index in indices)
    for variable, weight in zip(variables, made, strict=True):
        if weight.shape != variable.shape:
            leaf = next(leaf for leaf in weight.leaves() if isinstance(leaf, StoredTensor))
            raise WeightMismatch(
                f"layer {owner!r}: {variable.name} should have shape {variable.shape}, "
                f"but {leaf.path} has {leaf.shape}"
            )
    return dict(zip(variables, made, strict=True))


def _contradicted(slots: Sequence[Slot], arrays: Arrays) -> bool:
    """Whether a saved name says that an array is another variable, or another layer's, than its slot.

    Names may be those of layers that the weights came from, so only names that occur here count.
    """
    names = {slot.name for slot in slots}
    layers = {part for slot in slots for part in slot.unit.owner}
    for slot, array in zip(slots, arrays, strict=True):
        *path, last = array.name.split("/")
        if last.removesuffix(":0") in names - {slot.name} or (layers & set(path)) - set(slot.unit.owner):
            return True
    return False
