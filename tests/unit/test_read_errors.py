"""What is no Keras model, is damaged or is hostile: one line that says what it is and what to do."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from codegen.errors import UnreadableFile
from codegen.read.reader import read_model
from tests.support.keras_files import (
    CONFIG,
    KERNEL,
    TREE,
    tree_bytes,
    write_keras,
    write_tree,
    write_whole_h5,
    write_zip,
)


def refusal(path: Path, weights: Path | None = None) -> str:
    """The message with which the file is refused."""
    with pytest.raises(UnreadableFile) as caught, read_model(path, weights):
        pass
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    return message


FOREIGN = {
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
    "pickle2": (pickle.dumps({"a": [1]}, protocol=2), "pickle"),
    "pickle5": (pickle.dumps({"a": [1]}, protocol=5), "pickle"),
    "pickle0": (pickle.dumps({"a": [1]}, protocol=0), "pickle"),
    "pickled class": (b"cos\nsystem\n(S'true'\ntR.", "pickle"),
    "tflite": (b"\x1c\0\0\0TFL3\x14\0", "TensorFlow Lite"),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x041.13", "ONNX"),
    "saved_model.pb": (b"\x08\x01\x12\xbb\x02\n\xb0", "SavedModel"),
    "graph.pb": (b"\n3\n\x05input\x12\x0bPlaceholder", "TensorFlow graph"),
    "html": (b"\n<!DOCTYPE html><html>", "web page"),
    "gzip": (b"\x1f\x8b\x08\0", "unpack"),
    "tar": (b"model.h5".ljust(257, b"\0") + b"ustar", "unpack"),
    "npy": (b"\x93NUMPY\x01\0", "NumPy"),
    "checkpoint": (b'model_checkpoint_path: "cp"', "checkpoint"),
    "yaml": (b"backend: tensorflow\nclass_name: Model\n", "YAML"),
    "unknown": (bytes(range(200, 256)), "unknown file"),
    "empty": (b"", "empty"),
    "json": (b'{"a": 1}', "no Keras architecture"),
    "json list": (b"[1, 2]", "no Keras architecture"),
    "json number in a string": (b'"3"', "no Keras architecture"),
    "truncated json": (b'{"class_name": "Model", "config": {"lay', "truncated or damaged"),
    "latin-1 json": (b'{"class_name": "\xe9", "config": {}}', "truncated or damaged"),
    "surrogate": (b'{"class_name": "\\ud800", "config": {}}', "Unicode"),
    "deep json": (b"[" * 10**6, "nested"),
    "deep, closed json": (b"[" * 300 + b"]" * 300, "nested"),
    "long number": (b"[" + b"1" * 10**5 + b"]", "damaged"),
    "truncated signature": (b"\x89HDF\r\n\x1a\n", "truncated or damaged"),
    "zip head": (b"PK\x03\x04" + bytes(100), "truncated or damaged"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files(tmp_path: Path, kind: str) -> None:
    content, said = FOREIGN[kind]
    (tmp_path / "model.h5").write_bytes(content)
    message = refusal(tmp_path / "model.h5")
    assert said in message and "model.h5" in message


def test_no_file_and_folders(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nothing.h5")
    assert "no such file" in refusal(Path("a\0b"))
    assert "folder" in refusal(tmp_path)
    for name in ("config.json", "model.weights.h5"):
        (tmp_path / name).touch()
    assert "unpacked .keras" in refusal(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    assert "saved_model.pb: the file has 0 bytes" in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.h5")
    assert "regular file" in refusal(tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"archive/data.pkl": b""}, "PyTorch"),
        ({"m/saved_model.pb": b""}, "SavedModel"),
        ({"a.npy": b""}, "NumPy"),
        ({"m/model.h5": b""}, "unpack"),
        ({"readme.txt": b""}, "no config.json"),
        ({}, "no config.json"),
        ({"config.json": "{}"}, "no Keras architecture"),
        ({"config.json": json.dumps(CONFIG)}, "no model.weights.h5"),
        ({"config.json": json.dumps(CONFIG), "model.weights.h5": b"no"}, "truncated or damaged"),
        ({"config.json": json.dumps(CONFIG), "model.weights.h5": tree_bytes()[:900]}, "truncated or damaged"),
    ],
)
def test_archives(tmp_path: Path, members: dict[str, Any], said: str) -> None:
    assert said in refusal(write_zip(tmp_path / "model.keras", members))


@pytest.mark.parametrize("write", [write_whole_h5, write_keras])
def test_truncated_files(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / "model")
    whole = path.read_bytes()
    for size in (30, 600, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:size])
        assert "truncated or damaged" in refusal(path)


def test_damaged_bytes_never_give_another_error(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "model.keras")
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + b"\xff\xfe" + whole[place + 2 :])
        try:
            with read_model(path):
                pass
        except UnreadableFile:
            pass


def test_zip_bombs(tmp_path: Path) -> None:
    big = b" " * (257 * 2**20)
    deflated = zipfile.ZIP_DEFLATED
    bomb = write_keras(tmp_path / "a.keras", compression=deflated, more={"config.json": big})
    assert "limit is 256 MB" in refusal(bomb)
    bomb = write_keras(tmp_path / "b.keras", compression=deflated, more={"model.weights.h5": big})
    assert "would grow" in refusal(bomb)


def test_encrypted_archive(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "model.keras")
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    while entry >= 0:
        content[entry + 8] |= 1
        entry = content.find(b"PK\x01\x02", entry + 4)
    path.write_bytes(content)
    assert "encrypted" in refusal(path)


def test_weights_without_an_architecture(tmp_path: Path) -> None:
    write_tree(tmp_path / "keras3.weights.h5")
    assert "--weights" in refusal(tmp_path / "keras3.weights.h5")
    legacy = write_whole_h5(tmp_path / "legacy.h5")
    with h5py.File(legacy, "a") as file:
        del file.attrs["model_config"]
    assert "--weights" in refusal(legacy)
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    assert "--weights" in refusal(legacy, tmp_path / "model.json")
    assert "holds no weights" in refusal(tmp_path / "model.json", tmp_path / "model.json")
    assert "no such file" in refusal(tmp_path / "model.json", tmp_path / "absent.h5")


@pytest.mark.parametrize(
    "shard", ["../secret.h5", "/etc/x.h5", "..\\x.h5", "C:x.h5", "..", "", 3, "absent.h5"]
)
def test_shards_outside_the_folder(tmp_path: Path, shard: object) -> None:
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    (tmp_path / "w.json").write_text(json.dumps({"weight_map": {"/layers/dense/vars": shard}}))
    message = refusal(tmp_path / "model.json", tmp_path / "w.json")
    assert "no file beside it" in message or "is missing" in message


def _foreign_h5(file: h5py.File) -> None:
    del file["model_weights"], file.attrs["model_config"]
    file["data"] = KERNEL


def _keras_0(file: h5py.File) -> None:
    _foreign_h5(file)
    file.attrs["nb_layers"] = 3


def _no_weights(file: h5py.File) -> None:
    del file["model_weights"]


def _missing_layer(file: h5py.File) -> None:
    del file["model_weights/dense"]


def _missing_weight(file: h5py.File) -> None:
    del file["model_weights/dense/dense/kernel:0"]


def _duplicate_layer(file: h5py.File) -> None:
    file["model_weights"].attrs["layer_names"] = [b"dense", b"dense"]


def _odd_names(file: h5py.File) -> None:
    file["model_weights"].attrs["layer_names"] = [1, 2]


def _odd_config(file: h5py.File) -> None:
    file.attrs["model_config"] = np.arange(3)


def _layer_is_an_array(file: h5py.File) -> None:
    del file["model_weights/dense"]
    file["model_weights/dense"] = KERNEL


def _replace_kernel(file: h5py.File, value: Any) -> None:
    del file["model_weights/dense/dense/kernel:0"]
    file["model_weights/dense/dense/kernel:0"] = value


def _external_link(file: h5py.File) -> None:
    _replace_kernel(file, h5py.ExternalLink("secret.h5", "/x"))


def _external_link_to_the_group(file: h5py.File) -> None:
    del file["model_weights"]
    file["model_weights"] = h5py.ExternalLink("secret.h5", "/")


def _soft_link(file: h5py.File) -> None:
    _replace_kernel(file, h5py.SoftLink("/model_weights/dense/dense/bias:0"))


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (3, 2))
    del file["model_weights/dense/dense/kernel:0"]
    file.create_virtual_dataset("model_weights/dense/dense/kernel:0", layout)


def _external_storage(file: h5py.File) -> None:
    del file["model_weights/dense/dense/kernel:0"]
    file.create_dataset("model_weights/dense/dense/kernel:0", (3, 2), "f4", external=[("secret", 0, 24)])


def _strings(file: h5py.File) -> None:
    _replace_kernel(file, np.array(["a", "b"], dtype=object))


def _compound(file: h5py.File) -> None:
    _replace_kernel(file, np.zeros(3, dtype=[("a", "f4")]))


def _null(file: h5py.File) -> None:
    _replace_kernel(file, h5py.Empty("f4"))


def _huge(file: h5py.File) -> None:
    _replace_kernel(file, KERNEL)
    del file["model_weights/dense/dense/kernel:0"]
    file.create_dataset("model_weights/dense/dense/kernel:0", (2**20, 2**30), "f4", chunks=(1, 1024))


def _huge_compressed(file: h5py.File) -> None:
    del file["model_weights/dense/dense/kernel:0"]
    kernel = file.create_dataset(
        "model_weights/dense/dense/kernel:0", (2**20, 2**30), "f4", chunks=(1, 1024), compression="gzip"
    )
    kernel[0, :1024] = 1


TRICKS: dict[Callable[[h5py.File], None], str] = {
    _foreign_h5: "not from Keras",
    _keras_0: "Keras 0.x",
    _no_weights: "no weights",
    _missing_layer: "missing",
    _missing_weight: "missing",
    _duplicate_layer: "twice",
    _odd_names: "not a list of names",
    _odd_config: "not a string",
    _layer_is_an_array: "array where a group",
    _external_link: "ExternalLink",
    _external_link_to_the_group: "ExternalLink",
    _soft_link: "SoftLink",
    _virtual: "elsewhere",
    _external_storage: "elsewhere",
    _strings: "not numbers",
    _compound: "not numbers",
    _null: "no shape",
    _huge: "declares",
    _huge_compressed: "declares",
}


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__.strip("_"))
def test_hdf5_tricks(tmp_path: Path, trick: Callable[[h5py.File], None]) -> None:
    path = write_whole_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        trick(file)
    assert TRICKS[trick] in refusal(path)


@pytest.mark.parametrize("target", ["/", "/layers/dense"])
def test_loops_in_the_tree(tmp_path: Path, target: str) -> None:
    path = tmp_path / "model.weights.h5"
    write_tree(path, TREE)
    with h5py.File(path, "a") as file:
        file["layers/dense/again"] = file[target]
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    assert "linked twice" in refusal(tmp_path / "model.json", path)


def test_a_link_in_the_tree(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    write_tree(path)
    with h5py.File(path, "a") as file:
        file["layers/other"] = h5py.ExternalLink("secret.h5", "/")
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    assert "ExternalLink" in refusal(tmp_path / "model.json", path)
