"""What ops take: tensors of the graph, numbers of the host, constants, and nested lists of all of these."""

from __future__ import annotations

from types import EllipsisType
from typing import TypeAlias, TypeGuard

from codegen.graph import Host, Value
from codegen.model.spec import Constant

Number: TypeAlias = bool | int | float
#: What an expression can hold as it is; a `Value` is a tensor, or a `Host`.
Term: TypeAlias = Value | Constant | bool | int | float
#: An argument of an op of Keras or TensorFlow.
TensorLike: TypeAlias = Value | Constant | bool | int | float | list["TensorLike"] | tuple["TensorLike", ...]
#: One part of an index: a position, a slice, `...`, None for a new axis, or a tensor of positions.
Index: TypeAlias = TensorLike | slice | EllipsisType | None
Axes: TypeAlias = int | tuple[int, ...]
Axis: TypeAlias = Axes | None


def is_host(operand: object) -> TypeGuard[Host | Number]:
    """Whether it is a number (or a tuple of them) that Python knows when the model runs."""
    return isinstance(operand, (int, float, Host))


def is_tensor(operand: object) -> TypeGuard[Value]:
    """Whether it is a tensor, and no number of the host."""
    return isinstance(operand, Value) and not isinstance(operand, Host)
