"""What reading a file yields: the architecture as JSON, and lazily the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class StoredTensor:
    """One array in a file; nothing is read until `read` is called.

    Attributes:
        path: Where it stands in the file, for messages.
        name: The name that Keras gave it (`dense/kernel:0`), or "" if the file has none.
        dtype: As Keras saved it; a "bfloat16" array is read as float32, which holds it exactly.
        read: Reads the array; raises UnreadableFile if the file turns out to be damaged or is closed.
    """

    path: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class LayerWeights:
    """Weights of the legacy HDF5 layout: one ordered list for each top-level layer.

    `groups` keeps the file's order of layers; `top_level` are arrays of `top_level_model_weights`.
    """

    groups: Mapping[str, tuple[StoredTensor, ...]]
    top_level: tuple[StoredTensor, ...] = ()


@dataclass(frozen=True)
class PathWeights:
    """Weights of `.keras` archives and Keras 3 `.weights.h5`: arrays by path.

    The state of the model's own optimizer and metrics is left out.

    Attributes:
        tensors: By paths without a leading slash and with forward slashes: `layers/dense/vars/0`.
        folders: The objects that Keras saved, with arrays or without: their paths with a slash at the end
            (`layers/dense/`; "" is the model), and their names, which are "" before Keras 3.6.
        in_archive: Whether the config, saved in the same archive, says which layers are shared.
    """

    tensors: Mapping[str, StoredTensor]
    folders: Mapping[str, str] = field(default_factory=dict)
    in_archive: bool = False


@dataclass(frozen=True)
class TrackedObject:
    """A layer, a list or a variable, as TensorFlow tracks it.

    Attributes:
        edges: The numbers of the objects that it holds, by attribute, in the order of their making; without
            what Keras keeps beside the attributes of its layers.
        tensor: The value, if it is a variable.
        table: The keys and the values, if it is a table of numbers.
    """

    edges: Mapping[str, int]
    tensor: StoredTensor | None
    table: tuple[StoredTensor, StoredTensor] | None = None

    @property
    def layers(self) -> list[int]:
        """The objects of a model's layers."""
        return self.members("layer-")

    def members(self, prefix: str = "") -> list[int]:
        """The objects of a list, `0`, `1`, ..., or of a numbered attribute, in the order of the numbers."""
        numbers = [name.removeprefix(prefix) for name in self.edges if name.startswith(prefix)]
        numbers = [number for number in numbers if number.isdecimal()]
        return [self.edges[f"{prefix}{number}"] for number in sorted(numbers, key=lambda n: (len(n), n))]


@dataclass(frozen=True)
class ObjectWeights:
    """Weights of TensorFlow's SavedModels and checkpoints: variables by the attributes that lead to them.

    A model holds its layers under `layer-0`, `layer-1`, ... Objects may hold each other in circles.

    Attributes:
        objects: By number; each is decoded when asked for.
        models: The numbers of the models that belong to no other one, by the attributes that lead to them.
    """

    objects: Mapping[int, TrackedObject]
    models: Mapping[str, int]


Weights = LayerWeights | PathWeights | ObjectWeights


@dataclass(frozen=True)
class Source:
    """What a model was read from: the base name of a file or folder, and its SHA-256, hexadecimal."""

    name: str
    sha256: str


@dataclass(frozen=True)
class SavedTraining:
    """What compile() and training left in a file.

    Attributes:
        config: The arguments of compile(), exactly as saved.
        optimizer: The optimizer's arrays, in the order of its variables.
    """

    config: Mapping[str, Any]
    optimizer: tuple[StoredTensor, ...] = ()


@dataclass(frozen=True)
class SavedModel:
    """A saved Keras model as it lies on disk.

    Attributes:
        config: `{"class_name", "config", ...}` exactly as saved.
        weights: None when the file holds no weights (architecture JSON alone).
        keras_version: As saved, e.g. "2.2.4-tf"; when no file says, "3" if the config names the
            modules of its classes, as Keras 3 does, else "1".
        backend: "tensorflow", "theano", "jax", "torch" or "" when the file does not say.
        file_name: Base name of the architecture's file.
        weights_name: Base name of the weights' file, if that is another one.
        sources: The architecture's file and, if that is another one, the weights', with their digests; a call
            waits for these.
        assets: Files of an archive's `assets` folder by their path in it, each read when asked for.
        neighbour: Reads a file that stands beside the architecture's, given the path that its config has
            for it; None if there is none.
        training: Reads what there is to know of training; None if the model was never compiled.
    """

    config: Mapping[str, Any]
    weights: Weights | None
    keras_version: str
    backend: str
    file_name: str
    weights_name: str | None = None
    sources: Callable[[], tuple[Source, ...]] = lambda: ()
    assets: Mapping[str, bytes] | None = None
    neighbour: Callable[[str], bytes | None] = lambda _: None
    training: Callable[[], SavedTraining | None] = lambda: None

    @property
    def file_names(self) -> tuple[str, ...]:
        """Base names of the sources."""
        return (self.file_name,) if self.weights_name is None else (self.file_name, self.weights_name)

    @property
    def sha256(self) -> str:
        """Of the architecture's file; "" if it was not read from one."""
        return next((source.sha256 for source in self.sources()), "")
