"""PyTorch version of the Keras model `mixer`.

Source:  mixer.json (Keras 3, sha256 beadff83…), converted by k2t-gen 0.1.0 (1a09a6ea)
Weights: mixer.pt, next to this file
Inputs:  input_layer float32 (N, 48, 64, 3)
Outputs: dense float32 (N, 10)

    model = load_model()
    output = model(torch.rand(1, 48, 64, 3))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class ResidualBlock(nn.Module):
    """Residual block: four linear layers and two normalisations, added to the input,
    used 4 times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64, eps=1e-3)
        self.linear = nn.Linear(in_features=48, out_features=96)
        self.linear_2 = nn.Linear(in_features=96, out_features=48)
        self.norm_2 = nn.LayerNorm(64, eps=1e-3)
        self.linear_3 = nn.Linear(in_features=64, out_features=128)
        self.linear_4 = nn.Linear(in_features=128, out_features=64)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 48, 64) -> (N, 48, 64)."""
        y = self.norm(x).permute(0, 2, 1)  # (N, 64, 48)
        y = F.gelu(self.linear(y))  # (N, 64, 96)
        y = self.linear_2(y).permute(0, 2, 1)  # (N, 48, 64)
        x = x + y
        y = self.norm_2(x)
        y = F.gelu(self.linear_3(y))  # (N, 48, 128)
        x = x + self.linear_4(y)
        return x


class ConvertedModel(nn.Module):
    """`mixer`: (N, 48, 64, 3) -> (N, 10), 117,898 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(3, 64, kernel_size=8, stride=8)
        self.residual_blocks = nn.Sequential(*(ResidualBlock() for _ in range(4)))
        self.layer_normalization = nn.LayerNorm(64, eps=1e-3)
        self.dense = nn.Linear(in_features=64, out_features=10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 48, 64, 3) -> `dense`, (N, 10)."""
        x = x.permute(0, 3, 1, 2)  # (N, 3, 48, 64)
        x = self.conv2d(x).permute(0, 2, 3, 1)  # (N, 6, 8, 64)
        x = x.reshape(-1, 48, 64)  # (N, 48, 64)
        x = self.layer_normalization(self.residual_blocks(x)).mean(dim=1)  # (N, 64)
        x = self.dense(x)  # (N, 10)
        return x


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
