"""Stubs of layer functions, and messages that name the user's own function, file and line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codegen import ConversionError, inspect
from codegen.cli import main
from codegen.commands.scaffold import scaffold
from tests.support.configs import by_keras
from tests.support.keras_files import KERNEL, write_whole_h5
from tests.support.showcase import CUSTOM, EXAMPLES

GATED = EXAMPLES / "gated.keras"

FUNCTION = """
from codegen.custom import Builder, LayerSpec, Value, lowers, replaces_lambda


@lowers("ScaledGate", package="*")
def scaled_gate(b: Builder, x: Value, *, units: int) -> Value:
    scale = b.parameter("scale", b.weight("scale", (units,)))
    dense = LayerSpec("gate", "Dense", {"units": units, "activation": "sigmoid"})
    gate = b.call(dense, x, attribute="gate", part="gate")
    return b.elementwise("x * gate * scale", x=x, gate=gate, scale=scale)
"""


def k2t(*arguments: str | os.PathLike[str]) -> Result:
    return CliRunner().invoke(main, [os.fspath(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "gate * scale",
            "gate *",
            "scaled_gate() in mine.py, line 10 does not work: the template 'x * gate *'",
        ),
        (
            "x * gate * scale",
            "torch.foo(x) * gate * scale",
            "scaled_gate() in mine.py, line 5 does not work: Attr",
        ),
        (
            "return b",
            "1 / 0  # ",
            "scaled_gate() in mine.py, line 10 does not work: ZeroDivisionError: division",
        ),
        ("return b", "b", "scaled_gate() in mine.py, line 5 does not work: it returns nothing"),
        (
            ", *, units: int",
            "",
            "(units=8) is not supported; give scaled_gate() in mine.py, line 5 a keyword-only",
        ),
        ("gate=gate, ", "gate=x, ", ""),
        (
            'b.call(dense, x, attribute="gate", part="gate")',
            "x",
            "does not ask for its weights with b.weight",
        ),
        ("lowers(", "lowerss(", "--custom 'mine.py', line 5, does not run: NameError"),
        ("return", "return )", "--custom 'mine.py', line 10, does not run: SyntaxError"),
    ],
)
def test_mistakes_of_a_function_are_its_own(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = FUNCTION.replace(old, new)
    text = text.replace("units", "8") if "units" not in text.split("def")[1].split("\n")[0] else text
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    result = k2t("convert", GATED, "-o", tmp_path / "out", "--custom", tmp_path / "mine.py")
    assert result.exit_code == (1 if says else 0), result.output
    assert says in result.stderr and "please report" not in result.stderr
    assert not says or not list(tmp_path.glob("out/*"))


def test_a_misspelt_name_of_a_lambda(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    lines = (
        '\n\n@replaces_lambda("havle")\ndef halve(b: Builder, x: Value, *, factor: float):\n    return x\n'
    )
    mine.write_text(FUNCTION + lines, encoding="utf-8")
    result = k2t("convert", GATED, "-o", tmp_path / "out", "--custom", mine)
    assert result.exit_code == 1
    assert "no layer is called 'havle'; did you mean @replaces_lambda('halve')?" in result.stderr
    assert "halve() in mine.py, line 13" in result.stderr
    mine.write_text(FUNCTION + lines.replace("havle", "of another model"), encoding="utf-8")
    assert inspect(GATED, custom=[mine]).convertible


def test_verbose_shows_the_users_own_lines_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FUNCTION.replace("return", "1 / 0\n    return"), encoding="utf-8")
    result = k2t("convert", GATED, "-o", tmp_path / "out", "--custom", tmp_path / "mine.py", "-v")
    assert 'mine.py", line 10, in scaled_gate' in result.stderr
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "layer_call.py" not in result.stderr


@pytest.mark.parametrize("text", ["x = 1", "raise ValueError('no')"])
def test_mistakes_of_a_template_are_its_own(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.py.jinja").write_text(text, encoding="utf-8")
    result = k2t("convert", EXAMPLES / "mlp.h5", "-o", tmp_path / "out", "--template-dir", tmp_path)
    assert result.exit_code == 1
    assert f"what the template in {tmp_path.name!r} makes does not work" in result.stderr


# -------------------------------------------------------------------- stubs


def test_stubs_of_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    result = k2t("inspect", GATED, "--scaffold", file)
    assert result.exit_code == 0 and "1 functions to write" in result.stdout
    text = file.read_text(encoding="utf-8")
    assert '@lowers("ScaledGate", package="*")\n' in text
    assert "def scaled_gate(b: Builder, x: Value, *, units: int) -> Value:\n" in text
    assert 'weight_0 = b.weight("weight_0", (8,))\n' in text
    assert "# gate: a sublayer with an array (8, 8)" in text
    compile(text, "mine.py", "exec")
    result = k2t("convert", GATED, "-o", tmp_path / "out", "--custom", file)
    assert result.exit_code == 1
    assert "does not work: NotImplementedError: return what the layer puts out" in result.stderr
    again = k2t("inspect", GATED, "--scaffold", file)
    assert again.exit_code == 4 and "exists, and is not overwritten" in again.stderr
    with pytest.raises(ConversionError, match="no layer of it needs a function of yours"):
        scaffold(GATED, custom=CUSTOM)


def test_stubs_of_lists_of_weights(tmp_path: Path) -> None:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, 3]}},
        {
            "class_name": "Alien",
            "config": {"name": "a", "sizes": [1, 2], "rate": 0.5, "kernel_initializer": "x"},
        },
        {"class_name": "Alien", "config": {"name": "b", "sizes": [3, 2], "rate": 0.5}},
        {"class_name": "Lambda", "config": {"name": 'my "own"', "function": "f", "arguments": {"k": 2}}},
    ]
    config = by_keras({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
    arrays = {"a/alien/kernel:0": KERNEL, "a/alien/other/kernel:0": KERNEL}
    path = write_whole_h5(tmp_path / "m.h5", config, {"a": arrays, "b": {}})
    text = scaffold(path)
    compile(text, "mine.py", "exec")
    assert text.count("@lowers") == 1
    assert "def alien(b: Builder, x: Value, *, sizes: tuple[int, ...], rate: float) -> Value:\n" in text
    shape = str(KERNEL.shape)
    assert f'    kernel = b.weight("kernel", {shape})\n    kernel_2 = b.weight("kernel_2", {shape})\n' in text
    assert '@replaces_lambda("my ?own?")\n' in text and "*, k: int) -> Value:" in text
