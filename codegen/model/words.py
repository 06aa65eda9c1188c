"""Words of Keras that several stages know: options of training, roots of weights, names it gives itself."""

from __future__ import annotations

import re

#: What Keras adds where it divides: `keras.config.epsilon()` as it is set from the start.
EPSILON = 1e-7

#: Endings of options that say how a layer is trained, not what it computes.
TRAINING_SUFFIXES = ("_initializer", "_regularizer", "_constraint")

#: Parts of a tree of weights that belong to the model; 2.13 has the second for `layers`.
MODEL_ROOTS = ("layers", "_layer_checkpoint_dependencies", "vars")

#: Parts of it that compile() and fit() add.
TRAINING_ROOTS = ("optimizer", "metrics")


def default_name(class_name: str) -> str:
    """What Keras calls a layer without a name: `Conv2D` is `conv2d`, `ConvLSTM2D` is `conv_lst_m2d`."""
    return _snake_case(class_name, "[a-z0-9]+") or "layer"


def folder_name(class_name: str) -> str:
    """What the folder of a layer is called in a tree of weights: `ConvLSTM2D` is `conv_lstm2d`."""
    name = _snake_case(class_name, "[a-z]+")
    return f"private{name}" if name.startswith("_") else name


def _snake_case(name: str, rest_of_word: str) -> str:
    partly = re.sub(f"(.)([A-Z]{rest_of_word})", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", partly).lower()
