"""Layers of the packages keras-resnet and keras-retinanet."""

from __future__ import annotations

from codegen.graph import Value
from codegen.layers.normalization import batch_normalization
from codegen.lowering.builder import Builder
from codegen.lowering.parts.resizing import resize
from codegen.lowering.ranges import NonNegative
from codegen.lowering.registry import lowers


@lowers("BatchNormalization", package="keras_resnet", note="keras-resnet")
def frozen_batch_normalization(
    b: Builder,
    x: Value,
    *,
    freeze: bool,
    axis: int = -1,
    momentum: float = 0.99,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
) -> Value:
    """Keras' own, that where it is frozen keeps its statistics in training, too."""
    y = batch_normalization(b, x, axis=axis, momentum=momentum, epsilon=epsilon, center=center, scale=scale)
    if freeze and b.trains:
        b.note("batch normalisation that keras-resnet freezes updates its statistics in training mode")
    return y


@lowers("UpsampleLike", package="keras_retinanet", masks="drop", note="keras-retinanet")
def upsample_like(b: Builder, xs: list[Value]) -> Value:
    """The first image in the size of the second, each pixel that of the nearest to its upper left."""
    source, target = xs
    size = [b.size(target, axis) for axis in (1, 2)]
    return resize(b, source, "channels_last", "nearest_legacy", size)
