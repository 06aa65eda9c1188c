"""Graph ops of `keras.ops.math`: segments, the largest elements, frames and Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS, INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.frames import frame_window, inverse_window
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import pad_axes
from codegen.model.spec import Constant

# -------------------------------------------------------------------- segments

#: How torch calls each reduction, and what Keras on TensorFlow puts into a segment without elements
#: if the numbers of the segments are sorted.
_SEGMENTS = {"sum": 0, "amax": 0, "amin": 0, "prod": 1}


@op(
    {
        "SegmentSum": {"mode": "sum"},
        "SegmentMax": {"mode": "amax"},
        "SegmentMin": {"mode": "amin"},
        "SegmentProd": {"mode": "prod"},
    }
)
def segment(
    b: Builder,
    data: TensorLike,
    segment_ids: TensorLike,
    *,
    num_segments: int | None = None,
    sorted: bool = False,
    mode: Literal["sum", "amax", "amin", "prod"],
) -> Value:
    """The sum, largest, least or product of the rows of each segment."""
    x, ids = rules.native(b, data), rules.native(b, segment_ids)
    count: Any = num_segments
    if sorted:
        count = b.host_op("int(ids[-1]) + 1", ids=ids)
    elif num_segments is None:
        last = "ids.unique().numel()" if mode == "sum" else "int(ids.max()) + 1"
        count = b.host_op(last, ids=ids)
    fill = _SEGMENTS[mode] if sorted or mode in ("sum", "prod") else extreme(x.dtype, mode == "amax")
    return b.op(
        "segment_reduce(x, ids, count, mode, fill)",
        shape=(num_segments, *x.shape[1:]),
        x=x,
        ids=ids,
        count=count,
        mode=mode,
        fill=float(fill) if x.dtype in FLOATS else fill,
    )


def extreme(dtype: str, low: bool) -> float:
    """The least number of a dtype, or the largest."""
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        return int(info.min if low else info.max)
    largest = 3.3895313892515355e38 if dtype == "bfloat16" else float(np.finfo(dtype).max)
    return -largest if low else largest


# -------------------------------------------------------------------- the largest


@op("TopK")
def top_k(b: Builder, x: TensorLike, *, k: int, sorted: bool = True) -> list[Value]:
    """The largest elements along the last axis and where they are; of equal ones the first."""
    x = rules.native(b, x)
    if not sorted and k not in (1, x.shape[-1]):
        b.unsupported("sorted", sorted, "the order is not defined; supported: True")
    order = [b.value(x.shape, dtype=dtype) for dtype in (x.dtype, "int64")]
    b.emit("x.sort(dim=-1, descending=True, stable=True)", tuple(order), x=x)
    shape = (*x.shape[:-1], k)
    values, positions = (b.op("x[..., :k]", shape=shape, x=part, k=k) for part in order)
    return [values, b.cast(positions, "int32")]


@op("InTopK")
def in_top_k(b: Builder, targets: TensorLike, predictions: TensorLike, *, k: int) -> Value:
    """Whether fewer than k classes are more probable than the target."""
    y, x = rules.native(b, targets), rules.native(b, predictions)
    if (y.rank, x.rank) != (1, 2):
        b.malformed(f"its inputs {y.shape} and {x.shape} should have 1 and 2 axes")
    return b.op("in_top_k(y, x, k)", shape=y.shape, dtype="bool", y=y, x=x, k=k)


# -------------------------------------------------------------------- Fourier transforms


def complex_of(b: Builder, x: Sequence[TensorLike]) -> Value:
    """A pair of real and imaginary part as complex numbers."""
    if len(x) != 2:
        b.malformed(f"it is called with {len(x)} parts of a complex tensor, which has two")
    real, imag = (rules.native(b, part) for part in x)
    shape = rules.common_shape(b, [real.shape, imag.shape])
    if real.dtype != imag.dtype or real.dtype not in ("float32", "float64"):
        b.malformed(f"its parts are {real.dtype} and {imag.dtype}; supported: both float32 or both float64")
    dtype = "complex128" if real.dtype == "float64" else "complex64"
    return b.op("torch.complex(x, y)", shape=shape, dtype=dtype, x=real, y=imag)


def parts_of(b: Builder, x: Value) -> list[Value]:
    """Complex numbers as a pair of real and imaginary part."""
    dtype = "float64" if x.dtype == "complex128" else "float32"
    return [b.op(f"x.{part}", shape=x.shape, dtype=dtype, x=x) for part in ("real", "imag")]


@op({"FFT": {"name": "fft"}, "FFT2": {"name": "fft2"}, "IFFT2": {"name": "ifft2"}})
def fft(b: Builder, x: Sequence[TensorLike], *, name: str) -> list[Value]:
    """`torch.fft.fft`, `fft2` or `ifft2`."""
    z = complex_of(b, x)
    return parts_of(b, b.op(f"torch.fft.{name}(x)", shape=z.shape, x=z))


@op("RFFT")
def rfft(b: Builder, x: TensorLike, *, fft_length: int | None = None) -> list[Value]:
    """`torch.fft.rfft(x, n)`."""
    x = rules.native(b, x)
    length = x.shape[-1] if fft_length is None else fft_length
    shape = (*x.shape[:-1], None if length is None else length // 2 + 1)
    dtype = "complex128" if x.dtype == "float64" else "complex64"
    if fft_length is None:
        return parts_of(b, b.op("torch.fft.rfft(x)", shape=shape, dtype=dtype, x=x))
    return parts_of(b, b.op("torch.fft.rfft(x, n=n)", shape=shape, dtype=dtype, x=x, n=fft_length))


@op("IRFFT")
def irfft(b: Builder, x: Sequence[TensorLike], *, fft_length: int | None = None) -> Value:
    """`torch.fft.irfft(x, n)`."""
    z = complex_of(b, x)
    dtype = "float64" if z.dtype == "complex128" else "float32"
    if fft_length is not None:
        return b.op(
            "torch.fft.irfft(z, n=n)", shape=(*z.shape[:-1], fft_length), dtype=dtype, z=z, n=fft_length
        )
    bins = z.shape[-1]
    return b.op(
        "torch.fft.irfft(z)",
        shape=(*z.shape[:-1], None if bins is None else 2 * (bins - 1)),
        dtype=dtype,
        z=z,
    )


# -------------------------------------------------------------------- frames


@op("ExtractSequences")
def extract_sequences(b: Builder, x: TensorLike, *, sequence_length: int, sequence_stride: int) -> Value:
    """`x.unfold(-1, length, stride)`: windows of the last axis, on a new last axis."""
    x, length, step = rules.native(b, x), sequence_length, sequence_stride
    size = x.shape[-1]
    count = None if size is None else (size - length) // step + 1
    return b.op("x.unfold(-1, n, step)", shape=(*x.shape[:-1], count, length), x=x, n=length, step=step)


@op("STFT")
def stft(
    b: Builder,
    x: TensorLike,
    *,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | tuple[float, ...] | None = "hann",
    center: bool = True,
) -> list[Value]:
    """The Fourier transform of overlapping windows."""
    x = rules.native(b, x)
    if center:
        half = fft_length // 2
        x = pad_axes(b, x, [(0, 0)] * (x.rank - 1) + [(half, half)], "reflect", 0)
    x = extract_sequences(b, x, sequence_length=fft_length, sequence_stride=sequence_stride)
    weights = frame_window(b, window, sequence_length, fft_length)
    if weights is not None:
        x = b.elementwise("x * window", x=x, window=rules.constant(b, Constant(weights.tolist(), x.dtype)))
    dtype = "complex128" if x.dtype == "float64" else "complex64"
    shape = (*x.shape[:-1], fft_length // 2 + 1)
    return parts_of(b, b.op("torch.fft.rfft(x)", shape=shape, dtype=dtype, x=x))


@op("ISTFT")
def istft(
    b: Builder,
    x: Sequence[TensorLike],
    *,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | tuple[float, ...] | None = "hann",
    center: bool = True,
) -> Value:
    """The signal that has these Fourier transforms of overlapping windows."""
    z = complex_of(b, x)
    dtype = "float64" if z.dtype == "complex128" else "float32"
    y = b.op("torch.fft.irfft(z, n=n)", shape=(*z.shape[:-1], fft_length), dtype=dtype, z=z, n=fft_length)
    weights = frame_window(b, window, sequence_length, fft_length)
    if weights is not None:
        weights = inverse_window(weights, sequence_stride)
        y = b.elementwise("x * window", x=y, window=rules.constant(b, Constant(weights.tolist(), dtype)))
    frames = y.shape[-2]
    total = None if frames is None else (frames - 1) * sequence_stride + fft_length
    y = b.op("overlap_add(x, step)", shape=(*y.shape[:-2], total), x=y, step=sequence_stride)
    start = fft_length // 2 if center else 0
    stop = start + length if length is not None else -start if center and start else None
    if not start and stop is None:
        return y
    size = length if total is None else len(range(total)[start:stop])
    return b.op("x[..., part]", shape=(*y.shape[:-1], size), x=y, part=slice(start or None, stop))
