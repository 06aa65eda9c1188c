"""A Keras 1 Sequential that begins with a Merge of whole models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from codegen.config import checks
from codegen.config.calls import renumber
from codegen.config.context import Context
from codegen.config.layer import is_model, layer_name, read_layer
from codegen.errors import MalformedConfig
from codegen.model.spec import CallSpec, LayerSpec, ModelSpec, TensorRef


@dataclass(frozen=True)
class Merged:
    """The branches' layers and the Merge behind them, as part of the Sequential's own graph."""

    layers: tuple[LayerSpec, ...]
    inputs: tuple[str, ...]
    output: TensorRef


def merged_branches(entry: Mapping[str, Any], context: Context) -> Merged | None:
    """The layers for which a first Merge stands, or None if `entry` is none.

    Keras 1 saves the branches' layers as if they were the Sequential's own, so they are put into its graph.

    Raises:
        MalformedConfig: A branch is faulty, or two different layers have one name.
    """
    config = entry.get("config")
    if entry.get("class_name") != "Merge" or not isinstance(config, Mapping) or not config.get("layers"):
        return None
    name = layer_name(entry) or "merge"
    layers: dict[str, LayerSpec] = {}
    inputs: list[str] = []
    outputs: list[TensorRef] = []
    for position, item in enumerate(checks.listing(config["layers"], f"layer {name!r}: the merged models")):
        branch_entry = checks.mapping(item, f"layer {name!r}: merged model {position}")
        branch = _branch(branch_entry, f"{name}_{position}", context.inside(name))
        outputs += _put(branch, layers)
        inputs += [source for source in branch.inputs if source not in inputs]
    options = {key: value for key, value in config.items() if key != "layers"}
    merge = read_layer({"class_name": "Merge", "config": options}, name, context, [CallSpec((outputs,))])
    if name in layers:
        raise MalformedConfig(f"layer {name!r}: a merged model has a layer of the same name")
    return Merged((*layers.values(), merge), tuple(inputs), TensorRef(name))


def _branch(entry: Mapping[str, Any], name: str, context: Context) -> ModelSpec:
    if not is_model(entry):
        entry = {"class_name": "Sequential", "config": [entry]}
    return context.parse_model(entry, name, replace(context, group=None))


def _put(branch: ModelSpec, layers: dict[str, LayerSpec]) -> list[TensorRef]:
    """Add a branch's layers; a layer that an earlier branch has too is shared and called once more."""
    positions = {
        (layer.name, call): len(layers[layer.name].calls) + call
        for layer in branch.layers
        if layer.name in layers
        for call in range(len(layer.calls))
    }
    for layer in branch.layers:
        calls = renumber(layer.calls, positions)
        known = layers.get(layer.name)
        if known is None:
            layers[layer.name] = replace(layer, calls=calls)
        elif known.class_name == layer.class_name and known.config == layer.config:
            layers[layer.name] = replace(known, calls=known.calls + calls)
        else:
            raise MalformedConfig(f"layer {layer.name!r}: two merged models have unequal layers of this name")
    return [renumber(reference, positions) for reference in branch.outputs]
