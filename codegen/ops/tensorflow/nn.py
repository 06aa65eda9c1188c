"""TensorFlow functions of `tf.nn` without windows: activations, softmax, normalisation, losses."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import is_host
from codegen.lowering.parts.tensors import along, concatenated
from codegen.ops.keras import activations, arrange, normalization, shapes
from codegen.ops.tensorflow.functions import axes, function_name, natives, number, operands, tensors, tf
from codegen.ops.tensorflow.math import combine
from codegen.ops.tensorflow.reductions import reduced

#: TensorFlow's activations without options, and the names that layers call them by.
ACTIVATIONS = {
    "math.log_sigmoid": "log_sigmoid",
    "math.sigmoid": "sigmoid",
    "math.softplus": "softplus",
    "nn.elu": "elu",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.selu": "selu",
    "nn.softsign": "softsign",
}


@tf(*ACTIVATIONS)
def activation(b: Builder, x: Any) -> Value:
    """An activation."""
    return b.activation(rules.tensor(b, x), ACTIVATIONS[function_name(b)])


@tf("nn.silu")
def silu(b: Builder, features: Any, beta: Any = 1.0) -> Value:
    """`F.silu(x)`, or `x * torch.sigmoid(beta * x)`."""
    x, beta = operands(b, features, beta)
    if beta == 1:
        return b.activation(rules.tensor(b, x), "silu")
    return b.elementwise("x * torch.sigmoid(beta * x)", x=x, beta=beta)


@tf("nn.gelu")
def gelu(b: Builder, features: Any, approximate: bool = False) -> Value:
    """`F.gelu(x)`, or its approximation with tanh."""
    return activations.gelu(b, features, approximate=approximate)


@tf("nn.leaky_relu")
def leaky_relu(b: Builder, features: Any, alpha: Any = 0.2) -> Value:
    """`F.leaky_relu(x, slope)`."""
    return activations.leaky_relu(b, features, negative_slope=float(number(b, alpha, "alpha")))


@tf("nn.crelu", "compat.v1.nn.crelu")
def crelu(b: Builder, features: Any, axis: int = -1) -> Value:
    """What is above zero, then what is below it."""
    x = rules.tensor(b, features)
    parts = [b.activation(y, "relu") for y in (x, b.elementwise("-x", x=x))]
    return concatenated(b, parts, axis)


@tf("nn.softmax", "compat.v1.nn.softmax", "nn.log_softmax", "compat.v1.nn.log_softmax")
def softmax(b: Builder, logits: Any, axis: Any = None) -> Value:
    """`F.softmax(x, dim)` or `F.log_softmax(x, dim)`."""
    a = -1 if axis is None else int(number(b, axis, "axis"))
    log = function_name(b).endswith("log_softmax")
    template = "F.log_softmax(x, dim=d)" if log else "F.softmax(x, dim=d)"
    return along(b, template, rules.tensor(b, logits), a, non_negative=not log)


@tf("nn.dropout", "compat.v1.nn.dropout")
def dropout(b: Builder, x: Any, rate: Any = None, keep_prob: Any = None, **options: Any) -> Value:
    """Only without dropping anything: TensorFlow's function drops at inference as well."""
    del options
    share = 1 - number(b, keep_prob, "keep_prob") if rate is None else number(b, rate, "rate")
    if share != 0:
        b.unsupported("rate", share, "it drops elements at random at inference as well; supported: 0")
    return b.elementwise("x", x=rules.tensor(b, x))


# -------------------------------------------------------------------- normalisation


@tf("nn.bias_add", "keras.backend.bias_add")
def bias_add(b: Builder, value: Any, bias: Any, data_format: str | None = None) -> Value:
    """`x + bias`, one for each channel."""
    x, offset = tensors(b, value, bias)
    if data_format in ("channels_first", "NCHW", "NCW", "NCDHW") and offset.rank == 1:
        offset = b.reshape(offset, (offset.shape[0], *(1,) * (x.rank - 2)))
    return combine(b, "Add", x, offset)


@tf("nn.batch_normalization")
def batch_normalization(
    b: Builder, x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any
) -> Value:
    """`F.batch_norm(x, mean, variance, scale, offset)`."""
    x, mean, variance = tensors(b, x, mean, variance)
    epsilon = float(number(b, variance_epsilon, "variance_epsilon"))
    return normalization.batch_norm(b, x, mean, variance, offset, scale, axis=-1, epsilon=epsilon)


@tf("compat.v1.nn.fused_batch_norm")
def fused_batch_norm(
    b: Builder,
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: Any = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    exponential_avg_factor: Any = 1.0,
) -> list[Value]:
    """The same, with the statistics handed on."""
    del exponential_avg_factor  # for training
    if is_training or mean is None or variance is None:
        b.unsupported("is_training", is_training, "supported: False, with a mean and a variance")
    axis = -1 if data_format in ("NHWC", "NDHWC") else 1
    x, mean, variance = tensors(b, x, mean, variance)
    eps = max(float(number(b, epsilon, "epsilon")), 1.001e-5)  # TensorFlow's least
    return [
        normalization.batch_norm(b, x, mean, variance, offset, scale, axis=axis, epsilon=eps),
        mean,
        variance,
    ]


@tf("nn.moments", "compat.v1.nn.moments")
def moments(
    b: Builder, x: Any, axes_: Any = None, shift: Any = None, keepdims: Any = None, **options: Any
) -> list[Value]:
    """Mean and variance over axes."""
    del shift  # TensorFlow does not use it
    x = rules.tensor(b, x)
    over = axes(b, options["axes"] if axes_ is None else axes_)
    return [reduced(b, name, x, over, bool(keepdims)) for name in ("Mean", "Var")]


@tf("compat.v1.nn.weighted_moments")
def weighted_moments(
    b: Builder, x: Any, axes_: Any = None, frequency_weights: Any = 1.0, keepdims: Any = None, **options: Any
) -> list[Value]:
    """Mean and variance over axes, where elements count more or less."""
    x = rules.tensor(b, x)
    over = axes(b, options["axes"] if axes_ is None else axes_)
    weights = combine(b, "Add", arrange.full_of(b, x, 0, None), frequency_weights)
    total = reduced(b, "Sum", weights, over, keepdims=True)
    mean = combine(b, "Divide", reduced(b, "Sum", combine(b, "Multiply", weights, x), over, True), total)
    squares = combine(b, "Multiply", weights, combine(b, "SquaredDifference", x, mean))
    variance = combine(b, "Divide", reduced(b, "Sum", squares, over, True), total)
    if keepdims:
        return [mean, variance]
    gone = rules.axes_of(b, over, x.rank)
    return [shapes.squeeze(b, y, axis=gone) for y in (mean, variance)]


@tf("nn.local_response_normalization")
def local_response_normalization(
    b: Builder, input: Any, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5
) -> Value:
    """`F.local_response_norm(x)`; torch's alpha is for the mean of squares, TensorFlow's for the sum."""
    x = b.channels_first(rules.tensor(b, input))
    size = 2 * depth_radius + 1
    return b.op(
        "F.local_response_norm(x, size, alpha=alpha, beta=beta, k=bias)",
        shape=x.shape, x=x, like=x, size=size, alpha=alpha * size, beta=beta, bias=float(bias),
    )  # fmt: skip


@tf("nn.l2_loss")
def l2_loss(b: Builder, t: Any) -> Value:
    """Half the sum of squares."""
    return b.op("x.square().sum() / 2", shape=(), perm=(), x=rules.tensor(b, t))


# -------------------------------------------------------------------- losses


@tf(
    "nn.softmax_cross_entropy_with_logits",
    "compat.v1.nn.softmax_cross_entropy_with_logits",
    "compat.v1.nn.softmax_cross_entropy_with_logits_v2",
)
def softmax_cross_entropy(b: Builder, labels: Any, logits: Any, axis: Any = -1) -> Value:
    """The loss of each sample, for labels as distributions."""
    x, y = natives(b, logits, labels)
    d = b.axis(-1 if axis is None else int(number(b, axis, "axis")), x.rank)
    shape = rules.reduced_shape(x.shape, (d,), False)
    template = "-(y * F.log_softmax(x, dim=d)).sum(dim=d)"
    return b.op(template, shape=shape, perm=tuple(range(len(shape))), x=x, y=y, d=d)


@tf("nn.sparse_softmax_cross_entropy_with_logits", "compat.v1.nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy(b: Builder, labels: Any, logits: Any) -> Value:
    """The loss of each sample, for labels as class numbers."""
    y, x = rules.native(b, labels), rules.native(b, logits)
    template = "-F.log_softmax(x, dim=-1).gather(-1, y.long().unsqueeze(-1)).squeeze(-1)"
    return b.op(template, shape=y.shape, perm=tuple(range(y.rank)), dtype=x.dtype, x=x, y=y)


@tf("nn.sigmoid_cross_entropy_with_logits", "compat.v1.nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy(b: Builder, labels: Any, logits: Any) -> Value:
    """The loss of each element."""
    y, x = tensors(b, labels, logits)
    template = 'F.binary_cross_entropy_with_logits(x, y, reduction="none")'
    return b.elementwise(template, x=x, y=y)


@tf("nn.weighted_cross_entropy_with_logits", "compat.v1.nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy(b: Builder, labels: Any, logits: Any, pos_weight: Any) -> Value:
    """The loss of each element, those of positive labels weighted."""
    y, x = tensors(b, labels, logits)
    weight = operands(b, x, pos_weight)[1]
    template = "(1 - y) * x + (1 + (w - 1) * y) * F.softplus(-x)"
    return b.elementwise(template, x=x, y=y, w=weight if is_host(weight) else rules.tensor(b, weight))
