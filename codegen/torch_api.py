"""House style of calls: what equals torch's default is not written, `(3, 3)` is `3`."""

from __future__ import annotations

from typing import Any

_CONV = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}
_TRANSPOSED = {**_CONV, "output_padding": 0}
_NORM = {"eps": 1e-05, "momentum": 0.1, "affine": True, "track_running_stats": True}
_RNN = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "nonlinearity": "tanh",
}
_POOL = {"padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True}

#: Defaults of torch's signatures, by callable; a test compares them with torch.
DEFAULTS: dict[str, dict[str, Any]] = {
    "nn.Linear": {"bias": True},
    "nn.Conv1d": _CONV,
    "nn.Conv2d": _CONV,
    "nn.Conv3d": _CONV,
    "nn.ConvTranspose1d": _TRANSPOSED,
    "nn.ConvTranspose2d": _TRANSPOSED,
    "nn.ConvTranspose3d": _TRANSPOSED,
    "nn.BatchNorm1d": _NORM,
    "nn.BatchNorm2d": _NORM,
    "nn.BatchNorm3d": _NORM,
    "nn.InstanceNorm1d": {**_NORM, "affine": False, "track_running_stats": False},
    "nn.InstanceNorm2d": {**_NORM, "affine": False, "track_running_stats": False},
    "nn.InstanceNorm3d": {**_NORM, "affine": False, "track_running_stats": False},
    "nn.LayerNorm": {"eps": 1e-05, "elementwise_affine": True, "bias": True},
    "nn.GroupNorm": {"eps": 1e-05, "affine": True},
    "nn.RMSNorm": {"eps": None, "elementwise_affine": True},
    "nn.LSTM": _RNN,
    "nn.GRU": _RNN,
    "nn.RNN": _RNN,
    "nn.MaxPool1d": _POOL,
    "nn.MaxPool2d": _POOL,
    "nn.MaxPool3d": _POOL,
    "nn.AvgPool1d": _POOL,
    "nn.AvgPool2d": _POOL,
    "nn.AvgPool3d": _POOL,
    "F.max_pool1d": _POOL,
    "F.max_pool2d": _POOL,
    "F.max_pool3d": _POOL,
    "F.avg_pool1d": _POOL,
    "F.avg_pool2d": _POOL,
    "F.avg_pool3d": _POOL,
    "F.pad": {"mode": "constant", "value": 0.0},
    "F.leaky_relu": {"negative_slope": 0.01},
    "F.elu": {"alpha": 1.0},
    "F.gelu": {"approximate": "none"},
}

#: Activation functions of one tensor, with the modules that may stand for them in an `nn.Sequential`.
ACTIVATIONS = {
    "F.relu": "nn.ReLU",
    "F.relu6": "nn.ReLU6",
    "F.silu": "nn.SiLU",
    "F.gelu": "nn.GELU",
    "F.hardswish": "nn.Hardswish",
    "F.hardsigmoid": "nn.Hardsigmoid",
    "torch.sigmoid": "nn.Sigmoid",
    "torch.tanh": "nn.Tanh",
    "F.elu": "nn.ELU",
    "F.selu": "nn.SELU",
}

#: Arguments for which torch takes one number instead of equal ones.
_UNIFORM = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding", "scale_factor"})


def short_arguments(callee: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments as an expert writes them."""
    defaults = DEFAULTS.get(callee, {})
    written = {}
    for name, value in arguments.items():
        if name in _UNIFORM and isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if name == "stride" and "_pool" in callee.lower() and value == _uniform(arguments.get("kernel_size")):
            continue
        if name in defaults and defaults[name] == value and type(defaults[name]) is type(value):
            continue
        written[name] = value
    return written


def _uniform(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
