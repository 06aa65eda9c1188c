"""Drop rates that grow evenly through a model are written as what they are: `0.2 * 6 / 16`."""

from __future__ import annotations

from typing import Any

from codegen.graph import Graph, Module, Symbol, definitions, with_children

#: Names of arguments that are such rates.
_RATES = ("p", "drop_rate")

#: A schedule must explain so many different rates, and may have so many steps.
_LEAST, _STEPS = 3, 400


def write_schedules(root: Graph) -> None:
    """Replace the rates of a model by `rate * step / steps`, where that yields exactly the same numbers."""
    found = [(module, name) for module in _modules(root) for name in _RATES if name in module.kwargs]
    rates = {module.kwargs[name] for module, name in found if isinstance(module.kwargs[name], float)}
    growing = sorted(rate for rate in rates if 0 < rate < 1 and len(repr(rate)) > 4)
    if len(growing) < _LEAST:
        return
    schedule = next((s for s in _schedules() if all(_step(rate, s) for rate in growing)), None)
    if schedule is None:
        return
    last, steps = schedule
    for module, name in found:
        rate = module.kwargs[name]
        if isinstance(rate, float) and (step := _step(rate, schedule)):
            written = Symbol(f"{last} * {step} / {steps}")
            module.kwargs = {**module.kwargs, name: written}


def _modules(root: Graph) -> list[Module]:
    return list(with_children(module for graph in definitions(root) for module in graph.modules()))


def _schedules() -> Any:
    return ((tens / 20, steps) for steps in range(2, _STEPS) for tens in range(1, 20))


def _step(rate: float, schedule: tuple[float, int]) -> int:
    """The step at which the schedule yields the rate; 0 if at none."""
    last, steps = schedule
    step = round(rate * steps / last)
    return step if 0 < step < steps and last * step / steps == rate else 0
