"""Layers that only Keras 1 or 2 had."""

from __future__ import annotations

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec


@lowers("MaxoutDense", masks="drop", note="Keras 1")
def maxout_dense(b: Builder, x: Value, *, units: Size, nb_feature: Size = 4, use_bias: bool = True) -> Value:
    """The largest of `nb_feature` linear layers, element by element."""
    x = b.keras_layout(x)
    features = b.known(x, -1)
    kernel = b.weight("kernel", (nb_feature, features, units))
    bias = b.weight("bias", (nb_feature, units)).reshape(-1) if use_bias else None
    y = b.module(
        "nn.Linear",
        x,
        kwargs={"in_features": features, "out_features": nb_feature * units, "bias": use_bias},
        state={"weight": kernel.permute(0, 2, 1).reshape(nb_feature * units, features), "bias": bias},
        shape=(*x.shape[:-1], nb_feature * units),
    )
    template = "torch.unflatten(y, -1, sizes).amax(dim=-2)"
    return b.op(template, shape=(*x.shape[:-1], units), y=y, sizes=(nb_feature, units))


@lowers("Highway", masks="drop", training_only=("transform_bias",), note="Keras 1")
def highway(b: Builder, x: Value, *, activation: str | LayerSpec = "linear", use_bias: bool = True) -> Value:
    """gate * activation(linear(x)) + (1 - gate) * x."""
    x = b.keras_layout(x)
    features = b.known(x, -1)
    kernels = [b.weight(name, (features, features)) for name in ("kernel", "kernel_carry")]
    biases = [b.weight(name, (features,)) if use_bias else None for name in ("bias", "bias_carry")]
    kwargs = {"in_features": features, "out_features": features, "bias": use_bias}
    y, gate = (
        b.module(
            "nn.Linear", x, kwargs=kwargs, state={"weight": kernel.T, "bias": bias}, shape=x.shape, part=part
        )
        for kernel, bias, part in zip(kernels, biases, ("", "gate"), strict=True)
    )
    y = b.activation(y, activation)
    gate = b.activation(gate, "sigmoid")
    return b.elementwise("gate * y + (1 - gate) * x", gate=gate, y=y, x=x)


@lowers("RandomFourierFeatures", masks="drop", training_only=("scale",), note="Keras 2")
def random_fourier_features(b: Builder, x: Value, *, output_dim: Size) -> Value:
    """cos(x @ kernel / scale + phase), where only the scale is ever trained."""
    x = b.cast(b.keras_layout(x), "float32")
    shape = (b.known(x, -1), output_dim)
    kernel = b.weight("unscaled_kernel", shape, trainable=False)
    phase = b.weight("bias", (output_dim,), trainable=False)
    scale = b.weight("kernel_scale", (1,))
    return b.op(
        "torch.cos(x @ kernel / scale + phase)",
        shape=(*x.shape[:-1], output_dim),
        x=x,
        kernel=b.parameter("kernel", kernel, frozen=True),
        scale=b.parameter("scale", scale),
        phase=b.parameter("phase", phase, frozen=True),
    )
