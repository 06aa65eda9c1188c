"""Learning rates that change -> the body of a function of the number of steps.

Formulas: `learning_rate_schedule.py` of Keras 3 and tf_keras, which are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from codegen.emit.code import literal
from codegen.training.losses import NotContinued
from codegen.training.read_config import is_number
from codegen.training.spec import Saved


def lower_schedule(schedule: Saved) -> list[str]:
    """The statements of a function of `step` that returns the learning rate.

    Raises:
        NotContinued: It is not known how it is computed.
    """
    make = _SCHEDULES.get(schedule.key)
    if schedule.own or make is None:
        raise NotContinued(f"the learning rate schedule {schedule.name!r}, which is the author's own code")
    return make(_Options(schedule))


class _Options:
    def __init__(self, schedule: Saved) -> None:
        self._saved = schedule

    def value(self, name: str, default: Any = None) -> Any:
        """An option as it is."""
        return self._saved.options.get(name, default)

    def number(self, name: str, default: float | None = None) -> float:
        """A number."""
        value = self.value(name, default)
        if not is_number(value):
            raise NotContinued(f"the learning rate schedule {self._saved.name!r} with {name}={value!r}")
        return float(value)

    def text(self, name: str, default: float | None = None) -> str:
        """The source of a number; whole ones without a point."""
        value = self.number(name, default)
        return literal(int(value) if value.is_integer() else value)

    def numbers(self, name: str) -> list[float]:
        """A list of numbers."""
        values = self.value(name)
        if not isinstance(values, (list, tuple)) or not all(map(is_number, values)):
            raise NotContinued(f"the learning rate schedule {self._saved.name!r} with {name}={values!r}")
        return list(values)


def _share(o: _Options) -> str:
    """The time that has passed, in decay steps."""
    steps = o.text("decay_steps")
    return f"(step // {steps})" if o.value("staircase") else f"(step / {steps})"


def _exponential(o: _Options) -> list[str]:
    return [f"return {literal(o.number('initial_learning_rate'))} * {o.text('decay_rate')} ** {_share(o)}"]


def _inverse_time(o: _Options) -> list[str]:
    return [
        f"return {literal(o.number('initial_learning_rate'))} / (1 + {o.text('decay_rate')} * {_share(o)})"
    ]


def _piecewise(o: _Options) -> list[str]:
    borders, values = o.numbers("boundaries"), o.numbers("values")
    if len(values) != len(borders) + 1 or not borders:
        raise NotContinued("a learning rate schedule whose values and boundaries do not fit")
    body = []
    for border, value in zip(borders, values, strict=False):
        body += [f"if step <= {literal(border)}:", f"    return {literal(value)}"]
    return [*body, f"return {literal(values[-1])}"]


def _polynomial(o: _Options) -> list[str]:
    start, end = o.number("initial_learning_rate"), o.number("end_learning_rate", 0.0001)
    steps, power = o.text("decay_steps"), o.number("power", 1.0)
    raised = "" if power == 1 else f" ** {literal(power)}"
    if o.value("cycle"):
        lines = [f"steps = {steps} * max(math.ceil(step / {steps}), 1)", "share = 1 - step / steps"]
    else:
        lines = [f"share = 1 - min(step, {steps}) / {steps}"]
    return [*lines, f"return ({literal(start)} - {literal(end)}) * share{raised} + {literal(end)}"]


def _cosine(o: _Options) -> list[str]:
    start, steps, alpha = (
        literal(o.number("initial_learning_rate")),
        o.text("decay_steps"),
        o.number("alpha", 0),
    )
    if o.value("warmup_target") is None:
        lines = [f"share = min(step, {steps}) / {steps}"]
    else:
        peak, warm = literal(o.number("warmup_target")), o.text("warmup_steps", 0)
        lines = [f"if step < {warm}:", f"    return {start} + ({peak} - {start}) * step / {warm}"]
        lines += [f"share = min(step - {warm}, {steps}) / {steps}"]
        start = peak
    return [*lines, *_along_cosine(start, alpha, "")]


def _restarts(o: _Options) -> list[str]:
    start, alpha = literal(o.number("initial_learning_rate")), o.number("alpha", 0)
    growth, shrink = o.number("t_mul", 2.0), o.number("m_mul", 1.0)
    lines = [f"passed = step / {o.text('first_decay_steps')}"]
    if growth == 1:
        lines += ["restart = math.floor(passed)", "share = passed - restart"]
    else:
        g = literal(growth)
        lines += [
            f"restart = math.floor(math.log(1 - passed * (1 - {g})) / math.log({g}))",
            f"share = (passed - (1 - {g}**restart) / (1 - {g})) / {g}**restart",
        ]
    return [*lines, *_along_cosine(start, alpha, "" if shrink == 1 else f"{literal(shrink)}**restart * ")]


def _along_cosine(start: str, alpha: float, factor: str) -> list[str]:
    """From 1 to 0 along half a wave, of which `alpha` is never lost."""
    wave = f"{factor}0.5 * (1 + math.cos(math.pi * share))"
    if not alpha:
        return [f"return {start} * {wave}"]
    return [f"return {start} * ({literal(1 - alpha)} * {wave} + {literal(alpha)})"]


_SCHEDULES: Mapping[str, Callable[[_Options], list[str]]] = {
    "exponentialdecay": _exponential,
    "inversetimedecay": _inverse_time,
    "piecewiseconstantdecay": _piecewise,
    "polynomialdecay": _polynomial,
    "cosinedecay": _cosine,
    "cosinedecayrestarts": _restarts,
    "cosinerestarts": _restarts,
}
