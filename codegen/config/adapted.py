"""Puts into configs what tf.keras keeps among the weights: what `adapt` found, and tables.

Discretization makes its boundaries of the variable `summary` once the weights are loaded (`finalize_state`).
IntegerLookup keeps its vocabulary in a table, until TensorFlow 2.4 there alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from codegen.model.saved_model import LayerWeights, ObjectWeights, StoredTensor, TrackedObject

Entry = Mapping[str, Any]

_SUMMARY, _TABLE = "summary", "table"


def with_state(entry: Entry, weights: object) -> Entry:
    """A model's config in which each adapted Discretization has its summary, each IntegerLookup its table.

    Both the config and the weights have the layers in the model's order. Where they do not match, nothing is
    changed, and the layers are refused as not adapted.
    """
    entry = _with(entry, _SUMMARY, _lacks_boundaries, lambda: list(_summaries(weights)))
    return _with(entry, _TABLE, _lacks_vocabulary, lambda: list(_tables(weights)))


def _lacks_boundaries(class_name: str, config: Entry) -> bool:
    return (
        class_name == "Discretization" and not config.get("bin_boundaries") and bool(config.get("num_bins"))
    )


def _lacks_vocabulary(class_name: str, config: Entry) -> bool:
    return class_name == "IntegerLookup" and "mask_value" in config and not config.get("vocabulary")


def _with(
    entry: Entry,
    option: str,
    lacks: Callable[[str, Entry], bool],
    find: Callable[[], list[Callable[[], Any]]],
) -> Entry:
    """The config in which each layer that `lacks` the option has it, if as many are found."""
    waiting = list(_waiting(entry, lacks))
    found = find() if waiting else []
    if not waiting or len(found) != len(waiting):
        return entry
    return _filled(entry, option, {id(layer): read for layer, read in zip(waiting, found, strict=True)})


def _layers(entry: Any) -> list[Any]:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    layers = config.get("layers") if isinstance(config, Mapping) else config
    return layers if isinstance(layers, list) else []


def _waiting(entry: Entry, lacks: Callable[[str, Entry], bool]) -> Iterator[Entry]:
    """The layers that lack something, in the model's order."""
    for layer in _layers(entry):
        config = layer.get("config") if isinstance(layer, Mapping) else None
        if isinstance(config, Mapping) and lacks(str(layer.get("class_name")), config):
            yield layer
        else:
            yield from _waiting(layer, lacks)


def _filled(entry: Entry, option: str, values: Mapping[int, Callable[[], Any]]) -> Entry:
    if id(entry) in values:
        return {**entry, "config": {**entry["config"], option: values[id(entry)]()}}
    layers = _layers(entry)
    if not layers:
        return entry
    filled = [_filled(layer, option, values) for layer in layers]
    config = entry["config"]
    return {**entry, "config": {**config, "layers": filled} if isinstance(config, Mapping) else filled}


def _summaries(weights: object) -> Iterator[Callable[[], Any]]:
    """What reads the variables of that name, in the model's order."""
    for tensor in _named_summary(weights):
        if len(tensor.shape) == 2 and tensor.shape[0] == 2:
            yield partial(_lists, tensor)


def _named_summary(weights: object) -> Iterator[StoredTensor]:
    if isinstance(weights, LayerWeights):
        for group in weights.groups.values():
            for tensor in group:
                if tensor.name.rpartition("/")[2].removesuffix(":0") == _SUMMARY:
                    yield tensor
    elif isinstance(weights, ObjectWeights):
        for layer in _layer_objects(weights):
            variable = layer.edges.get(_SUMMARY)
            summary = None if variable is None else weights.objects[variable].tensor
            if summary is not None:
                yield summary


def _tables(weights: object) -> Iterator[Callable[[], Any]]:
    """What reads the keys and the values of the tables of whole numbers, in the model's order."""
    if isinstance(weights, ObjectWeights):
        for layer in _layer_objects(weights):
            place = layer.edges.get("_table")
            table = None if place is None else weights.objects[place].table
            if table is not None and all(tensor.dtype == "int64" for tensor in table):
                yield partial(_lists, *table)


def _lists(*tensors: StoredTensor) -> list[Any]:
    """The tensors as JSON has them; a single one is no list of one."""
    read = [tensor.read().tolist() for tensor in tensors]
    return read if len(read) > 1 else list(read[0])


def _layer_objects(weights: ObjectWeights) -> Iterator[TrackedObject]:
    """The objects of the layers, in the model's order."""
    seen: set[int] = set()
    waiting = list(weights.models.values()) if len(weights.models) == 1 else []
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            yield weights.objects[number]
            waiting.extend(reversed(weights.objects[number].layers))
