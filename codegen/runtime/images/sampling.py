"""Images seen through a transformation of their coordinates."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def projective_transform(x: Tensor, transforms: Tensor, interpolation: str, mode: str, fill: float) -> Tensor:
    """Each pixel of the result is taken from where the transformation says.

    Args:
        x: (N, C, H, W).
        transforms: (N or 1, 8): a0, a1, a2, b0, b1, b2, c0, c1, so that pixel (x, y) is
            taken from ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with
            k = c0 x + c1 y + 1.
        interpolation: "nearest" or "bilinear".
        mode: What lies outside: "constant", "nearest", "reflect" or "wrap".
        fill: What lies outside in the mode "constant".
    """
    height, width = x.shape[-2:]
    rows = torch.arange(height, dtype=torch.float32, device=x.device).unsqueeze(-1)
    columns = torch.arange(width, dtype=torch.float32, device=x.device)
    t = transforms.float().unsqueeze(-1).unsqueeze(-1)
    scale = t[:, 6] * columns + t[:, 7] * rows + 1
    finite = torch.where(scale == 0, 1.0, scale)
    across = (t[:, 0] * columns + t[:, 1] * rows + t[:, 2]) / finite
    down = (t[:, 3] * columns + t[:, 4] * rows + t[:, 5]) / finite
    across, down = map_inside(across, width, mode), map_inside(down, height, mode)
    if interpolation == "nearest":
        across = torch.trunc(across + torch.copysign(torch.full_like(across, 0.5), across))
        down = torch.trunc(down + torch.copysign(torch.full_like(down, 0.5), down))
        out = take_pixels(x, down, across, fill)
    else:
        left, top = across.floor(), down.floor()
        right, low = (across - left).unsqueeze(1), (down - top).unsqueeze(1)
        near, high = (left + 1 - across).unsqueeze(1), (top + 1 - down).unsqueeze(1)
        above = near * take_pixels(x, top, left, fill)
        above = above + right * take_pixels(x, top, left + 1, fill)
        below = near * take_pixels(x, top + 1, left, fill)
        below = below + right * take_pixels(x, top + 1, left + 1, fill)
        out = high * above + low * below
    return torch.where((scale == 0).unsqueeze(1), fill, out).to(x.dtype)


def map_inside(position: Tensor, size: int, mode: str) -> Tensor:
    """Positions outside of 0 to size - 1 as TensorFlow moves them inside."""
    if mode == "constant":
        return position
    if mode == "reflect":
        period = 2 * size
        below = position + period * torch.trunc(-position / period)
        below = torch.where(below < -size, below + period, -below - 1)
        above = position - period * torch.trunc(position / period)
        above = torch.where(above >= size, period - above - 1, above)
    else:
        period = max(size - 1, 1)
        below = position + size * (torch.trunc(-position / period) + 1)
        above = position - size * torch.trunc(position / period)
    if mode != "nearest":
        position = torch.where(position > size - 1, above, position)
        position = torch.where(position < 0, below, position)
    return position.clamp(0, size - 1)


def take_pixels(x: Tensor, rows: Tensor, columns: Tensor, fill: float) -> Tensor:
    """Pixels at whole positions, float (N or 1, H, W); `fill` outside of the image."""
    height, width = x.shape[-2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    index = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    index = index.long().flatten(1).unsqueeze(1).expand(x.shape[0], x.shape[1], -1)
    pixels = x.flatten(2).gather(2, index).reshape(*x.shape[:2], *rows.shape[1:])
    return torch.where(inside.unsqueeze(1), pixels, fill)


def homography(start: Tensor, end: Tensor) -> Tensor:
    """The projective transformations that take each point of `end` to that of `start`.

    Args:
        start: Four points as (x, y), (N, 4, 2).
        end: The same.

    Returns:
        (N, 8), as `projective_transform` wants them.
    """
    x, y = end.unbind(dim=-1)
    u, v = start.unbind(dim=-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    across = torch.stack((x, y, one, zero, zero, zero, -u * x, -u * y), dim=-1)
    down = torch.stack((zero, zero, zero, x, y, one, -v * x, -v * y), dim=-1)
    matrix = torch.stack((across, down), dim=2).flatten(1, 2)
    transforms: Tensor = torch.linalg.solve(matrix, start.flatten(1))
    return transforms


def map_coordinates(x: Tensor, coordinates: Tensor, order: int, mode: str, fill: float) -> Tensor:
    """Elements of `x` at coordinates that need not be whole.

    Args:
        x: Any shape.
        coordinates: (number of dims of `x`, ...).
        order: 0 takes the nearest element, 1 interpolates linearly.
        mode: What lies outside: "constant", "nearest", "mirror", "reflect" or "wrap".
        fill: What lies outside in the mode "constant".
    """
    dims = x.dim()
    total = torch.zeros_like(coordinates[0])
    for corner in range(2 ** (dims * order)):
        share = torch.ones_like(total)
        inside = torch.ones_like(total, dtype=torch.bool)
        position = torch.zeros_like(total, dtype=torch.long)
        for dim in range(dims):
            size, place = x.shape[dim], coordinates[dim]
            index = place.long()
            if order == 1:
                upper = corner >> dim & 1
                rest = place - place.floor()
                share = share * (rest if upper else 1 - rest)
                index = place.floor().long() + upper
            elif place.is_floating_point():
                index = place.round().long()
            inside = inside & (index >= 0) & (index < size)
            if mode == "wrap":
                index = index % size
            elif mode in ("mirror", "reflect"):
                index = index.abs() % (2 * size)
                turned = 2 * size - index - int(mode == "reflect")
                index = torch.where(index < size, index, turned)
            position = position * size + index.clamp(0, size - 1)
        taken = x.flatten()[position].to(total.dtype)
        if mode == "constant":
            taken = torch.where(inside, taken, fill).to(total.dtype)
        total = total + share * taken
    return (total if x.is_floating_point() else total.round()).to(x.dtype)


def scale_and_translate(
    x: Tensor,
    dims: list[int],
    sizes: list[int],
    scale: Tensor,
    translation: Tensor,
    method: str,
    antialias: bool,
) -> Tensor:
    """An image resampled along some dims at positions / scale - translation / scale.

    Args:
        x: Any shape.
        dims: Which dims.
        sizes: Of the result along them.
        scale: One number for each of the dims.
        translation: The same.
        method: "linear", "cubic", "lanczos3" or "lanczos5".
        antialias: Whether kernels become wider where the image becomes smaller.
    """
    out = x if x.is_floating_point() else x.float()
    for i, dim in enumerate(dims):
        step = 1 / scale[i]
        places = torch.arange(sizes[i], dtype=scale.dtype, device=x.device)
        places = (places + 0.5) * step - translation[i] * step - 0.5
        sources = torch.arange(x.shape[dim], dtype=scale.dtype, device=x.device)
        distance = (places - sources.unsqueeze(-1)).abs()
        if antialias:
            distance = distance / step.clamp(min=1)
        weights = sampling_kernel(distance, method)
        total = weights.sum(dim=0, keepdim=True)
        safe = torch.where(total != 0, total, 1.0)
        weights = torch.where(total.abs() > 1000 * 2.0**-23, weights / safe, 0.0)
        seen = (places >= -0.5) & (places <= x.shape[dim] - 0.5)
        weights = torch.where(seen, weights, 0.0).to(out.dtype)
        out = torch.tensordot(out, weights, dims=([dim], [0])).movedim(-1, dim)
    if x.is_floating_point():
        return out
    return out.round().clamp(x.min(), x.max()).to(x.dtype)


def sampling_kernel(distance: Tensor, method: str) -> Tensor:
    """Weights of a resampling at these distances, not below zero."""
    if method == "linear":
        return (1 - distance).clamp(min=0)
    if method == "cubic":
        near = ((1.5 * distance - 2.5) * distance) * distance + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        out = torch.where(distance >= 1, far, near)
        return torch.where(distance >= 2, 0.0, out)
    radius = 3.0 if method == "lanczos3" else 5.0
    angle = math.pi * distance
    wave = radius * torch.sin(angle) * torch.sin(angle / radius)
    out = wave / torch.where(distance != 0, angle.square(), 1.0)
    out = torch.where(distance > 1e-3, out, 1.0)
    return torch.where(distance > radius, 0.0, out)
