"""The conditional random field of TensorFlow Addons.

Formulas: `tensorflow_addons/layers/crf.py` and `text/crf.py` (0.20).
"""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec


@lowers("CRF", package="Addons", masks="own", note="TensorFlow Addons")
def addons_crf(
    b: Builder, x: Value, *, units: Size, use_boundary: bool = True, use_kernel: bool = True
) -> list[Value]:
    """The tags of the best chain (N, T), the scores, the lengths of the chains, and the transitions."""
    x = b.keras_layout(x)
    mask = b.mask(x)
    if x.rank != 3 or (mask is not None and (mask.rank != 2 or mask.dtype != "bool")):
        b.malformed(f"its input {x.shape} must be sequences of vectors, its mask of (batch, time)")
    transitions = b.parameter("transitions", b.weight("chain_kernel", (units, units)))
    sides: dict[str, Any] = {}
    for side in ("left", "right") if use_boundary else ():
        sides[side] = b.parameter(side, b.weight(f"{side}_boundary", (units,)))
    scores = x
    if use_kernel:
        scores = b.call(LayerSpec("dense", "Dense", {"units": units}), x, attribute="_dense_layer")
    elif x.shape[-1] != units:
        b.malformed(f"its input {x.shape} must have {units} features")
    kept = mask
    if kept is None:
        kept = b.op("torch.ones_like(x[:, :, 0], dtype=torch.bool)", shape=x.shape[:2], dtype="bool", x=x)
    if use_boundary:
        template = "scores + boundary_scores(mask, left, right)"
        scores = b.op(template, shape=scores.shape, scores=scores, mask=kept, **sides)
    lengths = b.op("mask.sum(dim=1)", shape=x.shape[:1], dtype="int64", mask=kept)
    tags = b.op(
        "viterbi_decode(scores, transitions, lengths)",
        shape=x.shape[:2],
        dtype="int64",
        scores=scores,
        transitions=transitions,
        lengths=lengths,
    )
    tags = b.cast(tags, "int32")
    tags.mask = b.carried_mask(x)
    matrix = b.op("transitions", shape=(units, units), dtype=b.dtype, transitions=transitions)
    return [tags, scores, lengths, matrix]
