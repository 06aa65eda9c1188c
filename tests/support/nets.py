"""Functional models written layer by layer, as configs: what tests of blocks are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from codegen import Options
from codegen.pipeline import Generated, generate
from codegen.read.reader import read_model


class Net:
    """A functional model's config, written layer by layer."""

    def __init__(self, *shape: int | None, name: str = "image") -> None:
        self.layers: list[dict[str, Any]] = []
        self.inputs = [self._layer("InputLayer", name, [], batch_shape=[None, *shape], dtype="float32")]

    def __call__(self, class_name: str, name: str, *inputs: str, **config: Any) -> str:
        """Add a layer, called on the results of others; returns its name."""
        return self._layer(class_name, name, [list(inputs)], **config)

    def shared(self, name: str, call: int, *inputs: str) -> list[Any]:
        """Call a layer once more; what to give as an input for its result."""
        layer = next(layer for layer in self.layers if layer["name"] == name)
        layer["inbound_nodes"].append(_node(inputs, wrap=False))
        return [name, call]

    def piece(self, name: str, index: int) -> Any:
        """What to give as an input for one of the results of an op."""
        return [name, 0, index]

    def _layer(self, class_name: str, name: str, calls: list[list[str]], **config: Any) -> str:
        merging = class_name in ("Add", "Multiply", "Concatenate")
        self.layers.append(
            {
                "module": "keras.layers",
                "class_name": class_name,
                "config": {"name": name, **config},
                "name": name,
                "inbound_nodes": [_node(inputs, wrap=merging) for inputs in calls],
            }
        )
        return name

    def source(self, folder: Path, output: str) -> str:
        """The text of the generated file."""
        return self.draft(folder, output).source

    def draft(self, folder: Path, output: str) -> Generated:
        """The converted model, without weights."""
        config = {
            "name": "net",
            "layers": self.layers,
            "input_layers": [[name, 0, 0] for name in self.inputs],
            "output_layers": [[output, 0, 0]],
        }
        path = folder / "net.json"
        path.write_text(json.dumps({"module": "keras", "class_name": "Functional", "config": config}))
        with read_model(path) as saved:
            return generate(saved, Options(), "net")


def _node(inputs: Any, *, wrap: bool) -> dict[str, Any]:
    places = [[name, 0, 0] if isinstance(name, str) else [*name, 0][:3] for name in inputs]
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": place}} for place in places]
    return {"args": [tensors] if wrap else tensors, "kwargs": {}}


def conv(net: Net, name: str, x: str, filters: int, size: int = 3, **config: Any) -> str:
    """A convolution with padding."""
    options = {"padding": "same", **config}
    return net("Conv2D", name, x, filters=filters, kernel_size=[size, size], **options)


def conv_bn_relu(net: Net, prefix: str, x: str, filters: int, **config: Any) -> str:
    """A convolution, a norm, an activation."""
    x = conv(net, f"{prefix}_conv", x, filters, **config)
    x = net("BatchNormalization", f"{prefix}_bn", x)
    return net("Activation", f"{prefix}_relu", x, activation="relu")
