"""Convolutions: plain, transposed, depthwise, separable, in one to three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _case(name: str, make: Callable[[], Any], *shape: int | None) -> Case:
    return Case(name, make, [shape])


def _padded_by_hand() -> Any:
    """Zero paddings that go into the convolutions behind them, and one that cannot."""
    image = keras.Input((9, 8, 3))
    x = layers.ZeroPadding2D(3)(image)
    x = layers.Conv2D(4, 7, strides=2, activation="relu")(x)
    x = layers.ZeroPadding2D(((0, 1), (2, 1)))(x)
    x = layers.DepthwiseConv2D(3, strides=2)(x)
    return keras.Model(image, layers.Conv2D(3, (1, 2))(x))


def _shared() -> Any:
    """One convolution on images of two sizes."""
    first, second = keras.Input((9, 8, 3)), keras.Input((6, 5, 3))
    conv = layers.Conv2D(4, 3, strides=2, padding="same")
    return keras.Model([first, second], [conv(first), conv(second)])


def _image_to_vector() -> Any:
    image = keras.Input((6, 5, 3))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


CASES = [
    _case("conv1d", lambda: layers.Conv1D(4, 3, strides=2, padding="same"), 9, 3),
    _case("conv1d_open", lambda: layers.Conv1D(4, 4, strides=3, padding="same"), None, 3),
    _case("conv1d_causal", lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), 9, 3),
    _case("conv1d_groups", lambda: layers.Conv1D(6, 3, groups=3, use_bias=False), 9, 6),
    _case("conv2d", lambda: layers.Conv2D(4, (3, 2), strides=(2, 3), activation="relu"), 9, 8, 3),
    _case("conv2d_same", lambda: layers.Conv2D(4, (4, 3), padding="same"), 9, 8, 3),
    _case("conv2d_same_strides", lambda: layers.Conv2D(4, 3, strides=2, padding="same"), 9, 8, 3),
    _case("conv2d_same_open", lambda: layers.Conv2D(4, 3, strides=2, padding="same"), None, None, 3),
    _case("conv2d_grey_open", lambda: layers.Conv2D(1, 3, padding="same"), None, None, 1),
    _case("conv2d_dilated", lambda: layers.Conv2D(4, 3, dilation_rate=(2, 1), padding="same"), 9, 8, 3),
    _case("conv3d", lambda: layers.Conv3D(4, (2, 3, 2), strides=(1, 2, 2), padding="same"), 5, 6, 7, 2),
    _case("depthwise1d", lambda: layers.DepthwiseConv1D(3, strides=2, depth_multiplier=2), 9, 3),
    _case("depthwise2d", lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 9, 8, 3),
    _case("depthwise2d_dilated", lambda: layers.DepthwiseConv2D(3, dilation_rate=2), 9, 8, 3),
    _case("separable1d", lambda: layers.SeparableConv1D(4, 3, padding="same", dilation_rate=2), 9, 3),
    _case("separable2d", lambda: layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2), 9, 8, 3),
    _case("transpose1d", lambda: layers.Conv1DTranspose(4, 3, strides=2, padding="same"), 6, 3),
    _case("transpose2d", lambda: layers.Conv2DTranspose(4, 3, strides=2), 6, 5, 3),
    _case("transpose2d_same", lambda: layers.Conv2DTranspose(4, (4, 3), strides=2, padding="same"), 6, 5, 3),
    _case("transpose2d_strided", lambda: layers.Conv2DTranspose(4, 2, strides=3, padding="same"), 6, 5, 3),
    _case("transpose2d_open", lambda: layers.Conv2DTranspose(4, 3, strides=2), None, None, 3),
    _case("transpose3d", lambda: layers.Conv3DTranspose(3, 2, strides=2, padding="same"), 3, 4, 2, 2),
    Case("conv_padded_by_hand", _padded_by_hand, [], model=True),
    Case("conv_shared", _shared, [], model=True),
    Case("conv_image_to_vector", _image_to_vector, [], model=True),
]
