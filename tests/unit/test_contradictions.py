"""Architectures that contradict themselves are refused at the layer where they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from codegen import inspect
from codegen.errors import ConversionError, WeightMismatch
from codegen.graph.recipe import Weight
from codegen.model.saved_model import StoredTensor
from tests.support.configs import entry, functional, input_entry
from tests.support.keras_files import write_whole_h5

NUMPY, CORE, LINALG = "keras.src.ops.numpy", "keras.src.ops.core", "keras.src.ops.linalg"
LISTS = functional([input_entry("a", 3)], [["a", 0, 0]], [["a", 0, 0]])
CELL = {"class_name": "LSTMCell", "config": {"units": 3}}


def tensors(*names: str) -> list[Any]:
    return [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in names]


def problem(tmp_path: Path, layer: dict[str, Any], **inputs: tuple[int | None, ...]) -> str:
    """What is wrong with a model of one layer, called on inputs of these shapes."""
    layers = [*(input_entry(name, *shape) for name, shape in inputs.items()), layer]
    model = functional(layers, [[name, 0, 0] for name in inputs], [["layer", 0, 0]])
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**model, "keras_version": "3.12.0"}))
    (found,) = inspect(path).problems
    return found


def called(
    class_name: str, *args: Any, module: str = "keras.layers", kwargs: Any = None, **config: Any
) -> dict[str, Any]:
    node = {"args": list(args), "kwargs": kwargs or {}}
    return {"module": module, **entry(class_name, "layer", [node], **config)}


@pytest.mark.parametrize(
    ("layer", "inputs", "said"),
    [
        (called("SimpleRNN", *tensors("x", "y"), units=3), {"x": (4, 2), "y": (5,)}, "a state of shape"),
        (called("LSTM", *tensors("x"), units=3), {"x": (4,)}, "must have 3 axes"),
        (called("TimeDistributed", [], layer=CELL), {"x": (4, 2)}, "without a tensor"),
        (called("Conv2D", *tensors("x"), filters=3, kernel_size=2), {"x": (4, 4)}, "must have 4 axes"),
        (called("AdditiveAttention", tensors("x", "y")), {"x": (), "y": ()}, "an axis of steps"),
        (
            called("MultiHeadAttention", *tensors("x", "y"), num_heads=2, key_dim=3, attention_axes=[2]),
            {"x": (4, 5, 6), "y": (4, 6)},
            "as many axes",
        ),
        (
            called("MultiHeadAttention", *tensors("x", "x"), num_heads=2, key_dim=3, attention_axes=[2]),
            {"x": (4, 6)},
            "lacks the axes",
        ),
        (
            called("EinsumDense", *tensors("x"), equation="ab,bd->ac", output_shape=[3]),
            {"x": (4,)},
            "nothing says how large",
        ),
        (called("IntegerLookup", *tensors("x"), vocabulary=[1, "a"]), {"x": (4,)}, "whole numbers"),
        (
            called("GetItem", *tensors("x"), {"class_name": "__slice__", "config": {"start": 0.5}},
                   module=NUMPY),
            {"x": (4,)},
            "whole numbers",
        ),
        (called("HSVToRGB", *tensors("x"), module="keras.src.ops.image"), {"x": ()}, "is no image"),
        (called("Stack", tensors("x", "y"), module=NUMPY), {"x": (4,), "y": (3,)}, "do not go together"),
        (
            called("SparseCategoricalCrossentropy", *tensors("y", "x"), module="keras.src.ops.nn"),
            {"x": (), "y": (3,)},
            "do not go together",
        ),
        (called("PadImages", *tensors("x"), module="keras.src.ops.image"), {"x": (4,)}, "is no image"),
        (
            called("SpaceToDepth", *tensors("x"), module="keras.src.ops.nn", block_size=2),
            {"x": (4, 1, 2)},
            "no blocks of 2x2",
        ),
        (
            called("EinsumDense", *tensors("x"), equation="abc,cd->abd", output_shape=[None, 3]),
            {"x": (4,)},
            "has fewer axes",
        ),
        (called("GetItem", *tensors("x"), 0.5, module=NUMPY), {"x": (4,)}, "whole numbers"),
        (
            called("Concatenate", tensors("x", "y"), module=NUMPY, axis=1),
            {"x": (4, 2), "y": (3, 3)},
            "do not go together",
        ),
        (called("Digitize", *tensors("x"), 3, module=NUMPY), {"x": (4,)}, "a list of numbers"),
        (
            called("InTopK", *tensors("x", "y"), module="keras.src.ops.math", k=1),
            {"x": (), "y": ()},
            "1 and 2 axes",
        ),
        (
            called("MaxPooling2D", *tensors("x"), pool_size=2, strides=[2**31, 1]),
            {"x": (4, 4, 3)},
            "below 2**31",
        ),
        (
            called("Matmul", *tensors("x", "y"), module=NUMPY),
            {"x": (4, 2), "y": (3, 3)},
            "do not go together",
        ),
        (
            called("SimpleRNN", *tensors("x"), units=3, kwargs={"mask": tensors("y")[0]}),
            {"x": (4, 2), "y": (5,)},
            "a mask of shape",
        ),
        (
            called("GlobalAveragePooling3D", *tensors("x", "x"), data_format="channels_first"),
            {"x": (2, 3, 4, 5)},
            "none for the steps",
        ),
        (
            called("GlobalAveragePooling1D", *tensors("x", "y")),
            {"x": (4, 2), "y": (3,)},
            "none for the steps",
        ),
        (called("Attention", tensors("x", "y")), {"x": (2,), "y": (4, 2)}, "as many axes"),
        (called("MaxPooling2D", *tensors("x"), pool_size=2), {"x": (4, 4, 0)}, "no elements"),
        (
            called("BroadcastTo", *tensors("x"), module=NUMPY, shape=[2, 5, 4]),
            {"x": (4, 4, 4)},
            "cannot be broadcast",
        ),
        (called("BroadcastTo", *tensors("x"), module=NUMPY, shape=[5, 1]), {"x": (4,)}, "be broadcast"),
        (
            called("Conv1D", *tensors("x"), filters=3, kernel_size=3, dilation_rate=2**31 - 1),
            {"x": (None, 4)},
            "smaller than 2**31",
        ),
        (called("FullLike", *tensors("x", "y"), module=NUMPY), {"x": (4,), "y": (3,)}, "cannot be broadcast"),
        (called("Average", *tensors("x", "y"), module=NUMPY), {"x": (4,), "y": ()}, "should be of one axis"),
        (called("UnitNormalization", *tensors("x"), axis=[1, 1]), {"x": (4,)}, "twice"),
        (called("Full", 0.5, module=NUMPY, shape=[1.5, 2]), {"x": ()}, "whole numbers"),
        (called("Diag", *tensors("x"), module=NUMPY), {"x": (3, 2)}, "neither a diagonal"),
        (called("Squeeze", *tensors("x"), module=NUMPY, axis=1), {"x": (0, 2)}, "one element along"),
        (
            called("Lstsq", *tensors("x", "y"), module="keras.src.ops.linalg"),
            {"x": (3, 3), "y": (3,)},
            "should be one matrix",
        ),
        (called("IFFT2", tensors("x"), module="keras.src.ops.math"), {"x": (4, 2)}, "which has two"),
        (
            called("BatchNorm", *tensors("x"), 0.5, 0.5, module="keras.src.ops.nn", axis=1),
            {"x": (4, 2)},
            "along axes of sizes",
        ),
        (
            called("Dense", *tensors("x"), units=3, activation=LISTS),
            {"x": (4,)},
            "one tensor",
        ),
        (called("Slice", *tensors("x"), [], module=CORE, shape=[1]), {"x": (4,)}, "are not for the axes"),
        (
            called("SliceUpdate", *tensors("x"), 7, *tensors("y"), module=CORE),
            {"x": (4,), "y": (4,)},
            "no position",
        ),
        (
            called("SliceUpdate", *tensors("x"), [0, 0], *tensors("y"), module=CORE),
            {"x": (4,), "y": ()},
            "has other axes",
        ),
        (called("Cholesky", *tensors("x"), module=LINALG), {"x": (3, 2)}, "do not go together"),
        (called("Solve", *tensors("x", "y"), module=LINALG), {"x": (3, 3), "y": (4,)}, "do not go together"),
        (called("Solve", *tensors("x", "y"), module=LINALG), {"x": (3, 3), "y": ()}, "are no equations"),
        (called("FFT2", [*tensors("x"), [[0]]], module="keras.src.ops.math"), {"x": (1,)}, "and int32"),
        (called("Norm", *tensors("x"), module=LINALG, ord="nuc", axis=1), {"x": (4,)}, "for vectors"),
        (called("Norm", *tensors("x"), module=LINALG, ord=3, axis=[1, 2]), {"x": (4, 2)}, "for matrices"),
        (called("Norm", *tensors("x"), module=LINALG, ord="L2"), {"x": (4,)}, "float, 'fro', 'nuc', None"),
        (
            entry("TFOpLambda", "layer", [["x", 0, 0, {"begin": [0, ["y", 0, 0]], "size": [1, 1]}]],
                  function="slice"),
            {"x": (4,), "y": (3,)},
            "no list of positions",
        ),
        (
            called("MultiHeadAttention", *tensors("x", "x"), num_heads=2, key_dim=3,
                   kwargs={"attention_mask": tensors("y")[0]}),
            {"x": (4, 6), "y": (4, 3)},
            "does not end with the sizes",
        ),
        (
            entry("TFOpLambda", "layer", [["x", 0, 0, {"limit": 3}]], function="range"),
            {"x": (4,)},
            "as a number",
        ),
    ],
)  # fmt: skip
def test_it_is_the_layer_that_is_named(
    tmp_path: Path, layer: dict[str, Any], inputs: dict[str, tuple[int | None, ...]], said: str
) -> None:
    found = problem(tmp_path, layer, **inputs)
    assert "layer 'layer'" in found and said in found


@pytest.mark.parametrize("value", [h5py.Reference, "vlen"])
def test_attributes_that_keras_never_writes(tmp_path: Path, value: Any) -> None:
    path = write_whole_h5(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        if value == "vlen":
            kind = h5py.vlen_dtype(np.int32)
            lists = np.empty(1, object)
            lists[0] = np.arange(3, dtype=np.int32)
            file["model_weights"].attrs.create("layer_names", lists, dtype=kind)
        else:
            file.attrs["model_config"] = file.ref
    with pytest.raises(ConversionError, match="neither a string nor a list"):
        inspect(path)


def test_numbers_of_another_kind_than_keras_saves() -> None:
    stored = StoredTensor("/dense/kernel", "kernel", (2,), "float16", lambda: np.ones(2, np.float16))
    weight = Weight.of(stored).apply("bitwise_and", Weight.constant(15))
    with pytest.raises(WeightMismatch, match=r"^/dense/kernel: bitwise_and of float16, int64"):
        weight.evaluate(lambda leaf: leaf.read() if isinstance(leaf, StoredTensor) else np.ones(2))


def test_recipes_of_arrays_that_do_not_fit() -> None:
    two, three = Weight.full((2, 3), 0.0), Weight.full((3, 3), 0.0)
    assert Weight.cat([two, three]).shape == (5, 3)
    with pytest.raises(ValueError, match="cannot join"):
        Weight.cat([two, three], axis=1)
    with pytest.raises(ValueError, match="no axis"):
        Weight.cat([Weight.full((), 0.0)], axis=-1)
    with pytest.raises(ValueError, match="other axes"):
        two.permute(0)
