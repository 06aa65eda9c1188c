"""Loads a user's own layer functions, given with `--custom`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from codegen.errors import ConversionError
from codegen.lowering import catalogue, registry


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
        raise ConversionError(
            f"--custom {path.name!r} does not run: {type(error).__name__}: {error}"
        ) from error
