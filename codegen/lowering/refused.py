"""Layers and ops of Keras that have no counterpart in torch, and why."""

from __future__ import annotations

_LAYERS = "keras.layers"
_OPS = "keras.ops"

_STRINGS = "works on strings, which torch has no tensors for; save a model that begins behind it"
_PYTHON = "wraps code of another library, which is never run"
_FUNCTION = "takes a function, which is Python code and never run"

#: Reasons by package and class.
REFUSED: dict[tuple[str, str], str] = {
    **{(_LAYERS, name): _STRINGS for name in ("FeatureSpace", "StringLookup", "TextVectorization")},
    **{
        (_LAYERS, name): _PYTHON
        for name in ("FlaxLayer", "JaxLayer", "TFSMLayer", "KerasLayer", "TorchModuleWrapper")
    },
    (_LAYERS, "DenseFeatures"): "takes columns of a table by name; save a model that begins behind it",
    (_OPS, "Eig"): "yields eigenvectors, whose order, length and phase are not defined: torch chooses others",
    (_OPS, "Eigh"): "yields eigenvectors, which are only defined up to their sign: torch chooses others",
    (_OPS, "ElasticTransform"): "draws random numbers",
    **{
        (_OPS, name): _FUNCTION
        for name in (
            "AssociativeScan", "Cond", "ForiLoop", "JVP", "Map", "Scan", "Switch", "VectorizedMap",
            "WhileLoop",
        )
    },
}  # fmt: skip
