"""Weights of the elements of a frame of a signal: windows in the sense of Fourier transforms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from codegen.lowering.builder import Builder

#: Their weights are stored in the converted model.
_MAX_LENGTH = 2**24

Array = np.ndarray[Any, np.dtype[np.float64]]


def frame_window(b: Builder, window: str | tuple[float, ...] | None, length: int, size: int) -> Array | None:
    """The weights of a frame's elements, with zeros around them up to `size`; None for no weights.

    Formula: `tensorflow.python.ops.signal.window_ops._raised_cosine_window`, where only even windows
    are periodic.
    """
    if window is None:
        return None
    if not length <= size:
        b.malformed(f"its windows of {length} elements are longer than its frames of {size}")
    if size > _MAX_LENGTH:
        b.malformed(f"its frames have {size} elements; supported: {_MAX_LENGTH}")
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            b.unsupported("window", window, "supported: 'hann', 'hamming', numbers")
        mean = 0.5 if window == "hann" else 0.54
        period = length if length % 2 == 0 else max(length - 1, 1)
        angles = 2 * math.pi * np.arange(length) / period
        weights = mean - (1 - mean) * np.cos(angles) if length > 1 else np.ones(1)
    else:
        weights = np.asarray(window, dtype=np.float64)
    left = (size - length) // 2
    padded_weights: Array = np.pad(weights, (left, size - length - left))
    return padded_weights


def inverse_window(window: Array, step: int) -> Array:
    """The weights that undo those of all windows that overlap (`tf.signal.inverse_stft_window_fn`)."""
    overlaps = -(-len(window) // step)
    squares = np.pad(window**2, (0, overlaps * step - len(window))).reshape(overlaps, step).sum(axis=0)
    total = np.tile(squares, overlaps)[: len(window)]
    inverse: Array = np.divide(window, total, out=np.zeros_like(window), where=total != 0)
    return inverse
