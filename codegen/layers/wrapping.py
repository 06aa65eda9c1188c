"""What wrappers of one layer share: the layer is lowered as if it stood alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegen.lowering.builder import Builder, Derive
from codegen.model.spec import LayerSpec


def call_wrapped(
    b: Builder,
    layer: LayerSpec,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    derive: Derive | None = None,
    label: str = "",
) -> Any:
    """Lower the layer that a wrapper holds under `layer`; returns what it yields.

    Args:
        b: The wrapper's builder.
        layer: What it wraps.
        args: Arguments of the call.
        kwargs: Keyword arguments of the call.
        derive: What the wrapper makes of the layer's variables.
        label: Name for the layer's modules; the wrapper's if not given.
    """
    inner = b.sublayer("layer", replace(layer, calls=b.spec.calls))
    return b.lower(replace(inner, derive=derive, label=label or b.label), args, kwargs or {})
