"""TensorFlow functions of matrices: products, decompositions, equations."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras import linalg, products
from codegen.ops.keras.linalg import made, matrix
from codegen.ops.tensorflow.functions import function_name, natives, number, tf

# -------------------------------------------------------------------- products


@tf("linalg.matmul")
def matmul(
    builder: Builder,
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
) -> Value:
    """`a @ b`, of either maybe the transpose."""
    del a_is_sparse, b_is_sparse  # only make it faster
    x, y = natives(builder, a, b)
    if output_type not in (None, x.dtype):
        builder.unsupported("output_type", output_type, "supported: the dtype of the factors")
    x, y = _turned(builder, x, transpose_a, adjoint_a), _turned(builder, y, transpose_b, adjoint_b)
    return products.product(builder, x, y)


@tf("linalg.matvec")
def matvec(
    builder: Builder,
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
) -> Value:
    """A matrix times a vector."""
    del a_is_sparse, b_is_sparse
    x, y = natives(builder, a, b)
    x = _turned(builder, x, transpose_a, adjoint_a)
    if y.rank == 1:
        return products.product(builder, x, y)
    batch = builder.broadcast([x.shape[:-2], y.shape[:-1]])
    return made(builder, "(x @ y.unsqueeze(-1)).squeeze(-1)", (*batch, x.shape[-2]), x=x, y=y)


def _turned(b: Builder, x: Value, transpose: bool, adjoint: bool) -> Value:
    if not transpose and not adjoint:
        return x
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    return made(b, "x.mH" if adjoint and x.dtype in COMPLEX else "x.mT", shape, x=x)


@tf("tensordot")
def tensordot(builder: Builder, a: Any, b: Any, axes: Any) -> Value:
    """`torch.tensordot(a, b, dims)`."""
    x, y = natives(builder, a, b)
    given = rules.host(axes)
    return products.tensordot(builder, x, y, axes=given)


@tf("linalg.cross")
def cross(builder: Builder, a: Any, b: Any) -> Value:
    """`torch.linalg.cross(a, b)`."""
    x, y = natives(builder, a, b)
    shape = builder.broadcast([x.shape, y.shape])
    return made(builder, "torch.linalg.cross(x, y)", shape, x=x, y=y)


# -------------------------------------------------------------------- diagonals and bands


@tf("linalg.trace")
def trace(b: Builder, x: Any) -> Value:
    """The sum of the diagonal of each matrix."""
    x = matrix(b, x)
    return made(b, "x.diagonal(dim1=-2, dim2=-1).sum(dim=-1)", x.shape[:-2], x=x)


# -------------------------------------------------------------------- decompositions and equations

#: Functions of one matrix, and how many of its last axes they use up.
_OF_MATRIX = {
    "linalg.cholesky": ("torch.linalg.cholesky(x)", 0),
    "linalg.det": ("torch.linalg.det(x)", 2),
    "linalg.eigvalsh": ("torch.linalg.eigvalsh(x)", 1),
    "linalg.expm": ("torch.linalg.matrix_exp(x)", 0),
    "linalg.logdet": ("torch.linalg.cholesky(x).diagonal(dim1=-2, dim2=-1).log().sum(dim=-1) * 2", 2),
}


@tf(*_OF_MATRIX)
def of_matrix(b: Builder, x: Any) -> Value:
    """A function of each matrix."""
    template, gone = _OF_MATRIX[function_name(b)]
    x = matrix(b, x)
    return made(b, template, x.shape[: x.rank - gone], x=x)


@tf("linalg.inv")
def inv(b: Builder, input: Any, adjoint: bool = False) -> Value:
    """`torch.linalg.inv(x)`."""
    return made(b, "torch.linalg.inv(x)", (x := _turned(b, matrix(b, input), adjoint, adjoint)).shape, x=x)


@tf("linalg.solve")
def solve(b: Builder, matrix: Any, rhs: Any, adjoint: bool = False) -> Value:
    """`torch.linalg.solve(a, y)`."""
    a, y = natives(b, matrix, rhs)
    return made(b, "torch.linalg.solve(a, y)", y.shape, a=_turned(b, a, adjoint, adjoint), y=y)


@tf("linalg.triangular_solve")
def triangular_solve(b: Builder, matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False) -> Value:
    """`torch.linalg.solve_triangular(a, y, upper=upper)`; of what lies in the triangle."""
    a, y = natives(b, matrix, rhs)
    upper = lower if adjoint else not lower
    template = "torch.linalg.solve_triangular(a, y, upper=upper)"
    return made(b, template, y.shape, a=_turned(b, a, adjoint, adjoint), y=y, upper=upper)


@tf("linalg.cholesky_solve")
def cholesky_solve(b: Builder, chol: Any, rhs: Any) -> Value:
    """`torch.cholesky_solve(y, factor)`."""
    a, y = natives(b, chol, rhs)
    return made(b, "torch.cholesky_solve(y, a)", y.shape, a=a, y=y)


@tf("linalg.pinv")
def pinv(b: Builder, a: Any, rcond: Any = None, validate_args: bool = False) -> Value:
    """`torch.linalg.pinv(x)`."""
    del validate_args  # what it checks holds
    return linalg.pinv(b, a, rcond=None if rcond is None else float(number(b, rcond, "rcond")))


@tf("linalg.slogdet")
def slogdet(b: Builder, input: Any) -> list[Value]:
    """`torch.linalg.slogdet(x)`."""
    return linalg.slogdet(b, input)


@tf("linalg.qr")
def qr(b: Builder, input: Any, full_matrices: bool = False) -> list[Value]:
    """`torch.linalg.qr(x)`."""
    return linalg.qr(b, input, mode="complete" if full_matrices else "reduced")


@tf("linalg.matrix_rank")
def matrix_rank(b: Builder, a: Any, tol: Any = None, validate_args: bool = False) -> Value:
    """`torch.linalg.matrix_rank(x)`."""
    del validate_args  # what it checks holds
    return linalg.matrix_rank(b, a, tol=None if tol is None else float(number(b, tol, "tol")))


@tf("linalg.svd")
def svd(b: Builder, tensor: Any, full_matrices: bool = False, compute_uv: bool = True) -> Value:
    """`torch.linalg.svdvals(x)`."""
    return linalg.svd(b, tensor, full_matrices=full_matrices, compute_uv=compute_uv)


@tf("einsum")
def einsum(b: Builder, equation: Any, *inputs: Any, **options: Any) -> Value:
    """`torch.einsum(equation, *inputs)`; Keras 2 saves the equation alone."""
    del options  # how to order the products
    if not inputs:
        b.malformed(
            "the file holds the equation of its einsum, but not the tensors: Keras 2 does not save them"
        )
    return products.einsum_of(b, str(equation), list(natives(b, *inputs)))
