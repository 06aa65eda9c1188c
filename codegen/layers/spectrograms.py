"""Keras' layers that turn sound into spectrograms: MelSpectrogram and STFTSpectrogram."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.lowering.builder import Builder
from codegen.lowering.parts.frames import frame_window
from codegen.lowering.parts.windows import (
    DataFormat,
    channel_axis,
    check_rank,
    pad,
    spatial_axes,
    window_count,
    window_pads,
)
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.words import EPSILON


@lowers("MelSpectrogram", masks="drop")
def mel_spectrogram(
    b: Builder,
    x: Value,
    *,
    fft_length: Size = 2048,
    sequence_stride: int = 512,
    sequence_length: Size | None = None,
    window: str | tuple[float, ...] | None = "hann",
    sampling_rate: float = 16000,
    num_mel_bins: Size = 128,
    min_freq: float = 20.0,
    max_freq: float | None = None,
    power_to_db: bool = True,
    top_db: float = 80.0,
    mag_exp: float = 2.0,
    min_power: float = 1e-10,
    ref_power: float = 1.0,
) -> Value:
    """How loud the bands of the mel scale are over time, as a rule in decibels."""
    if not 1 <= x.rank <= 2:
        b.malformed(f"its input {x.shape} must have two axes")
    x = b.cast(b.keras_layout(x), b.dtype if b.dtype == "float64" else "float32")
    bins = fft_length // 2 + 1
    time = x.shape[-1] and x.shape[-1] // sequence_stride + 1
    length = sequence_length or fft_length
    weights = frame_window(b, (1.0,) * length if window is None else window, length, fft_length)
    assert weights is not None
    x = b.op(
        "torch.stft(x, n_fft=n, hop_length=hop, window=window, return_complex=True).abs()",
        shape=(*x.shape[:-1], bins, time),
        x=x,
        n=fft_length,
        hop=sequence_stride,
        window=b.buffer("window", Weight.constant(weights.astype(np.float32)), dtype=x.dtype),
        non_negative=True,
    )
    if mag_exp != 1:
        x = b.elementwise("x.square()", x=x) if mag_exp == 2 else b.elementwise("x**n", x=x, n=mag_exp)
    bands = _mel_bands(bins, num_mel_bins, sampling_rate, min_freq, max_freq or sampling_rate // 2)
    mel = b.buffer("mel", Weight.constant(bands), dtype=x.dtype)
    x = b.op("mel @ x", shape=(*x.shape[:-2], num_mel_bins, time), x=x, mel=mel)
    if power_to_db:
        x = b.op("to_decibels(x, least, span)", shape=x.shape, x=x, least=min_power, span=top_db)
        reference = 10 * math.log10(max(abs(ref_power), min_power))
        x = b.elementwise("x - reference", x=x, reference=reference) if reference else x
    return b.cast(x, b.dtype)


def _mel_bands(bins: int, bands: int, rate: float, low: float, high: float) -> NDArray[np.float32]:
    """(bands, bins): how much each frequency counts in each band; in float32, as Keras computes it."""

    def mel(frequency: Any) -> Any:
        return np.float32(1127) * np.log(1 + np.asarray(frequency, np.float32) / np.float32(700))

    frequencies = mel(np.linspace(0, np.float32(rate / 2), bins, dtype=np.float32)[1:])
    edges = np.linspace(mel(low), mel(high), bands + 2, dtype=np.float32)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.pad(weights, ((0, 0), (1, 0))).astype(np.float32)


@lowers("STFTSpectrogram", masks="drop", training_only=("window", "periodic", "scaling"))
def stft_spectrogram(
    b: Builder,
    x: Value,
    *,
    mode: Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"] = "log",
    frame_length: Size = 256,
    frame_step: int | None = None,
    fft_length: Size | None = None,
    padding: Literal["valid", "same"] = "valid",
    expand_dims: bool = False,
    data_format: DataFormat = "channels_last",
) -> Value:
    """The Fourier transform of overlapping windows, as convolutions."""
    check_rank(b, x, 1)
    channels = b.known(x, channel_axis(3, data_format))
    batch = x.shape[0]
    step = frame_step or frame_length // 2
    bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1
    size = x.shape[spatial_axes(3, data_format)[0]]
    pads = window_pads(padding, size, frame_length, step)
    time = window_count(size, pads, frame_length, step)
    x = x if pads is None else pad(b, x, data_format, (pads,))
    x = b.channels_first(x, data_format)
    if pads is None:
        x = b.op("same_pad(x, [k], [s])", shape=x.shape, x=x, like=x, k=frame_length, s=step)
    if channels == 1:
        x = b.op("x", shape=(x.shape[0], 1, None), perm=(0, 1, 2), x=x)
    else:
        x = b.op("x.flatten(0, 1).unsqueeze(1)", shape=(None, 1, None), perm=(0, 1, 2), x=x)
    parts = []
    for part, other in (("real", "imag"), ("imag", "real")):
        if mode != other:
            kernel = b.weight(f"{part}_kernel", (frame_length, 1, bins)).permute(2, 1, 0)
            kwargs = {"kernel_size": frame_length, "stride": step, "padding": 0, "dilation": 1, "bias": False}
            module = b.define("nn.Conv1d", args=(1, bins), kwargs=kwargs, state={"weight": kernel}, part=part)
            parts.append(b.op("module(x)", shape=(None, bins, time), module=module, x=x))
    y = _combined(b, mode, parts)
    bins = b.known(y, 1)
    shape = (batch, channels, bins, time)
    if channels == 1:
        y = b.op("x.unsqueeze(1)", shape=shape, x=y)
    else:
        y = b.op("torch.unflatten(x, 0, (-1, n))", shape=shape, x=y, n=channels)
    if not expand_dims:
        y = b.op("x.flatten(1, 2)", shape=(batch, channels * bins, time), x=y)
        return _relabelled(b, y, (0, 2, 1)) if data_format == "channels_last" else y
    return _relabelled(b, y, (0, 3, 2, 1) if data_format == "channels_last" else (0, 1, 3, 2))


def _combined(b: Builder, mode: str, parts: list[Value]) -> Value:
    """What is asked for of the real and the imaginary part, (N, frequencies, time)."""
    if len(parts) == 1:
        return parts[0]
    real, imag = parts
    if mode == "angle":
        return b.elementwise("torch.atan2(imag, real)", imag=imag, real=real)
    if mode == "stft":
        shape = (None, 2 * b.known(real, 1), real.shape[2])
        return b.op("torch.cat([real, imag], dim=1)", shape=shape, real=real, imag=imag)
    power = b.elementwise("real.square() + imag.square()", real=real, imag=imag)
    if mode == "psd":
        return b.elementwise("x + F.pad(x[:, 1:-1], (0, 0, 1, 1))", x=power)
    loud = b.elementwise("x.clamp(min=least).sqrt()", x=power, least=EPSILON)
    return loud if mode == "magnitude" else b.elementwise("x.log()", x=loud)


def _relabelled(b: Builder, x: Value, axes: tuple[int, ...]) -> Value:
    """`x` with Keras' axes in another order; what is stored stays as it is."""
    perm = tuple(axes.index(axis) for axis in x.perm)
    return b.op("x", shape=tuple(x.shape[axis] for axis in axes), perm=perm, x=x)
