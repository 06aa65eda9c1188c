"""Numerical preprocessing."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.cases.case import Case, feature_space, keras, layers


def _normalised_maps() -> Any:
    """A Normalization behind a convolution: its input is stored channels first."""
    x = inputs = keras.Input((7, 5, 3))
    x = layers.Conv2D(4, 3)(x)
    x = layers.Normalization(axis=(1, 3))(x)
    return keras.Model(inputs, layers.Conv2D(2, 3)(x))


def _features() -> Any:
    """What a FeatureSpace of numbers becomes."""
    inputs = [keras.Input((2,)), keras.Input((3,), dtype="int32")]
    x = [feature_space.TFDIdentity()(x) for x in inputs]
    return keras.Model(inputs, feature_space.TFDConcat(axis=-1)(x))


CASES = [
    Case("features", _features, [], model=True, files=["keras"]),
    Case("rescaling_pixels", lambda: layers.Rescaling(1 / 255), [(5, 4, 3)]),
    Case("rescaling_offset", lambda: layers.Rescaling(1 / 127.5, offset=-1), [(5, 4, 3)]),
    Case("rescaling_ints", lambda: layers.Rescaling(2, offset=0.5), [(5, 4)], dtypes=["int32"]),
    Case("rescaling_arrays", lambda: layers.Rescaling([0.5, 2.0, 3.0], offset=[1.0, 0.0, -1.0]), [(5, 4, 3)]),
    Case("normalization", lambda: layers.Normalization(), [(5, 4)]),
    Case("normalization_invert", lambda: layers.Normalization(axis=1, invert=True), [(5, 4)]),
    Case("normalization_all", lambda: layers.Normalization(axis=None), [(5, 4)]),
    Case("normalization_numbers", lambda: layers.Normalization(mean=3.0, variance=2.0), [(5, 4)]),
    Case("normalization_flat", lambda: layers.Normalization(mean=3, variance=0), [(5, 4)], dtypes=["int32"]),
    Case(
        "normalization_arrays",
        lambda: layers.Normalization(axis=(1, 2), mean=np.arange(4.0), variance=np.arange(4.0)),
        [(5, 4, 3)],
    ),
    Case("normalization_maps", _normalised_maps, [], model=True),
]
