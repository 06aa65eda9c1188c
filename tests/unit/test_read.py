"""Reading every container that Keras has written; no Keras needed."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from codegen.errors import UnreadableFile
from codegen.model.saved_model import LayerWeights, PathWeights, SavedModel, StoredTensor
from codegen.read.reader import read_model
from tests.support.keras_files import (
    BIAS,
    CONFIG,
    KERNEL,
    TREE,
    tree_bytes,
    write_keras,
    write_layers,
    write_tree,
    write_whole_h5,
)


def dense(saved: SavedModel) -> list[StoredTensor]:
    """The two tensors of the layer `dense`, in whichever layout."""
    if isinstance(saved.weights, LayerWeights):
        return list(saved.weights.groups["dense"])
    assert isinstance(saved.weights, PathWeights)
    return [saved.weights.tensors[path] for path in TREE]


def assert_dense(saved: SavedModel) -> None:
    kernel, bias = dense(saved)
    assert (kernel.shape, kernel.dtype) == ((3, 2), "float32")
    np.testing.assert_array_equal(kernel.read(), KERNEL)
    np.testing.assert_array_equal(bias.read(), BIAS)


@pytest.mark.parametrize("version", ["2.2.4-tf", b"2.2.4-tf", np.array([b"2.2.4-tf"])])
def test_whole_h5(tmp_path: Path, version: Any) -> None:
    path = write_whole_h5(tmp_path / "any.name", keras_version=version, backend=b"theano")
    with read_model(str(path)) as saved:
        assert_dense(saved)
        assert saved.config == CONFIG
        assert (saved.keras_version, saved.backend, saved.file_name) == ("2.2.4-tf", "theano", "any.name")
        assert saved.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert isinstance(saved.weights, LayerWeights)
        assert list(saved.weights.groups) == ["dense", "dropout"]
        assert saved.weights.groups["dropout"] == ()
        assert [tensor.name for tensor in dense(saved)] == ["dense/kernel:0", "dense/bias:0"]


def test_keras_1_says_no_version(tmp_path: Path) -> None:
    with read_model(write_whole_h5(tmp_path / "model.h5")) as saved:
        assert (saved.keras_version, saved.backend) == ("1", "")


def test_variable_length_strings(tmp_path: Path) -> None:
    path = write_whole_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps(CONFIG)
        group = file["model_weights"]
        group.attrs["layer_names"] = np.array(["dense", "dropout"], dtype=object)
        group["dense"].attrs["weight_names"] = np.array(["dense/kernel:0", "dense/bias:0"], dtype=object)
    with read_model(path) as saved:
        assert_dense(saved)


def test_weights_at_the_root_of_a_whole_model(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(CONFIG)
        write_layers(file, {"dense": {"dense_1_W": KERNEL, "dense_1_b": BIAS}})
    with read_model(tmp_path / "model.h5") as saved:
        assert_dense(saved)


def test_chunked_attributes(tmp_path: Path) -> None:
    path = write_whole_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        group = file["model_weights"]
        del group.attrs["layer_names"], group["dense"].attrs["weight_names"]
        group.attrs["layer_names0"], group.attrs["layer_names1"] = [b"dropout"], [b"dense"]
        for number, name in enumerate((b"dense/kernel:0", b"dense/bias:0")):
            group["dense"].attrs[f"weight_names{number}"] = [name]
    with read_model(path) as saved:
        assert_dense(saved)
        assert isinstance(saved.weights, LayerWeights)
        assert list(saved.weights.groups) == ["dropout", "dense"]


def test_layer_names_with_slashes_and_a_repeated_weight_name(tmp_path: Path) -> None:
    layers = {"block": {"block/kernel:0": KERNEL}, "block/conv": {"kernel:0": BIAS}}
    path = write_whole_h5(tmp_path / "model.h5", layers=layers)
    with h5py.File(path, "a") as file:
        file["model_weights/block"].attrs["weight_names"] = [b"block/kernel:0", b"block/kernel:0"]
    with read_model(path) as saved:
        assert isinstance(saved.weights, LayerWeights)
        shapes = {name: [t.shape for t in group] for name, group in saved.weights.groups.items()}
    assert shapes == {"block": [(3, 2), (3, 2)], "block/conv": [(2,)]}


def test_top_level_model_weights(tmp_path: Path) -> None:
    path = write_whole_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        group = file.create_group("model_weights/top_level_model_weights")
        group.attrs["weight_names"] = [b"scale"]
        group["scale"] = np.float32(3)
    with read_model(path) as saved:
        assert isinstance(saved.weights, LayerWeights)
        assert [(t.name, t.shape, t.read().item()) for t in saved.weights.top_level] == [("scale", (), 3.0)]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_keras_archive(tmp_path: Path, compression: int) -> None:
    path = write_keras(tmp_path / "model.zip", compression=compression)
    with read_model(path) as saved:
        assert_dense(saved)
        assert isinstance(saved.weights, PathWeights)
        assert set(saved.weights.tensors) == set(TREE)
        assert (saved.keras_version, saved.backend, saved.assets) == ("3.12.0", "", None)


def test_hdf5_within_an_archive_is_not_taken_for_a_user_block(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    gap = 512 - 30 - len("metadata.json") - 30 - len("model.weights.h5")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.5"}'.ljust(gap))
        archive.writestr("model.weights.h5", tree_bytes())
        archive.writestr("config.json", json.dumps(CONFIG))
    assert path.read_bytes()[512:516] == b"\x89HDF"
    with read_model(path) as saved:
        assert_dense(saved)
        assert saved.keras_version == "3.0.5"


def test_hdf5_with_a_user_block(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.attrs["model_config"] = json.dumps(CONFIG)
        write_layers(file.create_group("model_weights"), {"dense": {"kernel": KERNEL, "bias": BIAS}})
    with read_model(path) as saved:
        assert_dense(saved)


def test_archive_from_windows(tmp_path: Path) -> None:
    tensors = {"layers\\dense/vars/0": KERNEL, "layers\\dense/vars/1": BIAS}
    asset = "assets\\layers\\text\\vocabulary.txt"
    path = write_keras(tmp_path / "model.keras", tensors, more={asset: "a\nb"})
    with read_model(path) as saved:
        assert_dense(saved)
        assert saved.assets is not None
        assert dict(saved.assets) == {"layers/text/vocabulary.txt": b"a\nb"}


def test_training_state_is_left_out(tmp_path: Path) -> None:
    tensors = {**TREE, "optimizer/vars/0": BIAS, "metrics/mean/vars/0": BIAS}
    with read_model(write_keras(tmp_path / "model.keras", tensors)) as saved:
        assert isinstance(saved.weights, PathWeights)
        assert set(saved.weights.tensors) == set(TREE)


def test_what_a_user_puts_into_a_weights_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    path.write_bytes(tree_bytes())
    with h5py.File(path, "a") as file:
        file["layers/dense/notes"] = "not numbers"
        file["notes"] = "not numbers"
        file["mine/vars/0"] = "not numbers"
        file["mine/loop"] = file["mine"]
        file["elsewhere"] = h5py.SoftLink("/layers")
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    with read_model(tmp_path / "model.json", path) as saved:
        assert_dense(saved)
        assert isinstance(saved.weights, PathWeights)
        assert set(saved.weights.tensors) == set(TREE)


def test_objects_without_arrays_and_their_names(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    path.write_bytes(tree_bytes())
    with h5py.File(path, "a") as file:
        file.create_group("layers/functional\\vars").attrs["name"] = "encoder"
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    with read_model(tmp_path / "model.json", path) as saved:
        assert isinstance(saved.weights, PathWeights)
        assert saved.weights.folders == {
            "": "sequential",
            "layers/dense/": "",
            "layers/functional/": "encoder",
        }


def test_archive_of_2_13(tmp_path: Path) -> None:
    tensors = {"_layer_checkpoint_dependencies/dense_1/vars/0": KERNEL}
    with read_model(write_keras(tmp_path / "model.keras", tensors)) as saved:
        assert isinstance(saved.weights, PathWeights)
        assert set(saved.weights.tensors) == set(tensors)


@pytest.mark.parametrize(
    ("text", "class_name"),
    [
        (json.dumps(CONFIG), "Sequential"),
        (json.dumps(json.dumps(CONFIG)), "Sequential"),
        (json.dumps(CONFIG["config"]), "Sequential"),
        (json.dumps(CONFIG["config"]["layers"]), "Sequential"),
        (json.dumps({"layers": [], "input_layers": [], "output_layers": []}), "Functional"),
        ("\ufeff  " + json.dumps({**CONFIG, "x": float("nan")}), "Sequential"),
    ],
)
def test_architecture_json(tmp_path: Path, text: str, class_name: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    with read_model(path) as saved:
        assert saved.config["class_name"] == class_name
        assert saved.weights is None
        assert saved.keras_version == "1"


def test_json_with_legacy_weights(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({**CONFIG, "backend": "tensorflow"}))
    with h5py.File(tmp_path / "weights", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.2", b"theano"
        write_layers(file, {"dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS}})
    with read_model(tmp_path / "model.json", tmp_path / "weights") as saved:
        assert_dense(saved)
        assert (saved.keras_version, saved.backend, saved.file_name) == ("2.1.2", "theano", "model.json")


def test_json_with_keras_3_weights(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"module": "keras", **CONFIG}))
    write_tree(tmp_path / "model.weights.h5")
    with read_model(tmp_path / "model.json", tmp_path / "model.weights.h5") as saved:
        assert_dense(saved)
        assert saved.keras_version == "3"


@pytest.mark.parametrize("write", [write_whole_h5, write_keras])
def test_json_with_a_whole_model_as_weights(tmp_path: Path, write: Any) -> None:
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    with read_model(tmp_path / "model.json", write(tmp_path / "model")) as saved:
        assert_dense(saved)


def test_sharded_weights(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    for number, (name, array) in enumerate(TREE.items()):
        write_tree(tmp_path / f"model_0000{number}.weights.h5", {name: array})
    shards = ["model_00000.weights.h5", "model_00001.weights.h5"]
    index = {"metadata": {"total_size": 32}, "weight_map": {"/layers/dense/vars": shards, "/x": shards[0]}}
    (tmp_path / "model.weights.json").write_text(json.dumps(index))
    with read_model(tmp_path / "model.json", tmp_path / "model.weights.json") as saved:
        assert_dense(saved)


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    bits = np.array([0x3F80, 0xBF40, 0x0001, 0x7F80], dtype="<u2")
    with read_model(write_keras(tmp_path / "m.keras", {"layers/dense/vars/0": bits.view("V2")})) as saved:
        assert isinstance(saved.weights, PathWeights)
        tensor = saved.weights.tensors["layers/dense/vars/0"]
        assert tensor.dtype == "bfloat16"
        values = tensor.read()
    assert values.dtype == np.float32
    assert values.tolist() == [1.0, -0.75, 2.0**-133, np.inf]


@pytest.mark.parametrize("dtype", [">f4", "<f2", ">f8", "i1", ">i8", "?"])
def test_other_types_keep_their_values(tmp_path: Path, dtype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    with read_model(write_whole_h5(tmp_path / "m.h5", layers={"dense": {"w": array}})) as saved:
        (tensor,) = dense(saved)
        values = tensor.read()
    assert tensor.dtype == str(values.dtype) == array.dtype.newbyteorder("=").name
    np.testing.assert_array_equal(values, array)


def test_compressed_and_empty_arrays(tmp_path: Path) -> None:
    path = write_whole_h5(tmp_path / "m.h5", layers={"dense": {"empty": np.zeros((0, 4), np.float32)}})
    with h5py.File(path, "a") as file:
        layer = file["model_weights/dense"]
        layer.create_dataset("zeros", data=np.zeros((1000, 1000), np.float32), compression="gzip")
        layer.attrs["weight_names"] = [b"empty", b"zeros"]
    with read_model(path) as saved:
        assert [t.read().shape for t in dense(saved)] == [(0, 4), (1000, 1000)]


def test_a_closed_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with read_model(write_whole_h5(tmp_path / "model.h5")) as saved:
        pass
    with pytest.raises(UnreadableFile, match=r"model\.h5"):
        dense(saved)[0].read()


def test_reading_imports_no_framework() -> None:
    import subprocess

    code = "import sys, codegen.read; print({'torch', 'keras', 'tensorflow', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
