"""Every error that a user can cause: one root, one line each."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence

#: What the libraries raise when a file is damaged.
FILE_FAULTS = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    lzma.LZMAError,
)

#: What our own code raises when a config has another form than any Keras gives it.
CONFIG_FAULTS = (AttributeError, IndexError, KeyError, TypeError, ValueError)

#: Stands in a reason for the layer's name.
THIS_NAME = "<this layer>"

#: No message is longer, and no word in it: names of any length come from a stranger's file.
MAX_MESSAGE, MAX_WORD = 1500, 200
_LONG_WORD = re.compile(rf"\S{{{MAX_WORD + 1},}}")


class ConversionError(Exception):
    """Root of all errors that `codegen` raises on purpose.

    Args:
        message: One line: what was found, where, what is supported, what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class UnreadableFile(ConversionError):
    """The file is not a saved Keras model that can be read; the message says what it is."""


class MalformedConfig(ConversionError):
    """The saved architecture contradicts itself or lacks a part."""


class WeightMismatch(ConversionError):
    """A saved weight is missing, surplus or wrongly shaped."""


class LayerProblem(ConversionError):
    """Something about one layer stands in the way.

    Args:
        layer: Its name.
        reason: What it is; where it says `THIS_NAME`, that is the layer's name.
    """

    def __init__(self, layer: str, reason: str) -> None:
        self.layer, self.reason = layer, reason
        super().__init__(f"layer {layer!r}: {reason.replace(THIS_NAME, shorten(layer))}")


class UnsupportedLayer(LayerProblem):
    """No layer function is registered for a class."""

    def __init__(self, layer: str, class_name: str, advice: str) -> None:
        self.class_name = class_name
        super().__init__(layer, f"{class_name} {advice}")


class UnsupportedOption(LayerProblem):
    """A layer is supported, but not with this value of an option."""

    def __init__(self, layer: str, class_name: str, option: str, found: object, supported: str) -> None:
        self.class_name, self.option = class_name, option
        super().__init__(layer, f"{class_name}({option}={shorten(found)}) is not supported; {supported}")


class NotComputed(LayerProblem):
    """What a layer's options and inputs say is nothing that torch computes: their sizes do not fit, say."""

    def __init__(self, layer: str, problem: str) -> None:
        super().__init__(layer, f"torch does not compute it ({problem}); if Keras does, please report this")


class Bug(ConversionError):
    """A fault of k2t-gen, not of the user's file."""


class LayerFunctionBug(Bug):
    """One of our own layer functions does not work.

    Args:
        layer: The layer that it was to lower.
        function: Its name, file and line.
        fault: What happened.
    """

    def __init__(self, layer: str, function: str, fault: str) -> None:
        super().__init__(f"layer {layer!r}: a bug of k2t-gen in {function}, please report it: {fault}")


class CustomFunctionError(ConversionError):
    """A layer function of the user's own does not work; arguments as for `LayerFunctionBug`."""

    def __init__(self, layer: str, function: str, fault: str) -> None:
        super().__init__(f"layer {layer!r}: {function} does not work: {fault}")


class Unsupported(ConversionError):
    """Several things stand in the way; `problems` holds one error for each."""

    def __init__(self, problems: Sequence[ConversionError]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(summary(problems)))


def summary(problems: Iterable[ConversionError]) -> tuple[str, ...]:
    """One line for each reason, with the names of all layers that it holds for."""
    reasons: dict[str, list[ConversionError]] = {}
    for problem in problems:
        reason = problem.reason if isinstance(problem, LayerProblem) else str(problem)
        reasons.setdefault(reason, []).append(problem)
    return tuple(_line(reason, group) for reason, group in reasons.items())


def _line(reason: str, problems: Sequence[ConversionError]) -> str:
    layers = [problem.layer for problem in problems if isinstance(problem, LayerProblem)]
    if len(layers) < 2:
        return str(problems[0])
    return one_line(f"layers {_listed(layers)}: {reason.replace(THIS_NAME, 'NAME')}")


def _listed(layers: Iterable[str]) -> str:
    """The layers' names; those that are numbered on end, as 'lambda_3' to 'lambda_9'."""
    runs: list[list[str]] = []
    for name in layers:
        if runs and name == _next_name(runs[-1][-1]):
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(
        f"{run[0]!r} to {run[-1]!r}" if len(run) > 2 else ", ".join(map(repr, run)) for run in runs
    )


def _next_name(name: str) -> str:
    """What Keras calls the layer made after one of this name: `lambda_1` after `lambda`."""
    stem, _, number = name.rpartition("_")
    is_numbered = stem and number.isdecimal() and len(number) < 10  # Python refuses to read huge numbers
    return f"{stem}_{int(number) + 1}" if is_numbered else f"{name}_1"


def one_line(message: str) -> str:
    """A message without line breaks; what is too long loses its end, if it is a word, or its middle."""
    text = _LONG_WORD.sub(lambda word: word[0][: MAX_WORD - 1] + "…", " ".join(message.split()))
    half = MAX_MESSAGE // 2
    return text if len(text) <= MAX_MESSAGE else f"{text[: half - 2]} … {text[-half + 1 :]}"


def shorten(found: object, limit: int = 80) -> str:
    """`repr(found)`, cut to `limit` characters, for use inside a message."""
    text = repr(found)
    return text if len(text) <= limit else text[: limit - 1] + "…"
