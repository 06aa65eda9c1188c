"""Puts the vocabularies that stand elsewhere into the configs of their layers.

Those that `adapt` found are in an archive's assets: Keras saves a layer's assets under the path of its
weights, `layers/<class>[_<n>]/`, or its own name. Of those that a layer was given as a file only the path is
saved: they are looked for beside the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codegen.errors import MalformedConfig, shorten
from codegen.model.words import folder_name

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Places:
    """Where vocabularies may stand.

    Attributes:
        assets: Files of an archive's `assets` folder by their path in it.
        neighbour: Reads the file of this name that stands beside the model; None if there is none.
    """

    assets: Mapping[str, bytes]
    neighbour: Callable[[str], bytes | None]


def with_vocabularies(entry: Entry, places: Places, path: str = "") -> Entry:
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
            layer = with_vocabularies(_filled(layer, places, folder, path), places, folder)
        filled.append(layer)
    return {**entry, "config": {**config, "layers": filled}}


def _filled(layer: Entry, places: Places, folder: str, path: str) -> Entry:
    config = layer.get("config")
    if layer["class_name"] != "IntegerLookup" or not isinstance(config, Mapping):
        return layer
    vocabulary = config.get("vocabulary")
    if isinstance(vocabulary, str):
        text = places.neighbour(vocabulary)
        if text is None:
            return layer
        words = [*_special_tokens(config), *_integers(text, vocabulary)]  # Keras takes each line for a word
        return {**layer, "config": {**config, "vocabulary": words}}
    if vocabulary:
        return layer
    for place in (folder, f"{path}layers/{config.get('name')}/"):
        text = places.assets.get(f"{place}vocabulary.txt")
        if text is not None:
            return {**layer, "config": {**config, "vocabulary": _integers(text, f"assets/{place}")}}
    return layer


def _special_tokens(config: Mapping[str, Any]) -> list[Any]:
    """What stands before the words of a vocabulary that is saved in full."""
    mask, count = config.get("mask_token"), config.get("num_oov_indices", 1)
    unknown = [config.get("oov_token", -1)] * (count if isinstance(count, int) else 0)
    return [mask, *unknown] if mask is not None and config.get("output_mode", "int") == "int" else unknown


def _integers(text: bytes, place: str) -> list[int]:
    try:
        return [int(line) for line in text.split()]
    except ValueError:
        raise MalformedConfig(f"the vocabulary {shorten(place)} holds no integers") from None
