"""Metrics -> expressions of torch over an output and its target."""

from __future__ import annotations

from codegen.emit.code import literal
from codegen.training.losses import NotContinued, Terms, lower_loss
from codegen.training.read_config import is_number
from codegen.training.spec import Generation, Saved

_ACCURACY = frozenset({"accuracy", "acc", "categoricalaccuracy", "sparsecategoricalaccuracy"})
_TOP_K = frozenset({"topkcategoricalaccuracy", "sparsetopkcategoricalaccuracy"})


def lower_metric(metric: Saved, generation: Generation, rank: int, activation: str) -> Terms:
    """The terms of a metric; that of a loss is the loss.

    Args:
        metric: As compiled.
        generation: Whose rules hold.
        rank: Number of the output's axes.
        activation: What makes probabilities of `{output}`, "softmax" or "sigmoid"; "" if it has them.

    Raises:
        NotContinued: It is not known how it is computed.
    """
    output = {"softmax": "{output}.softmax(-1)", "sigmoid": "{output}.sigmoid()"}.get(activation, "{output}")
    if not metric.own and metric.key in _ACCURACY:
        return Terms(f"accuracy({output}, {{target}})")
    if not metric.own and metric.key == "binaryaccuracy":
        threshold = metric.options.get("threshold", 0.5)
        more = "" if threshold == 0.5 or not is_number(threshold) else f", {literal(float(threshold))}"
        return Terms(f"binary_accuracy({output}, {{target}}{more})")
    if not metric.own and metric.key in _TOP_K:
        k = metric.options.get("k", 5)
        return Terms(f"top_k_accuracy({output}, {{target}}, {int(k) if is_number(k) else 5})")
    options = {key: value for key, value in metric.options.items() if key != "reduction"}
    try:
        terms = lower_loss(Saved(metric.name, options, metric.own), generation, rank, logits=False)
    except NotContinued:
        raise NotContinued(f"the metric {metric.name!r}") from None
    return Terms(terms.values.replace("{output}", output), terms.valid)
