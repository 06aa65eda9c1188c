"""Runs the instructions of a function over constants and tensors: a stack machine, one frame a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codegen.evaluation.frame import Frame, World
from codegen.evaluation.meaning.values import Box, Cursor, Function, NotEvaluated
from codegen.evaluation.steps import OPERATIONS


def call_function(world: World, function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a function of the file returns for these arguments; a generator: the list of what it yields.

    Raises:
        NotEvaluated: It does something that cannot be evaluated.
    """
    routine = function.routine
    frame = Frame(world, routine, _bound(function, args, kwargs), function.namespace)
    frame.cells = {name: Box() for name in routine.cells}
    frame.cells.update(zip(routine.free, function.closure, strict=False))
    for name in routine.cells:
        if name in frame.variables:
            frame.cells[name] = Box(frame.variables[name], is_set=True)
    world.budget.enter()
    _run(frame)
    world.budget.leave()
    return Cursor(frame.yielded) if routine.is_generator else frame.result


def _run(frame: Frame) -> None:
    instructions = frame.routine.instructions
    line = 0
    try:
        while frame.position < len(instructions):
            frame.world.budget.step()
            instruction = instructions[frame.position]
            frame.position += 1
            line = instruction.line
            OPERATIONS[instruction.op](frame, instruction.arg)
    except NotEvaluated as error:
        if line and error.place is None:
            error.place = (frame.routine.file, line)
        raise


def _bound(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A call's arguments by parameter, as Python binds them."""
    routine = function.routine
    name = "it" if routine.name == "<lambda>" else f"{routine.name}()"
    count = len(routine.positional)
    bound = dict(zip(routine.positional, args, strict=False))
    if len(args) > count and not routine.rest:
        raise NotEvaluated(f"is called with {len(args)} arguments, but {name} takes {count}")
    if routine.rest:
        bound[routine.rest] = tuple(args[count:])
    surplus: dict[str, Any] = {}
    for key, value in kwargs.items():
        if key in bound:
            raise NotEvaluated(f"gives {key!r} twice to {name}")
        is_parameter = key in routine.positional or key in routine.keyword_only
        (bound if is_parameter else surplus)[key] = value
    if surplus and not routine.keywords:
        raise NotEvaluated(f"is called with {next(iter(surplus))!r}, which {name} does not take")
    if routine.keywords:
        bound[routine.keywords] = surplus
    defaults = dict(
        zip(routine.positional[count - len(function.defaults) :], function.defaults, strict=False)
    )
    for key, value in {**defaults, **function.keyword_defaults}.items():
        bound.setdefault(key, value)
    missing = [key for key in (*routine.positional, *routine.keyword_only) if key not in bound]
    if missing:
        raise NotEvaluated(f"is called without {missing[0]!r}, which {name} needs")
    return bound
