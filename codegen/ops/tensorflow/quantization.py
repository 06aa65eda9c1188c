"""TensorFlow functions that round numbers as a quantized model would."""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.model.spec import Constant
from codegen.ops.tensorflow.arguments import Given, Tensor
from codegen.ops.tensorflow.functions import tf

_NAMES = ("args", "vars", "vars_per_channel")


@tf(*(f"quantization.fake_quant_with_min_max_{name}" for name in _NAMES))
def fake_quant(
    b: Builder,
    inputs: Tensor,
    min: Given = -6.0,
    max: Given = 6.0,
    num_bits: int = 8,
    narrow_range: bool = False,
) -> Value:
    """The nearest of the numbers that a range, moved so that it holds zero, is divided into."""
    if not 2 <= num_bits <= 16:
        b.unsupported("num_bits", num_bits, "supported: 2 to 16")
    low, high = (_known(b, bound, option) for bound, option in ((min, "min"), (max, "max")))
    least, most = np.float32(narrow_range), np.float32(2**num_bits - 1)
    scale = (high - low) / (most - least)
    zero = np.clip(np.floor(least - low / scale + np.float32(0.5)), least, most)
    numbers = {
        "low": (least - zero) * scale,
        "high": (most - zero) * scale,
        "steps": 1 / scale,
        "scale": scale,
    }
    operands = {name: _operand(b, value) for name, value in numbers.items()}
    template = "((x.clamp(low, high) - low) * steps + 0.5).floor() * scale + low"
    return b.elementwise(template, x=inputs, **operands)


def _known(b: Builder, bound: TensorLike, option: str) -> np.ndarray[Any, Any]:
    known = rules.host(bound)
    if isinstance(known, Value):
        b.unsupported(option, "<tensor>", "supported: numbers")
    return rules.as_array(b, known).astype("float32")


def _operand(b: Builder, value: np.ndarray[Any, Any]) -> Any:
    """A number in as few digits as float32 needs, or one for each channel."""
    value = np.asarray(value, "float32")
    if value.ndim:
        return rules.constant(b, Constant(value.tolist(), "float32"))
    return float(str(value[()]))
