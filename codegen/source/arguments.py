"""What a user says of a model that is Python code: its constructor's call, its inputs."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codegen.errors import ConversionError, shorten

_INPUT = re.compile(r"(?:(\w+)=)?(\w+)\(([\w, ]*)\)$")
_MAX_RANK = 12


@dataclass(frozen=True)
class ModelCall:
    """`MyModel(4, depth=2)`: a class of the source, and literals."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Input:
    """`float32(N, 32)`: an input of a model; a size that is no number is open.

    Attributes:
        name: The parameter of `call` that it is, if that is said: `context=int32(N, 6)`.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def model_call(text: str) -> ModelCall:
    """What `--model` says.

    Raises:
        ConversionError: It is no call with literals.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return ModelCall(node.id, (), {})
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            args = tuple(map(ast.literal_eval, node.args))
            kwargs = {str(word.arg): ast.literal_eval(word.value) for word in node.keywords if word.arg}
            if len(kwargs) == len(node.keywords):
                return ModelCall(node.func.id, args, kwargs)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    raise ConversionError(f"--model {shorten(text)} is no call with literals, as 'MyModel(depth=2)' is one")


def model_input(text: str) -> Input:
    """What `--input` says.

    Raises:
        ConversionError: It is no dtype with a shape.
    """
    found = _INPUT.match(text.strip())
    sizes = [size.strip() for size in found[3].split(",") if size.strip()] if found else []
    if found is None or not 0 < len(sizes) <= _MAX_RANK:
        raise ConversionError(f"--input {shorten(text)} is no dtype with a shape, as 'float32(N, 32)' is one")
    shape = [int(size) if size.isdecimal() and len(size) < 10 else None for size in sizes]
    return Input(found[1] or "", found[2], tuple(shape))
