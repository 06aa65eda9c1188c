"""ModelSpec -> Graph: calls the layer functions in the order of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codegen.errors import (
    Bug,
    ConversionError,
    LayerProblem,
    MalformedConfig,
    Unsupported,
    UnsupportedOption,
)
from codegen.graph import Graph, Host, Value
from codegen.graph.dtypes import DTYPES
from codegen.lowering import catalogue, layout, registry
from codegen.lowering.builder import Builder
from codegen.lowering.layer_call import call_layer
from codegen.lowering.loss_inputs import LossInputs, loss_inputs
from codegen.lowering.masks import Masks
from codegen.lowering.nested_model import call_model, input_value
from codegen.lowering.session import FinishClass, Session
from codegen.model.call_order import call_order, packages
from codegen.model.nested import instances, map_nested
from codegen.model.packages import SUBCLASSED
from codegen.model.spec import LayerCall, LayerSpec, ModelSpec, TensorRef
from codegen.model.variables import VariableTree

#: Results of the calls of a model: by layer and call; None for a call that could not be lowered.
Results = dict[tuple[str, int], list[Any] | None]


@dataclass(frozen=True)
class Lowered:
    """The model in torch's terms, the Keras variables that it uses, and what is to be said of it.

    Attributes:
        results: What each call of each layer yields.
        contradictions: Where a tensor is not what the file says of it.
        loss_inputs: The outputs that the graph has for the losses, behind the model's own.
        own: The user's own functions, by the path of the layer that they lowered: name, file and line.
    """

    graph: Graph
    tree: VariableTree
    results: Mapping[LayerCall, Sequence[Value]]
    notes: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    loss_inputs: LossInputs | None = None
    own: Mapping[str, str] = field(default_factory=dict)


def lower(
    model: ModelSpec,
    *,
    channels_first: bool = False,
    finish_class: FinishClass = lambda _: None,
    losses: Sequence[str] | None = None,
) -> Lowered:
    """Lower a whole model.

    Args:
        model: The parsed model.
        channels_first: Return images as N,C,H,W instead of as Keras does.
        finish_class: What is done to the class of a nested model before its first call is lowered.
        losses: The activations in front of which the losses are computed, if it is to be trained; see
            `loss_inputs`.

    Raises:
        Unsupported: Several layers or options have no exact torch equivalent.
        ConversionError: One has none.
    """
    builder, outputs = survey(model, finish_class)
    graph, problems = builder.graph, builder.session.problems
    if len(problems) > 1:
        raise Unsupported(problems)
    if problems:
        raise problems[0]
    last = [builder.from_host(value) if isinstance(value, Host) else value for value in outputs]
    outputs = [
        value if channels_first and _has_channels_first(value) else builder.keras_layout(value)
        for value in last
    ]
    graph.outputs = [layout.unflatten(builder, value) if value.flat else value for value in outputs]
    found = None
    if losses is not None:
        found, values = loss_inputs(builder, last, losses)
        graph.outputs += values
    said = builder.session
    notes, contradictions = tuple(said.notes), tuple(said.contradictions)
    own = {"/".join(owner): place for owner, place in said.own.items()}
    return Lowered(graph, builder.tree, said.results, notes, contradictions, found, own)


def survey(model: ModelSpec, finish_class: FinishClass = lambda _: None) -> tuple[Builder, list[Any]]:
    """Lower as much of a model as can be, whatever stands in the way; the first step of `lower`.

    Returns:
        The builder of the whole model, whose session tells how far it went, and the outputs.
    """
    catalogue.load(packages(model))
    root = VariableTree("", LayerSpec(model.name, model.class_name, trainable=model.trainable, model=model))
    graph = Graph(model.name)
    builder = Builder(root.spec, graph, model.name, root, Session(finish_class), (), _call)
    graph.inputs = [input_value(model.layer(name)) for name in model.inputs]
    inputs = [_fed(builder, value) for value in graph.inputs] if model.casts_inputs else graph.inputs
    outputs = _lower_model(builder, model, inputs)
    supported = "supported: numbers and truth values"
    builder.session.problems.extend(
        UnsupportedOption(value.layer, "InputLayer", "dtype", value.dtype, supported)
        for value in graph.inputs
        if value.dtype not in DTYPES
    )
    return builder, outputs


def _lower_model(b: Builder, model: ModelSpec, inputs: Sequence[Value]) -> list[Any]:
    """Lower all calls of a model; returns its outputs, None for one that could not be lowered."""
    results: Results = {(name, 0): [value] for name, value in zip(model.inputs, inputs, strict=True)}
    _lower_calls(b, model, results)
    if model.class_name == SUBCLASSED:  # whose source alone says how many outputs there are
        return results[model.layers[-1].name, 0] or [None]
    return [None if _is_unknown(results, ref) else _result(results, ref) for ref in model.outputs]


def _lower_calls(b: Builder, model: ModelSpec, results: Results) -> None:
    """Lower all calls of a model that have no results yet."""
    for layer, index in call_order(model):
        if (layer.name, index) not in results:
            results[layer.name, index] = _lower_call(b, layer, index, results)


def _lower_call(b: Builder, layer: LayerSpec, index: int, results: Results) -> list[Any] | None:
    spec = layer.calls[index]
    child = b.sublayer(layer.name, layer)
    child.label, child.masks = layer.name, Masks(spec.masks)
    child.step_of = LayerCall(child.owner, index)
    try:
        if any(_is_unknown(results, ref) for ref in instances([spec.args, spec.kwargs], TensorRef)):
            _look_ahead(child, layer)
            return None
        for ref in instances([spec.args, spec.kwargs], TensorRef):
            b.session.compare(ref, _result(results, ref))
        result = _call(child, _resolve(spec.args, results), _resolve(dict(spec.kwargs), results))
    except Bug as bug:
        if b.session.contradictions:
            raise MalformedConfig(b.session.contradictions[0]) from bug
        raise
    except ConversionError as error:
        b.session.report(child.owner, error.problems if isinstance(error, Unsupported) else (error,))
        if isinstance(error, UnsupportedOption) and error.layer == layer.name:
            b.session.refusals.append((layer, error))
        return None
    values = list(instances(result, Value))
    b.session.results.setdefault(LayerCall(child.owner, index), values)
    return values


def _look_ahead(b: Builder, layer: LayerSpec) -> None:
    """Find what stands in the way of a layer whose inputs are not known, as a layer before it is refused.

    Raises:
        ConversionError: Something does.
    """
    if layer.model is not None:
        _lower_calls(b, layer.model, {(name, 0): None for name in layer.model.inputs})
        return
    registry.find(layer).bind(layer)
    for other, problem in b.session.refusals:
        if _is_alike(layer, other, problem.option):
            raise LayerProblem(layer.name, problem.reason)


def _is_alike(layer: LayerSpec, other: LayerSpec, option: str) -> bool:
    """Whether a layer has an option that another one of its class is refused for, of the config or a call."""
    if (layer.class_name, layer.package) != (other.class_name, other.package):
        return False
    if option in other.config:
        return option in layer.config and layer.config[option] == other.config[option]
    return any(call.kwargs.get(option) is not None for call in layer.calls)


def _call(b: Builder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Lower one call of a layer or a nested model; returns what it yields."""
    if b.spec.model is not None:
        return call_model(b, b.spec.model, args, kwargs, _lower_model)
    return call_layer(b, args, kwargs)


def _resolve(argument: Any, results: Results) -> Any:
    """An argument of a call with every `TensorRef` replaced by its value."""
    return map_nested(lambda part: _result(results, part) if isinstance(part, TensorRef) else part, argument)


def _is_unknown(results: Results, ref: TensorRef) -> bool:
    """Whether a tensor is of a call that could not be lowered."""
    if (ref.layer, ref.call) not in results:
        raise MalformedConfig(f"layer {ref.layer!r} is read, but is no input of its model")
    return results[ref.layer, ref.call] is None


def _result(results: Results, ref: TensorRef) -> Any:
    values = results[ref.layer, ref.call] or []
    if ref.output >= len(values):
        few = "only one tensor" if len(values) == 1 else f"only {len(values)} tensors"
        raise MalformedConfig(
            f"layer {ref.layer!r}: its tensor {ref.output + 1} is read, but it puts out {few}"
        )
    return values[ref.output]


def _fed(b: Builder, x: Value) -> Value:
    """An input as Keras 1 and 2 feed it: whatever numbers the caller has, in the input's dtype."""
    template = {"float32": "x.float()", "int32": "x.int()"}.get(x.dtype)
    if template is None:
        return x
    fed = b.op(template, shape=x.shape, x=x)
    fed.layer = x.layer
    return fed


def _has_channels_first(value: Value) -> bool:
    """Whether a value is stored as (N, C, spatial...)."""
    return value.flat is not None or value.perm == layout.channels_first_perm(value.rank)
