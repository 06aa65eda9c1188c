"""Layers that only move elements about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _case(name: str, make: Callable[[], Any], *shape: int | None) -> Case:
    return Case(name, make, [shape])


def _between_convolutions(*make: Callable[[], Any]) -> Callable[[], Any]:
    """The layers where their input is stored channels first."""

    def build() -> Any:
        image = keras.Input((6, 5, 3))
        x = layers.Conv2D(4, 3, padding="same")(image)
        for layer in make:
            x = layer()(x)
        return keras.Model(image, x)

    return build


CASES = [
    _case("flatten", lambda: layers.Flatten(), 5, 3, 2),
    _case("flatten_vector", lambda: layers.Flatten(), 5),
    _case("flatten_first", lambda: layers.Flatten(data_format="channels_first"), 3, 5, 2),
    _case("reshape", lambda: layers.Reshape((3, -1)), 5, 6),
    _case("reshape_open", lambda: layers.Reshape((-1, 3)), None, 6),
    _case("reshape_scalar", lambda: layers.Reshape((2, 3, 1)), 6),
    _case("permute", lambda: layers.Permute((3, 1, 2)), 5, 3, 2),
    _case("repeat_vector", lambda: layers.RepeatVector(4), 6),
    _case("zero_padding_1d", lambda: layers.ZeroPadding1D((1, 2)), 5, 3),
    _case("zero_padding_2d", lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), 5, 4, 3),
    _case("zero_padding_3d", lambda: layers.ZeroPadding3D((1, 0, 2)), 3, 4, 5, 2),
    _case("cropping_1d", lambda: layers.Cropping1D((1, 2)), 6, 3),
    _case("cropping_2d", lambda: layers.Cropping2D(((1, 0), (0, 2))), 6, 5, 3),
    _case("cropping_3d", lambda: layers.Cropping3D(1), 4, 5, 6, 2),
    _case("up_sampling_1d", lambda: layers.UpSampling1D(3), 5, 3),
    _case("up_sampling_2d", lambda: layers.UpSampling2D((2, 3)), 5, 4, 3),
    _case("up_sampling_3d", lambda: layers.UpSampling3D((1, 2, 2)), 3, 4, 5, 2),
    Case("up_sampling_3d_ints", lambda: layers.UpSampling3D(2), [(3, 4, 5, 2)], dtypes=["int64"]),
    Case("up_sampling_2d_bools", lambda: layers.UpSampling2D(2), [(3, 4, 2)], dtypes=["bool"], ints=2),
    Case("reshape_image", _between_convolutions(lambda: layers.Reshape((30, 4))), [], model=True),
    Case("permute_image", _between_convolutions(lambda: layers.Permute((2, 1, 3))), [], model=True),
    Case(
        "flatten_image",
        _between_convolutions(lambda: layers.Flatten(), lambda: layers.BatchNormalization()),
        [],
        model=True,
    ),
    Case(
        "crop_image",
        _between_convolutions(lambda: layers.Cropping2D(1), lambda: layers.ZeroPadding2D((0, 2))),
        [],
        model=True,
    ),
]
