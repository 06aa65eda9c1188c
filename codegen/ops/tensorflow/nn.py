"""TensorFlow functions of `tf.nn` without windows: activations, softmax, normalisation, losses."""

from __future__ import annotations

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import is_host
from codegen.lowering.parts.tensors import along, concatenate
from codegen.ops.keras import activations, arrange, normalization, shapes
from codegen.ops.tensorflow.arguments import Axes, Given, Native, NativePeer, Peer, PeerTerm, Tensor
from codegen.ops.tensorflow.functions import tf
from codegen.ops.tensorflow.math import combine
from codegen.ops.tensorflow.reductions import reduce_with

#: TensorFlow's activations without options, and the names that layers call them by.
ACTIVATION_NAMES = {
    "math.log_sigmoid": "log_sigmoid",
    "math.sigmoid": "sigmoid",
    "math.softplus": "softplus",
    "nn.elu": "elu",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.selu": "selu",
    "nn.softsign": "softsign",
}


@tf({function: {"name": name} for function, name in ACTIVATION_NAMES.items()})
def activation(b: Builder, x: Tensor, *, name: str) -> Value:
    """An activation."""
    return b.activation(x, name)


@tf("nn.silu")
def silu(b: Builder, features: Peer, beta: PeerTerm = 1.0) -> Value:
    """`F.silu(x)`, or `x * torch.sigmoid(beta * x)`."""
    if beta == 1:
        return b.activation(features, "silu")
    factor = beta if is_host(beta) else rules.tensor(b, beta)
    return b.elementwise("x * torch.sigmoid(beta * x)", x=features, beta=factor)


@tf("nn.gelu")
def gelu(b: Builder, features: Given, approximate: bool = False) -> Value:
    """`F.gelu(x)`, or its approximation with tanh."""
    return activations.gelu(b, features, approximate=approximate)


@tf("nn.leaky_relu")
def leaky_relu(b: Builder, features: Given, alpha: float = 0.2) -> Value:
    """`F.leaky_relu(x, slope)`."""
    return activations.leaky_relu(b, features, negative_slope=alpha)


@tf("nn.crelu", "compat.v1.nn.crelu")
def crelu(b: Builder, features: Tensor, axis: int = -1) -> Value:
    """What is above zero, then what is below it."""
    parts = [b.activation(y, "relu") for y in (features, b.elementwise("-x", x=features))]
    return concatenate(b, parts, axis=axis)


@tf("nn.softmax", "compat.v1.nn.softmax")
def softmax(b: Builder, logits: Tensor, axis: int = -1) -> Value:
    """`F.softmax(x, dim)`."""
    return along(b, "F.softmax(x, dim=d)", logits, axis, non_negative=True)


@tf("nn.log_softmax", "compat.v1.nn.log_softmax")
def log_softmax(b: Builder, logits: Tensor, axis: int = -1) -> Value:
    """`F.log_softmax(x, dim)`."""
    return along(b, "F.log_softmax(x, dim=d)", logits, axis)


# -------------------------------------------------------------------- normalisation


@tf("nn.bias_add", "keras.backend.bias_add")
def bias_add(b: Builder, value: Peer, bias: Peer, data_format: str | None = None) -> Value:
    """`x + bias`, one for each channel."""
    if data_format in ("channels_first", "NCHW", "NCW", "NCDHW") and bias.rank == 1:
        bias = b.reshape(bias, (bias.shape[0], *(1,) * (value.rank - 2)))
    return combine(b, "Add", value, bias)


@tf("nn.batch_normalization")
def batch_normalization(
    b: Builder,
    x: Peer,
    mean: Peer,
    variance: Peer,
    offset: Given | None,
    scale: Given | None,
    variance_epsilon: float,
) -> Value:
    """`F.batch_norm(x, mean, variance, scale, offset)`."""
    return normalization.batch_norm(b, x, mean, variance, offset, scale, axis=-1, epsilon=variance_epsilon)


@tf("compat.v1.nn.fused_batch_norm", ignored=("exponential_avg_factor",))  # for training
def fused_batch_norm(
    b: Builder,
    x: Peer,
    scale: Given,
    offset: Given,
    mean: Peer | None = None,
    variance: Peer | None = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
) -> list[Value]:
    """The same, with the statistics handed on."""
    if is_training or mean is None or variance is None:
        b.unsupported("is_training", is_training, "supported: False, with a mean and a variance")
    axis = -1 if data_format in ("NHWC", "NDHWC") else 1
    eps = max(epsilon, 1.001e-5)  # TensorFlow's least
    return [
        normalization.batch_norm(b, x, mean, variance, offset, scale, axis=axis, epsilon=eps),
        mean,
        variance,
    ]


@tf("nn.moments", "compat.v1.nn.moments", ignored=("shift",))  # TensorFlow does not use it
def moments(b: Builder, x: Tensor, axes: Axes, keepdims: bool = False) -> list[Value]:
    """Mean and variance over axes."""
    return [reduce_with(b, name, x, axes, keepdims) for name in ("Mean", "Var")]


@tf("compat.v1.nn.weighted_moments")
def weighted_moments(
    b: Builder, x: Tensor, axes: Axes, frequency_weights: Given = 1.0, keepdims: bool = False
) -> list[Value]:
    """Mean and variance over axes, where elements count more or less."""
    weights = combine(b, "Add", arrange.filled_like(b, x, value=0), frequency_weights)
    total = reduce_with(b, "Sum", weights, axes, keepdims=True)
    weighted = combine(b, "Multiply", weights, x)
    mean = combine(b, "Divide", reduce_with(b, "Sum", weighted, axes, keepdims=True), total)
    squares = combine(b, "Multiply", weights, combine(b, "SquaredDifference", x, mean))
    variance = combine(b, "Divide", reduce_with(b, "Sum", squares, axes, keepdims=True), total)
    if keepdims:
        return [mean, variance]
    gone = rules.axes_of(b, axes, x.rank)
    return [shapes.squeeze(b, y, axis=gone) for y in (mean, variance)]


@tf("nn.local_response_normalization")
def local_response_normalization(
    b: Builder, input: Tensor, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5
) -> Value:
    """`F.local_response_norm(x)`; torch's alpha is for the mean of squares, TensorFlow's for the sum."""
    x = b.channels_first(input)
    size = 2 * depth_radius + 1
    return b.op(
        "F.local_response_norm(x, size, alpha=alpha, beta=beta, k=bias)",
        shape=x.shape, x=x, like=x, size=size, alpha=alpha * size, beta=beta, bias=float(bias),
    )  # fmt: skip


@tf("nn.l2_loss")
def l2_loss(b: Builder, t: Tensor) -> Value:
    """Half the sum of squares."""
    return b.op("x.square().sum() / 2", shape=(), perm=(), x=t)


# -------------------------------------------------------------------- losses


@tf(
    "nn.softmax_cross_entropy_with_logits",
    "compat.v1.nn.softmax_cross_entropy_with_logits",
    "compat.v1.nn.softmax_cross_entropy_with_logits_v2",
)
def softmax_cross_entropy(b: Builder, labels: NativePeer, logits: NativePeer, axis: int = -1) -> Value:
    """The loss of each sample, for labels as distributions."""
    x, y = logits, labels
    d = b.axis(axis, x.rank)
    shape = rules.reduced_shape(x.shape, (d,), keepdims=False)
    template = "-(y * F.log_softmax(x, dim=d)).sum(dim=d)"
    return b.op(template, shape=shape, x=x, y=y, d=d)


@tf("nn.sparse_softmax_cross_entropy_with_logits", "compat.v1.nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy(b: Builder, labels: Native, logits: Native) -> Value:
    """The loss of each sample, for labels as class numbers."""
    y, x = labels, logits
    template = "-F.log_softmax(x, dim=-1).gather(-1, y.long().unsqueeze(-1)).squeeze(-1)"
    return b.op(template, shape=y.shape, dtype=x.dtype, x=x, y=y)


@tf("nn.sigmoid_cross_entropy_with_logits", "compat.v1.nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy(b: Builder, labels: Peer, logits: Peer) -> Value:
    """The loss of each element."""
    template = 'F.binary_cross_entropy_with_logits(x, y, reduction="none")'
    return b.elementwise(template, x=logits, y=labels)


@tf("nn.weighted_cross_entropy_with_logits", "compat.v1.nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy(b: Builder, labels: Peer, logits: Peer, pos_weight: PeerTerm) -> Value:
    """The loss of each element, those of positive labels weighted."""
    weight = pos_weight if is_host(pos_weight) else rules.tensor(b, pos_weight)
    template = "(1 - y) * x + (1 + (w - 1) * y) * F.softplus(-x)"
    return b.elementwise(template, x=logits, y=labels, w=weight)
