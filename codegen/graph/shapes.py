"""Shapes: how many elements they have, and what they are called in docstrings and comments."""

from __future__ import annotations

import math

from codegen.graph.core import Value
from codegen.model.spec import Shape

_LETTERS = {2: "NT", 3: "NTC", 4: "NHWC", 5: "NDHWC"}


def axis_letters(rank: int) -> str:
    """What the axes are called whose sizes are open, in Keras' order."""
    return _LETTERS.get(rank, "NABCDEFGH"[:rank] if rank < 10 else "?" * rank)


def shape_text(value: Value) -> str:
    """The shape as torch sees it: `(N, 64, 112, 112)`; open sizes are letters."""
    if value.labels:
        return _tuple([value.labels[axis] for axis in value.perm])
    letters = axis_letters(value.rank)
    names = [letters[axis] if value.shape[axis] is None else f"{value.shape[axis]}" for axis in value.perm]
    return _tuple(names)


def _tuple(names: list[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def element_count(shape: Shape) -> int | None:
    """Number of elements, None if a size is open."""
    known = [size for size in shape if size is not None]
    return math.prod(known) if len(known) == len(shape) else None


def can_spread(shape: Shape, target: Shape) -> bool:
    """Whether a tensor may be broadcast to another shape, in which it is not the one that grows."""
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(None in pair or pair[0] in (1, pair[1]) for pair in pairs)
