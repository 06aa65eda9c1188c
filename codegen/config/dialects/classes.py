"""Class names of all generations in their Keras 3 spelling, and the package that a class comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codegen.model.packages import CUSTOM, KERAS, OPS, TENSORFLOW

#: Graph nodes that call a TensorFlow function.
TENSORFLOW_OPS = frozenset(
    {"ClassMethod", "InstanceMethod", "InstanceProperty", "SlicingOpLambda", "TFOpLambda"}
    | {"TensorFlowOpLayer"}
)


#: Keras 3 layers that save no `trainable`, as ops do not.
_TERSE_LAYERS = frozenset(
    {"Discretization", "HashedCrossing", "Pipeline"}
    | {"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
)

#: Names that a class of Keras had in some version, beside its Keras 3 name.
ALIASES = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "Deconv3D": "Conv3DTranspose",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "GroupedQueryAttention": "GroupQueryAttention",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
}

_KERAS_MODULE = re.compile(r"(tf_keras|keras|tensorflow(\.python)?\.keras)(\.|$)")
_OPS_MODULE = re.compile(r"keras(?:\.src)?\.ops\.(\w+)$")


def class_and_package(entry: Mapping[str, Any], class_name: str) -> tuple[str, str]:
    """The class name of a serialised layer or op without its package, and the package.

    `Addons>GroupNormalization` is ("GroupNormalization", "Addons"). What has a name under which it was
    registered, but no module, is of the script that made the model; what has neither goes for Keras'.
    """
    package, registers, name = class_name.rpartition(">")
    registered, module = entry.get("registered_name"), entry.get("module")
    if not registers and isinstance(registered, str):
        package, registers, _ = registered.rpartition(">")
    if package in ("keras", "Keras", "tf_keras"):
        package = registers = ""
    if registers:
        return name, package or CUSTOM
    name = name.rpartition(".")[2]
    if name in TENSORFLOW_OPS:
        return name, TENSORFLOW
    if isinstance(module, str) and module:
        operation = _OPS_MODULE.match(module)
        if operation:
            return name, f"{OPS}.{operation[1]}"
        if not _KERAS_MODULE.match(module):
            return name, module
    elif isinstance(registered, str) and registered:
        return name, CUSTOM
    elif name not in _TERSE_LAYERS and _is_bare_op(entry):
        return name, OPS
    return name, KERAS


def is_of_keras(module: str) -> bool:
    """Whether a module is one of Keras."""
    return bool(_KERAS_MODULE.match(module))


def without_alias(class_name: str) -> str:
    """The name that Keras 3 saves for a class of Keras that has or had several."""
    return ALIASES.get(class_name, class_name)


def _is_bare_op(entry: Mapping[str, Any]) -> bool:
    """An op in a Keras 3 `.h5`, which drops the modules; a layer's config always says more than an op's."""
    nodes, config = entry.get("inbound_nodes"), entry.get("config")
    if not isinstance(nodes, list) or not any(isinstance(node, Mapping) for node in nodes):
        return False
    return isinstance(config, Mapping) and not {"trainable", "layers", "batch_shape"} & config.keys()
