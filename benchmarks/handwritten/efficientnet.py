"""keras.applications' EfficientNetB0, by hand."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SETTINGS = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
)  # fmt: skip


class ConvBN(nn.Module):
    """Convolution and batch normalisation; a stride of 2 pads on one side more, as Keras does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        half = kernel // 2
        self.pad = (half - 1, half, half - 1, half) if stride == 2 else None
        padding = half if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.pad is not None:
            x = F.pad(x, self.pad)
        result: Tensor = self.bn(self.conv(x))
        return result


class MBConv(nn.Module):
    """Expansion, depthwise convolution, squeeze and excitation, projection."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, drop: float
    ) -> None:
        super().__init__()
        hidden, squeezed = inputs * expansion, max(1, inputs // 4)
        self.expand = ConvBN(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = ConvBN(hidden, hidden, kernel, stride, groups=hidden)
        self.fc1 = nn.Conv2d(hidden, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, hidden, 1)
        self.project = ConvBN(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else F.silu(self.expand(x))
        y = F.silu(self.depthwise(y))
        scale = y.mean((2, 3), keepdim=True)
        y = y * torch.sigmoid(self.fc2(F.silu(self.fc1(scale))))
        y = self.project(y)
        if not self.residual:
            return y
        if self.training and self.drop:
            keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            y = y * keep / (1 - self.drop)
        return x + y


class EfficientNetB0(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3, 1, 1))
        self.register_buffer("std", torch.ones(3, 1, 1))
        self.stem = ConvBN(3, 32, 3, stride=2)
        blocks: list[nn.Module] = []
        channels, total = 32, sum(setting[2] for setting in SETTINGS)
        for expansion, outputs, count, stride, kernel in SETTINGS:
            for block in range(count):
                first = stride if block == 0 else 1
                drop = 0.2 * len(blocks) / total
                blocks.append(MBConv(channels, outputs, kernel, first, expansion, drop))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.top = ConvBN(channels, 1280, 1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.stem((x / 255 - self.mean) / self.std))
        x = F.silu(self.top(self.blocks(x))).mean((2, 3))
        return F.softmax(self.classifier(self.dropout(x)), dim=-1)
