"""PyTorch version of the Keras model `unet`.

Source:  unet.json (Keras 3, sha256 fc6652bb…), converted by k2t-gen 0.1.0 (ed678ab1)
Weights: unet.pt, next to this file
Inputs:  image float32 (N, 128, 128, 3)
Outputs: mask float32 (N, 128, 128, 1)

    model = load_model()
    output = model(torch.rand(1, 128, 128, 3))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class DoubleConv(nn.Module):
    """Two convolutions, used 7 times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size=3, padding=1, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)
        self.conv_2 = nn.Conv2d(
            out_channels, out_channels, kernel_size=3, padding=1, bias=False
        )
        self.bn_2 = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        x = F.relu(self.bn(self.conv(x)))  # (N, out_channels, H, W)
        return F.relu(self.bn_2(self.conv_2(x)))


class ConvertedModel(nn.Module):
    """`unet`: (N, 128, 128, 3) -> (N, 128, 128, 1), 484,145 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.down_1 = DoubleConv(3, 16)
        self.down_2 = DoubleConv(16, 32)
        self.down_3 = DoubleConv(32, 64)
        self.bottom = DoubleConv(64, 128)
        self.up_3_conv = nn.ConvTranspose2d(128, 64, kernel_size=2, stride=2)
        self.up_3 = DoubleConv(128, 64)
        self.up_2_conv = nn.ConvTranspose2d(64, 32, kernel_size=2, stride=2)
        self.up_2 = DoubleConv(64, 32)
        self.up_1_conv = nn.ConvTranspose2d(32, 16, kernel_size=2, stride=2)
        self.up_1 = DoubleConv(32, 16)
        self.mask = nn.Conv2d(16, 1, kernel_size=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 128, 128, 3) -> `mask`, (N, 128, 128, 1)."""
        x = image.permute(0, 3, 1, 2)  # (N, 3, 128, 128)
        down_1_relu_2 = self.down_1(x)  # (N, 16, 128, 128)
        x = F.max_pool2d(down_1_relu_2, kernel_size=2)  # (N, 16, 64, 64)
        down_2_relu_2 = self.down_2(x)  # (N, 32, 64, 64)
        x = F.max_pool2d(down_2_relu_2, kernel_size=2)  # (N, 32, 32, 32)
        down_3_relu_2 = self.down_3(x)  # (N, 64, 32, 32)
        x = F.max_pool2d(down_3_relu_2, kernel_size=2)  # (N, 64, 16, 16)
        x = self.bottom(x)  # (N, 128, 16, 16)
        x = torch.cat([down_3_relu_2, self.up_3_conv(x)], dim=1)  # (N, 128, 32, 32)
        x = self.up_3(x)  # (N, 64, 32, 32)
        x = torch.cat([down_2_relu_2, self.up_2_conv(x)], dim=1)  # (N, 64, 64, 64)
        x = self.up_2(x)  # (N, 32, 64, 64)
        x = torch.cat([down_1_relu_2, self.up_1_conv(x)], dim=1)  # (N, 32, 128, 128)
        x = self.up_1(x)  # (N, 16, 128, 128)
        return torch.sigmoid(self.mask(x)).permute(0, 2, 3, 1)


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
