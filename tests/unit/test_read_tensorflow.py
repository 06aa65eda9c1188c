"""SavedModel folders and checkpoints that TensorFlow wrote: read whole, without TensorFlow."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codegen import ConversionError, inspect
from codegen.errors import UnreadableFile
from codegen.model.saved_model import ObjectWeights, SavedModel
from codegen.read.reader import read_model
from codegen.read.tensorflow.bundle import open_bundle
from codegen.read.tensorflow.checksum import masked_crc32c
from codegen.read.tensorflow.table import read_table
from tests.support.keras_files import BIAS, KERNEL
from tests.support.tensorflow_files import (
    CONFIG,
    OBJECTS,
    ROOT,
    SHAPE,
    TENSORS,
    block,
    entry,
    message,
    table,
    write_bundle,
    write_old_saved_model,
    write_saved_model,
)

WHOLE_CONFIG = json.loads(json.dumps(CONFIG).replace(json.dumps(SHAPE), "[null, 3]"))


def assert_dense(saved: SavedModel) -> None:
    assert isinstance(saved.weights, ObjectWeights)
    model = saved.weights.objects[saved.weights.models[""]]
    layer = saved.weights.objects[model.layers[0]]
    found = [saved.weights.objects[layer.edges[name]].tensor for name in ("kernel", "bias")]
    for tensor, expected in zip(found, (KERNEL, BIAS), strict=True):
        assert tensor is not None
        assert (tensor.shape, tensor.dtype) == (expected.shape, "float32")
        np.testing.assert_array_equal(tensor.read(), expected)


@pytest.fixture
def architecture(tmp_path: Path) -> Path:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(WHOLE_CONFIG))
    return path


# -------------------------------------------------------------------- what is read


@pytest.mark.parametrize("write", [write_saved_model, write_old_saved_model])
def test_saved_model(tmp_path: Path, write: Any) -> None:
    with read_model(write(tmp_path / "net")) as saved:
        assert_dense(saved)
        assert saved.config == WHOLE_CONFIG
        assert (saved.keras_version, saved.file_name) == ("2.10.0", "net")
        assert len(saved.sha256) == 64
    assert inspect(tmp_path / "net").problems == ()


def test_version_of_tensorflow_where_keras_says_none(tmp_path: Path) -> None:
    with read_model(write_saved_model(tmp_path / "net", json.dumps(CONFIG))) as saved:
        assert saved.keras_version == "2.10.1"


def test_export_of_tensorflow_1_has_its_architecture_among_the_assets(tmp_path: Path) -> None:
    write_bundle(tmp_path / "variables" / "variables")
    (tmp_path / "saved_model.pb").write_bytes(message([(1, 1), (2, message([(2, b"")]))]))
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "saved_model.json").write_text(
        json.dumps({**WHOLE_CONFIG, "keras_version": "2.2.4-tf"})
    )
    with read_model(tmp_path) as saved:
        assert_dense(saved)
        assert saved.keras_version == "2.2.4-tf"


@pytest.mark.parametrize("given", ["cp", "cp.index", "cp.data-00000-of-00001", "checkpoint", "."])
def test_checkpoint_by_whatever_names_it(tmp_path: Path, architecture: Path, given: str) -> None:
    write_bundle(tmp_path / "weights" / "cp")
    (tmp_path / "weights" / "checkpoint").write_text('model_checkpoint_path: "/content/run 1/cp"\n')
    with read_model(architecture, tmp_path / "weights" / given) as saved:
        assert_dense(saved)


def test_folder_with_one_checkpoint_and_no_list(tmp_path: Path, architecture: Path) -> None:
    write_bundle(tmp_path / "weights" / "cp")
    with read_model(architecture, tmp_path / "weights") as saved:
        assert_dense(saved)
    write_bundle(tmp_path / "weights" / "cp2")
    with (
        pytest.raises(UnreadableFile, match="several checkpoints"),
        read_model(architecture, tmp_path / "weights"),
    ):
        pass


def test_weights_of_a_saved_model_for_another_architecture(tmp_path: Path, architecture: Path) -> None:
    with read_model(architecture, write_saved_model(tmp_path / "net")) as saved:
        assert_dense(saved)


# -------------------------------------------------------------------- tables and bundles


@pytest.mark.parametrize("size", [0, 9, 40_000, 300_001])
def test_checksum_of_any_length(size: int) -> None:
    data = random.Random(size).randbytes(size)
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    state ^= 0xFFFFFFFF
    assert masked_crc32c(data) == ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(data[:7], data[7:]) == masked_crc32c(data)


def test_table_of_several_blocks(tmp_path: Path) -> None:
    entries = [(b"", b"h"), (b"layer/a", b"1"), (b"layer/b", b""), (b"layer/bc", b"3")]
    (tmp_path / "t").write_bytes(table([entries[:2], entries[2:]]))
    assert [(key, bytes(value)) for key, value in read_table(tmp_path / "t").items()] == entries


def _one_tensor(folder: Path, dtype: int, shape: list[int], data: bytes) -> Any:
    (folder / "x.data-00000-of-00001").write_bytes(data)
    entries = [(b"", message([(1, 1)])), (b"w", entry(dtype, shape, 0, data))]
    (folder / "x.index").write_bytes(table([entries]))
    return open_bundle(folder / "x").tensor("w", "w")


@pytest.mark.parametrize(
    ("number", "dtype"), [(1, "f4"), (2, "f8"), (3, "i4"), (9, "i8"), (10, "?"), (19, "f2")]
)
def test_types(tmp_path: Path, number: int, dtype: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    tensor = _one_tensor(tmp_path, number, [2, 3], array.tobytes())
    assert tensor.dtype == array.dtype.name
    np.testing.assert_array_equal(tensor.read(), array)


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    tensor = _one_tensor(tmp_path, 14, [2], np.array([0x3F80, 0xBF40], "<u2").tobytes())
    assert (tensor.dtype, tensor.read().tolist()) == ("bfloat16", [1.0, -0.75])


def test_scalars_and_empty_tensors(tmp_path: Path) -> None:
    assert _one_tensor(tmp_path, 1, [], np.float32(3).tobytes()).read() == 3
    assert _one_tensor(tmp_path, 1, [2, 0], b"").read().shape == (2, 0)


def test_slices_in_several_files(tmp_path: Path) -> None:
    array = np.arange(12, dtype="f4").reshape(4, 3)
    keys = [b"\0w\0\1\1\2" + place for place in (b"\x80\x81\x80\x7f", b"\x81\x83\x80\x7f")]
    extents = [(0, 1), (1, 3)]
    slices = [message([(1, message([(1, a), (2, n)])), (1, b"")]) for a, n in extents]
    whole = message(
        [(1, 1), (2, message([(2, message([(1, size)])) for size in (4, 3)])), *((7, s) for s in slices)]
    )
    parts = [array[a : a + n].tobytes() for a, n in extents]
    entries = [(b"", message([(1, 2)]))]
    for shard, ((_, n), key, part) in enumerate(zip(extents, keys, parts, strict=True)):
        (tmp_path / f"x.data-0000{shard}-of-00002").write_bytes(part)
        entries.append((key, entry(1, [n, 3], 0, part, _3=shard)))
    (tmp_path / "x.index").write_bytes(table([[*entries, (b"w", whole)]]))
    np.testing.assert_array_equal(open_bundle(tmp_path / "x").tensor("w", "w").read(), array)


# -------------------------------------------------------------------- objects


def problems(tmp_path: Path, **bundle: Any) -> str:
    return "; ".join(inspect(write_saved_model(tmp_path / "net", **bundle)).problems)


def test_circles_chains_and_ladders_end(tmp_path: Path) -> None:
    ladder = [({"a": n + 1, "b": n + 1, "again": 0}, "") for n in range(5, 20_000)]
    root = {**OBJECTS[0][0], "ladder": 5}
    assert problems(tmp_path, objects=[(root, ""), *OBJECTS[1:], *ladder, ({}, "")]) == ""


def test_variables_of_other_names_are_taken_in_the_order_of_their_making(tmp_path: Path) -> None:
    renamed = [OBJECTS[0], ({"w": 2, "b": 3}, ""), *OBJECTS[2:]]
    assert problems(tmp_path, objects=renamed) == ""


def test_missing_surplus_and_wrongly_shaped_weights_are_named(tmp_path: Path) -> None:
    missing = [OBJECTS[0], ({"kernel": 2}, ""), *OBJECTS[2:]]
    assert "layer 'dense': the file has no bias of shape (2,) for it" in problems(tmp_path, objects=missing)
    surplus = [OBJECTS[0], ({**OBJECTS[1][0], "scale": 5}, ""), *OBJECTS[2:], ({}, "more")]
    found = problems(tmp_path, objects=surplus, tensors={**TENSORS, "more": BIAS})
    assert "the file has layer-0/scale of shape (2,), which is no weight of the model" in found
    found = problems(tmp_path, tensors={"layer/kernel": KERNEL.T.copy(), "layer/bias": BIAS})
    assert "kernel should have shape (3, 2), but layer/kernel has (2, 3)" in found
    more = [({"layer-0": 1, "layer-1": 1, "layer-2": 1}, ""), *OBJECTS[1:]]
    assert "has 2 layers, but 3 in the file" in problems(tmp_path, objects=more)


def test_checkpoint_of_several_models(tmp_path: Path, architecture: Path) -> None:
    other = [({"layer-0": 7, "layer-1": 7}, ""), ({}, "")]
    objects = [({"step": 2, "net": 1, "other": 6}, ""), ({"layer-0": 3}, ""), ({}, "")]
    objects += [({"kernel": 4, "bias": 5}, ""), ({}, "layer/kernel"), ({}, "layer/bias"), *other]
    write_bundle(tmp_path / "cp", objects=objects)
    assert inspect(architecture, weights=tmp_path / "cp").problems == ()
    objects[6] = ({"layer-0": 3}, "")
    write_bundle(tmp_path / "cp", objects=objects)
    assert (
        "several models that fit ('net', 'other')"
        in inspect(architecture, weights=tmp_path / "cp").problems[0]
    )


# -------------------------------------------------------------------- what is refused


def refusal(path: Path, weights: Path | None = None) -> str:
    with pytest.raises(ConversionError) as raised, read_model(path, weights) as saved:
        assert isinstance(saved.weights, ObjectWeights)
        for found in saved.weights.objects.values():
            if found.tensor is not None:
                found.tensor.read()
    return str(raised.value)


def test_parts_of_a_saved_model_are_named(tmp_path: Path) -> None:
    folder = write_saved_model(tmp_path / "net")
    assert "give the folder that it is in" in refusal(folder / "saved_model.pb")
    assert "give the folder that it is in" in refusal(folder / "keras_metadata.pb")
    assert "holds weights only" in refusal(folder / "variables")
    (folder / "variables" / "variables.index").unlink()
    assert "variables/variables.index is missing" in refusal(folder)
    (folder / "keras_metadata.pb").unlink()
    assert "keras_metadata.pb, which describes the layers, is missing" in refusal(folder)
    (folder / "saved_model.pb").unlink()
    assert "saved_model.pb is missing" in refusal(folder)
    (folder / "saved_model.pbtxt").touch()
    assert "in text form" in refusal(folder)


def test_saved_models_without_layers_are_named(tmp_path: Path) -> None:
    assert "saved for serving" in refusal(write_saved_model(tmp_path / "a", None, "_generic_user_object"))
    folder = write_saved_model(tmp_path / "b", None)
    (folder / "saved_model.pb").write_bytes(message([(1, 1), (2, message([(2, b"")]))]))
    assert "written by TensorFlow 1" in refusal(folder)
    subclassed = json.dumps({"class_name": "Net", "config": {"hidden": 3}})
    folder = write_saved_model(tmp_path / "c", subclassed, "_tf_keras_model")
    with pytest.raises(ConversionError, match="'Net' and lists no layers"):
        inspect(folder)
    lost = json.dumps({"class_name": "Model", "config": {}})
    assert "has no get_config()" in refusal(write_saved_model(tmp_path / "d", lost, "_tf_keras_network"))


def test_checkpoints_without_layers_are_named(tmp_path: Path, architecture: Path) -> None:
    assert "by the names of variables" in refusal(architecture, write_bundle(tmp_path / "a", objects=None))
    keras3 = write_bundle(tmp_path / "b", objects=[({"_operations": 1}, ""), ({}, "")])
    assert "of a Keras 3 model" in refusal(architecture, keras3)
    other = write_bundle(tmp_path / "c", objects=[({"hidden": 1}, ""), *OBJECTS[1:]])
    assert (
        "(['hidden']) are no functional or Sequential model"
        in inspect(architecture, weights=other).problems[0]
    )
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "../../etc/cp"')
    assert "names 'cp', but 'cp.index' is missing" in refusal(architecture, tmp_path / "checkpoint")
    assert "no such file" in refusal(architecture, tmp_path / "nothing.ckpt")


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "keras_metadata.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    ],
)
def test_pointers_and_cut_files(tmp_path: Path, name: str) -> None:
    folder = write_saved_model(tmp_path / "net")
    whole = (folder / name).read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        (folder / name).write_bytes(whole[:size])
        assert name.rpartition("/")[2].partition("-")[0] in refusal(folder)
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "git lfs pull" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"header": [(1, 1), (2, 1)]}, "big-endian"),
        ({"header": [(1, 2_000_000_000)]}, "2000000000 files of data"),
        ({"_1": 99}, "of type 99"),
        ({"_1": 7}, "of type 7"),
        ({"_3": 1}, "lies nowhere"),
        ({"_4": -1}, "lies nowhere"),
        ({"_4": 2**40}, "is cut off"),
        ({"_4": 1}, "its checksum does not fit"),
        ({"_5": 2**45}, "should have 24 bytes"),
    ],
)
def test_what_an_index_cannot_say(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in refusal(write_saved_model(tmp_path / "net", **changes))


@pytest.mark.parametrize("shape", [[-5, -7], [2**40, 2**40], [1] * 40])
def test_impossible_shapes(tmp_path: Path, shape: list[int]) -> None:
    with pytest.raises(UnreadableFile, match="shape"):
        _one_tensor(tmp_path, 1, shape, b"\0" * 4)


def test_damaged_tables(tmp_path: Path) -> None:
    path = tmp_path / "t"
    good = table([[(b"a", b"1"), (b"ab", b"2")]])

    def error(data: bytes) -> str:
        path.write_bytes(data)
        with pytest.raises(UnreadableFile) as raised:
            read_table(path)
        return str(raised.value)

    assert "checksum does not fit" in error(b"\1" + good[1:])
    assert "compressed" in error(table([[(b"a", b"1")]], kind=1))
    assert "not in order" in error(table([[(b"b", b"1"), (b"a", b"2")]]))
    assert "no index" in error(good[:-1])
    beyond = block([(b"a", b"1")]).replace(b"\0\1\1a1", b"\1\1\1a1")
    assert "checksum" in error(beyond + good[len(beyond) :])


def test_objects_that_are_nowhere(tmp_path: Path) -> None:
    nowhere = [({"layer-0": 99}, ""), *OBJECTS[1:]]
    assert "'layer-0', which is nowhere" in refusal(write_saved_model(tmp_path / "net", objects=nowhere))
    unknown = [*OBJECTS[:2], ({}, "other"), *OBJECTS[3:]]
    assert "no tensor 'other'" in refusal(write_saved_model(tmp_path / "net", objects=unknown))


def test_metadata_that_make_no_sense(tmp_path: Path) -> None:
    for text in ("no JSON", "[" * 100_000, "[]", '{"config": 3}'):
        assert "net" in refusal(write_saved_model(tmp_path / "net", text))
    assert refusal(write_saved_model(tmp_path / "net", ROOT.replace("Dense", "\\ud800"))).count("\n") == 0
