"""What changed when: all that layers of an older Keras compute otherwise, by the versions that do.

An option that has a word in today's Keras is rewritten by the other files of this folder; what today's
Keras has no word for stands here, and reaches the layer functions as `LayerSpec.quirks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codegen.config.dialects.origin import KERAS1, KERAS2, KERAS3, TF_KERAS, Dialect, Origin
from codegen.config.dialects.policies import policy_name
from codegen.model.packages import ACTIVATION, KERAS, OPS
from codegen.model.spec import Changed

Config = Mapping[str, Any]
Version = tuple[int, ...]

#: In place of a version: whatever version of the dialect.
ALWAYS: Version = ()
BEFORE_3: dict[Dialect, Version] = {KERAS1: ALWAYS, KERAS2: ALWAYS, TF_KERAS: ALWAYS}
NOT_TF: dict[Dialect, Version] = {KERAS1: ALWAYS, KERAS2: ALWAYS}


@dataclass(frozen=True)
class Change:
    """One thing that Keras once computed otherwise.

    Attributes:
        classes: The layers or ops that did.
        quirk: Name of the parameter of their functions; of the option, if the value is `Changed`.
        value: The quirk's.
        before: By dialect, the first version that did no more; a file that tells just the generation is
            taken for one of its last version.
        says: What was otherwise, as one sentence.
        when: Whether it matters to a layer with this config, in a file of this origin.
        package: Of the classes.
    """

    classes: Sequence[str]
    quirk: str
    value: Any
    before: Mapping[Dialect, Version]
    says: str
    when: Callable[[Config, Origin], bool] = lambda _config, _origin: True
    package: str = KERAS

    def applies(self, config: Config, origin: Origin) -> bool:
        """Whether a layer of these classes has the quirk."""
        end = self.before.get(origin.dialect)
        if end is None or (end != ALWAYS and not origin.is_before(end)):
            return False
        return self.when(config, origin)


def quirks_of(class_name: str, package: str, config: Config, origin: Origin) -> dict[str, Any]:
    """The quirks of a layer, whose config is in today's or in its own dialect's words.

    Where several changes of one quirk apply, the last in the table does: the oldest.
    """
    package = OPS if package.startswith(OPS) else package
    found = {}
    for change in CHANGES:
        is_meant = package == change.package and class_name in change.classes
        if is_meant and change.applies(config, origin):
            found[change.quirk] = change.value
    return found


# -------------------------------------------------------------------- conditions


def _where(option: str, *values: Any) -> Callable[[Config, Origin], bool]:
    return lambda config, _: config.get(option) in values


def _on_theano(_: Config, origin: Origin) -> bool:
    return bool(origin.theano)


def _pads_as_theano(config: Config, origin: Origin) -> bool:
    return config.get("padding") == "same" and origin.theano is True


def _pads_as_either(config: Config, origin: Origin) -> bool:
    return config.get("padding") == "same" and origin.theano is None


def _loops_in_tensorflow(config: Config, origin: Origin) -> bool:
    return not origin.theano and not config.get("unroll")


def _may_have_masks(_: Config, origin: Origin) -> bool:
    return origin.masks or origin.dialect == KERAS3


def _counts_heads(config: Config, _: Origin) -> bool:
    axes = config.get("attention_axes")
    return isinstance(axes, list) and min(axes, default=0) < 0


def _drops_and_counts_heads(config: Config, origin: Origin) -> bool:
    return bool(config.get("dropout")) and _counts_heads(config, origin)


def _is_int4(config: Config, _: Origin) -> bool:
    return policy_name(config.get("dtype"), "dtype", str(config.get("name"))).startswith("int4_")


# -------------------------------------------------------------------- the table

_HEADS = ("GroupQueryAttention", "MultiHeadAttention")
_MERGES = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
_POOLING = tuple(f"{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3))
_PADDED = (
    *_POOLING,
    *(f"{kind}{rank}D" for kind in ("Conv", "ConvLSTM") for rank in (1, 2, 3)),
    *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)),
    *(f"{kind}{rank}D" for kind in ("DepthwiseConv", "LocallyConnected", "SeparableConv") for rank in (1, 2)),
)

CHANGES = (
    Change(
        ("hard_sigmoid",), "slope", "1/5", BEFORE_3,
        "It was clip(x / 5 + 0.5, 0, 1), not clip(x / 6 + 0.5, 0, 1).", package=ACTIVATION,
    ),
    Change(
        ("LSTM", "GRU", "SimpleRNN", "RNN"), "repeats_state", True, {KERAS2: (2, 3)},
        "At a masked step the loop in TensorFlow put out the first of the states.", _loops_in_tensorflow,
    ),
    Change(
        ("StackedRNNCells",), "reversed_states", True, {KERAS2: (2, 2, 3)},
        "The states of stacked cells were those of the last cell first.",
    ),
    Change(
        ("Bidirectional",), "zeroes_masked", False, NOT_TF,
        "Masked steps of a sequence repeated the output before; tf.keras yields zeros.",
    ),
    Change(
        ("TimeDistributed",), "inner_mask", True, BEFORE_3,
        "The output's mask was the one that the inner layer makes at each step.",
    ),
    Change(
        _PADDED, "same_of", "theano", NOT_TF | {TF_KERAS: ALWAYS},
        'Padding "same" on Theano put other numbers of zeros before and behind.', _pads_as_theano,
    ),
    Change(
        _POOLING, "same_of", "unknown", {KERAS1: ALWAYS},
        'Padding "same" depended on the backend, which a file without weights does not tell.',
        _pads_as_either,
    ),
    Change(
        ("UpSampling2D",), "resizing", "legacy", NOT_TF,
        "Bilinear resizing had no half-pixel centres.", _where("interpolation", "bilinear"),
    ),
    Change(
        ("UpSampling2D",), "resizing", "theano", NOT_TF,
        "Bilinear resizing on Theano was Theano's own.",
        lambda config, origin: config.get("interpolation") == "bilinear" and bool(origin.theano),
    ),
    Change(
        ("Resizing", "UpSampling2D"), "casts", "truncate", {KERAS3: (3, 6)},
        "Whole numbers were cut off after resizing, not rounded.",
    ),
    Change(
        ("Resize",), "casts", "truncate", {KERAS3: (3, 6)},
        "Whole numbers were cut off after resizing, not rounded.", package=OPS,
    ),
    Change(("UpSampling2D",), "casts", "no", BEFORE_3, "Resized images stayed float32."),
    Change(
        ("Resizing",), "casts", "policy", BEFORE_3, "Images came out in the layer's dtype."
    ),
    Change(
        ("RandomBrightness", "RandomContrast"), "casts", "policy", BEFORE_3 | {KERAS3: (3, 6)},
        "Images came out in the layer's dtype.",
    ),
    Change(
        ("RandomCrop",), "inference", "crop", {KERAS3: (3, 8)},
        "At inference images were cropped to a part of their middle.",
    ),
    Change(
        ("RandomCrop",), "inference", "resize", BEFORE_3 | {KERAS3: (3, 6)},
        "At inference the middle of an image was resized.",
    ),
    Change(
        ("IntegerLookup",), "casts", True, BEFORE_3, "Codes came out in the layer's dtype."
    ),
    Change(
        ("CategoryEncoding",), "keeps_axis", True, {KERAS3: (3, 4)},
        "A last axis of size 1 stayed in front of one-hot codes.",
    ),
    Change(
        _MERGES, "mask_mode", "and", BEFORE_3 | {KERAS3: (3, 4)},
        "A step was kept if all inputs keep it, not if any does.", _may_have_masks,
    ),
    Change(
        ("Dot",), "as_matrices", True, {KERAS2: (2, 3), TF_KERAS: (2, 3)},
        "Inputs of more than three axes were multiplied as stacks of matrices.",
        lambda _, origin: not origin.theano,
    ),
    Change(
        ("GroupNormalization",), "weighs_mask", True, BEFORE_3,
        "What is masked did not count in the statistics.",
    ),
    Change(
        ("LayerNormalization", "RMSNormalization"), "sorts_axes", False, {KERAS3: (3, 14)},
        "The sizes of the weights stood in the order of the axes as they are given.",
    ),
    Change(
        (*_HEADS, "Softmax"), "masking", "add", {KERAS3: (3, 10)},
        "Where a mask keeps nothing, 1e9 was subtracted from all scores; today zeros come out.",
    ),
    Change(
        ("Softmax",), "masking", "add", BEFORE_3,
        "Where the mask keeps nothing, 1e9 was subtracted from all scores; today zeros come out.",
    ),
    Change(
        _HEADS, "masking", "add always", {KERAS3: (3, 7)},
        "The same, also where attention is computed in one step.",
    ),
    Change(
        ("MultiHeadAttention",), "masking", "add always", BEFORE_3,
        "Where a mask keeps nothing, 1e9 was subtracted from all scores.",
    ),
    Change(
        ("MultiHeadAttention",), "masking", "replace", BEFORE_3,
        "With `softmax_robust_masking`, -1e9 stood in place of masked scores.",
        lambda config, _: config.get("softmax_robust_masking") is True,
    ),
    Change(
        ("MultiHeadAttention",), "query_mask_counts", True, {KERAS3: (3, 8)},
        "The mask of the query hid scores.",
    ),
    Change(
        ("MultiHeadAttention",), "implicit_masks", False, {KERAS2: (2, 10), TF_KERAS: (2, 10)},
        "No mask that an input has was looked at.",
    ),
    Change(
        ("MultiHeadAttention",), "attention_axes", Changed("3.12"), {KERAS3: (3, 12)},
        "With dropout, negative axes counted that of the heads.", _drops_and_counts_heads,
    ),
    Change(
        ("MultiHeadAttention",), "attention_axes", Changed("3.7"), {KERAS3: (3, 7)},
        "Negative axes counted that of the heads.", _counts_heads,
    ),
    Change(
        ("Dense", "EinsumDense"), "early_int4", True, {KERAS3: (3, 14)},
        "int4 kernels were packed along the summed axis and had scales as int8 ones.", _is_int4,
    ),
    Change(
        ("SReLU",), "capped", True, {KERAS1: ALWAYS},
        "On Theano what a negative slope makes of small numbers did not exceed the right threshold.",
        _on_theano,
    ),
    Change(
        ("Correlate",), "mode", Changed("3.14"), {KERAS3: (3, 14)},
        'Modes "full" and "same" computed something else.', _where("mode", "full", "same"), OPS,
    ),
    Change(
        ("MapCoordinates",), "fill_mode", Changed("3.11"), {KERAS3: (3, 11)},
        'Fill mode "constant" computed something else.', _where("fill_mode", "constant"), OPS,
    ),
    Change(
        ("MapCoordinates",), "fill_mode", Changed("3.9"), {KERAS3: (3, 9)},
        'Fill modes "mirror" and "reflect" computed something else.',
        _where("fill_mode", "mirror", "reflect"), OPS,
    ),
)  # fmt: skip


# -------------------------------------------------------------------- for people


def markdown() -> str:
    """The table for the documentation: what was otherwise, in which files, in which layers."""
    lines = ["| layers | saved by | what was otherwise |", "| --- | --- | --- |"]
    for change in CHANGES:
        names = ", ".join(f"`{name}`" for name in change.classes)
        lines.append(f"| {names} | {', '.join(_writers(change.before))} | {change.says} |")
    return "\n".join(lines) + "\n"


def _writers(before: Mapping[Dialect, Version]) -> Iterator[str]:
    for dialect, end in before.items():
        name = dialect if end == ALWAYS or dialect == TF_KERAS else "Keras"
        yield name if end == ALWAYS else f"{name} before {'.'.join(map(str, end))}"
