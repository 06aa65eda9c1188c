"""TensorFlow functions that reduce, search, sort or accumulate along axes."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axis, Number
from codegen.lowering.parts.tensors import pad_axes
from codegen.ops.keras import choosing, reductions
from codegen.ops.keras import math as keras_math
from codegen.ops.keras.indexing import getitem
from codegen.ops.keras.linalg import norm_over
from codegen.ops.tensorflow.arguments import (
    Alone,
    Axes,
    DType,
    Given,
    GivenList,
    Known,
    Native,
    Peer,
    PeerTerm,
    Tensor,
)
from codegen.ops.tensorflow.functions import tf

#: TensorFlow's reductions, by the op of Keras; what folds numbers of the host.
REDUCTIONS: dict[str, tuple[str, tuple[str, Callable[..., Any]] | None]] = {
    "sum": ("Sum", ("x + y", operator.add)),
    "mean": ("Mean", None),
    "max": ("Amax", ("max(x, y)", max)),
    "min": ("Amin", ("min(x, y)", min)),
    "prod": ("Prod", ("x * y", operator.mul)),
    "all": ("All", None),
    "any": ("Any", None),
    "logsumexp": ("Logsumexp", None),
    "euclidean_norm": ("EuclideanNorm", None),
    "std": ("Std", None),
    "variance": ("Var", None),
}


@tf({f"{prefix}math.reduce_{name}": {"name": name} for name in REDUCTIONS for prefix in ("", "compat.v1.")})
def reduce(b: Builder, input_tensor: Given, axis: Axes = None, keepdims: bool = False, *, name: str) -> Value:
    """`x.sum(dim=axis)` or the like; whole numbers stay whole, as TensorFlow keeps the dtype."""
    op, fold = REDUCTIONS[name]
    known = rules.host(input_tensor)
    if fold and isinstance(known, tuple) and known and not keepdims:
        return functools.reduce(lambda x, y: rules.host_map(b, *fold, (x, y)), known[1:], _host(b, known[0]))
    return reduce_with(b, op, rules.tensor(b, input_tensor), axis, keepdims)


def _host(b: Builder, part: Host | Number) -> Host:
    return part if isinstance(part, Host) else rules.known_number(b, part)


def reduce_with(b: Builder, name: str, x: Value, axis: Axis, keepdims: bool = False) -> Value:
    """An op of Keras over axes, in the dtype of `x`."""
    if axis == ():
        return b.elementwise(reductions.OVER_NOTHING.get(name, "x"), x=x)
    if name == "Prod":
        return b.cast(reductions.prod(b, x, axis=axis, keepdims=keepdims), x.dtype)
    if name == "Mean" and x.dtype in INTEGERS:
        sizes = [rules.host(b.size(x, a)) for a in rules.axes_of(b, axis, x.rank)]
        count = functools.reduce(lambda n, m: rules.host_map(b, "x * y", operator.mul, (n, m)), sizes)
        total = reductions.reduction(b, "Sum", b.cast(x, "int64"), axis, keepdims)
        y = b.elementwise('torch.div(x, n, rounding_mode="trunc")', x=total, n=rules.host(count))
        return b.cast(y, x.dtype)
    if name == "EuclideanNorm":
        return euclidean_norm(b, x, axis, keepdims)
    y = reductions.reduction(b, name, x, axis, keepdims)
    return y if y.dtype == x.dtype else b.cast(y, x.dtype)


def euclidean_norm(b: Builder, x: Value, axis: Axis, keepdims: bool) -> Value:
    """`x.norm()` in the dtype of `x`: of whole numbers, cut off; of complex numbers, complex."""
    wide = b.cast(x, "float64") if x.dtype in INTEGERS else x
    y = reductions.reduction(b, "EuclideanNorm", wide, axis, keepdims)
    if x.dtype in COMPLEX:
        y.dtype = {"complex64": "float32", "complex128": "float64"}[x.dtype]
    return b.cast(y, x.dtype)


@tf({"math.is_non_decreasing": {"sign": ">="}, "math.is_strictly_increasing": {"sign": ">"}})
def is_increasing(b: Builder, x: Native, *, sign: str) -> Value:
    """Whether the elements, in one row, never fall, or always rise."""
    return b.op(
        f"(x[1:] {sign} x[:-1]).all()", shape=(), dtype="bool", x=b.reshape(x, (element_count(x.shape),))
    )


@tf("math.count_nonzero", "compat.v1.math.count_nonzero")
def count_nonzero(
    b: Builder, input: Tensor, axis: Axes = None, keepdims: bool = False, dtype: DType = "int64"
) -> Value:
    """How many elements are not zero."""
    x = b.elementwise("x != 0", dtype="bool", x=input)
    y = rules.reduce(b, x, "x.sum(dim=d, keep)", axis, keepdims, dtype="int64", whole="x.sum()")
    return b.cast(y, dtype)


@tf("math.zero_fraction")
def zero_fraction(b: Builder, value: Tensor) -> Value:
    """The share of zeros."""
    return b.op("(x == 0).float().mean()", shape=(), perm=(), dtype="float32", x=value)


# -------------------------------------------------------------------- positions and order


@tf(
    {
        f"{prefix}math.arg{name}": {"method": f"arg{name}"}
        for name in ("max", "min")
        for prefix in ("", "compat.v1.")
    }
)
def argmax(b: Builder, input: Given, axis: int = 0, output_type: DType = "int64", *, method: str) -> Value:
    """`x.argmax(dim=axis)` or `x.argmin(dim=axis)`; the first of equal ones."""
    return reductions.argmax(b, input, axis=axis, method=method, dtype=output_type)


Direction = Literal["ASCENDING", "DESCENDING"]


@tf("sort")
def sort(b: Builder, values: Given, axis: int = -1, direction: Direction = "ASCENDING") -> Value:
    """`x.sort(dim=axis)`, the numbers alone."""
    return reductions.sort(b, values, axis=axis, descending=direction == "DESCENDING")


@tf("argsort", ignored=("stable",))  # it always is
def argsort(b: Builder, values: Given, axis: int = -1, direction: Direction = "ASCENDING") -> Value:
    """`x.argsort(dim=axis)` as int32; equal ones stay in their order."""
    return reductions.argsort(b, values, axis=axis, descending=direction == "DESCENDING")


@tf("math.top_k")
def top_k(
    b: Builder, input: Given, k: int = 1, sorted: bool = True, index_type: DType = "int32"
) -> list[Value]:
    """The largest elements of the last axis and where they are; of equal ones, the first."""
    if not sorted and k != 1:
        b.note("the largest elements are sorted, where TensorFlow's top_k(sorted=False) has no order")
    values, order = keras_math.top_k(b, input, k=k)
    return [values, b.cast(order, index_type)]


@tf("math.in_top_k", "keras.backend.in_top_k", "compat.v1.math.in_top_k")
def in_top_k(
    b: Builder, first: Given, k: int, predictions: Given | None = None, targets: Given | None = None
) -> Value:
    """Whether fewer than `k` predictions are larger than that of the target."""
    if targets is not None:
        return keras_math.in_top_k(b, targets, first, k=k)
    if predictions is None:
        b.malformed("it is called without 'predictions'")
    return keras_math.in_top_k(b, first, predictions, k=k)


# -------------------------------------------------------------------- running totals


@tf(
    {
        "math.cumsum": {"method": "cumsum", "start": 0.0},
        "math.cumprod": {"method": "cumprod", "start": 1.0},
        "math.cumulative_logsumexp": {"method": "logcumsumexp", "start": -math.inf},
    }
)
def cumulative(
    b: Builder,
    x: Tensor,
    axis: int = 0,
    exclusive: bool = False,
    reverse: bool = False,
    *,
    method: str,
    start: float,
) -> Value:
    """`x.cumsum(axis)` or the like, maybe from the end, maybe without the element itself."""
    x = rules.to_keras_order(b, x)
    a = b.axis(axis, x.rank)
    d = x.dim(a)
    if reverse:
        x = b.op("x.flip(d)", shape=x.shape, x=x, like=x, d=d)
    if exclusive:
        pairs = [(1, 0) if i == a else (0, 0) for i in range(x.rank)]
        shorter = getitem(b, x, [*[slice(None)] * a, slice(None, -1)])
        x = pad_axes(b, shorter, pairs, "constant", start)
    d = x.dim(a)
    if x.dtype in FLOATS | COMPLEX | {"int64"}:
        x = b.op(f"x.{method}(dim=d)", shape=x.shape, x=x, like=x, d=d)
    else:
        y = b.op(f"x.{method}(dim=d)", shape=x.shape, dtype="int64", x=x, like=x, d=d)
        x = b.cast(y, x.dtype)
    return b.op("x.flip(d)", shape=x.shape, x=x, like=x, d=x.dim(a)) if reverse else x


# -------------------------------------------------------------------- norms


@tf("math.l2_normalize")
def l2_normalize(b: Builder, x: Tensor, axis: Axes = None, epsilon: float = 1e-12) -> Value:
    """`F.normalize(x, dim=axis)`; its eps bounds the norm, TensorFlow's epsilon the square of it."""
    if epsilon < 0:
        b.unsupported("epsilon", epsilon, "supported: numbers of at least 0")
    x, eps = rules.to_keras_order(b, x), math.sqrt(epsilon)
    given = rules.axes_of(b, axis, x.rank)
    if len(given) == 1:
        operands: dict[str, Any] = {"d": x.dim(given[0])} | ({} if eps == 1e-12 else {"eps": eps})
        template = f"F.normalize(x, dim=d{', eps=eps' if 'eps' in operands else ''})"
        return b.op(template, shape=x.shape, x=x, like=x, **operands)
    norm = reductions.reduction(b, "EuclideanNorm", x, given, keepdims=True)
    return b.elementwise("x / y.clamp(min=eps)", x=x, y=norm, eps=eps)


def _order(b: Builder, value: object, option: str) -> str | float:
    known = rules.host(value)
    if known not in ("euclidean", "fro") and not isinstance(known, (int, float)):
        b.unsupported(option, value, "supported: 'euclidean', 'fro' and numbers")
    order: str | float = known
    return order


#: Which norm is meant.
Order: TypeAlias = Annotated[str | float, Alone(_order)]


@tf("norm", "compat.v1.norm")
def norm(
    b: Builder, tensor: Tensor, ord: Order = "euclidean", axis: Axes = None, keepdims: bool = False
) -> Value:
    """The norm of vectors along one axis, or of matrices in two."""
    x, order = rules.to_keras_order(b, tensor), ord
    if order in ("euclidean", "fro") or (order == 2 and not isinstance(axis, tuple)):
        return euclidean_norm(b, x, axis, keepdims)
    if isinstance(axis, tuple) and len(axis) == 2:
        if order not in (1, 2, math.inf):
            b.unsupported("ord", order, "supported for matrices: 1, 2, inf")
        return norm_over(b, x, float(order), tuple(b.axis(a, x.rank) for a in axis), keepdims)
    whole = "torch.linalg.vector_norm(x, order)"
    return rules.reduce(
        b,
        x,
        "torch.linalg.vector_norm(x, order, dim=d, keep)",
        axis,
        keepdims,
        whole=whole,
        order=float(order),
    )


@tf("linalg.normalize")
def normalize(b: Builder, tensor: Tensor, ord: Order = "euclidean", axis: Axes = None) -> list[Value]:
    """A tensor divided by its norm, and the norm."""
    size = norm(b, tensor, ord, axis, keepdims=True)
    return [b.elementwise("x / y", x=tensor, y=size), size]


@tf("clip_by_norm")
def clip_by_norm(b: Builder, t: Peer, clip_norm: PeerTerm, axes: Axes = None) -> Value:
    """Scaled down to `clip_norm` where the norm exceeds it."""
    x, bound = t, clip_norm
    size = reductions.reduction(b, "EuclideanNorm", x, axes, keepdims=True)
    bound = (
        max(bound, 0.0) if isinstance(bound, (int, float)) else choosing.extremum(b, bound, 0, larger=True)
    )
    largest = choosing.extremum(b, size, bound, larger=True)
    return b.elementwise("x * bound / size", x=x, bound=bound, size=largest)


@tf("linalg.global_norm")
def global_norm(b: Builder, t_list: GivenList) -> Value:
    """The norm of all elements of several tensors."""
    values = [rules.tensor(b, x) for x in t_list]
    squares = [b.op("x.square().sum()", shape=(), perm=(), x=x) for x in values]
    return b.op(
        "torch.stack(squares).sum().sqrt()", shape=(), perm=(), dtype=values[0].dtype, squares=squares
    )


@tf("clip_by_global_norm")
def clip_by_global_norm(
    b: Builder, t_list: GivenList, clip_norm: Known, use_norm: Tensor | None = None
) -> list[Value]:
    """Several tensors scaled down so that the norm of all elements is `clip_norm`, and this norm."""
    values = [rules.tensor(b, x) for x in t_list]
    total = global_norm(b, t_list) if use_norm is None else use_norm
    template = "x * bound / total.clamp(min=bound)"
    return [*(b.elementwise(template, x=x, bound=clip_norm, total=total) for x in values), total]
