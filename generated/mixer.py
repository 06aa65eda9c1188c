"""PyTorch version of the Keras model `mixer`.

Source:  mixer.json (Keras 3, sha256 beadff83…), converted by k2t-gen 0.1.0 (afbdbb93)
Weights: mixer.pt, next to this file
Inputs:  input_layer float32 (N, 48, 64, 3)
Outputs: dense_2 float32 (N, 10)

    model = load_model()
    output = model(torch.rand(1, 48, 64, 3))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class ResidualBlock(nn.Module):
    """Residual block: two linear layers and normalisation, added to the input, used
    7 times.
    """

    def __init__(self, mid_features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64, eps=1e-3)
        self.extend = mid_features != 64
        self.linear = nn.Linear(in_features=mid_features, out_features=2 * mid_features)
        self.linear_2 = nn.Linear(
            in_features=2 * mid_features, out_features=mid_features
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 64, 48) -> (N, 64, 48)."""
        y: Tensor = x.permute(0, 2, 1)  # (N, 48, 64)
        y = self.norm(y)
        y = y.permute(0, 2, 1) if self.extend else y  # (N, T, mid_features)
        y = F.gelu(self.linear(y))  # (N, T, 2 * mid_features)
        y = self.linear_2(y)  # (N, T, mid_features)
        return x + (y if self.extend else y.permute(0, 2, 1))


class ConvertedModel(nn.Module):
    """`mixer`: (N, 48, 64, 3) -> (N, 10), 117,898 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(3, 64, kernel_size=8, stride=8)
        self.layer_normalization = nn.LayerNorm(64, eps=1e-3)
        self.dense_1 = nn.Linear(in_features=48, out_features=96)
        self.dense = nn.Linear(in_features=96, out_features=48)
        self.residual_blocks = nn.Sequential(
            ResidualBlock(64),
            ResidualBlock(48),
            ResidualBlock(64),
            ResidualBlock(48),
            ResidualBlock(64),
            ResidualBlock(48),
            ResidualBlock(64),
        )
        self.layer_normalization_1 = nn.LayerNorm(64, eps=1e-3)
        self.dense_2 = nn.Linear(in_features=64, out_features=10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 48, 64, 3) -> `dense_2`, (N, 10)."""
        x = x.permute(0, 3, 1, 2)  # (N, 3, 48, 64)
        x = self.conv2d(x).permute(0, 2, 3, 1)  # (N, 6, 8, 64)
        reshaped = x.reshape(-1, 48, 64)  # (N, 48, 64)
        x = self.layer_normalization(reshaped).permute(0, 2, 1)  # (N, 64, 48)
        hidden = F.gelu(self.dense_1(x))  # (N, 64, 96)
        x = reshaped.permute(0, 2, 1)  # (N, 64, 48)
        x = x + self.dense(hidden)
        x = self.residual_blocks(x).permute(0, 2, 1)  # (N, 48, 64)
        x = self.layer_normalization_1(x).mean(dim=1)  # (N, 64)
        x = self.dense_2(x)  # (N, 10)
        return x


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
