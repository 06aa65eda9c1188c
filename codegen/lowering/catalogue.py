"""Every file of layer and op functions, by name, and loading them into the registry."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

from codegen.model.packages import LAMBDA, OPS, SOURCE, TENSORFLOW

#: By name: discovery by listing a folder would hide a file that fails.
LAYERS = (
    "layers.activation_layers",
    "layers.activations",
    "layers.zoo.addons",
    "layers.zoo.addons_crf",
    "layers.attention.addons",
    "layers.zoo.autokeras",
    "layers.attention.multi_head",
    "layers.augmentation",
    "layers.categorical",
    "layers.recurrent.conv_lstm",
    "layers.windows.convolutional",
    "layers.core",
    "layers.attention.dot",
    "layers.einsum_dense",
    "layers.feature_columns",
    "layers.hashing",
    "layers.zoo.crf",
    "layers.zoo.keras_contrib",
    "layers.zoo.kecam",
    "layers.zoo.kecam_positions",
    "layers.zoo.keras_hub",
    "layers.zoo.keras_resnet",
    "layers.zoo.keras1",
    "layers.windows.locally_connected",
    "layers.merging",
    "layers.normalization",
    "layers.windows.pooling",
    "layers.preprocessing",
    "layers.recurrent.addons",
    "layers.recurrent.layers",
    "layers.regularization",
    "layers.reshaping",
    "layers.resizing",
    "layers.spectrograms",
    "layers.zoo.quantize_aware",
    "layers.zoo.reparametrized",
    "layers.zoo.tcn",
    "layers.zoo.tfmot",
    "layers.recurrent.wrappers",
    "layers.zoo.applications",
)

#: Files by the package that they are for; a model that has nothing of it need not wait for them.
_FILES = {
    LAMBDA: ("layers.functions",),
    SOURCE: ("layers.authored",),
    OPS: (
        "ops.keras.activations",
        "ops.keras.arrange",
        "ops.keras.attention",
        "ops.keras.choosing",
        "ops.keras.complex",
        "ops.keras.core",
        "ops.keras.elementwise",
        "ops.keras.geometry",
        "ops.keras.images",
        "ops.keras.indexing",
        "ops.keras.linalg",
        "ops.keras.losses",
        "ops.keras.math",
        "ops.keras.products",
        "ops.keras.normalization",
        "ops.keras.reductions",
        "ops.keras.sets",
        "ops.keras.shapes",
        "ops.keras.windows",
    ),
    TENSORFLOW: (
        "ops.tensorflow.backend",
        "ops.tensorflow.blocks",
        "ops.tensorflow.colors",
        "ops.tensorflow.diagonals",
        "ops.tensorflow.groups",
        "ops.tensorflow.image",
        "ops.tensorflow.indexing",
        "ops.tensorflow.linalg",
        "ops.tensorflow.losses",
        "ops.tensorflow.math",
        "ops.tensorflow.nodes",
        "ops.tensorflow.nn",
        "ops.tensorflow.quantization",
        "ops.tensorflow.random",
        "ops.tensorflow.reductions",
        "ops.tensorflow.shapes",
        "ops.tensorflow.signal",
        "ops.tensorflow.windows",
    ),
}


def load(packages: Collection[str] = tuple(_FILES)) -> None:
    """Fill the registry with the layers and with what belongs to these packages."""
    files = [*LAYERS]
    for package, names in _FILES.items():
        if any(found.startswith(package) for found in packages):
            files += names
    for name in files:
        import_module(f"codegen.{name}")
