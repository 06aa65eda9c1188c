"""Wrappers of TensorFlow Addons that compute a layer's kernel from other variables.

Formulas: `tensorflow_addons/layers/wrappers.py` and `spectral_normalization.py` (0.20).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from codegen.graph.recipe import Weight
from codegen.layers.normalization import held_kernel
from codegen.layers.wrapping import call_wrapped
from codegen.lowering.builder import Builder
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec
from codegen.model.variables import VariableTree

_RECURRENT = frozenset({"RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})


@lowers("SpectralNormalization", package="Addons", masks="own", note="TensorFlow Addons")
def addons_spectral_normalization(
    b: Builder, x: Any, training: bool | None = None, *, layer: LayerSpec, power_iterations: int = 1
) -> Any:
    """The wrapped layer: its kernel is normalised while training only."""
    del power_iterations, training
    result = call_wrapped(b, layer, [x])
    held_kernel(b, layer, "sn_u")
    return result


@lowers("WeightNormalization", package="Addons", masks="own", note="TensorFlow Addons")
def weight_normalization(b: Builder, x: Any, *, layer: LayerSpec, data_init: bool = True) -> Any:
    """The wrapped layer with the kernel v / |v| * g; of a recurrent layer, the recurrent kernel is such."""
    kernels: list[Weight] = []
    path = "cell/recurrent_kernel" if layer.class_name in _RECURRENT else "kernel"

    def normalized(name: str, weight: Weight) -> Weight:
        if name != path:
            return weight
        kernels.append(weight)
        return _normalized(b, weight, data_init).instead_of(weight)

    result = call_wrapped(b, layer, [x], derive=normalized)
    if not kernels:
        b.malformed(f"its layer, a {layer.class_name}, has no kernel")
    if data_init:
        source = b.sublayer("layer", layer).tree
        copy = b.sublayer("_naked_clone_layer", replace(layer, trainable=False))
        _copy_variables(source, copy)
    b.take(kernels[0])
    b.note("weight normalisation is folded into the kernels, which train as plain ones")
    return result


def _normalized(b: Builder, v: Weight, data_init: bool) -> Weight:
    """v / |v| * g, where the norm is over all axes but the last; g may not have been set yet."""
    g = b.weight("g", (v.shape[-1],))
    is_set = b.weight("initialized", (), trainable=False)
    squares = v.apply("square").sum(range(len(v.shape) - 1))
    if data_init:
        g = g.only_if(
            is_set, f"layer {b.spec.name!r}: it was never called, so that its kernel has no length yet"
        )
    else:
        g = is_set.apply("where", g, squares.apply("sqrt").reshape(*g.shape), shape=g.shape)
    return v.apply("divide", squares.apply("maximum", Weight.full((), 1e-12)).apply("sqrt")).apply(
        "multiply", g
    )


def _copy_variables(source: VariableTree, copy: Builder) -> None:
    """Declare the variables of a layer and of all that it holds once more, for a copy of it."""
    for variable in source.variables:
        copy.weight(variable.name, variable.shape, trainable=variable.trainable)
    for child in source.children:
        _copy_variables(child, copy.sublayer(child.attribute, child.spec))
