"""Puts off the search for garbage while a model is converted."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Let Python not look for reference cycles in the block.

    Graphs are many small objects that all stay alive, and so are torch's modules while it is
    imported: looking through them again and again takes a tenth of a conversion's time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
