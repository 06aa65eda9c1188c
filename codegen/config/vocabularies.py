"""Puts the vocabularies that `adapt` found, which stand in an archive's assets, into the layers' configs.

Keras saves a layer's assets under the path of its weights: `layers/<class>[_<n>]/`, or its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.errors import MalformedConfig
from codegen.model.words import folder_name

Entry = Mapping[str, Any]


def with_vocabularies(entry: Entry, assets: Mapping[str, bytes], path: str = "") -> Entry:
    """A model's config in which each IntegerLookup has its vocabulary.

    Raises:
        MalformedConfig: A vocabulary holds something else than integers.
    """
    config = entry.get("config")
    layers = config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(layers, list):
        return entry
    counts: dict[str, int] = {}
    filled = []
    for layer in layers:
        if isinstance(layer, Mapping) and isinstance(layer.get("class_name"), str):
            name = folder_name(layer["class_name"])
            number = counts[name] = counts.get(name, -1) + 1
            folder = f"{path}layers/{name}_{number}/" if number else f"{path}layers/{name}/"
            layer = with_vocabularies(_filled(layer, assets, folder, path), assets, folder)
        filled.append(layer)
    return {**entry, "config": {**config, "layers": filled}}


def _filled(layer: Entry, assets: Mapping[str, bytes], folder: str, path: str) -> Entry:
    config = layer.get("config")
    if layer["class_name"] != "IntegerLookup" or not isinstance(config, Mapping) or config.get("vocabulary"):
        return layer
    for place in (folder, f"{path}layers/{config.get('name')}/"):
        if f"{place}vocabulary.txt" in assets:
            try:
                words = [int(line) for line in assets[f"{place}vocabulary.txt"].split()]
            except ValueError:
                raise MalformedConfig(f"the vocabulary assets/{place} holds no integers") from None
            return {**layer, "config": {**config, "vocabulary": words}}
    return layer
