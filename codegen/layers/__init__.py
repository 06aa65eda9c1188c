"""One small function per Keras layer, in files named as Keras groups them."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

#: Every file of layer functions, by name: discovery by listing a folder would hide a file that fails.
LAYERS = (
    "activation_layers",
    "activations",
    "addons",
    "attention",
    "augmentation",
    "categorical",
    "conv_lstm",
    "convolutional",
    "core",
    "dot_attention",
    "einsum_dense",
    "hashing",
    "keras_hub",
    "legacy",
    "locally_connected",
    "merging",
    "normalization",
    "pooling",
    "preprocessing",
    "recurrent",
    "regularization",
    "reshaping",
    "resizing",
    "spectrograms",
    "tcn",
    "wrappers",
    "zoo",
)

#: The files of graph ops by the package of the ops; a model that has none need not wait for them.
OPS = {
    "keras.ops": (
        "ops_activations",
        "ops_arrange",
        "ops_attention",
        "ops_complex",
        "ops_core",
        "ops_elementwise",
        "ops_geometry",
        "ops_image",
        "ops_indexing",
        "ops_linalg",
        "ops_losses",
        "ops_math",
        "ops_matmul",
        "ops_normalization",
        "ops_reductions",
        "ops_sets",
        "ops_shapes",
        "ops_windows",
    ),
    "tensorflow": (
        "tf_backend",
        "tf_colors",
        "tf_counting",
        "tf_diagonals",
        "tf_image",
        "tf_indexing",
        "tf_linalg",
        "tf_losses",
        "tf_math",
        "tf_nodes",
        "tf_nn",
        "tf_quantization",
        "tf_reductions",
        "tf_segments",
        "tf_shapes",
        "tf_signal",
        "tf_windows",
    ),
}


def load(packages: Collection[str] = tuple(OPS)) -> None:
    """Fill the registry with the layers and with the ops of these packages."""
    files = [*LAYERS]
    for package, names in OPS.items():
        if any(found.startswith(package) for found in packages):
            files += names
    for name in files:
        import_module(f"codegen.layers.{name}")
