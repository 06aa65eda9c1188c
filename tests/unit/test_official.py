"""Whose class a layer is of: what a module, a version and the saved options tell."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.dialects.first_versions import first_version
from codegen.config.dialects.official import doubt
from codegen.config.dialects.origin import KERAS1, KERAS2, KERAS3, TF_KERAS, Dialect, Origin
from codegen.config.dialects.saved_options import always_saved, in_full
from codegen.config.parse import parse
from codegen.errors import ConversionError
from codegen.lowering import catalogue, registry
from codegen.lowering.lower import lower
from codegen.model.packages import KERAS
from codegen.model.saved_model import SavedModel
from codegen.model.spec import LayerSpec

_DIALECTS = (KERAS1, KERAS2, TF_KERAS, KERAS3)
_NORM = tuple(in_full("axis beta* center epsilon gamma* scale"))


def origin(dialect: Dialect, *version: int) -> Origin:
    return Origin(version[0], version, dialect == TF_KERAS, False, False, None, masks=False)


def parsed(entry: dict[str, Any], version: str) -> LayerSpec:
    first = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4, 6]}}
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [first, entry]}}
    return parse(SavedModel(config, None, version, "tensorflow", "m.h5")).layer("x")


def whose(class_name: str, options: tuple[str, ...], version: str, **entry: Any) -> str:
    config = {"name": "x", "trainable": True, "dtype": "float32", **dict.fromkeys(options)}
    return parsed({"class_name": class_name, "config": config, **entry}, version).package


@pytest.mark.parametrize(
    ("class_name", "dialect", "last_without", "first"),
    [
        ("Softmax", KERAS2, (2, 1, 2), (2, 1, 3)),
        ("ReLU", KERAS2, (2, 1, 6), (2, 2, 0)),
        ("LayerNormalization", TF_KERAS, (2, 1, 6), (2, 2, 4)),
        ("MultiHeadAttention", TF_KERAS, (2, 3, 0), (2, 4, 0)),
        ("UnitNormalization", TF_KERAS, (2, 8, 0), (2, 9, 0)),
        ("LayerScale", TF_KERAS, (2, 9, 0), (2, 10, 0)),
        ("GroupNormalization", TF_KERAS, (2, 10, 0), (2, 11, 0)),
        ("Identity", TF_KERAS, (2, 11, 0), (2, 12, 0)),
        ("RMSNormalization", KERAS3, (3, 8, 0), (3, 9, 0)),
        ("Bidirectional", KERAS1, (1, 0, 6), (1, 0, 8)),
    ],
)
def test_a_name_is_keras_own_from_some_version(
    class_name: str, dialect: Dialect, last_without: tuple[int, ...], first: tuple[int, ...]
) -> None:
    config = dict.fromkeys(always_saved(class_name, origin(dialect, *first)))
    said = (
        f"is no layer of {'tf.keras' if dialect == TF_KERAS else 'Keras'} {'.'.join(map(str, last_without))}"
    )
    assert doubt(class_name, config, origin(dialect, *last_without)) == f"{said}, so it is"
    assert doubt(class_name, config, origin(dialect, *first)) == ""


@pytest.mark.parametrize("class_name", ["LayerNormalization", "GroupNormalization", "Identity", "Rescaling"])
def test_standalone_keras_2_never_had_them(class_name: str) -> None:
    assert first_version(class_name, KERAS2) is None


def test_an_old_name_of_a_class_is_as_good_as_its_name_today() -> None:
    assert first_version("Convolution2D", KERAS1) == first_version("Conv2D", KERAS3) == ()


def test_without_a_version_a_name_is_keras_own_if_any_of_the_generation_has_it() -> None:
    assert doubt("Identity", {}, origin(KERAS2, 2)) == ""
    assert doubt("ReversibleEmbedding", {}, origin(KERAS2, 2)) == "is no layer of Keras 2, so it is"


@pytest.mark.parametrize("missing", ["axis", "epsilon", "gamma_initializer"])
def test_what_keras_always_saves_must_be_there(missing: str) -> None:
    config = dict.fromkeys(option for option in _NORM if option != missing)
    said = f"is saved without '{missing}', which Keras' own always has, so it is"
    assert doubt("LayerNormalization", config, origin(TF_KERAS, 2, 8, 0)) == said


def test_some_options_are_saved_since_some_version() -> None:
    assert doubt("Attention", {}, origin(TF_KERAS, 2, 2, 4)) == ""
    assert doubt("Attention", {}, origin(TF_KERAS, 2, 4, 0)).startswith("is saved without 'dropout'")
    assert doubt("Attention", {"use_scale": True, "dropout": 0.0}, origin(TF_KERAS, 2, 4, 0)) == ""


def test_every_layer_that_is_converted_has_a_first_version() -> None:
    catalogue.load()
    names = {name for package, name in registry.registered() if package == KERAS}
    assert {n for n in names if all(first_version(n, d) is None for d in _DIALECTS)} == set()


@pytest.mark.parametrize(
    ("class_name", "options", "version", "entry", "package"),
    [
        ("Flatten", ("data_format",), "2.3.1", {}, KERAS),
        ("Mish", (), "2.3.1", {}, "Custom"),
        ("Flatten", ("data_format",), "3.1.0", {"module": None, "registered_name": "Flatten"}, "Custom"),
        ("Flatten", ("data_format",), "3.1.0", {"module": "mine", "registered_name": "Flatten"}, "mine"),
        ("Flatten", ("data_format",), "3.1.0", {"module": "m", "registered_name": "Mine>Flatten"}, "Mine"),
        ("Mine>Flatten", ("data_format",), "2.8.0", {}, "Mine"),
        ("Flatten", (), "3.1.0", {"module": "keras.layers", "registered_name": None}, KERAS),
        ("GroupNormalization", ("groups", *_NORM), "2.3.1", {}, "keras_contrib"),
        ("GroupNormalization", ("groups", "epsilon"), "2.3.1", {}, "Custom"),
        ("GroupNormalization", ("groups", *_NORM), "2.8.0", {}, "Custom"),
        ("InstanceNormalization", _NORM, "2.8.0", {}, "keras_contrib"),
        ("InstanceNormalization", (*_NORM, "momentum"), "2.8.0", {}, "Custom"),
        ("SineReLU", ("epsilon",), "3.1.0", {"module": "keras_contrib.layers"}, "keras_contrib"),
        ("FixedDropout", ("rate", "noise_shape", "seed"), "2.2.4", {}, "efficientnet"),
        ("WeightNormalization", ("data_init", "layer"), "2.8.0", {}, "Addons"),
        ("WeightNormalization", ("layer",), "2.8.0", {}, "Custom"),
    ],
)
def test_the_owner(
    class_name: str, options: tuple[str, ...], version: str, entry: dict[str, Any], package: str
) -> None:
    assert whose(class_name, options, version, **entry) == package


@pytest.mark.parametrize("key", ["activation", "layer", "cell"])
def test_a_layer_within_a_layer_is_judged_alike(key: str) -> None:
    own = {"class_name": "Softmax", "config": {"name": "own", "trainable": True}}
    outer = {"activation": "Activation", "layer": "TimeDistributed", "cell": "RNN"}[key]
    config = {"name": "x", key: own, "merge_mode": "sum"}
    spec = parsed({"class_name": outer, "module": "keras.layers", "config": config}, "2.3.1")
    assert spec.config[key].package == "Custom"


def test_a_class_of_the_author_s_is_refused_by_name() -> None:
    entry = {"class_name": "Identity", "config": {"name": "x", "trainable": True}}
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4]}}, entry
    ]}}  # fmt: skip
    with pytest.raises(ConversionError) as refused:
        lower(parse(SavedModel(config, None, "2.3.1", "tensorflow", "m.h5")))
    assert str(refused.value) == (
        "layer 'x': Identity is no layer of Keras 2.3.1, so it is a class of the model's author; "
        "give its Python file with --source, or a layer function with --custom"
    )


def _own(b: Any, x: Any) -> Any:
    return b.op("x + 1", shape=x.shape, x=x)


@pytest.mark.parametrize("package", ["*", KERAS, "Custom"])
def test_a_function_of_the_user_s_counts_first(package: str) -> None:
    catalogue.load()
    with registry.restored():
        registry.lowers("Identity", "BatchNormalization", package=package)(_own)
        assert registry.find(LayerSpec("x", "Identity", package="Custom", doubt="is")).function is _own
        known = LayerSpec("x", "BatchNormalization", package="keras_resnet", doubt="is")
        assert registry.find(known).function is _own
