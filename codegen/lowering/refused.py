"""Layers and ops of Keras that have no counterpart in torch, and why."""

from __future__ import annotations

from codegen.model.packages import FEATURE_COLUMN, KERAS, OPS

_STRINGS = "works on strings, which torch has no tensors for; save a model that begins behind it"
_HASHES = "hashes strings, which torch has no tensors for; save a model that begins behind it"
_PYTHON = "wraps code of another library, which is never run"
_FUNCTION = "takes a function, which is Python code and never run"

#: Reasons by package and class.
REFUSED: dict[tuple[str, str], str] = {
    **{(KERAS, name): _STRINGS for name in ("FeatureSpace", "StringLookup", "TextVectorization")},
    **{
        (KERAS, name): _PYTHON
        for name in ("FlaxLayer", "JaxLayer", "TFSMLayer", "KerasLayer", "TorchModuleWrapper")
    },
    (FEATURE_COLUMN, "CrossedColumn"): _HASHES,
    (FEATURE_COLUMN, "HashedCategoricalColumn"): _HASHES,
    (FEATURE_COLUMN, "VocabularyFileCategoricalColumn"): "reads a file that is not in the model's",
    (FEATURE_COLUMN, "WeightedCategoricalColumn"): "is of sparse tensors, which no converted model takes",
    (OPS, "Eig"): "yields eigenvectors, whose order, length and phase are not defined: torch chooses others",
    (OPS, "Eigh"): "yields eigenvectors, which are only defined up to their sign: torch chooses others",
    (OPS, "ElasticTransform"): "draws random numbers",
    **{
        (OPS, name): _FUNCTION
        for name in (
            "AssociativeScan", "Cond", "ForiLoop", "JVP", "Map", "Scan", "Switch", "VectorizedMap",
            "WhileLoop",
        )
    },
}  # fmt: skip
