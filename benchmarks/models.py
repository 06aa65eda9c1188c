"""The networks of the benchmarks, in Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """A network and what it is fed with.

    Attributes:
        build: Makes the Keras model.
        shape: Of one sample, in Keras' order.
        batch: Number of samples.
        tokens: Number of different whole numbers that it takes; 0 for images.
    """

    build: Callable[[], Any]
    shape: tuple[int, ...]
    batch: int
    tokens: int = 0


def _application(name: str) -> Callable[[], Any]:
    def build() -> Any:
        import keras

        return getattr(keras.applications, name)(weights=None)

    return build


def _transformer() -> Any:
    import keras
    from keras import layers

    inputs = keras.Input((128,), dtype="int32")
    x = layers.Embedding(8000, 256)(inputs)
    for _ in range(6):
        y = layers.Dropout(0.1)(layers.MultiHeadAttention(8, 32, dropout=0.1)(x, x))
        x = layers.LayerNormalization(epsilon=1e-5)(x + y)
        y = layers.Dropout(0.1)(layers.Dense(1024, activation="gelu")(x))
        x = layers.LayerNormalization(epsilon=1e-5)(x + layers.Dropout(0.1)(layers.Dense(256)(y)))
    return keras.Model(inputs, layers.Dense(8)(layers.GlobalAveragePooling1D()(x)))


def _bilstm() -> Any:
    import keras
    from keras import layers

    inputs = keras.Input((100,), dtype="int32")
    x = layers.Embedding(8000, 128)(inputs)
    for _ in range(2):
        x = layers.Bidirectional(layers.LSTM(128, return_sequences=True))(x)
    return keras.Model(inputs, layers.Dense(8)(layers.GlobalAveragePooling1D()(x)))


NETWORKS = {
    "ResNet50": Network(_application("ResNet50"), (224, 224, 3), 4),
    "MobileNetV2": Network(_application("MobileNetV2"), (224, 224, 3), 8),
    "EfficientNetB0": Network(_application("EfficientNetB0"), (224, 224, 3), 8),
    "Transformer": Network(_transformer, (128,), 8, tokens=8000),
    "BiLSTM": Network(_bilstm, (100,), 16, tokens=8000),
}
