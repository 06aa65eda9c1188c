"""Lambda: a layer that calls a Python function, which is evaluated over the graph and never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NoReturn

import numpy as np

from codegen.bytecode.compiled import read_function
from codegen.bytecode.routine import Routine
from codegen.bytecode.unmarshal import BadCode
from codegen.errors import CONFIG_FAULTS, UnsupportedLayer
from codegen.evaluation.author import author_of, evaluated
from codegen.evaluation.evaluator import Evaluator, evaluate
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.meaning.values import Function as FunctionValue
from codegen.evaluation.meaning.values import NotEvaluated
from codegen.graph import Host, Node, Value
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.masks import with_mask
from codegen.lowering.registry import LAMBDA_ADVICE, lowers
from codegen.model.nested import instances, map_nested
from codegen.model.python_code import CompiledFunction, SourceObject
from codegen.model.spec import Constant


@lowers("Lambda", masks="own", note="functions are read from the bytecode in the file")
def lambda_(
    b: Builder,
    inputs: Any,
    *,
    function: CompiledFunction | SourceObject,
    arguments: Mapping[str, Any] | None = None,
    mask: Any = None,
    output_shape: Any = None,
    tensorflow: Quirk[Literal["1", "2", "unknown"]] = "2",
    data_format: Quirk[Literal["channels_last", "channels_first", "unknown"]] = "channels_last",
    resizing: Quirk[str] = "",
    slope: Quirk[str] = "",
) -> Any:
    """What the function makes of its inputs; its mask is what its `mask` says, or none."""
    del output_shape  # it follows from the function
    versions = Versions(tensorflow, data_format, resizing, slope)
    if isinstance(function, SourceObject):
        call, routine, origin = _of_source(b, function, versions)
    else:
        routine, origin = _routine(b, function), "the bytecode that the file holds"
        call = partial(_evaluated, b, versions, routine, function)
    kwargs = {key: _constant(value) for key, value in (arguments or {}).items()}
    masks = [b.mask(x) for x in instances(inputs, Value)]
    seen = masks[0] if isinstance(inputs, Value) else masks
    for name, value in (("mask", seen), ("training", False)):
        if name in (*routine.positional, *routine.keyword_only) and name not in kwargs:
            kwargs[name] = value
    first = len(b.graph.nodes)
    result = call([inputs], kwargs)
    made = None
    if isinstance(mask, CompiledFunction):
        made = _evaluated(b, versions, _routine(b, mask), mask, [inputs, seen], {})
    elif isinstance(mask, SourceObject):
        made = _of_source(b, mask, versions)[0]([inputs, seen], {})
    elif mask is not None:
        _refuse(b, "has a mask that is no function")
    values = map_nested(lambda part: _tensor(b, part), result)
    _name(b, b.graph.nodes[first:], list(instances(values, Value)))
    called = "lambdas were" if routine.name == "<lambda>" else f"{routine.name}() was"
    b.note(f"{called} read from {origin}")
    if isinstance(values, Value):
        return with_mask(b, values, made, list(instances(inputs, Value)))
    return values


def _of_source(
    b: Builder, function: SourceObject, versions: Versions
) -> tuple[Callable[[Sequence[Any], Mapping[str, Any]], Any], Routine, str]:
    """How a function of given source is called, what it is, and where it was read."""
    author = author_of(b, function, versions)
    world = Evaluator(b, versions, author, None, author.budget)
    found = evaluated(b, lambda: author.program.namespace(function.module).find(world, function.name))
    if not isinstance(found, FunctionValue):
        _refuse(b, f"calls {function.name}, which is no function in {function.module.file}")

    def call(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return evaluated(b, lambda: map_nested(world.ready, world.call(found, args, kwargs)))

    return call, found.routine, function.module.file


def _routine(b: Builder, function: CompiledFunction) -> Routine:
    try:
        return read_function(function.code)
    except BadCode as error:
        _refuse(b, f"holds code that cannot be read ({error})")


def _evaluated(
    b: Builder,
    versions: Versions,
    routine: Routine,
    function: CompiledFunction,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    name = "" if routine.name == "<lambda>" else f"{routine.name}() "
    try:
        defaults, closure = (list(map(_constant, values)) for values in (function.defaults, function.closure))
        return evaluate(b, versions, routine, args, kwargs, defaults=defaults, closure=closure)
    except NotEvaluated as error:
        _refuse(b, f"{name}{error}")
    except CONFIG_FAULTS as fault:  # what the code does with values that its author did not think of
        _refuse(b, f"{name}does not work ({type(fault).__name__}: {fault})")


def _constant(stored: Any) -> Any:
    """A constant of the file as the function sees it."""
    if isinstance(stored, Constant):
        return np.asarray(stored.values, stored.dtype)
    return stored


def _tensor(b: Builder, part: Any) -> Value:
    """An output: a tensor of the graph."""
    if isinstance(part, Host):
        return b.from_host(part)
    if not isinstance(part, Value):
        _refuse(b, "yields something else than tensors")
    return part


def _name(b: Builder, nodes: Sequence[Node], outputs: Sequence[Value]) -> None:
    """The outputs are named after the layer, what is on the way to them is not if Keras named the layer."""
    between = "x" if re.fullmatch(r"lambda(_\d+)?", b.label) else b.label
    for value in (value for node in nodes for value in node.results()):
        if value in outputs:
            value.layer = b.label
        elif value.layer == b.label:
            value.layer = between


def _refuse(b: Builder, reason: str) -> NoReturn:
    raise UnsupportedLayer(b.spec.name, "Lambda", f"{reason}; {LAMBDA_ADVICE}")
