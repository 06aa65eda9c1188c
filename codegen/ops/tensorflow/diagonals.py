"""TensorFlow functions that read, write or make the diagonals of matrices."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Number
from codegen.model.spec import Constant
from codegen.ops.keras.linalg import matrix
from codegen.ops.tensorflow.arguments import Given, Ints, Known, Native, NativePeer
from codegen.ops.tensorflow.functions import tf

#: Where shorter diagonals stand among longer ones: those above the main one, those below it.
Align = Literal["LEFT_LEFT", "LEFT_RIGHT", "RIGHT_LEFT", "RIGHT_RIGHT"]


def _bounds(b: Builder, k: tuple[int, ...]) -> tuple[int, int]:
    """The lowest and the highest diagonal that are meant."""
    if len(k) not in (1, 2) or k[0] > k[-1]:
        b.unsupported("k", k, "supported: one diagonal, or the lowest and the highest of several")
    return k[0], k[-1]


def _starts(rows: int, columns: int, bounds: tuple[int, int], align: Align) -> dict[int, int]:
    """Where each diagonal begins in its row of the array that holds several, padded to one length."""
    above, below = align.split("_")
    lengths = {k: _length(rows, columns, k) for k in range(bounds[0], bounds[1] + 1)}
    longest = max(lengths.values())
    left = {k: (k >= 0 and above == "LEFT") or (k <= 0 and below == "LEFT") for k in lengths}
    return {k: 0 if left[k] else longest - length for k, length in lengths.items()}


def _length(rows: int, columns: int, k: int) -> int:
    """How long a diagonal of a matrix is."""
    return min(rows + min(k, 0), columns - max(k, 0))


def _indices(b: Builder, *arrays: np.ndarray[Any, Any]) -> list[Value]:
    """Positions in a tensor, as constants."""
    return [rules.constant(b, Constant(array.tolist(), "int64")) for array in arrays]


def _fill(x: Value, padding_value: Number) -> Number:
    """What stands beside the diagonals, as a number of the dtype of `x`."""
    return float(padding_value) if x.dtype in FLOATS else padding_value


def _where(b: Builder, kept: np.ndarray[Any, Any], x: Value, other: Value | Number) -> Value:
    """`x` where it is kept, else a number or another tensor."""
    if kept.all():
        return x
    mask = rules.constant(b, Constant(kept.tolist(), "bool"))
    template = "torch.where(mask, x, other)"
    return b.op(template, shape=x.shape, x=x, mask=mask, other=other)


def _on_matrix(
    b: Builder,
    x: Value,
    rows: int,
    columns: int,
    bounds: tuple[int, int],
    align: Align,
    other: Value | Number,
) -> Value:
    """A matrix with these diagonals, (..., length) or (..., diagonals, length), and `other` beside them."""
    starts = _starts(rows, columns, bounds, align)
    row, column = np.indices((rows, columns))
    k = np.clip(column - row, *bounds)
    kept = k == column - row
    first = np.vectorize(starts.__getitem__)(k)
    place = np.where(kept, np.minimum(row, column) + first, 0)
    if bounds[0] == bounds[1]:
        (places,) = _indices(b, place)
        y = b.op("x[..., places]", shape=(*x.shape[:-1], rows, columns), x=x, places=places)
    else:
        which, places = _indices(b, bounds[1] - k, place)
        shape = (*x.shape[:-2], rows, columns)
        y = b.op("x[..., which, places]", shape=shape, x=x, which=which, places=places)
    return _where(b, kept, y, other)


@tf("linalg.diag")
def diag(
    b: Builder,
    diagonal: Native,
    k: Ints = (0,),
    num_rows: int = -1,
    num_cols: int = -1,
    padding_value: Known = 0,
    align: Align = "RIGHT_LEFT",
) -> Value:
    """`torch.diag_embed(x)`: matrices with this diagonal, or with several."""
    x, bounds = diagonal, _bounds(b, k)
    fill = _fill(x, padding_value)
    rows, columns = num_rows, num_cols
    if bounds[0] == bounds[1] and (rows, columns, fill) == (-1, -1, 0):
        size = None if x.shape[-1] is None else x.shape[-1] + abs(bounds[0])
        shape = (*x.shape[:-1], size, size)
        if not bounds[0]:
            return b.op("torch.diag_embed(x)", shape=shape, x=x)
        return b.op("torch.diag_embed(x, offset=k)", shape=shape, x=x, k=bounds[0])
    least = (b.known(x, -1) - min(bounds[1], 0), b.known(x, -1) + max(bounds[0], 0))
    if rows == columns == -1:
        rows = columns = max(least)
    rows, columns = (low if n == -1 else n for n, low in zip((rows, columns), least, strict=True))
    return _on_matrix(b, x, rows, columns, bounds, align, fill)


@tf("linalg.diag_part")
def diag_part(
    b: Builder, input: Given, k: Ints = (0,), padding_value: Known = 0, align: Align = "RIGHT_LEFT"
) -> Value:
    """`x.diagonal()` of each matrix, or several of its diagonals."""
    x, bounds = matrix(b, input), _bounds(b, k)
    if bounds[0] == bounds[1]:
        size = None if None in x.shape[-2:] else _length(b.known(x, -2), b.known(x, -1), bounds[0])
        template = "x.diagonal(offset=k, dim1=-2, dim2=-1)"
        return b.op(template, shape=(*x.shape[:-2], size), x=x, k=bounds[0])
    rows, columns = b.known(x, -2), b.known(x, -1)
    starts = _starts(rows, columns, bounds, align)
    order = sorted(starts, reverse=True)
    lengths = [_length(rows, columns, k) for k in order]
    place = np.arange(max(lengths)) - np.array([[starts[k]] for k in order])
    kept = (place >= 0) & (place < np.array(lengths)[:, None])
    place = np.where(kept, place, 0)
    diagonal = np.array(order)[:, None]
    row, column = _indices(b, place - np.minimum(diagonal, 0), place + np.maximum(diagonal, 0))
    y = b.op("x[..., i, j]", shape=(*x.shape[:-2], *place.shape), x=x, i=row, j=column)
    return _where(b, kept, y, _fill(x, padding_value))


@tf("linalg.set_diag")
def set_diag(
    b: Builder, input: NativePeer, diagonal: NativePeer, k: Ints = (0,), align: Align = "RIGHT_LEFT"
) -> Value:
    """`torch.diagonal_scatter(x, diagonal)`: matrices with other diagonals."""
    bounds = _bounds(b, k)
    x, y = input, diagonal
    if bounds[0] != bounds[1]:
        return _on_matrix(b, y, b.known(x, -2), b.known(x, -1), bounds, align, x)
    template = "torch.diagonal_scatter(x, y, offset=k, dim1=-2, dim2=-1)"
    return b.op(template, shape=x.shape, x=x, y=y, k=bounds[0])


@tf("linalg.tensor_diag")
def tensor_diag(b: Builder, diagonal: Native) -> Value:
    """A tensor as the diagonal of one with twice as many axes."""
    x = diagonal
    if x.rank == 1:
        return b.op("x.diag()", shape=(x.shape[0], x.shape[0]), x=x)
    flat = b.reshape(x, (element_count(x.shape),))
    return b.reshape(b.op("x.diag()", shape=flat.shape * 2, x=flat), x.shape * 2)


@tf("linalg.tensor_diag_part")
def tensor_diag_part(b: Builder, input: Native) -> Value:
    """The diagonal of a matrix."""
    if input.rank != 2:
        b.unsupported("input", input.shape, "supported: a matrix")
    return b.op("x.diagonal()", shape=(input.shape[0],), x=input)


@tf("linalg.band_part")
def band_part(b: Builder, input: Given, num_lower: int, num_upper: int) -> Value:
    """`x.tril(upper).triu(-lower)`; below zero, a bound keeps everything."""
    x = matrix(b, input)
    if num_upper >= 0:
        x = b.op("x.tril(k)", shape=x.shape, x=x, k=num_upper)
    if num_lower >= 0:
        x = b.op("x.triu(k)", shape=x.shape, x=x, k=-num_lower)
    return x if num_upper >= 0 or num_lower >= 0 else b.elementwise("x", x=x)
