"""The decorator and the binder: what is registered, and how a saved config becomes arguments."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

import codegen
from codegen.errors import ConversionError, UnsupportedOption
from codegen.lowering import catalogue, registry
from codegen.lowering.binder import LayerFunction, Quirk, convert_type, options
from codegen.lowering.registry import lowers, registered
from codegen.model.spec import LayerSpec

PACKAGE = "tests"


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    catalogue.load()
    with registry.restored():
        yield


def entry(name: str) -> LayerFunction:
    return registered()[PACKAGE, name]


# -------------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("value", "expected", "converted"),
    [
        (True, bool, True),
        (1, bool, True),
        (0, bool, False),
        (3, int, 3),
        (3.0, int, 3),
        (3, float, 3.0),
        (0.5, float, 0.5),
        (None, type(None), None),
        ("same", Literal["same", "valid"], "same"),
        (1, Literal[1, True], 1),
        (None, int | None, None),
        (2, int | float, 2),
        (2.5, int | float, 2.5),
        (2, str | float, 2.0),
        ([1, 2.0], tuple[int, ...], (1, 2)),
        ([1, 2], tuple[int, float], (1, 2.0)),
        ([[1], [2]], tuple[tuple[int, ...], ...], ((1,), (2,))),
        ([1, [2, "a"]], Any, (1, (2, "a"))),
        ({"a": 1}, dict[str, int], {"a": 1}),
        ("a", str, "a"),
    ],
)
def test_a_value_is_converted(value: object, expected: Any, converted: object) -> None:
    result = convert_type(value, expected)
    assert result == converted
    assert repr(result) == repr(converted)  # 1 is no True, and 2 no 2.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, bool),
        (2, bool),
        ("True", bool),
        (True, int),
        (2.5, int),
        ("3", int),
        (True, float),
        (False, float),
        ("0.5", float),
        (None, float),
        (0, type(None)),
        (True, Literal[1, 2]),
        (1.0, Literal[1, 2]),
        ("other", Literal["same", "valid"]),
        (["same"], Literal["same", "valid"]),
        (True, int | None),
        (True, int | float),
        ("a", int | None),
        (3, tuple[int, ...]),
        ([1, True], tuple[int, ...]),
        ([1], tuple[int, float]),
        ([1, True], tuple[int, float]),
        ([1], dict[str, int]),
        (1, str),
    ],
)
def test_a_value_of_another_kind_is_refused(value: object, expected: Any) -> None:
    with pytest.raises(TypeError):
        convert_type(value, expected)


# -------------------------------------------------------------------- variants


def test_a_decorator_binds_what_tells_classes_apart() -> None:
    @lowers({"Maximum": {"low": False}, "Minimum": {"low": True}}, package=PACKAGE)
    def extremum(b: Any, x: str, *, low: bool, scale: int = 1) -> object:
        return b, x, low, scale

    assert entry("Maximum")("b", "x") == ("b", "x", False, 1)
    assert entry("Minimum")("b", "x", scale=2) == ("b", "x", True, 2)
    assert list(entry("Minimum").options) == ["scale"]


def test_what_is_bound_is_no_option() -> None:
    @lowers({"Maximum": {"low": False}}, package=PACKAGE)
    def extremum(_b: Any, _x: str, *, low: bool = True) -> bool:
        return low

    spec = LayerSpec("m", "Maximum", {"low": True})
    with pytest.raises(UnsupportedOption, match="a keyword-only parameter 'low'"):
        entry("Maximum").bind(spec)


@pytest.mark.parametrize("bound", [{"x": 1}, {"other": 1}])
def test_only_keyword_only_parameters_are_bound(bound: dict[str, int]) -> None:
    def function(_b: Any, x: int, *, low: int) -> int:
        return x + low

    with pytest.raises(TypeError, match="has no keyword-only parameter"):
        lowers({"A": bound}, package=PACKAGE)(function)


def test_every_class_of_a_decorator_binds_the_same() -> None:
    def function(_b: Any, *, low: int = 1) -> int:
        return low

    with pytest.raises(TypeError, match="'B' does not bind"):
        lowers({"A": {"low": 1}}, "B", package=PACKAGE)(function)


def test_a_function_has_the_same_arguments_bound_wherever_it_is_registered() -> None:
    bound: dict[Any, set[frozenset[str]]] = {}
    for function in registered().values():
        bound.setdefault(function.function, set()).add(frozenset(function.variant))
    assert {function for function, names in bound.items() if len(names) > 1} == set()


# -------------------------------------------------------------------- doubles


def in_module(module: str, name: str) -> Any:
    def function(b: Any) -> Any:
        return b

    function.__module__, function.__name__ = module, name
    return function


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("codegen.a", "f"), ("codegen.a", "f")),
        (("codegen.a", "f"), ("codegen.b", "g")),
        (("own", "f"), ("own", "g")),
        (("own", "f"), ("other", "f")),
        (("own", "f"), ("codegen.a", "f")),
    ],
)
def test_a_class_has_one_function(first: tuple[str, str], second: tuple[str, str]) -> None:
    lowers("A", package=PACKAGE)(in_module(*first))
    with pytest.raises(ValueError, match="registered twice"):
        lowers("A", package=PACKAGE)(in_module(*second))


@pytest.mark.parametrize("first", [("codegen.a", "f"), ("own", "mine")])
def test_a_users_own_function_replaces_a_built_in_one_or_its_older_self(first: tuple[str, str]) -> None:
    mine = in_module("own", "mine")
    lowers("A", package=PACKAGE)(in_module(*first))
    lowers("A", package=PACKAGE)(mine)
    assert entry("A").function is mine


def test_a_decorator_names_a_class_once() -> None:
    with pytest.raises(ValueError, match="named twice"):
        lowers("A", "A", package=PACKAGE)(in_module("own", "f"))


# -------------------------------------------------------------------- groups of options


@options
class Base:
    """What two groups share."""

    size: int
    mode: str = "a"
    swaps: Quirk[bool] = False


@options
class Group(Base):
    """One of them, which takes more modes."""

    mode: Literal["a", "b", "c"] = "a"
    rate: float = 0.5


def with_group() -> LayerFunction:
    @lowers({"A": {"low": True}}, package=PACKAGE)
    def function(_b: Any, *, low: bool, group: Group, units: int = 3) -> object:
        return low, group, units

    return entry("A")


def test_a_group_of_options_is_spread() -> None:
    function = with_group()
    assert list(function.options) == ["size", "mode", "rate", "units"]
    assert list(function.quirks) == ["swaps"]
    spec = LayerSpec("x", "A", {"size": 2.0, "mode": "c", "units": 4}, quirks={"swaps": True})
    assert function.bind(spec) == {"group": Group(size=2, mode="c", swaps=True), "units": 4}
    assert function("b", **function.bind(spec)) == (True, Group(size=2, mode="c", swaps=True), 4)
    assert function.bind(LayerSpec("x", "A", {"size": 1})) == {"group": Group(size=1)}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "lacks the option 'size'"),
        ({"size": 1, "mode": "d"}, r"A\(mode='d'\) is not supported; supported: 'a', 'b', 'c'"),
        ({"size": 1, "swaps": True}, r"A\(swaps=True\) is not supported; give .*-only parameter 'swaps'"),
        ({"size": 1, "group": 1}, r"A\(group=1\) is not supported; give .*-only parameter 'group'"),
        ({"size": 1, "low": False}, r"A\(low=False\) is not supported; give .*-only parameter 'low'"),
        ({"size": True}, r"A\(size=True\) is not supported; supported: int"),
    ],
)
def test_what_is_no_option_of_a_group_is_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ConversionError, match=says):
        with_group().bind(LayerSpec("x", "A", config))


def test_every_field_of_every_group_is_read() -> None:
    """Linters see unused parameters, not unused fields."""
    package = Path(codegen.__file__).parent
    nodes = [
        node
        for room in ("layers", "lowering", "ops")
        for file in (package / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    functions = registered().values()
    groups = {option.group for entry in functions for option in entry.schema.values() if option.group}
    assert len(groups) > 10
    fields = {(group, name) for group in groups for name in typing.get_type_hints(group)}
    assert {(group, name) for group, name in fields if name not in read} == set()
