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


def _not_on_theano(_: Config, origin: Origin) -> bool:
    return not origin.theano


def _pads_as_theano(config: Config, origin: Origin) -> bool:
    return config.get("padding") == "same" and origin.theano is True


def _pads_as_either(config: Config, origin: Origin) -> bool:
    return config.get("padding") == "same" and origin.theano is None


def _pads_as_torch(config: Config, origin: Origin) -> bool:
    return config.get("padding") == "same" and origin.backend == "torch"


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
_AVERAGES = tuple(f"AveragePooling{rank}D" for rank in (1, 2, 3))
_POOLING = tuple(f"{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3))
_PADDED = (
    *_POOLING,
    *(f"{kind}{rank}D" for kind in ("Conv", "ConvLSTM") for rank in (1, 2, 3)),
    *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)),
    *(f"{kind}{rank}D" for kind in ("DepthwiseConv", "LocallyConnected", "SeparableConv") for rank in (1, 2)),
)

_EVER: dict[Dialect, Version] = {**BEFORE_3, KERAS3: ALWAYS}
_FUNCTIONS_BEFORE_2: dict[Dialect, Version] = {KERAS1: ALWAYS, KERAS2: (2, 3), TF_KERAS: (2, 2)}
_FUNCTIONS_AROUND_2: dict[Dialect, Version] = {KERAS2: (2, 4), TF_KERAS: (2, 3)}

CHANGES = (
    Change(
        ("Lambda",), "slope", value="1/5", before=BEFORE_3,
        says="K.hard_sigmoid was clip(x / 5 + 0.5, 0, 1), not clip(x / 6 + 0.5, 0, 1).",
    ),
    Change(
        ("Lambda",), "resizing", value="legacy", before=NOT_TF,
        says="K.resize_images had no half-pixel centres.",
    ),
    Change(
        ("Lambda",), "data_format", value="channels_first", before=_EVER,
        says="K.image_data_format() is what the layers of the file say.",
        when=lambda _, origin: origin.data_format == "channels_first",
    ),
    Change(
        ("Lambda",), "data_format", value="unknown", before=_EVER,
        says="Where they contradict one another, nothing tells.",
        when=lambda _, origin: origin.data_format is None,
    ),
    Change(
        ("Lambda",), "tensorflow", value="unknown", before=_FUNCTIONS_AROUND_2,
        says="`tf` was TensorFlow 1 or 2, which the file does not tell.",
    ),
    Change(
        ("Lambda",), "tensorflow", value="1", before=_FUNCTIONS_BEFORE_2, says="`tf` was TensorFlow 1.",
    ),
    Change(
        ("hard_sigmoid",), "slope", value="1/5", before=BEFORE_3,
        says="It was clip(x / 5 + 0.5, 0, 1), not clip(x / 6 + 0.5, 0, 1).", package=ACTIVATION,
    ),
    Change(
        ("LSTM", "GRU", "SimpleRNN", "RNN"), "repeats_state", value=True, before={KERAS2: (2, 3)},
        says="At a masked step the loop in TensorFlow put out the first of the states.",
        when=_loops_in_tensorflow,
    ),
    Change(
        ("StackedRNNCells",), "reversed_states", value=True, before={KERAS2: (2, 2, 3)},
        says="The states of stacked cells were those of the last cell first.",
    ),
    Change(
        ("Bidirectional",), "zeroes_masked", value=False, before=NOT_TF,
        says="Masked steps of a sequence repeated the output before; tf.keras yields zeros.",
    ),
    Change(
        ("TimeDistributed",), "inner_mask", value=True, before=BEFORE_3,
        says="The output's mask was the one that the inner layer makes at each step.",
    ),
    Change(
        _PADDED, "same_of", value="theano", before=NOT_TF,
        says='Padding "same" on Theano put other numbers of zeros before and behind.', when=_pads_as_theano,
    ),
    Change(
        _PADDED, "same_of", value="unknown", before={KERAS1: ALWAYS},
        says='Padding "same" depended on the backend, which a file without weights leaves to `--backend`.',
        when=_pads_as_either,
    ),
    Change(
        _AVERAGES, "same_of", value="torch", before={KERAS3: ALWAYS}, when=_pads_as_torch,
        says='On torch means repeat the edge where padding "same" is uneven; not followed, with a note.',
    ),
    Change(
        ("AveragePool",), "same_of", value="torch", before={KERAS3: ALWAYS}, when=_pads_as_torch, package=OPS,
        says='On torch means repeat the edge where padding "same" is uneven; not followed, with a note.',
    ),
    Change(
        ("SobelEdges",), "border", value="zeros", before={KERAS3: ALWAYS}, package=OPS,
        says="On torch and JAX images go on with zeros; on TensorFlow they are reflected.",
        when=lambda _, origin: origin.backend in ("torch", "jax"),
    ),
    Change(
        ("SobelEdges",), "border", value="likely reflect", before={KERAS3: ALWAYS}, package=OPS,
        says="Where a file names no backend, TensorFlow is assumed, with a note.",
        when=lambda _, origin: not origin.backend,
    ),
    Change(
        ("SobelEdges",), "border", value="likely zeros", before={KERAS3: ALWAYS}, package=OPS,
        says="Where the layers of such a file have channels first, as is habit on torch, torch is assumed.",
        when=lambda _, origin: not origin.backend and origin.data_format == "channels_first",
    ),
    Change(
        ("UpSampling2D",), "resizing", value="legacy", before=NOT_TF,
        says="Bilinear resizing had no half-pixel centres.", when=_where("interpolation", "bilinear"),
    ),
    Change(
        ("UpSampling2D",), "resizing", value="theano", before=NOT_TF,
        says="Bilinear resizing on Theano was Theano's own.",
        when=lambda config, origin: config.get("interpolation") == "bilinear" and bool(origin.theano),
    ),
    Change(
        ("Resizing", "UpSampling2D"), "casts", value="truncate", before={KERAS3: (3, 6)},
        says="Whole numbers were cut off after resizing, not rounded.",
    ),
    Change(
        ("Resize",), "casts", value="truncate", before={KERAS3: (3, 6)},
        says="Whole numbers were cut off after resizing, not rounded.", package=OPS,
    ),
    Change(("UpSampling2D",), "casts", value="no", before=BEFORE_3, says="Resized images stayed float32."),
    Change(
        ("Resizing",), "casts", value="policy", before=BEFORE_3, says="Images came out in the layer's dtype."
    ),
    Change(
        ("RandomBrightness", "RandomContrast"), "casts", value="policy", before=BEFORE_3 | {KERAS3: (3, 6)},
        says="Images came out in the layer's dtype.",
    ),
    Change(
        ("RandomCrop",), "inference", value="crop", before={KERAS3: (3, 8)},
        says="At inference images were cropped to a part of their middle.",
    ),
    Change(
        ("RandomCrop",), "inference", value="resize", before=BEFORE_3 | {KERAS3: (3, 6)},
        says="At inference the middle of an image was resized.",
    ),
    Change(
        ("IntegerLookup",), "casts", value=True, before=BEFORE_3, says="Codes came out in the layer's dtype."
    ),
    Change(
        ("CategoryEncoding",), "keeps_axis", value=True, before={KERAS3: (3, 4)},
        says="A last axis of size 1 stayed in front of one-hot codes.",
    ),
    Change(
        _MERGES, "mask_mode", value="and", before=BEFORE_3 | {KERAS3: (3, 4)},
        says="A step was kept if all inputs keep it, not if any does.", when=_may_have_masks,
    ),
    Change(
        ("Dot",), "as_matrices", value=True, before={KERAS2: (2, 3), TF_KERAS: (2, 3)},
        says="Inputs of more than three axes were multiplied as stacks of matrices.",
        when=lambda _, origin: not origin.theano,
    ),
    Change(
        ("GroupNormalization",), "weighs_mask", value=True, before=BEFORE_3,
        says="What is masked did not count in the statistics.",
    ),
    Change(
        ("LayerNormalization", "RMSNormalization"), "sorts_axes", value=False, before={KERAS3: (3, 14)},
        says="The sizes of the weights stood in the order of the axes as they are given.",
    ),
    Change(
        (*_HEADS, "Softmax"), "masking", value="add", before={KERAS3: (3, 10)},
        says="Where a mask keeps nothing, 1e9 was subtracted from all scores; today zeros come out.",
    ),
    Change(
        ("Softmax",), "masking", value="add", before=BEFORE_3,
        says="Where the mask keeps nothing, 1e9 was subtracted from all scores; today zeros come out.",
    ),
    Change(
        _HEADS, "masking", value="add always", before={KERAS3: (3, 7)},
        says="The same, also where attention is computed in one step.",
    ),
    Change(
        ("MultiHeadAttention",), "masking", value="add always", before=BEFORE_3,
        says="Where a mask keeps nothing, 1e9 was subtracted from all scores.",
    ),
    Change(
        ("MultiHeadAttention",), "masking", value="replace", before=BEFORE_3,
        says="With `softmax_robust_masking`, -1e9 stood in place of masked scores.",
        when=lambda config, _: config.get("softmax_robust_masking") is True,
    ),
    Change(
        ("MultiHeadAttention",), "query_mask_counts", value=True, before={KERAS3: (3, 8)},
        says="The mask of the query hid scores.",
    ),
    Change(
        ("MultiHeadAttention",), "implicit_masks", value=False, before={KERAS2: (2, 10), TF_KERAS: (2, 10)},
        says="No mask that an input has was looked at.",
    ),
    Change(
        ("MultiHeadAttention",), "attention_axes", value=Changed("3.12"), before={KERAS3: (3, 12)},
        says="With dropout, negative axes counted that of the heads.", when=_drops_and_counts_heads,
    ),
    Change(
        ("MultiHeadAttention",), "attention_axes", value=Changed("3.7"), before={KERAS3: (3, 7)},
        says="Negative axes counted that of the heads.", when=_counts_heads,
    ),
    Change(
        ("Dense", "EinsumDense"), "early_int4", value=True, before={KERAS3: (3, 14)},
        says="int4 kernels were packed along the summed axis and had scales as int8 ones.", when=_is_int4,
    ),
    Change(
        ("SReLU",), "capped", value=True, before={KERAS1: ALWAYS},
        says="On Theano what a negative slope makes of small numbers did not exceed the right threshold.",
        when=_on_theano,
    ),
    Change(
        ("Correlate",), "mode", value=Changed("3.14"), before={KERAS3: (3, 14)},
        says='Modes "full" and "same" computed something else.',
        when=_where("mode", "full", "same"), package=OPS,
    ),
    Change(
        ("MapCoordinates",), "fill_mode", value=Changed("3.11"), before={KERAS3: (3, 11)},
        says='Fill mode "constant" computed something else.',
        when=_where("fill_mode", "constant"), package=OPS,
    ),
    Change(
        ("MapCoordinates",), "fill_mode", value=Changed("3.9"), before={KERAS3: (3, 9)},
        says='Fill modes "mirror" and "reflect" computed something else.',
        when=_where("fill_mode", "mirror", "reflect"), package=OPS,
    ),
    Change(
        ("Capsule",), "routes", value=True, before={KERAS2: (2, 2, 5)},
        says="keras-contrib's capsules were routed; since then votes are added up over all capsules.",
        when=_not_on_theano, package="keras_contrib",
    ),
    Change(
        ("Swish",), "saved", value="trained", before={KERAS2: (2, 3)},
        says="keras-contrib's factor was saved only where it is trained; the config has it then.",
        package="keras_contrib",
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
