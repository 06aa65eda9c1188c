"""One row of a table of layer tests, and Keras imported only when a row needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any


class _Lazy:
    """A module that is imported at its first use: collecting tests must not load TensorFlow."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


keras: Any = _Lazy("keras")
layers: Any = _Lazy("keras.layers")
ops: Any = _Lazy("keras.ops")
convnext: Any = _Lazy("keras.src.applications.convnext")
inception_resnet_v2: Any = _Lazy("keras.src.applications.inception_resnet_v2")
feature_space: Any = _Lazy("keras.src.layers.preprocessing.feature_space")


@dataclass(frozen=True)
class Case:
    """A layer or a small model, and the inputs to try it on.

    Attributes:
        name: The test's id.
        build: Makes the layer, or with `model=True` a whole `keras.Model`.
        inputs: Shapes without the batch axis; None stands for a size left open (tried with 7).
        dtypes: Of the inputs; float32 where not given.
        call: How the layer is called on the list of symbolic inputs; `layer(*inputs)` if not given.
        files: The formats to try.
        ints: Integer inputs are drawn from `range(ints)`.
        batch: Number of samples.
    """

    name: str
    build: Callable[[], Any]
    inputs: Sequence[tuple[int | None, ...]]
    dtypes: Sequence[str] = ()
    call: Callable[[Any, list[Any]], Any] | None = None
    model: bool = False
    files: Sequence[str] = ("h5", "keras")
    ints: int = 7
    batch: int = 3
