"""Activations by name: every one that any Keras ever had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from codegen.graph import Value
from codegen.graph.dtypes import INTEGERS
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts.tensors import along, torch_dim
from codegen.lowering.registry import lowers
from codegen.model.packages import ACTIVATION

Activation = Callable[[Builder, Value], Value]

#: Element-wise activations: their names in Keras, and the expression. The first group is never negative.
_NON_NEGATIVE = {
    ("relu",): "F.relu(x)",
    ("relu6",): "F.relu6(x)",
    ("sigmoid",): "torch.sigmoid(x)",
    ("softplus",): "F.softplus(x)",
    ("exponential", "exp"): "torch.exp(x)",
    ("sparse_plus",): "sparse_plus(x)",
    ("sparse_sigmoid",): "torch.clamp(0.5 * x + 0.5, min=0, max=1)",
    ("squareplus",): "squareplus(x)",
    ("Addons>lisht", "lisht"): "lisht(x)",
    ("kecamCommon>hard_sigmoid_torch", "hard_sigmoid_torch"): "F.hardsigmoid(x)",
}
_SIGNED = {
    ("tanh",): "torch.tanh(x)",
    ("softsign",): "F.softsign(x)",
    ("elu",): "F.elu(x)",
    ("selu",): "F.selu(x)",
    ("celu",): "F.celu(x)",
    ("leaky_relu",): "F.leaky_relu(x, negative_slope=0.2)",
    ("silu", "swish"): "F.silu(x)",
    ("hard_silu", "hard_swish", "kecamCommon>hard_swish"): "F.hardswish(x)",
    ("gelu",): "F.gelu(x)",
    (
        "Addons>gelu",
        "keras_hub>gelu_approximate",
        "keras_nlp>gelu_approximate",
    ): "F.gelu(x, approximate='tanh')",
    ("mish", "Addons>mish", "kecamCommon>mish"): "F.mish(x)",
    ("hard_tanh",): "F.hardtanh(x)",
    ("hard_shrink", "Addons>hardshrink", "hardshrink"): "F.hardshrink(x)",
    ("soft_shrink", "Addons>softshrink", "softshrink"): "F.softshrink(x)",
    ("tanh_shrink", "Addons>tanhshrink", "tanhshrink"): "F.tanhshrink(x)",
    ("log_sigmoid",): "F.logsigmoid(x)",
    ("Addons>snake", "snake"): "snake(x)",
    ("Addons>rrelu",): "F.rrelu(x, training=self.training)",
    ("softplus2",): "shifted_softplus(x)",
    ("kecamCommon>phish", "phish"): "x * torch.tanh(F.gelu(x))",
}
#: Those that torch has for floating-point numbers alone.
_OF_FLOATS = {
    "softplus", "elu", "selu", "celu", "leaky_relu", "silu", "hard_silu", "gelu", "mish", "hard_shrink",
    "soft_shrink", "log_sigmoid", "Addons>gelu", "Addons>rrelu", "kecamCommon>hard_sigmoid_torch",
    "kecamCommon>phish",
}  # fmt: skip
#: Functions of TensorFlow and `keras.ops` that were given as activations: a file has just their names.
_FUNCTIONS = {
    ("abs", "absolute"): "torch.abs(x)",
    ("acos", "arccos"): "torch.acos(x)",
    ("acosh", "arccosh"): "torch.acosh(x)",
    ("asin", "arcsin"): "torch.asin(x)",
    ("asinh", "arcsinh"): "torch.asinh(x)",
    ("atan", "arctan"): "torch.atan(x)",
    ("atanh", "arctanh"): "torch.atanh(x)",
    ("ceil",): "torch.ceil(x)",
    ("cos",): "torch.cos(x)",
    ("cosh",): "torch.cosh(x)",
    ("erf",): "torch.erf(x)",
    ("erfc",): "torch.erfc(x)",
    ("exp2",): "torch.exp2(x)",
    ("expm1",): "torch.expm1(x)",
    ("floor",): "torch.floor(x)",
    ("log",): "torch.log(x)",
    ("log10",): "torch.log10(x)",
    ("log1p",): "torch.log1p(x)",
    ("log2",): "torch.log2(x)",
    ("neg", "negative"): "torch.neg(x)",
    ("reciprocal",): "torch.reciprocal(x)",
    ("round",): "torch.round(x)",
    ("rsqrt",): "torch.rsqrt(x)",
    ("sign",): "torch.sign(x)",
    ("sin",): "torch.sin(x)",
    ("sinc",): "torch.sinc(x)",
    ("sinh",): "torch.sinh(x)",
    ("sqrt",): "torch.sqrt(x)",
    ("square",): "torch.square(x)",
    ("tan",): "torch.tan(x)",
}


def _register(names: tuple[str, ...], template: str, *, non_negative: bool) -> None:
    needs_floats = names[0] in _OF_FLOATS

    def activation(b: Builder, x: Value) -> Value:
        if needs_floats and x.dtype in {*INTEGERS, "bool"}:
            b.malformed(f"it applies {names[0]} to {x.dtype}; supported: floating-point numbers")
        return b.elementwise(template, non_negative=non_negative, x=x)

    lowers(*names, package=ACTIVATION)(activation)


for _names, _template in _NON_NEGATIVE.items():
    _register(_names, _template, non_negative=True)
for _names, _template in _SIGNED.items():
    _register(_names, _template, non_negative=False)


def _register_function(names: tuple[str, ...], template: str) -> None:
    def activation(b: Builder, x: Value) -> Value:
        b.note(f"the activation {names[0]} is taken for the function of that name of TensorFlow")
        return b.elementwise(template, x=x)

    lowers(*names, package=ACTIVATION)(activation)


for _names, _template in _FUNCTIONS.items():
    _register_function(_names, _template)


@lowers("hard_sigmoid", package=ACTIVATION)
def hard_sigmoid(b: Builder, x: Value, *, slope: Quirk[Literal["1/6", "1/5"]] = "1/6") -> Value:
    """A line through (0, 0.5), cut off at 0 and 1."""
    template = "F.hardsigmoid(x)" if slope == "1/6" else "torch.clamp(0.2 * x + 0.5, min=0, max=1)"
    return b.elementwise(template, non_negative=True, x=x)


@lowers("linear", "identity", package=ACTIVATION)
def linear(b: Builder, x: Value) -> Value:  # noqa: ARG001 - an activation's first parameter
    """Its input."""
    return x


@lowers("softmax", package=ACTIVATION)
def softmax(b: Builder, x: Value) -> Value:
    """Softmax over the last axis."""
    return along(b, "F.softmax(x, dim=d)", x, -1, non_negative=True)


@lowers("log_softmax", "log_softmax_v2", package=ACTIVATION)
def log_softmax(b: Builder, x: Value) -> Value:
    """Logarithm of the softmax over the last axis."""
    return along(b, "F.log_softmax(x, dim=d)", x, -1)


@lowers("sparsemax", package=ACTIVATION)
def sparsemax(b: Builder, x: Value) -> Value:
    """Keras' sparse softmax over the last axis."""
    return along(b, "sparsemax(x, dim=d)", x, -1, non_negative=True)


@lowers("Addons>sparsemax", package=ACTIVATION)
def addons_sparsemax(b: Builder, x: Value) -> Value:
    """Projection of the last axis onto the simplex."""
    return along(b, "simplex_projection(x, dim=d)", x, -1, non_negative=True)


@lowers("glu", package=ACTIVATION)
def glu(b: Builder, x: Value) -> Value:
    """First half of the last axis times the sigmoid of the second."""
    if x.flat is not None:
        x = b.keras_layout(x)
    features = b.known(x, -1)
    if features % 2:
        b.malformed(f"glu needs an even number of features, not {features}")
    return b.op("F.glu(x, dim=d)", shape=(*x.shape[:-1], features // 2), x=x, like=x, d=torch_dim(x, -1))
