"""The recipes of CONTRIBUTING.md that need no Keras work as they stand there."""

from __future__ import annotations

from typing import Any

from tests.support.docs import CONTRIBUTING, block
from tests.support.graph_text import rewritten


def test_a_pass() -> None:
    names: dict[str, Any] = {"rewritten": rewritten}
    exec(block(CONTRIBUTING, "pass"), names)
    exec(block(CONTRIBUTING, "pass row"), names)
    names["test_two_flips_are_none"]()
