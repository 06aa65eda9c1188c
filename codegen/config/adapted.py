"""Puts what `adapt` found, and what stands among the weights, into configs: Discretization of tf.keras.

Its `finalize_state` makes the boundaries of the variable `summary` once the weights are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codegen.model.saved_model import LayerWeights, ObjectWeights, StoredTensor

Entry = Mapping[str, Any]

_SUMMARY = "summary"


def with_summaries(entry: Entry, weights: object) -> Entry:
    """A model's config in which each adapted Discretization has its summary.

    Both the config and the weights have the layers in the model's order. Where they do not match, nothing is
    changed, and the layers are refused as not adapted.
    """
    waiting = list(_adapted(entry))
    if not waiting:
        return entry
    found = [tensor for tensor in _summaries(weights) if len(tensor.shape) == 2 and tensor.shape[0] == 2]
    if len(found) != len(waiting):
        return entry
    summaries = {id(layer): tensor for layer, tensor in zip(waiting, found, strict=True)}
    return _filled(entry, summaries)


def _layers(entry: Any) -> list[Any]:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    layers = config.get("layers") if isinstance(config, Mapping) else config
    return layers if isinstance(layers, list) else []


def _adapted(entry: Entry) -> Iterator[Entry]:
    """The Discretization layers whose boundaries the config does not say, in the model's order."""
    for layer in _layers(entry):
        config = layer.get("config") if isinstance(layer, Mapping) else None
        if isinstance(config, Mapping) and layer.get("class_name") == "Discretization":
            if not config.get("bin_boundaries") and config.get("num_bins"):
                yield layer
        else:
            yield from _adapted(layer)


def _filled(entry: Entry, summaries: Mapping[int, StoredTensor]) -> Entry:
    if id(entry) in summaries:
        return {**entry, "config": {**entry["config"], _SUMMARY: summaries[id(entry)].read().tolist()}}
    layers = _layers(entry)
    if not layers:
        return entry
    filled = [_filled(layer, summaries) for layer in layers]
    config = entry["config"]
    return {**entry, "config": {**config, "layers": filled} if isinstance(config, Mapping) else filled}


def _summaries(weights: object) -> Iterator[StoredTensor]:
    """The variables of that name, in the model's order."""
    if isinstance(weights, LayerWeights):
        for group in weights.groups.values():
            for tensor in group:
                if tensor.name.rpartition("/")[2].removesuffix(":0") == _SUMMARY:
                    yield tensor
    elif isinstance(weights, ObjectWeights) and len(weights.models) == 1:
        seen: set[int] = set()
        waiting = list(weights.models.values())
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            found = weights.objects[number]
            variable = found.edges.get(_SUMMARY)
            summary = None if variable is None else weights.objects[variable].tensor
            if summary is not None:
                yield summary
            waiting.extend(reversed(found.layers))
