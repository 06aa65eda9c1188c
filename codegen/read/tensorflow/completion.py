"""Puts into a model's config what a SavedModel says of its layers elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codegen.read.tensorflow.metadata import SEQUENTIAL
from codegen.read.tensorflow.saved_objects import SavedObjects

Entry = dict[str, Any]

_MODELS = ("Functional", "Model", "Sequential")


def complete(model: Entry, graph: memoryview) -> None:
    """Change a config in place: subclasses of Sequential get its name, adapted lookups their vocabularies.

    Args:
        model: `{"class_name", "config"}`.
        graph: The MetaGraphDef, whose first object is the model.
    """
    if not any(_is_incomplete(layer) for layer in _all_layers(model)):
        return
    objects = SavedObjects(graph)
    waiting = [(model, 0)]
    while waiting:
        entry, number = waiting.pop()
        for layer, place in _placed(entry, objects.edges(number)):
            if objects.identifier(place) == SEQUENTIAL:
                layer["class_name"] = "Sequential"
            elif _lacks_vocabulary(layer):
                layer["config"]["vocabulary"] = _vocabulary(layer, place, objects)
            waiting.append((layer, place))


def _layers(entry: Entry) -> list[Entry]:
    config = entry.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []


def _all_layers(model: Entry) -> Iterator[Entry]:
    waiting = _layers(model)
    for layer in waiting:  # which grows
        yield layer
        waiting += _layers(layer)


def _is_incomplete(layer: Entry) -> bool:
    return _lacks_vocabulary(layer) or bool(_layers(layer) and layer.get("class_name") not in _MODELS)


def _lacks_vocabulary(layer: Entry) -> bool:
    config = layer.get("config")
    return (
        layer.get("class_name") == "IntegerLookup"
        and isinstance(config, dict)
        and not config.get("vocabulary")
    )


def _placed(entry: Entry, edges: dict[str, int]) -> list[tuple[Entry, int]]:
    """A model's layers with the objects that they are.

    A Sequential's InputLayer is an object in TensorFlow 1.15 and 2.0, and stands in the config later.
    """
    layers = _layers(entry)
    numbers = sorted((len(name), name) for name in edges if name.removeprefix("layer-").isdecimal())
    places = [edges[name] for _, name in numbers if name.startswith("layer-")]
    if layers and layers[0].get("class_name") == "InputLayer" and len(places) == len(layers) - 1:
        layers = layers[1:]
    elif len(places) == len(layers) + 1:
        places = places[1:]
    return list(zip(layers, places, strict=True)) if len(layers) == len(places) else []


def _vocabulary(layer: Entry, place: int, objects: SavedObjects) -> list[int] | None:
    """The words of a lookup in the order of their indices: what its table is filled with.

    Formula: `_lookup_table_from_tokens` in `index_lookup.py` of tf.keras.
    """
    table = objects.edges(place).get("lookup_table")
    filling = None if table is None else objects.edges(table).get("_initialize")
    if filling is None:
        return None
    constants = list(objects.bound_constants(filling))
    if len(constants) != 2 or len(constants[0]) != len(constants[1]):
        return None
    words, indices = reversed(constants) if layer["config"].get("invert") else constants
    return [word for _, word in sorted(zip(indices, words, strict=True))]
