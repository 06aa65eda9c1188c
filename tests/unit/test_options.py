"""Options: one list of them for `convert`, `inspect`, `check` and the command line."""

from __future__ import annotations

import inspect as python_inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

import codegen
from codegen import Options, check, convert, inspect
from codegen.cli import main
from codegen.version import VERSION
from tests.support.showcase import CUSTOM, EXAMPLES

MLP = EXAMPLES / "mlp.h5"
GATED = EXAMPLES / "gated.keras"
NAMES = [option.name for option in fields(Options)]


@pytest.mark.parametrize("function", [convert, inspect, check])
def test_every_function_takes_options_and_each_of_them_by_name(function: Callable[..., Any]) -> None:
    parameters = python_inspect.signature(function).parameters
    assert list(parameters)[:2] == ["path", "options"]
    assert parameters["options"].default == Options()
    assert [name for name in parameters if name in NAMES] == NAMES
    with pytest.raises(TypeError, match="colour"):
        function(MLP, colour="red")


def test_a_keyword_takes_the_place_of_an_option(tmp_path: Path) -> None:
    options = Options(name="digits", class_name="Digits")
    first = convert(MLP, options, output=tmp_path)
    second = convert(MLP, options, output=tmp_path, name="figures")
    assert [first.source_path.name, second.source_path.name] == ["digits.py", "figures.py"]
    assert "class Digits(" in second.source_path.read_text(encoding="utf-8")
    assert not check(MLP, options, output=tmp_path)
    assert not check(MLP, output=tmp_path, name="digits", class_name="Digits")
    assert check(MLP, options, output=tmp_path, class_name="Numbers")


def test_inspect_heeds_what_says_what_the_model_is() -> None:
    assert not inspect(GATED).convertible
    assert inspect(GATED, Options(custom=CUSTOM)).convertible
    assert inspect(GATED, custom=[str(file) for file in CUSTOM], class_name="Gated").convertible


@pytest.mark.parametrize("command", ["convert", "check"])
def test_a_command_has_an_option_for_each_field(command: str) -> None:
    shown = [p for p in main.commands[command].params if isinstance(p, click.Option) and p.name in NAMES]
    assert [option.name for option in shown] == NAMES
    assert [option.default for option in shown] == [option.default for option in fields(Options)]
    assert [option.help for option in shown] == [option.metadata["help"] for option in fields(Options)]


def test_inspect_has_those_options_that_say_what_the_model_is() -> None:
    of_model = [option.name for option in fields(Options) if option.metadata["of_model"]]
    assert [p.name for p in main.commands["inspect"].params if p.name in NAMES] == of_model


def test_the_version_can_be_asked_for() -> None:
    assert codegen.__version__ == VERSION
