"""Sound as spectrograms."""

from __future__ import annotations

from typing import Any

from tests.oracle.cases.case import Case, layers


def _mel(**options: Any) -> Any:
    return layers.MelSpectrogram(
        fft_length=12, sequence_stride=7, num_mel_bins=3, sampling_rate=800, **options
    )


def _stft(mode: str, **options: Any) -> Any:
    return layers.STFTSpectrogram(mode, frame_length=7, frame_step=3, window=None, **options)


def _modes(mode: str) -> list[Case]:
    return [
        Case(f"stft_{mode}", lambda: _stft(mode), [(20, 1)]),
        Case(f"stft_{mode}_same", lambda: _stft(mode, padding="same", expand_dims=True), [(None, 2)]),
    ]


CASES = [
    Case("mel", lambda: _mel(), [(70,)]),
    Case("mel_power", lambda: _mel(sequence_length=9, power_to_db=False, mag_exp=1.0), [(None,)]),
    Case("mel_options", lambda: _mel(mag_exp=1.5, ref_power=2.0, top_db=9.0, window="hamming"), [(64,)]),
    *(case for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft") for case in _modes(mode)),
]
