"""A layer on its way from an old dialect to the Keras 3 one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from codegen.config.dialects.origin import Origin


@dataclass
class Draft:
    """A layer whose class and options the normalisers rewrite in place.

    Attributes:
        stored: As `LayerSpec.stored`.
        weight_shape: Shape of the stored array whose name ends so, or None.
        has_weight_of_shape: Whether the layer's weights hold an array of this shape.
        find_source: The author's function of this name, where its source is given.
        call_options: Options that Keras 3 takes with each call instead.
        quirks: As `LayerSpec.quirks`.
    """

    name: str
    class_name: str
    package: str
    config: dict[str, Any]
    origin: Origin
    stored: str | None
    weight_shape: Callable[[str], tuple[int, ...] | None]
    has_weight_of_shape: Callable[[tuple[int, ...]], bool]
    find_source: Callable[[str], Any] = lambda _: None
    call_options: dict[str, Any] = field(default_factory=dict)
    quirks: dict[str, Any] = field(default_factory=dict)
