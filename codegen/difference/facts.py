"""What a comparison of two models says: plain records. docs/report.md describes them as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from codegen.errors import ConversionError

#: Of the data that `ModelDiff.as_dict` gives: grows when a key is renamed, removed or means something else.
SCHEMA = 1

Status = Literal["equal", "changed", "reshaped", "new", "gone"]


class SideError(ConversionError):
    """One of two files cannot be read or converted, for the error that it was raised from."""

    def __init__(self, path: Path, cause: ConversionError) -> None:
        super().__init__(f"{path.name}: {cause}")
        self.path, self.cause = path, cause


@dataclass(frozen=True)
class TensorChange:
    """One variable, or one tensor of a state dict, of two models.

    Attributes:
        name: "kernel"; "conv.weight" where one side is a state dict.
        status: "new" is in the second model alone, "gone" in the first alone.
        before: Its shape in the first model.
        after: Its shape in the second.
        largest: The largest absolute difference; infinite where only one number is finite; None unless
            both have numbers of the same shape.
        relative: The norm of the difference over the norm of the first; infinite if that is zero.
    """

    name: str
    status: Status
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None
    largest: float | None = None
    relative: float | None = None


@dataclass(frozen=True)
class LayerChange:
    """The weights of one layer in two models.

    Attributes:
        path: Its name, "encoder/dense"; in the second model if it is new. Of two state dicts, the module's.
        renamed: Its name in the second model, if that is another.
        status: That of all its tensors if it is one; else "reshaped" if one is, or "changed".
        largest: Over its tensors.
        relative: The largest of its tensors'.
        tensors: Those of both models.
    """

    path: str
    renamed: str
    status: Status
    largest: float | None
    relative: float | None
    tensors: tuple[TensorChange, ...]


@dataclass(frozen=True)
class ModelDiff:
    """How two models differ.

    Attributes:
        first: Name of the first file.
        second: Name of the second.
        source: Unified diff of the sources; "" if they are equal, None if one has none.
        layers: The weights by layer; None if one has none.
        notes: Why something was not compared.
    """

    first: str
    second: str
    source: str | None
    layers: tuple[LayerChange, ...] | None
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.source) or any(layer.status != "equal" for layer in self.layers or ())

    @property
    def counts(self) -> dict[Status, int]:
        """How many layers are of each status."""
        return dict(Counter(layer.status for layer in self.layers or ()))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, in which infinity is a string."""
        data = asdict(self)
        for layer in data["layers"] or ():
            for part in (layer, *layer["tensors"]):
                for key in ("largest", "relative"):
                    part[key] = "infinity" if part[key] == float("inf") else part[key]
        return {"schema": SCHEMA, "differs": bool(self), **data}
