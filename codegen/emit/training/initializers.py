"""Saved initialisers in torch's words: what fills a tensor with numbers of the same distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from codegen.emit.training.saved_objects import is_number, number_text, plain_name

#: Scale, fan and distribution of the initialisers that scale with a kernel's shape.
_SCALED = {
    "glorotuniform": (1.0, "fan_avg", "uniform"),
    "glorotnormal": (1.0, "fan_avg", "truncated_normal"),
    "heuniform": (2.0, "fan_in", "uniform"),
    "henormal": (2.0, "fan_in", "truncated_normal"),
    "lecununiform": (1.0, "fan_in", "uniform"),
    "lecunnormal": (1.0, "fan_in", "truncated_normal"),
}

#: torch's own functions for them, without `_uniform_` or `_normal_`, and their arguments.
_NAMED = {
    (1.0, "fan_avg"): ("xavier", ""),
    (2.0, "fan_in"): ("kaiming", ', nonlinearity="relu"'),
    (2.0, "fan_out"): ("kaiming", ', mode="fan_out", nonlinearity="relu"'),
    (1.0, "fan_in"): ("kaiming", ', nonlinearity="linear"'),
    (1.0, "fan_out"): ("kaiming", ', mode="fan_out", nonlinearity="linear"'),
}

#: What a config has beside numbers.
_WORDS = ("mode", "distribution", "input_axes", "output_axes")

#: What a normal distribution's deviation shrinks to where it is cut off at two deviations.
_TRUNCATED = 0.87962566103423978


def torch_initializer(
    saved: Any, stored: Sequence[int], shape: Sequence[int], *, ordered: bool
) -> str | None:
    """A statement that fills the tensor `{p}` as a Keras initialiser does; None where there is none.

    Args:
        saved: As in a config: a name, or `{"class_name", "config"}`.
        stored: Shape of the Keras variable.
        shape: Shape of the tensor.
        ordered: Whether the tensor holds the whole variable, with its last axis first.
    """
    name, config = _parts(saved)
    if name in _SCALED or name == "variancescaling":
        return _scaled(name, config, stored, shape)
    if name in ("zeros", "zero", "ones", "one"):
        return f"nn.init.{name.rstrip('s')}s_({{p}})"
    if name == "constant":
        return _constant(config.get("value", 0.0))
    if name in ("randomuniform", "uniform"):
        low, high = config.get("minval", -0.05), config.get("maxval", 0.05)
        return f"nn.init.uniform_({{p}}, {low!r}, {high!r})"
    mean, deviation = config.get("mean", 0.0), config.get("stddev", 0.05)
    if "normal" in name and deviation < 0:
        return None
    if name in ("randomnormal", "normal"):
        return _normal(mean, deviation)
    if name == "truncatednormal":
        return _truncated_normal(mean, deviation)
    gain = config.get("gain", 1.0)
    if name in ("orthogonal", "orthogonalinitializer") and ordered and len(shape) > 1:
        return f"nn.init.orthogonal_({{p}}{f', gain={gain!r}' if gain != 1 else ''})"
    if name in ("identity", "identityinitializer") and ordered and len(shape) == 2 and gain == 1:
        return "nn.init.eye_({p})"
    return None


def _parts(saved: Any) -> tuple[str, Mapping[str, Any]]:
    """Name, without underscores, and what the config has; no name if anything strange is in it."""
    config: Any = {}
    if isinstance(saved, Mapping):
        saved, config = saved.get("class_name"), saved.get("config") or {}
    if not isinstance(saved, str) or not isinstance(config, Mapping):
        return "", {}
    config = {
        key: value for key, value in config.items() if value is not None and key not in ("seed", "dtype")
    }
    is_plain = all(key in _WORDS or is_number(value) for key, value in config.items())
    return plain_name(saved).removesuffix("v2") if is_plain else "", config


def _constant(value: float) -> str:
    if value in (0, 1):
        return "nn.init.ones_({p})" if value else "nn.init.zeros_({p})"
    return f"nn.init.constant_({{p}}, {value!r})"


def _normal(mean: float, deviation: float) -> str:
    before = f"mean={mean!r}, " if mean else ""
    return f"nn.init.normal_({{p}}, {before}std={number_text(deviation)})"


def _truncated_normal(mean: float, deviation: float) -> str:
    before = f"mean={mean!r}, " if mean else ""
    low, high = number_text(mean - 2 * deviation), number_text(mean + 2 * deviation)
    return f"nn.init.trunc_normal_({{p}}, {before}std={number_text(deviation)}, a={low}, b={high})"


def _scaled(name: str, config: Mapping[str, Any], stored: Sequence[int], shape: Sequence[int]) -> str | None:
    scale, mode, distribution = _SCALED.get(name, (1.0, "fan_in", "truncated_normal"))
    scale, mode = config.get("scale", scale), config.get("mode", mode)
    distribution = config.get("distribution", distribution)
    if mode not in ("fan_in", "fan_out", "fan_avg") or scale <= 0:
        return None
    fan = _fans(stored, config)[mode]
    torch_mode = _torch_mode(mode, fan, shape)
    function, arguments = _NAMED.get((scale, torch_mode), ("", ""))
    deviation = math.sqrt(scale / fan)
    if distribution == "uniform":
        limit = number_text(math.sqrt(3) * deviation)
        return (
            f"nn.init.{function}_uniform_({{p}}{arguments})"
            if function
            else f"nn.init.uniform_({{p}}, -{limit}, {limit})"
        )
    if distribution == "untruncated_normal":
        return f"nn.init.{function}_normal_({{p}}{arguments})" if function else _normal(0.0, deviation)
    if distribution not in ("truncated_normal", "normal"):
        return None
    if torch_mode:
        return f'variance_scaling_({{p}}, {float(scale):.7g}, "{torch_mode}")'
    return _truncated_normal(0.0, deviation / _TRUNCATED)


def _fans(shape: Sequence[int], config: Mapping[str, Any]) -> dict[str, float]:
    """Keras' numbers of inputs and outputs of a kernel, at least 1, and their mean."""
    before, after = config.get("input_axes"), config.get("output_axes")
    if _are_axes(before, len(shape)) and _are_axes(after, len(shape)):
        fan_in, fan_out = (math.prod(shape[axis] for axis in axes) for axes in (before, after))
    elif len(shape) < 2:
        fan_in = fan_out = math.prod(shape)
    else:
        field = math.prod(shape[:-2])
        fan_in, fan_out = field * shape[-2], field * shape[-1]
    return _modes(fan_in, fan_out)


def _are_axes(axes: Any, rank: int) -> TypeGuard[list[int]]:
    return isinstance(axes, list) and all(type(axis) is int and -rank <= axis < rank for axis in axes)


def _torch_mode(mode: str, fan: float, shape: Sequence[int]) -> str:
    """Which of torch's fans the number is, "" if none; a depthwise kernel has them the other way round."""
    if len(shape) < 2:
        return ""
    field = math.prod(shape[2:])
    fans = _modes(field * shape[1], field * shape[0])
    other = {"fan_in": "fan_out", "fan_out": "fan_in"}.get(mode, mode)
    return next((candidate for candidate in (mode, other) if fans[candidate] == fan), "")


def _modes(fan_in: int, fan_out: int) -> dict[str, float]:
    mean = max(1.0, (fan_in + fan_out) / 2)
    return {"fan_in": max(1, fan_in), "fan_out": max(1, fan_out), "fan_avg": mean}
