"""Imports torch in a thread, beside what a conversion does before it needs it."""

from __future__ import annotations

import importlib
import importlib.util
from threading import Thread

from codegen.errors import ConversionError


def require_torch() -> None:
    """See that torch is there, before any work is done.

    Raises:
        ConversionError: It is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise ConversionError(
            "a new file is imported and run once, which needs torch: `pip install torch`, or see the source "
            "alone with --output -"
        )


def preload_torch() -> None:
    """Begin to import torch; whoever imports it meanwhile waits for it."""
    Thread(target=importlib.import_module, args=("torch",), daemon=True).start()
