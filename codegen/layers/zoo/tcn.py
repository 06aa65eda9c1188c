"""The temporal convolutional network of the package keras-tcn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Rate, Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

Activation = Literal["relu", "tanh", "sigmoid", "elu", "selu", "swish", "gelu", "linear"]


# All versions that save `return_state` ignore it.
@lowers("TCN", package="tcn", masks="drop", training_only=("return_state",), note="keras-tcn 3")
def tcn(
    b: Builder, x: Value, *, nb_filters: int | tuple[int, ...], kernel_size: Size, nb_stacks: Size,
    dilations: tuple[int, ...], padding: Literal["causal", "same"], use_skip_connections: bool,
    dropout_rate: Rate, return_sequences: bool, activation: Activation, use_batch_norm: bool,
    use_layer_norm: bool, use_weight_norm: bool | None = None, go_backwards: bool | None = None,
    kernel_initializer: Any = "he_normal", main_conv: bool = False,
) -> Value:  # fmt: skip
    """Residual blocks of two dilated convolutions each; their sum, or the last; all steps, or one.

    Versions before 3.2 save neither `use_weight_norm` nor `go_backwards`, and use `activation` at the end of
    a block only; those before 3.1 begin with a `main_conv`, and match channels in every block but the last.
    """
    filters = (nb_filters,) * len(dilations) if isinstance(nb_filters, int) else nb_filters
    if len(filters) != len(dilations):
        b.malformed(f"it has {len(filters)} numbers of filters for {len(dilations)} dilations")
    sizes = list(zip(filters, dilations, strict=True)) * nb_stacks
    style = _Style(
        {"padding": padding, "kernel_initializer": kernel_initializer},
        "BatchNormalization" if use_batch_norm else "LayerNormalization" if use_layer_norm else "",
        bool(use_weight_norm),
        activation,
        dropout_rate,
        is_early=use_weight_norm is None and go_backwards is None,
    )
    if go_backwards:
        x = b.op("torch.flip(x, (d,))", shape=x.shape, x=x, like=x, d=x.dim(1))
    if main_conv:
        config = {**style.conv, "filters": filters[0], "kernel_size": 1}
        x = b.call(LayerSpec("main_conv", "Conv1D", config), x, attribute="main_conv1D", part="main_conv")
    total: Value | None = None
    for number, (units, dilation) in enumerate(sizes):
        name = f"residual_block_{number}"
        block = b.sublayer(f"residual_blocks/{number}", LayerSpec(name, "ResidualBlock"), part=name)
        is_last = number == len(sizes) - 1 and use_skip_connections
        matches = not is_last if main_conv else units != x.shape[-1]
        conv = {**style.conv, "filters": units, "kernel_size": kernel_size, "dilation_rate": dilation}
        x, skip = _residual_block(block, x, conv, style, matches=matches)
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


@dataclass(frozen=True)
class _Style:
    """What all blocks have in common.

    Attributes:
        conv: Options of the convolutions.
        norm: Class of the normalisation behind each convolution.
        weight_norm: Whether the kernels of the dilated convolutions are normalised.
        is_early: Whether the convolutions are always followed by a ReLU.
    """

    conv: dict[str, Any]
    norm: str
    weight_norm: bool
    activation: Activation
    dropout_rate: float
    is_early: bool


def _residual_block(
    b: Builder, inputs: Value, conv: dict[str, Any], style: _Style, *, matches: bool
) -> tuple[Value, Value]:
    """The block's result, and what it adds to its input."""
    norm, activation = style.norm, style.activation
    if norm:  # since keras-tcn 3.5.3 they are listed before the convolutions
        for k in (0, 1):
            b.sublayer(f"layers/norm_{k}", LayerSpec(f"norm_{k}", norm), part=f"norm_{k}")
    x = inputs
    for k in (0, 1):
        layer = LayerSpec(f"conv_{k}", "Conv1D", conv)
        if style.weight_norm:
            layer = LayerSpec(layer.name, "WeightNormalization", {"layer": layer}, package="Addons")
        x = b.call(layer, x, attribute=f"layers/conv_{k}", part=f"conv_{k}")
        if norm:
            x = b.call(LayerSpec(f"norm_{k}", norm), x, attribute=f"layers/norm_{k}", part=f"norm_{k}")
        x = b.activation(x, "relu" if style.is_early else activation)
        dropout = LayerSpec(f"dropout_{k}", "SpatialDropout1D", {"rate": style.dropout_rate})
        x = b.call(dropout, x, attribute=f"layers/dropout_{k}", part=f"dropout_{k}")
    if activation not in ("relu", "linear") and not style.is_early:  # which change nothing a second time
        x = b.activation(x, activation)
    if matches:
        match = {**conv, "kernel_size": 1, "dilation_rate": 1, "padding": "same"}
        inputs = b.call(
            LayerSpec("matching", "Conv1D", match), inputs, attribute="shape_match_conv", part="matching"
        )
    return b.activation(b.elementwise("x + y", x=inputs, y=x), activation), x
