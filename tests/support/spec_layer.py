"""One saved layer as the parser reads it."""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.config.parse import parse
from codegen.model.saved_model import LayerWeights, SavedModel, StoredTensor
from codegen.model.spec import LayerSpec
from tests.support.configs import by_keras

Shapes = dict[str, tuple[int, ...]]


def layer(
    class_name: str,
    version: str = "2.2.4",
    backend: str = "tensorflow",
    weights: Shapes | None = None,
    **config: Any,
) -> LayerSpec:
    """The layer as it comes out of a Sequential of nothing else."""
    first = {
        "class_name": class_name,
        "config": {"name": "x", "batch_input_shape": [None, 8, 8, 3], **config},
    }
    names = weights if weights is not None else {"x/kernel:0": (1,)}
    arrays = tuple(
        StoredTensor(name, name, shape, "float32", lambda: np.zeros(1)) for name, shape in names.items()
    )
    model = by_keras({"class_name": "Sequential", "config": {"name": "s", "layers": [first]}})
    return parse(SavedModel(model, LayerWeights({"x": arrays}), version, backend, "m.h5")).layer("x")
