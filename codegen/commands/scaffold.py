"""Writes the stubs of the layer functions that a model needs from its author."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codegen.config.parse import parse
from codegen.errors import ConversionError, UnsupportedLayer
from codegen.graph.naming import identifier
from codegen.lowering import catalogue, registry
from codegen.lowering.binder import TRAINING_ONLY
from codegen.lowering.custom import custom_layers
from codegen.model.call_order import packages
from codegen.model.nested import instances
from codegen.model.saved_model import LayerWeights, PathWeights, SavedModel, StoredTensor
from codegen.model.spec import LayerSpec, ModelSpec, TensorRef
from codegen.model.words import TRAINING_SUFFIXES
from codegen.options import FilePath, Options, takes_options
from codegen.read.reader import read_model
from codegen.weights.stored_tree import Numbers

_HEAD = '''"""Layer functions for {name}: write what each layer computes, see docs/custom.md of k2t-gen."""

from __future__ import annotations

from codegen.custom import {names}
'''
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ADVICE = "return what the layer puts out, as b.elementwise('x * scale', x=x, scale=scale)"


@takes_options
def scaffold(path: FilePath, options: Options = Options(), **changes: Any) -> str:
    """A Python file for `--custom` with a stub for each layer that nothing is known of.

    A stub has the options that are saved as keyword-only parameters, and asks for each array that is stored
    for the layer; called, it raises and says what is to be written.

    Args:
        path: As for `convert`.
        options: As for `convert`; what its `custom` files have needs no stub.
        changes: As for `convert`.

    Raises:
        ConversionError: The model cannot be read, or needs no stub.
    """
    options = replace(options, **changes)
    with (
        read_model(path, options.weights, alone=options.model is not None) as saved,
        custom_layers(map(Path, options.custom)),
    ):
        model = parse(saved, options.backend, options.sources(), options.constructor(), options.inputs())
        catalogue.load(packages(model))
        stubs = list(_stubs(model, saved))
        name = saved.file_name
    if not stubs:
        raise ConversionError("no layer of it needs a function of yours")
    decorators = {match for stub in stubs for match in re.findall(r"^@(\w+)", stub)}
    names = ", ".join(sorted({"Builder", "Value"} | decorators, key=lambda text: (text.islower(), text)))
    return _HEAD.format(name=_plain(name), names=names) + "".join(f"\n\n{stub}" for stub in stubs)


def _stubs(model: ModelSpec, saved: SavedModel) -> Iterator[str]:
    """One for each class, and for each Lambda, in the model's order."""
    done = set[tuple[str, str]]()
    for layer, folder in _layers(model, "", saved):
        key = ("Lambda", layer.name) if layer.class_name == "Lambda" else (layer.class_name, layer.package)
        try:
            registry.find(layer)
        except UnsupportedLayer:
            if key not in done:
                done.add(key)
                yield _stub(layer, *_arrays(layer, folder, saved))


def _layers(model: ModelSpec, folder: str, saved: SavedModel) -> Iterator[tuple[LayerSpec, str]]:
    """All layers that are no models, each with the folder of its weights in an archive."""
    folders = saved.weights.folders if isinstance(saved.weights, PathWeights) else {}
    old = f"{folder}_layer_checkpoint_dependencies/"
    container = old if old in folders else f"{folder}layers/"
    numbers = Numbers()
    for layer in model.layers:
        place = f"{container}{numbers.next(layer)}/"
        if layer.model is not None:
            yield from _layers(layer.model, place, saved)
        elif layer.class_name != "InputLayer":
            yield layer, place


def _arrays(layer: LayerSpec, folder: str, saved: SavedModel) -> tuple[list[StoredTensor], str]:
    """The arrays that the file has for a layer, as far as it tells, and the folder that they are in."""
    weights = saved.weights
    if isinstance(weights, LayerWeights):
        return list(weights.groups.get(layer.name, ())), ""
    if isinstance(weights, PathWeights):
        return [tensor for path, tensor in weights.tensors.items() if path.startswith(folder)], folder
    return [], ""


def _stub(layer: LayerSpec, arrays: Sequence[StoredTensor], folder: str) -> str:
    config: Mapping[str, Any] = layer.config
    if layer.class_name == "Lambda":
        decorator = f'@replaces_lambda("{_plain(layer.name)}")'
        doc = f'What the Lambda layer "{_plain(layer.name)}" does.'
        config = config.get("arguments") or {}
    else:
        decorator = f'@lowers("{_plain(layer.class_name)}", package="*")'
        doc = f'What {_plain(layer.class_name)} computes, such as the layer "{_plain(layer.name)}".'
    options = [_parameter(key, value) for key, value in config.items() if _is_option(key, value)]
    inputs = [f"{name}: Value" for name in _inputs(layer)]
    signature = ["b: Builder", *inputs, *(["*", *options] if options else [])]
    body = [f'"""{doc}"""', *_array_lines(arrays, folder)]
    body.append(f'raise NotImplementedError("{_ADVICE}")')
    title = layer.name if layer.class_name == "Lambda" else layer.class_name
    name = identifier(_WORDS.sub("_", title).lower())
    head = f"def {name}({', '.join(signature)}) -> Value:"
    return f"{decorator}\n{head}\n{textwrap.indent(chr(10).join(body), '    ')}\n"


def _array_lines(arrays: Sequence[StoredTensor], folder: str) -> Iterator[str]:
    """One line for each array: how the layer asks for it, or of which sublayer it is."""
    taken: dict[str, int] = {}
    for number, array in enumerate(arrays):
        inside = array.path.lstrip("/").removeprefix(folder).rpartition("vars/")[0].rstrip("/")
        if folder and inside:
            yield f"# {_plain(inside)}: a sublayer with an array {array.shape}, see b.call in docs/custom.md"
            continue
        name = identifier(array.name.split(":")[0].split("/")[-1] or f"weight_{number}")
        taken[name] = taken.get(name, 0) + 1
        name = name if taken[name] == 1 else f"{name}_{taken[name]}"
        yield f'{name} = b.weight("{name}", {array.shape})'


def _inputs(layer: LayerSpec) -> list[str]:
    """Names of the tensors that the layer is called with."""
    call = layer.calls[0] if layer.calls else None
    count = len(list(instances(list(call.args), TensorRef))) if call is not None else 1
    return list("xyz"[:count]) if count <= 3 else [f"x{number}" for number in range(1, count + 1)]


def _is_option(key: str, value: object) -> bool:
    is_name = key.isidentifier() and not keyword.iskeyword(key)
    return is_name and value is not None and key not in TRAINING_ONLY and not key.endswith(TRAINING_SUFFIXES)


def _parameter(key: str, value: object) -> str:
    kinds = {bool: "bool", int: "int", float: "float", str: "str"}
    if isinstance(value, list | tuple):
        parts = {kinds.get(type(part), "object") for part in value}
        return f"{key}: tuple[{parts.pop() if len(parts) == 1 else 'object'}, ...]"
    return f"{key}: {kinds.get(type(value), 'object')}"


def _plain(text: str) -> str:
    """A stranger's text that can stand in a string and a comment."""
    return "".join(ch if ch.isprintable() and ch not in "\"'\\{}" else "?" for ch in text[:80])
