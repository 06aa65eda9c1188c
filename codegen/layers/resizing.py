"""Keras' layers that bring images to one size: Resizing and CenterCrop."""

from __future__ import annotations

from typing import Literal

from codegen.graph import Value
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts.resizing import (
    Casts,
    Interpolation,
    batched,
    crop_to_aspect,
    middle,
    pad_to_aspect,
    recast,
    resize,
    single_again,
    smart_resize,
)
from codegen.lowering.parts.windows import DataFormat, call, sizes_of, with_sizes
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers


@lowers("Resizing")
def resizing(
    b: Builder,
    x: Value | dict[str, Value],
    *,
    height: Size,
    width: Size,
    interpolation: Interpolation = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: Literal["constant"] = "constant",
    fill_value: float = 0.0,
    antialias: bool = False,
    data_format: DataFormat = "channels_last",
    casts: Quirk[Casts] = "input",
) -> Value:
    """Images of any size in one size."""
    del fill_mode  # there is just one
    if isinstance(x, dict):
        b.unsupported("inputs", "<dict>", "supported: a tensor of images")
    dtype = x.dtype
    x, single = batched(b, x)
    if casts == "policy" and interpolation == "nearest":
        x = b.cast(x, b.dtype)
    if crop_to_aspect_ratio:
        x = crop_to_aspect(b, x, data_format, height, width)
    elif pad_to_aspect_ratio:
        x = pad_to_aspect(b, x, data_format, height, width, fill_value)
    x = resize(b, x, data_format, interpolation, (height, width), antialias=antialias)
    return single_again(b, recast(b, x, dtype, casts), single)


@lowers("CenterCrop")
def center_crop(
    b: Builder, x: Value, *, height: Size, width: Size, data_format: DataFormat = "channels_last"
) -> Value:
    """The middle of images; of what is too small, the middle in the same ratio, enlarged."""
    x, single = batched(b, b.cast(x, b.dtype))
    rows, columns = sizes_of(x, data_format)
    if rows is None or columns is None:
        x = b.channels_first(x, data_format)
        arguments = {"height": height, "width": width}
        x = call(b, "center_crop", x, arguments, with_sizes(x, data_format, (height, width)))
    elif rows >= height and columns >= width:
        x = middle(b, x, data_format, (rows, columns), (height, width))
    else:
        x = b.cast(smart_resize(b, x, data_format, height, width), b.dtype)
    return single_again(b, x, single)
