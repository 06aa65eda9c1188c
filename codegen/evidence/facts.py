"""The facts of a verified conversion: each call of a Keras layer, its place in the source, its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

#: Of the plain data that `Verification.as_dict` gives.
SCHEMA = 1

#: Where the numbers of a layer call were taken: from a tensor of the checked-in source; from the graph
#: before the passes, as the source folds the layer into another one; nowhere, with the reason in `note`.
Seen = Literal["source", "graph", "nowhere"]


@dataclass(frozen=True)
class CallPath:
    """One call of one layer of the Keras model.

    Attributes:
        path: Names of layers from the model down: ("encoder", "dense").
        indices: For each of them, which of its calls in its model, from 0.
    """

    path: tuple[str, ...]
    indices: tuple[int, ...]

    @property
    def layer(self) -> str:
        """The layer's path as in `Conversion.torch_names`: "encoder/dense"."""
        return "/".join(self.path)

    def __str__(self) -> str:
        """The path, with the number of each call that is not the first: "encoder#2/dense"."""
        return "/".join(f"{n}#{i + 1}" if i else n for n, i in zip(self.path, self.indices, strict=True))


@dataclass(frozen=True)
class Place:
    """Where a layer is in the converted model.

    Attributes:
        modules: Names of torch modules and parameters that hold its weights: "conv2.0.conv_1".
        lines: Numbers of the lines of the source that make these and compute its output, from 1.
    """

    modules: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(frozen=True)
class Difference:
    """How far two arrays are apart at most.

    Attributes:
        absolute: The largest absolute difference; infinite if only one of two numbers is finite.
        relative: That over the largest magnitude of what is expected, if that is not zero.
        ulps: The largest difference in units in the last place of the expected float32 numbers; those
            that are near zero beside the largest one count as if they were a 64th of it.
    """

    absolute: float
    relative: float
    ulps: float


@dataclass(frozen=True)
class Result:
    """One tensor that a layer call, or the model, puts out: Keras' numbers and ours.

    Attributes:
        name: "encoder#2/dense", with ":1" behind it for the second of several tensors.
        layer: The layer's path, "encoder/dense".
        class_name: The layer's class in Keras 3.
        shape: In Keras' order.
        place: Where the layer is in the source.
        seen: Where our numbers were taken.
        float32: Ours in float32 against Keras'; None if they were not compared.
        float64: Ours in float64 against Keras': without our rounding, only Keras' own is left.
        change: The checked-in source against what the saved model converts to, both in float64: what is
            there was done by hand, whatever Keras computed.
        parts: Whether it is further apart than the tolerance allows, or was changed by hand.
        note: Why it was not compared, or what is odd about it; "" if there is nothing to say.
    """

    name: str
    layer: str
    class_name: str
    shape: tuple[int, ...]
    place: Place
    seen: Seen
    float32: Difference | None = None
    float64: Difference | None = None
    change: Difference | None = None
    parts: bool = False
    note: str = ""


@dataclass(frozen=True)
class Verification:
    """How a checked-in conversion compares with what Keras computed.

    Attributes:
        model: Base name of the Keras model's file.
        source: Path of the checked-in module.
        origin: Who computed what it is compared with: "Keras 2.2.4 on TensorFlow 1.12.0, Python 3.6.15".
        tolerance: Largest relative difference that is taken for rounding.
        outputs: The model's outputs, in Keras' order, for each recorded run.
        layers: The layer calls in the order in which Keras runs them; the worst of the recorded runs.
        notes: What else there is to know.
    """

    model: str
    source: str
    origin: str
    tolerance: float
    outputs: tuple[Result, ...]
    layers: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Result | None:
        """The first layer call at which they part; the first output if no layer call does."""
        return next((result for result in (*self.layers, *self.outputs) if result.parts), None)

    @property
    def is_equal(self) -> bool:
        """Whether nothing parts."""
        return self.first is None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        first = self.first
        return {
            "schema": SCHEMA, "equal": self.is_equal, "first": first.name if first else None, **asdict(self),
        }  # fmt: skip


def by_layer(results: Sequence[Result]) -> dict[str, Result]:
    """The worst result of each layer, by its path."""
    worst: dict[str, Result] = {}
    for result in results:
        if result.layer not in worst or _badness(result) > _badness(worst[result.layer]):
            worst[result.layer] = result
    return worst


def _badness(result: Result) -> tuple[bool, float]:
    return result.parts, result.float32.relative if result.float32 else -1.0
