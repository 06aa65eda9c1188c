"""Small models of many graph ops each: one output an op."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from inspect import signature
from typing import Any

from tests.oracle.cases.case import Case, keras

#: By the class name of the op that Keras records: what calls it.
Table = Mapping[str, Callable[..., Any]]
Shapes = Sequence[tuple[int | None, ...]]

CASES: list[Case] = []


def group(
    name: str,
    table: Table,
    shapes: Shapes,
    dtypes: Sequence[str] = (),
    *,
    ints: int = 7,
    files: Sequence[str] = ("keras",),
    batch: int = 3,
) -> Case:
    """A model that has the results of all ops of a table as its outputs."""

    def build() -> Any:
        kinds = [*dtypes, *["float32"] * (len(shapes) - len(dtypes))]
        inputs = [keras.Input(shape, dtype=kind) for shape, kind in zip(shapes, kinds, strict=True)]
        model = keras.Model(inputs, [_call(make, inputs) for make in table.values()], name=name)
        missing = set(table) - {type(operation).__name__ for operation in model.operations}
        assert not missing, f"Keras does not record {missing}"
        return model

    return Case(name, build, [], model=True, files=files, ints=ints, batch=batch)


def _call(make: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    """Call it on as many of the first inputs as it takes."""
    return make(*inputs[: len(signature(make).parameters)])


def unary(
    name: str, table: Table, before: Callable[[Any], Any] = lambda x: x, *, dtype: str = "float32"
) -> Case:
    """The same for ops of one matrix, each applied to what `before` makes of it."""
    return group(name, {op: _after(before, make) for op, make in table.items()}, [(5, 4)], [dtype])


def _after(before: Callable[[Any], Any], make: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: make(before(x))


def recorded(class_name: str) -> Any:
    """An op of numpy by its class, where no function of Keras makes one."""
    return getattr(import_module("keras.src.ops.numpy"), class_name)()
