"""TensorFlow functions of `tf.signal`: frames and Fourier transforms."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.tensors import pad_axes, transpose
from codegen.model.spec import Constant
from codegen.ops.keras.math import extract_sequences
from codegen.ops.keras.products import product
from codegen.ops.tensorflow.arguments import Count, Ints, Known, Native
from codegen.ops.tensorflow.functions import tf


@tf("signal.frame")
def frame(
    b: Builder,
    signal: Native,
    frame_length: Count,
    frame_step: Count,
    pad_end: bool = False,
    pad_value: Known = 0,
    axis: int = -1,
) -> Value:
    """Windows of an axis, each on an axis behind it."""
    a = b.axis(axis, signal.rank)
    y = transpose(b, signal, axes=[*(i for i in range(signal.rank) if i != a), a])
    y = _frames(b, y, frame_length, frame_step, pad_end, pad_value)
    return transpose(b, y, axes=[*range(a), y.rank - 2, y.rank - 1, *range(a, y.rank - 2)])


def _frames(b: Builder, x: Value, size: int, jump: int, pad_end: bool, fill: float = 0) -> Value:
    """Windows of the last axis; `pad_end` adds those that end behind it."""
    x = b.keras_layout(x)
    if pad_end:
        total = b.known(x, -1)
        missing = max((-(-total // jump) - 1) * jump + size - total, 0)
        x = b.keras_layout(pad_axes(b, x, [(0, 0)] * (x.rank - 1) + [(0, missing)], "constant", fill))
        x = b.op("x[..., part]", shape=(*x.shape[:-1], (-(-total // jump) - 1) * jump + size), x=x,
                 part=slice(None, (-(-total // jump) - 1) * jump + size))  # fmt: skip
    return extract_sequences(b, x, sequence_length=size, sequence_stride=jump)


@tf("signal.stft")
def stft(
    b: Builder,
    signals: Native,
    frame_length: Count,
    frame_step: Count,
    fft_length: Count | None = None,
    window_fn: Literal[None, "hann_window", "hamming_window"] = "hann_window",
    pad_end: bool = False,
) -> Value:
    """The Fourier transform of overlapping windows, each weighted."""
    x = _frames(b, signals, frame_length, frame_step, pad_end)
    length = b.known(x, -1)
    bins = _power_of_two(length) if fft_length is None else fft_length
    if window_fn is not None:
        x = b.elementwise("x * window", x=x, window=_window(b, _WINDOWS[window_fn], length, x.dtype))
    return _rfft(b, x, bins)


#: The cosine's share of TensorFlow's windows, by the names of their functions.
_WINDOWS = {"hann_window": 0.5, "hamming_window": 0.46}


def _window(b: Builder, share: float, length: int, dtype: str) -> Value:
    """A periodic window that rises and falls as a cosine."""
    period = length if length % 2 == 0 else max(length - 1, 1)
    waves = 1 - share - share * np.cos(2 * math.pi * np.arange(length) / period)
    return rules.constant(b, Constant((waves if length > 1 else np.ones(1)).tolist(), dtype))


def _complex(x: Value) -> str:
    return "complex128" if x.dtype in ("float64", "complex128") else "complex64"


def _rfft(b: Builder, x: Value, size: int) -> Value:
    shape = (*x.shape[:-1], size // 2 + 1)
    if size == x.shape[-1]:
        return b.op("torch.fft.rfft(x)", shape=shape, dtype=_complex(x), x=x)
    return b.op("torch.fft.rfft(x, n=n)", shape=shape, dtype=_complex(x), x=x, n=size)


def _irfft(b: Builder, x: Value, size: int) -> Value:
    dtype = "float64" if x.dtype == "complex128" else "float32"
    return b.op("torch.fft.irfft(x, n=n)", shape=(*x.shape[:-1], size), dtype=dtype, x=x, n=size)


@tf("signal.rfft")
def rfft(b: Builder, input_tensor: Native, fft_length: Ints | None = None) -> Value:
    """`torch.fft.rfft(x)`."""
    return _rfft(b, input_tensor, fft_length[-1] if fft_length else b.known(input_tensor, -1))


@tf("signal.irfft")
def irfft(b: Builder, input_tensor: Native, fft_length: Ints | None = None) -> Value:
    """`torch.fft.irfft(x)`."""
    return _irfft(b, input_tensor, fft_length[-1] if fft_length else 2 * (b.known(input_tensor, -1) - 1))


_TRANSFORMS = {
    "signal.fft": "torch.fft.fft(x)",
    "signal.fft2d": "torch.fft.fft2(x)",
    "signal.fft3d": "torch.fft.fftn(x, dim=(-3, -2, -1))",
    "signal.ifft": "torch.fft.ifft(x)",
    "signal.ifft2d": "torch.fft.ifft2(x)",
    "signal.ifft3d": "torch.fft.ifftn(x, dim=(-3, -2, -1))",
}


@tf({name: {"template": template} for name, template in _TRANSFORMS.items()})
def fft(b: Builder, input: Native, *, template: str) -> Value:
    """`torch.fft.fft(x)` or the like."""
    return b.op(template, shape=input.shape, dtype=_complex(input), x=input)


@tf({f"signal.{name}": {"name": name} for name in ("fftshift", "ifftshift")})
def fftshift(b: Builder, x: Native, axes: Ints | None = None, *, name: str) -> Value:
    """`torch.fft.fftshift(x)` or `torch.fft.ifftshift(x)`."""
    return b.op(f"torch.fft.{name}(x, dim=dims)", shape=x.shape, x=x, dims=rules.axes_of(b, axes, x.rank))


@tf("signal.inverse_stft")
def inverse_stft(
    b: Builder,
    stfts: Native,
    frame_length: Count,
    frame_step: Count,
    fft_length: Count | None = None,
    window_fn: Literal[None, "hann_window", "hamming_window"] = "hann_window",
) -> Value:
    """Windows from their Fourier transforms, each weighted, laid over each other and summed."""
    x = _irfft(b, stfts, _power_of_two(frame_length) if fft_length is None else fft_length)
    x = _with_length(b, x, frame_length)
    if window_fn is not None:
        x = b.elementwise("x * window", x=x, window=_window(b, _WINDOWS[window_fn], frame_length, x.dtype))
    return overlap_and_add(b, x, frame_step)


def _power_of_two(length: int) -> int:
    """The least power of two that is not below a length."""
    return 1 << (length - 1).bit_length()


def _with_length(b: Builder, x: Value, length: int) -> Value:
    """The last axis cut off, or filled up with zeros."""
    missing = length - b.known(x, -1)
    pairs = [(0, 0)] * (x.rank - 1) + [(0, missing)]
    return b.keras_layout(pad_axes(b, x, pairs, "constant", 0)) if missing else x


@tf("signal.overlap_and_add")
def overlap_and_add(b: Builder, signal: Native, frame_step: Count) -> Value:
    """Windows laid over each other, each some steps behind the last, and summed."""
    count, length = signal.shape[-2:]
    size = None if count is None or length is None else (count - 1) * frame_step + length
    return b.op("overlap_add(x, step)", shape=(*signal.shape[:-2], size), x=signal, step=frame_step)


#: Types of cosine transforms, and those that undo them.
_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


@tf({"signal.dct": {"inverse": False}, "signal.idct": {"inverse": True}})
def dct(
    b: Builder,
    input: Native,
    type: int = 2,
    n: Count | None = None,
    axis: int = -1,
    norm: str | None = None,
    *,
    inverse: bool,
) -> Value:
    """The cosine transform of the last axis, or what undoes it, as a product with its matrix."""
    if axis != -1 or type not in _INVERSE or norm not in (None, "ortho") or (type, norm) == (1, "ortho"):
        b.unsupported("type", type, "supported: 1 to 4 over the last axis")
    x = input if n is None else _with_length(b, input, n)
    matrix = _cosines(_INVERSE[type] if inverse else type, b.known(x, -1), orthonormal=norm == "ortho")
    return product(b, x, rules.tensor(b, Constant(matrix.tolist(), x.dtype)))


def _cosines(kind: int, size: int, *, orthonormal: bool) -> np.ndarray[Any, Any]:
    """The matrix of a cosine transform."""
    matrix: np.ndarray[Any, Any]
    if kind == 3:
        matrix = _cosines(2, size, orthonormal=orthonormal)
        if not orthonormal:
            matrix[:, 0] /= 2
        return matrix.T
    places, waves = np.arange(size)[:, None], np.arange(size)[None, :]
    if kind == 1:
        matrix = 2 * np.cos(math.pi / (size - 1) * places * waves)
        matrix[[0, -1]] /= 2
        return matrix
    matrix = 2 * np.cos(math.pi / size * (places + 0.5) * (waves + (0.5 if kind == 4 else 0)))
    if orthonormal:
        matrix *= np.sqrt(0.5 / size)
        if kind == 2:
            matrix[:, 0] *= math.sqrt(0.5)
    return matrix
