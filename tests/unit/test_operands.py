"""What ops take: numbers of the host, whole or not, and options that may be tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from codegen.graph import Host, Node, Operand, Value
from codegen.graph.core import is_whole
from codegen.lowering.binder import convert_type
from codegen.lowering.parts.operands import TensorLike, is_host, is_tensor
from codegen.lowering.parts.rules import kind_of


def _host(template: str, **operands: Operand) -> Host:
    number = Host()
    number.node = Node(template, operands, number)
    return number


_SIZE = _host("x.shape[d]", x=Value((None, 3)), d=0)


@pytest.mark.parametrize(
    ("number", "whole"),
    [
        (3, True),
        (True, True),
        (3.0, False),
        ([2, 3], True),
        ([2, 3.5], False),
        (_SIZE, True),
        (_host("x.numel()", x=Value((None, 3))), True),
        (_host("x * y", x=_SIZE, y=2), True),
        (_host("x * y", x=_SIZE, y=0.5), False),
        (_host("x / y", x=_SIZE, y=2), False),
        (_host("float(x)", x=_SIZE), False),
        (_host("math.sqrt(x)", x=_SIZE), False),
        (_host("x + y", x=_host("float(x)", x=_SIZE), y=1), False),
        (_host("int(x)", x=_host("x / y", x=_SIZE, y=2)), True),
    ],
)
def test_what_is_whole_follows_from_the_expression(number: TensorLike, whole: bool) -> None:
    assert is_whole(number) is whole
    if not isinstance(number, (bool, list, tuple)):
        assert kind_of(number) == ("int" if whole else "float")


def test_a_number_of_the_host_is_a_value_but_no_tensor() -> None:
    assert isinstance(_SIZE, Value)
    assert is_host(_SIZE)
    assert not is_tensor(_SIZE)
    assert is_host(2)
    assert is_tensor(Value((2,)))
    assert not is_host(Value((2,)))


@pytest.mark.parametrize(
    ("value", "expected", "converted"),
    [
        (1, TensorLike, 1),
        (0.0, TensorLike | None, 0.0),
        ([1, [2.0]], TensorLike | None, (1, (2.0,))),
        ([0, 1.0], Sequence[int] | None, (0, 1)),
        ([], Sequence[int], ()),
    ],
)
def test_options_are_converted_as_their_annotations_say(
    value: object, expected: Any, converted: object
) -> None:
    result = convert_type(value, expected)
    assert (result, type(result)) == (converted, type(converted))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("01", Sequence[int]), ([0.5], Sequence[int]), ([1, 2], tuple[int]), (1, Sequence[int])],
)
def test_other_values_are_refused(value: object, expected: Any) -> None:
    with pytest.raises(TypeError):
        convert_type(value, expected)
