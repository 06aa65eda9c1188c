"""TensorFlow functions of `tf.signal`: frames and Fourier transforms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.tensors import padded, permuted
from codegen.model.spec import Constant
from codegen.ops.keras.linalg import made
from codegen.ops.keras.math import framed
from codegen.ops.keras.products import product
from codegen.ops.tensorflow.functions import function_name, integers, number, tf


@tf("signal.frame")
def frame(
    b: Builder,
    signal: Any,
    frame_length: Any,
    frame_step: Any,
    pad_end: bool = False,
    pad_value: Any = 0,
    axis: Any = -1,
) -> Value:
    """Windows of an axis, each on an axis behind it."""
    x = rules.native(b, signal)
    a = b.axis(int(number(b, axis, "axis")), x.rank)
    y = permuted(b, x, [*(i for i in range(x.rank) if i != a), a])
    y = _frames(b, y, frame_length, frame_step, pad_end, number(b, pad_value, "pad_value"))
    return permuted(b, y, [*range(a), y.rank - 2, y.rank - 1, *range(a, y.rank - 2)])


def _frames(b: Builder, x: Value, length: Any, step: Any, pad_end: bool, fill: float = 0) -> Value:
    """Windows of the last axis; `pad_end` adds those that end behind it."""
    size, jump = int(number(b, length, "frame_length")), int(number(b, step, "frame_step"))
    x = b.keras_layout(x)
    if pad_end:
        total = b.known(x, -1)
        missing = max((-(-total // jump) - 1) * jump + size - total, 0)
        x = b.keras_layout(padded(b, x, [(0, 0)] * (x.rank - 1) + [(0, missing)], "constant", fill))
        x = made(b, "x[..., part]", (*x.shape[:-1], (-(-total // jump) - 1) * jump + size), x=x,
                 part=slice(None, (-(-total // jump) - 1) * jump + size))  # fmt: skip
    return framed(b, x, size, jump)


@tf("signal.stft")
def stft(
    b: Builder,
    signals: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Any = "hann_window",
    pad_end: bool = False,
) -> Value:
    """The Fourier transform of overlapping windows, each weighted."""
    x = _frames(b, rules.native(b, signals), frame_length, frame_step, pad_end)
    length = b.known(x, -1)
    bins = _power_of_two(length) if fft_length is None else int(number(b, fft_length, "fft_length"))
    if window_fn is not None:
        x = b.elementwise("x * window", x=x, window=_window(b, window_fn, length, x.dtype))
    return _rfft(b, x, bins)


#: The cosine's share of TensorFlow's windows, by the names of their functions.
_WINDOWS = {"hann_window": 0.5, "hamming_window": 0.46}


def _window(b: Builder, name: Any, length: int, dtype: str) -> Value:
    """A periodic window that rises and falls as a cosine."""
    if name not in _WINDOWS:
        b.unsupported("window_fn", name, f"supported: None, {', '.join(map(repr, _WINDOWS))}")
    share = _WINDOWS[name]
    period = length if length % 2 == 0 else max(length - 1, 1)
    waves = 1 - share - share * np.cos(2 * math.pi * np.arange(length) / period)
    return rules.constant(b, Constant((waves if length > 1 else np.ones(1)).tolist(), dtype))


def _complex(x: Value) -> str:
    return "complex128" if x.dtype in ("float64", "complex128") else "complex64"


def _rfft(b: Builder, x: Value, size: int) -> Value:
    shape = (*x.shape[:-1], size // 2 + 1)
    if size == x.shape[-1]:
        return made(b, "torch.fft.rfft(x)", shape, _complex(x), x=x)
    return made(b, "torch.fft.rfft(x, n=n)", shape, _complex(x), x=x, n=size)


@tf("signal.rfft", "signal.irfft")
def rfft(b: Builder, input_tensor: Any, fft_length: Any = None) -> Value:
    """`torch.fft.rfft(x)` or `torch.fft.irfft(x)`."""
    x = rules.native(b, input_tensor)
    given = None if fft_length is None else integers(b, fft_length, "fft_length")[-1]
    if function_name(b) == "signal.rfft":
        return _rfft(b, x, b.known(x, -1) if given is None else given)
    size = 2 * (b.known(x, -1) - 1) if given is None else given
    dtype = "float64" if x.dtype == "complex128" else "float32"
    return made(b, "torch.fft.irfft(x, n=n)", (*x.shape[:-1], size), dtype, x=x, n=size)


_TRANSFORMS = {
    "signal.fft": "torch.fft.fft(x)",
    "signal.fft2d": "torch.fft.fft2(x)",
    "signal.fft3d": "torch.fft.fftn(x, dim=(-3, -2, -1))",
    "signal.ifft": "torch.fft.ifft(x)",
    "signal.ifft2d": "torch.fft.ifft2(x)",
    "signal.ifft3d": "torch.fft.ifftn(x, dim=(-3, -2, -1))",
}


@tf(*_TRANSFORMS)
def fft(b: Builder, input: Any) -> Value:
    """`torch.fft.fft(x)` or the like."""
    x = rules.native(b, input)
    return made(b, _TRANSFORMS[function_name(b)], x.shape, _complex(x), x=x)


@tf("signal.fftshift", "signal.ifftshift")
def fftshift(b: Builder, x: Any, axes: Any = None) -> Value:
    """`torch.fft.fftshift(x)`."""
    x = rules.native(b, x)
    over = rules.axes_of(b, None if axes is None else list(integers(b, axes, "axes")), x.rank)
    name = function_name(b).rpartition(".")[2]
    return made(b, f"torch.fft.{name}(x, dim=dims)", x.shape, x=x, dims=over)


@tf("signal.inverse_stft")
def inverse_stft(
    b: Builder,
    stfts: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Any = "hann_window",
) -> Value:
    """Windows from their Fourier transforms, each weighted, laid over each other and summed."""
    x, length = rules.native(b, stfts), int(number(b, frame_length, "frame_length"))
    size = _power_of_two(length) if fft_length is None else int(number(b, fft_length, "fft_length"))
    dtype = "float64" if x.dtype == "complex128" else "float32"
    x = made(b, "torch.fft.irfft(x, n=n)", (*x.shape[:-1], size), dtype, x=x, n=size)
    x = _with_length(b, x, length)
    if window_fn is not None:
        x = b.elementwise("x * window", x=x, window=_window(b, window_fn, length, x.dtype))
    return overlap_and_add(b, x, frame_step)


def _power_of_two(length: int) -> int:
    """The least power of two that is not below a length."""
    return 1 << (length - 1).bit_length()


def _with_length(b: Builder, x: Value, length: int) -> Value:
    """The last axis cut off, or filled up with zeros."""
    missing = length - b.known(x, -1)
    pairs = [(0, 0)] * (x.rank - 1) + [(0, missing)]
    return b.keras_layout(padded(b, x, pairs, "constant", 0)) if missing else x


@tf("signal.overlap_and_add")
def overlap_and_add(b: Builder, signal: Any, frame_step: Any) -> Value:
    """Windows laid over each other, each some steps behind the last, and summed."""
    x, step = rules.native(b, signal), int(number(b, frame_step, "frame_step"))
    count, length = x.shape[-2:]
    size = None if count is None or length is None else (count - 1) * step + length
    return made(b, "overlap_add(x, step)", (*x.shape[:-2], size), x=x, step=step)


#: Types of cosine transforms, and those that undo them.
_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


@tf("signal.dct", "signal.idct")
def dct(b: Builder, input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: Any = None) -> Value:
    """The cosine transform of the last axis, as a product with its matrix."""
    x = rules.native(b, input)
    if axis != -1 or type not in _INVERSE or norm not in (None, "ortho") or (type, norm) == (1, "ortho"):
        b.unsupported("type", type, "supported: 1 to 4 over the last axis")
    if n is not None:
        x = _with_length(b, x, int(number(b, n, "n")))
    kind = _INVERSE[type] if function_name(b) == "signal.idct" else type
    matrix = _cosines(kind, b.known(x, -1), orthonormal=norm == "ortho")
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
