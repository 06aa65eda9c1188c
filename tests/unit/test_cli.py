"""The `k2t-gen` commands: what they write and print, and how they exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codegen import ConversionError, Inspection, Options, check, convert, inspect
from codegen.cli import main
from codegen.errors import Unsupported
from codegen.lowering import catalogue, registry
from codegen.passes import Pass
from tests.support.configs import by_keras
from tests.support.keras_files import CONFIG, DENSE, write_keras, write_tree, write_whole_h5
from tests.support.showcase import CUSTOM, EXAMPLES

MLP = EXAMPLES / "mlp.h5"
GATED = EXAMPLES / "gated.keras"


def k2t(*arguments: str | os.PathLike[str]) -> Result:
    return CliRunner().invoke(main, [os.fspath(argument) for argument in arguments])


def dense_model(path: Path, layers: Sequence[dict[str, object]]) -> Path:
    """A Sequential of these layers on 3 features, without weights but those of `dense`."""
    first = {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, 3]}}
    return write_whole_h5(
        path, by_keras({"class_name": "Sequential", "config": {"name": "m", "layers": [first, *layers]}})
    )


# -------------------------------------------------------------------- convert


def test_convert_writes_two_files_and_a_report(tmp_path: Path) -> None:
    result = k2t("convert", MLP, "-o", tmp_path / "new" / "folder")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["mlp.pt", "mlp.py"]
    assert "mlp.py: " in result.stdout
    assert "2,778 parameters" in result.stdout
    assert result.stderr == ""


def test_convert_lists_where_layers_went(tmp_path: Path) -> None:
    result = k2t("convert", GATED, "-o", tmp_path, "--custom", *CUSTOM, "-v")
    assert "  scaled_gate/gate  scaled_gate_gate\n" in result.stdout
    names = convert(GATED, output=tmp_path, custom=CUSTOM).torch_names
    assert names["scaled_gate"] == ("scaled_gate_scale",)
    assert "halve" not in names


def test_an_architecture_becomes_source_alone(tmp_path: Path) -> None:
    path = EXAMPLES / "text_encoder.json"
    result = k2t("convert", path, "-o", tmp_path)
    assert result.exit_code == 1 and "or take the source alone with --no-weights" in result.stderr
    result = k2t("convert", path, "-o", tmp_path, "--no-weights")
    assert result.exit_code == 0, result.output
    assert [file.name for file in tmp_path.iterdir()] == ["text_encoder.py"]
    assert "start as Keras initialises them" in result.stdout
    source = (tmp_path / "text_encoder.py").read_text(encoding="utf-8")
    assert "load_model" not in source and "WEIGHTS_PATH" not in source
    assert "Weights: none, a new model starts as Keras initialises it" in source
    assert k2t("check", path, "-o", tmp_path, "--no-weights").exit_code == 0


def test_weights_of_a_model_without_any_contradict_themselves() -> None:
    result = k2t("convert", MLP, "--weights", MLP, "--no-weights")
    assert (result.exit_code, result.stderr) == (
        1, "k2t-gen: --weights and --no-weights exclude each other\n",
    )  # fmt: skip


def test_dump_graph_prints_each_state_and_writes_nothing(tmp_path: Path) -> None:
    result = k2t("convert", EXAMPLES / "resnet50.json", "-o", tmp_path, "--dump-graph")
    assert result.exit_code == 0, result.output
    stages = [line for line in result.stdout.splitlines() if line.startswith("# ")]
    assert stages == ["# lowering", "# dead code", "# blocks", "# runs"]
    assert "  # (N, 224, 224, 3) float32 perm 0312 input_layer @ conv1_conv [layout]\n" in result.stdout
    assert list(tmp_path.iterdir()) == []
    flat = k2t("convert", EXAMPLES / "resnet50.json", "--dump-graph", "--flat")
    assert flat.stdout == result.stdout.partition("# blocks")[0]


def test_dump_graph_shows_what_cannot_be_emitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codegen.pipeline.emit", None)
    assert k2t("convert", MLP).exit_code == 3
    assert k2t("convert", MLP, "--dump-graph").exit_code == 0


def test_dump_graph_shows_what_a_pass_spoils(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil = Pass("spoil", lambda graph: graph.nodes.pop(0), "a mistake of ours")  # type: ignore[arg-type]  # as if it were one
    monkeypatch.setattr("codegen.passes.PASSES", (spoil,))
    result = k2t("convert", MLP, "--dump-graph")
    assert result.exit_code == 3
    assert "# spoil\nclass Mlp:" in result.stdout
    assert "it reads a value that nothing before it yields" in result.stderr


def test_dump_graph_refuses_what_convert_refuses() -> None:
    result = k2t("convert", GATED, "--dump-graph")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "layer 'scaled_gate'" in result.stderr


def test_convert_twice_is_identical_to_the_byte(tmp_path: Path) -> None:
    first, second = (convert(GATED, output=tmp_path / name, custom=CUSTOM) for name in "ab")
    assert first.source_path.read_bytes() == second.source_path.read_bytes()
    assert first.weights_path is not None and second.weights_path is not None
    assert first.weights_path.read_bytes() == second.weights_path.read_bytes()


def test_convert_with_names(tmp_path: Path) -> None:
    assert k2t("convert", MLP, "-o", tmp_path, "--name", "digits", "--class-name", "Digits").exit_code == 0
    assert "class Digits(nn.Module):" in (tmp_path / "digits.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "option",
    [
        ("--name", "no-name"),
        ("--name", "../up"),
        ("--name", "class"),
        ("--class-name", "Digits; import os"),
        ("--class-name", "Tensor"),
        ("--class-name", "None"),
    ],
)
def test_convert_refuses_names_that_are_none(tmp_path: Path, option: tuple[str, str]) -> None:
    result = k2t("convert", MLP, "-o", tmp_path, *option)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"k2t-gen: {option[0]} ")
    assert list(tmp_path.iterdir()) == []


def test_convert_takes_weights_from_another_file(tmp_path: Path) -> None:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, 3]}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": "dense", "units": 2}},
    ]
    architecture = tmp_path / "model.json"
    architecture.write_text(
        json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
    )
    write_tree(tmp_path / "model.weights.h5")
    result = k2t("convert", architecture, "--weights", tmp_path / "model.weights.h5", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert k2t("convert", architecture, "-o", tmp_path).exit_code == 1


def test_convert_names_everything_unsupported_at_once_and_writes_nothing(tmp_path: Path) -> None:
    model = dense_model(
        tmp_path / "m.h5",
        [
            {"class_name": "Alien", "config": {"name": "a"}},
            {"class_name": "Dense", "config": {"name": "dense", "units": 2, "novelty": 1}},
            {"class_name": "Lambda", "config": {"name": "twice", "function": "f", "output_shape": [2]}},
        ],
    )
    result = k2t("convert", model, "-o", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(":")[2].strip() for line in lines] == ["layer 'a'", "layer 'dense'", "layer 'twice'"]
    assert "novelty=1" in lines[1]
    assert "@replaces_lambda('twice')" in lines[2]
    assert not (tmp_path / "out").exists()


def test_one_reason_is_one_line_with_the_names_of_all_layers(tmp_path: Path) -> None:
    names = ["lambda", *(f"lambda_{number}" for number in range(1, 30)), "last", "lambda_40", "lambda_41"]
    layers: list[dict[str, object]] = [
        {"class_name": "Lambda", "config": {"name": name, "function": "x"}} for name in names
    ]
    layers.append({"class_name": "Alien", "config": {"name": "a"}})
    model = dense_model(tmp_path / "m.h5", layers)
    first, second = k2t("convert", model).stderr.splitlines()
    assert "layers 'lambda' to 'lambda_29', 'last', 'lambda_40', 'lambda_41': Lambda calls 'x'" in first
    assert first.endswith("@replaces_lambda(NAME)")
    assert "layer 'a': Alien" in second
    assert [f"k2t-gen: m.h5: {problem}" for problem in inspect(model).problems] == [first, second]
    with pytest.raises(Unsupported) as refusal:
        convert(model, output=tmp_path / "out")
    assert len(refusal.value.problems) == len(names) + 1


@pytest.mark.parametrize("name", ["missing.h5", "text.h5", "empty.keras", "."])
def test_bad_files_are_one_line_errors(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "empty.keras").write_bytes(b"")
    for command in ("convert", "inspect", "check"):
        result = k2t(command, tmp_path / name)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1
        assert "Traceback" not in result.stderr


def test_names_from_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    model = dense_model(
        tmp_path / "m.h5", [{"class_name": "A\x1b[2J\nlien", "config": {"name": "a\x1b[31m\n"}}]
    )
    result = k2t("convert", model)
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "a?[31m?  A?[2J?lien  " in k2t("inspect", model).stdout


def test_a_bug_is_one_line_and_an_exit_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("codegen.cli.convert.convert", fail)
    result = k2t("convert", MLP)
    assert result.exit_code == 3
    assert result.stderr == "k2t-gen: mlp.h5: a bug of k2t-gen, please report it: RuntimeError: oops\n"


def test_a_wrong_command_line_exits_2() -> None:
    assert k2t("convert").exit_code == 2
    assert k2t("check", MLP, GATED, "--name", "x").exit_code == 2
    assert k2t("convert", MLP, "--colour").exit_code == 2


# -------------------------------------------------------------------- custom layers


def test_custom_layers_last_for_one_conversion(tmp_path: Path) -> None:
    catalogue.load()
    before = dict(registry.registered())
    assert k2t("convert", GATED, "-o", tmp_path, "--custom", CUSTOM[0]).exit_code == 0
    assert registry.registered() == before
    result = k2t("convert", GATED, "-o", tmp_path)
    assert result.exit_code == 1
    assert "'scaled_gate'" in result.stderr


@pytest.mark.parametrize(
    ("code", "says"),
    [("1 +", "SyntaxError"), ("raise ValueError('no')", "ValueError: no"), (None, "no such")],
)
def test_a_faulty_custom_file_is_a_one_line_error(tmp_path: Path, code: str | None, says: str) -> None:
    file = tmp_path / "mine.py"
    if code is not None:
        file.write_text(code)
    result = k2t("convert", MLP, "-o", tmp_path, "--custom", file)
    assert result.exit_code == 1
    assert result.stderr.startswith("k2t-gen: --custom 'mine.py'")
    assert says in result.stderr


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    ours = Path(__file__).parents[2] / "templates" / "model.py.jinja"
    own, faulty = tmp_path / "own", tmp_path / "faulty"
    for folder, text in ((own, "# Ours.\n" + ours.read_text(encoding="utf-8")), (faulty, "{{ nothing }}")):
        folder.mkdir()
        (folder / ours.name).write_text(text, encoding="utf-8")
    assert k2t("convert", MLP, "-o", tmp_path, "--template-dir", own).exit_code == 0
    assert (tmp_path / "mlp.py").read_text(encoding="utf-8").startswith("# Ours.\n")
    assert k2t("convert", MLP, "-o", tmp_path, "--template-dir", faulty).exit_code == 1


# -------------------------------------------------------------------- inspect


def test_inspect_shows_layers() -> None:
    result = k2t("inspect", MLP)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["hidden_2", "Dense", "(None,", "16)", "528"] in rows
    assert result.stdout.endswith("can be converted\n")


def test_inspect_as_json_shows_what_stands_in_the_way() -> None:
    result = k2t("inspect", GATED, "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)["models"]
    assert found["convertible"] is False
    assert len(found["problems"]) == 1
    by_name = {layer["name"]: layer for layer in found["layers"]}
    assert by_name["project"]["output_shapes"] == [[None, 8]]
    assert by_name["scaled_gate"]["problems"]
    assert by_name["score"] == {
        "name": "score", "class_name": "Dense", "output_shapes": [], "parameter_count": None, "problems": [],
    }  # fmt: skip


def test_inspect_with_custom_layers() -> None:
    found = inspect(GATED, custom=CUSTOM)
    assert isinstance(found, Inspection)
    assert found.convertible
    assert found.parameter_count == 193
    assert [output.name for output in found.outputs] == ["score"]


def test_inspect_sees_weights_that_do_not_fit(tmp_path: Path) -> None:
    wrong = {"dense": {"dense/kernel:0": DENSE["dense"]["dense/bias:0"]}}
    config = json.loads(json.dumps(CONFIG))
    config["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 3]
    found = inspect(write_whole_h5(tmp_path / "m.h5", config, wrong))
    assert not found.convertible


def test_inspect_neither_needs_torch_nor_time() -> None:
    code = (
        f"import sys; from codegen import inspect; inspect({os.fspath(MLP)!r}); "
        "print({'torch', 'black', 'jinja2', 'codegen.passes', 'codegen.emit'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# -------------------------------------------------------------------- check


def test_check_is_quiet_where_nothing_differs(tmp_path: Path) -> None:
    convert(MLP, output=tmp_path)
    result = k2t("check", MLP, "-o", tmp_path)
    assert (result.exit_code, result.output) == (0, "")


def test_check_shows_a_diff(tmp_path: Path) -> None:
    source = convert(MLP, output=tmp_path).source_path
    source.write_text(source.read_text(encoding="utf-8").replace("F.relu", "F.gelu"), encoding="utf-8")
    result = k2t("check", MLP, "-o", tmp_path)
    assert result.exit_code == 4
    assert "-        x = F.gelu(self.hidden_1(pixels))" in result.stdout
    assert "+        x = F.relu(self.hidden_1(pixels))" in result.stdout


def test_check_compares_weights_where_they_are(tmp_path: Path) -> None:
    weights = convert(MLP, output=tmp_path).weights_path
    assert weights is not None
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    result = k2t("check", MLP, "-o", tmp_path)
    assert result.exit_code == 4
    assert "mlp.pt holds other weights than mlp.h5" in result.stdout
    weights.unlink()
    assert k2t("check", MLP, "-o", tmp_path).exit_code == 0


def test_check_goes_on_after_a_model_that_fails(tmp_path: Path) -> None:
    convert(MLP, output=tmp_path)
    (tmp_path / "mlp.py").write_text("")
    result = k2t("check", GATED, MLP, "-o", tmp_path)
    assert result.exit_code == 4
    assert "there is no gated.py" in result.stderr
    assert "+class ConvertedModel" in result.stdout


def test_check_looks_next_to_the_model(tmp_path: Path) -> None:
    model = tmp_path / "mlp.h5"
    model.write_bytes(MLP.read_bytes())
    with pytest.raises(ConversionError, match=r"there is no mlp\.py next to the model"):
        check(model)
    convert(model, output=tmp_path)
    assert not check(model)
    assert check(model, Options(class_name="Digits"))


def test_check_writes_nothing(tmp_path: Path) -> None:
    model = write_keras(tmp_path / "m.keras", more={"config": json.dumps(CONFIG)})
    before = sorted(tmp_path.iterdir())
    k2t("check", model)
    assert sorted(tmp_path.iterdir()) == before
