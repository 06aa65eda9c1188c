"""Graph ops of `keras.ops.nn` that are activations."""

from __future__ import annotations

from collections.abc import Callable

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axis, TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import along, torch_dim

#: Activations without options: Keras' op, and the name that layers call it by.
ACTIVATION_OPS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "SparseSigmoid": "sparse_sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "SparsePlus": "sparse_plus",
    "Silu": "silu",
    "LogSigmoid": "log_sigmoid",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "Selu": "selu",
    "TanhShrink": "tanh_shrink",
    "HardTanh": "hard_tanh",
}


def activate(b: Builder, name: str, x: TensorLike) -> Value:
    """Apply an activation of layers to a tensor."""
    return b.activation(rules.tensor(b, x), name)


def _lower_activation(name: str) -> Callable[..., Value]:
    def lower(b: Builder, x: TensorLike) -> Value:
        return activate(b, name, x)

    lower.__doc__ = f"The activation {name!r}."
    return lower


for _op, _name in ACTIVATION_OPS.items():
    op(_op)(_lower_activation(_name))


@op("LeakyRelu")
def leaky_relu(b: Builder, x: TensorLike, *, negative_slope: float = 0.2) -> Value:
    """`F.leaky_relu(x, slope)`."""
    x = rules.tensor(b, x)
    x = b.cast(x, rules.float_type(x))
    return b.elementwise("F.leaky_relu(x, negative_slope=slope)", x=x, slope=negative_slope)


@op({"Elu": {"name": "elu"}, "Celu": {"name": "celu"}})
def elu(b: Builder, x: TensorLike, *, alpha: float = 1.0, name: str) -> Value:
    """`F.elu(x, alpha)` or `F.celu(x, alpha)`."""
    if alpha == 1:
        return activate(b, name, x)
    return b.elementwise(f"F.{name}(x, alpha=alpha)", x=rules.tensor(b, x), alpha=alpha)


@op("Gelu")
def gelu(b: Builder, x: TensorLike, *, approximate: bool = True) -> Value:
    """`F.gelu(x)`, or its approximation with tanh."""
    template = "F.gelu(x, approximate='tanh')" if approximate else "F.gelu(x)"
    return b.elementwise(template, x=rules.tensor(b, x))


@op("Squareplus")
def squareplus(builder: Builder, x: TensorLike, *, b: float = 4) -> Value:
    """(x + sqrt(x**2 + b)) / 2."""
    x = rules.tensor(builder, x)
    if b == 4:
        return builder.activation(x, "squareplus")
    return builder.elementwise("squareplus(x, b=offset)", x=x, offset=b)


@op({"SoftShrink": {"name": "softshrink"}, "HardShrink": {"name": "hardshrink"}})
def shrink(b: Builder, x: TensorLike, *, threshold: float = 0.5, name: str) -> Value:
    """`F.softshrink(x, threshold)` or `F.hardshrink(x, threshold)`."""
    if threshold < 0:
        b.unsupported("threshold", threshold, "supported: numbers not below zero")
    return b.elementwise(f"F.{name}(x, lambd)", x=rules.tensor(b, x), lambd=threshold)


@op("Threshold")
def threshold(b: Builder, x: TensorLike, *, threshold: float, default_value: float) -> Value:
    """`F.threshold(x, threshold, value)`."""
    return b.elementwise("F.threshold(x, t, value)", x=rules.tensor(b, x), t=threshold, value=default_value)


@op("Glu")
def glu(b: Builder, x: TensorLike, *, axis: int = -1) -> Value:
    """`F.glu(x, dim)`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    a = b.axis(axis, x.rank)
    size = x.shape[a]
    shape = (*x.shape[:a], size and size // 2, *x.shape[a + 1 :])
    return b.op("F.glu(x, dim=d)", shape=shape, x=x, like=x, d=torch_dim(x, a))


@op("Softmax")
def softmax(b: Builder, x: TensorLike, *, axis: Axis = -1) -> Value:
    """`F.softmax(x, dim)`; over everything without an axis."""
    x = rules.tensor(b, x)
    if isinstance(axis, int):
        return along(b, "F.softmax(x, dim=d)", x, axis, non_negative=True)
    return _over(b, "softmax_over(x, d)", x, axis, non_negative=True)


@op("LogSoftmax")
def log_softmax(b: Builder, x: TensorLike, *, axis: Axis = -1) -> Value:
    """`F.log_softmax(x, dim)`; over everything without an axis."""
    x = rules.tensor(b, x)
    if isinstance(axis, int):
        return along(b, "F.log_softmax(x, dim=d)", x, axis)
    return _over(b, "x - x.logsumexp(dim=d, keepdim=True)", x, axis)


@op("Sparsemax")
def sparsemax(b: Builder, x: TensorLike, *, axis: int = -1) -> Value:
    """Keras' sparse softmax."""
    return along(b, "sparsemax(x, dim=d)", rules.tensor(b, x), axis, non_negative=True)


def _over(b: Builder, template: str, x: Value, axis: Axis, *, non_negative: bool = False) -> Value:
    """A function of all elements along several axes together."""
    x = rules.to_keras_order(b, x)
    dims = sorted(x.dim(a) for a in rules.axes_of(b, axis, x.rank))
    return b.op(template, shape=x.shape, non_negative=non_negative, x=x, like=x, d=dims)
