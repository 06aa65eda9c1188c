"""TensorFlow functions that reduce, search, sort or accumulate along axes."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.tensors import padded
from codegen.ops.keras import elementwise, reductions
from codegen.ops.keras import math as keras_math
from codegen.ops.keras.indexing import getitem
from codegen.ops.keras.linalg import made, norm_over
from codegen.ops.tensorflow.functions import axes, dtype_name, function_name, number, operands, tf

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


@tf(*(f"{prefix}math.reduce_{name}" for name in REDUCTIONS for prefix in ("", "compat.v1.")))
def reduce(b: Builder, input_tensor: Any, axis: Any = None, keepdims: Any = None) -> Value:
    """`x.sum(dim=axis)` or the like; whole numbers stay whole, as TensorFlow keeps the dtype."""
    name, fold = REDUCTIONS[function_name(b).rpartition("reduce_")[2]]
    known = rules.host(input_tensor)
    if fold and isinstance(known, tuple) and known and not keepdims:
        return functools.reduce(lambda x, y: rules.host_map(b, *fold, (x, y)), known[1:], _host(b, known[0]))
    x = rules.tensor(b, input_tensor)
    return reduced(b, name, x, axes(b, axis), bool(keepdims))


def _host(b: Builder, part: Any) -> Value:
    return part if isinstance(part, Value) else rules.number(b, part)


def reduced(b: Builder, name: str, x: Value, axis: Any, keepdims: bool = False) -> Value:
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


def euclidean_norm(b: Builder, x: Value, axis: Any, keepdims: bool) -> Value:
    """`x.norm()` in the dtype of `x`: of whole numbers, cut off; of complex numbers, complex."""
    wide = b.cast(x, "float64") if x.dtype in INTEGERS else x
    y = reductions.reduction(b, "EuclideanNorm", wide, axis, keepdims)
    if x.dtype in COMPLEX:
        y.dtype = {"complex64": "float32", "complex128": "float64"}[x.dtype]
    return b.cast(y, x.dtype)


@tf("math.is_non_decreasing", "math.is_strictly_increasing")
def is_increasing(b: Builder, x: Any) -> Value:
    """Whether the elements, in one row, never fall, or always rise."""
    x = rules.native(b, x)
    sign = ">=" if function_name(b).endswith("non_decreasing") else ">"
    return made(b, f"(x[1:] {sign} x[:-1]).all()", (), "bool", x=b.reshape(x, (rules.elements(x.shape),)))


@tf("math.count_nonzero", "compat.v1.math.count_nonzero")
def count_nonzero(
    b: Builder, input: Any, axis: Any = None, keepdims: Any = None, dtype: Any = "int64"
) -> Value:
    """How many elements are not zero."""
    x = b.elementwise("x != 0", dtype="bool", x=rules.tensor(b, input))
    y = rules.reduce(
        b, x, "x.sum(dim=d, keep)", axes(b, axis), bool(keepdims), dtype="int64", whole="x.sum()"
    )
    return b.cast(y, dtype_name(b, dtype))


@tf("math.zero_fraction")
def zero_fraction(b: Builder, value: Any) -> Value:
    """The share of zeros."""
    return b.op("(x == 0).float().mean()", shape=(), perm=(), dtype="float32", x=rules.tensor(b, value))


# -------------------------------------------------------------------- positions and order


@tf("math.argmax", "math.argmin", "compat.v1.math.argmax", "compat.v1.math.argmin")
def argmax(b: Builder, input: Any, axis: Any = None, output_type: Any = "int64") -> Value:
    """`x.argmax(dim=axis)`, of the first axis if none is given; the first of equal ones."""
    name = "Argmax" if function_name(b).endswith("argmax") else "Argmin"
    a = 0 if axis is None else int(number(b, axis, "axis"))
    return reductions.position(b, name, input, a, False, dtype_name(b, output_type, "output_type"))


@tf("sort")
def sort(b: Builder, values: Any, axis: int = -1, direction: str = "ASCENDING") -> Value:
    """`x.sort(dim=axis)`, the numbers alone."""
    return reductions.sorted_along(b, values, axis, descending=_descending(b, direction))


@tf("argsort")
def argsort(
    b: Builder, values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False
) -> Value:
    """`x.argsort(dim=axis)` as int32; equal ones stay in their order."""
    del stable  # it always is
    return reductions.argsort_along(b, values, axis, descending=_descending(b, direction))


def _descending(b: Builder, direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        b.unsupported("direction", direction, "supported: 'ASCENDING', 'DESCENDING'")
    return direction == "DESCENDING"


@tf("math.top_k")
def top_k(b: Builder, input: Any, k: Any = 1, sorted: bool = True, index_type: Any = "int32") -> list[Value]:
    """The largest elements of the last axis and where they are; of equal ones, the first."""
    if not sorted and k != 1:
        b.note("the largest elements are sorted, where TensorFlow's top_k(sorted=False) has no order")
    values, order = keras_math.top_k(b, input, k=int(number(b, k, "k")))
    return [values, b.cast(order, dtype_name(b, index_type, "index_type"))]


@tf("math.in_top_k", "keras.backend.in_top_k", "compat.v1.math.in_top_k")
def in_top_k(b: Builder, first: Any, k: Any, predictions: Any = None, targets: Any = None) -> Value:
    """Whether fewer than `k` predictions are larger than that of the target."""
    y, x = (first, predictions) if targets is None else (targets, first)
    return keras_math.in_top_k(b, y, x, k=int(number(b, k, "k")))


# -------------------------------------------------------------------- running totals


@tf("math.cumsum", "math.cumprod", "math.cumulative_logsumexp")
def cumulative(b: Builder, x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False) -> Value:
    """`x.cumsum(axis)` or the like, maybe from the end, maybe without the element itself."""
    x = rules.settled(b, rules.tensor(b, x))
    a = b.axis(int(number(b, axis, "axis")), x.rank)
    method, start = {"cumsum": ("cumsum", 0), "cumprod": ("cumprod", 1)}.get(
        function_name(b).rpartition(".")[2], ("logcumsumexp", -math.inf)
    )
    d = x.dim(a)
    if reverse:
        x = b.op("x.flip(d)", shape=x.shape, x=x, like=x, d=d)
    if exclusive:
        pairs = [(1, 0) if i == a else (0, 0) for i in range(x.rank)]
        shorter = getitem(b, x, [*[slice(None)] * a, slice(None, -1)])
        x = padded(b, shorter, pairs, "constant", float(start))
    d = x.dim(a)
    if x.dtype in FLOATS | COMPLEX | {"int64"}:
        x = b.op(f"x.{method}(dim=d)", shape=x.shape, x=x, like=x, d=d)
    else:
        y = b.op(f"x.{method}(dim=d)", shape=x.shape, dtype="int64", x=x, like=x, d=d)
        x = b.cast(y, x.dtype)
    return b.op("x.flip(d)", shape=x.shape, x=x, like=x, d=x.dim(a)) if reverse else x


# -------------------------------------------------------------------- norms


@tf("math.l2_normalize")
def l2_normalize(b: Builder, x: Any, axis: Any = None, epsilon: Any = 1e-12) -> Value:
    """`F.normalize(x, dim=axis)`; its eps bounds the norm, TensorFlow's epsilon the square of it."""
    x = rules.settled(b, rules.tensor(b, x))
    eps = math.sqrt(number(b, epsilon, "epsilon"))
    given = rules.axes_of(b, axes(b, axis), x.rank)
    if len(given) == 1:
        operands_: dict[str, Any] = {"d": x.dim(given[0])} | ({} if eps == 1e-12 else {"eps": eps})
        template = f"F.normalize(x, dim=d{', eps=eps' if 'eps' in operands_ else ''})"
        return b.op(template, shape=x.shape, x=x, like=x, **operands_)
    norm = reductions.reduction(b, "EuclideanNorm", x, given, True)
    return b.elementwise("x / y.clamp(min=eps)", x=x, y=norm, eps=eps)


@tf("norm", "compat.v1.norm")
def norm(b: Builder, tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None) -> Value:
    """The norm of vectors along one axis, or of matrices in two."""
    return norm_of(b, rules.tensor(b, tensor), ord, axes(b, axis), bool(keepdims))


def norm_of(b: Builder, x: Value, order: Any, axis: Any, keepdims: bool) -> Value:
    """TensorFlow's `norm`."""
    x = rules.settled(b, x)
    if order in ("euclidean", "fro") or (order == 2 and not isinstance(axis, tuple)):
        return euclidean_norm(b, x, axis, keepdims)
    if not isinstance(order, (int, float)):
        b.unsupported("ord", order, "supported: 'euclidean', 'fro' and numbers")
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
def normalize(b: Builder, tensor: Any, ord: Any = "euclidean", axis: Any = None) -> list[Value]:
    """A tensor divided by its norm, and the norm."""
    x = rules.tensor(b, tensor)
    size = norm_of(b, x, ord, axes(b, axis), True)
    return [b.elementwise("x / y", x=x, y=size), size]


@tf("clip_by_norm")
def clip_by_norm(b: Builder, t: Any, clip_norm: Any, axes: Any = None) -> Value:
    """Scaled down to `clip_norm` where the norm exceeds it."""
    x, bound = operands(b, t, clip_norm)
    x = rules.tensor(b, x)
    size = reductions.reduction(b, "EuclideanNorm", x, _tuple(rules.host(axes)), True)
    bound = (
        max(bound, 0.0) if isinstance(bound, (int, float)) else elementwise.extremum(b, "Maximum", bound, 0)
    )
    largest = elementwise.extremum(b, "Maximum", size, bound)
    return b.elementwise("x * bound / size", x=x, bound=bound, size=largest)


def _tuple(axes: Any) -> Any:
    return tuple(axes) if isinstance(axes, list) else axes


@tf("linalg.global_norm", "clip_by_global_norm")
def global_norm(b: Builder, t_list: Any, clip_norm: Any = None, use_norm: Any = None) -> Any:
    """The norm of all elements of several tensors, or these scaled down to `clip_norm`."""
    values = [rules.tensor(b, x) for x in t_list]
    total = use_norm
    if total is None:
        squares = [b.op("x.square().sum()", shape=(), perm=(), x=x) for x in values]
        total = b.op(
            "torch.stack(squares).sum().sqrt()", shape=(), perm=(), dtype=values[0].dtype, squares=squares
        )
    if function_name(b) == "linalg.global_norm":
        return total
    bound = number(b, clip_norm, "clip_norm")
    template = "x * bound / total.clamp(min=bound)"
    return [*(b.elementwise(template, x=x, bound=bound, total=total) for x in values), total]
