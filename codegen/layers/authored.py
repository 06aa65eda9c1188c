"""Layers, models and functions whose Python source is given: read, evaluated over the graph, never run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from codegen.evaluation.author import Author, author_of, evaluated
from codegen.evaluation.calling import lower_instance
from codegen.evaluation.evaluator import Evaluator
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.meaning.values import Function, NotEvaluated
from codegen.evaluation.objects import Instance
from codegen.graph import Graph
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.masks import Masks
from codegen.lowering.registry import lowers
from codegen.model.nested import map_nested
from codegen.model.packages import SOURCE
from codegen.model.python_code import SourceObject


@lowers("*", package=SOURCE, masks="own", note="classes and functions of `--source`")
def authored(
    b: Builder,
    *args: Any,
    definition: SourceObject | None = None,
    options: Mapping[str, Any] | None = None,
    constructor: Mapping[str, Any] | None = None,
    is_model: bool = False,
    made: Any = None,
    function: Any = None,
    tensorflow: Quirk[Literal["1", "2", "unknown"]] = "2",
    data_format: Quirk[Literal["channels_last", "channels_first", "unknown"]] = "channels_last",
    resizing: Quirk[str] = "",
    slope: Quirk[str] = "",
    **kwargs: Any,
) -> Any:
    """What the author's class or function makes of its inputs.

    Args:
        b: The builder.
        args: Of the call.
        definition: The class or function, if the file names it.
        options: The saved config of such a class.
        constructor: The arguments of its constructor, where there is no config.
        is_model: Whether it is the whole model, whose class is that of the converted one.
        made: The object, if the author's code has made it.
        function: The function, if the author's code names it.
        tensorflow: Which TensorFlow `tf` is.
        data_format: Where images have their channels if nothing is said.
        resizing: The quirk of `K.resize_images`.
        slope: That of `hard_sigmoid`.
        kwargs: Of the call.
    """
    author = author_of(b, definition, Versions(tensorflow, data_format, resizing, slope))
    if made is None and function is None:
        assert definition is not None
        key = b.owner
        if key not in author.made:
            author.made[key] = evaluated(b, lambda: _made(b, author, definition, options or {}, constructor))
        made = author.made[key]
        if isinstance(made, Function):
            function, made = made, None
    if isinstance(made, Instance):
        graph = b.graph if is_model else Graph(b.spec.class_name)
        inside = Builder(
            b.spec, graph, "", b.tree, b.session, b.owner, b.lower, Masks(b.masks.rules),
            step_of=b.step_of,
        )  # fmt: skip
        world = Evaluator(inside, author.versions, author, made.layer, author.budget)
        return evaluated(b, lambda: lower_instance(world, b, made, args, kwargs))
    world = Evaluator(b, author.versions, author, None, author.budget)
    return evaluated(b, lambda: map_nested(world.output, world.call(function, args, kwargs)))


def _made(
    b: Builder,
    author: Author,
    definition: SourceObject,
    options: Mapping[str, Any],
    constructor: Mapping[str, Any] | None,
) -> Any:
    """The function, or an object of the class with its saved options."""
    world = Evaluator(author.builder(b), author.versions, author, None, author.budget)
    found = author.program.namespace(definition.module).find(world, definition.name)
    b.note(f"{definition.name} was read from {definition.module.file}")
    if isinstance(found, Function):
        return found
    if constructor is not None:
        made = world.call(found, constructor["args"], constructor["kwargs"])
    else:
        made = world.call(world.attribute(found, "from_config"), [dict(options)], {})
    if not isinstance(made, Instance) or made.layer is None:
        raise NotEvaluated("is no layer")
    made.layer.spec = replace(b.spec)
    return made
