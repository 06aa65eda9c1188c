"""Two sides -> how they differ."""

from __future__ import annotations

from codegen.difference.facts import ModelDiff
from codegen.difference.side import Side
from codegen.difference.source import source_diff
from codegen.difference.weights import Layer, layer_changes


def compare(one: Side, other: Side) -> ModelDiff:
    """How two models differ; what one of them lacks is not compared, and named."""
    first, second = one.label, other.label
    if first == second:
        first, second = one.path.as_posix(), other.path.as_posix()
    sides = ((first, one), (second, other))
    notes = [f"{label} has no source beside it" for label, side in sides if side.source is None]
    notes += [f"{label} has no weights" for label, side in sides if side.state is None]
    source = None
    if one.source is not None and other.source is not None:
        source = source_diff(one.source, other.source, first, second)
    layers = None
    if one.state is not None and other.state is not None:
        layers = layer_changes(*_layers(one, other))
    return ModelDiff(first, second, source, layers, tuple(notes))


def _layers(one: Side, other: Side) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """The layers of both in the same words: as Keras has them, else by the keys of the state dicts."""
    if one.layers is not None and other.layers is not None:
        return one.layers, other.layers
    owners = {**other.owners, **one.owners}
    return _of_keys(one, owners), _of_keys(other, owners)


def _of_keys(side: Side, owners: dict[str, str]) -> tuple[Layer, ...]:
    """The tensors of a state dict by Keras layer, or by torch module where no side knows the layer."""
    found: dict[str, Layer] = {}
    for key, tensor in (side.state or {}).items():
        path = owners.get(key) or key.rpartition(".")[0] or key
        layer = found.setdefault(path, Layer(path, "", {}))
        layer.tensors[key] = tensor
    return tuple(found.values())
