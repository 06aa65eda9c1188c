"""What initialisers and regularisers of a config have in common: a name, and numbers."""

from __future__ import annotations


def plain_name(name: str) -> str:
    """A class's or a function's name without package, underscores and case: `Addons>L1_L2` is `l1l2`."""
    return name.split(">")[-1].replace("_", "").lower()


def is_number(value: object) -> bool:
    """Whether a config's entry is a number that code can do something with."""
    return isinstance(value, (int, float)) and abs(value) < (2**63 if isinstance(value, int) else 1e30)


def number_text(value: float) -> str:
    """A number as a float32 needs it written."""
    return f"{value:.7g}"
