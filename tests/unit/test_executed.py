"""The guard that every registered layer function is compared with a reference."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codegen.config.parse import parse
from codegen.lowering import catalogue, registry
from codegen.lowering.lower import lower
from tests.support.configs import entry, saved
from tests.support.executed import ONLY_REFUSED, Executed, Key, noted

ROOT = Path(__file__).parents[2]


def _everything() -> set[Key]:
    catalogue.load()
    return set(registry.registered())


def _ended(seen: set[Key], arguments: list[str], status: int = 0, **options: Any) -> tuple[Executed, int]:
    """A session that ran on these arguments and has seen these functions, and its exit status after all."""
    config: Any = SimpleNamespace(
        rootpath=ROOT,
        invocation_params=SimpleNamespace(dir=ROOT),
        args=arguments,
        getoption=lambda name, default: options.get(name, default),
    )
    session: Any = SimpleNamespace(exitstatus=status)
    plugin = Executed(config)
    plugin.seen |= seen
    plugin.pytest_sessionfinish(session)
    return plugin, session.exitstatus


def test_what_is_looked_up_is_noted() -> None:
    first = entry("Dense", "d", batch_input_shape=[None, 4], units=3, activation="relu")
    model = saved({"class_name": "Sequential", "config": {"name": "s", "layers": [first]}})
    seen: set[Key] = set()
    with noted(seen):
        lower(parse(model))
    lower(parse(model))
    assert seen & _everything() == {("keras.layers", "Dense"), ("activation", "relu")}
    assert type(registry.registered()) is dict


@pytest.mark.parametrize("arguments", [["tests"], [str(ROOT / "tests")], ["tests/unit/../"]])
def test_a_function_that_never_ran_fails_a_whole_session(arguments: list[str]) -> None:
    missing = ("keras.layers", "LSTMCell")
    plugin, status = _ended(_everything() - {missing}, arguments)
    assert plugin.missing == [missing]
    assert status == pytest.ExitCode.TESTS_FAILED


def test_a_session_that_has_seen_all_passes() -> None:
    assert _ended(_everything() - ONLY_REFUSED, ["tests"])[1] == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["tests/unit"], {}),
        (["tests/unit", "tests/oracle"], {}),
        (["tests/oracle/test_layers.py::test_row[lstm]"], {}),
        (["tests"], {"keyword": "lstm"}),
        (["tests"], {"deselect": ["tests/oracle"]}),
        (["tests"], {"lf": True}),
    ],
)
def test_a_part_of_the_suite_need_not_see_all(arguments: list[str], options: dict[str, Any]) -> None:
    assert _ended(set(), arguments, **options)[1] == pytest.ExitCode.OK


def test_a_session_that_failed_is_not_asked() -> None:
    plugin, status = _ended(set(), ["tests"], status=pytest.ExitCode.INTERRUPTED)
    assert plugin.missing == []
    assert status == pytest.ExitCode.INTERRUPTED


def test_workers_hand_on_what_they_have_seen() -> None:
    worker: Any = SimpleNamespace(workeroutput={})
    plugin = Executed(worker)
    plugin.seen |= {("keras.layers", "LSTM"), ("keras.layers", "Dense")}
    plugin.pytest_sessionfinish(SimpleNamespace(exitstatus=0))  # type: ignore[arg-type]  # all that is read
    controller = Executed(worker)
    controller.pytest_testnodedown(worker)
    assert controller.seen == plugin.seen
