"""A nested model becomes a class of its own, which the calls of it share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from codegen.errors import MalformedConfig, Unsupported
from codegen.graph import Graph, Value
from codegen.lowering import layout
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import OutOfRange, check_elements
from codegen.lowering.session import NestedModel
from codegen.model.nested import instances
from codegen.model.spec import LayerSpec, ModelSpec

#: Lowers all calls of a model on these inputs; returns its outputs, None for one that could not be lowered.
LowerModel = Callable[[Builder, ModelSpec, Sequence[Value]], list[Any]]


def call_model(
    b: Builder, model: ModelSpec, args: Sequence[Any], kwargs: Mapping[str, Any], lower_model: LowerModel
) -> list[Any]:
    """Lower one call of a nested model; returns its outputs.

    Raises:
        ConversionError: Something in the model is not supported, or the call does not fit it.
    """
    kwargs = dict(kwargs)
    masks_given = list(instances(kwargs.pop("mask", None), Value))
    if kwargs.pop("training", None) is True:
        b.unsupported("training", found=True, supported="a nested model cannot be fixed in training mode")
    values = list(instances([*args, *kwargs.values()], Value))
    if args and isinstance(args[0], dict) and model.input_names:
        values = list(instances([args[0].get(name) for name in model.input_names], Value))
    if len(values) != len(model.inputs):
        b.malformed(f"it is called with {len(values)} tensors, but has {len(model.inputs)} inputs")
    b.masks.give(values, masks_given)
    outer_masks = [b.mask(value) for value in values]
    values = [
        _conformed(b, value, input_value(model.layer(name), value))
        for name, value in zip(model.inputs, values, strict=True)
    ]
    nested = b.session.models.get(b.owner)
    if nested is None:
        nested = b.session.models[b.owner] = _define(b, model, values, outer_masks, lower_model)
    if [mask is None for mask in nested.masks] != [mask is None for mask in outer_masks]:
        b.malformed("it is shared by calls with and without a mask")
    return _call(b, nested, values, outer_masks)


def _call(
    b: Builder, nested: NestedModel, values: Sequence[Value], masks: Sequence[Value | None]
) -> list[Any]:
    arguments = [
        layout.to_perm(b, b.cast(value, inner.dtype), inner.perm)
        for value, inner in zip(values, nested.inputs, strict=True)
    ]
    arguments += [mask for mask in masks if mask is not None]
    targets = [_copy(value, b.label) for value in nested.graph.outputs]
    b.emit(
        "module(*inputs)", targets[0] if len(targets) == 1 else tuple(targets),
        module=nested.module, inputs=tuple(arguments),
    )  # fmt: skip
    outer = dict(zip(nested.graph.outputs, targets, strict=True))
    outer.update((inner, mask) for inner, mask in zip(nested.masks, masks, strict=True) if inner and mask)
    for inner, target in zip(nested.graph.outputs, targets, strict=True):
        target.mask = outer.get(inner.mask) if inner.mask is not None else None
    return [outer[value] for value in nested.outputs]


def _copy(value: Value, layer: str) -> Value:
    """What a call yields for an output of the model."""
    kind = type(value)
    return kind(value.shape, value.dtype, layer, value.perm, value.flat, non_negative=value.non_negative)


def _define(
    b: Builder,
    model: ModelSpec,
    values: Sequence[Value],
    masks: Sequence[Value | None],
    lower_model: LowerModel,
) -> NestedModel:
    graph = Graph(model.name)
    inputs = []
    for name, value in zip(model.inputs, values, strict=True):
        inner = input_value(model.layer(name), value)
        if not b.is_shared and value.rank == inner.rank:
            inner.shape = value.shape
        inputs.append(inner)
    inner_masks = [Value(mask.shape, "bool", "mask") if mask else None for mask in masks]
    for inner, inner_mask in zip(inputs, inner_masks, strict=True):
        inner.mask = inner_mask
    graph.inputs = [*inputs, *(mask for mask in inner_masks if mask)]
    inside = Builder(b.spec, graph, b.label, b.tree, b.session, b.owner, b.lower)
    outputs = lower_model(inside, model, inputs)
    if any(value is None for value in outputs):
        raise Unsupported(b.session.problems)
    passed = [*inputs, *inner_masks]
    extra = [v.mask for v in outputs if v.mask is not None and v.mask not in passed]
    graph.outputs = list(dict.fromkeys([*outputs, *extra]))
    b.session.finish_class(graph)
    inputs = graph.inputs[: len(inputs)]
    return NestedModel(graph, b.define("", graph=graph), inputs, inner_masks, outputs)


def input_value(layer: LayerSpec, given: Value | None = None) -> Value:
    """An input of a model, of the shape of the tensor `given` to it where it does not say one.

    Raises:
        MalformedConfig: It has no shape.
    """
    if given is not None and "batch_shape" not in layer.config:
        return Value(given.shape, given.dtype, layer.name)
    shape = layer.config.get("batch_shape")
    if not isinstance(shape, (list, tuple)):
        raise MalformedConfig(f"layer {layer.name!r}: the InputLayer has no shape")
    try:
        check_elements(tuple(shape))
    except OutOfRange as fault:
        raise MalformedConfig(
            f"layer {layer.name!r}: it has the shape {tuple(shape)}; supported: {fault}"
        ) from None
    return Value(tuple(shape), str(layer.config.get("dtype", layer.dtype)), layer.name)


def _conformed(b: Builder, x: Value, wanted: Value) -> Value:
    """An argument of a nested model, with an axis of size 1 less or more at the end if its input wants it."""
    if x.rank == wanted.rank + 1 and x.shape[-1] == 1:
        return b.op("x.squeeze(-1)", shape=x.shape[:-1], x=x)
    if x.rank == wanted.rank - 1 and wanted.shape[-1] == 1:
        return b.op("x.unsqueeze(-1)", shape=(*x.shape, 1), x=x)
    if x.rank != wanted.rank:
        b.malformed(f"its input {wanted.shape} cannot be a tensor of shape {x.shape}")
    return x
