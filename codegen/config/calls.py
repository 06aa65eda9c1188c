"""Inbound nodes of all generations as calls; references count a layer's own calls from 0."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codegen.config import checks
from codegen.config.constants import decoded
from codegen.config.dialects.classes import TENSORFLOW_OPS
from codegen.errors import MalformedConfig, shorten
from codegen.model.call_order import references
from codegen.model.nested import map_nested
from codegen.model.spec import CallSpec, Constant, LayerSpec, TensorRef

#: Which of a layer's calls in its model is meant, by the layer's name and the number that the file has.
Positions = Mapping[tuple[str, int], int]

_CONSTANT = "_CONSTANT_VALUE"

#: What Keras 3 layers call their first argument, which may be passed by keyword.
_FIRST_ARGUMENTS = ("inputs", "x", "query", "sequences", "sequence", "data", "images", "input")


@dataclass(frozen=True)
class NodeReader:
    """Reads the nodes of one layer.

    Attributes:
        layer: The layer's name, for messages.
        class_name: Ops keep the structure of their arguments, and may have slices.
        names: The layers of its model: what else could be a tensor is a constant.
    """

    layer: str
    class_name: str
    names: Collection[str]

    def call(self, node: Any) -> CallSpec:
        """One call, with the node numbers of the file.

        Raises:
            MalformedConfig: The node is in no known form.
        """
        with checks.naming(f"layer {self.layer!r}: a call", self.layer):
            if isinstance(node, Mapping) and "args" in node:
                return self._keras3(node)
            return self._legacy(node)

    # ---------------------------------------------------------------- Keras 3

    def _keras3(self, node: Mapping[str, Any]) -> CallSpec:
        what = f"layer {self.layer!r}: the arguments of a call"
        args = checks.listing(node["args"], what)
        kwargs = checks.mapping(node.get("kwargs", {}), what)
        args = [decoded(arg, self._keras_tensor) for arg in args]
        # Keras 3 hands the model's own mode to every call, whatever `training` was when it was recorded
        # (`operation_fn` in keras/src/models/functional.py).
        kwargs = {k: decoded(arg, self._keras_tensor) for k, arg in kwargs.items() if k != "training"}
        if not args:
            first = next((name for name in _FIRST_ARGUMENTS if _has_tensor(kwargs.get(name))), None)
            if first:
                args = [kwargs.pop(first)]
        return CallSpec(tuple(args), kwargs)

    def _keras_tensor(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return NotImplemented
        if value.get("class_name") in ("__numpy__", "__tensor__"):
            return _tensor_constant(value)
        if value.get("class_name") != "__keras_tensor__":
            return NotImplemented
        config = checks.mapping(value.get("config"), f"layer {self.layer!r}: a tensor in a call")
        shape, dtype = config.get("shape"), config.get("dtype")
        return replace(
            self._reference(config.get("keras_history")),
            shape=tuple(shape) if isinstance(shape, list) else None,
            dtype=dtype if isinstance(dtype, str) else None,
        )

    def _reference(self, history: Any) -> TensorRef:
        if not self._is_tensor(history):
            raise MalformedConfig(
                f"layer {self.layer!r}: a call reads {shorten(history)}, which no layer of its model puts out"
            )
        return TensorRef(history[0], history[1], history[2])

    def _is_tensor(self, value: Any) -> bool:
        return (
            isinstance(value, (list, tuple))
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and value[0] in self.names
            and all(checks.is_int(part) and part >= 0 for part in value[1:3])
        )

    # ---------------------------------------------------------------- Keras 1 and 2

    def _legacy(self, node: Any) -> CallSpec:
        kwargs: dict[str, Any] = {}
        inputs = self._inputs(node, kwargs)
        op = self.class_name in TENSORFLOW_OPS and self.class_name != "TensorFlowOpLayer"
        if isinstance(inputs, list) and len(inputs) == 1 and not op:
            inputs = inputs[0]
        return CallSpec((inputs,), {name: decoded(value, self._kwarg) for name, value in kwargs.items()})

    def _inputs(self, node: Any, kwargs: dict[str, Any]) -> Any:
        """The first argument of a call; its keyword arguments, which each tensor repeats, go to `kwargs`."""
        if isinstance(node, Mapping):
            return {name: self._inputs(item, kwargs) for name, item in node.items()}
        items = checks.listing(node, f"layer {self.layer!r}: an inbound node")
        if not items:
            raise MalformedConfig(f"layer {self.layer!r}: an inbound node is empty")
        if not isinstance(items[0], str):
            # `tf.concat([x, []])` has an empty item.
            return [self._inputs(item, kwargs) if item != [] else [] for item in items]
        if len(items) not in (3, 4):
            raise MalformedConfig(f"layer {self.layer!r}: an inbound node is {shorten(items)}")
        if len(items) == 4:
            kwargs.update(checks.mapping(items[3], f"layer {self.layer!r}: the keyword arguments of a call"))
        if items[0] == _CONSTANT:
            return decoded(items[2], self._kwarg)
        return self._reference(items)

    def _kwarg(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.keys() == {"start", "stop", "step"}:
                return slice(*(decoded(value[part], self._kwarg) for part in ("start", "stop", "step")))
            return NotImplemented
        return self._reference(value) if self._is_tensor(value) else NotImplemented


def _tensor_constant(value: Mapping[str, Any]) -> Constant:
    config = value.get("config")
    if not isinstance(config, Mapping) or "value" not in config or not isinstance(config.get("dtype"), str):
        raise MalformedConfig(f"the constant {shorten(value)} lacks its value")
    return Constant(config["value"], config["dtype"])


def _has_tensor(argument: Any) -> bool:
    return any(True for _ in references(argument))


def renumber(argument: Any, calls: Positions) -> Any:
    """`argument` with the position in `calls` for the call number of each tensor, where there is one."""

    def renumbered(part: Any) -> Any:
        if isinstance(part, TensorRef):
            return replace(part, call=calls.get((part.layer, part.call), part.call))
        if isinstance(part, CallSpec):
            return replace(part, args=renumber(part.args, calls), kwargs=renumber(part.kwargs, calls))
        return part

    return map_nested(renumbered, argument)


def counted_from_0(arguments: Sequence[Any], layers: Collection[str]) -> Positions:
    """The calls of `layers` by the numbers with which they are referred to, of which the lowest is the first.

    A model saves only calls that its outputs need, so that every call of a nested model is referred
    to, and the lowest number is that of its first call: 1 in Keras 2, where the model owns node 0.
    """
    numbers = _numbers(arguments)
    return {
        (name, number): number - min(numbers[name])
        for name in layers & numbers.keys()
        for number in numbers[name]
    }


def counted_over_models(layers: Sequence[LayerSpec], outputs: Sequence[TensorRef]) -> Positions:
    """The calls that layers read, where their numbers count calls in other models, too.

    Each call is read by a layer or is one of the outputs, whose numbers count this model's calls alone.
    """
    read, put_out = _numbers([layer.calls for layer in layers]), _numbers(outputs)
    positions: dict[tuple[str, int], int] = {}
    for layer in layers:
        numbers = sorted(read.get(layer.name, ()))
        every = set(range(len(layer.calls)))
        unread = every - put_out.get(layer.name, set())
        if layer.class_name == "InputLayer" or (unread <= set(numbers) <= every):
            continue
        meant = sorted(every if len(numbers) == len(every) else unread)
        if len(numbers) == len(meant):
            positions |= {(layer.name, number): call for number, call in zip(numbers, meant, strict=True)}
    return positions


def _numbers(arguments: Sequence[Any]) -> dict[str, set[int]]:
    """The call numbers with which each layer is referred to."""
    found: dict[str, set[int]] = {}
    for reference in references(list(arguments)):
        found.setdefault(reference.layer, set()).add(reference.call)
    return found
