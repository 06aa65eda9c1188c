"""Real Keras as the oracle: builds models with random weights and compares their conversions with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen import Conversion, convert
from tests.oracle.cases.case import Case, keras
from tests.support.conversions import assert_same, torch_outputs

#: Stands for a size that the model leaves open.
OPEN_SIZE = 7


def build(case: Case) -> Any:
    """The case's model, with random weights."""
    keras.utils.set_random_seed(1)
    made = case.build()
    model = made if case.model else _wrapped(case, made)
    randomise(model)
    return model


def _wrapped(case: Case, layer: Any) -> Any:
    dtypes = [*case.dtypes, *["float32"] * (len(case.inputs) - len(case.dtypes))]
    inputs = [
        keras.Input(shape, dtype=dtype, name=f"input_{index}")
        for index, (shape, dtype) in enumerate(zip(case.inputs, dtypes, strict=True))
    ]
    outputs = case.call(layer, inputs) if case.call else layer(*inputs)
    return keras.Model(inputs, outputs, name=case.name.split("[")[0])


def randomise(model: Any) -> None:
    """Random numbers in every floating-point weight: zeros and ones hide mistakes."""
    rng = np.random.default_rng(2)
    for variable in model.weights:
        dtype = keras.backend.standardize_dtype(variable.dtype)
        if "float" not in dtype:
            continue
        positive = "variance" in variable.path or "std" in variable.path
        # Sums of many terms must stay near one: saturated activations hide mistakes, large ones rounding.
        spread = min(0.6, (3 / max(1, math.prod(variable.shape[:-1]))) ** 0.5)
        low, high = (0.5, 1.5) if positive else (-spread, spread)
        variable.assign(rng.uniform(low, high, variable.shape).astype("float32"))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with copies of its weights


def sample_inputs(model: Any, batch: int, ints: int) -> list[NDArray[Any]]:
    """Random inputs, in the order in which Keras flattens them."""
    rng = np.random.default_rng(3)
    arrays = []
    for tensor in keras.tree.flatten(_structure(model)):
        shape = [batch, *(OPEN_SIZE if size is None else size for size in tensor.shape[1:])]
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if dtype == "bool":
            arrays.append(rng.integers(0, 2, shape).astype(bool))
        elif "int" in dtype:
            arrays.append(rng.integers(0, ints, shape).astype(dtype))
        else:
            arrays.append(rng.uniform(-1.5, 1.5, shape).astype("float32"))
    return arrays


def _structure(model: Any) -> Any:
    """The model's inputs, nested as its author wrote them; a Sequential has one."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def keras_outputs(model: Any, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """What Keras computes at inference, flattened."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()  # a call before may have left a state, which no file holds
    packed = keras.tree.pack_sequence_as(_structure(model), inputs)
    outputs = keras.tree.flatten(model(packed, training=False))
    return [np.asarray(keras.ops.convert_to_numpy(output)) for output in outputs]


def save(model: Any, path: Path) -> Path:
    """Save in the format of the path's ending."""
    model.save(path)
    return path


def check_conversion(model: Any, file: Path, inputs: list[NDArray[Any]], **options: Any) -> Conversion:
    """Save `model` as `file`, convert it, compare all outputs with Keras'."""
    save(model, file)
    result = convert(file, output=file.parent / f"out_{file.suffix[1:]}", **options)
    assert_same(torch_outputs(result, inputs), keras_outputs(model, inputs))
    return result
