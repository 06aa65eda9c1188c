"""Optimizers -> classes of torch, or of the library where torch computes otherwise, and their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from codegen.training.losses import NotContinued
from codegen.training.read_config import is_number
from codegen.training.spec import Generation, Saved


@dataclass(frozen=True)
class Slot:
    """One array that an optimizer keeps for each weight.

    Attributes:
        key: Its name in the state of torch's optimizer; "" if that does without.
        factor: What it is multiplied with.
    """

    key: str
    factor: float = 1.0


@dataclass(frozen=True)
class Rule:
    """How an optimizer is made.

    Attributes:
        constructor: The class.
        options: Its arguments beside parameters and learning rate.
        blocks: Its slots: the arrays of the slots of a block alternate, one block follows the other.
        counts: Whether its groups count `iterations`.
        steps: Whether its state has a `step` for each parameter.
        decay: Weight decay that is left to do before each step.
        head: How many arrays beside the count of steps come first.
        has_count: Whether the file has the count of steps.
    """

    constructor: str
    options: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[tuple[Slot, ...], ...] = ()
    counts: bool = True
    steps: bool = False
    decay: float = 0.0
    head: int = 0
    has_count: bool = True


class Options:
    """The numbers of a saved optimizer."""

    def __init__(self, optimizer: Saved) -> None:
        self._saved = optimizer

    def number(self, name: str, default: float) -> float:
        """A number of the config, or what it is where the config has none."""
        value = self._saved.options.get(name)
        if value is None:
            return default
        if not is_number(value):
            raise NotContinued(f"the optimizer {self._saved.name!r} with {name}={value!r}")
        return float(value)

    def flag(self, name: str) -> bool:
        """Whether an option is set."""
        return bool(self._saved.options.get(name))


def optimizer_rule(
    optimizer: Saved,
    generation: Generation,
    version: tuple[int, ...],
    rate: float | None,
    *,
    by_use: bool,
) -> Rule:
    """How torch has an optimizer.

    Args:
        optimizer: As compiled.
        generation: Whose formula holds.
        version: Of Keras.
        rate: The learning rate; None if it changes.
        by_use: Whether gradients of embeddings are sparse, so that they are squared use by use.

    Raises:
        NotContinued: It is not known how it is computed.
    """
    make = _RULES.get(optimizer.key)
    if optimizer.own or make is None:
        raise NotContinued(f"the optimizer {optimizer.name!r}, which is none of Keras' that k2t-gen knows")
    return make(_Case(Options(optimizer), generation, version, rate, by_use))


def default_rate(key: str, generation: Generation) -> float:
    """The learning rate of an optimizer that compile() was given by its name."""
    own = _KERAS2_RATES.get(key) if generation == "keras2" else None
    return own or {"sgd": 0.01, "lion": 0.0001 if generation == "tf_new" else 0.001}.get(key, 0.001)


_KERAS2_RATES = {"adagrad": 0.01, "adadelta": 1.0, "adamax": 0.002, "nadam": 0.002}


@dataclass(frozen=True)
class _Case:
    options: Options
    generation: Generation
    version: tuple[int, ...]
    rate: float | None
    by_use: bool

    @property
    def is_new(self) -> bool:
        """Whether the classes are those of Keras 2.11 and later."""
        return self.generation in ("keras3", "tf_new")

    @property
    def decay(self) -> float:
        return self.options.number("weight_decay", 0.0) if self.is_new else 0.0

    @property
    def epsilon(self) -> float:
        return self.options.number("epsilon", 1e-7)

    @property
    def betas(self) -> tuple[float, float]:
        return self.options.number("beta_1", 0.9), self.options.number("beta_2", 0.999)

    def blocks(self, *slots: Slot) -> tuple[tuple[Slot, ...], ...]:
        """Slots that alternate since 2.11, and came one after the other before."""
        return (slots,) if self.is_new else tuple((slot,) for slot in slots)

    @property
    def has_count(self) -> bool:
        """Keras 2.3 began to save it for optimizers whose formula does without."""
        return self.generation != "keras2" or self.version >= (2, 3)


def _adam(case: _Case) -> Rule:
    amsgrad = case.options.flag("amsgrad")
    blocks = case.blocks(Slot("exp_avg"), Slot("exp_avg_sq"))
    if amsgrad:
        blocks += ((Slot("max_exp_avg_sq"),),)
    elif case.generation == "keras2" and case.version >= (2, 1, 3):  # which keeps arrays of size 1 for it
        blocks += ((Slot(""),),)
    options: dict[str, Any] = {"betas": case.betas, "epsilon": case.epsilon}
    if case.by_use:
        return Rule("KerasAdamByUse", {**options, "amsgrad": amsgrad}, blocks, decay=case.decay)
    options |= {"weight_decay": case.decay} if case.decay else {}
    options |= {"amsgrad": True} if amsgrad else {}
    return Rule("KerasAdam", options, blocks, steps=True)


def _adamw(case: _Case) -> Rule:
    if not case.is_new:
        raise NotContinued("the optimizer 'AdamW', which is none of this version of Keras")
    return _adam(case)


def _sgd(case: _Case) -> Rule:
    momentum = case.options.number("momentum", 0.0)
    saves = momentum or case.generation in ("keras2", "tf_new")
    nesterov = {"nesterov": True} if case.options.flag("nesterov") else {}
    if not momentum:
        blocks = ((Slot(""),),) if saves else ()
        return Rule("torch.optim.SGD", {}, blocks, counts=False, decay=case.decay)
    if case.rate:
        slot = Slot("momentum_buffer", -1 / case.rate)
        options = {"momentum": momentum, **nesterov}
        return Rule("torch.optim.SGD", options, ((slot,),), counts=False, decay=case.decay)
    options = {"momentum": momentum, "nesterov": bool(nesterov)}
    return Rule("KerasSGD", options, ((Slot("velocity"),),), decay=case.decay)


def _rmsprop(case: _Case) -> Rule:
    rho, momentum = case.options.number("rho", 0.9), case.options.number("momentum", 0.0)
    centered = case.options.flag("centered")
    if case.is_new or momentum:
        kept = ["velocity", *(["momentum"] if momentum else []), *(["average"] if centered else [])]
        options = {"rho": rho, "momentum": momentum, "epsilon": case.epsilon, "centered": centered}
        blocks = tuple((Slot(key),) for key in kept)
        return Rule("KerasRMSprop", options, blocks, decay=case.decay)
    options = {"alpha": rho, "eps": case.epsilon, **({"centered": True} if centered else {})}
    kept = ["square_avg", *(["grad_avg"] if centered else [])]
    blocks = tuple((Slot(key),) for key in kept)
    return Rule("torch.optim.RMSprop", options, blocks, counts=False, steps=True, has_count=case.has_count)


def _adagrad(case: _Case) -> Rule:
    start = case.options.number("initial_accumulator_value", 0.0 if case.generation == "keras2" else 0.1)
    options = {"initial_accumulator_value": start}
    if case.is_new:
        options |= {"epsilon": case.epsilon}
        return Rule("KerasAdagrad", options, ((Slot("sum"),),), decay=case.decay)
    options |= {"eps": case.epsilon}
    blocks = ((Slot("sum"),),)
    return Rule("torch.optim.Adagrad", options, blocks, counts=False, steps=True, has_count=case.has_count)


def _adadelta(case: _Case) -> Rule:
    rho = case.options.number("rho", 0.95)
    blocks = case.blocks(Slot("square_avg"), Slot("acc_delta"))
    if case.by_use:
        return Rule("KerasAdadelta", {"rho": rho, "epsilon": case.epsilon}, blocks, decay=case.decay)
    options = {"rho": rho, "eps": case.epsilon}
    return Rule(
        "torch.optim.Adadelta",
        options,
        blocks,
        counts=False,
        steps=True,
        decay=case.decay,
        has_count=case.has_count,
    )


def _adamax(case: _Case) -> Rule:
    options = {"betas": case.betas, "epsilon": case.epsilon}
    return Rule("KerasAdamax", options, case.blocks(Slot("exp_avg"), Slot("exp_inf")), decay=case.decay)


def _nadam(case: _Case) -> Rule:
    name = {"keras2": "schedule_decay", "tf": "decay"}.get(case.generation)
    growth = case.options.number(name, 0.004) if name else 1.0
    options = {"betas": case.betas, "epsilon": case.epsilon, "schedule_decay": growth}
    blocks = case.blocks(Slot("exp_avg"), Slot("exp_avg_sq"))
    head = 1 if case.generation == "tf" or (case.generation == "keras2" and case.version >= (2, 3)) else 0
    return Rule("KerasNadam", options, blocks, decay=case.decay, head=head)


def _ftrl(case: _Case) -> Rule:
    names = {
        "l1": "l1_regularization_strength",
        "l2": "l2_regularization_strength",
        "shrinkage": "l2_shrinkage_regularization_strength",
        "beta": "beta",
    }
    options = {key: case.options.number(name, 0.0) for key, name in names.items()}
    options["power"] = case.options.number("learning_rate_power", -0.5)
    options["initial_accumulator_value"] = case.options.number("initial_accumulator_value", 0.1)
    return Rule("KerasFtrl", options, ((Slot("sum"), Slot("linear")),), decay=case.decay)


def _lion(case: _Case) -> Rule:
    betas = case.betas[0], case.options.number("beta_2", 0.99)
    return Rule("KerasLion", {"betas": betas}, ((Slot("exp_avg"),),), decay=case.decay)


def _lamb(case: _Case) -> Rule:
    options = {"betas": case.betas, "epsilon": case.epsilon}
    return Rule("KerasLamb", options, ((Slot("exp_avg"), Slot("exp_avg_sq")),), decay=case.decay)


#: Optimizers that only add gradients up: for them it is all the same how often a row was used.
LINEAR = frozenset({"sgd", "lion"})

_RULES: Mapping[str, Callable[[_Case], Rule]] = {
    "adam": _adam,
    "adamw": _adamw,
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "adamax": _adamax,
    "nadam": _nadam,
    "ftrl": _ftrl,
    "lion": _lion,
    "lamb": _lamb,
}
