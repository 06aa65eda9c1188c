"""Architectures as Keras saves them, written by hand layer by layer."""

from __future__ import annotations

from typing import Any

from codegen.model.saved_model import SavedModel


def saved(config: Any, version: str = "2.2.4", backend: str = "tensorflow") -> SavedModel:
    """A file with this architecture and no weights."""
    return SavedModel(config, None, version, backend, "model.h5", "0" * 64)


def entry(class_name: str, name: str, nodes: Any = None, **config: Any) -> dict[str, Any]:
    """A layer of a Sequential, or with `nodes` one of a graph."""
    inner = {"class_name": class_name, "config": {"name": name, **config}}
    return inner if nodes is None else {**inner, "name": name, "inbound_nodes": nodes}


def input_entry(name: str, *shape: int | None) -> dict[str, Any]:
    """An InputLayer of a graph."""
    return entry("InputLayer", name, [], batch_input_shape=[None, *shape], dtype="float32")


def functional(layers: list[Any], inputs: Any, outputs: Any, name: str = "model") -> dict[str, Any]:
    """A functional model."""
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": "Model", "config": config, "name": name}


def tensor(layer: str, node: int = 0, index: int = 0) -> dict[str, Any]:
    """A Keras 3 tensor in a call."""
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 4], "keras_history": [layer, node, index]},
    }
