"""The facts of torch that the generator lives by: what its modules take, do and begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModuleFacts:
    """What is to be known of one of torch's modules.

    Attributes:
        defaults: Of the arguments, also of those of the function.
        positional: Names of the constructor's first arguments, which are written without them.
        function: What computes the same of tensors: "F.conv2d".
        initial: What torch fills a parameter with, where that is one number.
        light: Whether it only refines its input, as norms and dropout do.
        typed: Whether mypy knows its `weight` for a tensor.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    function: str = ""
    initial: Mapping[str, int] = field(default_factory=dict)
    light: bool = False
    typed: bool = False


_CONV = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}
_KERNEL = ("in_channels", "out_channels", "kernel_size")
_POOL = {"padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True}
_RNN = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "nonlinearity": "tanh",
}
_BATCH_NORM = {"eps": 1e-05, "momentum": 0.1, "affine": True, "track_running_stats": True}
_INSTANCE_NORM = {**_BATCH_NORM, "affine": False, "track_running_stats": False}
_AFFINE = {"weight": 1, "bias": 0}

#: Activations that are a function of one tensor, without options.
_ACTIVATIONS = {
    "nn.ReLU": ModuleFacts(function="F.relu"),
    "nn.ReLU6": ModuleFacts(function="F.relu6"),
    "nn.SiLU": ModuleFacts(function="F.silu"),
    "nn.GELU": ModuleFacts({"approximate": "none"}, function="F.gelu"),
    "nn.Hardswish": ModuleFacts(function="F.hardswish"),
    "nn.Hardsigmoid": ModuleFacts(function="F.hardsigmoid"),
    "nn.Sigmoid": ModuleFacts(function="torch.sigmoid"),
    "nn.Tanh": ModuleFacts(function="torch.tanh"),
    "nn.ELU": ModuleFacts({"alpha": 1.0}, function="F.elu"),
    "nn.SELU": ModuleFacts(function="F.selu"),
}

#: Facts by the module's name in the generated source; a test compares them with torch.
MODULES: Mapping[str, ModuleFacts] = {
    "nn.Linear": ModuleFacts({"bias": True}, ("in_features", "out_features"), typed=True),
    "nn.Embedding": ModuleFacts(typed=True),
    **{f"nn.Conv{n}d": ModuleFacts(_CONV, _KERNEL, f"F.conv{n}d", typed=True) for n in (1, 2, 3)},
    **{
        f"nn.ConvTranspose{n}d": ModuleFacts(
            {**_CONV, "output_padding": 0}, _KERNEL, f"F.conv_transpose{n}d", typed=True
        )
        for n in (1, 2, 3)
    },
    **{
        f"nn.BatchNorm{n}d": ModuleFacts(_BATCH_NORM, ("num_features",), initial=_AFFINE, light=True)
        for n in (1, 2, 3)
    },
    **{f"nn.InstanceNorm{n}d": ModuleFacts(_INSTANCE_NORM, initial=_AFFINE) for n in (1, 2, 3)},
    "nn.LayerNorm": ModuleFacts(
        {"eps": 1e-05, "elementwise_affine": True, "bias": True},
        ("normalized_shape",),
        initial=_AFFINE,
        light=True,
    ),
    "nn.GroupNorm": ModuleFacts(
        {"eps": 1e-05, "affine": True}, ("num_groups", "num_channels"), initial=_AFFINE, light=True
    ),
    "nn.RMSNorm": ModuleFacts({"eps": None, "elementwise_affine": True}, initial={"weight": 1}),
    "nn.Dropout": ModuleFacts(positional=("p",), function="F.dropout", light=True),
    **{
        f"nn.Dropout{n}d": ModuleFacts(positional=("p",), function=f"F.dropout{n}d", light=True)
        for n in (1, 2, 3)
    },
    "nn.AlphaDropout": ModuleFacts(function="F.alpha_dropout"),
    "nn.LSTM": ModuleFacts(_RNN),
    "nn.GRU": ModuleFacts(_RNN),
    "nn.RNN": ModuleFacts(_RNN),
    **{f"nn.MaxPool{n}d": ModuleFacts(_POOL, function=f"F.max_pool{n}d") for n in (1, 2, 3)},
    **{f"nn.AvgPool{n}d": ModuleFacts(_POOL, function=f"F.avg_pool{n}d") for n in (1, 2, 3)},
    **_ACTIVATIONS,
    "nn.CELU": ModuleFacts({"alpha": 1.0}, function="F.celu"),
    "nn.Hardtanh": ModuleFacts(function="F.hardtanh"),
    "nn.LeakyReLU": ModuleFacts({"negative_slope": 0.01}, function="F.leaky_relu"),
    "nn.LogSoftmax": ModuleFacts(function="F.log_softmax"),
    "nn.Softmax": ModuleFacts(function="F.softmax"),
}

#: The module for each function that has one.
MODULE_OF = {facts.function: name for name, facts in MODULES.items() if facts.function}

#: Activation functions of one tensor, with the modules that may stand for them in an `nn.Sequential`.
ACTIVATIONS = {facts.function: name for name, facts in _ACTIVATIONS.items()}

#: The runtime's modules that are torch's but for what they do in training.
_BASES = {f"BiasedBatchNorm{n}d": f"nn.BatchNorm{n}d" for n in (1, 2, 3)}

#: Defaults of functions that no module computes.
_DEFAULTS = {"F.pad": {"mode": "constant", "value": 0.0}}

#: Arguments for which torch takes one number instead of equal ones.
_UNIFORM = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding", "scale_factor"})


def facts(constructor: str) -> ModuleFacts:
    """The facts of a module; none of a class that is not torch's."""
    return MODULES.get(_BASES.get(constructor, constructor), ModuleFacts())


def defaults(callee: str) -> Mapping[str, Any]:
    """The defaults of a module's or a function's arguments, as far as they are ever written."""
    return _DEFAULTS.get(callee) or facts(MODULE_OF.get(callee, callee)).defaults


def short_arguments(callee: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as an expert writes them: no default of torch's, and `(3, 3)` is `3`."""
    usual = defaults(callee)
    written = {}
    for name, value in arguments.items():
        if name in _UNIFORM and isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if name == "stride" and "_pool" in callee.lower() and value == _uniform(arguments.get("kernel_size")):
            continue
        if name in usual and usual[name] == value and type(usual[name]) is type(value):
            continue
        written[name] = value
    return written


def _uniform(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
