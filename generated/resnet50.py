"""PyTorch version of the Keras model `resnet50`.

Source:  resnet50.json (Keras 3, sha256 f0f56e42…),
         converted by k2t-gen 0.1.0 (94094c21)
Weights: resnet50.pt, next to this file
Inputs:  input_layer float32 (N, 224, 224, 3)
Outputs: predictions float32 (N, 1000)

    model = load_model()
    output = model(torch.rand(1, 224, 224, 3))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class BottleneckBlock(nn.Module):
    """Residual block of three convolutions, the outer ones 1x1, used 16 times."""

    def __init__(self, in_channels: int, mid_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.shortcut = (
            nn.Sequential(
                nn.Conv2d(in_channels, 4 * mid_channels, kernel_size=1, stride=stride),
                nn.BatchNorm2d(4 * mid_channels, eps=1.001e-5, momentum=0.01),
            )
            if in_channels != 4 * mid_channels
            else nn.Identity()
        )
        self.conv_1 = nn.Conv2d(in_channels, mid_channels, kernel_size=1, stride=stride)
        self.bn_1 = nn.BatchNorm2d(mid_channels, eps=1.001e-5, momentum=0.01)
        self.conv_2 = nn.Conv2d(mid_channels, mid_channels, kernel_size=3, padding=1)
        self.bn_2 = nn.BatchNorm2d(mid_channels, eps=1.001e-5, momentum=0.01)
        self.conv_3 = nn.Conv2d(mid_channels, 4 * mid_channels, kernel_size=1)
        self.bn_3 = nn.BatchNorm2d(4 * mid_channels, eps=1.001e-5, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, 4 * mid_channels, H, W)."""
        y = F.relu(self.bn_1(self.conv_1(x)))  # (N, mid_channels, H, W)
        y = F.relu(self.bn_2(self.conv_2(y)))
        return F.relu(self.shortcut(x) + self.bn_3(self.conv_3(y)))


class ConvertedModel(nn.Module):
    """`resnet50`: (N, 224, 224, 3) -> (N, 1000), 25,636,712 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1_conv = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)
        self.conv1_bn = nn.BatchNorm2d(64, eps=1.001e-5, momentum=0.01)
        self.conv2 = nn.Sequential(
            BottleneckBlock(64, 64), BottleneckBlock(256, 64), BottleneckBlock(256, 64)
        )
        self.conv3 = nn.Sequential(
            BottleneckBlock(256, 128, stride=2),
            *(BottleneckBlock(512, 128) for _ in range(3)),
        )
        self.conv4 = nn.Sequential(
            BottleneckBlock(512, 256, stride=2),
            *(BottleneckBlock(1024, 256) for _ in range(5)),
        )
        self.conv5 = nn.Sequential(
            BottleneckBlock(1024, 512, stride=2),
            BottleneckBlock(2048, 512),
            BottleneckBlock(2048, 512),
        )
        self.predictions = nn.Linear(in_features=2048, out_features=1000)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 224, 224, 3) -> softmax of `predictions`, (N, 1000)."""
        x = x.permute(0, 3, 1, 2)  # (N, 3, 224, 224)
        x = F.relu(self.conv1_bn(self.conv1_conv(x)))  # (N, 64, 112, 112)
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)  # (N, 64, 56, 56)
        x = self.conv2(x)  # (N, 256, 56, 56)
        x = self.conv3(x)  # (N, 512, 28, 28)
        x = self.conv4(x)  # (N, 1024, 14, 14)
        x = self.conv5(x).mean(dim=(2, 3))  # (N, 2048)
        return F.softmax(self.predictions(x), dim=-1)


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
