"""Where a layer stands in the generated file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Lines of the file that are about a layer.

    Attributes:
        module: The torch module whose class they stand in, "conv2.0"; "" for the model itself.
        method: "__init__" or "forward".
        first: Number of the first line, from 1.
        last: Number of the last line.
        own: Whether they are the layer's own, and not those that make or call what holds it.
    """

    module: str
    method: str
    first: int
    last: int
    own: bool = True
