"""Graph ops that reduce, sort, arrange and index arrays."""

from __future__ import annotations

import numpy as np

from tests.oracle.cases.case import Case, ops
from tests.oracle.cases.ops_models import Table, group

_REDUCTIONS: Table = {
    "All": lambda x: ops.all(x > -1, axis=1),
    "Any": lambda x: ops.any(x > 1, axis=(1, 2)),
    "Amax": lambda x: ops.amax(x, axis=2),
    "Amin": lambda x: ops.amin(x, axis=1, keepdims=True),
    "Argmax": lambda x: ops.argmax(x, axis=1),
    "Argmin": lambda x: ops.argmin(x, axis=2, keepdims=True),
    "Argpartition": lambda x: ops.argpartition(ops.ravel(100 * ops.abs(x)), 3),
    "Argsort": lambda x: ops.argsort(x, axis=1),
    "Average": lambda x: ops.average(x, axis=2, weights=np.arange(1.0, 5.0, dtype="float32")),
    "CountNonzero": lambda x: ops.count_nonzero(x > 0, axis=1),
    "Cumprod": lambda x: ops.cumprod(x, axis=1),
    "Cumsum": lambda x: ops.cumsum(x),
    "Logsumexp": lambda x: ops.logsumexp(x, axis=2),
    "Max": lambda x: ops.max(x, axis=1, initial=0.5),
    "Mean": lambda x: ops.mean(x, axis=(1, 2), keepdims=True),
    "Median": lambda x: ops.median(x, axis=2),
    "Min": lambda x: ops.min(x),
    "Prod": lambda x: ops.prod(x, axis=(1, 2)),
    "Ptp": lambda x: ops.ptp(x, axis=1),
    "Quantile": lambda x: ops.quantile(x, [0.25, 0.6], axis=1),
    "Percentile": lambda x: ops.percentile(x, 30, axis=(1, 2), keepdims=True),
    "Sort": lambda x: ops.sort(x, axis=1),
    "Std": lambda x: ops.std(x, axis=1),
    "Sum": lambda x: ops.sum(x, axis=-1),
    "Var": lambda x: ops.var(x),
    "AllClose": lambda x: ops.allclose(x, x + 1e-9),
    "Bincount": lambda x: ops.bincount(ops.ravel(ops.cast(ops.abs(4 * x), "int32")), minlength=3),
    "Nonzero": lambda x: ops.nonzero(ops.floor(x))[1],
    "Unique": lambda x: ops.unique(ops.floor(x)),
    "Trapezoid": lambda x: ops.trapezoid(x, dx=0.5, axis=1),
}

_NAN: Table = {
    "Nanargmax": lambda x: ops.nanargmax(x, axis=1),
    "Nanargmin": lambda x: ops.nanargmin(x, axis=1),
    "Nancumprod": lambda x: ops.nancumprod(x, axis=1),
    "Nancumsum": lambda x: ops.nancumsum(x, axis=1),
    "Nanmax": lambda x: ops.nanmax(x, axis=1),
    "Nanmean": lambda x: ops.nanmean(x, axis=1),
    "Nanmedian": lambda x: ops.nanmedian(x, axis=1),
    "Nanmin": lambda x: ops.nanmin(x, axis=1),
    "Nanpercentile": lambda x: ops.nanpercentile(x, 40, axis=1),
    "Nanprod": lambda x: ops.nanprod(x, axis=1),
    "Nanquantile": lambda x: ops.nanquantile(x, 0.4, axis=1),
    "Nanstd": lambda x: ops.nanstd(x, axis=1),
    "Nansum": lambda x: ops.nansum(x, axis=1),
    "Nanvar": lambda x: ops.nanvar(x, axis=1),
}

_ARRANGE: Table = {
    "Append": lambda x, y: ops.append(x, y, axis=1),
    "Array": lambda x: ops.array(x, dtype="float32"),
    "ArraySplit": lambda x: ops.array_split(x, 3, axis=1)[0],
    "BroadcastTo": lambda x: ops.broadcast_to(x[0], (2, 5, 4)),
    "Concatenate": lambda x, y: ops.concatenate([x, y], axis=1),
    "Diag": lambda x: ops.diag(x[0], k=1),
    "Diagflat": lambda x: ops.diagflat(x[0]),
    "Diagonal": lambda x: ops.diagonal(x, offset=1, axis1=1, axis2=2),
    "Diff": lambda x: ops.diff(x, axis=1),
    "Dsplit": lambda x: ops.dsplit(x, 2)[1],
    "Dstack": lambda x: ops.dstack([x, x]),
    "ExpandDims": lambda x: ops.expand_dims(x, (1, -1)),
    "Flip": lambda x: ops.flip(x, axis=(1, 2)),
    "Fliplr": lambda x: ops.fliplr(x),
    "Flipud": lambda x: ops.flipud(x),
    "GetItem": lambda x: x[:, 1:-1, ::-2],
    "Hsplit": lambda x: ops.hsplit(x, [2])[1],
    "Hstack": lambda x, y: ops.hstack([x, y]),
    "Moveaxis": lambda x: ops.moveaxis(x, 1, -1),
    "Pad": lambda x: ops.pad(x, ((0, 0), (2, 1), (1, 3)), mode="reflect"),
    "Ravel": lambda x: ops.ravel(x),
    "Repeat": lambda x: ops.repeat(x, 3, axis=1),
    "Reshape": lambda x: ops.reshape(x, (-1, 2, 10)),
    "Roll": lambda x: ops.roll(x, (1, -2), axis=(1, 2)),
    "Rot90": lambda x: ops.rot90(x, k=3, axes=(1, 2)),
    "Split": lambda x: ops.split(x, [1, 3], axis=1)[1],
    "Squeeze": lambda x: ops.squeeze(x[:, :1], 1),
    "Stack": lambda x: ops.stack([x, x + 1], axis=2),
    "Swapaxes": lambda x: ops.swapaxes(x, 1, 2),
    "Take": lambda x: ops.take(x, np.array([[0, 2], [-1, 1]]), axis=1),
    "TakeAlongAxis": lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1)[:, :2], axis=1),
    "Tile": lambda x: ops.tile(x, (1, 2, 1)),
    "Trace": lambda x: ops.trace(x, axis1=1, axis2=2),
    "Transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "Tril": lambda x: ops.tril(x, k=-1),
    "Triu": lambda x: ops.triu(x),
    "UnravelIndex": lambda x: ops.unravel_index(ops.argmax(ops.reshape(x, (3, 20)), axis=1), (5, 4))[1],
    "Unstack": lambda x: ops.unstack(x, axis=1)[2],
    "Vsplit": lambda x: ops.vsplit(x, [1])[0],
    "Vstack": lambda x, y: ops.vstack([x[:, :2], y[:, 1:3]]),
    "Rearrange": lambda x: ops.rearrange(x[0], "(h w) c -> (c h) w", h=5),
    "View": lambda x: ops.view(x),
}

_PRODUCTS: Table = {
    "Cross": lambda x, y: ops.cross(x[..., :3], y[..., :3]),
    "Dot": lambda x, y: ops.dot(x, ops.transpose(y[0])),
    "Einsum": lambda x, y: ops.einsum("bij,bkj->bik", x, y),
    "Inner": lambda x, y: ops.inner(x, y),
    "Kron": lambda x, y: ops.kron(x[0], y[1]),
    "Matmul": lambda x, y: ops.matmul(x, ops.swapaxes(y, 1, 2)),
    "Outer": lambda x, y: ops.outer(x, y),
    "Tensordot": lambda x, y: ops.tensordot(x, y, axes=[[2], [2]]),
    "Vdot": lambda x, y: ops.vdot(x[:, :3], y[:, :3]),
    "CDist": lambda x, y: ops.cdist(x, y),
    "Corrcoef": lambda x: ops.corrcoef(x[0]),
    "Correlate": lambda x, y: ops.correlate(x[0, 0], y[0, 0], mode="same"),
    "Vander": lambda x: ops.vander(x[0, 0], 3, increasing=True),
}

_CREATE: Table = {
    "EmptyLike": lambda x: ops.empty_like(x) * 0,
    "Full": lambda x: ops.full((2, 3), x[0, 0]),
    "FullLike": lambda x: ops.full_like(x, 2.5),
    "Geomspace": lambda x: ops.geomspace(ops.abs(x) + 0.1, ops.abs(x) + 2, num=5),
    "Linspace": lambda x: ops.linspace(x, x + 2, num=5, endpoint=False, axis=1),
    "Logspace": lambda x: ops.logspace(x, x + 1, num=4),
    "Meshgrid": lambda x: ops.meshgrid(x[0], x[1])[0],
    "OnesLike": lambda x: ops.ones_like(x, dtype="int32"),
    "ZerosLike": lambda x: ops.zeros_like(x),
    "Ndim": lambda x: ops.add(x[0, :2], ops.ndim(x)),
    "Size": lambda x: x / ops.cast(ops.size(x), "float32"),
}

_SEARCH: Table = {
    "Digitize": lambda x: ops.digitize(x, np.array([-0.5, 0.0, 0.7], "float32")),
    "SearchSorted": lambda x: ops.searchsorted(ops.sort(x[0, 0]), ops.ravel(x), side="right"),
    "IsIn": lambda x: ops.isin(ops.floor(x), np.array([0.0, 1.0], "float32")),
}

_CORE: Table = {
    "Cast": lambda x: ops.cast(x * 3, "int32"),
    "SaturateCast": lambda x: ops.saturate_cast(x * 300, "uint8"),
    "ConvertToTensor": lambda x: ops.convert_to_tensor(x),
    "Slice": lambda x: ops.slice(x, (0, 1, 0), (2, 2, 3)),
    "SliceUpdate": lambda x: ops.slice_update(x, (0, 1, 1), ops.ones((1, 2, 2))),
    "Scatter": lambda x, i: ops.scatter(i[:, :, None], x[:, 0, :2], (7,)),
    "ScatterUpdate": lambda x: ops.scatter_update(x, [[0, 1, 2], [2, 0, 0]], x[0, 0, :2]),
}

#: Where Keras on TensorFlow differs from numpy.
_OWN_WAYS: Table = {
    "Geomspace": lambda x: ops.geomspace(ops.abs(x) + 0.1, ops.abs(x) + 2, num=1, axis=1),
    "Inner": lambda x: ops.inner(ops.cast(x, "int8"), 2),
    "Max": lambda x: ops.max(ops.cast(3 * x, "int32"), axis=1, initial=1),
    "Nansum": lambda x: ops.nansum(x, axis=()),
    "Norm": lambda x: ops.norm(x, ord=2, axis=(-2, -1), keepdims=True),
    "Percentile": lambda x: ops.percentile(x[:, :, :3], [[5, 35], [80, 85]], axis=(1, 2), method="nearest"),
    "Prod": lambda x: ops.prod(x, axis=1, dtype="int32"),
    "Quantile": lambda x: ops.quantile(x, 0.3, axis=1, method="higher"),
    "Rot90": lambda x: ops.rot90(x, k=2, axes=(1, 2)),
    "SliceUpdate": lambda x: ops.slice_update(x, (0, -3, 3), ops.ones((1, 2, 3))),
    "Std": lambda x: ops.std(x, axis=()),
    "UnravelIndex": lambda x: ops.unravel_index(ops.argmax(x, axis=2), (2, 2))[1],
    "Vstack": lambda x: ops.vstack([x[0, 0], x[0, 1]]),
}

_OPEN: Table = {
    "GetItem": lambda x: x[:, 4:0:-1],
    "Rot90": lambda x: ops.rot90(x, k=-2, axes=(2, 1)),
    "SliceUpdate": lambda x: ops.slice_update(x, (0, 9, 3), x * 2),
    "DepthToSpace": lambda x: ops.depth_to_space(ops.expand_dims(x, 0), 2),
    "Slice": lambda x: ops.slice(x, (0, ops.argmax(x[0, :2, 0]), 0), (3, 2, 2)),
}

CASES: list[Case] = [
    group("ops_reductions", _REDUCTIONS, [(5, 4)]),
    group("ops_nan", _NAN, [(5, 4)]),
    group("ops_arrange", _ARRANGE, [(5, 4), (5, 4)]),
    group("ops_products", _PRODUCTS, [(5, 4), (5, 4)]),
    group("ops_create", _CREATE, [(4,)]),
    group("ops_search", _SEARCH, [(5, 4)]),
    group("ops_own_ways", _OWN_WAYS, [(5, 4)]),
    group("ops_open", _OPEN, [(None, 4)]),
    group("ops_core", _CORE, [(5, 4), (2,)], ["float32", "int32"]),
]
