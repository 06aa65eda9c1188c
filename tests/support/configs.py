"""Architectures as Keras saves them, written by hand layer by layer."""

from __future__ import annotations

from typing import Any

from codegen.config.dialects.classes import class_and_package
from codegen.config.dialects.first_versions import first_version
from codegen.config.dialects.origin import KERAS1, KERAS2, KERAS3, TF_KERAS
from codegen.model.packages import KERAS
from codegen.model.saved_model import SavedModel


def saved(config: Any, version: str = "2.2.4", backend: str = "tensorflow") -> SavedModel:
    """A file with this architecture and no weights."""
    return SavedModel(by_keras(config), None, version, backend, "model.h5")


def by_keras(config: Any) -> Any:
    """The architecture where each layer says that it is Keras': short configs alone would not prove it."""
    if isinstance(config, list):
        return [by_keras(item) for item in config]
    if not isinstance(config, dict):
        return config
    inner = {key: by_keras(value) for key, value in config.items()}
    name = config.get("class_name")
    if not isinstance(name, str) or not isinstance(config.get("config"), dict) or "module" in config:
        return inner
    is_keras = _is_known(name) and class_and_package(config, name)[1] == KERAS
    return {**inner, "module": "keras.layers"} if is_keras else inner


def _is_known(class_name: str) -> bool:
    return any(
        first_version(class_name, dialect) is not None for dialect in (KERAS1, KERAS2, TF_KERAS, KERAS3)
    )


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
