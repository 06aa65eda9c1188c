"""Inputs of our own choice for a model that no Keras runs: the recorder's rules over what the file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from codegen.errors import ConversionError
from codegen.evidence.recording import Run
from codegen.evidence.subject import Subject, exact_run
from codegen.graph import Graph
from codegen.model.nested import instances
from codegen.model.spec import LayerSpec, ModelSpec, TensorRef
from codegen.recorder.calls import TRANSPARENT
from codegen.recorder.inputs import KINDS, Given, sizes_to_try, suitable

#: How many sizes are run where the model leaves some open, and from which seed on.
_RUNS, _SEED = 2, 1


def inputs_of(model: ModelSpec, graph: Graph) -> list[Given]:
    """The model's inputs with what is known of them."""
    return [
        Given(value.layer, value.shape, value.dtype, _readers(model, TensorRef(name)))
        for name, value in zip(model.inputs, graph.inputs, strict=True)
    ]


def _readers(model: ModelSpec, tensor: TensorRef) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for layer in model.layers:
        for number, call in enumerate(layer.calls):
            read = list(instances([call.args, call.kwargs], TensorRef))
            places = [place for place, ref in enumerate(read) if ref == tensor]
            if places and layer.model is not None:
                for name in (
                    layer.model.inputs[place] for place in places if place < len(layer.model.inputs)
                ):
                    yield from _readers(layer.model, TensorRef(name))
            elif places:
                yield layer.class_name, layer.config
                yield from ((s.class_name, s.config) for s in instances(layer.config, LayerSpec))
                if layer.class_name in TRANSPARENT:
                    yield from _readers(model, TensorRef(layer.name, number))


def own_runs(subject: Subject) -> list[Run]:
    """What the saved model computes by our own graph in float64, from inputs that suit it.

    Raises:
        ConversionError: None do.
    """
    model = subject.lowered.tree.spec.model
    assert model is not None
    given = inputs_of(model, subject.lowered.graph)
    runs: list[Run] = []
    failure: Exception | None = None
    sizes = sizes_to_try(given)
    for size in sizes:
        for kind in KINDS:
            try:
                run = exact_run(subject, suitable(given, size, kind, _SEED + len(runs)))
            except Exception as error:
                failure = failure or error
                continue
            if all(_is_finite(array) for array in run.outputs) or kind == KINDS[-1]:
                runs.append(run)
                break
        if len(runs) == min(_RUNS, len(sizes)):
            return runs
    if not runs:
        raise ConversionError(
            f"no inputs of ours suit the model, give a recording with --against ({failure})"
        )
    return runs


def _is_finite(array: Any) -> bool:
    return bool(np.isfinite(array).all())
