"""Loads a user's own layer functions, given with `--custom`."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from codegen.errors import ConversionError
from codegen.lowering import catalogue, registry
from codegen.model.packages import LAMBDA
from codegen.model.spec import LayerSpec, ModelSpec


@contextmanager
def custom_layers(files: Iterable[Path]) -> Iterator[None]:
    """The user's layer functions, for the time of the block: one conversion must not change the next.

    Raises:
        ConversionError: A file does not exist or does not run.
    """
    own = tuple(files)
    if not own:
        yield
        return
    catalogue.load()
    with registry.restored():
        for file in own:
            _run(file)
        yield


def _run(path: Path) -> None:
    """Run a Python file of the user's; its `@lowers(...)` functions register themselves."""
    spec = importlib.util.spec_from_file_location(f"k2t_gen_custom_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConversionError(f"--custom {path.name!r}: no such Python file")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        where = f", line {line}," if line else ""
        raise ConversionError(
            f"--custom {path.name!r}{where} does not run: {type(error).__name__}: {error}"
        ) from error


def refuse_misspelt(model: ModelSpec) -> None:
    """Refuse a replacement for a Lambda that no layer has, where one is called nearly so.

    Raises:
        ConversionError: There is one.
    """
    names = {layer.name for layer in _layers(model) if layer.class_name == "Lambda"}
    replaced = {
        name: function for (package, name), function in registry.registered().items() if package == LAMBDA
    }
    for name, function in replaced.items():
        close = difflib.get_close_matches(name, names - replaced.keys(), 1) if name not in names else []
        if close:
            code = inspect.unwrap(function.function).__code__
            place = f"{code.co_name}() in {Path(code.co_filename).name}, line {code.co_firstlineno}"
            raise ConversionError(
                f"{place}: no layer is called {name!r}; did you mean @replaces_lambda({close[0]!r})?"
            )


def _layers(model: ModelSpec) -> Iterator[LayerSpec]:
    for layer in model.layers:
        yield layer
        if layer.model is not None:
            yield from _layers(layer.model)
