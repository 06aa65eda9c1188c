"""TensorFlow functions in functional models: Keras 2's own outputs, see fixtures/build_tf_ops.py."""

from __future__ import annotations

import gzip
import json
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codegen import ConversionError, convert
from codegen.layers import load as load_layers
from codegen.layers.registry import TENSORFLOW, registered
from codegen.layers.tf_nodes import NODES
from tests.keras_files import write_whole_h5
from tests.oracle import load

X = np.arange(-6.0, 6.0).reshape(2, 2, 3).astype("float32")
FIXTURES = sorted(Path(__file__).parent.glob("fixtures/tf_ops_*.npz"))


def _convert(layers: list[dict[str, Any]], folder: Path, *, outputs: int = 1) -> Any:
    """The converted model of these layers behind an input "x", (N, 2, 3); the last has the outputs."""
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 2, 3]}}
    config = {
        "name": "model",
        "layers": [{"name": "x", "inbound_nodes": [], **first}, *layers],
        "input_layers": [["x", 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, i] for i in range(outputs)],
    }
    file = write_whole_h5(
        folder / "model.h5", {"class_name": "Functional", "config": config}, {}, keras_version="2.3.0-tf"
    )
    return load(convert(file, output=folder)).load_model()


def _function(function: str, /, class_name: str = "TFOpLambda", **arguments: Any) -> dict[str, Any]:
    """A layer that calls a TensorFlow function on the input."""
    config = {"name": "op", "trainable": True, "dtype": "float32", "function": function}
    nodes = [["x", 0, 0, arguments]]
    return {"class_name": class_name, "name": "op", "config": config, "inbound_nodes": nodes}


def _node(op: str, constants: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """The same as Keras of TensorFlow 1.15 to 2.3 saves it."""
    definition = {"name": op, "op": op, "input": ["x"], "attr": attributes}
    config = {"name": op, "trainable": True, "dtype": None, "node_def": definition, "constants": constants}
    return {
        "class_name": "TensorFlowOpLayer", "name": op, "config": config, "inbound_nodes": [[["x", 0, 0, {}]]]
    }  # fmt: skip


def _run(model: Any) -> Any:
    with torch.no_grad():
        result = model(torch.from_numpy(X))
    return [part.numpy() for part in result] if isinstance(result, tuple) else result.numpy()


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_fixture(file: Path, tmp_path: Path) -> None:
    saved = tmp_path / "model.h5"
    saved.write_bytes(gzip.decompress(file.with_suffix(".h5.gz").read_bytes()))
    with np.load(file) as arrays:
        inputs = [arrays[name] for name in arrays.files if name.startswith("input_")]
        expected = [arrays[name] for name in arrays.files if name.startswith("output_")]
    with torch.no_grad():
        found = load(convert(saved, output=tmp_path)).load_model()(*map(torch.from_numpy, inputs))
    assert len(found) == len(expected)
    for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        array = ours.resolve_conj().numpy()
        assert (array.dtype, array.shape) == (theirs.dtype, theirs.shape), f"output {index}"
        np.testing.assert_allclose(array, theirs, 1e-4, 1e-5, err_msg=f"output {index}")


# -------------------------------------------------------------------- functions that no fixture has

MATRIX = [[2.0, 0.5, 1.0], [0.5, 3.0, 0.25], [1.0, 0.25, 4.0]]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("__operators__.ne", {"other": 1.0}),
        ("compat.v1.image.resize_area", {"size": [4, 6]}),
        ("compat.v1.image.extract_image_patches", {
            "ksizes": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "rates": [1, 1, 1, 1], "padding": "SAME"
        }),
        ("compat.v1.image.resize_bicubic", {"size": [4, 6], "half_pixel_centers": True}),
        ("compat.v1.image.resize_bicubic", {"size": [5, 2]}),
        ("compat.v1.image.resize_bicubic", {"size": [1, 7], "align_corners": True}),
        ("compat.v1.image.resize_nearest_neighbor", {"size": [5, 8], "align_corners": True}),
        ("compat.v1.math.argmax", {"dimension": 2}),
        ("compat.v1.math.reduce_max", {"axis": 1, "keep_dims": True}),
        ("compat.v1.nn.log_softmax", {"dim": 1}),
        ("compat.v1.nn.max_pool", {"ksize": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "padding": "SAME"}),
        ("compat.v1.squeeze", {"squeeze_dims": []}),
        ("compat.v1.where", {}),
        ("debugging.check_numerics", {"message": "no"}),
        ("ensure_shape", {"shape": [None, 2, 3]}),
        ("bitcast", {"type": "int32"}),
        ("bitcast", {"type": "int16"}),
        ("dynamic_partition", {"partitions": [1, 0], "num_partitions": 2}),
        ("expand_dims", {"axis": -1}),
        ("histogram_fixed_width", {"value_range": [-4.0, 3.0], "nbins": 4}),
        ("image.total_variation", {}),
        ("linalg.diag", {"k": [-1, 0], "align": "LEFT_RIGHT", "padding_value": 7.0}),
        ("linalg.diag", {"k": 1, "num_rows": 5}),
        ("linalg.diag_part", {"k": [-1, 2], "padding_value": 9.0}),
        ("linalg.diag_part", {"k": [-1, 1], "align": "LEFT_LEFT"}),
        ("linalg.set_diag", {"k": [0, 1], "diagonal": X[..., :2].tolist()}),
        ("linalg.tensor_diag", {"of": MATRIX}),
        ("linalg.expm", {"of": MATRIX}),
        ("linalg.logdet", {"of": MATRIX}),
        ("linalg.matrix_rank", {}),
        ("linalg.qr", {}),
        ("linalg.qr", {"of": MATRIX, "full_matrices": True}),
        ("linalg.slogdet", {"of": MATRIX}),
        ("linalg.cholesky_solve", {"of": MATRIX, "rhs": [[1.0], [2.0], [3.0]]}),
        ("math.divide", {"y": 4.0}),
        ("math.floordiv", {"y": 4.0}),
        ("math.is_non_decreasing", {}),
        ("math.is_strictly_increasing", {"of": MATRIX}),
        ("math.lbeta", {"of": MATRIX}),
        ("math.nextafter", {"x2": X.tolist()}),
        ("math.reduce_euclidean_norm", {"axis": []}),
        ("math.reduce_variance", {"axis": []}),
        ("math.special.bessel_j1", {}),
        ("math.special.bessel_y0", {"of": MATRIX}),
        ("math.special.bessel_y1", {"of": MATRIX}),
        ("math.special.bessel_k1", {"of": MATRIX}),
        ("math.special.bessel_k0e", {"of": MATRIX}),
        ("math.special.bessel_k1e", {"of": MATRIX}),
        ("math.erfcinv", {"of": [[0.5, 1.5], [0.25, 1.0]]}),
        ("math.polygamma", {"of": 2.0, "x": MATRIX}),
        ("math.igammac", {"of": MATRIX, "x": MATRIX}),
        ("math.segment_min", {"segment_ids": [0, 0]}),
        ("math.segment_prod", {"segment_ids": [1, 1]}),
        ("math.unsorted_segment_min", {"segment_ids": [1, 1], "num_segments": 3}),
        ("math.unsorted_segment_prod", {"segment_ids": [1, 1], "num_segments": 2}),
        ("math.unsorted_segment_sqrt_n", {"segment_ids": [2, 2], "num_segments": 4}),
        ("nn.conv1d", {"filters": [[[1.0], [2.0], [3.0]]], "stride": 1, "padding": "SAME"}),
        ("nn.crelu", {}),
        ("nn.gelu", {"approximate": True}),
        ("norm", {"ord": 1, "axis": 2}),
        ("nn.max_pool2d", {"ksize": 2, "strides": 1, "padding": [[0, 0], [1, 0], [0, 1], [0, 0]]}),
        ("nn.max_pool_with_argmax", {"ksize": 2, "strides": 1, "padding": "SAME"}),
        ("nn.max_pool_with_argmax", {
            "ksize": [1, 2, 2, 1], "strides": [1, 1], "padding": "VALID", "include_batch_in_index": True
        }),
        ("compat.v1.nn.weighted_moments", {"axes": [1], "frequency_weights": np.abs(X).tolist()}),
        ("compat.v1.nn.weighted_moments", {"axes": [1, 2], "frequency_weights": 2.0, "keepdims": True}),
        ("quantization.fake_quant_with_min_max_args", {"min": -3.0, "max": 5.0, "num_bits": 4}),
        ("quantization.fake_quant_with_min_max_vars", {"min": 1.0, "max": 4.0, "narrow_range": True}),
        ("quantization.fake_quant_with_min_max_vars_per_channel", {
            "min": [-1.0, -2.0, -9.0], "max": [1.0, 2.0, 3.0]
        }),
        ("realdiv", {"y": X.tolist()}),
        ("reverse_sequence", {"seq_lengths": [2, 0, 1], "seq_axis": 1, "batch_axis": 2}),
        ("signal.rfft", {}),
        ("signal.rfft", {"fft_length": [4]}),
        ("signal.ifftshift", {"axes": [2]}),
        ("signal.dct", {"type": 1}),
        ("signal.dct", {"type": 4, "norm": "ortho"}),
        ("signal.idct", {"type": 2, "n": 5}),
        ("signal.overlap_and_add", {"frame_step": 2}),
        ("signal.stft", {"frame_length": 2, "frame_step": 1, "window_fn": None}),
    ],
)
def test_function(name: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    """As TensorFlow itself computes it; `of` stands for the first argument, which is the input else."""
    tensorflow = import_module("tensorflow")
    inputs, given = arguments.get("of", X), {key: v for key, v in arguments.items() if key != "of"}
    layer = _function(name, **given)
    if "of" in arguments:
        layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, inputs, given | {"name": None}]]
    inputs = np.asarray(inputs, "float32")
    if name.startswith(("image", "compat.v1.image", "compat.v1.nn.max_pool", "nn.max_pool")):
        inputs = inputs[..., None]
        layer["inbound_nodes"][0][0] = "image"
        image = _function("expand_dims", axis=-1) | {"name": "image"}
        image["config"]["name"] = "image"
        layers = [image, layer]
    else:
        layers = [layer]
    expected = attrgetter(name)(tensorflow)(tensorflow.constant(inputs), **given)
    expected = [part.numpy() for part in tensorflow.nest.flatten(expected)]
    found = _run(_convert(layers, tmp_path, outputs=len(expected)))
    for ours, theirs in zip(found if len(expected) > 1 else [found], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)


def _chain(*calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers that call functions one after the other."""
    layers = []
    for position, (function, arguments) in enumerate(calls):
        layer = _function(function, **arguments)
        layer["name"] = layer["config"]["name"] = f"op_{position}"
        if position:
            layer["inbound_nodes"][0][0] = f"op_{position - 1}"
        layers.append(layer)
    return layers


INTEGERS = X.astype("int32") % 4


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([("shape", {}), ("fill", {"value": 2})], np.full((2, 2, 3), 2, "int32")),
        ([("cast", {"dtype": "float16"}), ("math.floormod", {"y": 2.5})], X.astype("float16") % 2.5),
        ([("cast", {"dtype": "uint8"}), ("bitwise.bitwise_and", {"y": 3})], X.astype("int32") & 3),
        ([("dtypes.complex", {"imag": ["x", 0, 0]}), ("norm", {})], np.linalg.norm(X) * 2**0.5),
        ([("dtypes.complex", {"imag": ["x", 0, 0]}), ("math.sign", {}), ("math.abs", {})], np.sign(abs(X))),
        ([("cast", {"dtype": "int32"}), ("math.reduce_mean", {})], 0),
        ([("cast", {"dtype": "int32"}), ("math.reduce_euclidean_norm", {"axis": 2})],
         np.array([[8, 3], [2, 7]])),
        ([("cast", {"dtype": "int32"}), ("math.floormod", {"y": 4}), ("math.bincount", {})],
         np.bincount(INTEGERS.ravel())),
        ([("cast", {"dtype": "int32"}), ("math.floormod", {"y": 4}), ("reshape", {"shape": [2, 6]}),
          ("math.bincount", {"axis": -1, "minlength": 5, "maxlength": 5, "binary_output": True})],
         np.array([[1, 1, 1, 1, 0]] * 2)),
        ([("shape", {}), ("cast", {"dtype": "float32"}), ("math.multiply", {"y": 1.5}),
          ("cast", {"dtype": "int32"}), ("zeros", {})], np.zeros((3, 3, 4))),
        ([("reshape", {"shape": [-1]}), ("cast", {"dtype": "int32"}), ("math.floormod", {"y": 4}),
          ("unravel_index", {"dims": [2, 2]})], np.stack(np.unravel_index(INTEGERS.ravel(), (2, 2)))),
    ],
    ids=lambda value: "-".join(name for name, _ in value) if isinstance(value, list) else "",
)  # fmt: skip
def test_chain(calls: list[tuple[str, dict[str, Any]]], expected: Any, tmp_path: Path) -> None:
    np.testing.assert_allclose(_run(_convert(_chain(*calls), tmp_path)), expected, 1e-3)


def test_inverse_stft(tmp_path: Path) -> None:
    tensorflow = import_module("tensorflow")
    lengths = {"frame_length": 2, "frame_step": 1}
    layers = _chain(("signal.stft", lengths), ("signal.inverse_stft", lengths))
    expected = tensorflow.signal.inverse_stft(tensorflow.signal.stft(X, **lengths), **lengths)
    np.testing.assert_allclose(_run(_convert(layers, tmp_path)), expected, 1e-4, 1e-6)


def test_unique(tmp_path: Path) -> None:
    integers = [("cast", {"dtype": "int32"}), ("math.abs", {}), ("reshape", {"shape": [-1]})]
    layers = _chain(*integers, ("unique_with_counts", {}))
    values, places, counts = _run(_convert(layers, tmp_path, outputs=3))
    np.testing.assert_array_equal(values, [6, 5, 4, 3, 2, 1, 0])
    np.testing.assert_array_equal(places, [0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1])
    np.testing.assert_array_equal(counts, [1, 2, 2, 2, 2, 2, 1])


def test_confusion_matrix(tmp_path: Path) -> None:
    layers = _chain(
        ("cast", {"dtype": "int32"}), ("math.floormod", {"y": 4}), ("math.subtract", {"y": 1}),
        ("math.abs", {}), ("math.confusion_matrix", {"num_classes": 4, "predictions": ["op_1", 0, 0]}),
    )  # fmt: skip
    expected = np.zeros((4, 4), int)
    np.add.at(expected, (abs(INTEGERS - 1), INTEGERS), 1)
    np.testing.assert_array_equal(_run(_convert(layers, tmp_path)), expected)


@pytest.mark.parametrize("name", ["AddLoss", "AddMetric"])
def test_what_training_alone_needs(name: str, tmp_path: Path) -> None:
    layers = _chain(("math.square", {}), ("math.reduce_sum", {}), ("math.abs", {}))
    layers[1] |= {"class_name": name, "config": {"name": "op_1", "dtype": "float32"}}
    np.testing.assert_allclose(_run(_convert(layers, tmp_path)), X**2)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("signal.fft3d", np.fft.fftn),
        ("signal.ifft2d", np.fft.ifft2),
        ("signal.ifft3d", np.fft.ifftn),
    ],
)
def test_complex_function(name: str, function: Any, tmp_path: Path) -> None:
    layers = _chain(("dtypes.complex", {"imag": ["x", 0, 0]}), (name, {}), ("math.imag", {}))
    np.testing.assert_allclose(_run(_convert(layers, tmp_path)), function(X + 1j * X).imag, 1e-4, 1e-4)


@pytest.mark.parametrize("name", ["nn.conv3d_transpose", "compat.v1.nn.conv3d_transpose"])
def test_transposed_convolution_in_3d(name: str, tmp_path: Path) -> None:
    arguments = {"output_shape": [2, 2, 3, 1, 1], "strides": 1, "filters": [[[[[3.0]]]]]}
    layers = _chain(("reshape", {"shape": [-1, 2, 3, 1, 1]}), (name, arguments))
    np.testing.assert_allclose(_run(_convert(layers, tmp_path)), 3 * X.reshape(2, 2, 3, 1, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("math.accumulate_n", [X + X]),
        ("parallel_stack", [np.stack([X, X])]),
        ("identity_n", [X, X]),
        ("shape_n", [[2, 2, 3], [2, 2, 3]]),
    ],
)
def test_function_of_several(name: str, expected: list[Any], tmp_path: Path) -> None:
    layer = _function(name)
    layer["inbound_nodes"] = [[["x", 0, 0, {}], ["x", 0, 0, {}]]]
    found = _run(_convert([layer], tmp_path, outputs=len(expected)))
    for ours, theirs in zip(found if len(expected) > 1 else [found], expected, strict=True):
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize(
    "name",
    [
        "__operators__.getitem", "__operators__.add", "compat.v1.floor_div",
        "nn.local_response_normalization",
        "compat.v1.nn.softmax_cross_entropy_with_logits_v2", "space_to_batch_nd",
        "compat.v1.batch_to_space_nd",
    ],
)  # fmt: skip
def test_fixtures_hold(name: str) -> None:
    """Names that Keras 2 saves for functions that are called otherwise."""
    texts = [gzip.decompress(file.with_suffix(".h5.gz").read_bytes()) for file in FIXTURES]
    assert any(f'"function": "{name}"'.encode() in text for text in texts)


# -------------------------------------------------------------------- nodes of graphs


def test_every_node_has_a_function() -> None:
    load_layers()
    missing = [function for function, _, _ in NODES.values() if (TENSORFLOW, function) not in registered()]
    assert missing == []


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (_node("Mul", {"1": 2.0}), X * 2),
        (_node("Sub", {"0": 1.0}), 1 - X),
        (_node("Relu6", {}), X.clip(0, 6)),
        (_node("Mean", {"1": [1]}, keep_dims={"b": True}), X.mean(1, keepdims=True)),
        (_node("Sum", {"1": [1, 2]}, keep_dims={"b": False}), X.sum((1, 2))),
        (_node("Transpose", {"1": [0, 2, 1]}), X.transpose(0, 2, 1)),
        (_node("Reshape", {"1": [-1, 6]}), X.reshape(2, 6)),
        (_node("ConcatV2", {"1": X[:, :1].tolist(), "2": 1}, N={"i": "2"}), np.concatenate([X, X[:, :1]], 1)),
        (_node("Pad", {"1": [[0, 0], [1, 0], [0, 2]]}), np.pad(X, [(0, 0), (1, 0), (0, 2)])),
        (
            _node(
                "StridedSlice", {"1": [0, 0, 1], "2": [0, 1, 3], "3": [1, 1, 1]},
                begin_mask={"i": "1"}, end_mask={"i": "1"}, shrink_axis_mask={"i": "2"},
                ellipsis_mask={"i": "0"},
            ),
            X[:, 0, 1:3],
        ),
        (_node("ExpandDims", {"1": 1}), X[:, None]),
        (_node("Cast", {}, DstT={"type": "DT_INT32"}), X.astype("int32")),
        (_node("Softmax", {}), np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
        (_node("GatherV2", {"1": [1, 0, 1], "2": 2}, batch_dims={"i": "0"}), X[:, :, [1, 0, 1]]),
        (_node("ArgMax", {"1": 2}, output_type={"type": "DT_INT64"}), X.argmax(2)),
        (_node("BiasAdd", {"1": [1.0, 2.0, 3.0]}, data_format={"s": "TkhXQw=="}), X + np.array([1, 2, 3])),
        (_node("Squeeze", {}, squeeze_dims={"list": {}}), X),
        (_node("ClipByValue", {"1": -1.0, "2": 2.5}), X.clip(-1, 2.5)),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_node(layer: dict[str, Any], expected: Any, tmp_path: Path) -> None:
    np.testing.assert_allclose(_run(_convert([layer], tmp_path)), expected, 1e-5)


def test_node_with_several_outputs(tmp_path: Path) -> None:
    layer = _node("Split", {"0": 2}, num_split={"i": "3"})
    for found, expected in zip(_run(_convert([layer], tmp_path, outputs=3)), np.split(X, 3, 2), strict=True):
        np.testing.assert_allclose(found, expected)


def test_node_definition_as_text(tmp_path: Path) -> None:
    layer = _node("Neg", {})
    layer["config"]["node_def"] = json.dumps(layer["config"]["node_def"])
    np.testing.assert_allclose(_run(_convert([layer], tmp_path)), -X)


# -------------------------------------------------------------------- arguments and refusals


def test_old_names_of_arguments(tmp_path: Path) -> None:
    layer = _function("compat.v1.math.reduce_sum", reduction_indices=[1], keep_dims=True, name="total")
    np.testing.assert_allclose(_run(_convert([layer], tmp_path)), X.sum(1, keepdims=True))


def test_constant_comes_first(tmp_path: Path) -> None:
    layer = _function("math.subtract", y=["x", 0, 0])
    layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 2.0, {"y": ["x", 0, 0], "name": None}]]
    np.testing.assert_allclose(_run(_convert([layer], tmp_path)), 2 - X)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (_function("strings.length"), "'tf.strings.length' is not supported"),
        (_function("random.normal"), "'tf.random.normal' is not supported"),
        (_function("math.add", y=1.0, axis=3, z=2), "no such argument is known"),
        (_function("nn.dropout", rate=0.5), "at random"),
        (_function("nn.relu", surprise=1), "surprise"),
        (_function("cast", dtype="string"), "supported: dtypes of numbers"),
        (_function("image.resize", size=[2, 2], method="magic"), "rank|image|method"),
        (_function("meshgrid"), "does not save"),
        (_function("__operators__.eq"), "Keras 2 does not save it"),
        (_node("Unheard", {}), "no such operation is known"),
        (_node("Mul", {"1": 2.0, "2": 3.0}), "3 inputs instead of 2"),
        (_node("Mul", {"7": 2.0}), "places of its constants"),
        (_function("from_row_lengths", class_name="ClassMethod"), "from_row_lengths"),
    ],
)
def test_refused(layer: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=message):
        _convert([layer], tmp_path)
