"""Runs what was converted, and compares it with what Keras computed."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codegen import Conversion

RTOL, ATOL = 1e-4, 1e-5


def load(result: Conversion) -> ModuleType:
    """Import a generated file."""
    spec = importlib.util.spec_from_file_location(f"generated_{result.source_path.stem}", result.source_path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def torch_outputs(result: Conversion, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """What the generated model computes, its weights strictly loaded."""
    model = load(result).load_model()
    with torch.no_grad():
        outputs = model(*map(torch.from_numpy, inputs))
    return [output.float().numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def assert_same(found: list[NDArray[Any]], expected: list[NDArray[Any]]) -> None:
    """The same number of outputs, shapes and, to float32 rounding, values."""
    assert [array.shape for array in found] == [array.shape for array in expected]
    for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(ours, theirs, RTOL, ATOL, err_msg=f"output {index}")
