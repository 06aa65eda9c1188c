"""Graph ops that are what a layer does: the layer's own function lowers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codegen import torch_api
from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.recipe import Weight
from codegen.lowering import registry
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.model.spec import LayerSpec, Shape
from codegen.model.variables import Variable, VariableTree


def as_layer(
    b: Builder,
    class_name: str,
    x: Value,
    weights: Mapping[str, Any] | None = None,
    quirks: Mapping[str, Any] | None = None,
    **config: Any,
) -> Value:
    """What a layer of Keras makes of `x`.

    Args:
        b: The op's builder.
        class_name: The layer's class.
        x: Its input.
        weights: Its variables by name: constants, or tensors of the graph.
        quirks: As `LayerSpec.quirks`.
        config: Its options.
    """
    dtype = x.dtype if x.dtype in FLOATS else "float32"
    spec = LayerSpec(
        b.spec.name, class_name, config, b.spec.calls, trainable=False, dtype=dtype, quirks=quirks or {}
    )
    tree = VariableTree("", spec)
    layer = _GivenWeights(
        spec, b.graph, b.label, tree, b.session, b.owner, b.lower, b.masks,
        weights=dict(weights or {}), step_of=b.step_of,
    )  # fmt: skip
    function = registry.find(spec)
    result: Value = function(layer, x, **function.bind(spec))
    return result


@dataclass
class _GivenWeights(Builder):
    """A layer's builder whose variables are arguments of an op.

    Attributes:
        weights: The arguments by name.
    """

    weights: dict[str, Any] = field(default_factory=dict)

    def weight(
        self,
        name: str,
        shape: Sequence[int],
        *,
        trainable: bool = True,
        aside: bool = False,
        initializer: Any = None,
    ) -> Weight:
        """The argument `name`: its numbers if it is a constant, else a stand-in."""
        value = self.weights[name]
        given = kernel_shape(self, value)
        if len(given) != len(shape) or any(
            n not in (None, size) for n, size in zip(given, shape, strict=True)
        ):
            self.malformed(f"a {name} of shape {given} does not fit, it should be {tuple(shape)}")
        if isinstance(value, Value):
            return Weight.of(Variable(self.owner, name, tuple(shape), trainable, aside, initializer))
        return Weight.constant(rules.as_array(self, rules.as_constant(self, value).values))

    def module(self, constructor: str, x: Value, *, shape: Shape, **options: Any) -> Value:
        """A module, or torch's function where its weight is a tensor."""
        weight = (options.get("state") or {}).get("weight")
        function = torch_api.facts(constructor).function
        if not function or weight is None or not weight.leaves():
            return super().module(constructor, x, shape=shape, **options)
        written = torch_api.short_arguments(
            constructor,
            {name: value for name, value in options["kwargs"].items() if name not in ("kernel_size", "bias")},
        )
        operands = {"x": self.cast(x, self.dtype), "weight": self._tensor(weight), **written}
        arguments = ", ".join(["x", "weight", *(f"{name}={name}" for name in written)])
        return self.op(
            f"{function}({arguments})",
            shape=shape,
            perm=options.get("perm"),
            like=options.get("like"),
            **operands,
        )

    def _tensor(self, weight: Weight) -> Value:
        """The steps of a recipe over an argument, as nodes."""
        if weight.step == "leaf":
            return self.cast(self.keras_layout(self.weights[weight.params[0].name]), self.dtype)
        x = self._tensor(weight.inputs[0])
        if weight.step == "transpose":
            return self.op("x.permute(*dims)", shape=weight.shape, x=x, dims=weight.params)
        return self.op("x.reshape(*sizes)", shape=weight.shape, x=x, sizes=weight.params)


def kernel_shape(b: Builder, kernel: TensorLike) -> Shape:
    """The sizes of a kernel, which is a constant or a tensor.

    Raises:
        MalformedConfig: It has no spatial axes.
    """
    shape = (
        kernel.shape
        if isinstance(kernel, Value)
        else rules.as_array(b, rules.as_constant(b, kernel).values).shape
    )
    if len(shape) < 3:
        b.malformed(f"its kernel has the shape {shape}; supported: one with spatial axes")
    return shape
