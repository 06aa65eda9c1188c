"""Graph ops that reduce, search, sort or accumulate along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX, FLOATS, promote, torch_dtype
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axis, TensorLike
from codegen.lowering.parts.rules import op

#: Template over dims, template over everything, and what becomes of the dtype, see `_dtype`.
REDUCTIONS: dict[str, tuple[str, str, str]] = {
    "Sum": ("x.sum(dim=d, keep)", "x.sum()", "sum"),
    "Mean": ("x.mean(dim=d, keep)", "x.mean()", "float"),
    "Std": ("x.std(dim=d, correction=0, keep)", "x.std(correction=0)", "float"),
    "Var": ("x.var(dim=d, correction=0, keep)", "x.var(correction=0)", "float"),
    "Amax": ("x.amax(dim=d, keep)", "x.amax()", "same"),
    "Amin": ("x.amin(dim=d, keep)", "x.amin()", "same"),
    "All": ("x.all(dim=d, keep)", "x.all()", "bool"),
    "Any": ("x.any(dim=d, keep)", "x.any()", "bool"),
    "CountNonzero": ("x.count_nonzero(dim=d)", "x.count_nonzero()", "int32"),
    "Logsumexp": ("x.logsumexp(dim=d, keep)", "", "float"),
    "Ptp": ("x.amax(dim=d, keep) - x.amin(dim=d, keep)", "x.amax() - x.amin()", "same"),
    "Nansum": ("x.nansum(dim=d, keep)", "x.nansum()", "sum"),
    "Nanmean": ("x.nanmean(dim=d, keep)", "x.nanmean()", "float"),
    "EuclideanNorm": ("torch.linalg.vector_norm(x, dim=d, keep)", "x.norm()", "same"),
}

#: What is left of each element by a reduction over no axis, if not the element itself.
OVER_NOTHING = {
    "EuclideanNorm": "x.abs()",
    "Nansum": "x.nan_to_num(posinf=math.inf, neginf=-math.inf)",
    "Ptp": "torch.zeros_like(x)",
    "Std": "torch.zeros_like(x)",
    "Var": "torch.zeros_like(x)",
}


def _cast_input(b: Builder, x: TensorLike, rule: str) -> tuple[Value, str]:
    """The input in the dtype in which it is reduced, and the dtype of the result."""
    x = rules.tensor(b, x)
    if rule == "bool":
        return b.cast(x, "bool"), "bool"
    if rule == "int32":
        return x, "int32"
    if rule == "float":
        dtype = rules.float_type(x)
        return b.cast(x, dtype), dtype
    if rule == "sum":
        # Keras computes sums of small integers in at least 32 bits.
        small = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
        return x, small.get(x.dtype, x.dtype)
    return (b.cast(x, "int32"), "int32") if x.dtype == "bool" else (x, x.dtype)


def reduction(b: Builder, name: str, given: TensorLike, axis: Axis = None, keepdims: bool = False) -> Value:
    """Apply an op of `REDUCTIONS`; the largest of truth values is whether any holds."""
    x = rules.tensor(b, given)
    if x.dtype == "bool":
        name = {"Amax": "Any", "Amin": "All"}.get(name, name)
    template, whole, rule = REDUCTIONS[name]
    if name == "Nanmean" and not rules.axes_of(b, axis, x.rank):
        return x  # in its own dtype
    x, dtype = _cast_input(b, x, rule)
    if not rules.axes_of(b, axis, x.rank):
        x = b.cast(x, "bool") if name == "CountNonzero" else x
        return b.cast(b.elementwise(OVER_NOTHING.get(name, "x"), x=x), dtype)
    if name in ("Nanmean", "Nansum") and x.dtype not in FLOATS:
        template, whole = template.replace("nan", ""), whole.replace("nan", "")
    y = rules.reduce(b, x, template, axis, keepdims, dtype=dtype, whole=whole)
    # torch sums and counts integers in 64 bits.
    return _narrow(b, y) if rule in ("sum", "int32") and dtype not in FLOATS | COMPLEX else y


def _narrow(b: Builder, y: Value) -> Value:
    """An integer result that torch made int64 in the dtype that it is said to have."""
    wanted, y.dtype = y.dtype, "int64"
    return b.cast(y, wanted)


def _lower_reduction(name: str) -> Callable[..., Value]:
    def lower(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False) -> Value:
        return reduction(b, name, x, axis, keepdims)

    lower.__doc__ = f"`{REDUCTIONS[name][0]}`."
    return lower


for _name in REDUCTIONS.keys() - {"EuclideanNorm"}:
    op(_name)(_lower_reduction(_name))


@op({"Max": {"name": "Amax"}, "Min": {"name": "Amin"}})
def max_or_min(
    b: Builder,
    x: TensorLike,
    *,
    axis: Axis = None,
    keepdims: bool = False,
    initial: float | None = None,
    name: str,
) -> Value:
    """`x.amax(dim)` or `x.amin(dim)`, not below or above `initial`."""
    x = rules.tensor(b, x)
    y = reduction(b, name, x, axis, keepdims)
    if initial is None:
        return y
    y = b.cast(y, "int32") if y.dtype == "bool" else y
    initial = initial if x.dtype in FLOATS else int(initial)
    y = b.elementwise("x.clamp(min=bound)" if name == "Amax" else "x.clamp(max=bound)", x=y, bound=initial)
    return b.cast(y, x.dtype)


@op({"Nanmax": {"name": "Amax"}, "Nanmin": {"name": "Amin"}})
def nan_extremum(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False, name: str) -> Value:
    """The largest or least number that is not NaN; NaN if there is none."""
    x = rules.tensor(b, x)
    if x.dtype not in FLOATS:
        return reduction(b, name, x, axis, keepdims)
    bound = float("-inf") if name == "Amax" else float("inf")
    filled = b.elementwise("x.nan_to_num(nan=bound, posinf=math.inf, neginf=-math.inf)", x=x, bound=bound)
    y = reduction(b, name, filled, axis, keepdims)
    none = reduction(b, "All", b.elementwise("x.isnan()", dtype="bool", x=x), axis, keepdims)
    return b.elementwise("y.masked_fill(none, math.nan)", y=y, none=none)


@op({"Nanstd": {"root": True}, "Nanvar": {"root": False}})
def nan_variance(
    b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False, root: bool
) -> Value:
    """Variance or standard deviation of what is not NaN."""
    x, _ = _cast_input(b, x, "float")
    centred = b.elementwise("x - y", x=x, y=reduction(b, "Nanmean", x, axis, keepdims=True))
    variance = reduction(b, "Nanmean", b.elementwise("x.square()", x=centred), axis, keepdims)
    return b.elementwise("x.sqrt()", x=variance) if root else variance


@op("Prod")
def prod(
    b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False, dtype: str | None = None
) -> Value:
    """`x.prod(dim)`, axis by axis."""
    return _product(b, rules.tensor(b, x), axis, keepdims, dtype)


@op("Nanprod")
def nan_prod(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """The product of what is not NaN."""
    x = rules.tensor(b, x)
    if x.dtype in FLOATS:
        x = b.elementwise("torch.where(x.isnan(), torch.ones_like(x), x)", x=x)
    return _product(b, x, axis, keepdims, None)


def _product(b: Builder, x: Value, axis: Axis, keepdims: bool, dtype: str | None) -> Value:
    """A product; Keras on TensorFlow takes no notice of `dtype`, except that it then widens no integers."""
    result = x.dtype if dtype else _cast_input(b, x, "sum")[1]
    wide = result if result in FLOATS | COMPLEX else "int64"  # torch multiplies integers in 64 bits
    axes = rules.axes_of(b, axis, x.rank)
    if len(axes) == x.rank and not keepdims:
        x = rules.reduce(b, x, "", None, keepdims=False, dtype=wide, whole="x.prod()")
    else:
        for a in sorted(axes, reverse=True):  # torch multiplies along one dim
            x = rules.reduce(b, x, "x.prod(dim=d, keep)", a, keepdims, dtype=wide)
    return b.cast(x, result)


@op("Average")
def average(b: Builder, x: TensorLike, weights: TensorLike | None = None, *, axis: Axis = None) -> Value:
    """The weighted mean."""
    if weights is None:
        return reduction(b, "Mean", x, axis)
    x, weights = rules.native(b, x), rules.native(b, weights)
    dtype = rules.float_type(x, weights)
    x, weights = b.cast(x, dtype), b.cast(weights, dtype)
    if weights.rank == 1 and x.rank > 1:
        axes = rules.axes_of(b, axis, x.rank)
        if len(axes) != 1:
            b.malformed(f"its weights {weights.shape} should be of one axis, but are of {axes}")
        a = axes[0]
        weights = b.reshape(weights, tuple(weights.shape[0] if i == a else 1 for i in range(x.rank)))
    total = reduction(b, "Sum", b.elementwise("x * y", x=x, y=weights), axis)
    scale = reduction(b, "Sum", b.elementwise("y.expand_as(x)", x=x, y=weights), axis)
    return b.elementwise("x / y", x=total, y=scale)


@op({"Median": {"skips_nan": False}, "Nanmedian": {"skips_nan": True}})
def median(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False, skips_nan: bool) -> Value:
    """The middle of the sorted numbers, or the mean of the two in the middle."""
    return quantile(b, x, 0.5, axis=axis, keepdims=keepdims, skips_nan=skips_nan)


@op({
    "Quantile": {"percents": False, "skips_nan": False, "takes_method": False},
    "Percentile": {"percents": True, "skips_nan": False, "takes_method": True},
    "Nanquantile": {"percents": False, "skips_nan": True, "takes_method": True},
    "Nanpercentile": {"percents": True, "skips_nan": True, "takes_method": True},
})  # fmt: skip
def quantile(
    b: Builder,
    x: TensorLike,
    q: TensorLike,
    *,
    axis: Axis = None,
    method: Literal["linear", "lower", "higher", "midpoint", "nearest"] = "linear",
    keepdims: bool = False,
    percents: bool = False,
    skips_nan: bool = False,
    takes_method: bool = True,
) -> Value:
    """`torch.quantile(x, q)`; Keras takes no notice of the method of a recorded `Quantile`."""
    method = method if takes_method else "linear"
    q = _fractions(b, q, percents)
    x = rules.native(b, x)
    result = rules.float_type(x)
    dtype = promote(result, "float32")  # torch.quantile takes no shorter numbers
    if method != "linear":  # Keras rounds positions in float64, with q in float32
        known = None if isinstance(q, Value) else rules.as_array(b, q).astype("float32").astype("float64")
        if known is None or (known * 1024 % 1).any():
            dtype = "float64"
        q = q if known is None else known.tolist()
    x = b.cast(x, dtype)
    axes = rules.axes_of(b, axis, x.rank)
    shape = rules.reduced_shape(x.shape, axes, keepdims)
    if not isinstance(q, (int, float)):
        q = rules.tensor(b, q, dtype)
    moved = x
    if axis is not None and len(axes) > 1:
        order = (*(a for a in range(x.rank) if a not in axes), *axes)
        moved = b.op("x.permute(*order).flatten(d)", shape=(), x=x, order=order, d=x.rank - len(axes))
    operands: dict[str, Any] = {} if method == "linear" else {"method": method}
    arguments = "" if method == "linear" else ", interpolation=method"
    name = "torch.nanquantile" if skips_nan else "torch.quantile"
    lead = q.shape if isinstance(q, Value) else ()
    if isinstance(q, Value) and len(lead) > 1:  # torch takes a vector at most
        q = b.reshape(q, (element_count(lead),))
    if axis is not None:
        operands["d"] = axes[0] if len(axes) == 1 else -1
        arguments = ", dim=d" + arguments
    full = (*lead, *shape)
    template = f"{name}({'x.flatten()' if axis is None else 'x'}, q{arguments})"
    left = rules.reduced_shape(x.shape, axes, keepdims=False)
    first = (element_count(lead),) if lead else ()
    y = b.op(template, shape=(*first, *left), dtype=dtype, x=moved, q=q, **operands)
    if len(lead) > 1:
        template = "torch.unflatten(y, 0, sizes)"
        y = b.op(template, shape=(*lead, *left), y=y, sizes=lead)
    return b.cast(b.reshape(y, full) if keepdims else y, result)


def _fractions(b: Builder, q: TensorLike, percents: bool) -> TensorLike:
    """Quantiles as numbers up to 1: a number, a list, or a tensor."""
    known: TensorLike = q if isinstance(q, Value) else rules.host(q)
    if not percents:
        return known
    if isinstance(known, (int, float)):
        return known / 100
    if isinstance(known, (list, tuple)):
        shares: list[TensorLike] = (rules.as_array(b, known) / 100).tolist()
        return shares
    return b.elementwise("q / 100", q=known)


# -------------------------------------------------------------------- positions and order


@op({
    "Argmax": {"method": "argmax", "skips_nan": False, "dtype": "int32"},
    "Argmin": {"method": "argmin", "skips_nan": False, "dtype": "int32"},
    "Nanargmax": {"method": "argmax", "skips_nan": True, "dtype": "int32"},
    "Nanargmin": {"method": "argmin", "skips_nan": True, "dtype": "int32"},
})  # fmt: skip
def argmax(
    b: Builder,
    x: TensorLike,
    *,
    axis: int | None = None,
    keepdims: bool = False,
    method: str = "argmax",
    skips_nan: bool = False,
    dtype: str = "int32",
) -> Value:
    """`x.argmax(dim)` or `x.argmin(dim)`; the first of equal ones."""
    x = rules.tensor(b, x)
    if x.dtype == "bool":
        x = b.cast(x, "int32")
    if skips_nan and x.dtype in FLOATS:
        return _nan_argmax(b, x, axis, keepdims, method)
    if axis is None:
        y = b.op(f"x.{method}()", shape=(), dtype="int64", x=x)
        y = b.cast(y, dtype)
        return b.op("y.reshape(*ones)", shape=(1,) * x.rank, y=y, ones=(1,) * x.rank) if keepdims else y
    return b.cast(rules.reduce(b, x, f"x.{method}(dim=d, keep)", axis, keepdims, dtype="int64"), dtype)


def _nan_argmax(b: Builder, x: Value, axis: int | None, keepdims: bool, method: str) -> Value:
    """The same among what is not NaN; -1 where there is nothing else."""
    bound = float("inf") if method == "argmin" else float("-inf")
    missing = b.elementwise("x.isnan()", dtype="bool", x=x)
    filled = b.elementwise("x.masked_fill(missing, bound)", x=x, missing=missing, bound=bound)
    y = argmax(b, filled, axis=axis, keepdims=keepdims, method=method)
    return b.elementwise("y.masked_fill(none, -1)", y=y, none=reduction(b, "All", missing, axis, keepdims))


@op({"Sort": {"descending": False}})
def sort(b: Builder, x: TensorLike, *, axis: int | None = -1, descending: bool = False) -> Value:
    """`x.sort(dim)`, the numbers alone."""
    x = _flat_if(b, rules.to_keras_order(b, rules.tensor(b, x)), axis)
    arguments = ", descending=True" if descending else ""
    return b.op(
        f"x.sort(dim=d{arguments}).values",
        shape=x.shape,
        x=x,
        like=x,
        d=x.dim(0 if axis is None else b.axis(axis, x.rank)),
    )


@op({"Argsort": {"descending": False}})
def argsort(b: Builder, x: TensorLike, *, axis: int | None = -1, descending: bool = False) -> Value:
    """`x.argsort(dim)` as int32; equal ones stay as they are."""
    x = _flat_if(b, rules.to_keras_order(b, rules.tensor(b, x)), axis)
    if x.dtype == "bool":
        x = b.cast(x, "int32")
    d = x.dim(0 if axis is None else b.axis(axis, x.rank))
    arguments = ", descending=True" if descending else ""
    y = b.op(f"x.argsort(dim=d, stable=True{arguments})", shape=x.shape, dtype="int64", x=x, like=x, d=d)
    return b.cast(y, "int32")


def _flat_if(b: Builder, x: Value, axis: int | None) -> Value:
    return b.reshape(x, (element_count(x.shape),)) if axis is None and x.rank != 1 else x


@op({
    "Cumsum": {"method": "cumsum", "skips_nan": False},
    "Cumprod": {"method": "cumprod", "skips_nan": False},
    "Nancumsum": {"method": "cumsum", "skips_nan": True},
    "Nancumprod": {"method": "cumprod", "skips_nan": True},
})  # fmt: skip
def cumulative(
    b: Builder,
    x: TensorLike,
    *,
    axis: int | None = None,
    dtype: str | None = None,
    method: Literal["cumsum", "cumprod"],
    skips_nan: bool = False,
) -> Value:
    """`x.cumsum(dim)` or `x.cumprod(dim)`; without an axis, of the flattened tensor."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    if skips_nan and x.dtype in FLOATS:
        neutral = {"cumsum": "x.nan_to_num()", "cumprod": "torch.where(x.isnan(), torch.ones_like(x), x)"}
        x = b.elementwise(neutral[method], x=x)
    target = dtype or x.dtype
    if target == "bool":
        x, target = b.cast(x, "bool"), "int32"
    x = _flat_if(b, b.keras_layout(x) if axis is None else x, axis)
    d = x.dim(0 if axis is None else b.axis(axis, x.rank))
    if target == x.dtype and target in FLOATS | COMPLEX | {"int64"}:
        return b.op(f"x.{method}(dim=d)", shape=x.shape, x=x, like=x, d=d)
    return b.op(
        f"x.{method}(dim=d, dtype=target)",
        shape=x.shape,
        dtype=target,
        x=x,
        like=x,
        d=d,
        target=torch_dtype(target),
    )
