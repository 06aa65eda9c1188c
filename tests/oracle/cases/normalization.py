"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _flat() -> object:
    image = keras.Input((6, 5, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3)(image))
    x = layers.BatchNormalization(scale=False)(x)
    return keras.Model(image, layers.Dense(3)(x))


def _shared() -> object:
    layer = layers.BatchNormalization()
    first, second = keras.Input((6, 5, 3)), keras.Input((6, 5, 3))
    return keras.Model([first, second], [layer(first), layer(layers.Conv2D(3, 3)(second))])


def _frozen() -> object:
    layer = layers.BatchNormalization()
    layer.trainable = False
    return layer


def _plain(axis: int | list[int]) -> object:
    return layers.LayerNormalization(axis=axis, center=False, scale=False)


def _addons_group_normalization() -> Any:
    """The class as Keras took it over from TensorFlow Addons."""
    made = type("GroupNormalization", (layers.GroupNormalization,), {})
    return keras.saving.register_keras_serializable("Addons", "GroupNormalization")(made)(groups=3)


CASES = [
    Case("batchnorm_vector", lambda: layers.BatchNormalization(), [(6,)]),
    Case("batchnorm_sequence", lambda: layers.BatchNormalization(momentum=0.9), [(7, 3)]),
    Case("batchnorm_image", lambda: layers.BatchNormalization(epsilon=1e-5), [(5, 4, 3)]),
    Case("batchnorm_volume", lambda: layers.BatchNormalization(), [(3, 5, 4, 2)]),
    Case("batchnorm_axis_1", lambda: layers.BatchNormalization(axis=1), [(5, 4, 3)]),
    Case("batchnorm_axis_2", lambda: layers.BatchNormalization(axis=2), [(5, 4, 3)]),
    Case("batchnorm_no_scale", lambda: layers.BatchNormalization(scale=False), [(5, 4, 3)]),
    Case("batchnorm_no_center", lambda: layers.BatchNormalization(center=False), [(5, 4, 3)]),
    Case("batchnorm_plain", lambda: layers.BatchNormalization(center=False, scale=False), [(5, 4, 3)]),
    Case("batchnorm_frozen", _frozen, [(5, 4, 3)]),
    Case(
        "batchnorm_batch_statistics",
        lambda: layers.BatchNormalization(),
        [(5, 4, 3)],
        call=lambda layer, xs: layer(xs[0], training=True),
    ),
    Case("batchnorm_flat", _flat, [], model=True),
    Case("batchnorm_shared", _shared, [], model=True),
    Case("layernorm", lambda: layers.LayerNormalization(), [(7, 6)]),
    Case("layernorm_vector", lambda: layers.LayerNormalization(epsilon=1e-6), [(6,)]),
    Case("layernorm_axes", lambda: layers.LayerNormalization(axis=[1, 2, 3]), [(5, 4, 3)]),
    Case("layernorm_axis_1", lambda: layers.LayerNormalization(axis=1), [(5, 4, 3)]),
    Case("layernorm_axes_apart", lambda: layers.LayerNormalization(axis=[1, 3]), [(5, 4, 3)]),
    Case("layernorm_axes_of_both_signs", lambda: layers.LayerNormalization(axis=[-1, 1]), [(5, 4, 3)]),
    Case("layernorm_no_scale", lambda: layers.LayerNormalization(scale=False), [(7, 6)]),
    Case("layernorm_no_center", lambda: layers.LayerNormalization(center=False), [(7, 6)]),
    Case("layernorm_plain", lambda: layers.LayerNormalization(center=False, scale=False), [(7, 6)]),
    Case("layernorm_open_axis", lambda: _plain(axis=1), [(None, 6)]),
    Case("layernorm_open_axes", lambda: _plain(axis=[-3, 3]), [(None, 4, 6)]),
    Case("layernorm_rms", lambda: layers.LayerNormalization(rms_scaling=True), [(7, 6)]),
    Case("layernorm_rms_axes", lambda: layers.LayerNormalization(rms_scaling=True, axis=[1, 2]), [(7, 6, 3)]),
    Case("rmsnorm", lambda: layers.RMSNormalization(), [(7, 6)]),
    Case("rmsnorm_axes", lambda: layers.RMSNormalization(axis=[1, 2], epsilon=1e-4), [(7, 6)]),
    Case("rmsnorm_scale_on_other_axis", lambda: layers.RMSNormalization(axis=1), [(6, 2, 6)]),
    Case("groupnorm", lambda: layers.GroupNormalization(groups=3), [(5, 4, 6)]),
    Case("groupnorm_of_addons", _addons_group_normalization, [(5, 4, 6)]),
    Case("groupnorm_vector", lambda: layers.GroupNormalization(groups=2), [(6,)]),
    Case("groupnorm_of_one", lambda: layers.GroupNormalization(groups=-1), [(6,)], batch=1),
    Case("groupnorm_axis", lambda: layers.GroupNormalization(groups=2, axis=1), [(6, 4, 3)]),
    Case("groupnorm_instance", lambda: layers.GroupNormalization(groups=-1, scale=False), [(5, 4, 6)]),
    Case("groupnorm_plain", lambda: layers.GroupNormalization(3, center=False, scale=False), [(7, 6)]),
    Case("unitnorm", lambda: layers.UnitNormalization(), [(7, 6)]),
    Case("unitnorm_axes", lambda: layers.UnitNormalization(axis=[1, 2]), [(5, 4, 3)]),
    Case("spectralnorm_dense", lambda: layers.SpectralNormalization(layers.Dense(4)), [(6,)]),
    Case("spectralnorm_integers", lambda: layers.SpectralNormalization(layers.Dense(4)), [(6,)], ["int32"]),
    Case("spectralnorm_conv", lambda: layers.SpectralNormalization(layers.Conv2D(4, 3)), [(6, 5, 3)]),
]
