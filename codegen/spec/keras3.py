"""Early Keras 3 -> today's: what layers did otherwise, as options that their functions know."""

from __future__ import annotations

from codegen.spec.draft import Draft

_COLORS = frozenset({"RandomBrightness", "RandomContrast"})
_HEADS = frozenset({"GroupQueryAttention", "GroupedQueryAttention", "MultiHeadAttention"})


def to_todays(draft: Draft) -> None:
    """Rewrite a layer of Keras 3.0 to 3.9, in place, into the words of today's."""
    version = draft.origin.version
    if len(version) < 2 or version >= (3, 10):
        return
    if draft.class_name in _HEADS:
        draft.config["masking"] = "add always" if version < (3, 7) else "add"
    if version >= (3, 8):
        return
    if draft.class_name == "MultiHeadAttention":
        draft.config["query_mask_counts"] = True
    elif draft.class_name == "RandomCrop":
        draft.config["inference"] = "resize" if version < (3, 6) else "crop"
    elif version < (3, 6) and draft.class_name in ("Resizing", "UpSampling2D"):
        draft.config["casts"] = "truncate"
    elif version < (3, 6) and draft.class_name in _COLORS:
        draft.config["casts"] = "policy"
