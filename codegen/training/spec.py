"""What compile() saved, in words that no longer depend on the version of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: Who computed the training: Keras 1 and 2 on several backends, tf.keras with its first optimizers
#: (`OptimizerV2`) or with those since 2.11, and Keras 3.
Generation = Literal["keras2", "tf", "tf_new", "keras3"]


@dataclass(frozen=True)
class Saved:
    """A function or an object as compile() got it.

    Attributes:
        name: As in the file: a class, a function or an alias of one.
        options: Its config.
        own: Whether it is the user's own code.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False

    @property
    def key(self) -> str:
        """The name without package, underscores and case: `Addons>SigmoidFocal` is `sigmoidfocal`."""
        return self.name.split(">")[-1].replace("_", "").lower()


@dataclass(frozen=True)
class Compiled:
    """The arguments of compile().

    Attributes:
        generation: Whose rules hold.
        version: Of Keras, as numbers.
        losses: One for each output; None for an output without.
        loss_weights: One for each output.
        metrics: Those of each output.
        optimizer: With its learning rate or schedule among the options; None if the file has none.
    """

    generation: Generation
    version: tuple[int, ...]
    losses: tuple[Saved | None, ...]
    loss_weights: tuple[float, ...]
    metrics: tuple[tuple[Saved, ...], ...]
    optimizer: Saved | None
