"""What variables a lowered layer has: the tree that is matched against a file's weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from codegen.model.spec import LayerSpec


@dataclass(frozen=True)
class Variable:
    """One Keras variable: the leaf of every weight recipe.

    Attributes:
        owner: Path of layer names, from the model down: ("encoder", "dense").
        name: Keras' name of the variable in its layer: "kernel".
        shape: As Keras 3 stores it.
        trainable: False for moving statistics and other state.
        aside: True for what a file may lack: state that no output depends on (a seed), or zeros.
        initializer: What fills it where the config does not say, as in a config; None for what is usual
            for a variable of its name.
    """

    owner: tuple[str, ...]
    name: str
    shape: tuple[int, ...]
    trainable: bool = True
    aside: bool = False
    initializer: Any = field(default=None, compare=False)


@dataclass
class VariableTree:
    """A layer's own variables in creation order, and its sublayers in Keras' tracking order.

    Attributes:
        attribute: The attribute under which the parent layer holds this sublayer (`cell`,
            `forward_layer`, `query_dense`); for a layer of a model, its layer name.
        spec: The layer. For a nested model `spec.model` is set and `children` are its layers;
            the root of the tree is the whole model, wrapped in a `LayerSpec`.
        folder: Where trees of weights have it, seen from the layer or model whose source is given and that
            no such one holds; None if its attribute tells.
    """

    attribute: str
    spec: LayerSpec
    variables: list[Variable] = field(default_factory=list)
    children: list[VariableTree] = field(default_factory=list)
    folder: str | None = None

    def descendants(self) -> Iterator[VariableTree]:
        """The sublayers, theirs, and so on; each before what it holds."""
        for child in self.children:
            yield child
            yield from child.descendants()


def all_variables(tree: VariableTree) -> list[Variable]:
    """The variables of a layer and all that it holds, each once."""
    found: dict[Variable, None] = {}
    stack = [tree]
    while stack:
        node = stack.pop()
        found.update(dict.fromkeys(node.variables))
        stack.extend(reversed(node.children))
    return list(found)


def count_parameters(tree: VariableTree) -> int:
    """Number of elements of all variables, each counted once."""
    return sum(math.prod(variable.shape) for variable in all_variables(tree) if not variable.aside)
