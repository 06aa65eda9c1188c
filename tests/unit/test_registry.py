"""What is registered goes together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from codegen.lowering import registry
from codegen.lowering.catalogue import load


def test_a_function_is_bound_alike_wherever_it_is_registered() -> None:
    load()
    bound: dict[Callable[..., Any], set[frozenset[str]]] = defaultdict(set)
    for entry in registry.registered().values():
        bound[entry.function].add(frozenset(entry.variant))
    assert {function.__name__ for function, variants in bound.items() if len(variants) > 1} == set()
