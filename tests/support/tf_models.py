"""Small models of Keras 2 that call TensorFlow functions, written by hand and converted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from codegen import convert
from tests.support.conversions import load
from tests.support.keras_files import write_whole_h5

X = np.arange(-6.0, 6.0).reshape(2, 2, 3).astype("float32")


def converted(layers: list[dict[str, Any]], folder: Path, *, outputs: int = 1) -> Any:
    """The converted model of these layers behind an input "x", (N, 2, 3); the last has the outputs."""
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 2, 3]}}
    config = {
        "name": "model",
        "layers": [{"name": "x", "inbound_nodes": [], **first}, *layers],
        "input_layers": [["x", 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, i] for i in range(outputs)],
    }
    file = write_whole_h5(
        folder / "model.h5", {"class_name": "Functional", "config": config}, {}, keras_version="2.3.0-tf"
    )
    return load(convert(file, output=folder)).load_model()


def function(function: str, /, class_name: str = "TFOpLambda", **arguments: Any) -> dict[str, Any]:
    """A layer that calls a TensorFlow function on the input."""
    config = {"name": "op", "trainable": True, "dtype": "float32", "function": function}
    nodes = [["x", 0, 0, arguments]]
    return {"class_name": class_name, "name": "op", "config": config, "inbound_nodes": nodes}


def run(model: Any) -> Any:
    """The outputs for `X`, as arrays."""
    with torch.no_grad():
        result = model(torch.from_numpy(X))
    return [part.numpy() for part in result] if isinstance(result, tuple) else result.numpy()


def chain(*calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers that call functions one after the other."""
    layers = []
    for position, (name, arguments) in enumerate(calls):
        layer = function(name, **arguments)
        layer["name"] = layer["config"]["name"] = f"op_{position}"
        if position:
            layer["inbound_nodes"][0][0] = f"op_{position - 1}"
        layers.append(layer)
    return layers
