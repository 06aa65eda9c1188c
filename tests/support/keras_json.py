"""The JSON of functional models of Keras 3, written by hand."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def tensor(name: str, call: int = 0, shape: tuple[int | None, ...] = (None, 3)) -> Json:
    """The output of a call of a layer."""
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def layer(name: str, kind: str, *sources: Json, **config: Any) -> Json:
    """A layer, called on each of these tensors in turn."""
    return {
        "module": "keras.layers", "class_name": kind, "name": name, "registered_name": None,
        "config": {"name": name, **config},
        "inbound_nodes": [{"args": [source], "kwargs": {}} for source in sources],
    }  # fmt: skip


def nested(name: str, config: Json, *sources: Json) -> Json:
    """A model inside a model, called on each of these tensors in turn."""
    return {**layer(name, "Functional", *sources), "config": config}


def model(name: str, layers: list[Json], start: str, end: str, call: int = 0) -> Json:
    """The config of a model of one input and one output."""
    return {
        "name": name, "layers": layers,
        "input_layers": [[start, 0, 0]], "output_layers": [[end, call, 0]],
    }  # fmt: skip


def whole(config: Json) -> Json:
    """What a file holds of a model."""
    return {"module": "keras", "class_name": "Functional", "config": config}
