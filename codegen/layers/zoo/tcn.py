"""The temporal convolutional network of the package keras-tcn."""

from __future__ import annotations

from typing import Any, Literal

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Rate, Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

Activation = Literal["relu", "tanh", "sigmoid", "elu", "selu", "swish", "gelu", "linear"]


# Only versions that save `go_backwards` are known to compute this. All save `return_state`; none looks at it.
@lowers("TCN", package="tcn", masks="drop", training_only=("return_state",), note="keras-tcn 3.5")
def tcn(
    b: Builder, x: Value, *, nb_filters: int | tuple[int, ...], kernel_size: int, nb_stacks: Size,
    dilations: tuple[int, ...], padding: Literal["causal", "same"], use_skip_connections: bool,
    dropout_rate: Rate, return_sequences: bool, activation: Activation, use_batch_norm: bool,
    use_layer_norm: bool, go_backwards: bool, kernel_initializer: Any = "he_normal",
) -> Value:  # fmt: skip
    """Residual blocks of two dilated convolutions each; their sum, or the last; all steps, or one."""
    filters = (nb_filters,) * len(dilations) if isinstance(nb_filters, int) else nb_filters
    norm = "BatchNormalization" if use_batch_norm else "LayerNormalization" if use_layer_norm else ""
    shared = {"padding": padding, "kernel_initializer": kernel_initializer}
    if go_backwards:
        x = b.op("torch.flip(x, (d,))", shape=x.shape, x=x, like=x, d=x.dim(1))
    total: Value | None = None
    for number, (units, dilation) in enumerate(list(zip(filters, dilations, strict=True)) * nb_stacks):
        name = f"residual_block_{number}"
        block = b.sublayer(f"residual_blocks/{number}", LayerSpec(name, "ResidualBlock"), part=name)
        conv = {**shared, "filters": units, "kernel_size": kernel_size, "dilation_rate": dilation}
        x, skip = _residual_block(block, x, conv, norm, activation, dropout_rate)
        if use_skip_connections:
            total = skip if total is None else b.elementwise("x + y", x=total, y=skip)
    x = x if total is None else total
    if return_sequences:
        return x
    last: int | Value = -1
    if padding == "same":
        steps = b.size(x, 1)
        last = steps // 2 if isinstance(steps, int) else b.host_op("n // 2", n=steps)
    return b.op("x.select(d, last)", shape=(x.shape[0], x.shape[2]), perm=(0, 1), x=x, d=x.dim(1), last=last)


def _residual_block(
    b: Builder, inputs: Value, conv: dict[str, Any], norm: str, activation: Activation, rate: float
) -> tuple[Value, Value]:
    """The block's result, and what it adds to its input."""
    if norm:  # Keras 2 lists them before the convolutions
        for k in (0, 1):
            b.sublayer(f"layers/norm_{k}", LayerSpec(f"norm_{k}", norm), part=f"norm_{k}")
    x = inputs
    for k in (0, 1):
        x = b.call(LayerSpec(f"conv_{k}", "Conv1D", conv), x, attribute=f"layers/conv_{k}", part=f"conv_{k}")
        if norm:
            x = b.call(LayerSpec(f"norm_{k}", norm), x, attribute=f"layers/norm_{k}", part=f"norm_{k}")
        x = b.activation(x, activation)
        dropout = LayerSpec(f"dropout_{k}", "SpatialDropout1D", {"rate": rate})
        x = b.call(dropout, x, attribute=f"layers/dropout_{k}", part=f"dropout_{k}")
    if activation not in ("relu", "linear"):  # which change nothing a second time
        x = b.activation(x, activation)
    if conv["filters"] != inputs.shape[-1]:
        match = {**conv, "kernel_size": 1, "dilation_rate": 1, "padding": "same"}
        inputs = b.call(
            LayerSpec("matching", "Conv1D", match), inputs, attribute="shape_match_conv", part="matching"
        )
    return b.activation(b.elementwise("x + y", x=inputs, y=x), activation), x
