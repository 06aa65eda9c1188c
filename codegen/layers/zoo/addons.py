"""Layers of TensorFlow Addons: adaptive pooling, GELU, Maxout."""

from __future__ import annotations

from codegen.graph import Value
from codegen.layers.windows.pooling import adaptive_average_pooling, adaptive_max_pooling
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import in_dims
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers

_ADDONS, _NOTE = "Addons", "TensorFlow Addons"

for _name, _function in (
    ("AdaptiveAveragePooling{}D", adaptive_average_pooling),
    ("AdaptiveMaxPooling{}D", adaptive_max_pooling),
):
    lowers(in_dims(_name, 1, 2, 3), package=_ADDONS, masks="drop", note=_NOTE)(_function)


@lowers("GELU", package=_ADDONS, note=_NOTE)
def gelu(b: Builder, x: Value, *, approximate: bool = True) -> Value:
    """x * normal distribution(x), or close to it."""
    return b.activation(x, "Addons>gelu" if approximate else "gelu")


@lowers("Maxout", package=_ADDONS, masks="drop", note=_NOTE)
def maxout(b: Builder, x: Value, *, num_units: Size, axis: int = -1) -> Value:
    """The largest of the numbers that are `num_units` apart on an axis."""
    axis = b.axis(axis, x.rank)
    size = b.known(x, axis)
    if num_units < 1 or size % num_units:
        b.malformed(f"{size} features are no multiple of {num_units}")
    shape = (*x.shape[:axis], num_units, *x.shape[axis + 1 :])
    return b.op(
        "torch.unflatten(x, d, (count, units)).amax(dim=d)",
        shape=shape,
        x=x,
        like=x,
        d=x.dim(axis),
        count=size // num_units,
        units=num_units,
    )
