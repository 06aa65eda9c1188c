"""SavedModel -> ModelSpec: models of all generations as graphs of layers in Keras 3 words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegen.config import checks
from codegen.config.adapted import with_state
from codegen.config.branches import merged_branches
from codegen.config.calls import NodeReader, counted_from_0, counted_over_models, renumber
from codegen.config.context import Context
from codegen.config.dialects import classes
from codegen.config.dialects.origin import origin_of
from codegen.config.inputs import implied_input, input_layer
from codegen.config.layer import is_model, layer_name, read_layer, weights_by_layer
from codegen.config.subclassed import constructed_model, subclassed_model
from codegen.config.tables import implied_table
from codegen.config.vocabularies import Places, with_vocabularies
from codegen.config.written import is_graph, written_class
from codegen.errors import ConversionError, MalformedConfig, shorten
from codegen.model.call_order import references
from codegen.model.python_code import SourceObject
from codegen.model.saved_model import SavedModel
from codegen.model.spec import CallSpec, LayerSpec, ModelSpec, TensorRef
from codegen.model.words import default_name
from codegen.source.arguments import Input, ModelCall
from codegen.source.files import Sources

Entry = Mapping[str, Any]


def parse(
    saved: SavedModel,
    backend: str | None = None,
    sources: Sources | None = None,
    constructor: ModelCall | None = None,
    inputs: Sequence[Input] = (),
) -> ModelSpec:
    """Parse the saved architecture of a model of any Keras.

    Args:
        saved: The model as it lies on disk.
        backend: Of Keras 1, where nothing in the file tells.
        sources: What is given of the author's Python source.
        constructor: How a model of which only the weights are saved is made.
        inputs: What the user says of the inputs of a subclassed model.

    Raises:
        MalformedConfig: The architecture contradicts itself or lacks a part; one line, naming the layer.
    """
    entry = checks.mapping(saved.config, "the architecture")
    context = Context(
        origin_of(saved, backend),
        weights_by_layer(saved.weights),
        parse_model,
        read_layer,
        sources=sources or Sources(),
    )
    if constructor is not None:
        return constructed_model(constructor, _written(constructor.name, context), inputs, context)
    written = None if is_graph(entry) else written_class(entry, str(entry.get("class_name")), context)
    if written is not None:
        return subclassed_model(entry, written, inputs, context)
    if not is_model(entry):
        raise MalformedConfig(
            f"the architecture is of class {shorten(entry.get('class_name'))} and lists no layers: a "
            "subclassed model is Python code; give the Python file that defines it with --source, or save a "
            "functional or Sequential model"
        )
    try:
        entry = with_vocabularies(entry, Places(saved.assets or {}, saved.neighbour))
        entry = with_state(entry, saved.weights)
        model = parse_model(entry, layer_name(entry) or "model", context)
    except RecursionError:
        raise MalformedConfig("the architecture is nested too deep") from None
    origin = context.origin
    return replace(model, casts_inputs=origin.generation < 3 and not origin.tf)


def _written(name: str, context: Context) -> SourceObject:
    found = context.written(name)
    if found is None:
        raise ConversionError(f"--model: {shorten(name)} is no class in a file that --source names")
    return found


def parse_model(entry: Entry, name: str, context: Context) -> ModelSpec:
    """Parse a Functional or Sequential model.

    Args:
        entry: `{"class_name", "config", ...}` as saved.
        name: Its name in its parent.
        context: Of the parent.
    """
    config = entry.get("config")
    if isinstance(config, Mapping) and ("input_layers" in config or "output_layers" in config):
        return _functional(config, name, context)
    layers = config.get("layers") if isinstance(config, Mapping) else config
    return _sequential(entry, checks.listing(layers, f"model {name!r}: the layers"), name, context)


def _trainable(config: Any, name: str) -> bool:
    value = config.get("trainable") if isinstance(config, Mapping) else None
    return value is None or checks.flag(value, f"model {name!r}: trainable")


# -------------------------------------------------------------------- Functional


def _functional(config: Entry, name: str, context: Context) -> ModelSpec:
    entries = _named_entries(checks.listing(config.get("layers"), f"model {name!r}: the layers"), name)
    layers = [_graph_layer(entry, layer, entries, context) for layer, entry in entries.items()]
    inputs, input_names = _tensors(config.get("input_layers"), entries, f"model {name!r}: the inputs")
    inputs = [_behind_identities(reference, layers) for reference in inputs]
    outputs, _ = _tensors(config.get("output_layers"), entries, f"model {name!r}: the outputs")
    layers, outputs = _renumbered(layers, outputs, context.origin.generation)
    model = ModelSpec(
        name,
        "Functional",
        tuple(layers),
        tuple(reference.layer for reference in inputs),
        tuple(outputs),
        trainable=_trainable(config, name),
        input_names=input_names,
    )
    _check(model)
    return model


def _named_entries(layers: Sequence[Any], model: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for position, item in enumerate(layers):
        entry = checks.mapping(item, f"model {model!r}: layer {position}")
        name = checks.text(layer_name(entry), f"model {model!r}: the name of layer {position}")
        if name in entries:
            raise MalformedConfig(f"model {model!r} has two layers called {name!r}")
        entries[name] = entry
    return entries


def _graph_layer(entry: Entry, name: str, entries: Mapping[str, Entry], context: Context) -> LayerSpec:
    if entry.get("class_name") == "InputLayer":
        return input_layer(entry, name)
    class_name = checks.text(entry.get("class_name"), f"layer {name!r}: the class name")
    reader = NodeReader(name, classes.class_and_package(entry, class_name)[0], entries)
    nodes = checks.listing(entry.get("inbound_nodes", []), f"layer {name!r}: the inbound nodes")
    return read_layer(entry, name, context, [reader.call(node) for node in nodes])


def _tensors(
    value: Any, names: Mapping[str, Entry], what: str
) -> tuple[list[TensorRef], tuple[str, ...] | None]:
    """Flatten inputs or outputs as Keras does: lists in order, dicts by sorted key."""
    if isinstance(value, Mapping):
        keys = sorted(value)
        parts = [_tensors(value[key], names, what)[0] for key in keys]
        flat = all(len(part) == 1 for part in parts)
        return [reference for part in parts for reference in part], tuple(keys) if flat else None
    items = checks.listing(value, what)
    if len(items) == 3 and isinstance(items[0], str):
        layer, *numbers = items
        if layer not in names or not all(checks.is_int(number) and number >= 0 for number in numbers):
            raise MalformedConfig(f"{what} name {shorten(items)}, which is not an output of a layer")
        return [TensorRef(layer, *numbers)], None
    return [reference for item in items for reference in _tensors(item, names, what)[0]], None


def _renumbered(
    layers: Sequence[LayerSpec], outputs: Sequence[TensorRef], generation: int
) -> tuple[list[LayerSpec], list[TensorRef]]:
    """Count the calls of nested models from 0.

    A nested model owns node 0 in Keras 1 and 2, so that its first call is node 1. Keras 3 says so in the
    model's outputs only, and only of Functional models. Keras 3.0 and 3.1 count the calls that layers read
    over all models that share a layer (`serialize_node` in keras/src/models/functional.py), but not outputs.
    """
    calls = [call for layer in layers for call in layer.calls]
    nested = {layer.name for layer in layers if layer.model is not None}
    if generation < 3:
        positions = counted_from_0([calls, list(outputs)], nested)
        outputs = renumber(list(outputs), positions)
    else:
        owners = {layer.name for layer in layers if layer.model and layer.model.class_name == "Functional"}
        behind = {(ref.layer, ref.call): ref.call - 1 for ref in outputs if ref.layer in owners and ref.call}
        outputs = renumber(list(outputs), behind)
        positions = counted_over_models(layers, outputs)
    if positions:
        layers = [replace(layer, calls=renumber(layer.calls, positions)) for layer in layers]
    return list(layers), list(outputs)


def _behind_identities(source: TensorRef, layers: Sequence[LayerSpec]) -> TensorRef:
    """The InputLayer itself, where Keras 1 and 2 name a layer that hands its input on.

    Such a layer returns the very tensor that it is given, which from then on counts as its output.
    """
    by_name = {layer.name: layer for layer in layers}
    for _ in layers:
        layer = by_name[source.layer]
        if not _hands_on(layer) or not layer.calls or not isinstance(layer.calls[0].args[0], TensorRef):
            break
        source = layer.calls[0].args[0]
    return source


def _hands_on(layer: LayerSpec) -> bool:
    """Whether Keras 1 returns the layer's input, not a new tensor."""
    if layer.class_name == "Activation":
        return layer.config.get("activation") == "linear"
    if "Dropout" in layer.class_name:
        return layer.config.get("rate") == 0
    return layer.class_name == "ActivityRegularization"


def _check(model: ModelSpec) -> None:
    """Every tensor that is read must exist.

    Raises:
        MalformedConfig: One does not, or an input is not an InputLayer.
    """
    by_name = {layer.name: layer for layer in model.layers}
    for name in model.inputs:
        if by_name[name].class_name != "InputLayer":
            raise MalformedConfig(f"model {model.name!r}: its input {name!r} is a {by_name[name].class_name}")
    if not model.outputs:
        raise MalformedConfig(f"model {model.name!r} has no outputs")
    for reference in references([model.outputs, [layer.calls for layer in model.layers]]):
        source = by_name[reference.layer]
        count = 1 if source.class_name == "InputLayer" else len(source.calls)
        if reference.call >= count:
            raise MalformedConfig(
                f"layer {source.name!r}: the output of its call {reference.call + 1} is read, but it is "
                f"called only {'once' if count == 1 else f'{count} times'}"
            )


# -------------------------------------------------------------------- Sequential


def _sequential(entry: Entry, saved: list[Any], name: str, context: Context) -> ModelSpec:
    """A Sequential as a chain of calls, with an InputLayer even where the file has none."""
    if not saved:
        raise MalformedConfig(f"model {name!r} has no layers")
    entries = [checks.mapping(item, f"model {name!r}: layer {index}") for index, item in enumerate(saved)]
    config = entry.get("config")
    trainable = _trainable(config, name)
    merged = merged_branches(entries[0], context)
    table = implied_table(entries[0], entry, _name(entries[0]), nested=context.depth > 0)
    if merged is not None:
        layers, inputs = list(merged.layers), merged.inputs
        last = merged.output
    elif entries[0].get("class_name") == "InputLayer":
        first = input_layer(entries[0], _name(entries[0]))
        layers, inputs, last = [first], (first.name,), TensorRef(first.name)
    elif table is not None:
        features = {key: TensorRef(feature.name) for key, feature in table.items()}
        last = TensorRef(_name(entries[0]))
        layers = [*table.values(), read_layer(entries[0], last.layer, context, [CallSpec((features,))])]
        inputs = tuple(feature.layer for feature in features.values())
    else:
        first_name = _name(entries[0])
        last = TensorRef(f"{first_name}_input")
        spec = read_layer(entries[0], first_name, context, [CallSpec((last,))])
        first = implied_input(entries[0], spec, entry, last.layer, nested=context.depth > 0)
        layers = [first, spec]
        inputs, last = (last.layer,), TensorRef(first_name)
    for item in entries[1:]:
        if item.get("class_name") == "InputLayer":
            raise MalformedConfig(f"model {name!r}: an InputLayer stands in the middle of a Sequential")
        last = _append(item, last, layers, context)
    names = tuple(table) if table and merged is None else None
    return ModelSpec(name, "Sequential", tuple(layers), inputs, (last,), trainable, names)


def _append(entry: Entry, source: TensorRef, layers: list[LayerSpec], context: Context) -> TensorRef:
    """Call the layer of `entry` on `source`; returns its output."""
    name = _name(entry)
    names = [layer.name for layer in layers]
    if name in names and layer_name(entry) and context.origin.generation == 1:
        position = names.index(name)  # Keras 1 loads equal names as one layer
        layers[position] = replace(layers[position], calls=(*layers[position].calls, CallSpec((source,))))
        return TensorRef(name, len(layers[position].calls) - 1)
    unique, count = name, 1
    while unique in names:
        unique, count = f"{name}_{count}", count + 1
    layers.append(read_layer(entry, unique, context, [CallSpec((source,))]))
    return TensorRef(unique)


def _name(entry: Entry) -> str:
    """The layer's name; a nested Sequential of Keras 1 has none."""
    return layer_name(entry) or default_name(str(entry.get("class_name")))
