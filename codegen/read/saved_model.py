"""What reading a file yields: the architecture as JSON, and lazily the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class StoredTensor:
    """One array in a file; nothing is read until `read` is called.

    Attributes:
        path: Where it stands in the file, for messages.
        name: The name that Keras gave it (`dense/kernel:0`), or "" if the file has none.
    """

    path: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class LayerWeights:
    """Weights of the legacy HDF5 layout: one ordered list for each top-level layer.

    `groups` keeps the file's order of layers; `surplus` are arrays of `top_level_model_weights`.
    """

    groups: Mapping[str, tuple[StoredTensor, ...]]
    top_level: tuple[StoredTensor, ...] = ()


@dataclass(frozen=True)
class PathWeights:
    """Weights of `.keras` archives and Keras 3 `.weights.h5`: arrays by path.

    Keys are paths without a leading slash and with forward slashes, as in
    `layers/dense/vars/0`. `names` maps a `vars` group's parent to its `name` attribute, if any.
    `assets` reads a file of the archive's `assets/` folder.
    """

    tensors: Mapping[str, StoredTensor]
    names: Mapping[str, str]


@dataclass(frozen=True)
class SavedModel:
    """A saved Keras model as it lies on disk.

    Attributes:
        config: `{"class_name", "config", ...}` exactly as saved.
        weights: None when the file holds no weights (architecture JSON alone).
        keras_version: As saved, e.g. "2.2.4-tf"; "1" when the file does not say.
        backend: "tensorflow", "theano", "jax", "torch" or "" when the file does not say.
        file_name: Base name of the architecture's file.
        sha256: Of the architecture's file, hexadecimal.
    """

    config: Mapping[str, Any]
    weights: LayerWeights | PathWeights | None
    keras_version: str
    backend: str
    file_name: str
    sha256: str
    assets: Mapping[str, bytes] | None = None


