"""What changed when: the table of quirks at its borders, and its names beside those of the options."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.dialects import quirks
from codegen.config.dialects.origin import KERAS1, KERAS2, KERAS3, TF_KERAS, Dialect, Origin
from codegen.config.dialects.quirks import ALWAYS, CHANGES, quirks_of
from codegen.errors import UnsupportedOption
from codegen.lowering import catalogue
from codegen.lowering.registry import registered
from codegen.model.packages import ACTIVATION, KERAS, OPS
from codegen.model.spec import Changed, LayerSpec
from tests.support.spec_layer import layer

_GENERATIONS = {KERAS1: 1, KERAS2: 2, TF_KERAS: 2, KERAS3: 3}
_SAME = {"padding": "same"}
_BILINEAR = {"interpolation": "bilinear"}
_INT4 = {
    "dtype": {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int4", "source_name": "float32"}}
}

_OPS = ("AveragePool", "Correlate", "MapCoordinates", "Resize", "SobelEdges")


def origin(
    dialect: Dialect,
    version: tuple[int, ...],
    *,
    theano: bool | None = False,
    backend: str = "tensorflow",
    data_format: str | None = "channels_last",
) -> Origin:
    generation, is_tf = _GENERATIONS[dialect], dialect == TF_KERAS
    return Origin(generation, version, is_tf, theano, False, data_format, masks=True, backend=backend)


def found(
    class_name: str,
    quirk: str,
    config: dict[str, Any],
    dialect: Dialect,
    version: tuple[int, ...],
    *,
    theano: bool | None = False,
    backend: str = "tensorflow",
) -> Any:
    """The value of a quirk, None if the layer has none."""
    packages = {"hard_sigmoid": ACTIVATION, "Capsule": "keras_contrib", "Swish": "keras_contrib"}
    package = packages.get(class_name, f"{OPS}.image" if class_name in _OPS else KERAS)
    source = origin(dialect, version, theano=theano, backend=backend)
    return quirks_of(class_name, package, config, source).get(quirk)


#: Layer, config, quirk, dialect, the last version that has it and its value, the next version and its value.
BORDERS: tuple[tuple[str, dict[str, Any], str, Dialect, tuple[int, ...], Any, tuple[int, ...], Any], ...] = (
    ("LSTM", {}, "repeats_state", KERAS2, (2, 2, 5), True, (2, 3, 0), None),
    ("GRU", {}, "repeats_state", KERAS2, (2, 2, 5), True, (2, 3, 0), None),
    ("SimpleRNN", {}, "repeats_state", KERAS2, (2, 2, 5), True, (2, 3, 0), None),
    ("RNN", {}, "repeats_state", KERAS2, (2, 2, 5), True, (2, 3, 0), None),
    ("StackedRNNCells", {}, "reversed_states", KERAS2, (2, 2, 2), True, (2, 2, 3), None),
    ("Lambda", {}, "tensorflow", KERAS2, (2, 2, 5), "1", (2, 3, 0), "unknown"),
    ("Lambda", {}, "tensorflow", KERAS2, (2, 3, 1), "unknown", (2, 4, 0), None),
    ("Lambda", {}, "tensorflow", TF_KERAS, (2, 1, 6), "1", (2, 2, 0), "unknown"),
    ("Lambda", {}, "tensorflow", TF_KERAS, (2, 2, 4), "unknown", (2, 3, 0), None),
    ("Dot", {}, "as_matrices", KERAS2, (2, 2, 5), True, (2, 3, 0), None),
    ("Dot", {}, "as_matrices", TF_KERAS, (2, 2, 4), True, (2, 3, 0), None),
    ("MultiHeadAttention", {}, "implicit_masks", KERAS2, (2, 9, 0), False, (2, 10, 0), None),
    ("MultiHeadAttention", {}, "implicit_masks", TF_KERAS, (2, 9, 0), False, (2, 10, 0), None),
    ("Resizing", {}, "casts", KERAS3, (3, 5, 0), "truncate", (3, 6, 0), None),
    ("UpSampling2D", {}, "casts", KERAS3, (3, 5, 0), "truncate", (3, 6, 0), None),
    ("Resize", {}, "casts", KERAS3, (3, 5, 0), "truncate", (3, 6, 0), None),
    ("RandomBrightness", {}, "casts", KERAS3, (3, 5, 0), "policy", (3, 6, 0), None),
    ("RandomContrast", {}, "casts", KERAS3, (3, 5, 0), "policy", (3, 6, 0), None),
    ("RandomCrop", {}, "inference", KERAS3, (3, 5, 0), "resize", (3, 6, 0), "crop"),
    ("RandomCrop", {}, "inference", KERAS3, (3, 7, 0), "crop", (3, 8, 0), None),
    ("CategoryEncoding", {}, "keeps_axis", KERAS3, (3, 3, 3), True, (3, 4, 0), None),
    ("Add", {}, "mask_mode", KERAS3, (3, 3, 3), "and", (3, 4, 0), None),
    ("Concatenate", {}, "mask_mode", KERAS3, (3, 3, 3), "and", (3, 4, 0), None),
    ("LayerNormalization", {}, "sorts_axes", KERAS3, (3, 13, 2), False, (3, 14, 0), None),
    ("RMSNormalization", {}, "sorts_axes", KERAS3, (3, 13, 2), False, (3, 14, 0), None),
    ("Softmax", {}, "masking", KERAS3, (3, 9, 2), "add", (3, 10, 0), None),
    ("GroupQueryAttention", {}, "masking", KERAS3, (3, 6, 0), "add always", (3, 7, 0), "add"),
    ("GroupQueryAttention", {}, "masking", KERAS3, (3, 9, 2), "add", (3, 10, 0), None),
    ("MultiHeadAttention", {}, "masking", KERAS3, (3, 6, 0), "add always", (3, 7, 0), "add"),
    ("MultiHeadAttention", {}, "masking", KERAS3, (3, 9, 2), "add", (3, 10, 0), None),
    ("MultiHeadAttention", {}, "query_mask_counts", KERAS3, (3, 7, 0), True, (3, 8, 0), None),
    (
        "MultiHeadAttention", {"attention_axes": [-2], "dropout": 0.1}, "attention_axes", KERAS3,
        (3, 11, 3), Changed("3.12"), (3, 12, 0), None,
    ),
    (
        "MultiHeadAttention", {"attention_axes": [-2]}, "attention_axes", KERAS3,
        (3, 6, 0), Changed("3.7"), (3, 7, 0), None,
    ),
    ("Dense", _INT4, "early_int4", KERAS3, (3, 13, 2), True, (3, 14, 0), None),
    ("EinsumDense", _INT4, "early_int4", KERAS3, (3, 13, 2), True, (3, 14, 0), None),
    ("Correlate", {"mode": "same"}, "mode", KERAS3, (3, 13, 2), Changed("3.14"), (3, 14, 0), None),
    (
        "MapCoordinates", {"fill_mode": "constant"}, "fill_mode", KERAS3,
        (3, 10, 0), Changed("3.11"), (3, 11, 0), None,
    ),
    (
        "MapCoordinates", {"fill_mode": "mirror"}, "fill_mode", KERAS3,
        (3, 8, 0), Changed("3.9"), (3, 9, 0), None,
    ),
    ("Capsule", {}, "routes", KERAS2, (2, 2, 4), True, (2, 2, 5), None),
    ("Swish", {}, "saved", KERAS2, (2, 2, 5), "trained", (2, 3, 0), None),
)  # fmt: skip

_FIRST = {KERAS1: (1, 0), KERAS2: (2, 0), TF_KERAS: (2, 0), KERAS3: (3, 0)}


@pytest.mark.parametrize("row", BORDERS, ids=lambda row: f"{row[0]}-{row[2]}-{row[3]}-{row[4]}")
def test_a_quirk_ends_with_a_version(row: Any) -> None:
    class_name, config, quirk, dialect, last, value, after, value_after = row
    assert found(class_name, quirk, config, dialect, last) == value
    assert found(class_name, quirk, config, dialect, after) == value_after
    if value_after is None:
        assert found(class_name, quirk, config, dialect, _FIRST[dialect]) is not None
        assert found(class_name, quirk, config, dialect, (after[0],)) is None  # of an unknown version


#: Layer, config, quirk, value, and the dialects all of whose versions have it.
ALWAYS_SO: tuple[tuple[str, dict[str, Any], str, Any, tuple[Dialect, ...]], ...] = (
    ("hard_sigmoid", {}, "slope", "1/5", (KERAS1, KERAS2, TF_KERAS)),
    ("Lambda", {}, "slope", "1/5", (KERAS1, KERAS2, TF_KERAS)),
    ("Lambda", {}, "resizing", "legacy", (KERAS1, KERAS2)),
    ("Lambda", {}, "tensorflow", "1", (KERAS1,)),
    ("Bidirectional", {}, "zeroes_masked", False, (KERAS1, KERAS2)),
    ("TimeDistributed", {}, "inner_mask", True, (KERAS1, KERAS2, TF_KERAS)),
    ("UpSampling2D", _BILINEAR, "resizing", "legacy", (KERAS1, KERAS2)),
    ("UpSampling2D", {"interpolation": "nearest"}, "resizing", None, (KERAS1, KERAS2)),
    ("UpSampling2D", {}, "casts", "no", (KERAS1, KERAS2, TF_KERAS)),
    ("Resizing", {}, "casts", "policy", (KERAS1, KERAS2, TF_KERAS)),
    ("RandomContrast", {}, "casts", "policy", (KERAS1, KERAS2, TF_KERAS)),
    ("RandomCrop", {}, "inference", "resize", (KERAS1, KERAS2, TF_KERAS)),
    ("IntegerLookup", {}, "casts", True, (KERAS1, KERAS2, TF_KERAS)),
    ("Multiply", {}, "mask_mode", "and", (KERAS1, KERAS2, TF_KERAS)),
    ("GroupNormalization", {}, "weighs_mask", True, (KERAS1, KERAS2, TF_KERAS)),
    ("Softmax", {}, "masking", "add", (KERAS1, KERAS2, TF_KERAS)),
    ("MultiHeadAttention", {}, "masking", "add always", (KERAS1, KERAS2, TF_KERAS)),
    (
        "MultiHeadAttention", {"softmax_robust_masking": True}, "masking", "replace",
        (KERAS1, KERAS2, TF_KERAS),
    ),
)  # fmt: skip

#: The same on Theano; with "unknown", where no backend is known.
ON_THEANO: tuple[tuple[str, dict[str, Any], str, Any, tuple[Dialect, ...]], ...] = (
    ("Conv2D", _SAME, "same_of", "theano", (KERAS1, KERAS2)),
    ("MaxPooling1D", _SAME, "same_of", "theano", (KERAS1, KERAS2)),
    ("MaxPooling1D", {"padding": "valid"}, "same_of", None, (KERAS1, KERAS2, TF_KERAS)),
    ("MaxPooling1D", _SAME, "same_of", "unknown", (KERAS1,)),
    ("UpSampling2D", _BILINEAR, "resizing", "theano", (KERAS1, KERAS2)),
    ("SReLU", {}, "capped", True, (KERAS1,)),
    ("LSTM", {}, "repeats_state", None, (KERAS2,)),
    ("Capsule", {}, "routes", None, (KERAS2,)),
    ("Dot", {}, "as_matrices", None, (KERAS2, TF_KERAS)),
)

#: Layer, config, quirk, value, and the backend of Keras 3 on which it is so; "" where the file names none.
ON_BACKEND: tuple[tuple[str, dict[str, Any], str, Any, str], ...] = (
    ("AveragePooling2D", _SAME, "same_of", "torch", "torch"),
    ("AveragePooling2D", {"padding": "valid"}, "same_of", None, "torch"),
    ("MaxPooling2D", _SAME, "same_of", None, "torch"),
    ("AveragePool", _SAME, "same_of", "torch", "torch"),
    ("SobelEdges", {}, "border", "zeros", "torch"),
    ("SobelEdges", {}, "border", "zeros", "jax"),
    ("SobelEdges", {}, "border", "likely reflect", ""),
)


@pytest.mark.parametrize("row", ON_BACKEND, ids=lambda row: f"{row[0]}-{row[4]}")
def test_a_quirk_of_a_backend_of_keras_3(row: Any) -> None:
    class_name, config, quirk, value, backend = row
    assert found(class_name, quirk, config, KERAS3, (3, 15, 1), backend=backend) == value
    assert found(class_name, quirk, config, KERAS3, (3, 15, 1)) is None


#: The image data format of a file's layers, and of its functions.
IMAGE_FORMATS = (("channels_first", "channels_first"), (None, "unknown"), ("channels_last", None))


@pytest.mark.parametrize(("said", "value"), IMAGE_FORMATS)
def test_functions_know_the_image_data_format_of_the_layers(said: str | None, value: str | None) -> None:
    for dialect in _GENERATIONS:
        source = origin(dialect, (_GENERATIONS[dialect], 1), data_format=said)
        assert quirks_of("Lambda", KERAS, {}, source).get("data_format") == value


@pytest.mark.parametrize(("backend", "value"), [("", "likely zeros"), ("tensorflow", None)])
def test_layers_with_channels_first_speak_for_torch_where_no_backend_is_named(
    backend: str, value: str | None
) -> None:
    source = origin(KERAS3, (3, 15, 1), backend=backend, data_format="channels_first")
    assert quirks_of("SobelEdges", f"{OPS}.image", {}, source).get("border") == value


@pytest.mark.parametrize("row", (*ALWAYS_SO, *ON_THEANO), ids=lambda row: f"{row[0]}-{row[2]}-{row[3]}")
def test_a_quirk_of_whole_dialects(row: Any) -> None:
    class_name, config, quirk, value, dialects = row
    theano = None if value == "unknown" else row in ON_THEANO
    for dialect in dialects:
        for version in (_FIRST[dialect], _FIRST[dialect][:1], (_GENERATIONS[dialect], 99)):
            assert found(class_name, quirk, config, dialect, version, theano=theano) == value
    for dialect in {KERAS1, KERAS2, TF_KERAS, KERAS3} - set(dialects):
        assert value is None or found(class_name, quirk, config, dialect, (3, 99), theano=theano) != value


def test_every_change_of_the_table_is_tested_at_its_border() -> None:
    borders = {(row[2], row[3], row[6]) for row in BORDERS}
    whole = {(row[2], row[3], dialect) for row in (*ALWAYS_SO, *ON_THEANO) for dialect in row[4]}
    whole |= {(row[2], row[3], KERAS3) for row in ON_BACKEND} | {("border", "likely zeros", KERAS3)}
    whole |= {("data_format", row[1], dialect) for row in IMAGE_FORMATS for dialect in _GENERATIONS}
    for change in CHANGES:
        for dialect, end in change.before.items():
            if end == ALWAYS:
                assert (change.quirk, change.value, dialect) in whole
            else:
                assert (change.quirk, dialect, (*end, 0)[:3]) in borders


# -------------------------------------------------------------------- quirks and options


def declared() -> set[tuple[str, str, str]]:
    """Package, class and quirk of every layer function."""
    catalogue.load()
    return {
        (package, name, quirk) for (package, name), entry in registered().items() for quirk in entry.quirks
    }


def test_every_quirk_has_a_function_that_knows_it() -> None:
    known = declared()
    for change in CHANGES:
        for name in change.classes:
            entry = registered().get((change.package, name))
            if entry is None:
                assert name == "StackedRNNCells"  # read by RNN
            elif isinstance(change.value, Changed):
                assert change.quirk in entry.options
            else:
                assert (change.package, name, change.quirk) in known


def test_every_declared_quirk_is_in_the_table() -> None:
    assert {quirk for _, _, quirk in declared()} == {
        change.quirk for change in CHANGES if not isinstance(change.value, Changed)
    } - {"reversed_states"}


def test_no_config_can_set_a_quirk() -> None:
    for package, name, quirk in sorted(declared()):
        entry = registered()[package, name]
        assert quirk not in entry.options
        for value in (True, False, "add", "theano", "1/5"):
            with pytest.raises(UnsupportedOption, match="no such option is known"):
                entry.bind(LayerSpec("x", name, {quirk: value}, package=package))


@pytest.mark.parametrize(
    ("class_name", "option", "value"),
    [
        ("Conv2D", "padding", "same_theano"),
        ("Conv2DTranspose", "padding", "same_theano"),
        ("ConvLSTM2D", "padding", "same_theano"),
        ("MaxPooling2D", "padding", "same_theano"),
        ("AveragePooling2D", "padding", "same_unknown"),
        ("UpSampling2D", "interpolation", "bilinear_legacy"),
        ("UpSampling2D", "interpolation", "bilinear_theano"),
        ("Resizing", "interpolation", "bilinear_legacy"),
    ],
)
def test_no_config_can_have_a_value_of_ours(class_name: str, option: str, value: str) -> None:
    catalogue.load()
    required = {"filters": 2, "kernel_size": [3, 3], "height": 2, "width": 2}
    entry = registered()[KERAS, class_name]
    config = {key: given for key, given in required.items() if key in entry.options}
    entry.bind(LayerSpec("x", class_name, config))
    with pytest.raises(UnsupportedOption, match=f"{option}='{value}'"):
        entry.bind(LayerSpec("x", class_name, {**config, option: value}))


def test_a_refusal_speaks_keras_words_and_names_the_version() -> None:
    catalogue.load()
    spec = LayerSpec("c", "Correlate", {"mode": "same"}, package=OPS, quirks={"mode": Changed("3.14")})
    with pytest.raises(UnsupportedOption) as caught:
        registered()[OPS, "Correlate"].bind(spec)
    assert str(caught.value) == (
        "layer 'c': Correlate(mode='same') is not supported; in Keras before 3.14 it computed something "
        "else; save the model again with 3.14 or newer"
    )


def test_the_parser_keeps_quirks_apart() -> None:
    spec = layer("UpSampling2D", "2.2.4", interpolation="bilinear", casts="policy")
    assert spec.config == {"interpolation": "bilinear", "casts": "policy"}
    assert spec.quirks == {"casts": "no", "resizing": "legacy"}
    old = layer("Activation", "2.2.4", activation="hard_sigmoid").config["activation"]
    assert (old.class_name, old.package, old.quirks) == ("hard_sigmoid", ACTIVATION, {"slope": "1/5"})
    assert layer("Activation", "3.9.2", activation="hard_sigmoid").config["activation"] == "hard_sigmoid"


def test_the_table_for_people_has_a_row_for_each_change() -> None:
    rows = quirks.markdown().splitlines()
    assert rows[:2] == ["| layers | saved by | what was otherwise |", "| --- | --- | --- |"]
    assert len(rows) == 2 + len(CHANGES)
    assert (
        "| `Dot` | Keras before 2.3, tf.keras before 2.3 | "
        "Inputs of more than three axes were multiplied as stacks of matrices. |" in rows
    )
