"""One small function per Keras layer, in files named as Keras groups them."""

from __future__ import annotations

from importlib import import_module

#: Every file of layer functions, by name: discovery by listing a folder would hide a file that fails.
FILES = (
    "activation_layers",
    "activations",
    "attention",
    "augmentation",
    "categorical",
    "conv_lstm",
    "convolutional",
    "core",
    "dot_attention",
    "einsum_dense",
    "hashing",
    "legacy",
    "locally_connected",
    "merging",
    "normalization",
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
    "pooling",
    "preprocessing",
    "recurrent",
    "regularization",
    "reshaping",
    "resizing",
    "spectrograms",
    "tf_backend",
    "tf_colors",
    "tf_image",
    "tf_indexing",
    "tf_linalg",
    "tf_math",
    "tf_nodes",
    "tf_nn",
    "tf_reductions",
    "tf_segments",
    "tf_shapes",
    "tf_signal",
    "tf_windows",
    "wrappers",
    "zoo",
)


def load() -> None:
    """Fill the registry."""
    for name in FILES:
        import_module(f"codegen.layers.{name}")
