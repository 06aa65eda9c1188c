"""The order of a layer's weights in legacy HDF5: trainable ones, then the others.

Formulas: `trainable_weights` and `non_trainable_weights` of Keras 1.2 and 2.2 (`Layer`, `Container`),
tf.keras 2.x (`Layer`, `Model`) and Keras 3 (`Layer`); all of them save the sum of the two lists.
"""

from __future__ import annotations

from codegen.weights.slots import Slot, SlotTree

# Layers of Keras 3 whose sublayers have their own `trainable` in the config.
_SAVES_SUBLAYERS = frozenset(
    {"TimeDistributed", "Bidirectional", "SpectralNormalization", "RNN", "StackedRNNCells"}
)

# Wrappers of TensorFlow Model Optimization, whose weights stand behind those of what they wrap, and are
# sorted by their own flags alone.
_WRAPPED_FIRST = frozenset(
    {"ClusterWeights", "ClusterWeightsMHA", "ClusterWeightsRNN", "PruneLowMagnitude", "QuantizeAnnotate"}
    | {"QuantizeWrapper", "QuantizeWrapperV2"}
)
# The one of them whose kernels stand in front.
_KERNELS_FIRST = frozenset({"QuantizeWrapperV2"})


def keras2_order(node: SlotTree, *, heed_frozen: bool = True) -> list[Slot]:
    """The order of Keras 1, Keras 2 and tf.keras."""
    trainable, rest = _keras2(node, heed_frozen)
    return _unique(trainable + rest)


def _keras2(node: SlotTree, heed_frozen: bool) -> tuple[list[Slot], list[Slot]]:
    parts = [_keras2(child, heed_frozen) for child in node.children]
    trainable = [slot for slot in node.slots if slot.trainable]
    rest = [slot for slot in node.slots if not slot.trainable]
    if node.spec.class_name in _WRAPPED_FIRST:
        wrapped = [slot for part in parts for slot in part[0]]
        is_behind = node.spec.class_name not in _KERNELS_FIRST
        trainable = wrapped + trainable if is_behind else trainable + wrapped
        return trainable, [slot for part in parts for slot in part[1]] + rest
    frozen = heed_frozen and not _trains(node)
    if frozen and node.spec.model is None:
        for part in parts:
            rest = rest + part[0] + part[1]
        return [], trainable + rest
    for part in parts:
        trainable = trainable + part[0]
        rest = rest + part[1]
    return ([], trainable + rest) if frozen else (trainable, rest)


def keras3_order(node: SlotTree, *, heed_frozen: bool = True) -> list[Slot]:
    """The order of Keras 3: a variable's own flag sorts, and a frozen top keeps its weights as made."""
    weights = _keras3(node, heed_frozen, frozen=False)
    if heed_frozen and not _trains(node):
        return _unique([slot for slot, _ in weights])
    return _unique([slot for wanted in (True, False) for slot, trains in weights if trains is wanted])


def trained_slots(node: SlotTree, *, keras3: bool) -> list[Slot]:
    """The arrays of `trainable_weights`, in whose order optimizers keep theirs."""
    if keras3:
        return _unique([slot for slot, trains in _keras3(node, heed_frozen=True, frozen=False) if trains])
    return _unique(_keras2(node, heed_frozen=True)[0])


def _keras3(node: SlotTree, heed_frozen: bool, frozen: bool) -> list[tuple[Slot, bool]]:
    frozen = heed_frozen and (frozen or not _trains(node))
    weights = [(slot, slot.trainable and not frozen) for slot in node.slots]
    saves_sublayers = node.spec.model is not None or node.spec.class_name in _SAVES_SUBLAYERS
    for child in node.children:
        weights += _keras3(child, heed_frozen, frozen and not saves_sublayers)
    return weights


def _trains(node: SlotTree) -> bool:
    model = node.spec.model
    return node.spec.trainable and (model is None or model.trainable)


def _unique(slots: list[Slot]) -> list[Slot]:
    return list(dict.fromkeys(slots))
