"""What the author's code asks a class of Keras beside its output: weights, the output's shape, its mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codegen.evaluation.classes import library_base
from codegen.evaluation.layers import PLAIN, base_class, keras_spec, shape_of, spec_of
from codegen.evaluation.meaning.values import NotEvaluated, StaticShape
from codegen.evaluation.objects import Layer, WeightVariable
from codegen.graph import Graph, Value
from codegen.graph.recipe import Weight
from codegen.lowering.builder import Builder
from codegen.model.variables import VariableTree


def weight(layer: Layer, name: str) -> WeightVariable | None:
    """The weight that Keras' class has made under this name; None if it has made none."""
    if layer.builder is None:
        return None
    for variable in layer.builder.tree.variables:
        if variable.name == name:
            weight = Weight.of(variable)
            return WeightVariable(
                name, variable.shape, "float32", trainable=variable.trainable, label=name, weight=weight
            )
    return None


def output_shape(world: Any, layer: Layer, shapes: Sequence[Any]) -> Any:
    """The shape of what a layer yields: it is lowered aside, where nobody reads it."""
    if not shapes:
        raise NotEvaluated("asks for the shape of an output of no input")
    b = world.builder
    spec = spec_of(world.author, layer)
    if layer.instance is not None:
        base = base_class(library_base(layer.instance.cls))
        if base in PLAIN:
            raise NotEvaluated("asks Keras for the shape of an output")
        spec = keras_spec(world.author, layer, base, layer.name)
    graph = Graph("shape")
    inputs = _values(shapes[0])
    graph.inputs = [inputs] if isinstance(inputs, Value) else list(inputs)
    owner = (*b.owner, "shape", str(id(layer)))
    aside = Builder(spec, graph, "", VariableTree("", spec), b.session, owner, b.lower)
    return shape_of(b.lower(aside, [inputs], {}))


def _values(shape: Any) -> Any:
    """Tensors of these shapes."""
    if isinstance(shape, (StaticShape, tuple, list)) and all(
        size is None or isinstance(size, int) for size in shape
    ):
        return Value(tuple(shape))
    if isinstance(shape, (list, tuple)):
        return [_values(part) for part in shape]
    raise NotEvaluated("asks for the shape of an output of what is no shape")


def mask(world: Any, layer: Layer, base: str, args: Sequence[Any]) -> Any:
    """The mask that Keras' class makes of its inputs and their mask."""
    if base == "Embedding":
        if not layer.options.get("mask_zero"):
            return None
        return world.compare("!=", args[0], 0)
    return args[1] if len(args) > 1 else None
