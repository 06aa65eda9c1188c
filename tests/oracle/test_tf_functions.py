"""TensorFlow functions that no fixture has, compared with TensorFlow's own and numpy's."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.tf_models import X, chain, converted, function, run

pytestmark = pytest.mark.usefixtures("against_reference")

INTEGERS = X.astype("int32") % 4

MATRIX = [[2.0, 0.5, 1.0], [0.5, 3.0, 0.25], [1.0, 0.25, 4.0]]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("__operators__.eq", {"other": 1.0}),
        ("__operators__.ne", {"other": 1.0}),
        ("batch_to_space", {"block_shape": [2], "crops": [[0, 1]]}),
        ("compat.v1.convert_to_tensor", {}),
        ("convert_to_tensor", {}),
        ("compat.v1.nn.dropout", {"keep_prob": 1.0}),
        ("nn.dropout", {"rate": 0.0}),
        ("compat.v1.nn.moments", {"axes": [1]}),
        ("nn.moments", {"axes": [1, 2], "keepdims": True}),
        ("linalg.matvec", {"b": [1.0, -2.0, 3.0]}),
        ("math.less_equal", {"y": 1.0}),
        ("nn.atrous_conv2d", {"filters": [[[[1.0]], [[2.0]]]], "rate": 2, "padding": "SAME"}),
        (
            "nn.batch_normalization",
            {"mean": 0.5, "variance": 2.0, "offset": 1.0, "scale": 3.0, "variance_epsilon": 0.01},
        ),
        (
            "nn.conv_transpose",
            {"filters": [[[[1.0]], [[2.0]]]], "output_shape": [2, 4, 6, 1], "strides": 2, "padding": "SAME"},
        ),
        ("nn.max_pool", {"ksize": 2, "strides": 1, "padding": "VALID"}),
        ("nn.softmax_cross_entropy_with_logits", {"logits": X.tolist()}),
        ("space_to_batch", {"block_shape": [2], "paddings": [[0, 2]]}),
        ("compat.v1.image.resize_area", {"size": [4, 6]}),
        (
            "compat.v1.image.extract_image_patches",
            {"ksizes": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "rates": [1, 1, 1, 1], "padding": "SAME"},
        ),
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
        ("histogram_fixed_width", {"of": [0.1, 0.3, 0.6, 0.7], "value_range": [0.0, 1.0], "nbins": 10}),
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
        ("nn.embedding_lookup", {"ids": [[1], [0]], "max_norm": 5.0}),
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
        (
            "nn.dilation2d",
            {
                "filters": [[[1.0], [-2.0]], [[0.5], [3.0]]],
                "strides": [1, 1, 2, 1],
                "padding": "SAME",
                "data_format": "NHWC",
                "dilations": [1, 1, 1, 1],
            },
        ),
        (
            "nn.erosion2d",
            {
                "filters": [[[1.0], [-2.0]]],
                "strides": [1, 1, 1, 1],
                "padding": "VALID",
                "data_format": "NHWC",
                "dilations": [1, 1, 2, 1],
            },
        ),
        ("nn.pool", {"window_shape": [1, 2], "pooling_type": "MAX", "dilations": [1, 2], "padding": "VALID"}),
        ("nn.gelu", {"approximate": True}),
        ("norm", {"ord": 1, "axis": 2}),
        ("nn.max_pool2d", {"ksize": 2, "strides": 1, "padding": [[0, 0], [1, 0], [0, 1], [0, 0]]}),
        ("nn.max_pool_with_argmax", {"ksize": 2, "strides": 1, "padding": "SAME"}),
        (
            "nn.max_pool_with_argmax",
            {"ksize": [1, 2, 2, 1], "strides": [1, 1], "padding": "VALID", "include_batch_in_index": True},
        ),
        ("compat.v1.nn.weighted_moments", {"axes": [1], "frequency_weights": np.abs(X).tolist()}),
        ("compat.v1.nn.weighted_moments", {"axes": [1, 2], "frequency_weights": 2.0, "keepdims": True}),
        ("quantization.fake_quant_with_min_max_args", {"min": -3.0, "max": 5.0, "num_bits": 4}),
        ("quantization.fake_quant_with_min_max_vars", {"min": 1.0, "max": 4.0, "narrow_range": True}),
        (
            "quantization.fake_quant_with_min_max_vars_per_channel",
            {"min": [-1.0, -2.0, -9.0], "max": [1.0, 2.0, 3.0]},
        ),
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
    layer = function(name, **given)
    if "of" in arguments:
        layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, inputs, given | {"name": None}]]
    inputs = np.asarray(inputs, "float32")
    of_images = ("image", "compat.v1.image", "compat.v1.nn.max_pool", "nn.max_pool", "nn.pool")
    of_filters = ("nn.atrous_conv2d", "nn.conv_transpose", "nn.dilation2d", "nn.erosion2d")
    if name.startswith((*of_images, *of_filters)):
        inputs = inputs[..., None]
        layer["inbound_nodes"][0][0] = "image"
        image = function("expand_dims", axis=-1) | {"name": "image"}
        image["config"]["name"] = "image"
        layers = [image, layer]
    else:
        layers = [layer]
    expected = attrgetter(name)(tensorflow)(tensorflow.constant(inputs), **given)
    expected = [part.numpy() for part in tensorflow.nest.flatten(expected)]
    found = run(converted(layers, tmp_path, outputs=len(expected)))
    for ours, theirs in zip(found if len(expected) > 1 else [found], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)


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
        ([("shape", {}), ("__operators__.getitem", {"slice_spec": 2}), ("eye", {"num_columns": 4})],
         np.eye(3, 4)),
        ([("math.greater", {"y": 0.0}), ("math.logical_xor", {"y": [True, False, True]})],
         (X > 0) ^ np.array([True, False, True])),
        ([("shape", {}), ("ones", {})], np.ones((2, 2, 3))),
        ([("keras.backend.flatten", {})], X.ravel()),
        ([("math.reduce_sum", {"axis": 1}), ("keras.backend.in_top_k", {"targets": [0, 2], "k": 2})],
         np.array([False, True])),
        ([("math.greater", {"y": 0.0}), ("keras.backend.switch", {"then_expression": X.tolist(),
          "else_expression": (-2 * X).tolist()})], np.where(X > 0, X, -2 * X)),
        ([("signal.rfft", {}), ("signal.irfft", {"fft_length": [3]})], X),
    ],
    ids=lambda value: "-".join(name for name, _ in value) if isinstance(value, list) else "",
)  # fmt: skip
def test_chain(calls: list[tuple[str, dict[str, Any]]], expected: Any, tmp_path: Path) -> None:
    np.testing.assert_allclose(run(converted(chain(*calls), tmp_path)), expected, 1e-3)


def test_inverse_stft(tmp_path: Path) -> None:
    tensorflow = import_module("tensorflow")
    lengths = {"frame_length": 2, "frame_step": 1}
    layers = chain(("signal.stft", lengths), ("signal.inverse_stft", lengths))
    expected = tensorflow.signal.inverse_stft(tensorflow.signal.stft(X, **lengths), **lengths)
    np.testing.assert_allclose(run(converted(layers, tmp_path)), expected, 1e-4, 1e-6)


def test_unique(tmp_path: Path) -> None:
    layers = chain(
        ("cast", {"dtype": "int32"}),
        ("math.abs", {}),
        ("reshape", {"shape": [-1]}),
        ("unique_with_counts", {}),
    )
    values, places, counts = run(converted(layers, tmp_path, outputs=3))
    layers[3]["config"]["function"] = "unique"
    assert [part.tolist() for part in run(converted(layers, tmp_path, outputs=2))] == [
        values.tolist(),
        places.tolist(),
    ]
    np.testing.assert_array_equal(values, [6, 5, 4, 3, 2, 1, 0])
    np.testing.assert_array_equal(places, [0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1])
    np.testing.assert_array_equal(counts, [1, 2, 2, 2, 2, 2, 1])


def test_confusion_matrix(tmp_path: Path) -> None:
    layers = chain(
        ("cast", {"dtype": "int32"}),
        ("math.floormod", {"y": 4}),
        ("math.subtract", {"y": 1}),
        ("math.abs", {}),
        ("math.confusion_matrix", {"num_classes": 4, "predictions": ["op_1", 0, 0]}),
    )
    pairs = 4 * abs(INTEGERS - 1) + INTEGERS
    expected = np.bincount(pairs.ravel(), minlength=16).reshape(4, 4)
    np.testing.assert_array_equal(run(converted(layers, tmp_path)), expected)


def test_meshgrid(tmp_path: Path) -> None:
    layers = chain(("reshape", {"shape": [-1]}), ("meshgrid", {}))
    layers[1]["inbound_nodes"] = [[["op_0", 0, 0, {}], ["op_0", 0, 0, {}]]]
    np.testing.assert_array_equal(
        run(converted(layers, tmp_path, outputs=2)), np.meshgrid(X.ravel(), X.ravel())
    )


@pytest.mark.parametrize("name", ["AddLoss", "AddMetric"])
def test_what_training_alone_needs(name: str, tmp_path: Path) -> None:
    layers = chain(("math.square", {}), ("math.reduce_sum", {}), ("math.abs", {}))
    layers[1] |= {"class_name": name, "config": {"name": "op_1", "dtype": "float32"}}
    np.testing.assert_allclose(run(converted(layers, tmp_path)), X**2)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("signal.fft3d", np.fft.fftn),
        ("signal.ifft2d", np.fft.ifft2),
        ("signal.ifft3d", np.fft.ifftn),
    ],
)
def test_complex_function(name: str, function: Any, tmp_path: Path) -> None:
    layers = chain(("dtypes.complex", {"imag": ["x", 0, 0]}), (name, {}), ("math.imag", {}))
    np.testing.assert_allclose(run(converted(layers, tmp_path)), function(X + 1j * X).imag, 1e-4, 1e-4)


@pytest.mark.parametrize("name", ["math.abs", "math.angle", "math.real", "math.imag"])
def test_what_leaves_the_complex_plane_is_real(name: str, tmp_path: Path) -> None:
    matrix = [[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]]
    layers = chain(("dtypes.complex", {"imag": ["x", 0, 0]}), (name, {}), ("linalg.matmul", {"b": matrix}))
    function = getattr(np, name.removeprefix("math."))
    np.testing.assert_allclose(run(converted(layers, tmp_path)), function(X + 1j * X) @ matrix, 1e-5, 1e-5)


def test_range_whose_step_is_a_tensor(tmp_path: Path) -> None:
    layers = chain(("math.reduce_max", {}), ("cast", {"dtype": "int32"}), ("range", {}))
    layers[2]["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 1, {"limit": 20, "delta": ["op_1", 0, 0]}]]
    np.testing.assert_array_equal(run(converted(layers, tmp_path)), [1, 6, 11, 16])


@pytest.mark.parametrize("name", ["nn.conv3d_transpose", "compat.v1.nn.conv3d_transpose"])
def test_transposed_convolution_in_3d(name: str, tmp_path: Path) -> None:
    arguments = {"output_shape": [2, 2, 3, 1, 1], "strides": 1, "filters": [[[[[3.0]]]]]}
    layers = chain(("reshape", {"shape": [-1, 2, 3, 1, 1]}), (name, arguments))
    np.testing.assert_allclose(run(converted(layers, tmp_path)), 3 * X.reshape(2, 2, 3, 1, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("math.accumulate_n", [X + X]),
        ("parallel_stack", [np.stack([X, X])]),
        ("identity_n", [X, X]),
        ("tuple", [X, X]),
        ("compat.v1.tuple", [X, X]),
        ("shape_n", [[2, 2, 3], [2, 2, 3]]),
    ],
)
def test_function_of_several(name: str, expected: list[Any], tmp_path: Path) -> None:
    layer = function(name)
    layer["inbound_nodes"] = [[["x", 0, 0, {}], ["x", 0, 0, {}]]]
    found = run(converted([layer], tmp_path, outputs=len(expected)))
    for ours, theirs in zip(found if len(expected) > 1 else [found], expected, strict=True):
        np.testing.assert_allclose(ours, theirs)
