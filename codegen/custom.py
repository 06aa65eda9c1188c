"""Loads a user's own layer functions, given with `--custom`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from codegen.errors import ConversionError


def load_custom(path: Path) -> None:
    """Run a Python file of the user's; its `@lowers(...)` functions register themselves.

    Raises:
        ConversionError: The file does not exist or does not run.
    """
    spec = importlib.util.spec_from_file_location(f"k2t_gen_custom_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConversionError(f"--custom {path.name!r}: no such Python file")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except Exception as error:
        raise ConversionError(
            f"--custom {path.name!r} does not run: {type(error).__name__}: {error}"
        ) from error
