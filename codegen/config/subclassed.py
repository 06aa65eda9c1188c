"""A subclassed model: its architecture is Python code, so that it is one layer of a class of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegen.config.context import Context
from codegen.config.written import written_layer
from codegen.errors import MalformedConfig
from codegen.model.packages import SUBCLASSED
from codegen.model.python_code import SourceObject
from codegen.model.spec import CallSpec, LayerSpec, ModelSpec, TensorRef
from codegen.model.words import default_name
from codegen.source.arguments import Input, ModelCall

_HOW_TO_SAY = "say them with --input, as in --input 'float32(N, 32)', once for each input"


def subclassed_model(
    entry: Mapping[str, Any], written: SourceObject, inputs: Sequence[Input], context: Context
) -> ModelSpec:
    """The model of a class of the source whose config is saved.

    Args:
        entry: As saved.
        written: The class.
        inputs: What the user says of the inputs; else the file's build config does.
        context: Of the file.

    Raises:
        MalformedConfig: Nobody says of which shapes its inputs are.
    """
    name = str(entry["config"].get("name") or default_name(written.name))
    inputs = inputs or _built_for(entry.get("build_config"))
    if not inputs:
        raise MalformedConfig(
            f"the file does not say of which shapes the inputs of {written.name} are; {_HOW_TO_SAY}"
        )
    return _model(written_layer(entry, name, written, context.inside(name), ()), inputs)


def constructed_model(
    call: ModelCall, written: SourceObject, inputs: Sequence[Input], context: Context
) -> ModelSpec:
    """The model of a class of the source of which only the weights are saved.

    Raises:
        MalformedConfig: The user does not say of which shapes its inputs are.
    """
    if not inputs:
        raise MalformedConfig(
            f"weights alone do not say of which shapes the inputs of {written.name} are; {_HOW_TO_SAY}"
        )
    name = default_name(written.name)
    entry: dict[str, Any] = {"config": {}}
    layer = written_layer(entry, name, written, context.inside(name), ())
    options = {"args": list(call.args), "kwargs": dict(call.kwargs)}
    config = {key: value for key, value in layer.config.items() if key != "options"}
    return _model(replace(layer, config={**config, "constructor": options}), inputs)


def _model(layer: LayerSpec, inputs: Sequence[Input]) -> ModelSpec:
    first = [
        LayerSpec(
            f"input_{number}",
            "InputLayer",
            {"batch_shape": (None, *given.shape[1:]), "dtype": given.dtype},
        )
        for number, given in enumerate(inputs, start=1)
    ]
    refs = [TensorRef(spec.name) for spec in first]
    named = {given.name: ref for given, ref in zip(inputs, refs, strict=True) if given.name}
    unnamed = tuple(ref for given, ref in zip(inputs, refs, strict=True) if not given.name)
    layer = replace(
        layer, config={**layer.config, "is_model": True}, calls=(CallSpec(unnamed, named),), model=None
    )
    names = tuple(spec.name for spec in first)
    return ModelSpec(layer.name, SUBCLASSED, (*first, layer), names, ())


def _built_for(build: Any) -> list[Input]:
    """The inputs that a model was built for, as Keras saves their shapes."""
    if not isinstance(build, Mapping):
        return []
    shapes = build.get("shapes_dict")
    if isinstance(shapes, Mapping):
        named = [(str(key).removesuffix("_shape"), shape) for key, shape in shapes.items()]
        if all(_is_shape(shape) for _, shape in named):
            return [Input(name, "float32", _sizes(shape)) for name, shape in named]
        shape = named[0][1] if len(named) == 1 else None
    else:
        shape = build.get("input_shape")
    return [Input("", "float32", _sizes(part)) for part in _parts(shape)]


def _parts(shape: Any) -> list[Any]:
    if _is_shape(shape):
        return [shape]
    if isinstance(shape, Mapping):
        return [part for key in sorted(shape) for part in _parts(shape[key])]
    return [part for item in shape for part in _parts(item)] if isinstance(shape, (list, tuple)) else []


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, (list, tuple)) or not shape:
        return False
    return all(size is None or (isinstance(size, int) and not isinstance(size, bool)) for size in shape)


def _sizes(shape: Any) -> tuple[int | None, ...]:
    return tuple(shape)
