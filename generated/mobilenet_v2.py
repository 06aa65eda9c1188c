"""PyTorch version of the Keras model `mobilenetv2_1.00_224`.

Source:  mobilenet_v2.json (Keras 3, sha256 1d2b362a…),
         converted by k2t-gen 0.1.0 (31a16de9)
Weights: mobilenet_v2.pt, next to this file
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


class InvertedResidual(nn.Module):
    """Expanding 1x1, depthwise and projecting 1x1 convolution, used 16 times."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.expand = nn.Conv2d(in_channels, 6 * in_channels, kernel_size=1, bias=False)
        self.expand_BN = nn.BatchNorm2d(6 * in_channels, eps=1e-3, momentum=1e-3)
        self.pad = stride > 1
        self.depthwise = nn.Conv2d(
            6 * in_channels,
            6 * in_channels,
            kernel_size=3,
            stride=stride,
            padding=0 if stride > 1 else 1,
            groups=6 * in_channels,
            bias=False,
        )
        self.depthwise_BN = nn.BatchNorm2d(6 * in_channels, eps=1e-3, momentum=1e-3)
        self.project = nn.Conv2d(
            6 * in_channels, out_channels, kernel_size=1, bias=False
        )
        self.project_BN = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=1e-3)
        self.residual = out_channels == in_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        y: Tensor = F.relu6(self.expand_BN(self.expand(x)))
        y = F.pad(y, (0, 1, 0, 1)) if self.pad else y
        y = F.relu6(self.depthwise_BN(self.depthwise(y)))
        y = self.project_BN(self.project(y))  # (N, out_channels, H, W)
        return x + y if self.residual else y


class ConvertedModel(nn.Module):
    """`mobilenetv2_1.00_224`: (N, 224, 224, 3) -> (N, 1000), 3,538,984 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv1 = nn.Conv2d(3, 32, kernel_size=3, stride=2, bias=False)
        self.bn_Conv1 = nn.BatchNorm2d(32, eps=1e-3, momentum=1e-3)
        self.expanded_conv_depthwise = nn.Conv2d(
            32, 32, kernel_size=3, padding=1, groups=32, bias=False
        )
        self.expanded_conv_depthwise_BN = nn.BatchNorm2d(32, eps=1e-3, momentum=1e-3)
        self.expanded_conv_project = nn.Conv2d(32, 16, kernel_size=1, bias=False)
        self.expanded_conv_project_BN = nn.BatchNorm2d(16, eps=1e-3, momentum=1e-3)
        self.blocks = nn.Sequential(
            InvertedResidual(16, 24, stride=2),
            InvertedResidual(24, 24),
            InvertedResidual(24, 32, stride=2),
            InvertedResidual(32, 32),
            InvertedResidual(32, 32),
            InvertedResidual(32, 64, stride=2),
            *(InvertedResidual(64, 64) for _ in range(3)),
            InvertedResidual(64, 96),
            InvertedResidual(96, 96),
            InvertedResidual(96, 96),
            InvertedResidual(96, 160, stride=2),
            InvertedResidual(160, 160),
            InvertedResidual(160, 160),
            InvertedResidual(160, 320),
        )
        self.Conv_1 = nn.Conv2d(320, 1280, kernel_size=1, bias=False)
        self.Conv_1_bn = nn.BatchNorm2d(1280, eps=1e-3, momentum=1e-3)
        self.predictions = nn.Linear(in_features=1280, out_features=1000)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        nn.init.zeros_(self.predictions.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 224, 224, 3) -> softmax of `predictions`, (N, 1000)."""
        x = x.permute(0, 3, 1, 2)  # (N, 3, 224, 224)
        x = F.pad(x, (0, 1, 0, 1))  # (N, 3, 225, 225)
        x = F.relu6(self.bn_Conv1(self.Conv1(x)))  # (N, 32, 112, 112)
        x = F.relu6(self.expanded_conv_depthwise_BN(self.expanded_conv_depthwise(x)))
        x = self.expanded_conv_project_BN(self.expanded_conv_project(x))
        x = self.blocks(x)  # (N, 320, 7, 7)
        x = F.relu6(self.Conv_1_bn(self.Conv_1(x))).mean(dim=(2, 3))  # (N, 1280)
        return F.softmax(self.predictions(x), dim=-1)


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
