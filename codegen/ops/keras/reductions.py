"""Graph ops that reduce, search, sort or accumulate along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX, FLOATS, promote, torch_dtype
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


def _prepared(b: Builder, x: TensorLike, rule: str) -> tuple[Value, str]:
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
    x, dtype = _prepared(b, x, rule)
    if not rules.axes_of(b, axis, x.rank):
        x = b.cast(x, "bool") if name == "CountNonzero" else x
        return b.cast(b.elementwise(OVER_NOTHING.get(name, "x"), x=x), dtype)
    if name in ("Nanmean", "Nansum") and x.dtype not in FLOATS:
        template, whole = template.replace("nan", ""), whole.replace("nan", "")
    y = rules.reduce(b, x, template, axis, keepdims, dtype=dtype, whole=whole)
    # torch sums and counts integers in 64 bits.
    return _narrowed(b, y) if rule in ("sum", "int32") and dtype not in FLOATS | COMPLEX else y


def _narrowed(b: Builder, y: Value) -> Value:
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


@op("Max", "Min")
def extremum(
    b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False, initial: float | None = None
) -> Value:
    """`x.amax(dim)` or `x.amin(dim)`, not below or above `initial`."""
    low = b.spec.class_name == "Max"
    x = rules.tensor(b, x)
    y = reduction(b, "Amax" if low else "Amin", x, axis, keepdims)
    if initial is None:
        return y
    y = b.cast(y, "int32") if y.dtype == "bool" else y
    initial = initial if x.dtype in FLOATS else int(initial)
    y = b.elementwise("x.clamp(min=bound)" if low else "x.clamp(max=bound)", x=y, bound=initial)
    return b.cast(y, x.dtype)


@op("Nanmax", "Nanmin")
def nan_extremum(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest or least number that is not NaN; NaN if there is none."""
    x = rules.tensor(b, x)
    low = b.spec.class_name == "Nanmax"
    if x.dtype not in FLOATS:
        return reduction(b, "Amax" if low else "Amin", x, axis, keepdims)
    bound = float("-inf") if low else float("inf")
    filled = b.elementwise("x.nan_to_num(nan=bound, posinf=math.inf, neginf=-math.inf)", x=x, bound=bound)
    y = reduction(b, "Amax" if low else "Amin", filled, axis, keepdims)
    none = reduction(b, "All", b.elementwise("x.isnan()", dtype="bool", x=x), axis, keepdims)
    return b.elementwise("y.masked_fill(none, math.nan)", y=y, none=none)


@op("Nanstd", "Nanvar")
def nan_variance(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """Variance or standard deviation of what is not NaN."""
    x, _ = _prepared(b, x, "float")
    centred = b.elementwise("x - y", x=x, y=reduction(b, "Nanmean", x, axis, True))
    variance = reduction(b, "Nanmean", b.elementwise("x.square()", x=centred), axis, keepdims)
    return variance if b.spec.class_name == "Nanvar" else b.elementwise("x.sqrt()", x=variance)


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
    result = x.dtype if dtype else _prepared(b, x, "sum")[1]
    wide = result if result in FLOATS | COMPLEX else "int64"  # torch multiplies integers in 64 bits
    axes = rules.axes_of(b, axis, x.rank)
    if len(axes) == x.rank and not keepdims:
        x = rules.reduce(b, x, "", None, False, dtype=wide, whole="x.prod()")
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
        (a,) = rules.axes_of(b, axis, x.rank)
        weights = b.reshape(weights, tuple(weights.shape[0] if i == a else 1 for i in range(x.rank)))
    total = reduction(b, "Sum", b.elementwise("x * y", x=x, y=weights), axis)
    scale = reduction(b, "Sum", b.elementwise("y.expand_as(x)", x=x, y=weights), axis)
    return b.elementwise("x / y", x=total, y=scale)


@op("Median", "Nanmedian")
def median(b: Builder, x: TensorLike, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """The middle of the sorted numbers, or the mean of the two in the middle."""
    return _quantile(b, x, 0.5, axis, "linear", keepdims, nan=b.spec.class_name == "Nanmedian")


@op("Quantile", "Percentile", "Nanquantile", "Nanpercentile")
def quantile(
    b: Builder,
    x: TensorLike,
    q: TensorLike,
    *,
    axis: Axis = None,
    method: Literal["linear", "lower", "higher", "midpoint", "nearest"] = "linear",
    keepdims: bool = False,
) -> Value:
    """`torch.quantile(x, q)`; Keras takes no notice of the method of a recorded `Quantile`."""
    name = b.spec.class_name
    method = "linear" if name == "Quantile" else method
    q = rules.host(q) if not isinstance(q, Value) else q
    if name.endswith("ercentile"):
        if isinstance(q, (int, float)):
            q = q / 100
        elif isinstance(q, (list, tuple)):
            q = (rules.as_array(b, q) / 100).tolist()
        else:
            q = b.elementwise("q / 100", q=q)
    return _quantile(b, x, q, axis, method, keepdims, nan=name.startswith("Nan"))


def _quantile(
    b: Builder, x: TensorLike, q: TensorLike, axis: Axis, method: str, keepdims: bool, *, nan: bool
) -> Value:
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
        moved = b.op(
            "x.permute(*order).flatten(d)", shape=(), perm=(), x=x, order=order, d=x.rank - len(axes)
        )
    operands: dict[str, Any] = {} if method == "linear" else {"method": method}
    arguments = "" if method == "linear" else ", interpolation=method"
    name = "torch.nanquantile" if nan else "torch.quantile"
    lead = q.shape if isinstance(q, Value) else ()
    if isinstance(q, Value) and len(lead) > 1:  # torch takes a vector at most
        q = b.reshape(q, (rules.elements(lead),))
    if axis is not None:
        operands["d"] = axes[0] if len(axes) == 1 else -1
        arguments = ", dim=d" + arguments
    full = (*lead, *shape)
    template = f"{name}({'x.flatten()' if axis is None else 'x'}, q{arguments})"
    left = rules.reduced_shape(x.shape, axes, False)
    first = (rules.elements(lead),) if lead else ()
    y = b.op(template, shape=(*first, *left), perm=(), dtype=dtype, x=moved, q=q, **operands)
    y.perm = tuple(range(y.rank))
    if len(lead) > 1:
        rank = y.rank - 1 + len(lead)
        template = "torch.unflatten(y, 0, sizes)"
        y = b.op(template, shape=(*lead, *left), perm=tuple(range(rank)), y=y, sizes=lead)
    return b.cast(b.reshape(y, full) if keepdims else y, result)


# -------------------------------------------------------------------- positions and order


@op("Argmax", "Argmin", "Nanargmax", "Nanargmin")
def argmax(b: Builder, x: TensorLike, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """`x.argmax(dim)` or `x.argmin(dim)` as int32; the first of equal ones."""
    return position(b, b.spec.class_name, x, axis, keepdims, "int32")


def position(b: Builder, name: str, x: TensorLike, axis: int | None, keepdims: bool, dtype: str) -> Value:
    """Where the largest or least element is."""
    x = rules.tensor(b, x)
    if x.dtype == "bool":
        x = b.cast(x, "int32")
    low = name.lower().endswith("min")
    if name.startswith("Nan") and x.dtype in FLOATS:
        return _nan_position(b, name, x, axis, keepdims, dtype)
    method = "argmin" if low else "argmax"
    if axis is None:
        y = b.op(f"x.{method}()", shape=(), dtype="int64", perm=(), x=b.keras_layout(x))
        y = b.cast(y, dtype)
        return (
            b.op("y.reshape(*ones)", shape=(1,) * x.rank, perm=tuple(range(x.rank)), y=y, ones=(1,) * x.rank)
            if keepdims
            else y
        )
    return b.cast(rules.reduce(b, x, f"x.{method}(dim=d, keep)", axis, keepdims, dtype="int64"), dtype)


def _nan_position(b: Builder, name: str, x: Value, axis: int | None, keepdims: bool, dtype: str) -> Value:
    """The same among what is not NaN; -1 where there is nothing else."""
    bound = float("inf") if name.endswith("min") else float("-inf")
    missing = b.elementwise("x.isnan()", dtype="bool", x=x)
    filled = b.elementwise("x.masked_fill(missing, bound)", x=x, missing=missing, bound=bound)
    y = position(b, name.removeprefix("Nan").lower(), filled, axis, keepdims, dtype)
    return b.elementwise("y.masked_fill(none, -1)", y=y, none=reduction(b, "All", missing, axis, keepdims))


@op("Sort")
def sort(b: Builder, x: TensorLike, *, axis: int | None = -1) -> Value:
    """`x.sort(dim)`, the numbers alone."""
    return sorted_along(b, x, axis, descending=False)


def sorted_along(b: Builder, x: TensorLike, axis: int | None, *, descending: bool) -> Value:
    """Sorted numbers."""
    x = _flat_if(b, rules.settled(b, rules.tensor(b, x)), axis)
    arguments = ", descending=True" if descending else ""
    return b.op(
        f"x.sort(dim=d{arguments}).values",
        shape=x.shape,
        x=x,
        like=x,
        d=x.dim(0 if axis is None else b.axis(axis, x.rank)),
    )


@op("Argsort")
def argsort(b: Builder, x: TensorLike, *, axis: int | None = -1) -> Value:
    """`x.argsort(dim)`, stable, as int32."""
    return argsort_along(b, x, axis, descending=False)


def argsort_along(b: Builder, x: TensorLike, axis: int | None, *, descending: bool) -> Value:
    """The order that sorts; equal ones stay as they are."""
    x = _flat_if(b, rules.settled(b, rules.tensor(b, x)), axis)
    if x.dtype == "bool":
        x = b.cast(x, "int32")
    d = x.dim(0 if axis is None else b.axis(axis, x.rank))
    arguments = ", descending=True" if descending else ""
    y = b.op(f"x.argsort(dim=d, stable=True{arguments})", shape=x.shape, dtype="int64", x=x, like=x, d=d)
    return b.cast(y, "int32")


def _flat_if(b: Builder, x: Value, axis: int | None) -> Value:
    return b.reshape(x, (rules.elements(x.shape),)) if axis is None and x.rank != 1 else x


@op("Cumsum", "Cumprod", "Nancumsum", "Nancumprod")
def cumulative(b: Builder, x: TensorLike, *, axis: int | None = None, dtype: str | None = None) -> Value:
    """`x.cumsum(dim)` or `x.cumprod(dim)`; without an axis, of the flattened tensor."""
    x = rules.settled(b, rules.tensor(b, x))
    product = b.spec.class_name.endswith("prod")
    if b.spec.class_name.startswith("Nan") and x.dtype in FLOATS:
        x = b.elementwise(
            "torch.where(x.isnan(), torch.ones_like(x), x)" if product else "x.nan_to_num()", x=x
        )
    target = dtype or x.dtype
    if target == "bool":
        x, target = b.cast(x, "bool"), "int32"
    x = _flat_if(b, b.keras_layout(x) if axis is None else x, axis)
    d = x.dim(0 if axis is None else b.axis(axis, x.rank))
    method = "cumprod" if product else "cumsum"
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
