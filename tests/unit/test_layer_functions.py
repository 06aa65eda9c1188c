"""Mistakes in layer functions: found where they are made, and never blamed on the model file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from codegen import ConversionError, convert
from codegen.cli import main
from codegen.errors import LayerFunctionBug
from codegen.graph import Value
from codegen.graph.templates import TemplateError, check_template
from codegen.lowering import catalogue, registry
from codegen.lowering.arguments import fits
from codegen.lowering.builder import Builder
from codegen.lowering.registry import lowers
from codegen.model.packages import KERAS
from tests.support.configs import by_keras
from tests.support.keras_files import write_whole_h5

HEAD = "from codegen.custom import lowers\n\n\n@lowers('Mine', package='*')\ndef mine(b, x, *, factor=2.0):\n"


def _layer(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}}


def _file(folder: Path, *layers: dict[str, Any], **weights: dict[str, Any]) -> Path:
    config = by_keras({"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}})
    return write_whole_h5(folder / "net.h5", config, weights, keras_version="3.9.0")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A model of one layer of the user's own."""
    return _file(tmp_path, _layer("Mine", "mine", batch_shape=[None, 8]), mine={})


def _convert(model: Path, body: str) -> Result:
    custom = model.parent / "mine.py"
    custom.write_text(f"{HEAD}    {body}\n", encoding="utf-8")
    arguments = ["convert", str(model), "-o", str(model.parent / "out"), "--custom", str(custom)]
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return b.elementwise('x * 0.5', x=x, factr=factor)", "no use for 'factr'"),
        ("return b.elementwise('x * gate * scael', x=x, gate=x, scale=factor)", "no use for 'scale'"),
        ("return b.elementwise('x * scael', x=x)", "names 'scael', which is no operand"),
        ("return b.elementwise('x * (factor', x=x, factor=factor)", "is no Python expression"),
        (
            "return b.undefined_thing(x)",
            "AttributeError: 'Builder' object has no attribute 'undefined_thing'",
        ),
        ("return b.elementwise('x * f', x=x, f=1 / 0)", "ZeroDivisionError"),
        ("return b.activation('x', 'softmax')", "AttributeError"),
    ],
)
def test_a_mistake_in_a_custom_file_names_function_file_and_line(mine: Path, body: str, says: str) -> None:
    result = _convert(mine, body)
    assert result.exit_code == 1
    assert "layer 'mine': mine() in mine.py, line 6 does not work" in result.stderr
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (mine.parent / "out" / "net.py").exists()


def test_what_torch_does_not_compute_names_the_function(mine: Path) -> None:
    result = _convert(mine, "return b.op('x.unflatten(1, (factor, 3))', shape=x.shape, x=x, factor=5)")
    assert result.exit_code == 1
    assert "layer 'mine': mine() in mine.py, line 4 does not work: RuntimeError: unflatten" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not [*(mine.parent / "out").iterdir()]


def test_a_refusal_of_a_custom_function_is_its_own(mine: Path) -> None:
    result = _convert(mine, "b.unsupported('factor', factor, 'supported: 1')")
    assert result.exit_code == 1
    assert result.stderr == "k2t-gen: net.h5: layer 'mine': Mine(factor=2.0) is not supported; supported: 1\n"


@pytest.fixture
def broken() -> Iterator[None]:
    """A layer function of ours that does not work."""
    catalogue.load()
    with registry.restored():

        def dropout(b: Builder, x: Value, *, rate: float) -> Value:
            return b.elementwise("x * rate * scael", x=x, rate=rate)

        dropout.__code__ = dropout.__code__.replace(co_filename=str(Path(catalogue.__file__)))
        with registry.restored():
            registry._FUNCTIONS.pop((KERAS, "Dropout"))
            lowers("Dropout")(dropout)
            yield


@pytest.mark.usefixtures("broken")
def test_a_mistake_of_ours_is_a_bug_with_the_layers_name(tmp_path: Path) -> None:
    model = _file(tmp_path, _layer("Dropout", "drop", batch_shape=[None, 8], rate=0.5), drop={})
    with pytest.raises(LayerFunctionBug, match="layer 'drop': a bug of k2t-gen in dropout"):
        convert(model, output=tmp_path / "out")
    result = CliRunner().invoke(main, ["convert", str(model), "-o", str(tmp_path)])
    assert result.exit_code == 3
    assert "scael" in result.stderr


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "is called without 'x'|with 0 tensors"),
        (["image", "image"], "called with"),
    ],
)
def test_a_call_that_does_not_fit_is_the_files_fault(tmp_path: Path, inputs: list[str], says: str) -> None:
    history = [{"class_name": "__keras_tensor__", "config": {"keras_history": [n, 0, 0]}} for n in inputs]
    dense = {
        **_layer("Dense", "dense", units=2),
        "module": "keras.layers",
        "name": "dense",
        "inbound_nodes": [{"args": history, "kwargs": {}}],
    }
    image = {**_layer("InputLayer", "image", batch_shape=[None, 4]), "name": "image", "inbound_nodes": []}
    config = {
        "name": "net",
        "layers": [image, dense],
        "input_layers": [["image", 0, 0]],
        "output_layers": [["dense", 0, 0]],
    }
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"module": "keras", "class_name": "Functional", "config": config}))
    with pytest.raises(ConversionError, match=says) as caught:
        convert(path, output=tmp_path)
    assert not isinstance(caught.value, LayerFunctionBug)


def test_the_obvious_line_works_on_keras_axes(tmp_path: Path) -> None:
    """Behind a convolution, axis 1 are the rows, whatever the convolution's layout."""
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype("float32")
    conv = _layer(
        "Conv2D", "conv", batch_shape=[None, 6, 7, 2], filters=5, kernel_size=[3, 3], use_bias=False
    )
    model = _file(tmp_path, conv, _layer("Mine", "mine"), conv={"conv/kernel:0": kernel}, mine={})
    result = _convert(model, "return b.op('x.flip(1)', shape=x.shape, x=x)")
    assert result.exit_code == 0, result.stderr
    namespace: dict[str, Any] = {"__file__": str(tmp_path / "out" / "net.py"), "__name__": "net"}
    exec(compile((tmp_path / "out" / "net.py").read_text(), "net.py", "exec"), namespace)
    x = torch.randn(2, 6, 7, 2)
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1)
    expected = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), weight).permute(0, 2, 3, 1).flip(1)
    with torch.no_grad():
        torch.testing.assert_close(namespace["load_model"]()(x), expected)


@pytest.mark.parametrize(
    ("template", "operands"),
    [
        ("x + y", "xy"),
        ("F.relu(x)", "x"),
        ("torch.stack([part.sum() for part in parts])", ["parts"]),
        ("max(map(lambda t: t.item(), parts))", ["parts"]),
        ("masked_choice(x, y, x_mask, y_mask)", ["x", "y", "x_mask", "y_mask"]),
        ("F.dropout(x, p=rate, training=self.training)", ["x", "rate"]),
    ],
)
def test_templates_that_go_with_their_operands(template: str, operands: list[str]) -> None:
    check_template(template, operands)


@pytest.mark.parametrize(
    ("template", "operands"), [("x + y", "x"), ("x", "xy"), ("x +", "x"), ("np.sum(x)", "x")]
)
def test_templates_that_do_not(template: str, operands: str) -> None:
    with pytest.raises(TemplateError):
        check_template(template, operands)


@pytest.mark.parametrize(
    ("argument", "expected", "is_so"),
    [
        (Value((2,)), Value, True),
        ([Value((2,))], Value, False),
        ([Value((2,))], list[Value], True),
        ([Value((2,)), None], list[Value], False),
        ({"boxes": Value((2,))}, dict[str, Value], True),
        ({"boxes": 3}, Value | dict[str, Value], False),
        (None, bool | None, True),
        ("x", bool | None, False),
        (1, bool, True),
        (2, bool, False),
        (3, float, True),
        ("valid", Literal["same", "valid"], True),
        ("full", Literal["same", "valid"], False),
        (object(), Any, True),
    ],
)
def test_arguments_fit_their_annotations(argument: object, expected: Any, is_so: bool) -> None:
    assert fits(argument, expected) is is_so
