"""Layers of classes whose Python source is given: their options mean what that says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegen.config import checks
from codegen.config.constants import FORMS, decoded, is_object
from codegen.config.context import Context, shared_number
from codegen.config.dialects import classes
from codegen.config.dialects.draft import Draft
from codegen.config.dialects.masks import mask_rules
from codegen.config.dialects.policies import policy_name
from codegen.config.dialects.quirks import quirks_of
from codegen.model.packages import KERAS, SOURCE
from codegen.model.python_code import SourceObject
from codegen.model.spec import CallSpec, LayerSpec


def is_graph(entry: Mapping[str, Any]) -> bool:
    """Whether a serialised model lists its layers and how they hang together, whatever its class."""
    config = entry.get("config")
    return isinstance(config, Mapping) and {"input_layers", "layers"} <= config.keys()


def written_class(entry: Mapping[str, Any], class_name: str, context: Context) -> SourceObject | None:
    """The author's own class, where its source is given, unless the file says that it is Keras'."""
    module = entry.get("module")
    is_keras = isinstance(module, str) and classes.is_of_keras(module)
    config = entry.get("config")
    if not context.sources or is_keras or is_graph(entry) or not isinstance(config, Mapping):
        return None
    name = class_name.rpartition(">")[2].rpartition(".")[2]
    return context.written(name, module if isinstance(module, str) else "")


def written_layer(
    entry: Mapping[str, Any],
    name: str,
    written: SourceObject,
    context: Context,
    calls: Sequence[CallSpec],
) -> LayerSpec:
    """A layer of a class whose source is given: its options mean what that says."""
    config = dict(entry["config"])
    trainable = config.get("trainable")
    draft = Draft(
        name,
        written.name,
        SOURCE,
        config,
        context.origin,
        None,
        context.weight_shape,
        context.has_weight_of_shape,
    )
    return LayerSpec(
        name,
        written.name,
        {"definition": written, "options": decoded(config, _kept)},
        tuple(replace(call, masks=mask_rules(draft, call.args, call.kwargs)) for call in calls),
        trainable=trainable is None or checks.flag(trainable, "trainable"),
        dtype=policy_name(config.get("dtype"), "dtype", name),
        package=SOURCE,
        quirks=quirks_of("Lambda", KERAS, {"name": name}, context.origin),
        shared=shared_number(entry),
    )


def _kept(item: Any) -> Any:
    """Serialised layers stay as they are: the source says what becomes of them."""
    return dict(item) if is_object(item) and item["class_name"] not in FORMS else NotImplemented
