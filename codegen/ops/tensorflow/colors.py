"""TensorFlow functions of `tf.image` that change colours, and how images are compared."""

from __future__ import annotations

import functools
import math
import operator

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS, INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.tensors import torch_dim
from codegen.model.spec import Constant
from codegen.ops.keras import images as keras_images
from codegen.ops.keras.core import saturate_cast
from codegen.ops.keras.products import product
from codegen.ops.keras.reductions import reduction
from codegen.ops.tensorflow.arguments import DType, Known, Native, Tensor
from codegen.ops.tensorflow.functions import tf

_LARGEST = {
    "uint8": 255,
    "int8": 127,
    "uint16": 65535,
    "int16": 32767,
    "int32": 2147483647,
    "int64": 2**63 - 1,
}

_MATRICES = {
    "image.rgb_to_yiq": [
        [0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617], [0.114, -0.32134392, 0.31119955]
    ],
    "image.yiq_to_rgb": [
        [1, 1, 1], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]
    ],
    "image.rgb_to_yuv": [
        [0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]
    ],
    "image.yuv_to_rgb": [[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]],
}  # fmt: skip


# -------------------------------------------------------------------- dtypes


@tf("image.convert_image_dtype")
def convert_image_dtype(b: Builder, image: Tensor, dtype: DType, saturate: bool = False) -> Value:
    """From [0, largest] of integers to [0, 1] of floats, or back."""
    x = image
    if dtype == x.dtype or (dtype in FLOATS and x.dtype in FLOATS):
        return b.cast(x, dtype)
    if dtype not in FLOATS | INTEGERS or x.dtype not in FLOATS | INTEGERS:
        b.unsupported("dtype", dtype, "supported: integers and floats")
    if dtype in FLOATS:
        return b.elementwise("x * scale", x=b.cast(x, dtype), scale=1 / _LARGEST[x.dtype])
    if x.dtype in FLOATS:
        y = b.elementwise("x * scale", x=x, scale=_LARGEST[dtype] + 0.5)
    elif _LARGEST[x.dtype] > _LARGEST[dtype]:
        y = b.elementwise("x // scale", x=x, scale=(_LARGEST[x.dtype] + 1) // (_LARGEST[dtype] + 1))
    else:
        y = saturate_cast(b, x, dtype=dtype) if saturate else b.cast(x, dtype)
        return b.elementwise("x * scale", x=y, scale=(_LARGEST[dtype] + 1) // (_LARGEST[x.dtype] + 1))
    return saturate_cast(b, y, dtype=dtype) if saturate else b.cast(y, dtype)


def _as_floats(b: Builder, image: Value) -> Value:
    x = rules.to_keras_order(b, image)
    return x if x.dtype in ("float16", "float32") else convert_image_dtype(b, x, "float32")


# -------------------------------------------------------------------- adjustments


@tf("image.adjust_brightness")
def adjust_brightness(b: Builder, image: Tensor, delta: Known) -> Value:
    """`x + delta`."""
    y = b.elementwise("x + delta", x=_as_floats(b, image), delta=delta)
    return convert_image_dtype(b, y, image.dtype, saturate=True)


@tf("image.adjust_contrast")
def adjust_contrast(b: Builder, images: Tensor, contrast_factor: Known) -> Value:
    """Each channel's distance to its mean, times a factor."""
    x = _as_floats(b, images)
    mean = reduction(b, "Mean", x, (x.rank - 3, x.rank - 2), keepdims=True)
    y = b.elementwise("(x - mean) * factor + mean", x=x, mean=mean, factor=contrast_factor)
    return convert_image_dtype(b, y, images.dtype, saturate=True)


@tf("image.adjust_gamma")
def adjust_gamma(b: Builder, image: Tensor, gamma: Known = 1, gain: Known = 1) -> Value:
    """`gain * x ** gamma`."""
    x = _as_floats(b, image)
    if gain == 1:
        y = b.elementwise("x ** gamma", x=x, gamma=gamma)
    else:
        y = b.elementwise("gain * x ** gamma", gain=gain, x=x, gamma=gamma)
    return convert_image_dtype(b, y, image.dtype, saturate=True)


@tf("image.adjust_saturation")
def adjust_saturation(b: Builder, image: Tensor, saturation_factor: float) -> Value:
    """The saturation times a factor."""
    return _adjust_hsv(b, "adjust_saturation(x, amount, dim=d)", image, saturation_factor)


@tf("image.adjust_hue")
def adjust_hue(b: Builder, image: Tensor, delta: float) -> Value:
    """The hue turned."""
    return _adjust_hsv(b, "adjust_hue(x, amount, dim=d)", image, delta)


def _adjust_hsv(b: Builder, template: str, image: Value, amount: float) -> Value:
    x = _as_floats(b, image)
    y = b.op(template, shape=x.shape, x=x, like=x, amount=amount, d=torch_dim(x, -1))
    return convert_image_dtype(b, y, image.dtype)


@tf("image.per_image_standardization")
def per_image_standardization(b: Builder, image: Tensor) -> Value:
    """Each image with mean 0 and, unless it is uniform, variance 1."""
    x = b.cast(rules.to_keras_order(b, image), "float32")
    axes = (x.rank - 3, x.rank - 2, x.rank - 1)
    sizes = [b.size(x, axis) for axis in axes]
    count = functools.reduce(lambda n, m: rules.host_map(b, "x * y", operator.mul, (n, m)), sizes)
    least = rules.host(rules.host_map(b, "1 / math.sqrt(x)", lambda n: 1 / math.sqrt(n), (count,)))
    mean, deviation = (reduction(b, name, x, axes, keepdims=True) for name in ("Mean", "Std"))
    template = "(x - mean) / deviation.clamp(min=least)"
    return b.elementwise(template, x=x, mean=mean, deviation=deviation, least=least)


# -------------------------------------------------------------------- colours


@tf("image.rgb_to_grayscale")
def rgb_to_grayscale(b: Builder, images: Tensor) -> Value:
    """The weighted sum of red, green and blue."""
    gray = keras_images.rgb_to_grayscale(b, convert_image_dtype(b, images, "float32"))
    return convert_image_dtype(b, gray, images.dtype)


@tf("image.grayscale_to_rgb")
def grayscale_to_rgb(b: Builder, images: Native) -> Value:
    """The same in three channels."""
    x = images
    if x.shape[-1] != 1:
        b.malformed(f"its input {x.shape} has more than one channel")
    return b.op("x.expand(sizes)", shape=(*x.shape[:-1], 3), x=x, sizes=(*(-1,) * (x.rank - 1), 3))


@tf({f"image.{name}": {"name": name} for name in ("rgb_to_hsv", "hsv_to_rgb")})
def convert_colors(b: Builder, images: Tensor, *, name: str) -> Value:
    """Between red, green, blue and hue, saturation, value."""
    return keras_images.convert_colors(b, images, name=name)


@tf({name: {"matrix": matrix} for name, matrix in _MATRICES.items()})
def rotate_colors(b: Builder, images: Native, *, matrix: list[list[float]]) -> Value:
    """The channels times a matrix."""
    return product(b, images, rules.constant(b, Constant(matrix, images.dtype)))


# -------------------------------------------------------------------- comparisons


@tf("image.psnr")
def psnr(builder: Builder, a: Native, b: Native, max_val: Known) -> Value:
    """Peak signal-to-noise ratio of each pair of images."""
    peak = max_val if a.dtype in FLOATS else int(max_val) / _LARGEST[a.dtype]
    x, y = (convert_image_dtype(builder, image, "float32") for image in (a, b))
    shape = builder.broadcast([x.shape, y.shape])[:-3]
    return builder.op(
        "20 * math.log10(peak) - 10 * (x - y).square().mean(dim=(-3, -2, -1)).log10()",
        shape=shape, x=x, y=y, peak=float(peak),
    )  # fmt: skip


@tf("image.total_variation")
def total_variation(b: Builder, images: Native) -> Value:
    """The sum of the distances between neighbours, of each image."""
    template = "x.diff(dim=-3).abs().sum(dim=(-3, -2, -1)) + x.diff(dim=-2).abs().sum(dim=(-3, -2, -1))"
    return b.op(template, shape=images.shape[:-3], x=images)
