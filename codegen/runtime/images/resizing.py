"""Images (N, C, H, W) in another size, as TensorFlow resizes and torch does not."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_legacy(x: Tensor, size: list[int]) -> Tensor:
    """Bilinear, where positions count from the corner, not the centre, of a pixel."""
    x = F.pad(x, [0, 1, 0, 1], mode="replicate")
    size = [size[0] + 1, size[1] + 1]
    return F.interpolate(x, size, mode="bilinear", align_corners=True)[:, :, :-1, :-1]


def resize_cubic(x: Tensor, size: list[int]) -> Tensor:
    """Bicubic with Keys' kernel, positions between pixels rounded to 1/1024."""
    weights: list[Tensor] = []
    for i in range(2):
        position = sample_positions(x.shape[2 + i], size[i], x.device)
        low = position.floor()
        position = low + ((position - low) * 1024).round() / 1024
        pixel = torch.arange(x.shape[2 + i], device=x.device)
        d = (pixel - position[:, None]).abs()
        near = ((1.5 * d - 2.5) * d) * d + 1
        far = ((-0.5 * d + 2.5) * d - 4) * d + 2
        weights.append(torch.where(d < 1, near, far) * (d < 2))
    return resample(x, weights)


def resize_lanczos(x: Tensor, size: list[int], radius: int, antialias: bool = False) -> Tensor:
    """Lanczos' windowed sinc, with `antialias` stretched where the image shrinks."""
    weights: list[Tensor] = []
    for i in range(2):
        d = kernel_distances(x.shape[2 + i], size[i], antialias, x.device)
        weights.append(torch.sinc(d) * torch.sinc(d / radius) * (d < radius))
    return resample(x, weights)


def resize_gaussian(x: Tensor, size: list[int], antialias: bool = False) -> Tensor:
    """A Gaussian of deviation 1/2, cut off at 3/2."""
    weights: list[Tensor] = []
    for i in range(2):
        d = kernel_distances(x.shape[2 + i], size[i], antialias, x.device)
        weights.append(torch.exp(-2 * d * d) * (d < 1.5))
    return resample(x, weights)


def resize_mitchell(x: Tensor, size: list[int], antialias: bool = False) -> Tensor:
    """Mitchell and Netravali's cubic kernel."""
    weights: list[Tensor] = []
    for i in range(2):
        d = kernel_distances(x.shape[2 + i], size[i], antialias, x.device)
        near = (((7 / 6) * d - 2) * d) * d + 8 / 9
        far = ((-(7 / 18) * d + 2) * d - 10 / 3) * d + 16 / 9
        weights.append(torch.where(d < 1, near, far) * (d < 2))
    return resample(x, weights)


def resize_area(x: Tensor, size: list[int]) -> Tensor:
    """The mean of what each new pixel covers, parts of old pixels included."""
    weights: list[Tensor] = []
    for i in range(2):
        scale = x.shape[2 + i] / size[i]
        start = (torch.arange(size[i], device=x.device) * scale)[:, None]
        pixel = torch.arange(x.shape[2 + i], device=x.device)
        covered = torch.minimum(start + scale, pixel + 1) - torch.maximum(start, pixel)
        weights.append(covered.clamp(min=0))
    return resample(x, weights)


def sample_positions(size_in: int, size_out: int, device: torch.device) -> Tensor:
    """Where the new pixels' centres lie, in old pixels from the first one's centre."""
    centre = torch.arange(size_out, device=device) + 0.5
    return centre * (size_in / size_out) - 0.5


def kernel_distances(size_in: int, size_out: int, antialias: bool, device: torch.device) -> Tensor:
    """(new, old): how far apart the centres of pixels are, in units of the kernel."""
    inverse = 1 / torch.tensor(size_out / size_in, device=device)
    position = (torch.arange(size_out, device=device)[:, None] + 0.5) * inverse
    distance = (torch.arange(size_in, device=device) + 0.5 - position).abs()
    return distance * (1 / inverse.clamp(min=1)) if antialias else distance


def resample(x: Tensor, weights: list[Tensor]) -> Tensor:
    """Weighted means of rows and columns; each row of the weights sums to one."""
    rows, columns = [w / w.sum(dim=1, keepdim=True) for w in weights]
    return rows @ x @ columns.mT


def crop_to_aspect(x: Tensor, height: int, width: int) -> Tensor:
    """The largest part from the middle of `x` that is in the ratio height : width."""
    h = max(min(x.shape[2], x.shape[3] * height // width), 1)
    w = max(min(x.shape[3], x.shape[2] * width // height), 1)
    top, left = (x.shape[2] - h) // 2, (x.shape[3] - w) // 2
    return x[:, :, top : top + h, left : left + w]


def pad_to_aspect(x: Tensor, height: int, width: int, value: float = 0.0) -> Tensor:
    """`x` with bars on two sides, so that it is in the ratio height : width."""
    top = max(x.shape[3] * height // width - x.shape[2], 0) // 2
    left = max(x.shape[2] * width // height - x.shape[3], 0) // 2
    return F.pad(x, [left, left, top, top], value=value)


def center_crop(x: Tensor, height: int, width: int) -> Tensor:
    """The middle of `x`; what is too small is cropped in that ratio and enlarged."""
    if x.shape[2] < height or x.shape[3] < width:
        x = crop_to_aspect(x, height, width)
        return F.interpolate(x, [height, width], mode="bilinear")
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]
