"""Assembles the whole file: docstring, imports, helpers, classes."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codegen.emit.code import Code, docstring, literal, plain
from codegen.emit.cut import cut
from codegen.emit.forward import Forward
from codegen.emit.freezing import is_frozen
from codegen.emit.halves import METHOD, Halves, write_halves
from codegen.emit.loops import write_forward
from codegen.emit.modules import Names, attribute_lines, constructor
from codegen.emit.parts import ClassSource, FunctionSource, SourceFile
from codegen.graph import Graph, Parameter, Value, definitions
from codegen.graph.expression import names_in
from codegen.graph.helpers import closure
from codegen.graph.shapes import shape_text

#: Import lines by the name that they bind, for names that templates may use.
_IMPORTS = {
    "math": "import math",
    "Callable": "from collections.abc import Callable",
    "Path": "from pathlib import Path",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}

#: Columns of a generated line.
_WIDTH = 88

#: Stands where the digest of a file is to stand; no stranger's text has braces, see `plain`.
_DIGEST = "sha256 {digest}…"

#: Columns that the seal of the text takes, see `codegen/commands/seal.py`.
_SEAL = 11

#: What the result of a function is called.
_RESULTS = {
    "F.softmax": "Softmax",
    "torch.sigmoid": "Sigmoid",
    "torch.tanh": "Tanh",
    "F.relu": "ReLU",
    "F.relu6": "ReLU",
}


@dataclass(frozen=True)
class Provenance:
    """Where the model came from, for the file's docstring.

    Attributes:
        file_names: The model's file and, if that is another one, the weights'.
        weights_name: The file of torch's weights; None if there is to be none.
    """

    file_names: tuple[str, ...]
    keras_version: str
    model_name: str
    tool_version: str
    weights_name: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """A method of the model's class that only training needs.

    Attributes:
        signature: As it stands after `def`.
        doc: Lines of its docstring.
        body: Its statements.
        at_start: The statement of `__init__` that calls it; "" if none does.
    """

    signature: str
    doc: list[str]
    body: list[str]
    at_start: str = ""


def emit(
    graph: Graph,
    names: Names,
    origin: Provenance,
    parameter_count: int,
    methods: Sequence[Method] = (),
    halves: Halves | None = None,
) -> SourceFile:
    """Decide the whole text of the generated file.

    Args:
        graph: The model.
        names: From `name_everything`.
        origin: Where it came from.
        parameter_count: Number of weights, for the docstring.
        methods: What the model's class has for training.
        halves: The model in two halves, if the loss is not computed from its outputs alone.
    """
    has_weights = origin.weights_name is not None
    reads: set[str] = set()
    classes = []
    steps = {}
    forward = Forward([], [], set(), [])
    for definition in definitions(graph):
        is_root = definition is graph
        before: Forward | None = None
        if is_root and halves is not None:
            before, forward = write_halves(halves, names.attributes[definition])
        else:
            forward = write_forward(definition, names.attributes[definition])
        steps[definition] = forward.steps
        doc = _model_doc(graph, origin, parameter_count) if is_root else _block_doc(definition)
        extra = list(methods) if is_root else []
        if before is not None and halves is not None:
            extra.append(_training_method(halves.first, before))
        classes.append(_class(definition, names, forward, doc, is_root, extra))
        reads |= forward.names | _constructor_names(definition, names) | _method_names(extra)
    needed = closure(reads)
    helpers, classes, reads = cut(needed, classes)
    reads |= {"torch", "Tensor", "nn"} | ({"Path"} if has_weights else set())
    imports = dict(_IMPORTS)
    for helper in needed:
        imports |= helper.imports
    standard, third_party = import_lines([imports[name] for name in sorted(reads & imports.keys())])
    is_whole = not any("persistent=False" in helper for helper in helpers)
    return SourceFile(
        doc=_file_doc(graph, origin, names.classes[graph], forward.arguments),
        standard_imports=standard,
        torch_imports=third_party,
        helpers=tuple(helpers),
        model_name=Code(names.classes[graph]),
        has_weights=has_weights,
        is_whole=is_whole,
        classes=tuple(classes),
        steps=steps,
    )


def _class(
    graph: Graph, names: Names, forward: Forward, doc: list[str], is_root: bool, methods: Sequence[Method]
) -> ClassSource:
    attributes = names.attributes[graph]
    init = [line for m, name in attributes.items() for line in attribute_lines(graph, m, name, names)]
    init += ["self.requires_grad_(False)"] if is_root and is_frozen(graph) else []
    init += [method.at_start for method in methods if method.at_start]
    buffers = [name for module, name in attributes.items() if module.constructor == "buffer"]
    count = len(graph.outputs)
    returns = "Tensor" if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]"
    return ClassSource(
        name=Code(names.classes[graph]),
        doc=docstring(doc),
        init_parameters=tuple(_parameter(parameter) for parameter in graph.params),
        buffers=tuple(Code(f"{name}: Tensor") for name in buffers),
        init=tuple(Code(line) for line in init),
        methods=tuple(
            FunctionSource(Code(m.signature), docstring(m.doc), tuple(map(Code, m.body))) for m in methods
        ),
        arguments=tuple(
            Code(f"{name}: Tensor{' | None = None' if value.optional else ''}")
            for name, value in zip(forward.arguments, graph.inputs, strict=True)
        ),
        returns=Code(returns),
        forward_doc=docstring(
            _forward_doc(graph, forward.arguments) if is_root else _wrapped(_signature(graph) + ".")
        ),
        forward=tuple(Code(line) for line in forward.body),
    )


def _training_method(graph: Graph, forward: Forward) -> Method:
    """The method that yields what the loss is computed from."""
    arguments = ", ".join(f"{name}: Tensor" for name in forward.arguments)
    count = len(graph.outputs)
    returns = "Tensor" if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]"
    outputs = [f"    `{plain(value.layer)}`, {value.dtype}, {shape_text(value)}." for value in graph.outputs]
    doc = ["What the loss is computed from.", "", "Returns:", *outputs, ""]
    return Method(f"{METHOD}(self, {arguments}) -> {returns}", doc, forward.body)


def _constructor_names(graph: Graph, names: Names) -> set[str]:
    made = {name for module in graph.modules() for name in names_in(constructor(module, names))}
    return made | {name for p in graph.params for name in re.findall(r"\w+", p.type)}


def _method_names(methods: Sequence[Method]) -> set[str]:
    bodies = (ast.parse("\n".join(method.body).replace("return ", "")) for method in methods)
    return {node.id for body in bodies for node in ast.walk(body) if isinstance(node, ast.Name)}


def _parameter(parameter: Parameter) -> Code:
    if parameter.has_default:
        return Code(f"{parameter.name}: {parameter.type} = {literal(parameter.default)}")
    return Code(f"{parameter.name}: {parameter.type}")


def import_lines(lines: Iterable[str]) -> tuple[tuple[Code, ...], tuple[Code, ...]]:
    """Import statements in isort's order, names of one module joined; standard library and torch apart."""
    plain_lines = sorted({line for line in lines if line.startswith("import ")})
    members: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, name = line.removeprefix("from ").split(" import ")
            members.setdefault(module, set()).add(name)
    joined = [f"from {m} import {', '.join(sorted(n, key=_isort_key))}" for m, n in sorted(members.items())]
    ordered = [Code(line) for line in plain_lines + joined]
    is_torch = [line.split()[1].split(".")[0] == "torch" for line in ordered]
    standard = tuple(line for line, third in zip(ordered, is_torch, strict=True) if not third)
    return standard, tuple(line for line, third in zip(ordered, is_torch, strict=True) if third)


def _isort_key(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


# -------------------------------------------------------------------- docstrings


def _file_doc(graph: Graph, origin: Provenance, class_name: str, arguments: list[str]) -> Code:
    weights, made = f"{plain(origin.weights_name or '')}, next to this file", "load_model()"
    if origin.weights_name is None:
        weights, made = "none, a new model starts as Keras initialises it", f"{class_name}()"
    lines = [
        f"PyTorch version of the Keras model `{plain(origin.model_name)}`.",
        "",
        *source_lines(origin),
        f"Weights: {weights}",
        *_listed("Inputs: ", graph.inputs),
        *_listed("Outputs:", graph.outputs),
        *(line for note in origin.notes for line in _note_lines(plain(note))),
        "",
        f"    model = {made}",
        _call_line(graph.inputs, arguments),
        "",
    ]
    return docstring(lines)


def _note_lines(note: str) -> list[str]:
    return textwrap.wrap(f"Note:    {note}", _WIDTH, subsequent_indent=" " * 9)


def source_lines(origin: Provenance) -> list[str]:
    """The lines of a docstring that say what a file was made from; its seal is found by them."""
    version = f"Keras {plain(origin.keras_version)}, " if origin.keras_version else ""
    model, *weights = (plain(name) for name in origin.file_names)
    parts = [f"{model} ({version}{_DIGEST})", *(f"and {name} ({_DIGEST})" for name in weights)]
    parts[-1] += ","
    parts.append(f"converted by k2t-gen {origin.tool_version}")
    line = f"Source:  {' '.join(parts)}"
    if len(line) + _SEAL <= _WIDTH:
        return [line]
    return [f"Source:  {parts[0]}", *(f"         {part}" for part in parts[1:])]


def with_digests(text: str, digests: Iterable[str]) -> str:
    """The text of a file with the digests of its sources, which may be known later than the text."""
    for digest in digests:
        text = text.replace(_DIGEST, f"sha256 {digest[:8]}…", 1)
    return text


def _call_line(inputs: list[Value], arguments: list[str]) -> str:
    samples = ", ".join(map(_sample, inputs, arguments))
    calls = (f"    output = model({text})" for text in (samples, ", ".join(arguments)))
    return next((line for line in calls if len(line) <= _WIDTH), "    output = model(*inputs)")


def _listed(title: str, values: list[Value]) -> list[str]:
    texts = [f"{plain(value.layer)} {value.dtype} {shape_text(value)}" for value in values]
    return [f"{title if i == 0 else ' ' * len(title)} {text}" for i, text in enumerate(texts)]


def _sample(value: Value, name: str) -> str:
    known = None not in value.shape[1:]
    if value.dtype != "float32" or not known or not value.shape:
        return name
    sizes = [1 if size is None else size for size in value.stored_shape]
    return f"torch.rand({', '.join(map(str, sizes))})"


def _signature(graph: Graph) -> str:
    before = ", ".join(shape_text(value) for value in graph.inputs)
    after = ", ".join(shape_text(value) for value in graph.outputs)
    return f"{before} -> {after}"


def _model_doc(graph: Graph, origin: Provenance, parameter_count: int) -> list[str]:
    line = f"`{plain(origin.model_name)}`: {_signature(graph)}, {parameter_count:,} parameters."
    if len(line) <= 78:
        return [line]
    return [f"`{plain(origin.model_name)}`: {parameter_count:,} parameters."]


def _block_doc(graph: Graph) -> list[str]:
    return _wrapped(graph.doc or f"`{plain(graph.name)}`, a model inside the model.", indentation=4)


def _wrapped(line: str, indentation: int = 8) -> list[str]:
    """A line of a docstring as several, if it is too long to stand between the quotes."""
    lines = textwrap.wrap(line, _WIDTH - indentation - 6, subsequent_indent="    ")
    return lines if len(lines) == 1 else [*lines, ""]


def _forward_doc(graph: Graph, arguments: list[str]) -> list[str]:
    if len(graph.inputs) == len(graph.outputs) == 1:
        (before,), (after,) = graph.inputs, graph.outputs
        text = _output_text(after)
        text = text if text.startswith("ReLU") else f"{text[0].lower()}{text[1:]}"
        line = f"{shape_text(before)} -> {text}, {shape_text(after)}."
        if len(line) <= _WIDTH - 14:
            return [line]
    inputs = [
        f"    {name}: {value.dtype}, {shape_text(value)}."
        for name, value in zip(arguments, graph.inputs, strict=True)
    ]
    outputs = [
        line
        for value in graph.outputs
        for line in _entry(f"{_output_text(value)}, {value.dtype}, {shape_text(value)}.")
    ]
    return ["Run the model.", "", "Args:", *inputs, "", "Returns:", *outputs, ""]


def _entry(text: str) -> list[str]:
    """The lines of an entry in a method's docstring."""
    return textwrap.wrap(
        text,
        _WIDTH - 8,
        initial_indent=" " * 4,
        subsequent_indent=" " * 8,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _output_text(value: Value) -> str:
    result = _RESULTS.get(value.node.function) if value.node else None
    name = f"`{plain(value.layer)}`"
    return f"{result} of {name}" if result else name
