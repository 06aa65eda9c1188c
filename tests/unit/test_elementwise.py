"""Element-wise ops: which expression and dtype follow from the dtypes of what is given."""

from __future__ import annotations

import pytest

from codegen.errors import MalformedConfig
from codegen.graph import Host, Value
from codegen.lowering import registry
from codegen.lowering.catalogue import load
from codegen.lowering.parts.operands import TensorLike
from codegen.model.packages import ACTIVATION, OPS
from codegen.ops.keras import choosing, elementwise
from tests.support.builder import empty_builder


@pytest.mark.parametrize(
    ("name", "given", "templates", "dtype"),
    [
        ("Absolute", "bool", ["x"], "bool"),
        ("BitwiseNot", "bool", ["~x"], "bool"),
        ("LogicalNot", "bool", ["~x"], "bool"),
        ("LogicalNot", "int32", ["x.logical_not()"], "bool"),
        ("Isnan", "bool", ["x.isnan()"], "bool"),
        ("Negative", "bool", ["x.to(target)", "-x"], "int32"),
        ("Sin", "bool", ["x.float()", "x.sin()"], "float32"),
        ("Sqrt", "int32", ["x.sqrt()"], "float32"),
        ("Sqrt", "float16", ["x.sqrt()"], "float16"),
        ("Floor", "int32", ["x.float()", "x.floor()"], "float32"),
        ("Rad2deg", "int64", ["x.to(target)", "torch.rad2deg(x)"], "float64"),
        ("Sin", "int64", ["x.sin()"], "float32"),
        ("Sign", "float32", ["x.sign()"], "float32"),
        ("Sign", "complex64", ["x.sgn()"], "complex64"),
        ("Conj", "float32", ["x"], "float32"),
        ("Conj", "complex64", ["torch.conj_physical(x)"], "complex64"),
        ("Angle", "float64", ["x.angle()"], "float64"),
        ("Angle", "complex128", ["x.angle()"], "float64"),
    ],
)
def test_functions_of_one_argument(name: str, given: str, templates: list[str], dtype: str) -> None:
    b = empty_builder()
    y = elementwise.unary(b, name, Value((None, 3), given))
    assert [node.template for node in b.graph.nodes] == templates
    assert y.dtype == dtype


@pytest.mark.parametrize(
    ("name", "x", "y", "templates", "dtype"),
    [
        ("Add", "bool", "bool", ["x + y"], "bool"),
        ("Subtract", "bool", "bool", ["x.to(target)", "x.to(target)", "x - y"], "int32"),
        ("Subtract", "bool", "int32", ["x.to(target)", "x - y"], "int32"),
        ("FloorDivide", "int32", 2, ["x // y"], "int32"),
        ("Divide", "int32", "int32", ["x / y"], "float32"),
        ("Divide", "int64", 2, ["x / y"], "float32"),
        ("Power", "float16", 0.5, ["x ** y"], "float16"),
        ("Mod", "float16", 0.5, ["x.float()", "x % y"], "float32"),
        ("Greater", "int32", "float32", ["x > y"], "bool"),
        ("Hypot", "int64", "int64", ["x.to(target)", "x.to(target)", "torch.hypot(x, y)"], "float64"),
        ("Fmax", "float32", 2, ["x.new_full((), n)", "torch.fmax(x, y)"], "float32"),
        ("BitwiseLeftShift", "int32", 40, ["x << y"], "int32"),
        ("BitwiseLeftShift", "int32", "int32", ["y.clamp(0, last)", "x << y"], "int32"),
        ("SquaredDifference", "float32", "float32", ["(x - y) ** 2"], "float32"),
    ],
)
def test_functions_of_two_arguments(
    name: str, x: str, y: str | int | float, templates: list[str], dtype: str
) -> None:
    b = empty_builder()
    second: TensorLike = Value((None, 3), y) if isinstance(y, str) else y
    result = elementwise.binary(b, name, Value((None, 3), x), second)
    assert [node.template for node in b.graph.nodes] == templates
    assert result.dtype == dtype


def test_numbers_of_the_host_stay_on_the_host() -> None:
    b = empty_builder()
    size = b.size(Value((None, 3)), 0)
    total = elementwise.binary(b, "Add", size, 3)
    assert isinstance(total, Host)
    assert [node.template for node in b.graph.nodes] == ["x.shape[d]", "x + y"]
    assert isinstance(choosing.extremum(b, size, 3, larger=True), Host)


@pytest.mark.parametrize(
    ("bound", "larger", "template", "non_negative"),
    [
        (0, True, "F.relu(x)", True),
        (1.5, True, "x.clamp(min=y)", True),
        (-1.0, True, "x.clamp(min=y)", False),
        (0, False, "x.clamp(max=y)", False),
    ],
)
def test_the_larger_of_a_tensor_and_a_number_is_a_clamp(
    bound: float, larger: bool, template: str, non_negative: bool
) -> None:
    b = empty_builder()
    y = choosing.extremum(b, bound, Value((None, 3)), larger=larger)
    assert [node.template for node in b.graph.nodes] == [template]
    assert y.non_negative is non_negative


def test_keras_has_just_its_own_functions() -> None:
    load()
    known = {name for package, name in registry.registered() if package == OPS}
    assert elementwise.UNARY.keys() | elementwise.BINARY.keys() <= known
    assert not known & (elementwise.OTHER_UNARY.keys() | elementwise.OTHER_BINARY.keys())


@pytest.mark.parametrize(("name", "takes"), [("relu", True), ("elu", False), ("gelu", False)])
def test_activations_of_whole_numbers(name: str, takes: bool) -> None:
    load({ACTIVATION})
    b, x = empty_builder(), Value((None, 3), "int32")
    if takes:
        assert b.activation(x, name).dtype == "int32"
    else:
        with pytest.raises(MalformedConfig, match="supported: floating-point"):
            b.activation(x, name)
