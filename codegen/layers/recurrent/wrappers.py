"""Layers around layers: Bidirectional and TimeDistributed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from codegen.graph import Op, Value
from codegen.layers.recurrent.cells import Cell, Weights, cell_builder, define_native, layer_cell
from codegen.layers.recurrent.loop import Loop, check_states, flat_states, refuse_training
from codegen.layers.recurrent.native import call_native
from codegen.lowering import layout, registry
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.registry import lowers
from codegen.model.nested import instances
from codegen.model.packages import KERAS
from codegen.model.spec import CallSpec, LayerSpec

_MERGES = {"sum": "forward + backward", "mul": "forward * backward", "ave": "(forward + backward) / 2"}


@dataclass(frozen=True)
class _Directions:
    """What the two layers of a Bidirectional yield.

    Attributes:
        both: The two outputs joined, where one module makes them so.
        states: The forward layer's, then the backward layer's.
    """

    forward: Value
    backward: Value
    states: tuple[Value, ...]
    both: Value | None = None


@lowers("Bidirectional", masks="own")
def bidirectional(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    constants: Any = None,
    *,
    layer: LayerSpec,
    merge_mode: Literal["concat", "sum", "ave", "mul"] | None = "concat",
    backward_layer: LayerSpec | None = None,
    zeroes_masked: Quirk[bool] = True,
) -> list[Value]:
    """One layer over time and one against it; sequences are merged step by step.

    Keras makes both layers yield zeros for the masked steps of a sequence, whatever they say themselves;
    before TensorFlow 2 it did not (`zeroes_masked`). For `constants` see `RNN`.
    """
    del constants
    loop = _loop(layer)
    if backward_layer is None:
        backward_layer = replace(layer, config={**layer.config, "go_backwards": not loop.go_backwards})
    forward_layer, backward_layer = (
        _with_options(spec, b.spec.calls, zeroes_masked and loop.return_sequences)
        for spec in (layer, backward_layer)
    )
    if training is not None:
        refuse_training(b, training, _dropout(layer))
    mask = b.mask(x)
    cell = _common_cell(forward_layer, backward_layer)
    if cell is not None and mask is None:
        result = _run_both(b, cell, forward_layer, backward_layer, x, initial_state)
    else:
        result = _run_each(b, forward_layer, backward_layer, x, initial_state)
    outputs = _merge(b, result, merge_mode)
    if loop.return_sequences:
        for output in outputs:
            output.mask = b.carried_mask(x)
    return [*outputs, *result.states] if loop.return_state else outputs


def _loop(spec: LayerSpec) -> Loop:
    """How a layer runs over time; a user's own says so in options of the same names."""
    bound = registry.find(spec).bind(spec)
    known = {part.name: bound[part.name] for part in fields(Loop) if part.name in bound}
    loop = bound.get("loop")
    return loop if isinstance(loop, Loop) else Loop(**known)


def _dropout(spec: LayerSpec) -> float:
    """The greater dropout of a recurrent layer."""
    bound = registry.find(spec).bind(spec)
    rates = [getattr(bound.get("cell"), name, bound.get(name)) for name in ("dropout", "recurrent_dropout")]
    return max(rate or 0.0 for rate in rates)


def _with_options(spec: LayerSpec, calls: tuple[CallSpec, ...], zero_output_for_mask: bool) -> LayerSpec:
    config = dict(spec.config)
    if "zero_output_for_mask" in registry.find(spec).options:
        config["zero_output_for_mask"] = zero_output_for_mask
    return replace(spec, config=config, calls=calls)


def _common_cell(forward: LayerSpec, backward: LayerSpec) -> Cell | None:
    """The cell of both layers, if one module of torch can run both directions."""
    cell = layer_cell(forward)
    if cell is None or cell != layer_cell(backward) or not cell.is_native or cell.dropout:
        return None
    loop = _loop(forward)
    if loop.go_backwards or loop.stateful or loop.time_major:
        return None
    return cell if forward.dtype == backward.dtype else None


def _run_both(
    b: Builder, cell: Cell, forward: LayerSpec, backward: LayerSpec, x: Value, initial_state: Any
) -> _Directions:
    """Both directions by one module of torch."""
    x = cell.arranged(b, x)
    features = b.known(x, -1)
    weights = [
        Weights.of(cell_builder(b.sublayer(attribute, spec)), cell, features)
        for attribute, spec in (("forward_layer", forward), ("backward_layer", backward))
    ]
    module = define_native(b, cell, features, weights)
    given = flat_states(b, initial_state, 2 * cell.num_states)
    shape = (x.shape[0], cell.units)
    check_states(b, given, [shape] * len(given))
    pairs = zip(given[: cell.num_states], given[cell.num_states :], strict=True)
    before = [b.op("torch.stack([x, y])", shape=(2, *shape), x=x, y=y) for x, y in pairs]
    states = None if not before else tuple(before) if cell.kind == "LSTM" else before[0]
    output, after = call_native(b, module, cell, x, states, directions=2)
    last = [b.op("state[i]", shape=shape, state=state, i=i) for i in range(2) for state in after]
    if _loop(forward).return_sequences:
        halves = [b.value((*x.shape[:2], cell.units), dtype=x.dtype) for _ in range(2)]
        b.emit("x.chunk(2, dim=-1)", tuple(halves), x=output)
        return _Directions(halves[0], halves[1], tuple(last), output)
    return _Directions(last[0], last[cell.num_states], tuple(last))


def _run_each(
    b: Builder, forward: LayerSpec, backward: LayerSpec, x: Value, initial_state: Any
) -> _Directions:
    """The two directions as two layers."""
    given = list(instances(initial_state, Value)) if initial_state is not None else []
    half = len(given) // 2
    results = []
    for name, spec, states in (("forward", forward, given[:half]), ("backward", backward, given[half:])):
        kwargs: dict[str, Any] = {"initial_state": states} if states else {}
        if b.mask(x) is not None:
            kwargs["mask"] = b.mask(x)
        result = b.call(spec, x, attribute=f"{name}_layer", part=name, **kwargs)
        results.append(list(instances(result, Value)))
    (y, *states), (y_back, *states_back) = results
    loop = _loop(forward)
    if loop.return_sequences:
        time = y_back.dim(0 if loop.time_major else 1)
        y_back = b.op("x.flip(d)", shape=y_back.shape, x=y_back, like=y_back, d=time)
    return _Directions(y, y_back, (*states, *states_back))


def _merge(b: Builder, result: _Directions, mode: str | None) -> list[Value]:
    """The outputs of a Bidirectional."""
    if mode is None:
        return [result.forward, result.backward]
    if mode != "concat":
        return [b.elementwise(_MERGES[mode], forward=result.forward, backward=result.backward)]
    if result.both is not None:
        return [result.both]
    y, y_back = layout.align(b, [result.forward, result.backward])
    features = b.known(y, -1) + b.known(y_back, -1)
    dim = y.dim(-1)
    return [
        b.op(
            "torch.cat([y, back], dim=d)", shape=(*y.shape[:-1], features), perm=y.perm,
            y=y, back=y_back, d=-1 if dim == y.rank - 1 else dim,
        )
    ]  # fmt: skip


# -------------------------------------------------------------------- TimeDistributed

#: Layers that treat all leading axes alike, so that there is nothing to distribute.
_POINTWISE = frozenset({"Activation", "Dense", "Dropout", "ELU", "Identity", "LeakyReLU", "ReLU"})


@lowers("TimeDistributed", masks="own")
def time_distributed(
    b: Builder,
    x: Value | list[Value],
    training: Any = None,
    *,
    layer: LayerSpec,
    inner_mask: Quirk[bool] = False,
) -> Any:
    """The layer at every step: steps and samples are one batch to it.

    A mask with more axes than samples and steps is the layer's own. The output has the input's mask; in
    Keras 1 and 2 (`inner_mask`) the one that the layer makes at each step, if it makes any.
    """
    spec = replace(layer, calls=b.spec.calls)
    options = {} if training is None else {"training": training}
    first = next(instances(x, Value), None)
    if first is None:
        b.malformed("it is called without a tensor")
    if any(value.rank < 2 for value in instances(x, Value)):
        b.malformed("it is called with a tensor that has no steps")
    mask, carried = b.mask(first), b.carried_mask(first)
    if layer.class_name in _POINTWISE and layer.package == KERAS and first.rank >= 3:
        result = b.call(spec, x, attribute="layer", **options)
        if result is first:
            return result
        result.mask = carried
        return result
    if layer.config.get("stateful"):
        b.unsupported("layer", layer.name, "supported: layers without a state")
    merged = _merge_time(b, x) if isinstance(x, Value) else [_merge_time(b, value) for value in x]
    result = b.call(spec, merged, attribute="layer", **options)
    inner = list(instances(result, Value))
    outputs = [_split_time(b, value, first) for value in inner]
    for output, value in zip(outputs, inner, strict=True):
        if inner_mask and value.mask is not None:
            output.mask = _split_time(b, value.mask, first)
        elif inner_mask and mask is not None and mask.rank > 2:
            output.mask = b.op("mask.flatten(2).any(dim=-1)", shape=mask.shape[:2], dtype="bool", mask=mask)
        else:
            output.mask = carried
    return outputs[0] if len(outputs) == 1 else outputs


def _merge_time(b: Builder, x: Value) -> Value:
    """(N, T, ...) -> (N * T, ...), in whatever layout the rest is stored, with the layer's own mask."""
    mask = b.mask(x)
    mask = _merge_time(b, mask) if mask is not None and mask.rank > 2 else None
    if x.perm[:2] != (0, 1):
        x = b.keras_layout(x)
    node = x.node
    if node is not None and node.op is Op.SPLIT_TIME and node.source.mask is mask:
        return node.source  # of the TimeDistributed before
    batch = None if None in x.shape[:2] else b.known(x, 0) * b.known(x, 1)
    perm = (0, *(axis - 1 for axis in x.perm[2:]))
    merged = b.op("x.flatten(0, 1)", shape=(batch, *x.shape[2:]), perm=perm, x=x)
    merged.non_negative, merged.mask = x.non_negative, mask
    return merged


def _split_time(b: Builder, y: Value, x: Value) -> Value:
    """(N * T, ...) -> (N, T, ...), with the steps of `x`."""
    if y.flat is not None or y.perm[0] != 0:
        y = b.keras_layout(y)
    return b.op(
        "torch.unflatten(y, 0, sizes)", shape=(*x.shape[:2], *y.shape[1:]),
        perm=(0, *(axis + 1 for axis in y.perm)), non_negative=y.non_negative, y=y, sizes=(-1, b.size(x, 1)),
    )  # fmt: skip
