"""Every error that a user can cause: one root, one line each."""

from __future__ import annotations

from collections.abc import Sequence


class ConversionError(Exception):
    """Root of all errors that `codegen` raises on purpose.

    Args:
        message: One line: what was found, where, what is supported, what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UnreadableFile(ConversionError):
    """The file is not a saved Keras model that can be read; the message says what it is."""


class MalformedConfig(ConversionError):
    """The saved architecture contradicts itself or lacks a part."""


class WeightMismatch(ConversionError):
    """A saved weight is missing, surplus or wrongly shaped."""


class UnsupportedLayer(ConversionError):
    """No layer function is registered for a class."""

    def __init__(self, layer: str, class_name: str, advice: str) -> None:
        self.layer, self.class_name = layer, class_name
        super().__init__(f"layer {layer!r}: {class_name} {advice}")


class UnsupportedOption(ConversionError):
    """A layer is supported, but not with this value of an option."""

    def __init__(self, layer: str, class_name: str, option: str, found: object, supported: str) -> None:
        self.layer, self.class_name, self.option = layer, class_name, option
        super().__init__(
            f"layer {layer!r}: {class_name}({option}={shorten(found)}) is not supported; {supported}"
        )


class Unsupported(ConversionError):
    """Several things stand in the way; `problems` holds one error for each."""

    def __init__(self, problems: Sequence[ConversionError]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def shorten(found: object, limit: int = 80) -> str:
    """`repr(found)`, cut to `limit` characters, for use inside a message."""
    text = repr(found)
    return text if len(text) <= limit else text[: limit - 1] + "…"
