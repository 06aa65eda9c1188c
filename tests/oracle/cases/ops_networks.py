"""Graph ops of neural networks: activations, normalisation, codes, losses, windows, attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.oracle.cases.case import Case, ops
from tests.oracle.cases.ops_models import Table, group, unary


def _numbers(*shape: int) -> NDArray[np.float32]:
    return (np.random.default_rng(5).uniform(-1, 1, shape)).astype("float32")


def _count(x: Any, number: int) -> Any:
    """The same number for each sample."""
    return ops.full_like(x[:, 0, 0], number, dtype="int32")


_ACTIVATIONS: Table = {
    "Celu": lambda x: ops.celu(x, alpha=0.7),
    "Elu": lambda x: ops.elu(x, alpha=0.7),
    "Gelu": lambda x: ops.gelu(x),
    "Glu": lambda x: ops.glu(x, axis=-1),
    "HardShrink": lambda x: ops.hard_shrink(x, 0.3),
    "HardSigmoid": lambda x: ops.hard_sigmoid(x),
    "HardSilu": lambda x: ops.hard_silu(x),
    "HardTanh": lambda x: ops.hard_tanh(x),
    "LeakyRelu": lambda x: ops.leaky_relu(x, 0.3),
    "LogSigmoid": lambda x: ops.log_sigmoid(x),
    "LogSoftmax": lambda x: ops.log_softmax(x, axis=None),
    "Relu": lambda x: ops.relu(x),
    "Relu6": lambda x: ops.relu6(4 * x),
    "Selu": lambda x: ops.selu(x),
    "Sigmoid": lambda x: ops.sigmoid(x),
    "Silu": lambda x: ops.silu(x),
    "Softmax": lambda x: ops.softmax(x, axis=1),
    "Softplus": lambda x: ops.softplus(x),
    "SoftShrink": lambda x: ops.soft_shrink(x, 0.3),
    "Softsign": lambda x: ops.softsign(x),
    "SparsePlus": lambda x: ops.sparse_plus(x),
    "SparseSigmoid": lambda x: ops.sparse_sigmoid(x),
    "Sparsemax": lambda x: ops.sparsemax(x, axis=1),
    "Squareplus": lambda x: ops.squareplus(x, b=2),
    "TanhShrink": lambda x: ops.tanh_shrink(x),
    "Threshold": lambda x: ops.threshold(x, 0.2, -1.0),
}

_NORMALISATION: Table = {
    "Normalize": lambda x: ops.normalize(x, axis=1, order=3),
    "Moments": lambda x: ops.moments(x, axes=[1, 2])[1],
    "BatchNorm": lambda x: ops.batch_normalization(
        x, _numbers(5), 2 + _numbers(5), 1, offset=_numbers(5), scale=_numbers(5)
    ),
    "RMSNorm": lambda x: ops.rms_normalization(x, scale=_numbers(4)),
    "LayerNorm": lambda x: ops.layer_normalization(x, gamma=_numbers(5), beta=_numbers(5), axis=1),
    "Norm": lambda x: ops.norm(x, ord=1, axis=(1, 2)),
    "UnitMatrix": lambda x: ops.normalize(x, axis=(1, 2)),
}

_CODES: Table = {
    "OneHot": lambda i: ops.one_hot(i, 6, axis=1),
    "MultiHot": lambda i: ops.multi_hot(i, 6),
}

_LOSSES: Table = {
    "BinaryCrossentropy": lambda x, y: ops.binary_crossentropy(ops.sigmoid(x), ops.sigmoid(y)),
    "CategoricalCrossentropy": lambda x, y: ops.categorical_crossentropy(
        ops.softmax(x), ops.softmax(y) * 0.9
    ),
    "SparseCategoricalCrossentropy": lambda x, y: ops.sparse_categorical_crossentropy(
        ops.argmax(x, axis=-1), ops.sigmoid(y) * 0.9
    ),
    "PSNR": lambda x, y: ops.psnr(x, y, max_val=2.0),
    "CTCLoss": lambda x, y: ops.ctc_loss(1 + ops.argmax(x[:, :2, :3], axis=2), y, _count(x, 2), _count(x, 5)),
    "CTCDecode": lambda x, y: ops.ctc_decode(y, _count(x, 4))[0],
}

_WINDOWS: Table = {
    "Conv": lambda x: ops.conv(x, _numbers(3, 2, 4, 6), strides=2, padding="same"),
    "DepthwiseConv": lambda x: ops.depthwise_conv(x, _numbers(2, 3, 4, 2), padding="same"),
    "SeparableConv": lambda x: ops.separable_conv(x, _numbers(2, 3, 4, 2), _numbers(1, 1, 8, 3)),
    "MaxPool": lambda x: ops.max_pool(x, 2, strides=1, padding="same"),
    "AveragePool": lambda x: ops.average_pool(x, (2, 3), padding="same"),
    "AdaptiveMaxPool": lambda x: ops.adaptive_max_pool(x, (3, 2)),
    "AdaptiveAveragePool": lambda x: ops.adaptive_average_pool(x, (2, 4)),
    "SpaceToDepth": lambda x: ops.space_to_depth(x[:, :6], 2),
    "DepthToSpace": lambda x: ops.depth_to_space(x, 2),
    "ExtractPatches": lambda x: ops.image.extract_patches(x, (3, 2), strides=2, padding="same"),
}

_KERNELS: Table = {
    "Conv": lambda x, k: ops.conv(x, k[0], dilation_rate=2),
    "DepthwiseConv": lambda x, k: ops.depthwise_conv(x, k[1], strides=2),
}

_FOLDS: Table = {
    "Unfold": lambda x: ops.unfold(x, (3, 2), padding=1),
    "Fold": lambda x: ops.fold(ops.unfold(x, 2, stride=2), (6, 4), 2, stride=2),
}

_ATTENTION: Table = {
    "DotProductAttention": lambda q, k: ops.dot_product_attention(
        q, k, k, bias=_numbers(3, 4, 6, 5), mask=_numbers(3, 1, 6, 5) > 0, is_causal=True
    ),
}

CASES: list[Case] = [
    unary("ops_activations", _ACTIVATIONS),
    group("ops_normalisation", {k: v for k, v in _NORMALISATION.items() if k != "UnitMatrix"}, [(5, 4)]),
    group("ops_unit_matrix", {"Normalize": _NORMALISATION["UnitMatrix"]}, [(5, 4)]),
    group("ops_codes", _CODES, [(4,)], ["int32"], ints=8),
    group("ops_losses", _LOSSES, [(5, 4), (5, 4)]),
    group("ops_windows", _WINDOWS, [(7, 6, 4)]),
    group("ops_kernels", _KERNELS, [(7, 6, 2), (3, 2, 2, 3)]),
    group("ops_folds", _FOLDS, [(2, 6, 4)]),
    group("ops_attention", _ATTENTION, [(6, 4, 3), (5, 2, 3)]),
]
