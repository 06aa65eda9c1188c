"""Calls of layers of the author's: each is a class of its own in the converted model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codegen.evaluation.classes import library_base, member
from codegen.evaluation.folders import assign_folders
from codegen.evaluation.forms import form_of
from codegen.evaluation.layers import (
    PLAIN,
    adopt,
    base_class,
    declare,
    has_tensors,
    place,
    shape_of,
    spec_of,
)
from codegen.evaluation.meaning.values import NotEvaluated
from codegen.evaluation.objects import BoundMethod, Instance, Layer
from codegen.graph import Graph, Module, Value
from codegen.lowering import layout, registry
from codegen.lowering.builder import Builder
from codegen.lowering.masks import Masks
from codegen.model.nested import instances, map_nested
from codegen.model.packages import KERAS, SOURCE
from codegen.model.variables import all_variables
from codegen.model.words import default_name


@dataclass(frozen=True)
class Made:
    """The class that a layer of the author's became at its first call.

    Attributes:
        form: What it computes.
        inputs: Its arguments, as it wants them stored.
    """

    form: object
    graph: Graph
    module: Module
    inputs: Sequence[Value]


def call_layer(world: Any, layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a layer makes of tensors, in the graph in which it is called."""
    author, b = world.author, world.builder
    if world.layer is not None:
        adopt(author, world.layer)
    outer = place(author, layer)
    spec = spec_of(author, layer)
    if outer is not None:
        inner = replace(outer, graph=b.graph, masks=Masks(b.masks.rules))
    else:
        inner = b.sublayer(_free_name(b, layer), spec)
        inner.label = default_name(layer.class_name)
    if spec.model is not None:
        _check_shapes(layer, args)
    result = b.lower(inner, args, kwargs)
    if outer is None:
        if all_variables(inner.tree):
            raise NotEvaluated(
                f"makes a layer with weights that no attribute holds ({layer.class_name}), "
                "which Keras does not save"
            )
        b.tree.children.remove(inner.tree)
    return single(result) if spec.package != SOURCE else result


def single(result: Any) -> Any:
    """What Keras' own layers yield: a tensor where that is the only one."""
    return result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result


def _free_name(b: Builder, layer: Layer) -> str:
    taken = {child.attribute for child in b.tree.children}
    name, number = default_name(layer.class_name), 1
    while (name if number == 1 else f"{name}_{number}") in taken or (
        (*b.owner, name if number == 1 else f"{name}_{number}"),
        "",
    ) in b.session.modules:
        number += 1
    return name if number == 1 else f"{name}_{number}"


def _check_shapes(layer: Layer, args: Sequence[Any]) -> None:
    """A model is one class, made for the shapes of its first call."""
    shapes = [value.shape for value in instances(list(args), Value)]
    if layer.calls and layer.calls[0] != shapes:
        raise NotEvaluated("calls a model with tensors of several shapes")
    layer.calls[:] = [shapes]


# -------------------------------------------------------------------- a layer of the author's


def lower_instance(
    world: Any, b: Builder, instance: Instance, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """One call of a layer of the author's; returns what it yields.

    Args:
        world: Evaluates in the graph of the class; its graph is still empty.
        b: The layer's builder.
        instance: The layer.
        args: Of the call.
        kwargs: Of the call.
    """
    layer = instance.layer
    assert layer is not None
    layer.builder = b
    adopt(world.author, layer)
    declare(layer)
    scope = _Call(world, b, instance)
    bound = scope.bound(args, kwargs)
    scope.build(args, kwargs)
    result = scope.run(*bound)
    adopt(world.author, layer)
    declare(layer)
    if layer.parent is None:
        assign_folders(world.author, layer)
    return scope.finished(result)


class _Call:
    def __init__(self, world: Any, b: Builder, instance: Instance) -> None:
        assert instance.layer is not None
        self.world, self.b, self.instance, self.layer = world, b, instance, instance.layer
        self.graph: Graph = world.builder.graph
        self.is_model = self.graph is b.graph
        self.inner: dict[Value, Value] = {}
        self.outer: dict[Value, Value] = {}
        self.method = member(world, instance.cls, "call")
        self.base = base_class(library_base(instance.cls))

    # ---------------------------------------------------------------- arguments

    def bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as the class sees them."""
        names = self._names()
        args = self._arranged(args) if self.is_model else args
        inside = [
            self._argument(value, names[index] if index < len(names) else "x")
            for index, value in enumerate(args)
        ]
        named = {name: self._argument(value, name) for name, value in kwargs.items()}
        if named.get("training") is True:
            self.b.unsupported("training", found=True, supported="a layer cannot be fixed in training mode")
        parameters = self.parameters
        if "training" in parameters and named.get("training") is None and len(args) <= _at(names, "training"):
            named["training"] = False
        elif "training" not in parameters and not self.takes_any:
            named.pop("training", None)
        self.first = inside[0] if inside else next(iter(named.values()), None)
        if "mask" in parameters and named.get("mask") is None and len(args) <= _at(names, "mask"):
            named["mask"] = self.previous_mask()
        elif "mask" in named and "mask" not in parameters:
            self.given = named.pop("mask")
        return inside, named

    def _arranged(self, args: Sequence[Any]) -> Sequence[Any]:
        """The inputs of a model as arguments, or as the list that is the only one."""
        if self.method is None or len(args) < 2:
            return args
        routine = self.method.routine
        count = len(routine.positional) - 1 - len(self.method.defaults)
        tensors = [name for name in routine.positional[1:] if name not in ("training", "mask")]
        return args if count > 1 or (count == 0 and len(tensors) >= len(args)) else [list(args)]

    given: Any = None
    first: Any = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters of `call`."""
        if self.method is None:
            return ("training", "mask") if self.base not in PLAIN else ()
        routine = self.method.routine
        return (*routine.positional, *routine.keyword_only)

    @property
    def takes_any(self) -> bool:
        """Whether `call` takes any keyword arguments."""
        return self.method is not None and bool(self.method.routine.keywords)

    def _names(self) -> tuple[str, ...]:
        return self.method.routine.positional[1:] if self.method is not None else ("inputs",)

    def _argument(self, value: Any, name: str) -> Any:
        if isinstance(value, Value):
            return self._input(value, name)
        if isinstance(value, (list, tuple)):
            return type(value)(self._argument(item, f"{name}_{index}") for index, item in enumerate(value))
        if isinstance(value, Mapping):
            return {key: self._argument(item, str(key)) for key, item in value.items()}
        return value

    def _input(self, value: Value, name: str) -> Value:
        if self.is_model:
            value.layer = name
            self.world.nameless.add(value)
            return value
        if value not in self.inner:
            made = Value(value.shape, value.dtype, name, non_negative=value.non_negative)
            if type(value) is not Value:
                raise NotEvaluated("hands a size to another layer")
            self.inner[value], self.outer[made] = made, value
            self.world.nameless.add(made)
            mask = self.b.mask(value)
            if mask is not None:
                self.inner.setdefault(mask, Value(mask.shape, mask.dtype, "mask"))
                made.mask = self.inner[mask]
                self.outer[made.mask] = mask
        return self.inner[value]

    def previous_mask(self) -> Any:
        """The masks of the first argument."""
        if self.given is not None:
            return self.given
        masks = map_nested(lambda part: part.mask if isinstance(part, Value) else None, self.first)
        return masks if has_tensors(masks) else None

    # ---------------------------------------------------------------- build and call

    def build(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Let the layer make its weights, once."""
        layer = self.layer
        if layer.built:
            return
        layer.built = True
        method = member(self.world, self.instance.cls, "build")
        if method is not None:
            world = self.world.constants(layer)
            names = method.routine.positional[1:]
            args = self._arranged(args) if self.is_model else args
            shapes = [shape_of(value) for value in (*args, *kwargs.values()) if has_tensors(value)]
            if len(names) > 1:
                by_name = dict(zip(self._names(), args, strict=False)) | dict(kwargs)
                given = {
                    f"{name}_shape": shape_of(value) for name, value in by_name.items() if has_tensors(value)
                }
                world.call(BoundMethod(self.instance, method), [], {n: given[n] for n in names if n in given})
            else:
                world.call(BoundMethod(self.instance, method), shapes[:1] if names else [], {})
        adopt(self.world.author, layer)
        declare(layer)

    def run(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`call`."""
        if not self.is_model:
            self.graph.inputs = list(self.inner.values())
        if self.method is None:
            if self.base in PLAIN:
                raise NotEvaluated("has no call()")
            return self.world.base_call(self.instance, args, kwargs)
        return self.world.call(BoundMethod(self.instance, self.method), args, kwargs)

    # ---------------------------------------------------------------- the class

    def finished(self, result: Any) -> Any:
        """The result in the graph in which the layer is called."""
        holds_more = isinstance(result, (list, tuple))
        result = map_nested(
            lambda part: None if part is None and holds_more else self.world.output(part), result
        )
        if self.is_model:
            return result
        values = list(instances(result, Value))
        masks = self._masks(values)
        self._trim(values)
        if not self.graph.nodes:
            return self._handed_on(result, masks)
        outputs = list(dict.fromkeys([*values, *(mask for mask in masks if mask in self._made())]))
        self.graph.outputs = outputs
        made = self._class()
        targets = self._emit(made, outputs)
        for value, mask in zip(values, masks, strict=True):
            if mask is not None:
                targets[value].mask = targets.get(mask) or self.outer.get(mask)
        return map_nested(lambda part: targets[part] if isinstance(part, Value) else part, result)

    def _made(self) -> set[Value]:
        return {value for node in self.graph.nodes for value in node.results()}

    def _masks(self, values: Sequence[Value]) -> list[Value | None]:
        """The masks of the outputs: those that they have, else what `compute_mask` says."""
        own = [value.mask if value not in self.outer else None for value in values]
        method = member(self.world, self.instance.cls, "compute_mask")
        supports = self.layer.supports_masking
        if supports is None:
            supports = method is not None or self._base_keeps()
        if not supports or (own and all(mask is not None for mask in own)):
            return own
        previous = self.previous_mask()
        if method is not None:
            found = self.world.call(BoundMethod(self.instance, method), [self.first, previous], {})
        else:
            found = previous
        if found is None:
            return own
        flat = [self.world.output(part) if part is not None else None for part in _flat(found)]
        flat += [None] * (len(values) - len(flat))
        return [known or new for known, new in zip(own, flat, strict=False)]

    def _base_keeps(self) -> bool:
        known = registry.registered().get((KERAS, self.base))
        return known is not None and known.masks == "keep" and self.base not in PLAIN

    def _trim(self, values: Sequence[Value]) -> None:
        """Only what is read is an argument."""
        read = {value for node in self.graph.nodes for value in node.values()}
        for value in list(read):
            read.update(twin for twin in value.twins.values())
        read.update(values)
        wanted = [value for value in self.inner.values() if value in read]
        self.graph.inputs = list(dict.fromkeys(wanted)) or self.graph.inputs[:1]

    def _handed_on(self, result: Any, masks: Sequence[Value | None]) -> Any:
        handed = map_nested(lambda part: self.outer[part] if isinstance(part, Value) else part, result)
        for value, mask in zip(instances(handed, Value), masks, strict=True):
            if value.mask is not None and mask is None:
                raise NotEvaluated("hands on its input without its mask")
        return handed

    def _class(self) -> Made:
        """The class, or that of an earlier call if it is the same."""
        form = form_of(self.graph)
        for made in self.layer.calls:
            if made.form == form:
                return made  # type: ignore[no-any-return]  # of a layer of the author's
        count = len(self.layer.calls)
        if count and all_variables(self.b.tree):
            raise NotEvaluated("is called in several ways, which no class with weights does")
        self.graph.is_written = True
        self.b.session.finish_class(self.graph)
        module = self.b.define("", graph=self.graph, part=str(count + 1) if count else "")
        made = Made(form, self.graph, module, list(self.graph.inputs))
        self.layer.calls.append(made)
        return made

    def _emit(self, made: Made, outputs: Sequence[Value]) -> dict[Value, Value]:
        b = self.b
        arguments = []
        for value, stored in zip(self.graph.inputs, made.inputs, strict=True):
            outer = self.outer.get(value) or self.outer[_native(value)]
            arguments.append(layout.to_perm(b, b.cast(outer, stored.dtype), stored.perm))
        targets = [
            Value(
                value.shape, value.dtype, b.label, stored.perm, stored.flat, non_negative=value.non_negative
            )
            for value, stored in zip(outputs, made.graph.outputs, strict=True)
        ]
        b.emit(
            "module(*inputs)",
            targets[0] if len(targets) == 1 else tuple(targets),
            module=made.module,
            inputs=tuple(arguments),
        )
        return dict(zip(outputs, targets, strict=True))


def _native(value: Value) -> Value:
    """The input of which a stored argument is another layout."""
    return next(iter(value.twins.values()))


def _at(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _flat(found: Any) -> Iterator[Any]:
    if isinstance(found, (list, tuple)):
        for part in found:
            yield from _flat(part)
    else:
        yield found
