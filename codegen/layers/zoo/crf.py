"""The conditional random field of the package keras-contrib."""

from __future__ import annotations

from typing import Literal

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec


@lowers(
    "CRF",
    package="keras_contrib",
    masks="own",
    training_only=("learn_mode", "sparse_target", "unroll"),
    note="keras-contrib",
)
def crf(
    b: Builder,
    x: Value,
    *,
    units: Size,
    learn_mode: Literal["join", "marginal"],
    test_mode: Literal["viterbi", "marginal"],
    use_boundary: bool = True,
    use_bias: bool = True,
    activation: str | LayerSpec = "linear",
) -> Value:
    """(N, T, features) -> (N, T, units): the best chain of labels as one-hot codes, or probabilities.

    It is what Keras predicts; in training it yields zeros, or probabilities.
    """
    x = b.keras_layout(x)
    mask = b.mask(x)
    if mask is not None and (mask.rank != 2 or mask.dtype != "bool"):
        b.malformed(f"its mask {mask.shape} of {mask.dtype} must be of bool, and tell samples and steps")
    features = b.known(x, 2)
    shape = (*x.shape[:2], units)
    kernel = b.weight("kernel", (features, units))
    chain = b.parameter("chain", b.weight("chain_kernel", (units, units)))
    energy = b.module(
        "nn.Linear",
        x,
        kwargs={"in_features": features, "out_features": units, "bias": use_bias},
        state={"weight": kernel.T, "bias": b.weight("bias", (units,)) if use_bias else None},
        shape=shape,
    )
    energy = b.activation(energy, activation)
    if use_boundary:
        left, right = (
            b.parameter(side, b.weight(f"{side}_boundary", (units,))) for side in ("left", "right")
        )
        template = "with_boundaries(energy, left, right, mask)"
        energy = b.op(template, shape=shape, energy=energy, left=left, right=right, mask=mask)
    if test_mode == "viterbi":
        b.note("a CRF yields the best chain of labels in training, too, and no gradient")
        template = "best_path(energy, chain, mask)"
        path = b.op(template, shape=shape[:2], dtype="int64", energy=energy, chain=chain, mask=mask)
        result = b.cast(b.op("F.one_hot(path, units)", shape=shape, path=path, units=units), x.dtype)
    else:
        template = "label_probabilities(energy, chain, mask)"
        result = b.op(template, shape=shape, energy=energy, chain=chain, mask=mask)
    result.mask = mask if learn_mode == "marginal" else None
    return result
