"""Graph ops of `keras.ops.image`: colours, borders, patches, filters."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from codegen.graph import Value
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.resizing import Casts
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import pad_axes, torch_dim, transpose
from codegen.lowering.parts.windows import (
    DataFormat,
    Ints,
    channel_axis,
    check_rank,
    pad,
    positive,
    sizes_of,
    window_count,
    window_pads,
    with_sizes,
)
from codegen.model.spec import Constant
from codegen.ops.keras.as_layer import as_layer
from codegen.ops.keras.indexing import slice_

_GREY = [0.2989, 0.5870, 0.1140]


def _check_images(b: Builder, x: Value) -> None:
    if x.rank not in (3, 4):
        b.malformed(f"its input {x.shape} is no image")


def batch_of(b: Builder, images: TensorLike) -> Value:
    """Images with a batch axis, which a single one gets."""
    x = rules.tensor(b, images)
    _check_images(b, x)
    return x if x.rank == 4 else b.op("x.unsqueeze(0)", shape=(1, *x.shape), x=x)


def like(b: Builder, result: Value, images: TensorLike) -> Value:
    """A result of `batch_of(b, images)` without the batch axis if there was none."""
    if rules.tensor(b, images).rank == 4:
        return result
    result = b.keras_layout(result)
    return b.op("x.squeeze(0)", shape=result.shape[1:], x=result)


def _channel_axis(b: Builder, x: Value, data_format: str | None) -> int:
    if x.rank < 3:
        b.malformed(f"its input {x.shape} is no image")
    return x.rank - (3 if data_format == "channels_first" else 1)


# -------------------------------------------------------------------- colours


@op("RGBToGrayscale")
def rgb_to_grayscale(b: Builder, images: TensorLike, *, data_format: DataFormat | None = None) -> Value:
    """The weighted sum of red, green and blue."""
    x = rules.to_keras_order(b, rules.tensor(b, images))
    axis = _channel_axis(b, x, data_format)
    if x.shape[axis] == 1:
        return b.op("x", shape=x.shape, x=x)
    dtype = rules.float_type(x)
    weights = np.array(_GREY).reshape([-1 if a == axis else 1 for a in range(axis, x.rank)])
    factors = rules.constant(b, Constant(weights.tolist(), dtype), x)
    weighted = b.elementwise("x * weights", x=b.cast(x, dtype), weights=factors)
    y = rules.reduce(b, weighted, "x.sum(dim=d, keep)", axis, keepdims=True)
    return b.cast(y, x.dtype)


@op({"RGBToHSV": {"name": "rgb_to_hsv"}, "HSVToRGB": {"name": "hsv_to_rgb"}})
def convert_colors(
    b: Builder, images: TensorLike, *, data_format: DataFormat | None = None, name: str
) -> Value:
    """Between red, green, blue and hue, saturation, value."""
    x = rules.to_keras_order(b, rules.tensor(b, images))
    return b.op(
        f"{name}(x, dim=d)", shape=x.shape, x=x, like=x, d=torch_dim(x, _channel_axis(b, x, data_format))
    )


# -------------------------------------------------------------------- sizes and borders


@op("Resize")
def resize(
    b: Builder,
    images: TensorLike,
    *,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: DataFormat | None = None,
    casts: Quirk[Casts] = "input",
) -> Value:
    """Images in another size."""
    return as_layer(
        b, "Resizing", rules.tensor(b, images), height=size[0], width=size[1], interpolation=interpolation,
        antialias=antialias, crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio, fill_mode=fill_mode, fill_value=fill_value,
        data_format=data_format or "channels_last", quirks={"casts": casts},
    )  # fmt: skip


@op("PadImages")
def pad_images(
    b: Builder,
    images: TensorLike,
    *,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: DataFormat | None = None,
) -> Value:
    """Zeros around images, by numbers or up to a size."""
    x = rules.to_keras_order(b, rules.tensor(b, images))
    _check_images(b, x)
    rows = _channel_axis(b, x, data_format) - 2 if data_format != "channels_first" else x.rank - 2
    sides = {
        rows: (top_padding, bottom_padding, target_height),
        rows + 1: (left_padding, right_padding, target_width),
    }
    pairs: list[tuple[Any, Any]] = [(0, 0)] * x.rank
    shape = list(x.shape)
    for axis, (before, after, target) in sides.items():
        if [before, after, target].count(None) != 1:
            b.malformed("of its two paddings and its size along an axis, one must be left open")
        pairs[axis] = (before, after)
        if target is None:
            size = x.shape[axis]
            shape[axis] = size and size + (before or 0) + (after or 0)
            continue
        known = (before or 0) + (after or 0)
        missing = rules.host(
            rules.host_map(b, "x - y", lambda n, m: n - m, (target - known, b.size(x, axis)))
        )
        pairs[axis] = (missing, after) if before is None else (before, missing)
        shape[axis] = target
    if any(isinstance(n, int) and n < 0 for pair in pairs for n in pair):
        b.malformed(f"images of shape {x.shape} are larger than what they shall be padded to")
    if all(isinstance(n, int) for pair in pairs for n in pair):
        return pad_axes(b, x, pairs, "constant", 0)
    widths = [n for axis in reversed(x.perm[x.perm.index(min(rows, *x.perm[-2:])) :]) for n in pairs[axis]]
    return b.op("F.pad(x, widths)", shape=tuple(shape), x=x, like=x, widths=tuple(widths))


@op("CropImages")
def crop_images(
    b: Builder,
    images: TensorLike,
    *,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: DataFormat | None = None,
) -> Value:
    """A part of images, by what is cut off or by a size."""
    x = rules.to_keras_order(b, rules.tensor(b, images))
    rows = x.rank - (2 if data_format == "channels_first" else 3)
    sides = ((top_cropping, bottom_cropping, target_height), (left_cropping, right_cropping, target_width))
    starts: list[Any] = [0] * x.rank
    lengths: list[Any] = [-1] * x.rank
    for axis, (before, after, target) in enumerate(sides, start=rows):
        size = b.size(x, axis)
        rest = rules.host(
            rules.host_map(b, "x - y", lambda n, m: n - m, (size, (after or 0) + (target or before or 0)))
        )
        starts[axis] = rest if before is None else before
        lengths[axis] = rest if target is None else target
        if isinstance(size, int) and not 0 <= starts[axis] <= starts[axis] + lengths[axis] <= size:
            b.malformed(f"images of shape {x.shape} are smaller than what they shall be cropped to")
    return slice_(b, x, starts, shape=lengths)


# -------------------------------------------------------------------- patches


@op("ExtractPatches")
def extract_patches(
    b: Builder,
    images: TensorLike,
    *,
    size: Ints,
    strides: Ints | None = None,
    dilation_rate: Ints = 1,
    padding: Literal["valid", "same"] = "valid",
    data_format: DataFormat | None = None,
) -> Value:
    """Windows of images as vectors."""
    x = rules.tensor(b, images)
    dims = 2 if isinstance(size, int) else len(size)
    single = x.rank == dims + 1
    if not single:
        check_rank(b, x, dims)
    if single:
        x = b.op("x.unsqueeze(0)", shape=(1, *x.shape), x=x)
    layout = data_format or "channels_last"
    window = positive(b, size, dims, "size")
    stride = positive(b, strides or size, dims, "strides")
    dilation = positive(b, dilation_rate, dims, "dilation_rate")
    is_whole = dims == 2 and layout == "channels_last" and window == stride and set(dilation) == {1}
    if is_whole and not single and all(n and n % k == 0 for n, k in zip(x.shape[1:3], window, strict=True)):
        return _tiles(b, b.keras_layout(x), *window)
    x = b.channels_first(x, layout)
    sizes = sizes_of(x, layout)
    axes = list(zip(window, stride, dilation, strict=True))
    pads = [window_pads(padding, n, *axis) for n, axis in zip(sizes, axes, strict=True)]
    counts = [window_count(n, pair, *axis) for n, pair, axis in zip(sizes, pads, axes, strict=True)]
    if None in pads:
        extents = [(kernel - 1) * gap + 1 for kernel, _, gap in axes]
        x = b.op(
            "same_pad(x, kernel_size=kernel, stride=stride)", shape=with_sizes(x, layout, [None] * dims),
            x=x, like=x, kernel=extents, stride=list(stride),
        )  # fmt: skip
    else:
        x = pad(b, x, layout, tuple(pair for pair in pads if pair is not None))
    elements = b.known(x, channel_axis(x.rank, layout)) * int(np.prod(window))
    y = b.op(
        "extract_patches(x, size, stride, dilation)", shape=(x.shape[0], *counts, elements),
        perm=tuple(range(x.rank)),
        x=x, size=list(window), stride=list(stride), dilation=list(dilation),
    )  # fmt: skip
    if layout == "channels_first":
        y = transpose(b, y, axes=(0, y.rank - 1, *range(1, y.rank - 1)))
    return b.op("x.squeeze(0)", shape=y.shape[1:], x=y) if single else y


def _tiles(b: Builder, x: Value, height: int, width: int) -> Value:
    """Windows that cover an image (N, H, W, C) side by side."""
    rows, columns, channels = b.known(x, 1) // height, b.known(x, 2) // width, b.known(x, 3)
    tiles = b.op(
        "x.reshape(-1, rows, height, columns, width, channels).transpose(2, 3)",
        shape=(x.shape[0], rows, columns, height, width, channels), x=x,
        rows=rows, height=height, columns=columns, width=width, channels=channels,
    )  # fmt: skip
    shape = (*tiles.shape[:3], height * width * channels)
    return b.op("x.flatten(d)", shape=shape, x=tiles, d=3)


# -------------------------------------------------------------------- filters


@op("GaussianBlur")
def gaussian_blur(
    b: Builder,
    images: TensorLike,
    *,
    kernel_size: tuple[float, float] = (3, 3),
    sigma: tuple[float, float] = (1.0, 1.0),
    data_format: DataFormat | None = None,
) -> Value:
    """A convolution of each channel with a bell curve."""
    x = batch_of(b, images)
    layout = data_format or "channels_last"
    channels = b.known(x, channel_axis(x.rank, layout))
    first, second = (_bell(size, spread) for size, spread in zip(kernel_size, sigma, strict=True))
    kernel = np.outer(second, first).reshape(len(first), len(second), 1, 1)
    weights = {"kernel": np.tile(kernel, (1, 1, channels, 1)).tolist()}
    y = as_layer(
        b, "DepthwiseConv2D", x, weights,
        kernel_size=kernel.shape[:2], padding="same", data_format=layout, use_bias=False,
    )  # fmt: skip
    return like(b, y, images)


def _bell(size: float, sigma: float) -> np.ndarray[Any, Any]:
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    bell: np.ndarray[Any, Any] = weights / weights.sum()
    return bell


@op("SobelEdges")
def sobel_edges(
    b: Builder,
    images: TensorLike,
    *,
    data_format: DataFormat | None = None,
    border: Quirk[Literal["reflect", "zeros", "likely reflect", "likely zeros"]] = "reflect",
) -> Value:
    """How fast each channel changes downwards and to the right, on a new last axis.

    TensorFlow reflects images at the border, torch and JAX go on with zeros.
    """
    has_zeros = border.endswith("zeros")
    if border.startswith("likely"):
        backend = "torch" if has_zeros else "TensorFlow"
        b.note(f"at the border Sobel edges are those of {backend}: the file names no backend")
    x = b.channels_first(rules.tensor(b, images), data_format or "channels_last")
    if data_format == "channels_first":
        x = transpose(b, x, axes=(0, 2, 3, 1))
    channels = b.known(x, -1)
    mode = "constant" if has_zeros else "reflect"
    grown = pad_axes(b, x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode, 0)
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], dtype=float)
    kernel = np.tile(np.stack((down, down.T), axis=-1)[:, :, None], (1, 1, channels, 1))
    y = as_layer(
        b,
        "DepthwiseConv2D",
        grown,
        {"kernel": kernel.tolist()},
        kernel_size=(3, 3),
        depth_multiplier=2,
        use_bias=False,
    )
    y = b.reshape(y, (*x.shape, 2))
    return transpose(b, y, axes=(0, 3, 1, 2, 4)) if data_format == "channels_first" else y


@op("SSIM")
def ssim(
    b: Builder,
    image1: TensorLike,
    image2: TensorLike,
    *,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: DataFormat | None = None,
) -> Value:
    """Structural similarity of pairs of images."""
    layout = data_format or "channels_last"
    images = [b.channels_first(batch_of(b, image), layout) for image in (image1, image2)]
    dtype = rules.float_type(images[0])
    x, y = (b.cast(image, dtype) for image in images)
    bell = _bell(filter_size, filter_sigma)
    kernel = rules.constant(b, Constant(np.outer(bell, bell).tolist(), dtype))
    result = b.op(
        "structural_similarity(x, y, kernel, c1, c2)", shape=x.shape[:1], perm=(0,),
        x=x, y=y, kernel=kernel, c1=(k1 * max_val) ** 2, c2=(k2 * max_val) ** 2,
    )  # fmt: skip
    return b.cast(like(b, result, image1), images[0].dtype)
