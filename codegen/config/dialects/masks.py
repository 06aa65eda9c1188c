"""What each version of Keras does with the masks of a call (`MaskRules`); `lowering.masks` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codegen.config.dialects.draft import Draft
from codegen.model.call_order import references
from codegen.model.packages import KERAS
from codegen.model.spec import MaskRules

#: Layers that are called with states behind their input.
STATEFUL = frozenset(
    {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional"}
    | {"CuDNNLSTM", "CuDNNGRU"}
)


def mask_rules(draft: Draft, args: Sequence[Any], kwargs: Mapping[str, Any]) -> MaskRules:
    """The rules for one call of a layer.

    Until Keras 3.4 a call with a list hands no mask on (`Layer.compute_mask`), until 3.11 one that was
    given with the call does not go on, until 3.14 a cast loses the mask (`Layer.__call__`).
    """
    origin = draft.origin
    hands_on_none = origin.is_before((3, 4)) and bool(args) and isinstance(args[0], (list, dict))
    return MaskRules(
        sees=not _hides_masks(draft, args, kwargs),
        hands_on="none" if hands_on_none else "own" if origin.is_before((3, 11)) else "given",
        casts_keep=not origin.is_before((3, 14)),
    )


def _hides_masks(draft: Draft, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Keras 3 hands masks only to layers called with one tensor (`Layer.__call__`), not with states.

    Softmax takes a mask since TensorFlow 2.4, which calls itself 2.4.0 as TensorFlow 2.3 does: there a
    sequence's mask would not go with its steps.
    """
    is_softmax = draft.class_name == "Softmax" and draft.package == KERAS
    if is_softmax and draft.origin.generation < 3 and draft.origin.version <= (2, 4, 0):
        return "mask" not in kwargs
    is_recurrent = draft.class_name in STATEFUL and draft.package == KERAS
    states = [*args[1:], kwargs.get("initial_state")]
    return draft.origin.generation == 3 and is_recurrent and any(True for _ in references(states))
