"""Texts made of numbers and texts: `format`, `%` and formatted literals, as far as they are harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from codegen.evaluation.meaning.budget import MAX_TEXT
from codegen.evaluation.meaning.values import NotEvaluated, Unknown

_PLAIN = (str, int, float)
#: A field without attributes, items or wide paddings.
_FIELD = re.compile(r"\{(\w*)(:[<>^]?[+]?0?\d{0,2}(\.\d{1,2})?[dfegsx]?)?\}")
_PERCENT = re.compile(r"%(0?\d{0,2}(\.\d{1,2})?[dfegsx]|%)")


def formatted(text: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`text.format(*args, **kwargs)`; what is no plain text is not known, as it is for messages."""
    if "{" in _FIELD.sub("", text.replace("{{", "").replace("}}", "")) or not _is_plain(
        *args, *kwargs.values()
    ):
        return Unknown("a text")
    return _made(lambda: text.format(*args, **kwargs))


def percent(text: str, values: Any) -> Any:
    """`text % values`."""
    given = values if isinstance(values, tuple) else (values,)
    if "%" in _PERCENT.sub("", text) or not _is_plain(*given):
        raise NotEvaluated(f"computes a str % a {type(values).__name__}")
    return _made(lambda: text % given)


def joined(text: str, parts: Any) -> Any:
    """`text.join(parts)`."""
    if not isinstance(parts, (list, tuple)) or not _is_plain(*parts):
        return Unknown("a text")
    return _made(lambda: text.join(parts))


def _is_plain(*values: Any) -> bool:
    return all(isinstance(value, _PLAIN) and len(str(value)) <= MAX_TEXT for value in values)


def _made(make: Any) -> str:
    try:
        text: str = make()
    except (TypeError, ValueError, LookupError) as error:
        raise NotEvaluated(f"makes a text wrongly ({error})") from error
    if len(text) > MAX_TEXT:
        raise NotEvaluated(f"makes a text of {len(text)} characters")
    return text
