"""Saved regularisers in torch's words: what a tensor adds to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.emit.training.saved_objects import is_number, number_text, plain_name

#: Names of Keras' regularisers and the factors that they have where the config is silent.
_DEFAULTS = {"l1": {"l1": 0.01}, "l2": {"l2": 0.01}, "l1l2": {}, "orthogonalregularizer": {"factor": 0.01}}

#: Keras 1's names of L1L2.
_OLD = {"weightregularizer", "activityregularizer", "l1l2regularizer"}


def torch_penalty(saved: Any, *, is_matrix: bool, transposed: bool) -> str | None:
    """Statements that add to `loss` what the regulariser has against `{p}`; None if there are none.

    Args:
        saved: As in a config: a name, or `{"class_name", "config"}`.
        is_matrix: Whether Keras' variable is a matrix.
        transposed: Whether `{p}` is its transpose.
    """
    name, config = _parts(saved)
    factors = {key: n for key, n in config.items() if is_number(n) and n > 0}
    if name == "orthogonalregularizer" and "factor" in factors and is_matrix:
        matrix = "{p}.T" if (config.get("mode", "rows") == "rows") == transposed else "{p}"
        return f"loss = loss + {number_text(factors['factor'])} * mean_similarity({matrix})"
    terms = []
    if name in ("l1", "l2", "l1l2"):
        terms += [f"{number_text(factors['l1'])} * {{p}}.abs().sum()"] if "l1" in factors else []
        terms += [f"{number_text(factors['l2'])} * {{p}}.square().sum()"] if "l2" in factors else []
    return "\n".join(f"loss = loss + {term}" for term in terms) or None


def describe(saved: Any) -> str:
    """A few words for a docstring, not yet safe; "" if all its factors are zero."""
    name, config = _parts(saved)
    factors = {key: n for key, n in config.items() if is_number(n)}
    numbers = ", ".join(f"{key}={number_text(n)}" for key, n in factors.items() if n)
    return f"{name} ({numbers})" if numbers else "" if factors else name


def _parts(saved: Any) -> tuple[str, Mapping[str, Any]]:
    config: Mapping[str, Any] = {}
    if isinstance(saved, Mapping):  # Keras 1 has the numbers beside the name
        saved, config = saved.get("class_name") or saved.get("name"), saved.get("config") or saved
    if not isinstance(saved, str) or not isinstance(config, Mapping):
        return "unknown", {}
    name = plain_name(saved)
    if name in _OLD:
        return "l1l2", config
    if name == "l1l2" and not config:  # by its name alone, Keras gives it both
        return name, {"l1": 0.01, "l2": 0.01}
    return name, {**_DEFAULTS.get(name, {}), **config}
