"""One call of one layer: its options and arguments are bound, its function is run, its mask is carried on."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import Any

from codegen.errors import ConversionError, CustomFunctionError, LayerFunctionBug
from codegen.graph import Value
from codegen.graph.templates import TemplateError
from codegen.lowering import masks, registry
from codegen.lowering.arguments import check_count, check_types
from codegen.lowering.binder import LayerFunction
from codegen.lowering.builder import Builder
from codegen.model.nested import instances, map_nested
from codegen.model.packages import OPS, SOURCE, TENSORFLOW
from codegen.model.spec import LayerSpec

_PACKAGE = Path(__file__).parents[1]
_LAYER_FUNCTIONS = (_PACKAGE / "layers", _PACKAGE / "ops")


def call_layer(b: Builder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Lower one call of one layer; returns what its function returns.

    Raises:
        ConversionError: The layer or an option of it is not supported, or its config is faulty.
        CustomFunctionError: A layer function of the user's own does not work.
        LayerFunctionBug: One of ours does not.
    """
    function = registry.find(b.spec)
    spec, args, kwargs = b.spec, list(args), dict(kwargs)
    if function.package == OPS:
        spec, args = _with_options_of_call(spec, function, args, kwargs)
    options = function.bind(spec)
    call_kwargs = _call_arguments(b, function, args, kwargs)
    check_count(b, function, args, call_kwargs)
    if not function.package.startswith((OPS, TENSORFLOW)):
        args = map_nested(lambda part: b.autocast(part) if isinstance(part, Value) else part, args)
    if function.package != TENSORFLOW:  # whose functions convert what they take
        check_types(b, function, args, call_kwargs)
    result = _run(b, function, args, {**call_kwargs, **options})
    return masks.carry(b, b.masks, function.masks, args, result)


def _with_options_of_call(
    spec: LayerSpec, function: LayerFunction, args: list[Any], kwargs: dict[str, Any]
) -> tuple[LayerSpec, list[Any]]:
    """An op that was called with what are its options since Keras 3.12, by name or in their order."""
    count = len(args) if function.takes_any_args else len(function.call_names)
    given = dict(zip(function.options, args[count:], strict=False))
    given |= {name: kwargs.pop(name) for name in function.options if name in kwargs}
    left = args[:count] + args[count + len(function.options) :]
    return replace(spec, config={**spec.config, **given}), left


def _call_arguments(
    b: Builder, function: LayerFunction, args: Sequence[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The call's keyword arguments that the function takes; `mask` is put where `b.mask` finds it."""
    takes_mask = "mask" in function.call_names or function.package in (SOURCE, TENSORFLOW)
    if "mask" in kwargs and not takes_mask:
        b.masks.give(instances(list(args), Value), instances(kwargs.pop("mask"), Value))
    bound = {}
    for name, argument in kwargs.items():
        if name in function.call_names or function.takes_any_kwargs:
            bound[name] = argument
        elif argument is not None and not (name == "training" and argument is False):
            b.unsupported(name, "<tensor>" if isinstance(argument, Value) else argument, "not in a call")
    return bound


def _run(b: Builder, function: LayerFunction, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run a layer function; what goes wrong in it is its author's fault and never the model file's."""
    is_ours = Path(_code(function).co_filename).is_relative_to(_PACKAGE)
    if not is_ours:
        b.session.own[b.owner] = _place(function)
    try:
        result = function(b, *args, **kwargs)
        if result is None and not is_ours:
            raise CustomFunctionError(b.spec.name, _place(function), "it returns nothing; return the output")
        return result
    except MemoryError:
        b.malformed("its options make tables that are larger than memory")
    except Exception as fault:
        refused = isinstance(fault, ConversionError)
        if refused and (is_ours or not isinstance(fault, LayerFunctionBug)):
            raise
        message = str(fault) if refused or isinstance(fault, TemplateError) else _described(fault)
        kind = LayerFunctionBug if is_ours else CustomFunctionError
        raise kind(
            b.spec.name, _place(function, fault, _LAYER_FUNCTIONS if is_ours else ()), message
        ) from fault


def _described(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"


def _code(function: LayerFunction) -> CodeType:
    code: CodeType = inspect.unwrap(function.function).__code__
    return code


def _place(function: LayerFunction, fault: Exception | None = None, rooms: Sequence[Path] = ()) -> str:
    """Name, file and line at which it went wrong, in the function's own file or in these folders."""
    code = _code(function)
    for frame in reversed(traceback.extract_tb(fault.__traceback__) if fault else []):
        path = Path(frame.filename)
        if frame.filename == code.co_filename or any(path.is_relative_to(room) for room in rooms):
            return f"{frame.name}() in {path.name}, line {frame.lineno}"
    return f"{code.co_name}() in {Path(code.co_filename).name}, line {code.co_firstlineno}"
