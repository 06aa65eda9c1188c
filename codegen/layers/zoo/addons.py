"""Layers of TensorFlow Addons that have no kin in Keras.

Formulas: the files of `tensorflow_addons/layers` (0.20), which have the names of the classes.
"""

from __future__ import annotations

from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.layers.windows.pooling import adaptive_average_pooling, adaptive_max_pooling
from codegen.lowering.builder import Builder
from codegen.lowering.parts.tensors import along
from codegen.lowering.parts.windows import channel_axis, check_rank, in_dims
from codegen.lowering.ranges import NonNegative, Rate, Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

_ADDONS, _NOTE = "Addons", "TensorFlow Addons"

for _name, _function in (
    ("AdaptiveAveragePooling{}D", adaptive_average_pooling),
    ("AdaptiveMaxPooling{}D", adaptive_max_pooling),
):
    lowers(in_dims(_name, 1, 2, 3), package=_ADDONS, masks="drop", note=_NOTE)(_function)


@lowers("GELU", "GeLU", package=_ADDONS, note=_NOTE)
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


@lowers("Sparsemax", package=_ADDONS, note=_NOTE)
def sparsemax(b: Builder, x: Value, *, axis: int = -1) -> Value:
    """Projection of an axis onto the simplex."""
    return along(b, "simplex_projection(x, dim=d)", x, axis, non_negative=True)


@lowers("Snake", package=_ADDONS, masks="drop", note=_NOTE)
def snake(b: Builder, x: Value) -> Value:
    """x + (1 - cos(2 * frequency * x)) / (2 * frequency), with a learnt frequency."""
    frequency = b.parameter("frequency", b.weight("frequency", ()))
    return b.elementwise("snake(x, frequency)", x=x, frequency=frequency)


@lowers("StochasticDepth", package=_ADDONS, masks="drop", note=_NOTE)
def stochastic_depth(
    b: Builder, x: list[Value], training: bool | None = None, *, survival_probability: Rate = 0.5
) -> Value:
    """The shortcut plus the residual branch, which training leaves out at random and inference scales."""
    if len(x) != 2:
        b.malformed(f"it is called on {len(x)} tensors, not on [shortcut, residual]")
    if training:
        b.unsupported("training", training, "supported: drawing in training mode only")
    shortcut, residual = x
    if training is None:
        p = {"p": survival_probability}
        residual = b.module("StochasticBranch", residual, like=residual, kwargs=p, shape=residual.shape)
    else:
        residual = b.elementwise("x * p", x=residual, p=survival_probability)
    return b.elementwise("x + y", x=shortcut, y=residual)


@lowers("FilterResponseNormalization", package=_ADDONS, note=_NOTE)
def filter_response_normalization(
    b: Builder,
    x: Value,
    *,
    axis: tuple[int, ...] = (1, 2),
    epsilon: NonNegative = 1e-6,
    learned_epsilon: bool = False,
) -> Value:
    """Divide each channel of an image by its root mean square; the scale and shift are learnt."""
    check_rank(b, x, 2)
    if axis != (1, 2):
        b.unsupported("axis", axis, "supported: (1, 2)")
    more = b.weight("learned_epsilon", (1,)) if learned_epsilon else None
    shape = (1, 1, 1, b.known(x, -1))
    weight, bias = (
        b.parameter(name, b.weight(name, shape).reshape(shape[-1], 1, 1)) for name in ("gamma", "beta")
    )
    operands: dict[str, Any] = {"x": b.channels_first(x), "weight": weight, "bias": bias, "eps": abs(epsilon)}
    template = "filter_response_norm(x, weight, bias, eps)"
    if more is not None:
        template = "filter_response_norm(x, weight, bias, eps + more.abs())"
        operands["more"] = b.parameter("epsilon", more)
    return b.op(template, shape=x.shape, like=operands["x"], **operands)


@lowers("PolynomialCrossing", package=_ADDONS, note=_NOTE)
def polynomial_crossing(
    b: Builder,
    inputs: list[Value],
    *,
    projection_dim: Size | None = None,
    diag_scale: float = 0.0,
    use_bias: bool = True,
) -> Value:
    """x0 * (x @ kernel + diag_scale * x) + x + bias, where the kernel may be a product of two."""
    if len(inputs) != 2:
        b.malformed(f"it is called on {len(inputs)} tensors, not on [x0, x]")
    first, x = (b.keras_layout(value) for value in inputs)
    size = b.known(x, -1)
    if projection_dim is None:
        kernels = {"": b.weight("kernel", (size, size))}
    else:
        u, v = b.weight("kernel_u", (size, projection_dim)), b.weight("kernel_v", (projection_dim, size))
        kernels = {"u": u, "v": v}
    y = x
    for part, kernel in kernels.items():
        y = _linear(b, y, kernel, part)
    if diag_scale:
        y = b.elementwise("y + scale * x", y=y, scale=diag_scale, x=x)
    if not use_bias:
        return b.elementwise("x0 * y + x", x0=first, y=y, x=x)
    bias = b.parameter("bias", b.weight("bias", (size,)))
    return b.elementwise("x0 * y + x + bias", x0=first, y=y, x=x, bias=bias)


def _linear(b: Builder, x: Value, kernel: Weight, part: str = "", bias: Weight | None = None) -> Value:
    """x @ kernel + bias."""
    features, units = kernel.shape
    return b.module(
        "nn.Linear",
        x,
        kwargs={"in_features": features, "out_features": units, "bias": bias is not None},
        state={"weight": kernel.T, "bias": bias},
        shape=(*x.shape[:-1], units),
        part=part,
    )


@lowers("NoisyDense", package=_ADDONS, masks="drop", training_only=("sigma", "use_factorised"), note=_NOTE)
def noisy_dense(
    b: Builder, x: Value, *, units: Size, activation: str | LayerSpec = "linear", use_bias: bool = True
) -> Value:
    """A dense layer with the noise that it was saved with: a new one is drawn on demand only."""
    x = b.keras_layout(x)
    sizes = {"kernel": (b.known(x, -1), units)} | ({"bias": (units,)} if use_bias else {})
    noisy = {}
    for name, size in sizes.items():
        sigma, mu = b.weight(f"sigma_{name}", size), b.weight(f"mu_{name}", size)
        noise = b.weight(f"eps_{name}", size, trainable=False)
        noisy[name] = (mu + sigma.apply("multiply", noise)).instead_of(mu)
    b.note("a noisy dense layer has the noise that it was saved with, and trains as a plain one")
    return b.activation(_linear(b, x, noisy["kernel"], bias=noisy.get("bias")), activation)


@lowers("EmbeddingBag", package=_ADDONS, masks="drop", training_only=("input_length",), note=_NOTE)
def embedding_bag(
    b: Builder,
    indices: Value,
    weights: Value | None = None,
    *,
    input_dim: Size,
    output_dim: Size,
    mask_zero: bool = False,
    combiner: Literal["sum", "mean"] = "sum",
) -> Value:
    """The sum or mean of the vectors of the indices on the last axis."""
    if mask_zero:
        b.unsupported("mask_zero", mask_zero, "supported: no masks")
    if indices.rank != 2:
        b.unsupported("indices", indices.shape, "supported: one bag of indices a sample")
    table = b.define(
        "nn.EmbeddingBag",
        kwargs={"num_embeddings": input_dim, "embedding_dim": output_dim, "mode": combiner},
        state={"weight": b.weight("embeddings", (input_dim, output_dim))},
    )
    operands: dict[str, Any] = {"module": table, "x": indices}
    template = "module(x)"
    if weights is not None:
        template = "module(x, per_sample_weights=weights)"
        operands["weights"] = weights
    return b.op(template, shape=(indices.shape[0], output_dim), dtype=b.dtype, **operands)


@lowers("SpatialPyramidPooling2D", package=_ADDONS, masks="drop", note=_NOTE)
def spatial_pyramid_pooling(
    b: Builder, x: Value, *, bins: tuple[Size | tuple[Size, Size], ...], data_format: str = "channels_last"
) -> Value:
    """(N, H, W, C) -> (N, bins, C): the means of each image's parts, for several ways to cut it."""
    check_rank(b, x, 2)
    sizes = [(n, n) if isinstance(n, int) else n for n in bins]
    total, channels = (
        sum(rows * columns for rows, columns in sizes),
        x.shape[channel_axis(x.rank, data_format)],
    )
    is_last = data_format == "channels_last"
    return b.op(
        "pyramid_pool(x, sizes)",
        shape=(x.shape[0], total, channels) if is_last else (x.shape[0], channels, total),
        perm=(0, 2, 1) if is_last else (0, 1, 2),
        x=b.channels_first(x, data_format),
        sizes=sizes,
    )


@lowers("PoincareNormalize", package=_ADDONS, masks="drop", note=_NOTE)
def poincare_normalize(
    b: Builder, x: Value, *, axis: int | tuple[int, ...] | None = 1, epsilon: NonNegative = 1e-5
) -> Value:
    """Vectors along some axes, or all, cut off at the edge of the unit ball."""
    axes = range(x.rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    x = b.keras_layout(x) if x.flat else x
    dims = sorted({x.dim(b.axis(a, x.rank)) for a in axes})
    template = "x * (limit / torch.linalg.vector_norm(x, dim=dims, keepdim=True)).clamp(max=1)"
    return b.op(template, shape=x.shape, x=x, like=x, limit=1 - epsilon, dims=dims)


@lowers("NetVLAD", package=_ADDONS, masks="drop", note=_NOTE)
def net_vlad(b: Builder, x: Value, *, num_clusters: Size) -> Value:
    """(N, T, features) -> (N, features * clusters): normalised sums of distances to learnt centres."""
    x = b.keras_layout(x)
    if x.rank != 3:
        b.malformed(f"its input {x.shape} must be sequences of vectors")
    features = b.known(x, -1)
    centers = b.parameter("cluster_centers", b.weight("cluster_centers", (1, features, num_clusters)))
    dense = LayerSpec("fc", "Dense", {"units": num_clusters, "activation": "softmax"})
    share: Value = b.call(dense, x, attribute="fc", part="fc")
    shape = (x.shape[0], features, num_clusters)
    template = "x.mT @ share - share.sum(dim=1, keepdim=True) * centers"
    y = b.op(template, shape=shape, x=x, share=share, centers=centers)
    y = b.op("F.normalize(y, dim=1).flatten(1)", shape=(shape[0], features * num_clusters), y=y)
    return b.op("F.normalize(y, dim=1)", shape=y.shape, y=y)
