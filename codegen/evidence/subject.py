"""What is verified: a saved model, what it converts to, and what is checked in."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codegen.errors import ConversionError
from codegen.evidence.interpreter import Interpreter, as_array, in_keras_order, tensor_of
from codegen.evidence.places import Lines
from codegen.evidence.precision import as_input
from codegen.evidence.recording import Call, Run
from codegen.evidence.trace import Source, Trace
from codegen.graph import Graph
from codegen.lowering.lower import Lowered
from codegen.model.saved_model import SavedModel
from codegen.model.spec import ModelSpec
from codegen.pipeline import Generated

Array = NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """What is compared.

    Attributes:
        saved: The Keras model's file.
        lowered: Its graph before the passes.
        graph: Its graph after them: it tells how the source stores its inputs and outputs.
        generated: What the model converts to today.
        checked_in: What is checked in; the same object if that is equal to `generated`.
        torch_names: The modules of each layer.
    """

    saved: SavedModel
    lowered: Lowered
    graph: Graph
    generated: Source
    checked_in: Source
    torch_names: Mapping[str, tuple[str, ...]]

    @cached_property
    def exact(self) -> Interpreter:
        """The graph in float64."""
        return Interpreter(self.lowered, self.saved, torch.float64)

    @cached_property
    def rounded(self) -> Interpreter:
        """The graph in float32."""
        return Interpreter(self.lowered, self.saved, torch.float32)

    @cached_property
    def lines(self) -> Lines:
        """The lines of the checked-in source."""
        return Lines(self.checked_in.text, self.checked_in.build(torch.float32))

    @cached_property
    def classes(self) -> dict[str, str]:
        """The class of each layer, by its path."""
        found: dict[str, str] = {}
        stack: list[tuple[tuple[str, ...], ModelSpec | None]] = [((), self.lowered.tree.spec.model)]
        while stack:
            path, model = stack.pop()
            for layer in model.layers if model else ():
                found["/".join((*path, layer.name))] = layer.title
                stack.append(((*path, layer.name), layer.model))
        return found

    def modules(self, layer: str) -> tuple[str, ...]:
        """The modules that hold a layer's weights, and those of layers that it wraps; none of a model."""
        if any(path.startswith(f"{layer}/") for path in self.classes):
            return ()
        return tuple(
            name
            for path, names in self.torch_names.items()
            if path == layer or path.startswith(f"{layer}/")
            for name in names
        )

    def check(self, run: Run) -> None:
        """See that a run was recorded of this model.

        Raises:
            ConversionError: It has other inputs or outputs.
        """
        wanted, found = len(self.graph.inputs), len(run.inputs)
        if wanted != found or len(self.graph.outputs) != len(run.outputs):
            raise ConversionError(
                f"the recording is of another model: it has {found} inputs and {len(run.outputs)} outputs, "
                f"the model has {wanted} and {len(self.graph.outputs)}"
            )

    def stored(self, inputs: Sequence[Array], dtype: torch.dtype) -> list[torch.Tensor]:
        """Inputs as the source takes them."""
        pairs = zip(self.graph.inputs, inputs, strict=True)
        return [as_input(array, dtype).permute(value.perm) for value, array in pairs]

    def stored_outputs(self, outputs: Sequence[Array | None]) -> list[torch.Tensor]:
        """Outputs in Keras' order as the source puts them out."""
        pairs = zip(self.graph.outputs, outputs, strict=True)
        tensors = [(value, torch.from_numpy(np.asarray(array))) for value, array in pairs]
        return [x.permute(value.perm) if x.dim() == value.rank else x for value, x in tensors]

    def in_order(self, trace: Trace) -> list[Array | None]:
        """What the source put out, in Keras' order; None for what it did not."""
        if len(trace.outputs) != len(self.graph.outputs):
            return [None] * len(self.graph.outputs)
        pairs = zip(self.graph.outputs, trace.outputs, strict=True)
        return [
            in_keras_order(value, out) if out.dim() == value.rank else as_array(out) for value, out in pairs
        ]


def subject_of(
    saved: SavedModel,
    lowered: Lowered,
    draft: Generated,
    class_name: str,
    text: str,
    source_path: Path,
    weights_path: Path,
) -> Subject:
    """What is compared, of a model and the text of its checked-in source.

    Args:
        saved: The file.
        lowered: Its graph before the passes.
        draft: What it converts to today.
        class_name: Of the model.
        text: The checked-in source.
        source_path: Where that is.
        weights_path: Where its weights are; without such a file it has those of the saved model.

    Raises:
        ConversionError: The weights cannot be loaded.
    """
    state = {key: tensor_of(weight, dtype, torch.float32) for key, weight, dtype in draft.state(saved)}
    is_same = _code(text) == _code(draft.source)
    generated = Source(text if is_same else draft.source, str(source_path), class_name, state)
    found = _weights(weights_path) if weights_path.is_file() else state
    checked_in = generated
    if not is_same or not _are_equal(found, state):
        classes = re.findall(r"^class (\w+)\(nn\.Module\)", text, re.MULTILINE)
        name = class_name if class_name in classes or not classes else classes[-1]
        checked_in = Source(text, str(source_path), name, found)
    return Subject(saved, lowered, draft.lowered.graph, generated, checked_in, draft.torch_names)


def _code(text: str) -> str:
    """A source without its docstring and its layout; "" if it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return ""
    return ast.dump(ast.Module(tree.body[1:], []))


def _weights(path: Path) -> Any:
    try:
        return torch.load(path, "cpu", weights_only=True)
    except Exception as error:
        raise ConversionError(f"{path.name} cannot be loaded: {error}") from error


def _are_equal(one: Any, other: Mapping[str, torch.Tensor]) -> bool:
    return (
        isinstance(one, dict)
        and one.keys() == other.keys()
        and all(
            isinstance(one[key], torch.Tensor)
            and one[key].dtype == other[key].dtype
            and torch.equal(one[key], other[key])
            for key in one
        )
    )


def exact_run(subject: Subject, inputs: Sequence[Array]) -> Run:
    """What our own graph computes in float64, as if it had been recorded."""
    outputs, made = subject.exact.run(inputs)
    calls = [Call(call, subject.classes.get(call.layer, ""), arrays) for call, arrays in made.items()]
    return Run(inputs, [output for output in outputs if output is not None], calls)
