"""Graph ops of `keras.ops.image` that look at images through other coordinates."""

from __future__ import annotations

from typing import Literal

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.windows import DataFormat
from codegen.ops.keras.images import batch_of, like

Sampling = Literal["nearest", "bilinear"]

_METHODS = {
    "linear": "linear",
    "bilinear": "linear",
    "trilinear": "linear",
    "triangle": "linear",
    "cubic": "cubic",
    "bicubic": "cubic",
    "tricubic": "cubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


@op("AffineTransform")
def affine_transform(
    b: Builder,
    images: TensorLike,
    transform: TensorLike,
    *,
    interpolation: Sampling = "bilinear",
    fill_mode: Literal["constant", "nearest", "wrap", "reflect"] = "constant",
    fill_value: float = 0,
    data_format: DataFormat | None = None,
) -> Value:
    """Each pixel from where its coordinates are after an affine or projective transformation."""
    transforms = _batch(b, transform, 1)
    return _project(b, images, transforms, interpolation, fill_mode, fill_value, data_format)


@op("PerspectiveTransform")
def perspective_transform(
    b: Builder,
    images: TensorLike,
    start_points: TensorLike,
    end_points: TensorLike,
    *,
    interpolation: Sampling = "bilinear",
    fill_value: float = 0,
    data_format: DataFormat | None = None,
) -> Value:
    """Each pixel from where the transformation takes it that moves four points to four others."""
    start, end = (_batch(b, points, 2) for points in (start_points, end_points))
    transforms = b.op("homography(start, end)", shape=(start.shape[0], 8), start=start, end=end)
    return _project(b, images, transforms, interpolation, "constant", fill_value, data_format)


def _batch(b: Builder, x: TensorLike, rank: int) -> Value:
    """float32 with a batch axis, which a single one gets."""
    x = rules.native(b, x, "float32")
    return x if x.rank > rank else b.op("x.unsqueeze(0)", shape=(1, *x.shape), x=x)


def _project(
    b: Builder,
    images: TensorLike,
    transforms: Value,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str | None,
) -> Value:
    x = b.channels_first(batch_of(b, images), data_format or "channels_last")
    y = b.op(
        "projective_transform(x, transforms, interpolation, mode, fill)",
        shape=x.shape,
        x=x,
        like=x,
        transforms=transforms,
        interpolation=interpolation,
        mode=fill_mode,
        fill=float(fill_value),
    )
    return like(b, y, images)


@op("MapCoordinates")
def map_coordinates(
    b: Builder,
    inputs: TensorLike,
    coordinates: TensorLike,
    *,
    order: Literal[0, 1],
    fill_mode: Literal["constant", "nearest", "wrap", "mirror", "reflect"] = "constant",
    fill_value: float = 0,
) -> Value:
    """Elements at coordinates that need not be whole."""
    x, places = rules.native(b, inputs), rules.native(b, coordinates)
    return b.op(
        "map_coordinates(x, coordinates, order, mode, fill)", shape=places.shape[1:], dtype=x.dtype,
        x=x, coordinates=places, order=order, mode=fill_mode, fill=float(fill_value),
    )  # fmt: skip


@op("ScaleAndTranslate")
def scale_and_translate(
    b: Builder,
    images: TensorLike,
    output_shape: TensorLike,
    scale: TensorLike,
    translation: TensorLike,
    *,
    spatial_dims: tuple[int, ...],
    method: str,
    antialias: bool = True,
) -> Value:
    """Images made larger or smaller, and shifted, along some axes."""
    if method not in _METHODS:
        b.unsupported("method", method, f"supported: {', '.join(map(repr, _METHODS))}")
    x = rules.native(b, images)
    sizes = rules.shape_argument(b, output_shape, "output_shape")
    axes = [b.axis(axis, x.rank) for axis in spatial_dims]
    factors, shifts = (rules.native(b, value) for value in (scale, translation))
    dtype = rules.result_type(factors, shifts)
    shape = [sizes[axis] if axis in axes else n for axis, n in enumerate(x.shape)]
    return b.op(
        "scale_and_translate(x, dims, sizes, scale, translation, method, antialias)",
        shape=tuple(n if isinstance(n, int) else None for n in shape), dtype=x.dtype, x=x, dims=axes,
        sizes=[sizes[axis] for axis in axes], scale=b.cast(factors, dtype), translation=b.cast(shifts, dtype),
        method=_METHODS[method], antialias=antialias,
    )  # fmt: skip
