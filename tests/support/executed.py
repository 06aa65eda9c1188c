"""Which registered layer functions ran in a test that compares their outputs with a reference.

Words in a table prove nothing, so the guard counts look-ups in the registry. Tests that use the fixture
`against_reference` note them, every worker of pytest-xdist hands its notes on, and a session of the
whole suite fails if a registered function is in none of them. A reference is what Keras or TensorFlow
computes, now or when a fixture was made; for what no version at hand can run, it is the formula, in numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from codegen.lowering import catalogue, registry
from codegen.lowering.binder import LayerFunction
from codegen.model.packages import TENSORFLOW

Key = tuple[str, str]

#: Functions that never convert anything: they say why Keras' file does not hold enough.
ONLY_REFUSED = frozenset({(TENSORFLOW, "einsum")})

#: Options of pytest after which a session is not the whole suite.
_PARTIAL = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "collectonly")


class _Noting(dict[Key, LayerFunction]):
    """The registry's table, which notes what is taken out of it."""

    def __init__(self, entries: dict[Key, LayerFunction], seen: set[Key]) -> None:
        super().__init__(entries)
        self._seen = seen

    def __getitem__(self, key: Key) -> LayerFunction:
        self._seen.add(key)
        return super().__getitem__(key)

    def get(self, key: Key, default: Any = None) -> Any:
        """As `dict.get`."""
        self._seen.add(key)
        return super().get(key, default)


@contextmanager
def noted(seen: set[Key]) -> Iterator[None]:
    """Add to `seen` the key of every layer function that is looked up in the block."""
    catalogue.load()  # what is registered in the block is forgotten at its end
    entries = registry._FUNCTIONS
    registry._FUNCTIONS = _Noting(entries, seen)
    try:
        yield
    finally:
        registry._FUNCTIONS = entries


def _code(entry: LayerFunction) -> tuple[object, str]:
    """Equal for classes that one function computes alike: what has several names is compared once."""
    return entry.function, repr(sorted(entry.variant.items()))


class Executed:
    """Plugin of pytest: gathers what ran and, at the end of a whole session, names what did not."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.seen: set[Key] = set()
        self.missing: list[Key] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """In a worker hand on what ran; else fail if the suite was whole and something never ran."""
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["executed"] = sorted(self.seen)
        elif session.exitstatus == pytest.ExitCode.OK and self._is_whole():
            catalogue.load()
            compared = {_code(registry.registered()[key]) for key in self.seen & registry.registered().keys()}
            self.missing = sorted(
                key
                for key, entry in registry.registered().items()
                if _code(entry) not in compared and key not in ONLY_REFUSED
            )
            if self.missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended."""
        self.seen |= {(package, name) for package, name in node.workeroutput.get("executed", ())}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what never ran."""
        if self.missing:
            terminalreporter.section("registered, but never compared with a reference", red=True)
            for package, name in self.missing:
                terminalreporter.line(f"{package}: {name}")

    def _is_whole(self) -> bool:
        tests = self.config.rootpath / "tests"
        asked = {(self.config.invocation_params.dir / argument).resolve() for argument in self.config.args}
        return asked == {Path(tests)} and not any(self.config.getoption(name, None) for name in _PARTIAL)
