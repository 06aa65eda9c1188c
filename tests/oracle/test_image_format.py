"""Ops whose `data_format` was saved as null, in a session of images with their channels first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codegen import ConversionError, convert
from tests.oracle.cases.case import keras, ops
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import keras_outputs, sample_inputs, save

L = keras.layers

_AFFINE = np.array([1, 0.1, 0.5, 0.2, 1, 0, 0, 0], "float32")
_CORNERS = np.array([[[0, 0], [0, 5], [7, 0], [7, 5]]] * 3, "float32")

OPS: dict[str, Callable[[Any], Any]] = {
    "AdaptiveAveragePool": lambda x: ops.adaptive_average_pool(x, (2, 3)),
    "AdaptiveMaxPool": lambda x: ops.adaptive_max_pool(x, (2, 3)),
    "AffineTransform": lambda x: ops.image.affine_transform(x, _AFFINE),
    "CropImages": lambda x: ops.image.crop_images(x, 1, 1, target_height=4, target_width=3),
    "GaussianBlur": ops.image.gaussian_blur,
    "HSVToRGB": ops.image.hsv_to_rgb,
    "PadImages": lambda x: ops.image.pad_images(x, 1, 2, target_height=11, target_width=9),
    "PerspectiveTransform": lambda x: ops.image.perspective_transform(x, _CORNERS, _CORNERS[:, ::-1]),
    "RGBToGrayscale": ops.image.rgb_to_grayscale,
    "RGBToHSV": ops.image.rgb_to_hsv,
    "Resize": lambda x: ops.image.resize(x, (5, 9)),
    "SSIM": lambda x: ops.image.ssim(x, x[:, :, ::-1], filter_size=3),
    "ScaleAndTranslate": lambda x: ops.image.scale_and_translate(
        x, (2, 3, 7, 4), scale=np.array([0.9, 0.7], "float32"), translation=np.array([0.3, 0.1], "float32"),
        spatial_dims=(2, 3), method="linear",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _channels_first() -> Iterator[None]:
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("extension", [".keras", ".h5"])
@pytest.mark.parametrize("name", OPS)
def test_null_is_channels_first_where_the_layers_say_so(name: str, extension: str, tmp_path: Path) -> None:
    image = keras.Input((3, 8, 6))
    x = L.ZeroPadding2D(0)(image)
    model = keras.Model(image, OPS[name](x))
    assert name in {type(operation).__name__ for operation in model.operations}
    inputs = sample_inputs(model, 3, 2)
    result = convert(save(model, tmp_path / f"model{extension}"), output=tmp_path)
    assert_same(torch_outputs(result, inputs), keras_outputs(model, inputs))


def test_layers_that_contradict_one_another_tell_nothing(tmp_path: Path) -> None:
    image = keras.Input((3, 8, 6))
    x = L.Cropping2D(1, data_format="channels_last")(L.ZeroPadding2D(1)(image))
    path = save(keras.Model(image, ops.image.gaussian_blur(x)), tmp_path / "model.keras")
    with pytest.raises(ConversionError, match="the image data format of the session that saved the model"):
        convert(path, output=tmp_path)
