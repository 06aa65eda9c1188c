"""What the parts of the parser share: who wrote the file, its weights, and how layers and models are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codegen.config import checks
from codegen.config.dialects.origin import Origin
from codegen.errors import MalformedConfig
from codegen.model.python_code import SourceObject
from codegen.model.saved_model import StoredTensor
from codegen.model.spec import LayerSpec, ModelSpec
from codegen.source.files import Sources

MAX_DEPTH = 64


@dataclass(frozen=True)
class Context:
    """What the parts of the parser share.

    Attributes:
        parse_model: Parses a nested model: its entry, and the name that it has in its parent.
        read_layer: Parses a layer that another one holds.
        group: The top-level layer in which we are, whose weights stand together in a file.
        depth: Of nested layers and models.
        sources: What is given of the author's Python source.
    """

    origin: Origin
    weights: Mapping[str, Sequence[StoredTensor]]
    parse_model: Callable[[Mapping[str, Any], str, Context], ModelSpec]
    read_layer: Callable[[Mapping[str, Any], str, Context], LayerSpec]
    group: str | None = None
    depth: int = 0
    sources: Sources = field(default_factory=Sources)

    def inside(self, name: str) -> Context:
        """The context of what is within the layer `name`.

        Raises:
            MalformedConfig: Layers are nested too deep.
        """
        if self.depth >= MAX_DEPTH:
            raise MalformedConfig(f"layer {name!r} is nested more than {MAX_DEPTH} levels deep")
        return replace(self, group=self.group or name, depth=self.depth + 1)

    def written(self, name: str, module: str = "") -> SourceObject | None:
        """The author's class or function of this name; None if it is not in the source that is given."""
        if not self.sources:
            return None
        found = self.sources.defining(name, module)
        if found is None:
            return None
        top = replace(self, group=None, depth=0)
        return SourceObject(
            found[1],
            found[0],
            self.sources,
            lambda entry, at: self.read_layer(entry, at, top),
            self.origin.generation,
            self.sources.is_packaged(found[0]),
        )

    def weight_shape(self, suffix: str) -> tuple[int, ...] | None:
        """Shape of the stored array whose name ends with `suffix`, if there is one."""
        for tensors in self.weights.values():
            for tensor in tensors:
                if tensor.name.removesuffix(":0").endswith(suffix):
                    return tensor.shape
        return None

    def has_weight_of_shape(self, shape: tuple[int, ...]) -> bool:
        """Whether the weights of the top-level layer in which we are hold an array of this shape."""
        return any(tensor.shape == shape for tensor in self.weights.get(self.group or "", ()))


def shared_number(entry: Mapping[str, Any]) -> int | None:
    """The number that Keras gives a layer which it has saved before, in the entry of the further use."""
    number = entry.get("shared_object_id")
    return number if checks.is_int(number) else None
