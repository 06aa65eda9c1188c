"""What a call of a TensorFlow function passes, read as the function's annotations say.

`axis: int`, `x: Native`, `dtype: DType | None`: each annotation stands for one way to read an argument, and
says how it is refused. None is read as the parameter's default where the annotation does not admit it.
"""

from __future__ import annotations

import math
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Number, TensorLike, Term, is_host, is_tensor
from codegen.model.spec import Constant

#: A number that is known now, or the size of a tensor.
Size: TypeAlias = int | Host

TENSOR_DTYPES = FLOATS | INTEGERS | COMPLEX | {"bool"}


@dataclass(frozen=True)
class Alone:
    """Reads an argument, given its name for messages."""

    read: Callable[[Builder, Any, str], Any]


@dataclass(frozen=True)
class Jointly:
    """Reads one of several operands, given the dtype of the first of them that is a tensor.

    TensorFlow promotes no tensors; numbers and arrays of the graph take a tensor's dtype.
    """

    read: Callable[[Builder, Any, str | None], Any]


# -------------------------------------------------------------------- numbers that must be known now


def number(b: Builder, value: object, option: str) -> Number:
    """A number that is known before the model runs."""
    known = rules.host(value)
    if isinstance(known, (list, tuple)) and len(known) == 1:
        (known,) = known
    if not isinstance(known, (bool, int, float)):
        b.unsupported(option, value, "supported: a number")
    return known


def _whole(b: Builder, value: object, option: str) -> int:
    known = number(b, value, option)
    if isinstance(known, float) and not math.isfinite(known):
        b.unsupported(option, value, "supported: a number")
    return int(known)


def _count(b: Builder, value: object, option: str) -> int:
    known = _whole(b, value, option)
    if known < 1:
        b.unsupported(option, value, "supported: positive numbers")
    return known


def _float(b: Builder, value: object, option: str) -> float:
    known = number(b, value, option)
    if isinstance(known, int) and abs(known) > sys.float_info.max:
        b.unsupported(option, value, "supported: a number")
    return float(known)


def integers(b: Builder, value: object, option: str) -> tuple[int, ...]:
    """Whole numbers that are known before the model runs: one, or a list of them."""
    known = rules.host(value)
    items = known if isinstance(known, (list, tuple)) else (known,)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        b.unsupported(option, value, "supported: whole numbers")
    return tuple(items)


def _axes(b: Builder, value: object, option: str) -> int | tuple[int, ...] | None:
    known = rules.host(value)
    return None if known is None else known if type(known) is int else integers(b, known, option)


def pairs(b: Builder, value: object, option: str) -> tuple[tuple[int, int], ...]:
    """Two whole numbers for each axis."""
    known = rules.host(value)
    each = [integers(b, pair, option) for pair in known] if isinstance(known, (list, tuple)) else [()]
    if any(len(pair) != 2 for pair in each):
        b.unsupported(option, value, "supported: two whole numbers for each axis")
    return tuple((low, high) for low, high in each)


def dimensions(b: Builder, value: TensorLike, option: str) -> tuple[Size, ...]:
    """Sizes, known now or not; -1 for one that is open."""
    parts = rules.shape_argument(b, value, option)
    if any(isinstance(part, float) and not part.is_integer() for part in parts):
        b.unsupported(option, value, "supported: whole numbers")
    return tuple(part if isinstance(part, Host) else int(part) for part in parts)


def _size_pairs(b: Builder, value: TensorLike, option: str) -> tuple[tuple[Size, Size], ...]:
    known = rules.host(value)
    each = [dimensions(b, pair, option) for pair in known] if isinstance(known, (list, tuple)) else [()]
    if any(len(pair) != 2 for pair in each):
        b.unsupported(option, value, "supported: two numbers for each axis")
    return tuple((low, high) for low, high in each)


def _truth(b: Builder, value: object, option: str) -> bool:
    known = rules.host(value)
    if not isinstance(known, (bool, int)):
        b.unsupported(option, value, "supported: True, False")
    return bool(known)


# -------------------------------------------------------------------- words


def _dtype(b: Builder, value: object, option: str) -> str:
    if not isinstance(value, str) or value not in TENSOR_DTYPES:
        b.unsupported(option, value, "supported: dtypes of numbers")
    return value


def _text(b: Builder, value: object, option: str) -> str:
    if not isinstance(value, str):
        b.unsupported(option, value, "supported: text")
    return value


def _choice(words: Sequence[object]) -> Alone:
    """Reads one of several words, whatever case TensorFlow lets it be in."""

    def read(b: Builder, value: object, option: str) -> object:
        said = value.upper() if isinstance(value, str) and value not in words else value
        if said not in words:
            b.unsupported(option, value, f"supported: {', '.join(map(repr, words))}")
        return said

    return Alone(read)


# -------------------------------------------------------------------- operands


def _given(b: Builder, value: TensorLike, option: str) -> TensorLike:
    if not isinstance(value, (Value, Constant, bool, int, float, list, tuple)):
        b.unsupported(option, value, "supported: tensors and numbers")
    return value


def as_list(_b: Builder, value: object, _option: str = "") -> list[Any]:
    """Several values; one is a list of one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _term(b: Builder, value: TensorLike, dtype: str | None) -> Term:
    if not isinstance(value, (list, tuple)):
        return value
    if not any(isinstance(item, Value) for item in value):
        known = rules.as_constant(b, value)
        return Constant(known.values, dtype or known.dtype)
    numbers = [item for item in value if is_host(item)]
    return rules.sizes(b, numbers) if len(numbers) == len(value) else rules.tensor(b, value)


def _peer(b: Builder, value: TensorLike, dtype: str | None) -> Value:
    return rules.tensor(b, value, None if is_tensor(value) else dtype)


def peers(b: Builder, *values: TensorLike) -> list[Value]:
    """Operands as the annotation `Peer` reads them."""
    dtype = next((value.dtype for value in values if is_tensor(value)), None)
    return [_peer(b, value, dtype) for value in values]


def terms(b: Builder, *values: TensorLike) -> list[Term]:
    """The same for `PeerTerm`."""
    dtype = next((value.dtype for value in values if is_tensor(value)), None)
    return [_term(b, value, dtype) for value in values]


# -------------------------------------------------------------------- the annotations

#: A tensor, in whatever layout it is in; numbers and lists of them become one.
Tensor: TypeAlias = Annotated[Value, Alone(lambda b, value, _: rules.tensor(b, value))]
#: The same in Keras' layout.
Native: TypeAlias = Annotated[Value, Alone(lambda b, value, _: rules.native(b, value))]
#: One of several tensors; numbers and lists take the dtype of the first argument that is a tensor.
Peer: TypeAlias = Annotated[Value, Jointly(_peer)]
#: The same in Keras' layout.
NativePeer: TypeAlias = Annotated[Value, Jointly(lambda b, *given: b.keras_layout(_peer(b, *given)))]
#: The same for element-wise functions: a number stays one, a list is a constant.
PeerTerm: TypeAlias = Annotated[Term, Jointly(_term)]
#: What the file holds, as it is.
Given: TypeAlias = Annotated[TensorLike, Alone(_given)]
#: Several of these; one is a list of one.
GivenList: TypeAlias = Annotated[list[TensorLike], Alone(as_list)]
#: A number that is known now: what `int` and `float` read as one of their own.
Known: TypeAlias = Annotated[Number, Alone(number)]
#: A whole one of at least 1.
Count: TypeAlias = Annotated[int, Alone(_count)]
#: Whole numbers that are known now.
Ints: TypeAlias = Annotated[tuple[int, ...], Alone(integers)]
#: Two of them for each axis.
Pairs: TypeAlias = Annotated[tuple[tuple[int, int], ...], Alone(pairs)]
#: The same with sizes of other tensors.
SizePairs: TypeAlias = Annotated[tuple[tuple[Size, Size], ...], Alone(_size_pairs)]
#: One axis, several, or None for all.
Axes: TypeAlias = Annotated[int | tuple[int, ...] | None, Alone(_axes)]
#: Numbers known now, and sizes of other tensors.
Sizes: TypeAlias = Annotated[tuple[Size, ...], Alone(dimensions)]
#: The name of a dtype that torch has as well.
DType: TypeAlias = Annotated[str, Alone(_dtype)]

#: The same for types of Python.
_PLAIN: Mapping[object, Alone] = {
    int: Alone(_whole),
    float: Alone(_float),
    bool: Alone(_truth),
    str: Alone(_text),
}


@dataclass(frozen=True)
class Reader:
    """How the arguments of one parameter are read; `optional` if they may be None."""

    how: Alone | Jointly
    optional: bool = False

    @classmethod
    def of(cls, annotation: object) -> Reader:
        """The reader that an annotation stands for.

        Raises:
            TypeError: It stands for none.
        """
        if annotation in _PLAIN:
            return cls(_PLAIN[annotation])
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Literal:
            return cls(_choice(parts), optional=None in parts)
        if origin is Annotated and isinstance(parts[1], (Alone, Jointly)):
            return cls(parts[1], optional=annotation == Axes)
        if origin in (typing.Union, types.UnionType):
            kinds = [part for part in parts if part is not types.NoneType]
            if len(kinds) == 1:
                return cls(cls.of(kinds[0]).how, optional=True)
        raise TypeError(f"no argument can be read as {annotation}")

    @property
    def is_joint(self) -> bool:
        """Whether the dtype of the call's first tensor counts."""
        return isinstance(self.how, Jointly)

    def read(self, b: Builder, value: object, option: str, dtype: str | None) -> Any:
        """An argument as the annotation wants it.

        Args:
            b: The call's builder.
            value: What the file holds.
            option: The argument's name, for messages.
            dtype: Of the first tensor among the operands that are read jointly.
        """
        if value is None and self.optional:
            return None
        if isinstance(self.how, Jointly):
            return self.how.read(b, value, dtype)
        return self.how.read(b, value, option)
