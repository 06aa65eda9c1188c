"""A Python function that a file holds in compiled form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CompiledFunction:
    """Bytecode and what it was made with; nothing of it is run.

    Attributes:
        code: The marshalled code object.
        defaults: Of its last parameters.
        closure: The values of its free variables.
    """

    code: bytes
    defaults: tuple[Any, ...] = ()
    closure: tuple[Any, ...] = ()


class StoredList(list[Any]):
    """A list that a file holds: it was a list or an array, which not every file tells."""
