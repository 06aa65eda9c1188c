"""Padding and averaging over windows whose layout depends on the size of the input."""

import torch
import torch.nn.functional as F
from torch import Tensor


def same_pad(x: Tensor, kernel_size: list[int], stride: list[int], value: float = 0.0) -> Tensor:
    """Pad so that windows yield ceil(size / stride); an odd element goes to the end.

    Args:
        x: (N, C, *spatial).
        kernel_size: Extent of the window per spatial dim, dilation included.
        stride: Stride per spatial dim.
        value: What to pad with.
    """
    pads: list[int] = []
    for i in range(len(kernel_size) - 1, -1, -1):  # F.pad begins at the last dim
        pads += same_pads(x.shape[2 + i], kernel_size[i], stride[i])
    return F.pad(x, pads, value=value)


def same_pads(size: int, kernel_size: int, stride: int) -> list[int]:
    """How many elements `same_pad` puts before and behind one dim."""
    total = max(kernel_size - stride + -size % stride, 0)
    return [total // 2, total - total // 2]


def average_pool_same(x: Tensor, kernel_size: list[int], stride: list[int]) -> Tensor:
    """Mean of each of ceil(size / stride) windows, of what lies inside the input.

    Args:
        x: (N, C, *spatial), one to three spatial dims.
        kernel_size: Extent of the window per spatial dim.
        stride: Stride per spatial dim.
    """
    inside = same_pad(torch.ones_like(x[:1, :1]), kernel_size, stride)
    return average_pool_inside(same_pad(x, kernel_size, stride), inside, kernel_size, stride)


def average_pool_padded(x: Tensor, kernel_size: list[int], stride: list[int], pads: list[int]) -> Tensor:
    """Mean of each window of the padded input, of what lies inside the input.

    Args:
        x: (N, C, *spatial), one to three spatial dims.
        kernel_size: Extent of the window per spatial dim.
        stride: Stride per spatial dim.
        pads: As `F.pad` takes them.
    """
    inside = F.pad(torch.ones_like(x[:1, :1]), pads)
    return average_pool_inside(F.pad(x, pads), inside, kernel_size, stride)


def average_pool_inside(x: Tensor, inside: Tensor, kernel_size: list[int], stride: list[int]) -> Tensor:
    """Mean of each window, of where `inside` is 1 and not 0.

    Args:
        x: (N, C, *spatial), one to three spatial dims; 0 where it is not inside.
        inside: (1, 1, *spatial).
        kernel_size: Extent of the window per spatial dim.
        stride: Stride per spatial dim.
    """
    if len(kernel_size) == 1:
        share = F.avg_pool1d(inside, kernel_size, stride)
        return F.avg_pool1d(x, kernel_size, stride) / share
    if len(kernel_size) == 2:
        share = F.avg_pool2d(inside, kernel_size, stride)
        return F.avg_pool2d(x, kernel_size, stride) / share
    share = F.avg_pool3d(inside, kernel_size, stride)
    return F.avg_pool3d(x, kernel_size, stride) / share
