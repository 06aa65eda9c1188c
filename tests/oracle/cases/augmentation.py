"""Layers that change images at random, in eval mode, and those that change contrast."""

from __future__ import annotations

from typing import Any

from tests.oracle.cases.case import Case, keras, layers

IMAGE = [(6, 5, 3)]


def _pipeline() -> Any:
    steps = [
        layers.AutoContrast((-1, 1)),
        layers.CenterCrop(3, 2),
        layers.Equalization(),
        layers.RandomFlip(),
    ]
    return layers.Pipeline(steps)


def _random_layers() -> Any:
    """All those that hand images on as they are, but Equalization, which is none of a functional model."""
    x = inputs = keras.Input((6, 5, 3))
    for layer in (
        layers.AugMix(),
        layers.CutMix(),
        layers.RandAugment(),
        layers.RandomElasticTransform(),
        layers.RandomErasing(),
        layers.RandomFlip("vertical"),
        layers.RandomGaussianBlur(),
        layers.RandomPerspective(),
        layers.RandomRotation(0.3),
        layers.RandomSharpness(0.3),
        layers.RandomShear(0.3, 0.2),
        layers.RandomTranslation(0.3, 0.2),
        layers.RandomZoom(0.3),
        layers.Solarization(),
        layers.MixUp(),
        layers.RandomBrightness(0.3),
        layers.RandomColorDegeneration(0.3),
        layers.RandomColorJitter(),
        layers.RandomContrast(0.3),
        layers.RandomGrayscale(0.3),
        layers.RandomHue(0.3),
        layers.RandomInvert(0.3),
        layers.RandomPosterization(4),
        layers.RandomSaturation(0.3),
        layers.RandomCrop(6, 5),
        layers.MaxNumBoundingBoxes(3),
    ):
        x = layer(x)
    return keras.Model(inputs, x + 1)


def _labelled_images() -> Any:
    """Images with what belongs to them, which stays as it is but for dtypes."""
    data = {
        "images": keras.Input((6, 5, 3), dtype="uint8"),
        "labels": keras.Input((4,)),
        "segmentation_masks": keras.Input((6, 5, 1), dtype="uint8"),
        "bounding_boxes": {"boxes": keras.Input((2, 4), dtype="int32"), "labels": keras.Input((2,))},
    }
    inputs = keras.tree.flatten(data)
    for layer in (layers.RandAugment, layers.AutoContrast, layers.RandomFlip):
        data = layer(bounding_box_format="xyxy")(data)
    return keras.Model(inputs, keras.tree.flatten(data))


CASES = [
    Case("random_layers", _random_layers, [], model=True, files=["keras"]),
    Case("random_crop", lambda: layers.RandomCrop(4, 3), IMAGE),
    Case("auto_contrast", lambda: layers.AutoContrast(), IMAGE),
    Case("auto_contrast_constant", lambda: layers.AutoContrast((0, 9)), [(1, 1, 3)]),
    Case("auto_contrast_ints", lambda: layers.AutoContrast(), IMAGE, dtypes=["uint8"], ints=200),
    Case(
        "equalize_tiles",
        lambda: layers.ContrastLimitedAdaptiveHistogramEqualization((-1, 1), tile_grid_size=(2, 3)),
        [(9, 10, 3)],
    ),
    Case(
        "equalize_tiles_open",
        lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(
            clip_limit=0.0, tile_grid_size=(3, 2), data_format="channels_first"
        ),
        [(3, None, None)],
        dtypes=["int32"],
        ints=256,
    ),
    Case("pipeline", _pipeline, IMAGE),
    Case("labelled_images", _labelled_images, [], model=True, files=["keras"]),
]
