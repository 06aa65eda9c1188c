"""Layers, models and functions as authors write them: given as source to the conversion, and run by Keras."""

# mypy: disable-error-code="misc, no-any-return"
# Keras has no types.

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import activations, layers, ops
from keras.layers import Dense

#: A constant of the module, which is changed later on.
SCALES = [0.5]
SCALES.append(1.5)
TABLE = np.linspace(-1.0, 1.0, 6).astype("float32").reshape(1, 6)


def shifted(x: Any, by: float = 0.25) -> Any:
    """A helper."""
    return x + by


def softer(x: Any) -> Any:
    """An activation of its own."""
    return ops.tanh(x) * 0.5 + shifted(x) * 0.1


@keras.saving.register_keras_serializable("Author")
class Gate(layers.Layer):
    """Weights of its own, one of which is not trained."""

    def __init__(self, units: int, activation: Any = "sigmoid", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = activations.get(activation)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.level = self.add_weight(shape=(self.units,), name="level", trainable=False)
        self.bias = self.add_weight(shape=(self.units,), name="bias", initializer="zeros")
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Keras asks for it in wrappers."""
        return (*input_shape[:-1], self.units)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs @ self.kernel + self.bias) * self.level

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(units=self.units, activation=activations.serialize(self.activation))
        return config


@keras.saving.register_keras_serializable("Author", name="Renamed")
class Branches(layers.Layer):
    """Layers in lists, lists of lists and dicts, and a Sequential."""

    def __init__(self, widths: Any = (3, 5), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        self.pairs = [[Dense(width, activation="relu"), Dense(4)] for width in self.widths]
        self.heads = {name: Dense(2, name=name) for name in ("a", "b")}
        self.tail = keras.Sequential([Dense(6, activation="gelu"), layers.Dropout(0.3), Dense(4)])

    def call(self, x: Any, training: Any = None) -> Any:
        total = sum(
            outer(inner(x)) * scale for (inner, outer), scale in zip(self.pairs, SCALES, strict=False)
        )
        total = total + self.tail(x, training=training)
        return ops.concatenate([total, self.heads["a"](total), self.heads["b"](x)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "widths": list(self.widths)}


@keras.saving.register_keras_serializable("Author")
class Attention(layers.Layer):
    """The name of a layer of Keras; two inputs, a loop, a method and a property."""

    def __init__(self, dim: int, heads: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim, self.heads = dim, heads
        self.to_q, self.to_k, self.to_v = (Dense(dim, use_bias=False) for _ in range(3))
        self.out = Dense(dim)

    @property
    def scale(self) -> float:
        """Of the scores."""
        return 1.0 / math.sqrt(self.dim // self.heads)

    def split(self, x: Any) -> Any:
        """(N, T, C) -> (N, H, T, C / H)."""
        steps = ops.shape(x)[1]
        return ops.transpose(ops.reshape(x, (-1, steps, self.heads, self.dim // self.heads)), (0, 2, 1, 3))

    def call(self, x: Any, context: Any = None) -> Any:
        context = x if context is None else context
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(context)), self.split(self.to_v(context))
        weights = ops.softmax(q @ ops.transpose(k, (0, 1, 3, 2)) * self.scale)
        y = ops.transpose(weights @ v, (0, 2, 1, 3))
        return self.out(ops.reshape(y, (-1, x.shape[1], self.dim)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim, "heads": self.heads}


@keras.saving.register_keras_serializable("Author")
class ScaledDense(Dense):
    """A layer of Keras with something behind it."""

    def __init__(self, units: int, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("Author")
class MaskedMean(layers.Layer):
    """Uses a mask, and makes one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        if mask is None:
            return ops.mean(x, axis=1)
        weights = ops.expand_dims(ops.cast(mask, x.dtype), -1)
        return ops.sum(x * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)

    def compute_mask(self, _inputs: Any, _mask: Any = None) -> Any:
        """None: what is summed over has no steps."""


@keras.saving.register_keras_serializable("Author")
class Block(layers.Layer):
    """Layers of the author's within another one, and a constant that is computed."""

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.attention = Attention(dim)
        self.norms = [layers.LayerNormalization() for _ in range(2)]
        self.mlp = Branches((4,))
        self.positions = ops.sin(ops.arange(7, dtype="float32"))

    def call(self, x: Any) -> Any:
        x = x + self.positions[: x.shape[1], None]
        for norm in self.norms:
            x = norm(x + self.attention(x))
        return self.mlp(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim}


class Net(keras.Model):
    """A subclassed model: of its config, or of its weights and a constructor."""

    def __init__(self, width: int = 4, depth: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.depth = width, depth
        self.stem = Dense(width, activation=softer)
        self.blocks = [Gate(width, activation="tanh") for _ in range(depth)]
        self.zoom = layers.BatchNormalization()
        self.answer = Dense(3)

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = self.stem(inputs) + TABLE[:, : self.width]
        for number, block in enumerate(self.blocks):
            x = x + block(x) if number % 2 == 0 else shifted(block(x), by=-1.0)
        return self.answer(self.zoom(x, training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "depth": self.depth}


if __name__ == "__main__":
    raise SystemExit("nobody runs this")
