"""Architecture JSON: `to_json()`, `get_config()` or the `config.json` of an archive, checked before use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from codegen.errors import UnreadableFile, shorten

MAX_BYTES = 256 * 2**20
_MAX_DEPTH = 256


def parse_json(text: str | bytes) -> Any:
    """Return the value, after refusing text that later stages could not handle.

    Raises:
        UnreadableFile: Not JSON, larger than 256 MB, nested over 256 levels deep, or not valid Unicode.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableFile(f"its JSON is {len(text) >> 20} MB; an architecture of at most 256 MB is read")
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise UnreadableFile(
            f"its JSON is truncated or damaged ({shorten(str(error), 160)}); save the model again"
        ) from error
    _check(value)
    return value


def as_config(value: Any) -> Mapping[str, Any]:
    """Return a model's `{"class_name", "config", ...}`; a bare `get_config()` gets its class name.

    Raises:
        UnreadableFile: The JSON describes no model.
    """
    if isinstance(value, str):  # json.dump(model.to_json()) encodes twice
        value = parse_json(value)
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict | list):
            return value
        if isinstance(value.get("layers"), list):
            if value["layers"] and all(_is_keras0(layer) for layer in value["layers"]):
                raise UnreadableFile(
                    "this is an architecture of Keras 0.x; build the model in today's Keras, give each layer "
                    "its weights with layer.set_weights(), and save that"
                )
            functional = "input_layers" in value or "output_layers" in value
            return {"class_name": "Functional" if functional else "Sequential", "config": value}
        if "modelTopology" in value or "weightsManifest" in value:
            raise UnreadableFile(_explain_tensorflow_js(value))
        raise UnreadableFile(
            f"this JSON is no Keras architecture (its keys are {shorten(list(value)[:8], 160)}); "
            "save model.to_json()"
        )
    if isinstance(value, list) and value and all(isinstance(x, dict) and "class_name" in x for x in value):
        return {"class_name": "Sequential", "config": value}
    raise UnreadableFile("this JSON is no Keras architecture; save model.to_json()")


def _is_keras0(layer: Any) -> bool:
    """Whether this describes a layer as Keras 0.x did: by its class's name, and its options beside it."""
    return isinstance(layer, dict) and "name" in layer and not {"class_name", "config"} & layer.keys()


def _explain_tensorflow_js(value: dict[str, Any]) -> str:
    if value.get("format") == "graph-model":
        return (
            "this is a TensorFlow.js graph model, which has lost the Keras layers; give the Keras model that "
            "it was made from"
        )
    return (
        "this is a TensorFlow.js model, whose weights are in files of their own; turn it back with "
        "`tensorflowjs_converter --input_format tfjs_layers_model --output_format keras model.json model.h5`"
    )


def guess_version(config: Mapping[str, Any]) -> str:
    """Say "3" if classes are given with their modules, which is Keras 3's way, else "1"."""
    inner = config["config"]
    layers = inner.get("layers", []) if isinstance(inner, dict) else inner
    entries = [config, *(layers if isinstance(layers, list) else [])]
    return "3" if any(isinstance(entry, dict) and "module" in entry for entry in entries) else "1"


def _check(value: Any) -> None:
    """Refuses nesting that would exhaust the stack of a later stage, and lone surrogates in strings."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [part for whole in level if isinstance(whole, dict | list) for part in _parts(whole)]
        for part in level:
            if isinstance(part, str) and not part.isascii():
                _check_unicode(part)
        if not level:
            return
    raise _too_deep()


def _parts(whole: dict[str, Any] | list[Any]) -> list[Any]:
    return [*whole.keys(), *whole.values()] if isinstance(whole, dict) else whole


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableFile(
            f"its JSON holds a string that is not valid Unicode: {shorten(text)}; save the model again"
        ) from None


def _too_deep() -> UnreadableFile:
    return UnreadableFile(f"its JSON is nested more than {_MAX_DEPTH} levels deep; that is no Keras model")
