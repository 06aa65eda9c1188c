"""Activations by name, and activation layers."""

from __future__ import annotations

from tests.oracle.cases.case import Case, keras, layers, ops

_NAMES = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid",
    "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax",
    "squareplus", "swish", "tanh", "tanh_shrink",
)  # fmt: skip

#: Functions of `keras.ops` given as activations.
_FUNCTIONS = (
    "abs", "absolute", "arccos", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "cos", "cosh", "erf",
    "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "negative", "reciprocal", "round",
    "rsqrt", "sign", "sin", "sinh", "sqrt", "square", "tan",
)  # fmt: skip


def _activation(name: str) -> Case:
    return Case(f"activation_{name}", lambda: layers.Activation(name), [(5, 6)], files=("keras",))


def _after_convolution(name: str) -> Case:
    return Case(
        f"convolution_{name}", lambda: layers.Conv2D(4, 3, activation=name), [(6, 5, 3)], files=("keras",)
    )


def _masked_softmax() -> object:
    scores = keras.Input((4, 5))
    kept = keras.Input((4, 5), dtype="bool")
    return keras.Model([scores, kept], layers.Softmax(name="weights")(scores, mask=kept))


def _flat_softmax() -> object:
    image = keras.Input((5, 4, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3)(image))
    x = layers.PReLU()(layers.Softmax()(x))
    return keras.Model(image, layers.Dense(3)(x))


def _functions() -> object:
    x = keras.Input((5, 6))
    shares = ops.sigmoid(2 * x)
    outputs = [layers.Activation(getattr(ops, name))(shares) for name in _FUNCTIONS]
    dense = layers.Dense(4, activation=ops.sin)(x)
    recurrent = layers.LSTM(4, activation=ops.sin, recurrent_activation=ops.square)(x)
    return keras.Model(x, [*outputs, layers.Activation(ops.arccosh)(shares + 1), dense, recurrent])


CASES = [
    *(_activation(name) for name in _NAMES),
    *(_after_convolution(name) for name in ("softmax", "log_softmax", "sparsemax", "glu", "relu")),
    Case("functions_as_activations", _functions, [], model=True),
    Case("softmax_after_flatten", _flat_softmax, [], model=True),
    Case("activation_layer_inside", lambda: layers.Dense(4, activation=layers.LeakyReLU(0.2)), [(5,)]),
    Case("relu", lambda: layers.ReLU(), [(5, 4, 3)]),
    Case("relu_six", lambda: layers.ReLU(max_value=6.0), [(7,)]),
    Case("relu_ceiling", lambda: layers.ReLU(max_value=0.5), [(5, 4, 3)]),
    Case("relu_leak", lambda: layers.ReLU(negative_slope=0.1), [(7,)]),
    Case("relu_threshold", lambda: layers.ReLU(threshold=0.4), [(7, 3)]),
    Case("relu_all", lambda: layers.ReLU(max_value=0.9, negative_slope=0.2, threshold=0.3), [(5, 4)]),
    Case("leaky_relu", lambda: layers.LeakyReLU(negative_slope=0.15), [(5, 4)]),
    Case("elu", lambda: layers.ELU(alpha=0.7), [(5, 4)]),
    Case("prelu_vector", lambda: layers.PReLU(), [(6,)]),
    Case("prelu_image", lambda: layers.PReLU(), [(5, 4, 3)]),
    Case("prelu_channels", lambda: layers.PReLU(shared_axes=[1, 2]), [(5, 4, 3)]),
    Case("prelu_rows", lambda: layers.PReLU(shared_axes=[2, 3]), [(5, 4, 3)]),
    Case("prelu_one", lambda: layers.PReLU(shared_axes=[1, 2, 3]), [(5, 4, 3)]),
    Case(
        "prelu_convolution",
        lambda: layers.PReLU(shared_axes=[1]),
        [(6, 5, 3)],
        call=lambda layer, xs: layers.PReLU()(layer(layers.Conv2D(4, 3)(xs[0]))),
    ),
    Case("softmax_layer", lambda: layers.Softmax(), [(5, 4)]),
    Case("softmax_axis", lambda: layers.Softmax(axis=1), [(5, 4, 3)]),
    Case("softmax_axes", lambda: layers.Softmax(axis=(1, 2)), [(5, 4, 3)]),
    Case("softmax_masked", _masked_softmax, [], model=True),
]
