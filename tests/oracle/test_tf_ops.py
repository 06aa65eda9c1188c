"""TensorFlow functions in functional models: Keras 2's own outputs, see fixtures/build_tf_ops.py."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codegen import ConversionError, convert
from codegen.lowering.catalogue import load as load_layers
from codegen.lowering.registry import registered
from codegen.model.packages import TENSORFLOW
from codegen.ops.tensorflow.nodes import NODES
from tests.support.conversions import load
from tests.support.keras_files import rewritten
from tests.support.tf_models import X, converted, function, run

FIXTURES = sorted(Path(__file__).parents[1].glob("fixtures/tf_ops_*.npz"))


def _node(op: str, constants: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """The same as Keras of TensorFlow 1.15 to 2.3 saves it."""
    definition = {"name": op, "op": op, "input": ["x"], "attr": attributes}
    config = {"name": op, "trainable": True, "dtype": None, "node_def": definition, "constants": constants}
    return {
        "class_name": "TensorFlowOpLayer",
        "name": op,
        "config": config,
        "inbound_nodes": [[["x", 0, 0, {}]]],
    }


#: Other names of functions in the fixtures, under which other versions of TensorFlow save them.
OTHER_NAMES = {
    **{
        name: f"compat.v1.{name}"
        for name in (
            "expand_dims", "image.crop_and_resize", "math.argmin", "math.count_nonzero", "math.reduce_all",
            "math.reduce_any", "math.reduce_euclidean_norm", "math.reduce_logsumexp", "math.reduce_mean",
            "math.reduce_min", "math.reduce_prod", "math.reduce_std", "math.reduce_sum",
            "math.reduce_variance", "nn.conv2d_transpose", "nn.conv3d", "nn.depth_to_space",
            "nn.space_to_depth", "nn.weighted_cross_entropy_with_logits", "ones_like", "space_to_batch_nd",
            "stop_gradient", "zeros_like",
        )
    },
    **{
        f"compat.v1.{name}": name
        for name in (
            "boolean_mask", "gather", "gather_nd", "math.in_top_k", "math.scalar_mul", "nn.conv2d",
            "nn.depthwise_conv2d", "nn.separable_conv2d", "nn.sigmoid_cross_entropy_with_logits",
            "nn.sparse_softmax_cross_entropy_with_logits", "pad", "shape", "size", "squeeze", "transpose",
        )
    },
    "compat.v1.nn.softmax_cross_entropy_with_logits_v2": "compat.v1.nn.softmax_cross_entropy_with_logits",
    "nn.bias_add": "keras.backend.bias_add",
}  # fmt: skip


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("names", [{}, OTHER_NAMES], ids=["saved", "other"])
@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_fixture(file: Path, names: dict[str, str], tmp_path: Path) -> None:
    saved = tmp_path / "model.h5"
    saved.write_bytes(gzip.decompress(file.with_suffix(".h5.gz").read_bytes()))
    rewritten(saved, names)
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


@pytest.mark.parametrize(
    "name",
    [
        "__operators__.getitem",
        "__operators__.add",
        "compat.v1.floor_div",
        "nn.local_response_normalization",
        "compat.v1.nn.softmax_cross_entropy_with_logits_v2",
        "space_to_batch_nd",
        "compat.v1.batch_to_space_nd",
    ],
)
def test_fixtures_hold(name: str) -> None:
    """Names that Keras 2 saves for functions that are called otherwise."""
    texts = [gzip.decompress(file.with_suffix(".h5.gz").read_bytes()) for file in FIXTURES]
    assert any(f'"function": "{name}"'.encode() in text for text in texts)


# -------------------------------------------------------------------- nodes of graphs


def test_every_node_has_a_function() -> None:
    load_layers()
    missing = [function for function, _, _ in NODES.values() if (TENSORFLOW, function) not in registered()]
    assert missing == []


@pytest.mark.usefixtures("against_reference")
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
                "StridedSlice",
                {"1": [0, 0, 1], "2": [0, 1, 3], "3": [1, 1, 1]},
                begin_mask={"i": "1"},
                end_mask={"i": "1"},
                shrink_axis_mask={"i": "2"},
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
)
def test_node(layer: dict[str, Any], expected: Any, tmp_path: Path) -> None:
    np.testing.assert_allclose(run(converted([layer], tmp_path)), expected, 1e-5)


def test_node_with_several_outputs(tmp_path: Path) -> None:
    layer = _node("Split", {"0": 2}, num_split={"i": "3"})
    for found, expected in zip(run(converted([layer], tmp_path, outputs=3)), np.split(X, 3, 2), strict=True):
        np.testing.assert_allclose(found, expected)


def test_node_definition_as_text(tmp_path: Path) -> None:
    layer = _node("Neg", {})
    layer["config"]["node_def"] = json.dumps(layer["config"]["node_def"])
    np.testing.assert_allclose(run(converted([layer], tmp_path)), -X)


# -------------------------------------------------------------------- arguments and refusals


def test_old_names_of_arguments(tmp_path: Path) -> None:
    layer = function("compat.v1.math.reduce_sum", reduction_indices=[1], keep_dims=True, name="total")
    np.testing.assert_allclose(run(converted([layer], tmp_path)), X.sum(1, keepdims=True))


def test_constant_comes_first(tmp_path: Path) -> None:
    layer = function("math.subtract", y=["x", 0, 0])
    layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 2.0, {"y": ["x", 0, 0], "name": None}]]
    np.testing.assert_allclose(run(converted([layer], tmp_path)), 2 - X)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (function("strings.length"), "tf.strings.length is not supported"),
        (function("random.gamma"), "tf.random.gamma is not supported"),
        (function("math.add", y=1.0, axis=3, z=2), "no such argument is known"),
        (function("nn.relu", surprise=1), "surprise"),
        (function("cast", dtype="string"), "supported: dtypes of numbers"),
        (function("image.resize", size=[2, 2], method="magic"), "rank|image|method"),
        (function("meshgrid"), "does not save"),
        (function("__operators__.eq"), "Keras 2 does not save it"),
        (function("nn.conv1d", filters=[1.0]), "supported: one with spatial axes"),
        (function("nn.conv1d_transpose", filters=[1.0], output_shape=[2]), "one with spatial axes"),
        (function("nn.erosion2d", filters=[1.0]), "do not fit its input"),
        (function("tensordot", b=[[1.0]], axes=0.5), "supported: a number, or axes of both factors"),
        (function("roll", shift=[1], axis=[0, 1]), "are not for the axes"),
        (function("slice", begin=["x", 0, 0], size=[1]), "are not for the axes"),
        (function("gather_nd", indices=1), "no axis of positions"),
        (function("math.l2_normalize", epsilon=-1.0), "numbers of at least 0"),
        (function("signal.frame", frame_length=2, frame_step=0), "frame_step=0.*positive numbers"),
        (function("keras.backend.in_top_k", k=1), "called without 'predictions'"),
        (function("where", x=1.0), "'x' and 'y' alone"),
        (function("strided_slice", begin=[0], end=[1, 2]), "not for the same axes"),
        (function("norm", ord="nuc"), "supported: 'euclidean', 'fro' and numbers"),
        (_node("Unheard", {}), "no such operation is known"),
        (_node("Mul", {"1": 2.0, "2": 3.0}), "3 arguments, but takes 2"),
        (_node("Mul", {"7": 2.0}), "places of its constants"),
        (function("from_row_lengths", class_name="ClassMethod"), "from_row_lengths"),
    ],
)
def test_refused(layer: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=message):
        converted([layer], tmp_path)
