"""What is nearly a Keras model, or was made from one, is named for what it is, with what can be done."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import h5py
import pytest
from click.testing import CliRunner

from codegen import Options, convert, inspect
from codegen.cli import main
from codegen.errors import MAX_MESSAGE, ConversionError
from tests.support.configs import by_keras, entry, functional, input_entry
from tests.support.keras_files import KERNEL, write_layers, write_whole_h5
from tests.support.showcase import EXAMPLES


def refusal(path: Path) -> str:
    with pytest.raises(ConversionError) as caught:
        inspect(path)
    return str(caught.value)


# -------------------------------------------------------------------- names of modules


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("weights.01-0.93.hdf5", "weights_01_0_93"),
        ("weights.02-0.91.hdf5", "weights_02_0_91"),
        ("net.v1.h5", "net_v1"),
        ("net.v1", "net_v1"),
        ("model.weights.h5", "model"),
        ("model.weights.json", "model"),
        ("MODEL.H5", "MODEL"),
        (".h5", "model"),
        ("torch.h5", "torch_"),
        ("numpy.keras", "numpy_"),
        ("json.json", "json_"),
        ("class.h5", "class_"),
        ("m" * 150 + ".01.h5", "m" * 150 + "_01"),
    ],
)
def test_the_whole_stem_names_the_module(file: str, module: str) -> None:
    assert Options().module_name(file) == module


@pytest.mark.parametrize("name", [*sorted(sys.stdlib_module_names)[::20], "torch"])
def test_no_module_hides_one_that_it_imports(name: str) -> None:
    made = Options().module_name(f"{name}.h5")
    assert made not in sys.stdlib_module_names and made.isidentifier()
    with pytest.raises(ConversionError, match="--name"):
        Options(name=name).module_name("model.h5")


# -------------------------------------------------------------------- files


@pytest.mark.parametrize("size", [512, 1024, 2048, 4096, 2**16])
def test_hdf5_behind_a_user_block(tmp_path: Path, size: int) -> None:
    path = tmp_path / "block.h5"
    with h5py.File(path, "w", userblock_size=size) as file, h5py.File(EXAMPLES / "mlp.h5") as plain:
        for name in plain:
            plain.copy(name, file)
        file.attrs.update(plain.attrs)
    with path.open("r+b") as stream:
        stream.write(b"something of somebody else")
    assert inspect(path).convertible


def test_a_filter_that_is_not_installed(tmp_path: Path) -> None:
    path = write_whole_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk(KERNEL.shape)
        properties.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)  # blosc's number
        space = h5py.h5s.create_simple(KERNEL.shape)
        array = h5py.h5d.create(group.id, b"kernel:0", h5py.h5t.IEEE_F32LE, space, properties)
        h5py.Dataset(array)[:] = KERNEL
    message = refusal(path)
    assert "HDF5 filter" in message and "hdf5plugin" in message


def test_heaps_of_strings_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential"})  # of variable length: in a heap
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    (size,) = struct.unpack_from("<Q", content, heap + 8)
    content[heap + 16 : heap + size] = bytes(size - 16)
    path.write_bytes(content)
    assert "no end" in refusal(path)


def _written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"format": "layers-model", "modelTopology": {}, "weightsManifest": []}, "tensorflowjs_converter"),
        ({"format": "graph-model", "modelTopology": {"node": []}}, "lost the Keras layers"),
        ({"name": "Sequential", "layers": [{"name": "Dense", "input_dim": 3, "output_dim": 2}]}, "Keras 0.x"),
    ],
)
def test_architectures_of_others(tmp_path: Path, value: Any, said: str) -> None:
    assert said in refusal(_written(tmp_path / "model.json", value))


def test_weights_of_keras_0_and_of_transformers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["nb_layers"] = 1
    assert "Keras 0.x" in refusal(tmp_path / "old.h5") and "Keras 1" not in refusal(tmp_path / "old.h5")
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        name = "tf_bert_for_masked_lm/bert/embeddings/word_embeddings/weight:0"
        write_layers(file, {"bert": {name: KERNEL}})
    assert "transformers" in refusal(tmp_path / "tf_model.h5")
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        write_layers(file, {"tf_model": {"tf_model/kernel:0": KERNEL, "dense/kernel:0": KERNEL}})
    assert "give the architecture" in refusal(tmp_path / "weights.h5")


def test_the_wrapper_for_several_gpus(tmp_path: Path) -> None:
    code = ["4wE=", None, None]
    parts = [
        entry("Lambda", f"lambda_{i}", [["x", 0, 0]], function=code, function_type="lambda",
              arguments={"i": i, "parts": 2})
        for i in range(2)
    ]  # fmt: skip
    joined = entry("Concatenate", "joined", [[["lambda_0", 0, 0], ["lambda_1", 0, 0]]], axis=0)
    model = functional([input_entry("x", 3), *parts, joined], [["x", 0, 0]], [["joined", 0, 0]])
    (problem,) = inspect(_written(tmp_path / "model.json", model)).problems
    assert "multi_gpu_model" in problem and "lambda_0" in problem


# -------------------------------------------------------------------- texts


@pytest.mark.parametrize("name", ["nothing.h5", "empty.h5", "mlp.json"])
def test_a_message_names_the_file_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.h5").touch()
    _written(tmp_path / "mlp.json", functional([input_entry("x", 3)], [["x", 0, 0]], [["x", 0, 0]]))
    result = CliRunner().invoke(main, ["convert", str(tmp_path / name), "-o", str(tmp_path / "out")])
    assert result.exit_code == 1 and result.stderr.count(name) == 1, result.stderr


@pytest.mark.parametrize("name", ["a" * 10_000, "a name with spaces " * 600])
def test_no_message_is_long(tmp_path: Path, name: str) -> None:
    layers = [input_entry("x", 3), entry("Dense", name, [["x", 0, 0]], units=-1, **{name: 1})]
    model = functional(layers, [["x", 0, 0]], [[name, 0, 0]])
    for problem in inspect(_written(tmp_path / "model.json", model)).problems:
        assert len(problem) <= MAX_MESSAGE and "Dense" in problem


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (["x", 0, 1], "its tensor 2 is read, but it puts out only one tensor"),
        (["x", 1, 0], "the output of its call 2 is read, but it is called only once"),
    ],
)
def test_tensors_that_nobody_puts_out(tmp_path: Path, output: list[Any], said: str) -> None:
    model = functional([input_entry("x", 3)], [["x", 0, 0]], [output])
    assert said in refusal(_written(tmp_path / "model.json", model))


# -------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("class_name", "option", "value", "said"),
    [
        ("Dropout", "rate", 2.1, "from 0 to 1"),
        ("Dropout", "rate", float("nan"), "from 0 to 1"),
        ("LayerNormalization", "epsilon", -0.1, "at least 0"),
        ("Dense", "units", 0, "at least 1"),
        ("Dense", "units", 2**63, "64 bits"),
        ("ReLU", "max_value", 1e39, "those of float32"),
        ("RepeatVector", "n", 2**50, "2**40 elements"),
        ("RepeatVector", "n", -2, "at least 0"),
    ],
)
def test_numbers_that_an_option_cannot_be(
    tmp_path: Path, class_name: str, option: str, value: float, said: str
) -> None:
    layer = entry(class_name, "layer", [["x", 0, 0]], **{option: value})
    model = by_keras(functional([input_entry("x", 3), layer], [["x", 0, 0]], [["layer", 0, 0]]))
    (problem,) = inspect(_written(tmp_path / "model.json", model)).problems
    assert "layer 'layer'" in problem and said in problem


@pytest.mark.parametrize("shape", [[2**40, 2**40], [2**63]])
def test_inputs_that_no_memory_holds(tmp_path: Path, shape: list[int]) -> None:
    model = functional([input_entry("x", *shape)], [["x", 0, 0]], [["x", 0, 0]])
    assert "2**40 elements" in refusal(_written(tmp_path / "model.json", model))


@pytest.mark.parametrize(
    ("said", "blames"),
    [
        ([2, 2], r"layer 'a' puts out .* \(5, 2\)"),
        ([5, 2], r"layer 's': torch does not compute it \(RuntimeError: "),
    ],
)
def test_what_cannot_be_computed_is_blamed_on_what_contradicts_itself_or_on_its_layer(
    tmp_path: Path, said: list[int], blames: str
) -> None:
    def tensor(name: str, shape: list[Any]) -> dict[str, Any]:
        config = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": config}

    call = {"args": [tensor("a", said), tensor("b", [2])], "kwargs": {}}
    solve = {
        "module": "keras.src.ops.linalg", "class_name": "Lstsq", "name": "s",
        "config": {"name": "s"}, "inbound_nodes": [call],
    }  # fmt: skip
    inputs = [input_entry("a", 2), input_entry("b")]
    inputs[0]["config"]["batch_shape"], inputs[1]["config"]["batch_shape"] = [5, 2], [2]
    model = functional([*inputs, solve], [["a", 0, 0], ["b", 0, 0]], [["s", 0, 0]])
    path = write_whole_h5(tmp_path / "model.h5", model, {}, keras_version="3.12.0")
    with pytest.raises(ConversionError, match=blames):
        convert(path, output=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
