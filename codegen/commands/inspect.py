"""Says what a saved model holds and what of it can be converted, without torch and writing nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from codegen.config.parse import parse
from codegen.errors import ConversionError, Unsupported, summary
from codegen.graph import Value
from codegen.lowering.custom import custom_layers, refuse_misspelt
from codegen.lowering.lower import survey
from codegen.lowering.session import Session
from codegen.model.saved_model import SavedModel
from codegen.model.spec import LayerCall, LayerSpec, ModelSpec, Shape
from codegen.model.variables import VariableTree, count_parameters
from codegen.options import FilePath, Options, takes_options
from codegen.read.reader import read_model
from codegen.weights import bind


@dataclass(frozen=True)
class TensorReport:
    """An input or output of a model: the layer's name, its dtype and its shape in Keras' order."""

    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class LayerReport:
    """One layer.

    Attributes:
        name: Its name; inside a nested model with that model's name before it: "encoder/dense".
        class_name: Its Keras 3 class.
        output_shapes: What its first call yields; empty if a layer before it, or it, cannot be converted.
        parameter_count: Number of its weights; None where that is not known, for the same reasons.
        problems: What stands in the way, one line each; empty if it can be converted.
    """

    name: str
    class_name: str
    output_shapes: tuple[Shape, ...]
    parameter_count: int | None
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """What a saved model holds.

    Attributes:
        file_name: Base name of the file.
        path: The file.
        keras_version: As saved; "" if the file does not say.
        model_name: The model's name.
        class_name: "Sequential" or "Functional".
        inputs: In Keras' order.
        outputs: In Keras' order; empty if a layer before them cannot be converted.
        layers: In saved order, nested models before their layers.
        parameter_count: Number of weights; None if a layer with weights cannot be converted.
        has_weights: Whether weights came with the architecture.
        problems: Everything that stands in the way of a conversion, one line for each reason.
    """

    file_name: str
    path: Path
    keras_version: str
    model_name: str
    class_name: str
    inputs: tuple[TensorReport, ...]
    outputs: tuple[TensorReport, ...]
    layers: tuple[LayerReport, ...]
    parameter_count: int | None
    has_weights: bool
    problems: tuple[str, ...]

    @property
    def convertible(self) -> bool:
        """Whether `convert` would succeed, given the weights."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "path": self.path.as_posix(), "convertible": self.convertible}


@takes_options
def inspect(path: FilePath, options: Options = Options(), **changes: Any) -> Inspection:
    """What a saved model holds and what of it can be converted.

    Args:
        path: As for `convert`.
        options: As for `convert`; those that say how the code is written change nothing. An
            architecture can be inspected without weights.
        changes: As for `convert`.

    Raises:
        ConversionError: The file cannot be read, or its architecture makes no sense.
    """
    options = replace(options, **changes)
    with (
        read_model(path, options.weights, alone=options.model is not None) as saved,
        custom_layers(map(Path, options.custom)),
    ):
        model = parse(saved, options.backend, options.sources(), options.constructor(), options.inputs())
        refuse_misspelt(model)
        builder, outputs = survey(model)
        state = builder.session
        problems = summary(state.problems) or _weight_problems(builder.tree, saved)
    known = [value for value in outputs if isinstance(value, Value)]
    return Inspection(
        file_name=saved.file_name,
        path=Path(path),
        keras_version=saved.keras_version,
        model_name=model.name,
        class_name=model.class_name,
        inputs=tuple(TensorReport(v.layer, v.dtype, v.shape) for v in builder.graph.inputs),
        outputs=(
            tuple(
                TensorReport(ref.layer if ref else value.layer, value.dtype, value.shape)
                for ref, value in zip_longest(model.outputs, known)
            )
            if len(known) == len(outputs)
            else ()
        ),
        layers=tuple(_layers(model, builder.tree, state, ())),
        parameter_count=None if state.problems else count_parameters(builder.tree),
        has_weights=saved.weights is not None,
        problems=problems,
    )


def _weight_problems(tree: VariableTree, saved: SavedModel) -> tuple[str, ...]:
    """Whether the weights fit; only their shapes are read."""
    if saved.weights is None:
        return ()
    try:
        bind(tree, saved)
    except Unsupported as error:
        return summary(error.problems)
    except ConversionError as error:
        return (str(error),)
    return ()


def _layers(
    model: ModelSpec, tree: VariableTree, state: Session, owner: tuple[str, ...]
) -> Iterator[LayerReport]:
    children = {child.attribute: child for child in tree.children}
    for layer in model.layers:
        yield _layer(layer, children.get(layer.name), state, (*owner, layer.name))
        if layer.model is not None and layer.name in children:
            yield from _layers(layer.model, children[layer.name], state, (*owner, layer.name))


def _layer(
    layer: LayerSpec, tree: VariableTree | None, state: Session, owner: tuple[str, ...]
) -> LayerReport:
    values = state.results.get(LayerCall(owner), [])
    shapes = tuple(value.shape for value in values if isinstance(value, Value))
    if layer.class_name == "InputLayer":
        shapes = (tuple(layer.config.get("batch_shape") or ()),)
    counted = tree is not None and bool(shapes)
    failures = state.failures.get(owner, ())
    return LayerReport(
        name="/".join(owner),
        class_name=layer.class_name,
        output_shapes=shapes,
        parameter_count=count_parameters(tree) if tree and counted else 0 if shapes else None,
        problems=tuple(map(str, failures)) if layer.model is None else (),
    )
