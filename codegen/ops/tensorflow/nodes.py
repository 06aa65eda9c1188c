"""TensorFlowOpLayer: a node of a TensorFlow graph, as Keras of TensorFlow 1.15 to 2.3 saved it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from codegen.lowering import registry
from codegen.lowering.builder import Builder
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.registry import lowers
from codegen.model.packages import TENSORFLOW

_REDUCE = ("input_tensor axis", "keep_dims=keepdims")
_WINDOW = "strides padding data_format dilations"
_POOL = ("input", "ksize strides padding data_format")
_MASKS = "begin_mask end_mask ellipsis_mask new_axis_mask shrink_axis_mask"
_MATMUL = ("a b", "transpose_a transpose_b")

#: The function of TensorFlow that makes such a node, the arguments that its inputs are ("*" stands
#: before one that takes several; none are named where they are all, in order), and the attributes that are
#: arguments, maybe under another name.
NODES: dict[str, tuple[str, str, str]] = {
    "ArgMax": ("math.argmax", "input axis", "output_type"),
    "ArgMin": ("math.argmin", "input axis", "output_type"),
    "AvgPool": ("nn.avg_pool", *_POOL),
    "AvgPool3D": ("nn.avg_pool3d", *_POOL),
    "BatchMatMul": ("linalg.matmul", "a b", "adj_x=adjoint_a adj_y=adjoint_b"),
    "BatchMatMulV2": ("linalg.matmul", "a b", "adj_x=adjoint_a adj_y=adjoint_b"),
    "BatchToSpaceND": ("batch_to_space", "input block_shape crops", ""),
    "BiasAdd": ("nn.bias_add", "value bias", "data_format"),
    "BroadcastTo": ("broadcast_to", "input shape", ""),
    "Cast": ("cast", "x", "DstT=dtype"),
    "ClipByValue": ("clip_by_value", "t clip_value_min clip_value_max", ""),
    "ConcatV2": ("concat", "*values axis", ""),
    "Conv2D": ("compat.v1.nn.conv2d", "input filter", _WINDOW),
    "Conv3D": ("compat.v1.nn.conv3d", "input filter", _WINDOW),
    "Cumprod": ("math.cumprod", "x axis", "exclusive reverse"),
    "Cumsum": ("math.cumsum", "x axis", "exclusive reverse"),
    "DepthToSpace": ("nn.depth_to_space", "input", "block_size data_format"),
    "DepthwiseConv2dNative": ("nn.depthwise_conv2d", "input filter", _WINDOW),
    "ExpandDims": ("expand_dims", "input axis", ""),
    "Fill": ("fill", "dims value", ""),
    "GatherNd": ("gather_nd", "params indices", ""),
    "GatherV2": ("gather", "params indices axis", "batch_dims"),
    "L2Loss": ("nn.l2_loss", "t", ""),
    "LRN": ("nn.local_response_normalization", "input", "depth_radius bias alpha beta"),
    "LeakyRelu": ("nn.leaky_relu", "features", "alpha"),
    "LinSpace": ("linspace", "start stop num", ""),
    "MatMul": ("linalg.matmul", *_MATMUL),
    "MatrixBandPart": ("linalg.band_part", "input num_lower num_upper", ""),
    "MatrixDiag": ("linalg.diag", "diagonal", ""),
    "MatrixDiagPart": ("linalg.diag_part", "input", ""),
    "MaxPool": ("nn.max_pool", *_POOL),
    "MaxPool3D": ("nn.max_pool3d", *_POOL),
    "MirrorPad": ("pad", "tensor paddings", "mode"),
    "OneHot": ("one_hot", "indices depth on_value off_value", "axis"),
    "Pack": ("stack", "*values", "axis"),
    "Pad": ("pad", "tensor paddings", ""),
    "PadV2": ("pad", "tensor paddings constant_values", ""),
    "Multinomial": ("random.categorical", "logits num_samples", "output_dtype=dtype"),
    "RandomShuffle": ("random.shuffle", "value", ""),
    "RandomStandardNormal": ("random.normal", "shape", "dtype"),
    "RandomUniform": ("random.uniform", "shape", "dtype"),
    "RandomUniformInt": ("random.uniform", "shape minval maxval", "Tout=dtype"),
    "Range": ("range", "start limit delta", ""),
    "Reshape": ("reshape", "tensor shape", ""),
    "ResizeBicubic": ("compat.v1.image.resize_bicubic", "images size", "align_corners half_pixel_centers"),
    "ResizeBilinear": ("compat.v1.image.resize_bilinear", "images size", "align_corners half_pixel_centers"),
    "ResizeNearestNeighbor": (
        "compat.v1.image.resize_nearest_neighbor", "images size", "align_corners half_pixel_centers"
    ),
    "ReverseV2": ("reverse", "tensor axis", ""),
    "Roll": ("roll", "input shift axis", ""),
    "ScatterNd": ("scatter_nd", "indices updates shape", ""),
    "Select": ("compat.v1.where", "condition x y", ""),
    "SelectV2": ("where", "condition x y", ""),
    "Shape": ("shape", "input", ""),
    "Size": ("size", "input", ""),
    "Slice": ("slice", "input_ begin size", ""),
    "SpaceToBatchND": ("space_to_batch", "input block_shape paddings", ""),
    "SpaceToDepth": ("nn.space_to_depth", "input", "block_size data_format"),
    "Split": ("split", "axis value", "num_split=num_or_size_splits"),
    "SplitV": ("split", "value num_or_size_splits axis", ""),
    "Squeeze": ("squeeze", "input", "squeeze_dims=axis"),
    "StatelessRandomNormal": ("random.stateless_normal", "shape seed", "dtype"),
    "StatelessRandomUniform": ("random.stateless_uniform", "shape seed", "dtype"),
    "StatelessTruncatedNormal": ("random.stateless_truncated_normal", "shape seed", "dtype"),
    "StridedSlice": ("strided_slice", "input_ begin end strides", _MASKS),
    "Tile": ("tile", "input multiples", ""),
    "TopKV2": ("math.top_k", "input k", ""),
    "Transpose": ("transpose", "a perm", ""),
    "TruncatedNormal": ("random.truncated_normal", "shape", "dtype"),
    "Unpack": ("unstack", "value", "num axis"),
    "Where": ("where", "condition", ""),
}  # fmt: skip

#: Nodes whose inputs are the function's arguments, in order; most of "math." are named after it.
_PLAIN = {
    "AddV2": "math.add",
    "BitwiseAnd": "bitwise.bitwise_and",
    "BitwiseOr": "bitwise.bitwise_or",
    "BitwiseXor": "bitwise.bitwise_xor",
    "Div": "compat.v1.div",
    "DivNoNan": "math.divide_no_nan",
    "Elu": "nn.elu",
    "FloorDiv": "math.floordiv",
    "FloorMod": "math.floormod",
    "Identity": "identity",
    "Invert": "bitwise.invert",
    "LogSoftmax": "nn.log_softmax",
    "Mul": "math.multiply",
    "Neg": "math.negative",
    "OnesLike": "ones_like",
    "RealDiv": "math.truediv",
    "Relu": "nn.relu",
    "Relu6": "nn.relu6",
    "Selu": "nn.selu",
    "Snapshot": "identity",
    "Softmax": "nn.softmax",
    "Softsign": "nn.softsign",
    "StopGradient": "stop_gradient",
    "Sub": "math.subtract",
    "TruncateDiv": "truncatediv",
    "TruncateMod": "truncatemod",
    "ZerosLike": "zeros_like",
} | {
    "".join(part.capitalize() for part in function.split("_")): f"math.{function}"
    for function in (
        "abs", "acos", "acosh", "add", "add_n", "asin", "asinh", "atan", "atan2", "atanh", "ceil",
        "cos", "cosh", "equal", "erf", "erfc", "exp", "expm1", "floor", "greater", "greater_equal",
        "is_finite", "is_inf", "is_nan", "less", "less_equal", "lgamma", "log", "log1p", "logical_and",
        "logical_not", "logical_or", "maximum", "minimum", "not_equal", "pow", "reciprocal", "rint",
        "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "softplus", "sqrt", "square",
        "squared_difference", "tan", "tanh", "xdivy", "xlogy",
    )
}  # fmt: skip

NODES |= {
    node: (f"math.reduce_{name}", *_REDUCE)
    for node, name in {
        "All": "all", "Any": "any", "EuclideanNorm": "euclidean_norm", "Max": "max", "Mean": "mean",
        "Min": "min", "Prod": "prod", "Sum": "sum",
    }.items()
}  # fmt: skip
NODES |= {node: (function, "*inputs" if node == "AddN" else "", "") for node, function in _PLAIN.items()}

#: Types in node definitions that are not named as the dtype, in capitals.
_TYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}


@lowers("TensorFlowOpLayer", package=TENSORFLOW, masks="drop")
def node(b: Builder, inputs: TensorLike, *, node_def: object, constants: object = None) -> Any:
    """What the function of TensorFlow does that made the node."""
    definition = _definition(b, node_def)
    op = definition.get("op")
    if op not in NODES:
        b.unsupported("op", op, "no such operation is known")
    function, names, attributes = NODES[op]
    given = _arguments(b, inputs, constants if isinstance(constants, Mapping) else {})
    entry = registry.registered()[TENSORFLOW, function]
    b = replace(b, spec=replace(b.spec, config={"function": function}))  # so messages name it
    if not names:
        return entry(b, *given)
    arguments = _by_name(b, names.split(), given)
    for attribute in attributes.split():
        name, _, argument = attribute.partition("=")
        attrs = definition.get("attr")
        value = _decode(attrs.get(name)) if isinstance(attrs, Mapping) else None
        if value not in (None, []):
            arguments[argument or name] = value
    first = "value" if op == "Split" else next(iter(arguments))
    return entry(b, arguments.pop(first), **arguments)


def _definition(b: Builder, node_def: object) -> Mapping[str, Any]:
    if isinstance(node_def, str):
        try:
            node_def = json.loads(node_def)
        except ValueError:
            b.malformed("its node definition is not in JSON")
    if not isinstance(node_def, Mapping):
        b.malformed("it has no node definition")
    return node_def


def _arguments(b: Builder, inputs: TensorLike, constants: Mapping[str, Any]) -> list[Any]:
    """The node's inputs in order: tensors, with constants at their places among them."""
    tensors = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    arguments: list[Any] = []
    for position in range(len(tensors) + len(constants)):
        if str(position) in constants:
            arguments.append(constants[str(position)])
        elif tensors:
            arguments.append(tensors.pop(0))
        else:
            b.malformed("the places of its constants are not those of its inputs")
    return arguments + tensors


def _by_name(b: Builder, names: list[str], given: list[Any]) -> dict[str, Any]:
    if names[0].startswith("*"):
        count = len(given) - len(names) + 1
        given = [given[:count], *given[count:]]
    if not given or len(given) > len(names):
        b.malformed(f"it has {len(given)} inputs instead of {len(names)}")
    return dict(zip((name.removeprefix("*") for name in names), given, strict=False))


def _decode(value: object) -> Any:
    """An attribute of a node definition."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind == "i":
        return int(content)
    if kind == "f":
        return float(content)
    if kind == "s":
        try:
            return base64.b64decode(content, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return content
    if kind == "type":
        return _TYPES.get(content, str(content).removeprefix("DT_").lower())
    if kind == "list" and isinstance(content, Mapping):
        return [_decode({inner: item}) for inner, items in content.items() for item in items]
    return content if kind == "b" else None
