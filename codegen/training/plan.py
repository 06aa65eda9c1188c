"""What a training script does: each part is a few lines of code, and what cannot be continued is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from codegen.emit.code import literal, plain
from codegen.lowering.loss_inputs import LossInputs
from codegen.training.losses import NotContinued, Terms, lower_loss, wanted_logits
from codegen.training.metrics import lower_metric
from codegen.training.optimizers import LINEAR, Options, Rule, default_rate, optimizer_rule
from codegen.training.read_config import is_number, saved_object
from codegen.training.schedules import lower_schedule
from codegen.training.spec import Compiled, Saved

T = TypeVar("T")


@dataclass
class Plan:
    """The parts of a training script.

    Attributes:
        losses: How the loss of each output is computed; None for an output without.
        metrics: Name and terms of the metrics of each output.
        rule: The optimizer; None if it is not known.
        rate: The learning rate; None if it changes.
        schedule: The statements of `learning_rate(step)`; none if it does not change.
        has_unknown_rate: Whether the schedule is not known.
        clipping: Statements between the gradients and the step.
        by_use: Whether gradients of embeddings have to be sparse: Keras 3 squares them use by use.
        average: Momentum, and the number of steps after which the averages replace the weights.
        left_out: What cannot be continued.
    """

    compiled: Compiled
    losses: tuple[Terms | None, ...] = ()
    metrics: tuple[tuple[tuple[str, Terms], ...], ...] = ()
    rule: Rule | None = None
    rate: float | None = None
    schedule: list[str] = field(default_factory=list)
    has_unknown_rate: bool = False
    clipping: list[str] = field(default_factory=list)
    by_use: bool = False
    average: tuple[float, int | None] | None = None
    left_out: list[str] = field(default_factory=list)

    def attempt(self, make: Callable[[], T]) -> T | None:
        """What a function makes, or None and a note why it does not."""
        try:
            return make()
        except NotContinued as problem:
            self.left_out.append(str(problem))
            return None


def make_plan(compiled: Compiled, inputs: LossInputs, *, has_embeddings: bool) -> Plan:
    """Decide what the script of a compiled model does.

    Args:
        compiled: The arguments of compile().
        inputs: What the losses are computed from.
        has_embeddings: Whether embeddings are trained.
    """
    plan = Plan(compiled)
    parts = zip(compiled.losses, inputs.ranks, inputs.logits, strict=True)
    plan.losses = tuple(_loss(plan, loss, rank, logits=logits) for loss, rank, logits in parts)
    plan.metrics = tuple(_metrics(plan, index, inputs) for index in range(len(inputs.ranks)))
    if all(loss is None for loss in compiled.losses):
        plan.left_out.append("the loss, which the file does not tell")
    if compiled.optimizer is None:
        plan.left_out.append("the optimizer, which the file does not tell")
    else:
        _plan_optimizer(plan, compiled.optimizer, has_embeddings=has_embeddings)
    return plan


def _loss(plan: Plan, loss: Saved | None, rank: int, *, logits: bool) -> Terms | None:
    if loss is None:
        return None
    return plan.attempt(lambda: lower_loss(loss, plan.compiled.generation, rank, logits=logits))


def _metrics(plan: Plan, index: int, inputs: LossInputs) -> tuple[tuple[str, Terms], ...]:
    compiled = plan.compiled
    activation = wanted_logits(compiled.losses[index]) if inputs.logits[index] else ""
    lower = partial(
        lower_metric, generation=compiled.generation, rank=inputs.ranks[index], activation=activation
    )
    found = [(metric.name, plan.attempt(partial(lower, metric))) for metric in compiled.metrics[index]]
    return tuple((name, terms) for name, terms in found if terms is not None)


def _plan_optimizer(plan: Plan, optimizer: Saved, *, has_embeddings: bool) -> None:
    compiled = plan.compiled
    options = Options(optimizer)
    usual = default_rate(optimizer.key, compiled.generation) if not optimizer.options else None
    rate = optimizer.options.get("learning_rate", optimizer.options.get("lr", usual))
    decay = plan.attempt(lambda: options.number("decay", 0.0)) or 0.0
    if optimizer.key == "nadam" or compiled.generation in ("keras3", "tf_new"):
        decay = 0.0
    if is_number(rate) and decay:
        plan.schedule = [f"return {literal(float(rate))} / (1 + {literal(decay)} * step)"]
    elif is_number(rate):
        plan.rate = float(rate)
    else:
        schedule = saved_object(rate)
        body = None
        if schedule is None:
            plan.left_out.append("the learning rate, which the file does not tell")
        else:
            body = plan.attempt(lambda: lower_schedule(schedule))
        plan.has_unknown_rate = body is None
        plan.schedule = body or [f"raise NotImplementedError({literal(plan.left_out[-1])})"]
    plan.clipping = plan.attempt(lambda: _clipping(options, compiled)) or []
    if compiled.generation == "keras3" and has_embeddings:
        adds_up = optimizer.key in LINEAR
        plan.by_use = bool(plan.clipping) or not adds_up
        plan.clipping = [line.replace("nn.utils.clip_grad_value_", "clip_values") for line in plan.clipping]
        plan.clipping += ["add_uses(parameters)"] if adds_up and plan.by_use else []
    rule = (optimizer, compiled.generation, compiled.version, plan.rate)
    plan.rule = plan.attempt(lambda: optimizer_rule(*rule, by_use=plan.by_use))
    if options.flag("use_ema"):
        every = plan.attempt(lambda: options.number("ema_overwrite_frequency", 0))
        momentum = plan.attempt(lambda: options.number("ema_momentum", 0.99))
        plan.average = (momentum or 0.99, int(every) if every else None)
    if optimizer.options.get("gradient_accumulation_steps"):
        plan.left_out.append("the accumulation of gradients over several batches")


def _clipping(options: Options, compiled: Compiled) -> list[str]:
    value, norm, common = (options.number(name, 0.0) for name in ("clipvalue", "clipnorm", "global_clipnorm"))
    by_value = [f"nn.utils.clip_grad_value_(parameters, {literal(value)})"] if value > 0 else []
    if compiled.generation == "keras2":  # its clipnorm is about all gradients together
        together = [f"clip_together(parameters, {literal(norm)})"] if norm > 0 else []
        return together + by_value
    each = [f"clip_each(parameters, {literal(norm)})"] if norm > 0 else []
    together = [f"clip_together(parameters, {literal(common)})"] if common > 0 else []
    if compiled.generation == "tf":
        return by_value + each + together
    return each or together or by_value


def described(saved: Sequence[Saved | None]) -> str:
    """The names of some losses, for a docstring."""
    names = dict.fromkeys(plain(loss.name) for loss in saved if loss is not None)
    return ", ".join(f"`{name}`" for name in names)
