"""TensorFlow functions that move blocks of pixels to and from the channels, or the batch."""

from __future__ import annotations

from typing import Literal

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts.tensors import pad_axes, transpose
from codegen.lowering.parts.windows import DataFormat
from codegen.ops.keras import windows
from codegen.ops.tensorflow.arguments import Given, Ints, Native, Pairs, Tensor
from codegen.ops.tensorflow.functions import tf

#: Keras' own names for the layouts of images.
_LAYOUTS: dict[str, DataFormat] = {"NHWC": "channels_last", "NCHW": "channels_first"}


@tf("nn.space_to_depth", "compat.v1.nn.space_to_depth")
def space_to_depth(
    b: Builder, input: Given, block_size: int, data_format: Literal["NHWC", "NCHW"] = "NHWC"
) -> Value:
    """The pixels of each block as channels."""
    return windows.space_to_depth(b, input, block_size=block_size, data_format=_LAYOUTS[data_format])


@tf("nn.depth_to_space", "compat.v1.nn.depth_to_space")
def depth_to_space(
    b: Builder, input: Given, block_size: int, data_format: Literal["NHWC", "NCHW"] = "NHWC"
) -> Value:
    """The channels of each pixel as a block."""
    return windows.depth_to_space(b, input, block_size=block_size, data_format=_LAYOUTS[data_format])


@tf("space_to_batch", "space_to_batch_nd", "compat.v1.space_to_batch_nd")
def space_to_batch(b: Builder, input: Tensor, block_shape: Ints, paddings: Pairs) -> Value:
    """Every n-th pixel as an image of its own."""
    blocks, count = block_shape, len(block_shape)
    x = pad_axes(b, input, [(0, 0), *paddings, *[(0, 0)] * (input.rank - 1 - count)], "constant", 0)
    split: list[int | None] = [x.shape[0]]
    for axis, block in enumerate(blocks, start=1):
        split += [b.known(x, axis) // block, block]
    inner = b.reshape(x, (*split, *x.shape[1 + count :]))
    inside = [2 * i + 2 for i in range(count)]
    y = transpose(b, inner, axes=[*inside, 0, *(i - 1 for i in inside), *range(1 + 2 * count, inner.rank)])
    return b.reshape(y, (None, *y.shape[count + 1 :]))


@tf("batch_to_space", "compat.v1.batch_to_space_nd")
def batch_to_space(b: Builder, input: Native, block_shape: Ints, crops: Pairs) -> Value:
    """Images put together from the pixels of several, and cropped."""
    blocks, count = block_shape, len(block_shape)
    x = b.reshape(input, (*blocks, None, *input.shape[1:]))
    order = [count]
    for i in range(count):
        order += [count + 1 + i, i]
    order += list(range(2 * count + 1, x.rank))
    y = transpose(b, x, axes=order)
    sizes = [b.known(y, 2 * i + 1) * block for i, block in enumerate(blocks)]
    y = b.reshape(y, (None, *sizes, *y.shape[1 + 2 * count :]))
    cuts = [(0, 0), *((-low, -high) for low, high in crops), *[(0, 0)] * (y.rank - 1 - count)]
    return pad_axes(b, y, cuts, "constant", 0)
