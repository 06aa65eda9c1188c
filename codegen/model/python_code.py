"""Python code of a model's author: in compiled form, as a file holds it, or by its name in given source."""

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


@dataclass(frozen=True)
class SourceObject:
    """A class or a function of the source that is given.

    Attributes:
        name: Of it.
        module: The module that defines it.
        sources: The files (`codegen.source.files.Sources`).
        read: Makes a `LayerSpec` of a serialised layer and its name, as this file means it.
        generation: Of the Keras that saved the file.
        is_packaged: Whether it is of a package, given as a whole.
    """

    name: str
    module: Any
    sources: Any
    read: Any
    generation: int
    is_packaged: bool = False


class StoredList(list[Any]):
    """A list that a file holds: it was a list or an array, which not every file tells."""
