"""What source says of Python's own modules and of helpers: constants, decorators, messages."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from codegen.evaluation.meaning.values import Function, Library, NotEvaluated
from codegen.evaluation.objects import Class, Transparent

#: The modules of which something is known.
ROOTS = frozenset(
    {"absl", "collections", "copy", "functools", "logging", "packaging", "string", "threading", "typeguard"}
    | {"types", "warnings"}
)
#: Modules that tell the user something.
_MESSAGES = ("absl.logging.", "logging.", "warnings.")
_DECORATORS = frozenset({"functools.lru_cache", "functools.wraps", "typeguard.typechecked"})
_CONSTANTS = {
    "string.ascii_letters": string.ascii_letters,
    "string.ascii_lowercase": string.ascii_lowercase,
    "string.ascii_uppercase": string.ascii_uppercase,
}
#: Types of Python that have no name of its own.
FUNCTION_TYPES = frozenset({"types.FunctionType", "types.LambdaType", "types.MethodType"})
_NUMBERS = re.compile("[0-9]{1,9}")


def constant(path: str) -> Any:
    """A constant of such a module; None if it is none that is known."""
    return _CONSTANTS.get(path)


def call(function: Library, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function of such a module.

    Raises:
        NotEvaluated: Nothing is known of it.
    """
    path = function.path
    if path.startswith(_MESSAGES):
        return None
    if path in _DECORATORS:
        return args[0] if args and isinstance(args[0], (Function, Class)) else Transparent()
    if path == "collections.OrderedDict" and (not args or isinstance(args[0], (list, dict))):
        return {**dict(*args), **kwargs}
    if path == "packaging.version.parse" and isinstance(args[0], str):
        return tuple(int(number) for number in _NUMBERS.findall(args[0])[:3])
    if path in ("copy.copy", "copy.deepcopy") and isinstance(args[0], (list, dict)):
        return args[0].copy()
    raise NotEvaluated(f"calls {path}, which is not supported")
