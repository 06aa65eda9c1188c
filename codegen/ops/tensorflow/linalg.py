"""TensorFlow functions of matrices: products, decompositions, equations."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras import linalg, products
from codegen.ops.keras.linalg import matrix, square
from codegen.ops.tensorflow.arguments import Alone, Given, NativePeer, integers
from codegen.ops.tensorflow.functions import tf

# -------------------------------------------------------------------- products


#: Only make a product faster.
_SPARSE = ("a_is_sparse", "b_is_sparse")


@tf("linalg.matmul", ignored=_SPARSE)
def matmul(
    builder: Builder,
    a: NativePeer,
    b: NativePeer,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    output_type: str | None = None,
) -> Value:
    """`a @ b`, of either maybe the transpose."""
    if output_type not in (None, a.dtype):
        builder.unsupported("output_type", output_type, "supported: the dtype of the factors")
    x, y = _transpose(builder, a, transpose_a, adjoint_a), _transpose(builder, b, transpose_b, adjoint_b)
    if x.dtype != y.dtype:
        builder.malformed(f"its factors are {x.dtype} and {y.dtype}, which TensorFlow does not multiply")
    return products.product(builder, x, y)


@tf("linalg.matvec", ignored=_SPARSE)
def matvec(
    builder: Builder, a: NativePeer, b: NativePeer, transpose_a: bool = False, adjoint_a: bool = False
) -> Value:
    """A matrix times a vector."""
    x = _transpose(builder, a, transpose_a, adjoint_a)
    if b.rank == 1:
        return products.product(builder, x, b)
    batch = builder.broadcast([x.shape[:-2], b.shape[:-1]])
    return builder.op("(x @ y.unsqueeze(-1)).squeeze(-1)", shape=(*batch, x.shape[-2]), x=x, y=b)


def _transpose(b: Builder, x: Value, transpose: bool, adjoint: bool) -> Value:
    if not transpose and not adjoint:
        return x
    if x.rank < 2:
        b.malformed(f"its input {x.shape} is no matrix")
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    return b.op("x.mH" if adjoint and x.dtype in COMPLEX else "x.mT", shape=shape, x=x)


def _contracted(b: Builder, value: object, option: str) -> int | tuple[tuple[int, ...], tuple[int, ...]]:
    known = rules.host(value)
    if type(known) is int:
        return known
    if not isinstance(known, (list, tuple)) or len(known) != 2:
        b.unsupported(option, value, "supported: a number, or axes of both factors")
    return integers(b, known[0], option), integers(b, known[1], option)


#: How many axes are summed over, the last with the first, or which axes of both factors.
Contracted: TypeAlias = Annotated[int | tuple[tuple[int, ...], tuple[int, ...]], Alone(_contracted)]


@tf("tensordot")
def tensordot(builder: Builder, a: NativePeer, b: NativePeer, axes: Contracted) -> Value:
    """`torch.tensordot(a, b, dims)`."""
    return products.tensordot(builder, a, b, axes=axes)


@tf("linalg.cross")
def cross(builder: Builder, a: NativePeer, b: NativePeer) -> Value:
    """`torch.linalg.cross(a, b)`."""
    shape = builder.broadcast([a.shape, b.shape])
    return builder.op("torch.linalg.cross(x, y)", shape=shape, x=a, y=b)


# -------------------------------------------------------------------- diagonals and bands


@tf("linalg.trace")
def trace(b: Builder, x: Given) -> Value:
    """The sum of the diagonal of each matrix."""
    x = matrix(b, x)
    return b.op("x.diagonal(dim1=-2, dim2=-1).sum(dim=-1)", shape=x.shape[:-2], x=x)


# -------------------------------------------------------------------- decompositions and equations

#: Functions of one matrix, and how many of its last axes they use up.
_OF_MATRIX = {
    "linalg.cholesky": ("torch.linalg.cholesky(x)", 0),
    "linalg.det": ("torch.linalg.det(x)", 2),
    "linalg.eigvalsh": ("torch.linalg.eigvalsh(x)", 1),
    "linalg.expm": ("torch.linalg.matrix_exp(x)", 0),
    "linalg.logdet": ("torch.linalg.cholesky(x).diagonal(dim1=-2, dim2=-1).log().sum(dim=-1) * 2", 2),
}


@tf({name: {"template": template, "gone": gone} for name, (template, gone) in _OF_MATRIX.items()})
def of_matrix(b: Builder, x: Given, *, template: str, gone: int) -> Value:
    """A function of each matrix."""
    x = square(b, x)
    return b.op(template, shape=x.shape[: x.rank - gone], x=x)


@tf("linalg.inv")
def inv(b: Builder, input: Given, adjoint: bool = False) -> Value:
    """`torch.linalg.inv(x)`."""
    x = _transpose(b, square(b, input), adjoint, adjoint)
    return b.op("torch.linalg.inv(x)", shape=x.shape, x=x)


@tf("linalg.solve")
def solve(b: Builder, matrix: NativePeer, rhs: NativePeer, adjoint: bool = False) -> Value:
    """`torch.linalg.solve(a, y)`."""
    return b.op("torch.linalg.solve(a, y)", shape=rhs.shape, a=_transpose(b, matrix, adjoint, adjoint), y=rhs)


@tf("linalg.triangular_solve")
def triangular_solve(
    b: Builder, matrix: NativePeer, rhs: NativePeer, lower: bool = True, adjoint: bool = False
) -> Value:
    """`torch.linalg.solve_triangular(a, y, upper=upper)`; of what lies in the triangle."""
    template = "torch.linalg.solve_triangular(a, y, upper=upper)"
    a = _transpose(b, matrix, adjoint, adjoint)
    return b.op(template, shape=rhs.shape, a=a, y=rhs, upper=lower if adjoint else not lower)


@tf("linalg.cholesky_solve")
def cholesky_solve(b: Builder, chol: NativePeer, rhs: NativePeer) -> Value:
    """`torch.cholesky_solve(y, factor)`."""
    return b.op("torch.cholesky_solve(y, a)", shape=rhs.shape, a=chol, y=rhs)


@tf("linalg.pinv", ignored=("validate_args",))
def pinv(b: Builder, a: Given, rcond: float | None = None) -> Value:
    """`torch.linalg.pinv(x)`."""
    return linalg.pinv(b, a, rcond=rcond)


@tf("linalg.slogdet")
def slogdet(b: Builder, input: Given) -> list[Value]:
    """`torch.linalg.slogdet(x)`."""
    return linalg.slogdet(b, input)


@tf("linalg.qr")
def qr(b: Builder, input: Given, full_matrices: bool = False) -> list[Value]:
    """`torch.linalg.qr(x)`."""
    return linalg.qr(b, input, mode="complete" if full_matrices else "reduced")


@tf("linalg.matrix_rank", ignored=("validate_args",))
def matrix_rank(b: Builder, a: Given, tol: float | None = None) -> Value:
    """`torch.linalg.matrix_rank(x)`."""
    return linalg.matrix_rank(b, a, tol=tol)


@tf("linalg.svd")
def svd(b: Builder, tensor: Given, full_matrices: bool = False, compute_uv: bool = True) -> Value:
    """`torch.linalg.svdvals(x)`."""
    return linalg.svd(b, tensor, full_matrices=full_matrices, compute_uv=compute_uv)


@tf("einsum")
def einsum(b: Builder, equation: str, *inputs: NativePeer) -> Value:
    """`torch.einsum(equation, *inputs)`; Keras 2 saves the equation alone."""
    if not inputs:
        b.malformed(
            "the file holds the equation of its einsum, but not the tensors: Keras 2 does not save them"
        )
    return products.einsum(b, *inputs, subscripts=equation)
