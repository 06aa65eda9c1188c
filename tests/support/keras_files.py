"""Writes small Keras files of every container by hand, as the versions of Keras lay them out."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

CONFIG: dict[str, Any] = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential",
        "layers": [{"class_name": "Dense", "config": {"name": "dense", "units": 2}}],
    },
}
KERNEL = np.arange(6, dtype=np.float32).reshape(3, 2)
BIAS = np.array([0.5, -0.25], dtype=np.float32)
DENSE: dict[str, Arrays] = {"dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS}, "dropout": {}}
TREE: Arrays = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}


def write_layers(group: h5py.Group, layers: Mapping[str, Arrays]) -> None:
    """The legacy layout: `layer_names`, and in each layer's group `weight_names`."""
    group.attrs["layer_names"] = [name.encode() for name in layers]
    for name, arrays in layers.items():
        layer = group.create_group(name)
        layer.attrs["weight_names"] = [weight.encode() for weight in arrays]
        for weight, array in arrays.items():
            layer[weight] = array


def write_whole_h5(
    path: Path, config: object = CONFIG, layers: Mapping[str, Arrays] = DENSE, **attributes: Any
) -> Path:
    """What `model.save("model.h5")` writes."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        for name, value in attributes.items():
            file.attrs[name] = value
        write_layers(file.create_group("model_weights"), layers)
    return path


def write_tree(path: Path | io.BytesIO, tensors: Arrays = TREE) -> None:
    """What `model.save_weights("model.weights.h5")` of Keras 3 writes."""
    with h5py.File(path, "w") as file:
        for name, array in tensors.items():
            file[name] = array
        file.require_group("vars").attrs["name"] = "sequential"


def tree_bytes(tensors: Arrays = TREE) -> bytes:
    """The same as bytes."""
    buffer = io.BytesIO()
    write_tree(buffer, tensors)
    return buffer.getvalue()


def write_zip(path: Path, members: Mapping[str, bytes | str], compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip archive with these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_keras(
    path: Path,
    tensors: Arrays = TREE,
    compression: int = zipfile.ZIP_STORED,
    without: Sequence[str] = (),
    more: Mapping[str, bytes | str] = MappingProxyType({}),
) -> Path:
    """What `model.save("model.keras")` writes, without some members and with others."""
    members: dict[str, bytes | str] = {
        "metadata.json": '{"keras_version": "3.12.0"}',
        "config.json": json.dumps({"module": "keras", **CONFIG}),
        "model.weights.h5": tree_bytes(tensors),
        **more,
    }
    return write_zip(path, {k: v for k, v in members.items() if k not in without}, compression)


def rewritten(path: Path, names: Mapping[str, str]) -> Path:
    """An HDF5 file in place, with other strings in its architecture."""
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        text = text if isinstance(text, str) else text.decode()
        for name, other in names.items():
            text = text.replace(json.dumps(name), json.dumps(other))
        file.attrs["model_config"] = text
    return path
