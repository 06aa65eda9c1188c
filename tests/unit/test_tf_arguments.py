"""How arguments of TensorFlow functions are read by annotation, refused, and bound."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from codegen import ConversionError
from codegen.graph import Host, Value
from codegen.lowering import registry
from codegen.lowering.builder import Builder
from codegen.lowering.catalogue import load as load_functions
from codegen.model.packages import TENSORFLOW
from codegen.model.spec import Constant
from codegen.ops.tensorflow import shapes
from codegen.ops.tensorflow.arguments import (
    Axes,
    Count,
    DType,
    Given,
    GivenList,
    Ints,
    Known,
    Native,
    NativePeer,
    Pairs,
    Peer,
    PeerTerm,
    Reader,
    SizePairs,
    Sizes,
    Tensor,
)
from codegen.ops.tensorflow.functions import tf
from tests.support.tf_models import converted, function

#: The model's input, (N, 2, 3), as Keras 2 saves it among a call's arguments.
X = ["x", 0, 0]


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    load_functions()
    with registry.restored():
        yield


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Reads arguments as an annotation says; returns what they became, by name."""

    def read(annotation: object, default: Any = inspect.Parameter.empty, **arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def probe(b: Builder, x: Tensor, **read: Any) -> Value:
            found.update(read)
            return shapes.same(b, x)

        own = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name in arguments or ["axis"]
        ]
        first = list(inspect.signature(probe, eval_str=True).parameters.values())[:2]
        probe.__signature__ = inspect.Signature([*first, *own])  # type: ignore[attr-defined]  # functions have one
        with registry.restored():
            tf("test.probe")(probe)
            converted([function("test.probe", **arguments)], tmp_path)
        return found

    return read


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, 2, 2),
        (int, 2.0, 2),
        (int, [3], 3),
        (float, 2, 2.0),
        (Known, 2, 2),
        (Known, 0.5, 0.5),
        (Count, 1, 1),
        (bool, 1, True),
        (bool, False, False),
        (str, "same", "same"),
        (int | None, None, None),
        (Literal["SAME", "VALID"], "SAME", "SAME"),
        (Literal["SAME", "VALID"], "valid", "VALID"),
        (Literal[None, "hann"], None, None),
        (DType, "float16", "float16"),
        (Ints, 2, (2,)),
        (Ints, [1, 2], (1, 2)),
        (Axes, None, None),
        (Axes, -1, -1),
        (Axes, [0, 1], (0, 1)),
        (Pairs, [[0, 1], [2, 3]], ((0, 1), (2, 3))),
        (SizePairs, [[0, 1]], ((0, 1),)),
        (Sizes, [2, -1], (2, -1)),
        (Given, [1, 2], [1, 2]),
        (GivenList, 1, [1]),
        (GivenList, [1, 2], [1, 2]),
        (PeerTerm, 2, 2),
        (PeerTerm, [1, 2], Constant([1, 2], "int32")),
    ],
)
def test_read(call: Callable[..., Any], annotation: object, value: Any, expected: object) -> None:
    (found,) = call(annotation, axis=value).values()
    assert found == expected
    assert repr(found) == repr(expected)  # 1 is no True, and 2 no 2.0


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, X, "axis=<tensor>) is not supported; supported: a number"),
        (int, "one", "axis='one') is not supported; supported: a number"),
        (int, None, "axis=None) is not supported; supported: a number"),
        (int, float("inf"), "axis=inf) is not supported; supported: a number"),
        (float, X, "axis=<tensor>) is not supported; supported: a number"),
        (float, 10**400, "supported: a number"),
        (Known, [1, 2], "axis=[1, 2]) is not supported; supported: a number"),
        (Count, 0, "axis=0) is not supported; supported: positive numbers"),
        (Given, {"a": 1}, "axis={'a': 1}) is not supported; supported: tensors and numbers"),
        (bool, X, "axis=<tensor>) is not supported; supported: True, False"),
        (str, 1, "axis=1) is not supported; supported: text"),
        (Literal["SAME", "VALID"], "FULL", "axis='FULL') is not supported; supported: 'SAME', 'VALID'"),
        (Literal["SAME", "VALID"], X, "axis=<tensor>) is not supported; supported: 'SAME', 'VALID'"),
        (DType, "string", "axis='string') is not supported; supported: dtypes of numbers"),
        (DType, ["float32"], "supported: dtypes of numbers"),
        (Ints, X, "axis=<tensor>) is not supported; supported: whole numbers"),
        (Ints, [1, 0.5], "supported: whole numbers"),
        (Ints, True, "supported: whole numbers"),
        (Axes, X, "axis=<tensor>) is not supported; supported: whole numbers"),
        (Pairs, [[1, 2, 3]], "supported: two whole numbers for each axis"),
        (Pairs, X, "supported: two whole numbers for each axis"),
        (SizePairs, [[1]], "supported: two numbers for each axis"),
        (Sizes, X, "axis=<tensor>) is not supported; supported: sizes of other tensors"),
        (Sizes, [0.5], "supported: whole numbers"),
        (Tensor, "text", "a constant in a call holds something else than numbers"),
        (Peer, [[1], [2, 3]], "a constant in a call is ragged"),
    ],
)
def test_refused(call: Callable[..., Any], annotation: object, value: Any, message: str) -> None:
    with pytest.raises(ConversionError) as refused:
        call(annotation, axis=value)
    assert message in str(refused.value)
    assert str(refused.value).startswith("layer 'op'")
    assert "tf.test.probe" in str(refused.value)


@pytest.mark.parametrize("annotation", [Tensor, Native, Peer, NativePeer, PeerTerm, Given, GivenList])
def test_a_tensor_stays_one(call: Callable[..., Any], annotation: object) -> None:
    (found,) = call(annotation, value=X).values()
    value = found[0] if isinstance(found, list) else found
    assert (value.shape, value.dtype) == ((None, 2, 3), "float32")


@pytest.mark.parametrize(
    ("annotation", "dtype"),
    [(Tensor, "int32"), (Native, "int32"), (Peer, "float32"), (NativePeer, "float32")],
)
def test_numbers_become_tensors(call: Callable[..., Any], annotation: object, dtype: str) -> None:
    assert call(annotation, other=[1, 2], first=X)["other"].dtype == dtype


def test_a_list_of_numbers_is_a_constant_of_its_peers(call: Callable[..., Any]) -> None:
    assert call(PeerTerm, other=[1, 2], first=X)["other"] == Constant([1, 2], "float32")
    assert call(PeerTerm, other=2, first=X)["other"] == 2


def test_native_is_in_the_layout_of_keras(tmp_path: Path) -> None:
    perms: dict[str, tuple[int, ...]] = {}

    @tf("test.probe")
    def probe(b: Builder, x: Tensor, y: Native) -> Value:
        perms.update(x=x.perm, y=y.perm)
        return shapes.same(b, y)

    @tf("test.turned")
    def turned(b: Builder, x: Tensor) -> Value:
        return b.elementwise("-x", x=b.channels_first(x))

    first, second = function("test.turned"), function("test.probe", y=["turned", 0, 0])
    first["name"] = first["config"]["name"] = "turned"
    second["inbound_nodes"][0][0] = "turned"
    converted([first, second], tmp_path)
    assert perms == {"x": (0, 2, 1), "y": (0, 1, 2)}


def test_a_size_is_a_number_of_the_host(tmp_path: Path) -> None:
    found: list[object] = []

    @tf("test.probe")
    def probe(b: Builder, x: Tensor, sizes: Sizes, again: int | None = None) -> Value:
        found.extend([*sizes, again])
        return shapes.same(b, x)

    shape = function("shape")
    shape["name"] = shape["config"]["name"] = "shape"
    converted([shape, function("test.probe", sizes=["shape", 0, 0])], tmp_path)
    assert isinstance(found[0], Host)
    assert found[1:] == [2, 3, None]


# -------------------------------------------------------------------- calls


def test_none_is_the_default_where_it_is_not_admitted(call: Callable[..., Any]) -> None:
    assert call(int, default=-1, axis=None) == {"axis": -1}
    assert call(int | None, default=-1, axis=None) == {"axis": None}
    assert call(Axes, default=-1, axis=None) == {"axis": None}
    assert call(int, default=-1) == {"axis": -1}


def test_names_of_arguments(tmp_path: Path) -> None:
    found: list[object] = []

    @tf("test.probe", ignored=("seed",), old={"ksizes": "sizes"})
    def probe(b: Builder, x: Tensor, axis: int = -1, sizes: Ints = ()) -> Value:
        found.append((axis, sizes))
        return shapes.same(b, x)

    converted([function("test.probe", dim=1, ksizes=[2], seed=3, name="y", layout="?")], tmp_path)
    assert found == [(1, (2,))]


def test_the_second_argument_has_any_name(tmp_path: Path) -> None:
    found: list[object] = []

    @tf("test.probe", second="second")
    def probe(b: Builder, first: Tensor, second: Given | None = None) -> Value:
        found.append(second)
        return shapes.same(b, first)

    converted([function("test.probe", whatever=7)], tmp_path)
    assert found == [7]


def test_any_number_of_arguments(tmp_path: Path) -> None:
    found: list[Value] = []

    @tf("test.probe")
    def probe(b: Builder, *values: Tensor) -> Value:
        found.extend(values)
        return shapes.same(b, values[0])

    converted([function("test.probe")], tmp_path)
    assert [value.shape for value in found] == [(None, 2, 3)]


def test_the_variant_is_bound_and_no_argument(tmp_path: Path) -> None:
    found: list[bool] = []

    @tf({"test.low": {"low": True}, "test.high": {"low": False}})
    def probe(b: Builder, x: Tensor, *, low: bool) -> Value:
        found.append(low)
        return shapes.same(b, x)

    converted([function("test.low")], tmp_path)
    converted([function("test.high")], tmp_path)
    assert found == [True, False]
    with pytest.raises(ConversionError, match=r"low=False.*no such argument is known"):
        converted([function("test.low", low=False)], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "it is called without 'axis'"),
        ({"axis": 1, "other": 2}, "other=2) is not supported; no such argument is known"),
        ({"axis": 1, "dim": 2}, "dim=2) is not supported; no such argument is known"),
        ({"axis": 1, "x": 2}, "x=2) is not supported; no such argument is known"),
    ],
)
def test_calls_that_do_not_fit(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    @tf("test.probe")
    def probe(b: Builder, x: Tensor, axis: int) -> Value:
        raise AssertionError(b, x, axis)

    with pytest.raises(ConversionError) as refused:
        converted([function("test.probe", **arguments)], tmp_path)
    assert message in str(refused.value)


def test_an_annotation_that_reads_nothing() -> None:
    with pytest.raises(TypeError, match="no argument can be read as"):
        Reader.of(dict[str, int])


def test_every_function_says_how_its_arguments_are_read() -> None:
    functions = [
        entry.function
        for (package, name), entry in registry.registered().items()
        if package == TENSORFLOW and name != "TensorFlowOpLayer"
    ]
    assert len(functions) > 400
    for lower in functions:
        inspect.getclosurevars(lower).nonlocals["self"].readers  # noqa: B018 - TypeError if one has none
