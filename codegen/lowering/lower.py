"""ModelSpec -> Graph: calls the layer functions in the order of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codegen.errors import ConversionError, MalformedConfig, Unsupported, UnsupportedOption
from codegen.graph import Graph, Module, Op, Value
from codegen.graph.dtypes import DTYPES
from codegen.lowering import catalogue, layout, registry
from codegen.lowering.binder import LayerFunction
from codegen.lowering.builder import Builder
from codegen.lowering.parts.rules import tensor
from codegen.model.call_order import call_order, packages
from codegen.model.nested import flatten, map_nested
from codegen.model.packages import OPS, TENSORFLOW
from codegen.model.spec import LayerSpec, ModelSpec, TensorRef
from codegen.model.variables import VariableTree
from codegen.passes.dead_code import remove_dead_code

#: What a faulty config can make a layer function raise; anything else is our bug.
_CONFIG_FAULTS = (
    TypeError,
    ValueError,
    IndexError,
    KeyError,
    AttributeError,
    ZeroDivisionError,
    AssertionError,
)


class _Unknown:
    """The result of a call that could not be lowered."""


_UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Lowered:
    """The model in torch's terms, the Keras variables that it uses, and what is to be said of it."""

    graph: Graph
    tree: VariableTree
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class _NestedModel:
    """A nested model that has been lowered: its class and its one instance."""

    graph: Graph
    module: Module
    inputs: list[Value]
    masks: list[Value | None]
    outputs: list[Value]


def lower(model: ModelSpec, *, channels_first: bool = False) -> Lowered:
    """Lower a whole model.

    Args:
        model: The parsed model.
        channels_first: Take and return images as N,C,H,W instead of as Keras does.

    Raises:
        Unsupported: Several layers or options have no exact torch equivalent.
        ConversionError: One has none.
    """
    state, builder, outputs = survey(model)
    graph = builder.graph
    if len(state.problems) > 1:
        raise Unsupported(state.problems)
    if state.problems:
        raise state.problems[0]
    outputs = [tensor(builder, value) for value in outputs]  # sizes are numbers until here
    outputs = [
        value if channels_first and _has_channels_first(value) else builder.keras_layout(value)
        for value in outputs
    ]
    graph.outputs = [layout.unflatten(builder, value) if value.flat else value for value in outputs]
    remove_dead_code(graph)
    if channels_first:
        _take_native_inputs(graph, _has_channels_first)
    return Lowered(graph, builder.tree, tuple(state.notes))


def survey(model: ModelSpec) -> tuple[Lowering, Builder, list[Any]]:
    """Lower as much of a model as can be, whatever stands in the way; the first step of `lower`.

    Returns:
        How far it went, the builder of the whole model, and the outputs.
    """
    catalogue.load(packages(model))
    state = Lowering()
    root = VariableTree("", LayerSpec(model.name, model.class_name, trainable=model.trainable, model=model))
    graph = Graph(model.name)
    builder = Builder(root.spec, graph, root, state, (), model.name)
    graph.inputs = [_input_value(model.layer(name)) for name in model.inputs]
    inputs = [_fed(builder, value) for value in graph.inputs] if model.casts_inputs else graph.inputs
    outputs = state.lower_model(builder, model, inputs)
    supported = "supported: numbers and truth values"
    state.problems.extend(
        UnsupportedOption(value.layer, "InputLayer", "dtype", value.dtype, supported)
        for value in graph.inputs
        if value.dtype not in DTYPES
    )
    return state, builder, outputs


@dataclass
class Lowering:
    """State of one conversion.

    Attributes:
        modules: Modules by owner and part, so that a shared layer has one.
        parents: Parent of each node of the variable tree, by `id`.
        models: Nested models by owner.
        problems: What could not be lowered, in model order.
        results: What the first call of each layer yields, by owner.
        failures: The problems of each layer, by owner.
        notes: What the file's docstring should say, in order.
    """

    modules: dict[tuple[tuple[str, ...], str], Module] = field(default_factory=dict)
    parents: dict[int, VariableTree] = field(default_factory=dict)
    models: dict[tuple[str, ...], _NestedModel] = field(default_factory=dict)
    problems: list[ConversionError] = field(default_factory=list)
    results: dict[tuple[str, ...], list[Value]] = field(default_factory=dict)
    failures: dict[tuple[str, ...], tuple[ConversionError, ...]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def trains(self, tree: VariableTree) -> bool:
        """Whether neither the layer nor anything that holds it is frozen."""
        node: VariableTree | None = tree
        while node is not None:
            if not node.spec.trainable:
                return False
            node = self.parents.get(id(node))
        return True

    # ---------------------------------------------------------------- models

    def lower_model(self, b: Builder, model: ModelSpec, inputs: Sequence[Value]) -> list[Any]:
        """Lower all calls of a model; returns its outputs."""
        results: dict[tuple[str, int], list[Any]] = {}
        for name, value in zip(model.inputs, inputs, strict=True):
            results[name, 0] = [value]
        for layer, index in call_order(model):
            if (layer.name, index) not in results:
                results[layer.name, index] = self._lower_call(b, layer, index, results)
        return [_result(results, ref) for ref in model.outputs]

    def _lower_call(
        self, b: Builder, layer: LayerSpec, index: int, results: Mapping[tuple[str, int], list[Any]]
    ) -> list[Any]:
        spec = layer.calls[index]
        child = b.sublayer(layer.name, layer)
        child.label, child.sees_masks = layer.name, spec.sees_masks
        child.hands_on, child.casts_keep_masks = spec.hands_on, spec.casts_keep_masks
        args = _resolve(spec.args, results)
        kwargs = _resolve(dict(spec.kwargs), results)
        try:
            if _has_unknown(args) or _has_unknown(kwargs):
                if layer.model is None:
                    registry.find(layer).bind(layer)
                return [_UNKNOWN]
            result = self.call(child, args, kwargs)
        except ConversionError as error:
            self._report(child.owner, error.problems if isinstance(error, Unsupported) else (error,))
            return [_UNKNOWN]
        values = list(flatten(result, Value))
        self.results.setdefault(child.owner, values)
        return values

    def _report(self, owner: tuple[str, ...], problems: tuple[ConversionError, ...]) -> None:
        self.failures[owner] = problems
        known = {str(problem) for problem in self.problems}
        self.problems.extend(problem for problem in problems if str(problem) not in known)

    # ---------------------------------------------------------------- layers

    def call(self, b: Builder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Lower one call of one layer; returns what its function returns.

        Raises:
            ConversionError: The layer or an option of it is not supported, or its config is faulty.
        """
        kwargs = dict(kwargs)
        if b.spec.model is not None:
            return self._call_nested(b, b.spec.model, args, kwargs)
        function = registry.find(b.spec)
        spec, args = b.spec, list(args)
        if function.package == OPS:
            spec, args = _with_options_of_call(spec, function, args, kwargs)
        options = function.bind(spec)
        call_kwargs = self._call_arguments(b, function, args, kwargs)
        if not function.package.startswith((OPS, TENSORFLOW)):
            args = map_nested(lambda part: b.autocast(part) if isinstance(part, Value) else part, args)
        if len(args) > len(function.call_names) and not function.takes_any_args:
            b.malformed(f"it is called with {len(args)} arguments, but takes {len(function.call_names)}")
        try:
            result = function(b, *args, **call_kwargs, **options)
        except _CONFIG_FAULTS as fault:
            shapes = ", ".join(str(value.shape) for value in flatten(list(args), Value))
            raise MalformedConfig(
                f"layer {b.spec.name!r}: {b.spec.class_name} does not fit its input {shapes}: "
                f"{type(fault).__name__}: {fault}"
            ) from fault
        return _carry_mask(b, function, list(args), result)

    def _call_arguments(
        self, b: Builder, function: LayerFunction, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """The call's keyword arguments that the function takes; `mask` is put where `b.mask` finds it."""
        takes_mask = "mask" in function.call_names or function.package == TENSORFLOW
        if "mask" in kwargs and not takes_mask:
            masks = list(flatten(kwargs.pop("mask"), Value))
            b.masks.update(zip(flatten(list(args), Value), masks, strict=False))
        bound = {}
        for name, argument in kwargs.items():
            if name in function.call_names or function.takes_any_kwargs:
                bound[name] = argument
            elif argument is not None and not (name == "training" and argument is False):
                b.unsupported(name, "<tensor>" if isinstance(argument, Value) else argument, "not in a call")
        return bound

    def _call_nested(self, b: Builder, model: ModelSpec, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call a nested model, which becomes a class of its own."""
        masks_given = list(flatten(kwargs.pop("mask", None), Value))
        if kwargs.pop("training", None) is True:
            b.unsupported("training", True, "a nested model cannot be fixed in training mode")
        values = list(flatten([*args, *kwargs.values()], Value))
        if args and isinstance(args[0], dict) and model.input_names:
            values = list(flatten([args[0].get(name) for name in model.input_names], Value))
        if len(values) != len(model.inputs):
            b.malformed(f"it is called with {len(values)} tensors, but has {len(model.inputs)} inputs")
        b.masks.update(zip(values, masks_given, strict=False))
        outer_masks = [b.mask(value) for value in values]
        values = [
            _conformed(b, value, _input_value(model.layer(name), value))
            for name, value in zip(model.inputs, values, strict=True)
        ]
        nested = self.models.get(b.owner)
        if nested is None:
            nested = self.models[b.owner] = self._lower_nested(b, model, values, outer_masks)
        if [mask is None for mask in nested.masks] != [mask is None for mask in outer_masks]:
            b.malformed("it is shared by calls with and without a mask")
        arguments = [
            layout.to_perm(b, b.cast(value, inner.dtype), inner.perm)
            for value, inner in zip(values, nested.inputs, strict=True)
        ]
        arguments += [mask for mask in outer_masks if mask is not None]
        targets = [
            type(value)(
                value.shape, value.dtype, b.label, value.perm, value.flat, non_negative=value.non_negative
            )
            for value in nested.graph.outputs
        ]
        b.emit(
            "module(*inputs)", targets[0] if len(targets) == 1 else tuple(targets),
            module=nested.module, inputs=tuple(arguments),
        )  # fmt: skip
        outer = dict(zip(nested.graph.outputs, targets, strict=True))
        outer.update(
            (inner, mask) for inner, mask in zip(nested.masks, outer_masks, strict=True) if inner and mask
        )
        for inner, target in zip(nested.graph.outputs, targets, strict=True):
            target.mask = outer.get(inner.mask) if inner.mask is not None else None
        return [outer[value] for value in nested.outputs]

    def _lower_nested(
        self, b: Builder, model: ModelSpec, values: Sequence[Value], masks: Sequence[Value | None]
    ) -> _NestedModel:
        graph = Graph(model.name)
        inputs = []
        for name, value in zip(model.inputs, values, strict=True):
            inner = _input_value(model.layer(name), value)
            if not b.is_shared and value.rank == inner.rank:
                inner.shape = value.shape
            inputs.append(inner)
        inner_masks = [Value(mask.shape, "bool", "mask") if mask else None for mask in masks]
        for inner, inner_mask in zip(inputs, inner_masks, strict=True):
            inner.mask = inner_mask
        graph.inputs = [*inputs, *(mask for mask in inner_masks if mask)]
        inside = Builder(b.spec, graph, b.tree, self, b.owner, b.label)
        outputs = self.lower_model(inside, model, inputs)
        if any(value is _UNKNOWN for value in outputs):
            raise Unsupported(self.problems)
        passed = [*inputs, *inner_masks]
        extra = [v.mask for v in outputs if v.mask is not None and v.mask not in passed]
        graph.outputs = list(dict.fromkeys([*outputs, *extra]))
        remove_dead_code(graph, keep_inputs=True)
        _take_native_inputs(graph)
        inputs = graph.inputs[: len(inputs)]
        return _NestedModel(graph, b.define("", graph=graph), inputs, inner_masks, outputs)


# -------------------------------------------------------------------- helpers


def _input_value(layer: LayerSpec, given: Value | None = None) -> Value:
    """An input of a model, of the shape of the tensor `given` to it where it does not say one."""
    if given is not None and "batch_shape" not in layer.config:
        return Value(given.shape, given.dtype, layer.name)
    shape = layer.config.get("batch_shape")
    if not isinstance(shape, (list, tuple)):
        raise MalformedConfig(f"layer {layer.name!r}: the InputLayer has no shape")
    return Value(tuple(shape), str(layer.config.get("dtype", layer.dtype)), layer.name)


def _conformed(b: Builder, x: Value, wanted: Value) -> Value:
    """An argument of a nested model, with an axis of size 1 less or more at the end if its input wants it."""
    if x.rank == wanted.rank + 1 and x.shape[-1] == 1:
        return b.op("x.squeeze(-1)", shape=x.shape[:-1], x=b.keras_layout(x))
    if x.rank == wanted.rank - 1 and wanted.shape[-1] == 1:
        return b.op("x.unsqueeze(-1)", shape=(*x.shape, 1), x=b.keras_layout(x))
    if x.rank != wanted.rank:
        b.malformed(f"its input {wanted.shape} cannot be a tensor of shape {x.shape}")
    return x


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


def _take_native_inputs(graph: Graph, may_take: Callable[[Value], bool] = lambda _: True) -> None:
    """Where all that a class does with an input is one permute, let the caller do it."""
    for position, value in enumerate(graph.inputs):
        readers = [node for node in graph.nodes if value in node.values()]
        if len(readers) == 1 and readers[0].op is Op.LAYOUT and value not in graph.outputs:
            (twin,) = readers[0].results()
            if value.twins.get(twin.perm) is not twin or not may_take(twin):
                continue
            graph.nodes.remove(readers[0])
            graph.inputs[position] = twin
            twin.node = None


def _result(results: Mapping[tuple[str, int], list[Any]], ref: TensorRef) -> Any:
    values = results[ref.layer, ref.call]
    if values == [_UNKNOWN]:
        return _UNKNOWN
    if ref.output >= len(values):
        raise MalformedConfig(f"layer {ref.layer!r}: output {ref.output} is read, but it has {len(values)}")
    return values[ref.output]


def _resolve(argument: Any, results: Mapping[tuple[str, int], list[Any]]) -> Any:
    """An argument of a call with every `TensorRef` replaced by its value."""
    return map_nested(lambda part: _result(results, part) if isinstance(part, TensorRef) else part, argument)


def _with_options_of_call(
    spec: LayerSpec, function: LayerFunction, args: list[Any], kwargs: dict[str, Any]
) -> tuple[LayerSpec, list[Any]]:
    """An op that was called with what are its options since Keras 3.12, by name or in their order."""
    count = len(args) if function.takes_any_args else len(function.call_names)
    given = dict(zip(function.options, args[count:], strict=False))
    given |= {name: kwargs.pop(name) for name in function.options if name in kwargs}
    left = args[:count] + args[count + len(function.options) :]
    return replace(spec, config={**spec.config, **given}), left


def _has_unknown(argument: Any) -> bool:
    return any(flatten(argument, _Unknown))


def _carry_mask(b: Builder, function: LayerFunction, args: list[Any], result: Any) -> Any:
    """Give the result the mask that Keras gives it."""
    if function.masks == "own" or not isinstance(result, Value):
        return result
    first = next(flatten(args, Value), None)
    mask = b.carried_mask(first) if function.masks == "keep" and first is not None else None
    if result.mask is mask:
        return result
    if result in set(flatten(args, Value)):
        result = b.op("x", x=result, shape=result.shape, flat=result.flat, non_negative=result.non_negative)
    result.mask = mask
    return result
