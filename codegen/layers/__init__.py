"""One small function per Keras layer, in files named as Keras groups them."""

from __future__ import annotations

from importlib import import_module

#: Every file of layer functions, by name: discovery by listing a folder would hide a file that fails.
FILES = (
    "activation_layers",
    "activations",
    "attention",
    "conv_lstm",
    "convolutional",
    "core",
    "dot_attention",
    "merging",
    "normalization",
    "ops_arrange",
    "ops_core",
    "ops_elementwise",
    "ops_indexing",
    "ops_matmul",
    "ops_reductions",
    "ops_shapes",
    "pooling",
    "preprocessing",
    "recurrent",
    "regularization",
    "reshaping",
    "wrappers",
    "zoo",
)


def load() -> None:
    """Fill the registry."""
    for name in FILES:
        import_module(f"codegen.layers.{name}")
