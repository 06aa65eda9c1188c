"""Who wrote a file: which Keras, of which version, on which backend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from codegen.config.dialects.image_format import saved_format
from codegen.model.saved_model import LayerWeights, SavedModel

_KERAS1_WORDS = frozenset(
    {"border_mode", "dim_ordering", "inner_activation", "input_dtype", "nb_filter", "W_regularizer"}
)


Dialect = Literal["Keras 1", "Keras 2", "tf.keras", "Keras 3"]
KERAS1: Dialect = "Keras 1"
KERAS2: Dialect = "Keras 2"
TF_KERAS: Dialect = "tf.keras"
KERAS3: Dialect = "Keras 3"


@dataclass(frozen=True)
class Origin:
    """The writer of a file.

    Attributes:
        generation: 1, 2 (with tf.keras) or 3: which dialect the config is in.
        version: As numbers; (2,) when only the generation is known.
        tf: Whether it was tf.keras, which differs from Keras 2 of the same version.
        theano: Whether the backend was Theano, which flips convolution kernels; None if nothing tells.
        channels_first: How Keras 1 layers order an image's axes that do not say so.
        data_format: What a `data_format` of null stands for; None if nothing tells.
        masks: Whether anything in the model makes a mask.
        backend: Its name; "" if the file does not say.
    """

    generation: int
    version: tuple[int, ...]
    tf: bool
    theano: bool | None
    channels_first: bool
    data_format: str | None
    masks: bool
    backend: str = ""

    @property
    def dialect(self) -> Dialect:
        """Whose words these are: tf.keras went ways of its own beside Keras 2."""
        if self.generation == 2:
            return TF_KERAS if self.tf else KERAS2
        return KERAS1 if self.generation == 1 else KERAS3

    def is_before(self, version: tuple[int, ...]) -> bool:
        """Whether it is of the generation of `version` and known to be older."""
        return self.generation == version[0] and len(self.version) > 1 and self.version < version

    @property
    def stored(self) -> str | None:
        """The `LayerSpec.stored` of layers of this file."""
        if self.generation == 1:
            return "keras1-theano" if self.theano else "keras1"
        return "theano" if self.theano else None


def origin_of(saved: SavedModel, backend: str | None = None) -> Origin:
    """Tell from the version, or else from the words of the config, who wrote a file.

    Args:
        saved: The file.
        backend: Of Keras 1, where nothing in the file tells.
    """
    objects = list(_objects(saved.config))
    version = tuple(int(part) for part in re.findall(r"\d+", saved.keras_version)[:3])
    tells = (len(version) > 1 or not saved.config) and version[:1] in ((1,), (2,), (3,))
    generation = version[0] if tells else _generation(objects)
    if not version or version[0] != generation:
        version = (generation,)
    theano: bool | None = saved.backend == "theano"
    if generation == 1 and not saved.backend:
        theano = _written_by_theano(saved)
        if theano is None and backend is not None:
            theano = backend == "theano"
    return Origin(
        generation=generation,
        version=version,
        tf=generation == 2 and ("tf" in saved.keras_version or version >= (2, 4)),
        theano=theano,
        channels_first=_channels_first(objects, theano is not False),
        data_format=saved_format(objects, saved.backend),
        masks=any(map(_has_mask, objects)),
        backend=saved.backend,
    )


def _has_mask(item: Mapping[str, Any]) -> bool:
    """Whether a JSON object of a config makes a mask: a layer that does, or a call that is given one."""
    return item.get("mask_zero") is True or item.get("class_name") == "Masking" or bool(item.get("mask"))


def _objects(config: object) -> Iterator[Mapping[str, Any]]:
    """All JSON objects of a config."""
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            yield item
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, (list, tuple)):
            stack.extend(reversed(item))


def _generation(objects: list[Mapping[str, Any]]) -> int:
    words = {key for item in objects for key in item}
    if "batch_shape" in words or any(item.get("class_name") == "__keras_tensor__" for item in objects):
        return 3
    if words & _KERAS1_WORDS or ("output_dim" in words and "units" not in words and "bias" in words):
        return 1
    return 2


def _written_by_theano(saved: SavedModel) -> bool | None:
    """Keras 1 does not save its backend; TensorFlow's weight names end in `:0`, Theano's do not."""
    if isinstance(saved.weights, LayerWeights):
        names = [tensor.name for group in saved.weights.groups.values() for tensor in group]
        if names:
            return not any(name.endswith(":0") for name in names)
    return None


def _channels_first(objects: list[Mapping[str, Any]], theano: bool) -> bool:
    orderings = {item["dim_ordering"] for item in objects if item.get("dim_ordering") in ("th", "tf")}
    if len(orderings) == 1:
        return orderings == {"th"}
    for item in objects:
        shape = item.get("batch_input_shape")
        if isinstance(shape, (list, tuple)) and len(shape) in (4, 5) and shape[1] != shape[-1]:
            return _fewer(shape[1], shape[-1])
    return theano


def _fewer(size: Any, other: Any) -> bool:
    """Whether `size` rather than `other` counts an image's channels: the known, smaller one."""
    if isinstance(size, int) and isinstance(other, int):
        return size < other
    return isinstance(size, int)
