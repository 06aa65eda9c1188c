"""Graph ops of `keras.ops.linalg`."""

from __future__ import annotations

import math
from typing import Any, Literal

from codegen.graph import Host, Value
from codegen.graph.dtypes import FLOATS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axis, TensorLike
from codegen.lowering.parts.rules import op
from codegen.model.spec import Shape
from codegen.ops.keras.reductions import reduction
from codegen.ops.keras.shapes import expand_dims

#: Of what Keras has a norm of matrices.
_MATRIX_ORDERS = (None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)

_EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52}


def matrix(b: Builder, x: TensorLike) -> Value:
    """A tensor whose last two axes are a matrix."""
    made_of: Value = rules.native(b, x)
    if made_of.rank < 2:
        b.malformed(f"its input {made_of.shape} is no matrix")
    return made_of


def square(b: Builder, x: TensorLike) -> Value:
    """A tensor whose last two axes are a square matrix."""
    made_of = matrix(b, x)
    rules.common_shape(b, [made_of.shape[-1:], made_of.shape[-2:-1]])
    return made_of


def equations(b: Builder, a: TensorLike, y: TensorLike) -> tuple[Value, Value]:
    """Square matrices, and vectors or matrices of as many rows."""
    matrices, right = square(b, a), rules.native(b, y)
    if right.rank not in (matrices.rank, matrices.rank - 1):
        b.malformed(f"its inputs {matrices.shape} and {right.shape} are no equations")
    rows = matrices.rank - 2
    rules.common_shape(b, [matrices.shape[rows : rows + 1], right.shape[rows : rows + 1]])
    return matrices, right


@op("Cholesky")
def cholesky(b: Builder, x: TensorLike, *, upper: bool = False) -> Value:
    """`torch.linalg.cholesky(x)`."""
    x = square(b, x)
    template = "torch.linalg.cholesky(x).mH" if upper else "torch.linalg.cholesky(x)"
    return b.op(template, shape=x.shape, x=x)


@op("CholeskyInverse")
def cholesky_inverse(b: Builder, x: TensorLike, *, upper: bool = False) -> Value:
    """`torch.cholesky_inverse(x)`: the inverse of what has this Cholesky factor."""
    x = square(b, x)
    template = "torch.cholesky_inverse(x, upper=True)" if upper else "torch.cholesky_inverse(x)"
    return b.op(template, shape=x.shape, x=x)


@op("Det")
def det(b: Builder, x: TensorLike) -> Value:
    """`torch.linalg.det(x)`."""
    x = square(b, x)
    return b.op("torch.linalg.det(x)", shape=x.shape[:-2], x=x)


@op("Logdet")
def logdet(b: Builder, x: TensorLike) -> Value:
    """The logarithm of the determinant of positive definite matrices."""
    x = square(b, x)
    return b.op(
        "torch.linalg.cholesky(x).diagonal(dim1=-2, dim2=-1).log().sum(dim=-1) * 2", shape=x.shape[:-2], x=x
    )


@op("Slogdet")
def slogdet(b: Builder, x: TensorLike) -> list[Value]:
    """`torch.linalg.slogdet(x)`."""
    x = square(b, x)
    results = [b.value(x.shape[:-2], dtype=x.dtype) for _ in range(2)]
    b.emit("torch.linalg.slogdet(x)", tuple(results), x=x)
    return results


@op("Inv")
def inv(b: Builder, x: TensorLike) -> Value:
    """`torch.linalg.inv(x)`."""
    x = square(b, x)
    return b.op("torch.linalg.inv(x)", shape=x.shape, x=x)


@op("LuFactor")
def lu_factor(b: Builder, x: TensorLike) -> list[Value]:
    """The LU decomposition in one matrix, and for each row of `x` the row of L @ U that it is."""
    x = square(b, x)
    if x.rank > 2:
        b.unsupported("x", x.shape, "supported: one matrix, as in Keras on TensorFlow")
    rows = x.shape[0]
    factors, pivots = b.value(x.shape, dtype=x.dtype), b.value((rows,), dtype="int32")
    b.emit("torch.linalg.lu_factor_ex(x)", (factors, pivots, None), x=x)
    template = "torch.lu_unpack(factors, pivots, unpack_data=False)[0].argmax(dim=-1)"
    order = b.op(template, shape=(rows,), dtype="int64", factors=factors, pivots=pivots)
    return [factors, b.cast(order, "int32")]


@op("Qr")
def qr(b: Builder, x: TensorLike, *, mode: Literal["reduced", "complete"] = "reduced") -> list[Value]:
    """`torch.linalg.qr(x)`."""
    x = matrix(b, x)
    *batch, rows, columns = x.shape
    inner = _least((rows, columns)) if mode == "reduced" else rows
    results = [b.value((*batch, *sizes), dtype=x.dtype) for sizes in ((rows, inner), (inner, columns))]
    template = "torch.linalg.qr(x)" if mode == "reduced" else "torch.linalg.qr(x, mode='complete')"
    b.emit(template, tuple(results), x=x)
    return results


@op("Solve")
def solve(b: Builder, a: TensorLike, b_: TensorLike) -> Value:
    """`torch.linalg.solve(a, y)`."""
    a, y = equations(b, a, b_)
    return b.op("torch.linalg.solve(a, y)", shape=y.shape, a=a, y=y)


@op("SolveTriangular")
def solve_triangular(b: Builder, a: TensorLike, b_: TensorLike, *, lower: bool = False) -> Value:
    """`torch.linalg.solve_triangular(a, y)`."""
    a, y = equations(b, a, b_)
    template = "torch.linalg.solve_triangular(a, y, upper=upper)"
    if y.rank == a.rank - 1:
        template = "torch.linalg.solve_triangular(a, y.unsqueeze(-1), upper=upper).squeeze(-1)"
    return b.op(template, shape=y.shape, a=a, y=y, upper=not lower)


@op("SVD")
def svd(b: Builder, x: TensorLike, *, full_matrices: bool = True, compute_uv: bool = True) -> Value:
    """`torch.linalg.svdvals(x)`."""
    del full_matrices  # says nothing of the singular values
    if compute_uv:
        b.unsupported(
            "compute_uv", compute_uv, "the signs of singular vectors are not defined; supported: False"
        )
    x = matrix(b, x)
    return b.op("torch.linalg.svdvals(x)", shape=(*x.shape[:-2], _least(x.shape[-2:])), x=x)


def _least(sizes: Shape) -> int | None:
    return None if None in sizes else min(size for size in sizes if size is not None)


@op("Lstsq")
def lstsq(b: Builder, a: TensorLike, b_: TensorLike, *, rcond: float | None = None) -> Value:
    """`torch.linalg.pinv(a) @ y`."""
    a, y = matrix(b, a), rules.native(b, b_)
    if a.rank != 2 or y.rank not in (1, 2):
        b.malformed(f"its inputs {a.shape} and {y.shape} should be one matrix, and a vector or a matrix")
    shape = (a.shape[1], *y.shape[1:])
    cutoff = _cutoff(b, a, 1) if rcond is None else _epsilon(b, a) if rcond < 0 else rcond
    return b.op("torch.linalg.pinv(a, rtol=cutoff) @ y", shape=shape, a=a, y=y, cutoff=cutoff)


@op("Pinv")
def pinv(b: Builder, x: TensorLike, *, rcond: float | None = None) -> Value:
    """`torch.linalg.pinv(x)`."""
    x = matrix(b, x)
    cutoff = _cutoff(b, x, 10) if rcond is None else rcond
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    return b.op("torch.linalg.pinv(x, rtol=cutoff)", shape=shape, x=x, cutoff=cutoff)


@op("MatrixRank")
def matrix_rank(b: Builder, x: TensorLike, *, tol: float | None = None) -> Value:
    """`torch.linalg.matrix_rank(x)` as int32."""
    x = matrix(b, x)
    operands: dict[str, Any] = {} if tol is None else {"tol": tol}
    template = f"torch.linalg.matrix_rank(x{'' if tol is None else ', atol=tol, rtol=0.0'})"
    return b.cast(b.op(template, shape=x.shape[:-2], dtype="int64", x=x, **operands), "int32")


def _cutoff(b: Builder, x: Value, factor: int) -> float | Host:
    """Below which part of the largest singular value all others count as zero."""
    rows, columns = x.shape[-2:]
    epsilon = factor * _epsilon(b, x)
    if rows is not None and columns is not None:
        return epsilon * max(rows, columns)
    return b.host_op("epsilon * max(x.shape[-2:])", x=x, epsilon=epsilon)


def _epsilon(b: Builder, x: Value) -> float:
    if x.dtype not in _EPSILONS:
        b.unsupported("dtype", x.dtype, "supported: float32, float64")
    return _EPSILONS[x.dtype]


# -------------------------------------------------------------------- norms


@op("Norm")
def norm(
    b: Builder,
    x: TensorLike,
    *,
    ord: float | Literal["fro", "nuc"] | None = None,
    axis: Axis = None,
    keepdims: bool = False,
) -> Value:
    """`torch.linalg.vector_norm` or `torch.linalg.matrix_norm`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    dtype = "float32" if x.dtype == "int64" else rules.float_type(x)
    if dtype not in FLOATS:
        b.unsupported("dtype", x.dtype, "supported: real numbers")
    axes = tuple(range(x.rank)) if axis is None else (axis,) if isinstance(axis, int) else axis
    x, dims = b.cast(x, dtype), tuple(b.axis(a, x.rank) for a in axes)
    if keepdims and len(axes) == 2 and ord in ("nuc", 2, -2) and min(axes) < 0:
        y = norm_over(b, x, ord, dims, keepdims=False)
        for a in axes:  # Keras inserts one after the other, where an axis may count from the end
            y = expand_dims(b, y, axis=a)
        return y
    return norm_over(b, x, ord, dims, keepdims)


def norm_over(
    b: Builder, x: Value, order: float | str | None, axes: tuple[int, ...], keepdims: bool
) -> Value:
    """The norm of vectors along one axis, or of matrices in two (rows first)."""
    if len(axes) == 1 and order == "nuc":
        b.unsupported("ord", order, "supported for vectors: None, 'fro' and numbers")
    if len(axes) == 2 and order not in _MATRIX_ORDERS:
        b.unsupported("ord", order, "supported for matrices: None, 'fro', 'nuc', 1, -1, 2, -2, inf and -inf")
    if (
        len(axes) == 1
        and isinstance(order, (int, float))
        and not math.isinf(order)
        and order not in (0, 1, 2)
    ):
        template = "torch.linalg.vector_norm(x, order, dim=d, keep)"
        return rules.reduce(b, x, template, axes, keepdims, order=order)
    if len(axes) == 1 or order in (None, "fro"):
        if order in (None, 2, "fro"):
            return reduction(b, "EuclideanNorm", x, axes, keepdims)
        template = "torch.linalg.vector_norm(x, order, dim=d, keep)"
        return rules.reduce(b, x, template, axes, keepdims, order=order)
    if len(axes) != 2:
        b.unsupported("axis", axes, "supported: one axis or two")
    shape = rules.reduced_shape(x.shape, axes, keepdims)
    perm = x.perm if keepdims else rules.without_axes(x.perm, axes)
    template = f"torch.linalg.matrix_norm(x, order, dim=d{', keepdim=True' if keepdims else ''})"
    return b.op(template, shape=shape, perm=perm, x=x, order=order, d=tuple(x.dim(a) for a in axes))
