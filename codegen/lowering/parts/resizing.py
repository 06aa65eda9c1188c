"""Images in another size: what `tf.image.resize` does, and what layers do around it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.dtypes import INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts.tensors import saturate
from codegen.lowering.parts.windows import (
    as_float,
    call,
    check_rank,
    crop,
    pad,
    sizes_of,
    with_sizes,
)

#: The methods of `tf.image.resize`.
Interpolation = Literal[
    "nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"
]

#: The same with those of TensorFlow 1, which count positions from the corners of pixels ("_legacy"), or put
#: the outer pixels of both images on each other ("_aligned").
ResizeMethod = Interpolation | Literal["nearest_legacy", "bilinear_legacy", "bilinear_aligned"]

#: Kernels that change an image even if its size stays.
_BLURRING = ("gaussian", "mitchellcubic")

#: What becomes of an image's dtype: it stays, with whole numbers rounded or cut off; it becomes the layer's;
#: it is what resizing yields.
Casts = Literal["input", "truncate", "policy", "no"]

Size = int | Value
Ratios = Sequence[Fraction | None]


def resize(
    b: Builder,
    x: Value,
    data_format: str,
    interpolation: ResizeMethod,
    size: Sequence[Size],
    *,
    antialias: bool = False,
) -> Value:
    """Images in the size (height, width), as `tf.image.resize`: float32, but for "nearest"."""
    check_rank(b, x, 2)
    if 0 in x.shape[1:]:
        b.malformed(f"its input {x.shape} has no elements")
    sizes = [n if isinstance(n, int) else None for n in size]
    ratios = [
        Fraction(n, m) if m and n else None for m, n in zip(sizes_of(x, data_format), sizes, strict=True)
    ]
    callee, options = _method(interpolation, ratios, antialias=antialias)
    arguments = {"size": tuple(size) if callee == "F.interpolate" else list(size), **options}
    return _resized(b, x, data_format, interpolation, callee, arguments, ratios, sizes)


def enlarge(
    b: Builder, x: Value, data_format: str, interpolation: ResizeMethod, factors: tuple[int, ...]
) -> Value:
    """Images `factors` times as high and wide."""
    check_rank(b, x, 2)
    if 0 in x.shape[1:]:
        b.malformed(f"its input {x.shape} has no elements")
    ratios: Ratios = [Fraction(factor) for factor in factors]
    sizes = [n and n * factor for n, factor in zip(sizes_of(x, data_format), factors, strict=True)]
    callee, options = _method(interpolation, ratios, antialias=False)
    if callee != "F.interpolate":
        x = b.channels_first(x, data_format)
        size = [_times(b, x, dim, factor) for dim, factor in enumerate(factors, start=2)]
        return resize(b, x, data_format, interpolation, size)
    arguments = {"scale_factor": tuple(map(float, factors)), **options}  # TorchScript takes no int
    return _resized(b, x, data_format, interpolation, callee, arguments, ratios, sizes)


def _times(b: Builder, x: Value, dim: int, factor: int) -> Size:
    known = x.stored_shape[dim]
    if known is not None:
        return known * factor
    return b.host_op("x.shape[d] * n", x=x, d=dim, n=factor)


def _method(interpolation: str, ratios: Ratios, *, antialias: bool) -> tuple[str, dict[str, Any]]:
    """The function that resizes by these ratios (None where open), and its options."""
    enlarges = all(ratio is not None and ratio >= 1 for ratio in ratios)
    repeats = all(ratio is not None and ratio.denominator == 1 for ratio in ratios)
    blur = {"antialias": True} if antialias and not enlarges else {}
    if interpolation == "nearest_legacy" or (interpolation in ("nearest", "area") and repeats):
        return "F.interpolate", {}
    if interpolation == "nearest":
        return "F.interpolate", {"mode": "nearest-exact"}
    if interpolation == "bilinear":
        return "F.interpolate", {"mode": "bilinear", **blur}
    if interpolation == "bilinear_aligned":
        return "F.interpolate", {"mode": "bilinear", "align_corners": True}
    if interpolation == "bilinear_legacy":
        return "resize_legacy", {}
    if interpolation == "bicubic":
        # Torch's kernel is TensorFlow's only with antialias; TensorFlow's positions between pixels
        # are multiples of 1/1024 without it.
        exact = enlarges and all(ratio is not None and 512 % ratio.numerator == 0 for ratio in ratios)
        if antialias or exact:
            return "F.interpolate", {"mode": "bicubic", "antialias": True}
        return "resize_cubic", {}
    if interpolation == "area":
        if all(ratio is not None and ratio.numerator == 1 for ratio in ratios):
            return "F.interpolate", {"mode": "area"}
        return "resize_area", {}
    if interpolation == "gaussian":
        return "resize_gaussian", blur
    if interpolation == "mitchellcubic":
        return "resize_mitchell", blur
    return "resize_lanczos", {"radius": int(interpolation[-1]), **blur}


def _resized(
    b: Builder,
    x: Value,
    data_format: str,
    interpolation: str,
    callee: str,
    arguments: dict[str, Any],
    ratios: Ratios,
    sizes: Sequence[int | None],
) -> Value:
    dtype = x.dtype
    keeps = interpolation.startswith("nearest")
    if not keeps:
        x = b.cast(x, "float32")
    elif dtype != "uint8":  # torch resizes no other integers
        x = as_float(b, x)
    if any(ratio != 1 for ratio in ratios) or interpolation in _BLURRING:
        x = b.channels_first(x, data_format)
        shape = with_sizes(x, data_format, sizes)
        x = call(b, callee, x, arguments, shape, non_negative=x.non_negative and "cubic" not in interpolation)
    return b.cast(x, dtype) if keeps else x


# -------------------------------------------------------------------- around it


def recast(b: Builder, x: Value, dtype: str, casts: Casts) -> Value:
    """A resized image in the dtype that this Keras gives it; `dtype` is that of the input."""
    if casts == "no":
        return x
    if casts == "policy":
        return b.cast(x, b.dtype)
    if dtype in INTEGERS and x.dtype != dtype and casts == "input":
        x = saturate(b, b.elementwise("x.round()", x=x), dtype)
    return b.cast(x, dtype)


def smart_resize(b: Builder, x: Value, data_format: str, height: int, width: int) -> Value:
    """The largest part from the middle in the ratio height : width, bilinearly resized."""
    x = crop_to_aspect(b, x, data_format, height, width)
    return resize(b, x, data_format, "bilinear", (height, width))


def batched(b: Builder, x: Value) -> tuple[Value, bool]:
    """Images with a batch axis, and whether they were a single image without one."""
    if x.rank not in (3, 4):
        b.malformed(f"its input {x.shape} is no image")
    if x.rank == 4:
        return x, False
    x = b.keras_layout(x)
    return b.op("x.unsqueeze(0)", shape=(1, *x.shape), x=x), True


def single_again(b: Builder, x: Value, single: bool) -> Value:
    """Images without the batch axis that `batched` gave them."""
    if not single:
        return x
    x = b.keras_layout(x)
    return b.op("x.squeeze(0)", shape=x.shape[1:], x=x)


def middle(b: Builder, x: Value, data_format: str, sizes: tuple[int, int], kept: tuple[int, int]) -> Value:
    """The part of size `kept` in the middle of images of these sizes."""
    rests = [size - keep for size, keep in zip(sizes, kept, strict=True)]
    return crop(b, x, data_format, tuple((rest // 2, rest - rest // 2) for rest in rests))


def crop_to_aspect(b: Builder, x: Value, data_format: str, height: int, width: int) -> Value:
    """The largest part from the middle in the ratio height : width."""
    rows, columns = sizes_of(x, data_format)
    if rows is None or columns is None:
        x = b.channels_first(x, data_format)
        arguments = {"height": height, "width": width}
        return call(b, "crop_to_aspect", x, arguments, with_sizes(x, data_format, (None, None)))
    kept = max(min(rows, columns * height // width), 1), max(min(columns, rows * width // height), 1)
    return middle(b, x, data_format, (rows, columns), kept)


def pad_to_aspect(b: Builder, x: Value, data_format: str, height: int, width: int, value: float) -> Value:
    """Images in the middle of the least frame in the ratio height : width."""
    rows, columns = sizes_of(x, data_format)
    if rows is None or columns is None:
        x = b.channels_first(x, data_format)
        arguments = {"height": height, "width": width, "value": value}
        if not value:
            del arguments["value"]
        return call(b, "pad_to_aspect", x, arguments, with_sizes(x, data_format, (None, None)))
    top = max(columns * height // width - rows, 0) // 2
    left = max(rows * width // height - columns, 0) // 2
    return pad(b, x, data_format, ((top, top), (left, left)), value)
