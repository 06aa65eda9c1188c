"""Images in another size: Keras' Resizing and CenterCrop, and the interpolation of UpSampling2D."""

from __future__ import annotations

from typing import Literal

from codegen.builder import Builder
from codegen.graph import Value
from codegen.layers.spatial import call, check_rank, sizes_of, with_sizes

Interpolation = Literal["nearest", "bilinear"]


def resize(b: Builder, x: Value, data_format: str, interpolation: str, *, factors: tuple[int, ...]) -> Value:
    """Images `factors` times as large."""
    check_rank(b, x, 2)
    x = b.channels_first(x, data_format)
    sizes = [n and n * f for n, f in zip(sizes_of(x, data_format), factors, strict=True)]
    shape = with_sizes(x, data_format, sizes)
    arguments = {"scale_factor": factors, "mode": interpolation}
    if interpolation == "nearest":
        del arguments["mode"]
    return call(b, "F.interpolate", x, arguments, shape, non_negative=x.non_negative)
