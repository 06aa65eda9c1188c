"""Binds the variables that the layers declared to the arrays of a file."""

from __future__ import annotations

from codegen.errors import WeightMismatch
from codegen.graph.recipe import Weight
from codegen.model.packages import SUBCLASSED
from codegen.model.saved_model import LayerWeights, ObjectWeights, PathWeights, SavedModel
from codegen.model.variables import Variable, VariableTree, all_variables
from codegen.weights.legacy import bind_layers
from codegen.weights.objects import bind_objects
from codegen.weights.paths import bind_paths
from codegen.weights.sharing import bound_alike, first_uses
from codegen.weights.slots import FirstUses


def bind(tree: VariableTree, saved: SavedModel) -> dict[Variable, Weight]:
    """Each variable's recipe over stored arrays, found by path, by attributes or by saving order.

    Args:
        tree: The whole model's variables.
        saved: The file.

    Raises:
        WeightMismatch: An array is missing, surplus or of another shape, or the file has none at all.
    """
    if saved.weights is None:
        raise WeightMismatch(
            "this file holds no weights; give the file that does with --weights, "
            "or take the source alone with --no-weights"
        )
    if tree.spec.model is not None and tree.spec.model.class_name == SUBCLASSED:
        (tree,) = tree.children or [tree]
    again = first_uses(tree)
    if isinstance(saved.weights, PathWeights):
        bound = bind_paths(tree, saved.weights, again, saved.keras_version)
    elif isinstance(saved.weights, ObjectWeights):
        bound = bind_objects(tree, saved.weights)
    else:
        bound, again = _bind_lists(tree, saved.weights, again, keras3=saved.keras_version.startswith("3"))
    for variable, first in bound_alike(again, tree):
        if first in bound:
            bound.setdefault(variable, bound[first])
    absent = {v: Weight.full(v.shape, 0.0) for v in all_variables(tree) if v.aside and v not in bound}
    return bound | absent


def _bind_lists(
    tree: VariableTree, weights: LayerWeights, again: FirstUses, *, keras3: bool
) -> tuple[dict[Variable, Weight], FirstUses]:
    """The recipes, and which layers are used again: Keras 3 does not say so, but lists their weights once."""
    try:
        return bind_layers(tree, weights, again, keras3=keras3), again
    except WeightMismatch:
        alike = first_uses(tree, by_name=True)
        if not keras3 or not alike:
            raise
        try:
            return bind_layers(tree, weights, alike, keras3=keras3), alike
        except WeightMismatch:
            pass
        raise
