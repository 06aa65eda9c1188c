"""Builds the model files of this folder with real Keras: `python -m examples.build_models`.

The files are checked in; run this only to change them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras import layers

HERE = Path(__file__).parent


@keras.saving.register_keras_serializable("Examples")
class ScaledGate(layers.Layer):
    """y = x * gate(x) * scale: a layer with a weight of its own and a sublayer."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.gate = layers.Dense(units, activation="sigmoid")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="random_normal")
        self.gate.build(input_shape)

    def call(self, inputs: Any) -> Any:
        return inputs * self.gate(inputs) * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def mlp() -> Any:
    """Digits of 8x8 pixels."""
    return keras.Sequential(
        [
            keras.Input((64,), name="pixels"),
            layers.Dense(32, activation="relu", name="hidden_1"),
            layers.Dense(16, activation="relu", name="hidden_2"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(10, activation="softmax", name="predictions"),
        ],
        name="mlp",
    )


def gated() -> Any:
    """A custom layer and a Lambda."""
    x = inputs = keras.Input((12,), name="features")
    x = layers.Dense(8, activation="gelu", name="project")(x)
    x = ScaledGate(8, name="scaled_gate")(x)
    x = layers.Lambda(lambda x, factor: x * factor, arguments={"factor": 0.5}, name="halve")(x)
    return keras.Model(inputs, layers.Dense(1, name="score")(x), name="gated")


def text_encoder() -> Any:
    """Four transformer blocks, post-norm, over embedded tokens."""
    x = inputs = keras.Input((64, 128), name="tokens")
    for index in range(1, 5):
        attention = layers.MultiHeadAttention(4, 32, name=f"block{index}_attention")(x, x)
        x = layers.Add(name=f"block{index}_add_1")([x, attention])
        x = layers.LayerNormalization(epsilon=1e-6, name=f"block{index}_norm_1")(x)
        y = layers.Dense(512, activation="gelu", name=f"block{index}_expand")(x)
        y = layers.Dense(128, name=f"block{index}_contract")(y)
        y = layers.Dropout(0.1, name=f"block{index}_dropout")(y)
        x = layers.Add(name=f"block{index}_add_2")([x, y])
        x = layers.LayerNormalization(epsilon=1e-6, name=f"block{index}_norm_2")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(5, name="logits")(x), name="text_encoder")


def unet() -> Any:
    """Encoder and decoder of three levels with skips between them."""

    def block(x: Any, filters: int, name: str) -> Any:
        for index in (1, 2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv_{index}")(x)
            x = layers.BatchNormalization(name=f"{name}_bn_{index}")(x)
            x = layers.ReLU(name=f"{name}_relu_{index}")(x)
        return x

    x = inputs = keras.Input((128, 128, 3), name="image")
    skips = []
    for level, filters in enumerate((16, 32, 64), start=1):
        skip = block(x, filters, f"down_{level}")
        skips.append((level, filters, skip))
        x = layers.MaxPooling2D(name=f"down_{level}_pool")(skip)
    x = block(x, 128, "bottom")
    for level, filters, skip in reversed(skips):
        x = layers.Conv2DTranspose(filters, 2, strides=2, name=f"up_{level}_conv")(x)
        x = layers.Concatenate(name=f"up_{level}_concat")([skip, x])
        x = block(x, filters, f"up_{level}")
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x), name="unet")


def siamese() -> Any:
    """Two images through one encoder that has no name of its own."""
    x = pixels = keras.Input((32, 24, 1))
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    encoder = keras.Model(pixels, layers.Dense(32)(layers.Flatten()(x)))
    left, right = keras.Input((32, 24, 1), name="left"), keras.Input((32, 24, 1), name="right")
    a, b = encoder(left), encoder(right)
    x = layers.Concatenate()([layers.Subtract()([a, b]), layers.Multiply()([a, b])])
    return keras.Model([left, right], layers.Dense(1, activation="sigmoid", name="same")(x), name="siamese")


def translator() -> Any:
    """A masked encoder and a decoder that attends to it."""
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    x = layers.Embedding(400, 64, mask_zero=True, name="source_embedding")(source)
    encoded, state = layers.GRU(96, return_sequences=True, return_state=True, name="encoder")(x)
    y = layers.Embedding(300, 64, mask_zero=True, name="target_embedding")(target)
    y = layers.GRU(96, return_sequences=True, name="decoder")(y, initial_state=state)
    y = layers.Concatenate()([y, layers.AdditiveAttention(name="attention")([y, encoded])])
    y = layers.Dense(96, activation="tanh")(y)
    return keras.Model([source, target], layers.Dense(300, name="logits")(y), name="translator")


def mixer() -> Any:
    """Four blocks that mix patches, then channels."""
    inputs = keras.Input((48, 64, 3))
    x = layers.Reshape((48, 64))(layers.Conv2D(64, 8, strides=8)(inputs))
    for _ in range(4):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        y = layers.Dense(48)(layers.Dense(96, activation="gelu")(y))
        x = layers.Add()([x, layers.Permute((2, 1))(y)])
        y = layers.Dense(128, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(64)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(10)(x), name="mixer")


def detector() -> Any:
    """Boxes and classes of three levels, by heads that the levels share."""
    x = inputs = keras.Input((96, 128, 3), name="image")
    levels = []
    for filters in (16, 32, 64, 64):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
        levels.append(x)
    heads = [
        [layers.Conv2D(64, 3, padding="same", activation="relu"), layers.Conv2D(size, 3, padding="same")]
        for size in (4 * 3, 5 * 3)
    ]
    found: list[list[Any]] = [[], []]
    for level in levels[1:]:
        x = layers.Conv2D(64, 1)(level)
        for outputs, (tower, last), size in zip(found, heads, (4, 5), strict=True):
            outputs.append(layers.Reshape((-1, size))(last(tower(x))))
    boxes, scores = (layers.Concatenate(axis=1)(outputs) for outputs in found)
    scores = layers.Activation("sigmoid", name="scores")(scores)
    return keras.Model(inputs, [boxes, scores], name="detector")


def applications(name: str) -> Callable[[], Any]:
    """An architecture of keras.applications."""
    return lambda: getattr(keras.applications, name)(weights=None)


#: Models that are kept as an architecture alone: their weights would be too large.
ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "vgg16": applications("VGG16"),
    "resnet50": applications("ResNet50"),
    "mobilenet_v2": applications("MobileNetV2"),
    "unet": unet,
    "text_encoder": text_encoder,
    "siamese": siamese,
    "translator": translator,
    "mixer": mixer,
    "detector": detector,
}


def main() -> None:
    """Write every file."""
    keras.utils.set_random_seed(1)
    mlp().save(HERE / "mlp.h5")
    gated().save(HERE / "gated.keras")
    for name, build in ARCHITECTURES.items():
        keras.backend.clear_session()  # automatic names count from the start
        text = json.dumps(json.loads(build().to_json()), separators=(",", ":"))
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
