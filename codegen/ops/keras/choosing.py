"""Graph ops that choose element by element: the larger, by a condition, within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.graph import Host, Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike, is_host, is_tensor
from codegen.lowering.parts.rules import op
from codegen.model.spec import Constant
from codegen.ops.keras.elementwise import operand


@op({"Maximum": {"larger": True}, "Minimum": {"larger": False}})
def extremum(b: Builder, x1: TensorLike, x2: TensorLike, *, larger: bool) -> Value:
    """`torch.maximum(x, y)` or `torch.minimum(x, y)`; with a number, `x.clamp(min=y)`."""
    if is_host(x1) and is_host(x2):
        if larger:
            return rules.host_map(b, "max(x, y)", max, (x1, x2))
        return rules.host_map(b, "min(x, y)", min, (x1, x2))
    x, y = operand(b, x1), operand(b, x2)
    dtype = rules.result_type(x, y)
    x, y = rules.in_one_dtype(b, (x, y), dtype)
    if is_host(x):
        x, y = y, x
    if not is_host(y):
        template = "torch.maximum(x, y)" if larger else "torch.minimum(x, y)"
        return b.elementwise(template, dtype=dtype, x=x, y=y)
    x = rules.tensor(b, x, dtype)
    positive = larger and not isinstance(y, Host) and y >= 0
    if positive and y == 0:
        return b.elementwise("F.relu(x)", dtype=dtype, non_negative=True, x=x)
    template = "x.clamp(min=y)" if larger else "x.clamp(max=y)"
    return b.elementwise(template, dtype=dtype, non_negative=positive, x=x, y=y)


@op({"LogicalAnd": {"symbol": "&"}, "LogicalOr": {"symbol": "|"}, "LogicalXor": {"symbol": "^"}})
def logical(b: Builder, x1: TensorLike, x2: TensorLike, *, symbol: str) -> Value:
    """`x & y`, `x | y` or `x ^ y` of what is not zero."""
    x, y = (rules.in_one_dtype(b, (operand(b, v),), "bool")[0] for v in (x1, x2))
    x, y = (rules.tensor(b, v, "bool") if not isinstance(v, bool) else v for v in (x, y))
    return b.elementwise(f"x {symbol} y", dtype="bool", x=x, y=y)


@op("Where")
def where(
    b: Builder, condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None
) -> Value:
    """`torch.where(condition, x, y)`."""
    if x1 is None or x2 is None:
        b.unsupported("x1", None, "the indices of a condition have no fixed number")
    condition = rules.tensor(b, condition)
    condition = b.cast(condition, "bool")
    x, y = operand(b, x1), operand(b, x2)
    dtype = rules.result_type(x, y)
    x, y = (
        rules.in_one_dtype(b, (x, y), dtype)
        if any(isinstance(v, (Value, Constant)) for v in (x, y))
        else (x, y)
    )
    if not any(is_tensor(v) for v in (x, y)):
        x = rules.tensor(b, x, dtype)
    return b.elementwise("torch.where(condition, x, y)", dtype=dtype, x=x, y=y, condition=condition)


@op("Select")
def select(
    b: Builder, condlist: list[TensorLike], choicelist: list[TensorLike], default: TensorLike = 0
) -> Value:
    """The choice of the first condition that holds, else the default; in the dtype that numpy gives."""
    choices = [default, *choicelist]
    kinds = [v if isinstance(v, (bool, int, float)) else rules.kind_of(operand(b, v)) for v in choices]
    dtype = "bfloat16" if "bfloat16" in kinds else str(np.result_type(*kinds))
    ready = [
        Constant(v, dtype) if isinstance(v, (bool, int, float)) else rules.tensor(b, v, dtype)
        for v in choices
    ]
    result: Any = ready[0]
    for condition, choice in reversed(list(zip(condlist, ready[1:], strict=True))):
        result = where(b, condition, choice, result)
    return rules.tensor(b, result)


@op("Clip")
def clip(b: Builder, x: Value, *, x_min: TensorLike, x_max: TensorLike) -> Value:
    """`x.clamp(x_min, x_max)`."""
    x = rules.tensor(b, x)
    if x.dtype == "bool":
        x = b.cast(x, "int32")
    low, high = (rules.host(v) for v in (x_min, x_max))
    numbers = [v for v in (low, high) if isinstance(v, (int, float))]
    if is_host(low) and is_host(high) and numbers == sorted(numbers):
        return b.elementwise("x.clamp(low, high)", x=x, low=low, high=high)
    if high is not None:
        x = extremum(b, x, high, larger=False)
    return x if low is None else extremum(b, x, low, larger=True)
