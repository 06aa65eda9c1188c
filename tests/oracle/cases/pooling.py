"""Pooling layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _case(name: str, make: Callable[[], Any], *shape: int | None) -> Case:
    return Case(f"pool_{name}", make, [shape])


def _masked_mean() -> Any:
    tokens = keras.Input((5,), dtype="int32")
    x = layers.Embedding(3, 4, mask_zero=True)(tokens)
    return keras.Model(tokens, layers.GlobalAveragePooling1D()(x))


def _behind_relu() -> Any:
    """Where nothing is negative, zeros can pad a maximum."""
    image = keras.Input((9, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.ZeroPadding2D(1)(x)
    return keras.Model(image, layers.MaxPooling2D(3, strides=2)(x))


CASES = [
    _case("max1d", lambda: layers.MaxPooling1D(3, strides=2, padding="same"), 8, 3),
    _case("max2d", lambda: layers.MaxPooling2D((2, 3)), 9, 8, 3),
    _case("max2d_same", lambda: layers.MaxPooling2D(3, strides=2, padding="same"), 9, 8, 3),
    _case("max2d_open", lambda: layers.MaxPooling2D(2, padding="same"), None, None, 3),
    _case("max3d", lambda: layers.MaxPooling3D(2, strides=1), 5, 6, 4, 2),
    Case("pool_max1d_ints", lambda: layers.MaxPooling1D(3, padding="same"), [(8, 3)], dtypes=["int64"]),
    Case("pool_max2d_ints", lambda: layers.MaxPooling2D(4, padding="same"), [(6, 7, 3)], dtypes=["int32"]),
    Case("pool_mean_ints", lambda: layers.GlobalAveragePooling2D(), [(6, 7, 3)], dtypes=["uint8"]),
    Case("pool_adaptive_ints", lambda: layers.AdaptiveMaxPooling2D(2), [(6, 7, 3)], dtypes=["int32"]),
    _case("average1d", lambda: layers.AveragePooling1D(2), 9, 3),
    _case("average2d", lambda: layers.AveragePooling2D(3, strides=1), 9, 8, 3),
    _case("average2d_same", lambda: layers.AveragePooling2D((3, 2), strides=2, padding="same"), 9, 8, 3),
    _case("average2d_open", lambda: layers.AveragePooling2D(3, padding="same"), None, None, 3),
    _case("average3d_same", lambda: layers.AveragePooling3D(2, padding="same"), 5, 6, 3, 2),
    _case("global_max1d", lambda: layers.GlobalMaxPooling1D(), 8, 3),
    _case("global_max2d", lambda: layers.GlobalMaxPooling2D(keepdims=True), 9, 8, 3),
    _case("global_max3d", lambda: layers.GlobalMaxPooling3D(), 3, 4, 5, 2),
    _case("global_average1d", lambda: layers.GlobalAveragePooling1D(), None, 3),
    _case("global_average2d", lambda: layers.GlobalAveragePooling2D(), 9, 8, 3),
    _case("global_average3d", lambda: layers.GlobalAveragePooling3D(keepdims=True), 3, 4, 5, 2),
    _case("global_first", lambda: layers.GlobalAveragePooling2D(data_format="channels_first"), 3, 9, 8),
    _case("adaptive_max1d", lambda: layers.AdaptiveMaxPooling1D(3), 8, 2),
    _case("adaptive_max2d", lambda: layers.AdaptiveMaxPooling2D((3, 2)), 9, 8, 2),
    _case("adaptive_max3d", lambda: layers.AdaptiveMaxPooling3D((2, 3, 2)), 4, 5, 6, 2),
    _case("adaptive_average1d", lambda: layers.AdaptiveAveragePooling1D(3), 8, 2),
    _case("adaptive_average2d", lambda: layers.AdaptiveAveragePooling2D((3, 2)), 9, 8, 2),
    _case("adaptive_average3d", lambda: layers.AdaptiveAveragePooling3D((2, 3, 2)), 4, 5, 6, 2),
    Case("pool_masked_mean", _masked_mean, [], model=True, ints=3),
    Case("pool_behind_relu", _behind_relu, [], model=True),
]
