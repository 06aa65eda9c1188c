"""Packages around Keras whose layers we know, and how a file shows that a layer is one of theirs.

Keras 2 saves the bare name of a class, so that only the options tell whose it is: a class of one of these
names that saves just what theirs saves is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codegen.config.dialects.origin import KERAS2, TF_KERAS, Dialect, Origin
from codegen.config.dialects.saved_options import in_full

#: What any layer may say.
_COMMON = frozenset(
    {"name", "trainable", "dtype", "dynamic", "batch_input_shape", "batch_shape", "input_dtype", "input_dim"}
)


@dataclass(frozen=True)
class _Package:
    """Layers of one package.

    Attributes:
        name: The package's, as it is imported.
        layers: What each class saves, as in `saved_options`; `option?` where only some versions do.
        dialects: Of the files in which the options alone tell the class.
    """

    name: str
    layers: Mapping[str, str]
    dialects: tuple[Dialect, ...] = (KERAS2, TF_KERAS)


_PACKAGES = (
    # TensorFlow Addons' class of this name saves the same options, and was copied into models of tf.keras.
    _Package(
        "keras_contrib", {"GroupNormalization": "axis beta* center epsilon gamma* groups scale"}, (KERAS2,)
    ),
    _Package(
        "keras_contrib",
        {
            "CRF": (
                "activation bias* boundary* chain* kernel* learn_mode sparse_target test_mode units unroll "
                "use_bias use_boundary"
            ),
            "Capsule": (
                "activation constraint? dim_capsule initializer? num_capsule regularizer? routings "
                "share_weights"
            ),
            "InstanceNormalization": "axis beta* center epsilon gamma* scale",
            "PELU": "alpha* beta* shared_axes",
            "SReLU": (
                "a_left_initializer a_right_initializer shared_axes t_left_initializer t_right_initializer"
            ),
            "SineReLU": "epsilon",
            "SubPixelUpscaling": "data_format scale_factor",
            "Swish": "beta",
        },
    ),
    # Before 0.7 they were registered without the package.
    _Package(
        "Addons",
        {
            "GeLU": "approximate",
            "LayerNormLSTMCell": (
                "activation bias* dropout implementation kernel* norm_beta_initializer norm_epsilon "
                "norm_gamma_initializer recurrent* recurrent_activation recurrent_dropout unit_forget_bias "
                "units use_bias"
            ),
            "NASCell": (
                "bias_initializer kernel_initializer projection projection_initializer "
                "recurrent_initializer units use_bias"
            ),
            "WeightNormalization": "data_init layer",
        },
        (TF_KERAS,),
    ),
    _Package("efficientnet", {"FixedDropout": "noise_shape rate seed"}),
    _Package("keras_efficientnets", {"DropConnect": "drop_connect_rate"}),
    _Package(
        "keras_resnet",
        {
            "BatchNormalization": (
                "axis beta* center epsilon freeze gamma* momentum moving_mean_initializer "
                "moving_variance_initializer scale"
            )
        },
    ),
    _Package("keras_retinanet", {"UpsampleLike": ""}),
    _Package(
        "tensorflow_model_optimization",
        {
            **dict.fromkeys(
                ("ClusterWeights", "ClusterWeightsMHA", "ClusterWeightsRNN"),
                "cluster_centroids_init cluster_gradient_aggregation? cluster_per_channel? layer "
                "number_of_clusters preserve_sparsity?",
            ),
            "PruneLowMagnitude": "block_pooling_type block_size layer pruning_schedule sparsity_m_by_n?",
            "QuantizeAnnotate": "layer quantize_config",
            "QuantizeLayer": "quantizer",
            "QuantizeWrapper": "layer quantize_config",
            "QuantizeWrapperV2": "layer quantize_config",
        },
    ),
    _Package(
        "tcn",
        {
            "TCN": (
                "activation dilations dropout_rate go_backwards? kernel_initializer? kernel_size nb_filters "
                "nb_stacks padding return_sequences return_state? use_batch_norm? use_layer_norm? "
                "use_skip_connections use_weight_norm?"
            )
        },
    ),
)


def package_of_module(module: str) -> str:
    """The known package that a module is of, else the module itself."""
    root = module.partition(".")[0]
    return root if any(package.name == root for package in _PACKAGES) else module


def package_of_options(class_name: str, config: Mapping[str, Any], origin: Origin) -> str | None:
    """The known package whose class of this name saves just such a config; None if there is none."""
    found = config.keys() - _COMMON
    for package in _PACKAGES:
        if class_name not in package.layers or origin.dialect not in package.dialects:
            continue
        saved = package.layers[class_name].split()
        always = in_full(" ".join(option for option in saved if not option.endswith("?")))
        if always <= found <= always | {option[:-1] for option in saved if option.endswith("?")}:
            return package.name
    return None
