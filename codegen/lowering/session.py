"""State of one conversion, shared by the builders of all its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from codegen.errors import ConversionError, UnsupportedOption, shorten
from codegen.graph import Graph, Host, Module, Value
from codegen.model.spec import LayerCall, LayerSpec, TensorRef
from codegen.model.variables import VariableTree

Owner = tuple[str, ...]

#: Changes the class of a nested model in place; its inputs may be stored in another layout then.
FinishClass = Callable[[Graph], None]


@dataclass(eq=False)
class NestedModel:
    """A nested model that has been lowered: its class and its one instance.

    Attributes:
        masks: Of its inputs, as it sees them; None for an input that has none.
        outputs: The model's, which may be fewer than the graph's: that yields their masks, too.
    """

    graph: Graph
    module: Module
    inputs: list[Value]
    masks: list[Value | None]
    outputs: list[Value]


@dataclass
class Session:
    """State of one conversion.

    Attributes:
        finish_class: What is done to the class of a nested model before its first call is lowered.
        modules: Modules by owner and part, so that a shared layer has one.
        parents: Parent of each node of the variable tree, by `id`.
        models: Nested models by owner.
        problems: What could not be lowered, in model order.
        results: What each call of each layer yields.
        failures: The problems of each layer, by owner.
        refusals: Layers that were refused for the value of an option, with that.
        notes: What the file's docstring should say, in order.
        contradictions: Where a tensor is not what the file says of it.
        own: The user's own functions, by the owner of the layer that they lowered: name, file and line.
        author: What is shared by the layers whose Python source is given (`codegen.evaluation.author`).
    """

    finish_class: FinishClass = lambda _: None
    modules: dict[tuple[Owner, str], Module] = field(default_factory=dict)
    parents: dict[int, VariableTree] = field(default_factory=dict)
    models: dict[Owner, NestedModel] = field(default_factory=dict)
    problems: list[ConversionError] = field(default_factory=list)
    results: dict[LayerCall, list[Value]] = field(default_factory=dict)
    failures: dict[Owner, tuple[ConversionError, ...]] = field(default_factory=dict)
    refusals: list[tuple[LayerSpec, UnsupportedOption]] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    own: dict[Owner, str] = field(default_factory=dict)
    author: Any = None

    def trains(self, tree: VariableTree) -> bool:
        """Whether neither the layer nor anything that holds it is frozen."""
        node: VariableTree | None = tree
        while node is not None:
            if not node.spec.trainable:
                return False
            node = self.parents.get(id(node))
        return True

    def part(self, owner: Owner, name: str, fits: Callable[[Module], bool]) -> str:
        """The first of `name`, `name_2`, ... under which the owner has no module, or one that fits."""
        for number in count(1):
            part = name if number == 1 else f"{name}_{number}"
            known = self.modules.get((owner, part))
            if known is None or fits(known):
                return part
        raise AssertionError  # numbers do not end

    def compare(self, ref: TensorRef, value: object) -> None:
        """Note it if a tensor is not what the file says of it: that is to blame for what then goes wrong."""
        if not isinstance(value, Value) or isinstance(value, Host) or ref.shape is None:
            return
        sizes = zip(value.shape, ref.shape, strict=False)
        same_shape = value.rank == len(ref.shape) and all(
            None in pair or pair[0] == pair[1] for pair in sizes
        )
        if not same_shape or value.dtype != ref.dtype:
            said = f"{shorten(ref.dtype)}, {shorten(ref.shape)}"
            self.contradictions.append(
                f"layer {ref.layer!r} puts out a {value.dtype} tensor of shape {value.shape}, but what reads "
                f"it says that it is {said}; save the model again"
            )

    def report(self, owner: Owner, problems: tuple[ConversionError, ...]) -> None:
        """Note why a layer could not be lowered, once for all that say it in the same words."""
        self.failures[owner] = problems
        known = {str(problem) for problem in self.problems}
        self.problems.extend(problem for problem in problems if str(problem) not in known)
