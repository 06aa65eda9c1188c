"""Constraints of weights -> statements that bring a model's weights back after a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from codegen.emit.code import literal
from codegen.emit.modules import Names
from codegen.emit.training.methods import named, trained_sources
from codegen.emit.training.rules import Task, write_rules
from codegen.graph import Graph
from codegen.graph.recipe import Weight
from codegen.model.variables import Variable, VariableTree
from codegen.training.losses import NotContinued
from codegen.training.read_config import is_number, saved_object
from codegen.training.spec import Saved

_ALIASES = {"nonneg": "nonneg", "nonnegative": "nonneg"}


def constraint_lines(graph: Graph, names: Names, tree: VariableTree) -> list[str]:
    """Statements about `model`; none if no weight is constrained.

    Raises:
        NotContinued: A constraint is not known.
    """
    tasks = []
    for key, module, weight, source in trained_sources(graph, names, tree):
        saved = saved_object(source.option("constraint")) if source else None
        statement = _statement(saved, weight, source.variable) if saved and source else None
        tasks.append(Task(key, len(weight.shape), statement, attribute=named(key, module)))
    return write_rules(tasks, owner="model")


def _statement(constraint: Saved, weight: Weight, variable: Variable) -> str:
    key = _ALIASES.get(constraint.key, constraint.key)
    options = constraint.options

    def number(name: str, default: float) -> str:
        value = options.get(name, default)
        if not is_number(value):
            raise NotContinued(f"the constraint {constraint.name!r} with {name}={value!r}")
        return literal(float(value))

    if key == "nonneg" and not constraint.own:
        return "non_negative_({p})"
    if key not in ("maxnorm", "unitnorm", "minmaxnorm") or constraint.own:
        raise NotContinued(f"the constraint {constraint.name!r} of the weights of {variable.owner[-1]!r}")
    dims = literal(_dims(weight, variable, options.get("axis", 0)))
    if key == "maxnorm":
        limit = number("max_value", number_of(options, "m", 2.0))
        return f"max_norm_({{p}}, {limit}, {dims})"
    if key == "unitnorm":
        return f"unit_norm_({{p}}, {dims})"
    bounds = f"{number('min_value', 0.0)}, {number('max_value', 1.0)}, {number('rate', 1.0)}"
    return f"min_max_norm_({{p}}, {bounds}, {dims})"


def number_of(options: Mapping[str, Any], name: str, default: float) -> float:
    """A number under its name of Keras 1, or the default."""
    value = options.get(name, default)
    return float(value) if is_number(value) else default


def _dims(weight: Weight, variable: Variable, axis: Any) -> tuple[int, ...]:
    """The dims of torch's tensor along which Keras' axes of the variable lie."""
    axes = [axis] if isinstance(axis, int) else axis
    rank = len(variable.shape)
    if not isinstance(axes, (list, tuple)) or not all(isinstance(a, int) and -rank <= a < rank for a in axes):
        raise NotContinued(f"a constraint over the axes {axis!r} of the weights of {variable.owner[-1]!r}")
    found: list[int] = []
    for wanted in axes:
        position = np.indices(variable.shape, sparse=True)[wanted]
        moved = weight.evaluate(lambda _: np.broadcast_to(position, variable.shape))  # noqa: B023 - at once
        dims = [d for d in range(moved.ndim) if (np.diff(moved, axis=d) != 0).any()]
        if len(dims) > 1:
            raise NotContinued(
                f"a constraint of the weights of {variable.owner[-1]!r}, which torch has joined"
            )
        found += dims
    return tuple(sorted(found))
