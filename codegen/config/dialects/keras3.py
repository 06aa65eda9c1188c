"""Early Keras 3 -> today's: what layers and ops did otherwise, as options that their functions know."""

from __future__ import annotations

from typing import Any

from codegen.config.dialects.draft import Draft
from codegen.config.dialects.origin import Origin

_HEADS = frozenset({"GroupQueryAttention", "GroupedQueryAttention", "MultiHeadAttention"})
_MERGES = frozenset({"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"})

#: Before this version, these layers have these options; what stands further down overrides.
_LAYERS: tuple[tuple[tuple[int, int], frozenset[str], dict[str, Any]], ...] = (
    ((3, 14), frozenset({"LayerNormalization", "RMSNormalization"}), {"sorts_axes": False}),
    ((3, 10), _HEADS | {"Softmax"}, {"masking": "add"}),
    ((3, 8), frozenset({"MultiHeadAttention"}), {"query_mask_counts": True}),
    ((3, 8), frozenset({"RandomCrop"}), {"inference": "crop"}),
    ((3, 7), _HEADS, {"masking": "add always"}),
    ((3, 6), frozenset({"RandomCrop"}), {"inference": "resize"}),
    ((3, 6), frozenset({"Resizing", "UpSampling2D"}), {"casts": "truncate"}),
    ((3, 6), frozenset({"RandomBrightness", "RandomContrast"}), {"casts": "policy"}),
    ((3, 4), frozenset({"CategoryEncoding"}), {"keeps_axis": True}),
    ((3, 4), _MERGES, {"mask_mode": "and"}),
)

#: Before this version, these ops computed something else with these values of an option.
_OPS: tuple[tuple[tuple[int, int], str, str, frozenset[str]], ...] = (
    ((3, 14), "Correlate", "mode", frozenset({"full", "same"})),
    ((3, 11), "MapCoordinates", "fill_mode", frozenset({"constant"})),
    ((3, 9), "MapCoordinates", "fill_mode", frozenset({"mirror", "reflect"})),
)


def to_todays(draft: Draft) -> None:
    """Rewrite a layer of an earlier Keras 3, in place, into the words of today's."""
    for end, names, options in _LAYERS:
        if is_before(draft.origin, end) and draft.class_name in names:
            draft.config |= options
    if draft.class_name == "MultiHeadAttention" and _counts_heads(draft):
        draft.config["attention_axes"] = f"{draft.config['attention_axes']} of Keras before 3.12"


def _counts_heads(draft: Draft) -> bool:
    """Whether negative attention axes count that of the heads: where scores are not computed in one."""
    axes = draft.config.get("attention_axes")
    if not isinstance(axes, list) or min(axes, default=0) >= 0:
        return False
    return is_before(draft.origin, (3, 12) if draft.config.get("dropout") else (3, 7))


def policy(name: str, draft: Draft) -> str:
    """A dtype policy that tells early int4 kernels apart from today's, see `quantized.py`."""
    is_early = draft.class_name in ("Dense", "EinsumDense") and is_before(draft.origin, (3, 14))
    return name.replace("int4_", "int4/early_", 1) if is_early and name.startswith("int4_") else name


def op_to_todays(class_name: str, options: dict[str, Any], origin: Origin) -> None:
    """Rewrite an op's options, in place; one whose meaning has changed is marked, for the op to refuse."""
    for end, name, key, values in _OPS:
        if class_name == name and is_before(origin, end) and options.get(key) in values:
            options[key] = f"{options[key]} of Keras before {end[0]}.{end[1]}"
    if class_name == "Resize" and is_before(origin, (3, 6)):
        options["casts"] = "truncate"


def is_before(origin: Origin, version: tuple[int, int]) -> bool:
    """Whether a file is of an earlier Keras 3; one that says just "3" is taken for today's."""
    return origin.generation == 3 and len(origin.version) > 1 and origin.version < version
