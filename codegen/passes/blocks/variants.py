"""Which patterns are variants of one another: found quickly among many, and put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from codegen.graph import Op
from codegen.passes.blocks.patterns import Pattern, node_key
from codegen.passes.blocks.unify import MAX_EXTRA, MAX_FLAGS, MAX_MISSING, MIN_CALLS, are_apart, unify


class Unifier:
    """Puts patterns together that differ by optional parts, and remembers which cannot be."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._failed: set[tuple[int, int]] = set()

    def all(self, patterns: list[Pattern]) -> list[Pattern]:
        """The patterns, those that differ by optional parts put together."""
        merged: list[tuple[Pattern, _Contents, int]] = []
        for pattern in sorted(patterns, key=lambda p: -len(p.nodes)):
            contents = _Contents(pattern)
            number = self._numbers.setdefault(pattern.key, len(self._numbers))
            for known, other, known_number in merged:
                pair = (known_number, number)
                if pair in self._failed or not contents.is_part_of(other):
                    continue
                has_flags = any(node.op is Op.SELECT for node in known.nodes)
                if unify(known, pattern):
                    break
                if not has_flags and are_apart(known, pattern):
                    self._failed.add(pair)
            else:
                merged.append((pattern, contents, number))
        return [pattern for pattern, _, _ in merged]


class _Contents:
    """How often a pattern takes which steps: tells quickly what cannot be made the same."""

    def __init__(self, pattern: Pattern) -> None:
        keys = [(node_key(pattern, node, loose=True), any(node.modules())) for node in pattern.nodes]
        self.steps = Counter(key for key, _ in keys)
        self.calls = Counter(key for key, calls in keys if calls)

    def is_part_of(self, larger: _Contents) -> bool:
        """Whether no module, few steps are extra here, and not too many are missing."""
        if self.calls.total() < MIN_CALLS or not self.calls <= larger.calls:
            return False
        extra, missing = (self.steps - larger.steps).total(), (larger.steps - self.steps).total()
        return extra <= MAX_EXTRA and missing <= min(MAX_MISSING * MAX_FLAGS, 2 * self.steps.total())
