"""Keras' EinsumDense: a linear layer where that is what its equation says, else `torch.einsum`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.lowering.builder import Builder
from codegen.lowering.parts.quantized import Quantization, rounded_input, weights, with_low_rank
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec, Shape

_EQUATION = re.compile(
    r"(?P<left>\.\.\.)?(?P<x>[a-zA-Z]+)(?P<right>\.\.\.)?,(?P<kernel>[a-zA-Z]+)->(\.\.\.)?(?P<y>[a-zA-Z]+)(\.\.\.)?$"
)


@dataclass(frozen=True)
class _Equation:
    """An equation with the sizes of its letters.

    Attributes:
        text: As Keras writes it.
        x: Letters of the input, without those behind an ellipsis.
        kernel: Of the kernel.
        y: Of the output.
        sizes: By letter.
        lead: Sizes that an ellipsis on the left stands for.
        rest: The same on the right.
    """

    text: str
    x: str
    kernel: str
    y: str
    sizes: dict[str, int | None]
    lead: Shape
    rest: Shape

    @property
    def summed(self) -> str:
        """Letters of input and kernel that the output lacks, in the input's order."""
        return "".join(letter for letter in self.x if letter in self.kernel and letter not in self.y)

    @property
    def new(self) -> str:
        """Letters of the output that only the kernel has."""
        return "".join(letter for letter in self.y if letter not in self.x)

    @property
    def output_shape(self) -> Shape:
        """Of the whole output."""
        return (*self.lead, *(self.sizes[letter] for letter in self.y), *self.rest)

    @property
    def is_linear(self) -> bool:
        """Whether just the last letters of the input become the last letters of the output."""
        kept = self.x.removesuffix(self.summed)
        return (
            not self.rest
            and bool(self.summed)
            and self.x == kept + self.summed
            and self.y == kept + self.new
            and sorted(self.kernel) == sorted(self.summed + self.new)
        )

    def known(self, letters: str) -> tuple[int, ...]:
        """Sizes of letters; KeyError where one is open."""
        sizes = {letter: size for letter, size in self.sizes.items() if size is not None}
        return tuple(sizes[letter] for letter in letters)


@lowers("EinsumDense", masks="drop", training_only=("gptq_unpacked_column_size",))
def einsum_dense(
    b: Builder,
    x: Value,
    *,
    equation: str,
    output_shape: int | tuple[int | None, ...] | None,
    bias_axes: str | None = None,
    activation: str | LayerSpec = "linear",
    quantization: Quantization,
) -> Value:
    """y = activation(einsum(equation, x, kernel) + bias)."""
    x = b.keras_layout(x)
    eq = _analysed(b, x, equation, output_shape if isinstance(output_shape, tuple) else (output_shape,))
    bias_shape = _bias_shape(eq, bias_axes) if bias_axes is not None else None
    w = weights(
        b,
        eq.known(eq.kernel),
        bias_shape,
        quantization,
        rows=math.prod(eq.known("".join(c for c in eq.kernel if c not in eq.y))),
        scale_shape=_scale_shape(eq),
        align=lambda scale: _aligned(eq, scale),
        summed_axis=next((axis for axis, letter in enumerate(eq.kernel) if letter not in eq.y), 0),
    )
    summed = [len(eq.lead) + i for i, c in enumerate(eq.x) if c not in eq.y]
    rounded = rounded_input(b, x, summed, quantization, w.input_scale)
    y = _contracted(b, rounded, eq, w.kernel, w.bias)
    if w.low_rank is not None:
        left, right = w.low_rank
        if eq.rest or eq.kernel[-1] != eq.y[-1]:
            found = quantization.lora_rank
            b.unsupported("lora_rank", found, "supported where kernel and output have the same last axis")
        narrow = replace(eq, sizes={**eq.sizes, eq.y[-1]: right.shape[0]})
        y = with_low_rank(b, y, _contracted(b, x, narrow, left, None, part="lora_a"), right)
    return b.activation(y, activation)


def _contracted(
    b: Builder, x: Value, eq: _Equation, kernel: Weight, bias: Weight | None, *, part: str = ""
) -> Value:
    """einsum(equation, x, kernel) + bias."""
    if eq.is_linear and (bias is None or bias.shape == eq.known(eq.new)):
        return _linear(b, x, eq, kernel, bias, part)
    y = b.op(
        "torch.einsum(equation, x, kernel)",
        shape=eq.output_shape,
        equation=eq.text,
        x=x,
        kernel=b.parameter(part or "kernel", kernel),
    )
    if bias is not None:
        y = b.op("y + bias", shape=y.shape, y=y, bias=b.parameter("bias", bias))
    return y


def _linear(b: Builder, x: Value, eq: _Equation, kernel: Weight, bias: Weight | None, part: str) -> Value:
    """`nn.Linear` over all summed axes at once, to all new axes at once."""
    inputs, outputs = eq.known(eq.summed), eq.known(eq.new)
    features, units = math.prod(inputs), math.prod(outputs)
    front = x.shape[: x.rank - len(inputs)]
    order = [eq.kernel.index(letter) for letter in eq.new + eq.summed]
    y = b.module(
        "nn.Linear",
        b.reshape(x, (*front, features)),
        kwargs={"in_features": features, "out_features": units, "bias": bias is not None},
        state={
            "weight": kernel.permute(*order).reshape(units, features),
            "bias": bias and bias.reshape(units),
        },
        shape=(*front, units),
        part=part,
    )
    return b.reshape(y, (*front, *outputs))


def _analysed(b: Builder, x: Value, equation: str, output_shape: Shape) -> _Equation:
    """Port of `_analyze_split_string` in `einsum_dense.py`."""
    found = _EQUATION.match(equation)
    if found is None:
        b.malformed(f"{equation!r} is no equation of the form ab,bc->ac")
    letters, kernel, output = found["x"], found["kernel"], found["y"]
    elided = x.rank - len(letters)
    if elided < 0:
        b.malformed(f"its input {x.shape} has fewer axes than its equation {equation!r} names")
    left = elided if found["left"] else 0
    sizes = dict(zip(letters, x.shape[left : left + len(letters)], strict=True))
    given = output if found["left"] else output[1:]
    for letter, size in zip(given, output_shape, strict=False):
        if sizes.get(letter) is None:
            sizes[letter] = size
    sizes.setdefault(output[:1], x.shape[0])
    if unknown := "".join(letter for letter in kernel if sizes.get(letter) is None):
        b.malformed(f"nothing says how large the axes {unknown!r} of its kernel in {equation!r} are")
    return _Equation(equation, letters, kernel, output, sizes, x.shape[:left], x.shape[left + len(letters) :])


def _bias_shape(eq: _Equation, bias_axes: str) -> tuple[int, ...]:
    first = min((eq.y.find(letter) for letter in bias_axes), default=0)
    shape = [eq.known(letter)[0] if letter in bias_axes else 1 for letter in eq.y[first:]]
    return (*shape, *(1 for _ in eq.rest))


def _scale_shape(eq: _Equation) -> tuple[int, ...]:
    """Shape of an int8 kernel's scales, which have their axes where the output has them.

    Port of `_analyze_quantization_info` and `_get_kernel_scale_shape` in `einsum_dense.py`.
    """
    output = [*(" " for _ in eq.lead), *eq.y, *(" " for _ in eq.rest)]
    sizes = [eq.known(letter)[0] for letter in output if letter in eq.kernel]
    gaps = [axis for axis, letter in enumerate(output) if letter not in eq.kernel]
    surplus = []
    where = 0
    for axis, letter in enumerate(eq.kernel):
        if letter in eq.y:
            continue
        if gaps:
            where = gaps.pop(0)
        else:
            surplus.append(axis)
        sizes.insert(where, 1)
    for axis in gaps:
        sizes.insert(axis, 1)
    for axis in reversed(surplus):
        sizes.pop(axis)
    return tuple(sizes)


def _aligned(eq: _Equation, scale: Weight) -> Weight:
    """The scales with their axes where the kernel has them."""
    letters = [letter for letter in eq.y if letter in eq.kernel]
    order = [letters.index(letter) for letter in eq.kernel if letter in letters]
    plain = scale.reshape(*eq.known("".join(letters))).permute(*order)
    return plain.reshape(*(eq.known(c)[0] if c in eq.y else 1 for c in eq.kernel))
