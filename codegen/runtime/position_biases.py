"""What is learned for the positions of pairs of patches, and added to attention scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PositionBias(nn.Module):
    """Adds to attention scores what a table has for each head and pair of patches.

    Args:
        num_heads: Number of heads.
        size: Rows of the table.
        index: (T, S), the rows for the pairs.
        dtype: Of the table.
    """

    index: Tensor

    def __init__(self, num_heads: int, size: int, index: Tensor, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(num_heads, size, dtype=dtype))
        self.register_buffer("index", index, persistent=False)

    def forward(self, scores: Tensor) -> Tensor:
        """(N, heads, T, S) -> the same shape."""
        return scores + self.table[:, self.index]


class RelativePositionBias(PositionBias):
    """The bias for each offset between two patches, as in BEiT.

    Args:
        num_heads: Number of heads.
        size: Rows and columns of patches.
        num_keys: Number of patches attended to, the last ones; all if not given.
        class_token: Whether a class token stands in front of the patches.
        dtype: Of the table.
    """

    def __init__(
        self,
        num_heads: int,
        size: tuple[int, int],
        num_keys: int | None = None,
        class_token: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        height, width = size
        index = relative_positions(height, width)
        offsets = (2 * height - 1) * (2 * width - 1)
        index = index if num_keys is None else index[:, -num_keys:]
        if class_token:  # three more rows: from the token, to it, to itself
            index = F.pad(index, (1, 0, 1, 0), value=offsets)
            index[1:, 0] = offsets + 1
            index[0, 0] = offsets + 2
        super().__init__(num_heads, offsets + 3 * class_token, index, dtype)


class DistanceBias(PositionBias):
    """The bias for each distance between two patches, whatever its direction, as in LeViT.

    Args:
        num_heads: Number of heads.
        queries: Rows and columns of the patches that attend.
        keys: The same of those attended to.
        stride: How far those that attend are apart.
        dtype: Of the table.
    """

    def __init__(
        self,
        num_heads: int,
        queries: tuple[int, int],
        keys: tuple[int, int],
        stride: int = 1,
        dtype: torch.dtype | None = None,
    ) -> None:
        of_query, of_key = patch_grid(*queries) * stride, patch_grid(*keys)
        distance = (of_key - of_query.unsqueeze(1)).abs()
        index = distance[..., 0] + distance[..., 1] * keys[0]
        super().__init__(num_heads, keys[0] * keys[1], index, dtype)


class NeighborhoodBias(PositionBias):
    """The bias for each offset of a neighbour, as in NAT, where windows stay within the image.

    Args:
        num_heads: Number of heads.
        size: Height and width of the image.
        kernel_size: Of the windows.
        dilation: Distance of two neighbours along each axis.
        heads_last: Whether the scores are (N, T, heads, ..., S).
        dtype: Of the table.
    """

    def __init__(
        self,
        num_heads: int,
        size: tuple[int, int],
        kernel_size: int,
        dilation: tuple[int, int] = (1, 1),
        heads_last: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        span = 2 * kernel_size - 1
        rows, columns = (window_starts(n, kernel_size, gap) for n, gap in zip(size, dilation, strict=True))
        starts = (rows.unsqueeze(1) * span + columns).reshape(-1, 1)
        steps = torch.arange(kernel_size)
        index = (starts + (steps.unsqueeze(1) * span + steps).flatten()).flip(0)
        super().__init__(num_heads, span * span, index, dtype)
        self.heads_last = heads_last

    def forward(self, scores: Tensor) -> Tensor:
        """(N, T, heads, ..., S) or (N, heads, T, ..., S) -> the same shape."""
        bias = self.table[:, self.index]
        bias = bias.view(*bias.shape[:2], *[1] * (scores.dim() - 4), -1)
        return scores + (bias.transpose(0, 1) if self.heads_last else bias)


class MLPPositionBias(nn.Module):
    """Adds to attention scores what a small network makes of the offset of two patches (Swin V2).

    Args:
        num_heads: Number of heads.
        size: Rows and columns of patches.
        hidden_size: Of the network.
        scale: What the largest offset is measured by, along each axis.
        num_tokens: Tokens in front of the patches, which have no bias.
        dtype: Of the parameters.
    """

    offsets: Tensor
    index: Tensor

    def __init__(
        self,
        num_heads: int,
        size: tuple[int, int],
        hidden_size: int,
        scale: tuple[int, int],
        num_tokens: int = 0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        self.hidden = nn.Linear(2, hidden_size, dtype=dtype)
        self.out = nn.Linear(hidden_size, num_heads, bias=False, dtype=dtype)
        axes = [8 * torch.arange(1 - n, n) / (limit - 1) for n, limit in zip(size, scale, strict=True)]
        offsets = torch.cartesian_prod(*axes)
        offsets = offsets.sign() * torch.log2(1 + offsets.abs()) / 3
        self.register_buffer("offsets", offsets.to(dtype), persistent=False)
        self.register_buffer("index", relative_positions(*size), persistent=False)

    def forward(self, scores: Tensor) -> Tensor:
        """(N, heads, T, T) -> the same shape."""
        table = 16 * torch.sigmoid(self.out(F.relu(self.hidden(self.offsets))))
        bias = table[self.index].permute(2, 0, 1)
        return scores + F.pad(bias, (self.num_tokens, 0, self.num_tokens, 0))


class MLPPositions(nn.Module):
    """Adds to an image what a small network makes of the place of each patch (FasterViT).

    Args:
        channels: Of the image.
        size: Rows and columns of patches.
        hidden_size: Of the network.
        dtype: Of the parameters.
    """

    places: Tensor

    def __init__(
        self, channels: int, size: tuple[int, int], hidden_size: int, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, hidden_size, dtype=dtype)
        self.out = nn.Linear(hidden_size, channels, bias=False, dtype=dtype)
        places = torch.cartesian_prod(*(torch.arange(n) / (n // 2) - 1 for n in size))
        self.register_buffer("places", places.to(dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, channels) or (N, H * W, channels) -> the same shape."""
        y: Tensor = self.out(F.relu(self.hidden(self.places)))
        return x + y.view(x.shape[1:])


class RelativePositionLogits(nn.Module):
    """Queries times what is learned for each offset along height and width, as in BoTNet.

    Args:
        channels: Of a head.
        size: Height and width of the image.
        reach: Height and width of what is attended to; the image's if not given.
        dtype: Of the parameters.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        reach: tuple[int, int] | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.reach = reach or size
        self.height = nn.Parameter(torch.zeros(channels, 2 * self.reach[0] - 1, dtype=dtype))
        self.width = nn.Parameter(torch.zeros(channels, 2 * self.reach[1] - 1, dtype=dtype))

    def forward(self, query: Tensor) -> Tensor:
        """(N, heads, H, W, channels) -> (N, heads, H, W, *reach)."""
        rows = self.height[:, offsets_to(query.shape[2], self.reach[0])]
        columns = self.width[:, offsets_to(query.shape[3], self.reach[1])]
        of_rows = torch.einsum("nhyxc,cyp->nhyxp", query, rows)
        of_columns = torch.einsum("nhyxc,cxq->nhyxq", query, columns)
        return of_columns.unsqueeze(-2) + of_rows.unsqueeze(-1)


def patch_grid(height: int, width: int) -> Tensor:
    """(height * width, 2): row and column of each patch, the rows running fastest."""
    return torch.cartesian_prod(torch.arange(width), torch.arange(height)).flip(1)


def relative_positions(height: int, width: int) -> Tensor:
    """(T, T): a number for each offset between two patches, alike for pairs that are as far apart."""
    patches = patch_grid(height, width)
    row, column = (patches.unsqueeze(1) - patches).unbind(-1)
    return row + height - 1 + (column + width - 1) * (2 * height - 1)


def log_offsets(x: Tensor) -> Tensor:
    """(N, H, W, C) -> (H * W, H * W, 2): logarithms of the columns and rows that two patches are apart."""
    patches = patch_grid(x.shape[1], x.shape[2]).flip(1).to(x)
    offsets = patches.unsqueeze(1) - patches
    return offsets.sign() * torch.log1p(offsets.abs())


def window_starts(size: int, kernel_size: int, dilation: int) -> Tensor:
    """Where in a table of offsets the window of each position begins: windows stop at the border."""
    middle = kernel_size // 2
    left = torch.arange(middle).repeat_interleave(dilation)
    right = torch.arange(middle + 1, kernel_size).repeat_interleave(dilation)
    centre = torch.full((size - len(left) - len(right),), middle)
    return torch.cat([left, centre, right])


def offsets_to(size: int, reach: int) -> Tensor:
    """(size, reach): offset of each position from each other one, counted from zero."""
    return torch.arange(reach) - torch.arange(size).unsqueeze(1) + reach - 1
