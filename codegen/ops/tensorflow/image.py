"""TensorFlow functions of `tf.image` that move pixels: resize, crop, pad, flip, patches."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.resizing import Method
from codegen.lowering.parts.resizing import resize as resized
from codegen.lowering.parts.tensors import padded
from codegen.lowering.parts.windows import call, with_sizes
from codegen.ops.keras import arrange
from codegen.ops.keras import images as keras_images
from codegen.ops.keras.images import batch_of, like
from codegen.ops.keras.indexing import sliced
from codegen.ops.tensorflow.functions import function_name, integers, number, same, tf

#: The kernels of TensorFlow 1 that can be had: with half-pixel centres, with corners, with centres.
_LEGACY: tuple[Method, ...] = (
    "bilinear", "nearest", "bicubic", "area", "nearest_legacy", "bilinear_legacy", "bilinear_aligned",
)  # fmt: skip

#: TensorFlow's methods that are not saved by name.
_METHODS = {0: "bilinear", 1: "nearest", 2: "bicubic", 3: "area"}

# -------------------------------------------------------------------- resizing


@tf("image.resize")
def resize(
    b: Builder,
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Value:
    """`F.interpolate(x, size, mode)` with the pixels' centres on each other."""
    x = batch_of(b, images)
    sizes = _sizes(b, x, size, preserve_aspect_ratio)
    return like(b, resized(b, x, "channels_last", _method(b, method), sizes, antialias=antialias), images)


def _method(b: Builder, method: Any) -> Any:
    name = _METHODS.get(method) if isinstance(method, int) else method
    known = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
    if name not in known:
        b.unsupported("method", method, f"supported: {', '.join(map(repr, known))}")
    return name


def _sizes(b: Builder, x: Value, size: Any, keep_ratio: bool = False) -> tuple[Any, ...]:
    """Height and width that are asked for."""
    parts = rules.shape_argument(b, size, "size")
    if len(parts) != 2:
        b.malformed(f"a size {parts} is not a height and a width")
    if keep_ratio:
        height, width = integers(b, list(parts), "size")
        rows, columns = b.known(x, 1), b.known(x, 2)
        scale = min(np.float32(height) / np.float32(rows), np.float32(width) / np.float32(columns))
        return tuple(int(np.round(scale * np.float32(n))) for n in (rows, columns))
    return parts


@tf(
    "compat.v1.image.resize_images",
    "compat.v1.image.resize_bilinear",
    "compat.v1.image.resize_bicubic",
    "compat.v1.image.resize_nearest_neighbor",
    "compat.v1.image.resize_area",
)
def resize_legacy(
    b: Builder,
    images: Any,
    size: Any,
    method: Any = 0,
    align_corners: bool = False,
    half_pixel_centers: bool = False,
    preserve_aspect_ratio: bool = False,
) -> Value:
    """TensorFlow 1's resizing: corners of pixels, or centres of the outer ones, on each other."""
    name = function_name(b).rpartition("resize_")[2]
    x = batch_of(b, images)
    sizes = _sizes(b, x, size, preserve_aspect_ratio)
    if name == "images":
        if sizes == x.shape[1:3]:  # TensorFlow leaves such images as they are
            return same(b, rules.tensor(b, images))
        name = _method(b, method)
    name = name.removesuffix("_neighbor")
    if align_corners and half_pixel_centers:
        b.malformed("corners and centres of pixels cannot both be put on each other")
    if align_corners and name == "area":
        b.unsupported("align_corners", True, "supported for area: False")
    if not half_pixel_centers and name != "area":
        name += "_aligned" if align_corners else "_legacy"
    kernel = next((kernel for kernel in _LEGACY if kernel == name), None)
    if kernel is not None:
        return like(b, resized(b, x, "channels_last", kernel, sizes), images)
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
    image: Any,
    target_height: Any,
    target_width: Any,
    method: Any = "bilinear",
    antialias: bool = False,
) -> Value:
    """As large as it fits without a change of its ratio, then zeros around it."""
    x = batch_of(b, image)
    target = [int(number(b, n, "target_height")) for n in (target_height, target_width)]
    known = [np.float32(b.known(x, axis)) for axis in (1, 2)]
    ratio = max(n / np.float32(t) for n, t in zip(known, target, strict=True))
    exact = [n / ratio for n in known]
    sizes = tuple(int(np.floor(n)) for n in exact)
    before = [max(0, int(np.floor((np.float32(t) - n) / 2))) for t, n in zip(target, exact, strict=True)]
    y = resized(b, x, "channels_last", _method(b, method), sizes, antialias=antialias)
    pairs = [(low, t - low - n) for low, t, n in zip(before, target, sizes, strict=True)]
    return like(b, padded(b, y, [(0, 0), *pairs, (0, 0)], "constant", 0), image)


# -------------------------------------------------------------------- cropping and padding


@tf("image.crop_to_bounding_box")
def crop_to_bounding_box(
    b: Builder, image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Value:
    """The box of this size that begins at the offsets."""
    x = rules.tensor(b, image)
    lead = [0] * (x.rank - 3)
    lengths = [*(-1 for _ in lead), target_height, target_width, -1]
    return sliced(b, x, [*lead, offset_height, offset_width, 0], lengths)


@tf("image.pad_to_bounding_box")
def pad_to_bounding_box(
    b: Builder, image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Value:
    """Zeros around images, up to a size."""
    x = rules.tensor(b, image)
    pairs: list[tuple[Any, Any]] = [(0, 0)] * (x.rank - 3)
    for axis, offset, target in ((-3, offset_height, target_height), (-2, offset_width, target_width)):
        before = int(number(b, offset, "offset"))
        pairs.append((before, _missing(b, x, axis, int(number(b, target, "target")) - before)))
    return padded(b, x, [*pairs, (0, 0)], "constant", 0)


@tf("image.resize_with_crop_or_pad")
def resize_with_crop_or_pad(b: Builder, image: Any, target_height: Any, target_width: Any) -> Value:
    """The middle of images, or zeros around them."""
    x = rules.tensor(b, image)
    pairs: list[tuple[Any, Any]] = [(0, 0)] * (x.rank - 3)
    for axis, target in ((-3, target_height), (-2, target_width)):
        missing = _missing(b, x, axis, int(number(b, target, "target")))
        before = rules.host(rules.host_map(b, "int(x / 2)", lambda n: int(n / 2), (missing,)))
        pairs.append((before, rules.host(rules.host_map(b, "x - y", operator.sub, (missing, before)))))
    return padded(b, x, [*pairs, (0, 0)], "constant", 0)


def _missing(b: Builder, x: Value, axis: int, target: int) -> Any:
    """How much larger the target is than an axis."""
    return rules.host(rules.host_map(b, "x - y", operator.sub, (target, b.size(x, axis))))


@tf("image.central_crop")
def central_crop(b: Builder, image: Any, central_fraction: Any) -> Value:
    """The middle of images."""
    x = rules.tensor(b, image)
    fraction = number(b, central_fraction, "central_fraction")
    sizes = [b.size(x, axis) for axis in (-3, -2)]
    starts, lengths = [], []
    for n in sizes:
        start = rules.host_map(b, "int((x - x * y) / 2)", lambda n, f: int((n - n * f) / 2), (n, fraction))
        starts.append(rules.host(start))
        length = rules.host_map(b, "x - 2 * y", lambda n, m: n - 2 * m, (n, start))
        lengths.append(rules.host(length))
    lead = x.rank - 3
    return sliced(b, x, [*[0] * lead, *starts, 0], [*[-1] * lead, *lengths, -1])


# -------------------------------------------------------------------- turning and cutting


@tf("image.flip_left_right", "image.flip_up_down")
def flip(b: Builder, image: Any) -> Value:
    """`x.flip(dim)`."""
    return arrange.flipped(b, image, -2 if function_name(b).endswith("left_right") else -3)


@tf("image.rot90")
def rot90(b: Builder, image: Any, k: Any = 1) -> Value:
    """Turned counter-clockwise."""
    x = rules.tensor(b, image)
    turns = int(number(b, k, "k")) % 4
    return arrange.rot90(b, x, k=turns, axes=(x.rank - 3, x.rank - 2)) if turns else same(b, x)


@tf("image.extract_patches", "compat.v1.image.extract_image_patches")
def extract_patches(
    b: Builder,
    images: Any,
    sizes: Any = None,
    strides: Any = None,
    rates: Any = None,
    padding: Any = None,
    ksizes: Any = None,
) -> Value:
    """Windows of images as vectors."""
    window = integers(b, sizes if ksizes is None else ksizes, "sizes")
    steps, gaps = integers(b, strides, "strides"), integers(b, rates, "rates")
    if any(len(v) != 4 or v[0] != 1 or v[3] != 1 for v in (window, steps, gaps)):
        b.unsupported("sizes", sizes, "supported: 1 for the batch and the channels")
    if padding not in ("SAME", "VALID"):
        b.unsupported("padding", padding, "supported: 'SAME', 'VALID'")
    return keras_images.extract_patches(
        b, images, size=window[1:3], strides=steps[1:3], dilation_rate=gaps[1:3], padding=padding.lower()
    )


@tf("image.ssim")
def ssim(
    b: Builder,
    img1: Any,
    img2: Any,
    max_val: Any,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    return_index_map: bool = False,
) -> Value:
    """Structural similarity of pairs of images."""
    if return_index_map:
        b.unsupported("return_index_map", True, "supported: False")
    peak = float(number(b, max_val, "max_val"))
    return keras_images.ssim(
        b, img1, img2, max_val=peak, filter_size=filter_size, filter_sigma=filter_sigma, k1=k1, k2=k2
    )


@tf("image.crop_and_resize", "compat.v1.image.crop_and_resize")
def crop_and_resize(
    b: Builder,
    image: Any,
    boxes: Any,
    box_indices: Any = None,
    crop_size: Any = None,
    method: str = "bilinear",
    extrapolation_value: Any = 0.0,
    box_ind: Any = None,
) -> Value:
    """Boxes of images, (y1, x1, y2, x2) from 0 to 1, in one size."""
    if method not in ("bilinear", "nearest"):
        b.unsupported("method", method, "supported: 'bilinear', 'nearest'")
    x, corners = b.cast(rules.native(b, image), "float32"), rules.native(b, boxes)
    which = rules.native(b, box_indices if box_ind is None else box_ind)
    height, width = integers(b, crop_size, "crop_size")
    shape = (corners.shape[0], height, width, x.shape[-1])
    return b.op(
        "crop_and_resize(x, boxes, which, size, method, fill)", shape=shape, perm=(0, 1, 2, 3), x=x,
        boxes=corners, which=which, size=[height, width], method=method,
        fill=float(number(b, extrapolation_value, "extrapolation_value")),
    )  # fmt: skip
