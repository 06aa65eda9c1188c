"""TensorFlow functions of `tf.image` that move pixels: resize, crop, pad, flip, patches."""

from __future__ import annotations

import operator
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np

from codegen.graph import Host, Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import resizing, rules
from codegen.lowering.parts.resizing import Interpolation, ResizeMethod
from codegen.lowering.parts.tensors import pad_axes
from codegen.lowering.parts.windows import call, with_sizes
from codegen.ops.keras import arrange
from codegen.ops.keras import images as keras_images
from codegen.ops.keras.images import batch_of, like
from codegen.ops.keras.indexing import slice_
from codegen.ops.tensorflow.arguments import Alone, Given, Ints, Known, Native, Size, Sizes, Tensor, integers
from codegen.ops.tensorflow.functions import tf
from codegen.ops.tensorflow.shapes import same

#: The kernels of TensorFlow 1 that can be had: with half-pixel centres, with corners, with centres.
_LEGACY: tuple[ResizeMethod, ...] = (
    "bilinear", "nearest", "bicubic", "area", "nearest_legacy", "bilinear_legacy", "bilinear_aligned",
)  # fmt: skip

#: TensorFlow's methods, those first that are saved as their places here.
_METHODS: tuple[Interpolation, ...] = (
    "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic",
)  # fmt: skip


def _method(b: Builder, value: object, option: str) -> Interpolation:
    name = _METHODS[value] if type(value) is int and 0 <= value < 4 else value
    method = next((method for method in _METHODS if method == name), None)
    if method is None:
        b.unsupported(option, value, f"supported: {', '.join(map(repr, _METHODS))}")
    return method


#: How an image is resized.
GivenMethod: TypeAlias = Annotated[Interpolation, Alone(_method)]

# -------------------------------------------------------------------- resizing


@tf("image.resize")
def resize(
    b: Builder,
    images: Given,
    size: Sizes,
    method: GivenMethod = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Value:
    """`F.interpolate(x, size, mode)` with the pixels' centres on each other."""
    x = batch_of(b, images)
    sizes = _sizes(b, x, size, preserve_aspect_ratio)
    return like(b, resizing.resize(b, x, "channels_last", method, sizes, antialias=antialias), images)


def _sizes(b: Builder, x: Value, parts: tuple[Size, ...], keep_ratio: bool = False) -> tuple[Size, ...]:
    """Height and width that are asked for."""
    if len(parts) != 2:
        b.malformed(f"a size {parts} is not a height and a width")
    if keep_ratio:
        height, width = integers(b, list(parts), "size")
        rows, columns = b.known(x, 1), b.known(x, 2)
        scale = min(np.float32(height) / np.float32(rows), np.float32(width) / np.float32(columns))
        return tuple(int(np.round(scale * np.float32(n))) for n in (rows, columns))
    return parts


@tf("compat.v1.image.resize_images")
def resize_images(
    b: Builder,
    images: Tensor,
    size: Sizes,
    method: GivenMethod = "bilinear",
    align_corners: bool = False,
    preserve_aspect_ratio: bool = False,
) -> Value:
    """TensorFlow 1's resizing by a method; it leaves images of this size as they are."""
    sizes = _sizes(b, batch_of(b, images), size, preserve_aspect_ratio)
    if sizes == images.shape[-3:-1]:
        return same(b, images)
    return resize_legacy(b, images, sizes, align_corners, method=method)


@tf(
    {
        f"compat.v1.image.resize_{name}": {"method": name.removesuffix("_neighbor")}
        for name in ("bilinear", "bicubic", "nearest_neighbor", "area")
    }
)
def resize_legacy(
    b: Builder,
    images: Given,
    size: Sizes,
    align_corners: bool = False,
    half_pixel_centers: bool = False,
    *,
    method: ResizeMethod,
) -> Value:
    """TensorFlow 1's resizing: corners of pixels, or centres of the outer ones, on each other."""
    x = batch_of(b, images)
    sizes, name = _sizes(b, x, size), str(method)
    if align_corners and half_pixel_centers:
        b.malformed("corners and centres of pixels cannot both be put on each other")
    if align_corners and name == "area":
        b.unsupported("align_corners", align_corners, "supported for area: False")
    if not half_pixel_centers and name != "area":
        name += "_aligned" if align_corners else "_legacy"
    kernel = next((kernel for kernel in _LEGACY if kernel == name), None)
    if kernel is not None:
        return like(b, resizing.resize(b, x, "channels_last", kernel, sizes), images)
    callee, options = "resize_nearest_aligned", dict[str, Any](size=list(sizes))
    if name.startswith("bicubic"):
        callee, options = "resize_cubic_corners", options | {"align_corners": align_corners}
        x = b.cast(x, "float32")
    x = b.channels_first(x)
    shape = with_sizes(x, "channels_last", rules.open_shape(sizes))
    return like(b, call(b, callee, x, options, shape), images)


@tf("image.resize_with_pad")
def resize_with_pad(
    b: Builder,
    image: Given,
    target_height: int,
    target_width: int,
    method: GivenMethod = "bilinear",
    antialias: bool = False,
) -> Value:
    """As large as it fits without a change of its ratio, then zeros around it."""
    x = batch_of(b, image)
    target = (target_height, target_width)
    known = [np.float32(b.known(x, axis)) for axis in (1, 2)]
    ratio = max(n / np.float32(t) for n, t in zip(known, target, strict=True))
    exact = [n / ratio for n in known]
    sizes = tuple(int(np.floor(n)) for n in exact)
    before = [max(0, int(np.floor((np.float32(t) - n) / 2))) for t, n in zip(target, exact, strict=True)]
    y = resizing.resize(b, x, "channels_last", method, sizes, antialias=antialias)
    pairs = [(low, t - low - n) for low, t, n in zip(before, target, sizes, strict=True)]
    return like(b, pad_axes(b, y, [(0, 0), *pairs, (0, 0)], "constant", 0), image)


# -------------------------------------------------------------------- cropping and padding


@tf("image.crop_to_bounding_box")
def crop_to_bounding_box(
    b: Builder,
    image: Tensor,
    offset_height: Given,
    offset_width: Given,
    target_height: Given,
    target_width: Given,
) -> Value:
    """The box of this size that begins at the offsets."""
    x = image
    lead = [0] * (x.rank - 3)
    lengths = [*(-1 for _ in lead), target_height, target_width, -1]
    return slice_(b, x, [*lead, offset_height, offset_width, 0], shape=lengths)


@tf("image.pad_to_bounding_box")
def pad_to_bounding_box(
    b: Builder, image: Tensor, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Value:
    """Zeros around images, up to a size."""
    rows = (offset_height, _missing(b, image, -3, target_height - offset_height))
    columns = (offset_width, _missing(b, image, -2, target_width - offset_width))
    return pad_axes(b, image, [*[(0, 0)] * (image.rank - 3), rows, columns, (0, 0)], "constant", 0)


@tf("image.resize_with_crop_or_pad")
def resize_with_crop_or_pad(b: Builder, image: Tensor, target_height: int, target_width: int) -> Value:
    """The middle of images, or zeros around them."""
    x = image
    pairs: list[tuple[Any, Any]] = [(0, 0)] * (x.rank - 3)
    for axis, target in ((-3, target_height), (-2, target_width)):
        missing = _missing(b, x, axis, target)
        before = rules.host(rules.host_map(b, "int(x / 2)", lambda n: int(n / 2), (missing,)))
        pairs.append((before, rules.host(rules.host_map(b, "x - y", operator.sub, (missing, before)))))
    return pad_axes(b, x, [*pairs, (0, 0)], "constant", 0)


def _missing(b: Builder, x: Value, axis: int, target: int) -> int | Host:
    """How much larger the target is than an axis."""
    missing: int | Host = rules.host(rules.host_map(b, "x - y", operator.sub, (target, b.size(x, axis))))
    return missing


@tf("image.central_crop")
def central_crop(b: Builder, image: Tensor, central_fraction: Known) -> Value:
    """The middle of images."""
    x, fraction = image, central_fraction
    sizes = [b.size(x, axis) for axis in (-3, -2)]
    starts, lengths = [], []
    for n in sizes:
        start = rules.host_map(b, "int((x - x * y) / 2)", lambda n, f: int((n - n * f) / 2), (n, fraction))
        starts.append(rules.host(start))
        length = rules.host_map(b, "x - 2 * y", lambda n, m: n - 2 * m, (n, start))
        lengths.append(rules.host(length))
    lead = x.rank - 3
    return slice_(b, x, [*[0] * lead, *starts, 0], shape=[*[-1] * lead, *lengths, -1])


# -------------------------------------------------------------------- turning and cutting


@tf({"image.flip_left_right": {"axis": -2}, "image.flip_up_down": {"axis": -3}})
def flip(b: Builder, image: Given, *, axis: int) -> Value:
    """`x.flip(dim)`."""
    return arrange.flip(b, image, axis=axis)


@tf("image.rot90")
def rot90(b: Builder, image: Tensor, k: int = 1) -> Value:
    """Turned counter-clockwise."""
    axes = (image.rank - 3, image.rank - 2)
    return arrange.rot90(b, image, k=k % 4, axes=axes) if k % 4 else same(b, image)


@tf("image.extract_patches", "compat.v1.image.extract_image_patches", old={"ksizes": "sizes"})
def extract_patches(
    b: Builder, images: Given, sizes: Ints, strides: Ints, rates: Ints, padding: Literal["SAME", "VALID"]
) -> Value:
    """Windows of images as vectors."""
    if any(len(v) != 4 or v[0] != 1 or v[3] != 1 for v in (sizes, strides, rates)):
        b.unsupported("sizes", sizes, "supported: 1 for the batch and the channels")
    return keras_images.extract_patches(
        b,
        images,
        size=sizes[1:3],
        strides=strides[1:3],
        dilation_rate=rates[1:3],
        padding="same" if padding == "SAME" else "valid",
    )


@tf("image.ssim")
def ssim(
    b: Builder,
    img1: Given,
    img2: Given,
    max_val: float,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    return_index_map: bool = False,
) -> Value:
    """Structural similarity of pairs of images."""
    if return_index_map:
        b.unsupported("return_index_map", return_index_map, "supported: False")
    return keras_images.ssim(
        b, img1, img2, max_val=max_val, filter_size=filter_size, filter_sigma=filter_sigma, k1=k1, k2=k2
    )


@tf("image.crop_and_resize", "compat.v1.image.crop_and_resize", old={"box_ind": "box_indices"})
def crop_and_resize(
    b: Builder,
    image: Native,
    boxes: Native,
    box_indices: Native,
    crop_size: Ints,
    method: Literal["bilinear", "nearest"] = "bilinear",
    extrapolation_value: float = 0.0,
) -> Value:
    """Boxes of images, (y1, x1, y2, x2) from 0 to 1, in one size."""
    if len(crop_size) != 2:
        b.malformed(f"a size {crop_size} is not a height and a width")
    x = b.cast(image, "float32")
    shape = (boxes.shape[0], *crop_size, x.shape[-1])
    return b.op(
        "crop_and_resize(x, boxes, which, size, method, fill)", shape=shape, x=x,
        boxes=boxes, which=box_indices, size=list(crop_size), method=method, fill=extrapolation_value,
    )  # fmt: skip
