"""Trees of variables as lowering makes them, and files of weights, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from codegen.graph.recipe import Weight
from codegen.model.saved_model import SavedModel, StoredTensor
from codegen.model.spec import LayerSpec, ModelSpec
from codegen.model.variables import Variable, VariableTree

NORM = [("gamma", True), ("beta", True), ("moving_mean", False), ("moving_variance", False)]


def layer(name: str, class_name: str = "Dense", variables: Sequence[Any] = (), **spec: Any) -> VariableTree:
    """A layer whose variables are (name, trainable[, shape]); owners are set by `model`."""
    tree = VariableTree(name, LayerSpec(name, class_name, **spec))
    for variable, trainable, *shape in variables:
        tree.variables.append(Variable((name,), variable, shape[0] if shape else (2,), trainable))
    return tree


def dense(name: str, **spec: Any) -> VariableTree:
    return layer(name, "Dense", [("kernel", True), ("bias", True)], **spec)


def norm(name: str, **spec: Any) -> VariableTree:
    return layer(name, "BatchNormalization", NORM, **spec)


def holding(tree: VariableTree, *children: VariableTree) -> VariableTree:
    tree.children.extend(children)
    return tree


def model(name: str, *layers: VariableTree, trainable: bool = True) -> VariableTree:
    spec = ModelSpec(name, "Functional", tuple(tree.spec for tree in layers), (), ())
    tree = VariableTree(
        name, LayerSpec(name, "Functional", trainable=trainable, model=spec), [], list(layers)
    )
    _own(tree, ())
    return tree


def _own(tree: VariableTree, owner: tuple[str, ...]) -> None:
    tree.variables = [Variable(owner, v.name, v.shape, v.trainable, v.aside) for v in tree.variables]
    for child in tree.children:
        _own(child, (*owner, child.attribute))


def tensor(path: str, array: np.ndarray | None = None) -> StoredTensor:
    array = np.zeros(2, "float32") if array is None else array
    return StoredTensor(path, path, array.shape, str(array.dtype), lambda: array)


def saved(weights: Any, version: str = "2.15.0") -> SavedModel:
    return SavedModel({}, weights, version, "tensorflow", "model.h5")


def names(bound: dict[Variable, Weight]) -> dict[str, str]:
    """`owner/variable` -> name of its array."""
    found = {}
    for variable, weight in bound.items():
        (leaf,) = weight.leaves()
        assert isinstance(leaf, StoredTensor)
        found["/".join((*variable.owner, variable.name))] = leaf.path
    return found
