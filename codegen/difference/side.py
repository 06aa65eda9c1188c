"""One of the two things that are compared: a saved model, or a module with its state dict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.difference.facts import SideError
from codegen.difference.weights import Layer, Tensor
from codegen.emit.modules import state_dict
from codegen.errors import ConversionError, UnreadableFile
from codegen.graph.recipe import Leaf, Weight
from codegen.model.saved_model import SavedModel, StoredTensor
from codegen.model.spec import ModelSpec
from codegen.model.variables import Variable, VariableTree, all_variables
from codegen.options import Options
from codegen.pipeline import Generated, generate
from codegen.read.reader import read_model
from codegen.tensors.dtypes import dtype_of
from codegen.tensors.plan import Storage
from codegen.tensors.torch_reader import read_state_dict
from codegen.weights import bind

#: The name under which sources are generated; it stands in no line that is compared.
_NAME = "model"

_TORCH = (".py", ".pt", ".pth")


@dataclass(frozen=True)
class Side:
    """What is compared.

    Attributes:
        path: Its file.
        source: Of the module; None if there is none.
        layers: Those with weights, as Keras has them; None if it is a state dict, or has no weights.
        state: The state dict; None if it has no weights.
        owners: The Keras layer of each key of the state dict; empty if that is not known.
    """

    path: Path
    source: str | None
    layers: tuple[Layer, ...] | None = None
    state: Mapping[str, Tensor] | None = None
    owners: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The file's name."""
        return self.path.name


def open_side(path: Path, options: Options, architecture: Path | None, open_files: ExitStack) -> Side:
    """Read a side; its weights are read later, while the files are open.

    Args:
        path: A saved model, a `.py` or a `.pt`; of a pair, the other is taken too. With an architecture,
            a file of weights.
        options: How saved models are converted.
        architecture: Of files that hold weights alone.
        open_files: Keeps the files open.

    Raises:
        SideError: The file cannot be read or converted.
    """
    try:
        return _side(path, options, architecture, open_files)
    except ConversionError as error:
        raise SideError(path, error) from error


def _side(path: Path, options: Options, architecture: Path | None, open_files: ExitStack) -> Side:
    if path.suffix in _TORCH:
        return _pair(path)
    file, weights = (architecture, path) if architecture is not None else (path, None)
    saved = open_files.enter_context(read_model(file, weights, alone=options.model is not None))
    made = generate(saved, replace(options, no_weights=False, weights=None), _NAME)
    if saved.weights is None:
        return Side(path, made.source)
    return Side(
        path=path,
        source=made.source,
        layers=tuple(_layers(saved, made)),
        state={key: _torch_tensor(weight, dtype) for key, weight, dtype in made.state(saved)},
        owners=dict(_owners(made)),
    )


def _pair(path: Path) -> Side:
    source = path.with_suffix(".py")
    weights = path if path.suffix != ".py" else path.with_suffix(".pt")
    if not path.is_file():
        raise UnreadableFile("there is no such file; check the path")
    text = source.read_text(encoding="utf-8", errors="replace") if source.is_file() else None
    if path.suffix == ".py" and not weights.is_file():
        return Side(path, text)
    tensors = read_state_dict(weights).tensors
    return Side(path, text, state={key: Tensor(t.shape, t.read) for key, t in tensors.items()})


def _layers(saved: SavedModel, made: Generated) -> Iterator[Layer]:
    bound = bind(made.lowered.tree, saved)
    for path, tree in _trees(made.lowered.tree, ()):
        named = {"/".join((*v.owner[len(path) :], v.name)): v for v in all_variables(tree) if not v.aside}
        if named:
            tensors = {name: _keras_tensor(bound[variable]) for name, variable in named.items()}
            yield Layer("/".join(path), tree.spec.class_name, tensors)


def _trees(tree: VariableTree, owner: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], VariableTree]]:
    """The layers of a model and of those inside it, in saved order."""
    model = tree.spec.model
    assert isinstance(model, ModelSpec)
    children = {child.attribute: child for child in tree.children}
    for layer in model.layers:
        child = children.get(layer.name)
        if child is not None and layer.model is not None:
            yield from _trees(child, (*owner, layer.name))
        elif child is not None:
            yield (*owner, layer.name), child


def _owners(made: Generated) -> Iterator[tuple[str, str]]:
    known = {path for path, _ in _trees(made.lowered.tree, ())}
    for key, _, weight in state_dict(made.lowered.graph, made.names):
        for leaf in weight.leaves():
            if isinstance(leaf, Variable):
                length = next((n for n in range(len(leaf.owner), 0, -1) if leaf.owner[:n] in known), 0)
                yield key, "/".join(leaf.owner[:length] if length else leaf.owner)
                break


def _keras_tensor(weight: Weight) -> Tensor:
    return Tensor(weight.shape, lambda: weight.evaluate(_read))


def _torch_tensor(weight: Weight, dtype: str) -> Tensor:
    return Tensor(weight.shape, partial(_as_written, Storage(weight, dtype_of(dtype))))


def _as_written(storage: Storage) -> NDArray[Any]:
    """The numbers as a state dict has them."""
    parts = [storage.dtype.decode(piece) for piece in storage.pieces()]
    return np.concatenate(parts or [storage.dtype.decode(b"")]).reshape(storage.shape)


def _read(leaf: Leaf) -> NDArray[Any]:
    assert isinstance(leaf, StoredTensor)
    return leaf.read()
