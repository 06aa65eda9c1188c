"""Losses -> expressions of torch over an output and its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codegen.emit.code import literal
from codegen.training.read_config import is_number
from codegen.training.spec import Generation, Saved

#: Other names of losses.
_ALIASES = {
    "mse": "meansquarederror",
    "mae": "meanabsoluteerror",
    "mape": "meanabsolutepercentageerror",
    "msle": "meansquaredlogarithmicerror",
    "kld": "kldivergence",
    "kullbackleiblerdivergence": "kldivergence",
    "cosineproximity": "cosinesimilarity",
    "cosine": "cosinesimilarity",
    "huberloss": "huber",
    "bce": "binarycrossentropy",
}

#: Losses that are computed from what the last activation is given, where the output has one.
ON_LOGITS = {
    "categoricalcrossentropy": "softmax",
    "sparsecategoricalcrossentropy": "softmax",
    "binarycrossentropy": "sigmoid",
}

_PLAIN = {
    "meansquarederror": "squared_error",
    "meanabsoluteerror": "absolute_error",
    "meanabsolutepercentageerror": "absolute_percentage_error",
    "meansquaredlogarithmicerror": "squared_logarithmic_error",
    "kldivergence": "kl_divergence",
    "poisson": "poisson",
    "logcosh": "log_cosh",
    "hinge": "hinge",
    "squaredhinge": "squared_hinge",
    "categoricalhinge": "categorical_hinge",
    "ctc": "ctc",
}


def loss_key(loss: Saved) -> str:
    """The one name of a loss."""
    return _ALIASES.get(loss.key, loss.key)


def wanted_logits(loss: Saved | None) -> str:
    """The activation in front of which the loss is computed; "" if it takes the output as it is."""
    if loss is None or loss.options.get("from_logits"):
        return ""
    return ON_LOGITS.get(loss_key(loss), "")


class NotContinued(Exception):
    """Something of the training cannot be continued; the message is a noun phrase that says what."""


@dataclass(frozen=True)
class Terms:
    """How a loss is computed.

    Attributes:
        values: The expression of its values, over `{output}` and `{target}`.
        valid: The expression of which `values` count; "" if all do.
        reduction: "mean", "sum" or "weight": what the sum is divided by.
    """

    values: str
    valid: str = ""
    reduction: str = "mean"


def lower_loss(loss: Saved, generation: Generation, rank: int, *, logits: bool) -> Terms:
    """The terms of a loss.

    Args:
        loss: As compiled.
        generation: Whose rules hold.
        rank: Number of the output's axes.
        logits: Whether `{output}` is what the last activation is given.

    Raises:
        NotContinued: It is not known how it is computed.
    """
    key = loss_key(loss)
    if loss.own or (key not in _PLAIN and key not in _LOWER):
        raise NotContinued(f"the loss {loss.name!r}, which is no loss of Keras")
    case = _Case(loss, generation, rank, logits=logits)
    reduction = _REDUCTIONS.get(str(case.raw.get("reduction", "auto")).lower())
    if reduction is None:
        raise NotContinued(f"the loss {loss.name!r} with reduction={case.raw.get('reduction')!r}")
    if key in _PLAIN:
        return Terms(f"{_PLAIN[key]}({{output}}, {{target}})", reduction=reduction)
    if case.axis not in (-1, rank - 1) and key not in ("dice", "tversky", "cosinesimilarity"):
        raise NotContinued(f"the loss {loss.name!r} over axis {case.axis}")
    values, *valid = _LOWER[key](case)
    return Terms(values, "".join(valid), reduction)


_REDUCTIONS = {
    "auto": "mean",
    "sum_over_batch_size": "mean",
    "mean": "mean",
    "sum": "sum",
    "mean_with_sample_weight": "weight",
}


class _Case:
    """One loss, and what it is computed from."""

    def __init__(self, loss: Saved, generation: Generation, rank: int, *, logits: bool) -> None:
        self.raw = loss.options
        self.name = loss.name
        self.generation = generation
        self.rank = rank
        self.on_logits = logits or bool(self.raw.get("from_logits"))

    def number(self, name: str, default: float) -> str:
        """The source of a number."""
        value = self.raw.get(name, default)
        if not is_number(value):
            raise NotContinued(f"the loss {self.name!r} with {name}={value!r}")
        return literal(value)

    @property
    def axis(self) -> Any:
        return self.raw.get("axis", -1)

    @property
    def smoothing(self) -> float:
        value = self.raw.get("label_smoothing", 0)
        if not is_number(value):
            raise NotContinued(f"the loss {self.name!r} with label_smoothing={value!r}")
        return float(value)

    @property
    def dims(self) -> str:
        """The dims of a sum, as an argument; "" for all."""
        axis = self.axis if "axis" in self.raw else None
        axes = [axis] if isinstance(axis, int) else axis
        if axes is None:
            return ""
        if not isinstance(axes, (list, tuple)) or not all(isinstance(a, int) for a in axes):
            raise NotContinued(f"the loss {self.name!r} over axis {axis!r}")
        return f", dim={literal(tuple(axes))}"


def _categorical(o: _Case) -> tuple[str, ...]:
    target = "{target}.to({output})"
    if o.on_logits:
        parts = (
            ["{output}", target] if o.rank == 2 else ["{output}.movedim(-1, 1)", f"{target}.movedim(-1, 1)"]
        )
        smoothing = f", label_smoothing={literal(o.smoothing)}" if o.smoothing else ""
        return (f"F.cross_entropy({', '.join(parts)}{smoothing}, reduction='none')",)
    if o.smoothing:
        target = f"({target} * {literal(1 - o.smoothing)} + {literal(o.smoothing)} / {{output}}.shape[-1])"
    return (f"probability_cross_entropy({{output}}, {target})",)


def _sparse(o: _Case) -> tuple[str, ...]:
    output = "{output}" if o.on_logits else "{output}.clamp(1e-7, 1 - 1e-7).log()"
    ignored = o.raw.get("ignore_class")
    if ignored is None:
        return (f"class_cross_entropy({output}, {{target}})",)
    number = o.number("ignore_class", 0)
    return (
        f"class_cross_entropy({output}, {{target}}, {number})",
        f"{{target}}.reshape(values.shape) != {number}",
    )


def _binary(o: _Case) -> tuple[str, ...]:
    smoothing = f", smoothing={literal(o.smoothing)}" if o.smoothing else ""
    if o.on_logits:
        return (f"binary_cross_entropy({{output}}, {{target}}{smoothing})",)
    offset = ", offset=1e-7" if o.generation in ("tf", "tf_new") else ""
    return (f"binary_cross_entropy_of_probabilities({{output}}, {{target}}{smoothing}{offset})",)


def _focal(o: _Case) -> tuple[str, ...]:
    output = "{output}.softmax(-1)" if o.raw.get("from_logits") else "{output}"
    target = "{target}"
    if o.smoothing:
        target = f"({target} * {literal(1 - o.smoothing)} + {literal(o.smoothing)} / {{output}}.shape[-1])"
    return (f"focal_cross_entropy({output}, {target}, {o.number('alpha', 0.25)}, {o.number('gamma', 2.0)})",)


def _binary_focal(o: _Case) -> tuple[str, ...]:
    output = "{output}.sigmoid()" if o.raw.get("from_logits") else "{output}"
    more = f", alpha={o.number('alpha', 0.25)}" if o.raw.get("apply_class_balancing") else ""
    more += f", smoothing={literal(o.smoothing)}" if o.smoothing else ""
    return (f"binary_focal_cross_entropy({output}, {{target}}, {o.number('gamma', 2.0)}{more})",)


def _huber(o: _Case) -> tuple[str, ...]:
    delta = o.number("delta", 1.0)
    return (f"huber({{output}}, {{target}}{'' if delta == '1.0' else f', {delta}'})",)


def _cosine(o: _Case) -> tuple[str, ...]:
    dim = o.axis if isinstance(o.axis, int) else -1
    return (f"cosine_distance({{output}}, {{target}}{'' if dim == -1 else f', dim={dim}'})",)


def _dice(o: _Case) -> tuple[str, ...]:
    return (f"dice({{output}}, {{target}}{o.dims})",)


def _tversky(o: _Case) -> tuple[str, ...]:
    return (f"tversky({{output}}, {{target}}, {o.number('alpha', 0.5)}, {o.number('beta', 0.5)}{o.dims})",)


def _circle(o: _Case) -> tuple[str, ...]:
    diagonal = literal(not o.raw.get("remove_diagonal", True))
    values = (
        f"circle({{output}}, {{target}}, {o.number('gamma', 80.0)}, {o.number('margin', 0.4)}, {diagonal})"
    )
    return values, "values > 0"


def _generalized(o: _Case) -> tuple[str, ...]:
    return (f"generalized_cross_entropy({{output}}, {{target}}, {o.number('q', 0.5)})",)


_LOWER: Mapping[str, Callable[[_Case], tuple[str, ...]]] = {
    "categoricalcrossentropy": _categorical,
    "sparsecategoricalcrossentropy": _sparse,
    "binarycrossentropy": _binary,
    "categoricalfocalcrossentropy": _focal,
    "binaryfocalcrossentropy": _binary_focal,
    "huber": _huber,
    "cosinesimilarity": _cosine,
    "dice": _dice,
    "tversky": _tversky,
    "circle": _circle,
    "categoricalgeneralizedcrossentropy": _generalized,
}
