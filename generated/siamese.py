"""PyTorch version of the Keras model `siamese`.

Source:  siamese.json (Keras 3, sha256 856e6965…), converted by k2t-gen 0.1.0 (7f0e1462)
Weights: siamese.pt, next to this file
Inputs:  left float32 (N, 32, 24, 1)
         right float32 (N, 32, 24, 1)
Outputs: same float32 (N, 1)

    model = load_model()
    output = model(torch.rand(1, 32, 24, 1), torch.rand(1, 32, 24, 1))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class Encoder(nn.Module):
    """`Encoder`, a model inside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(1, 16, kernel_size=3)
        self.conv2d_1 = nn.Conv2d(16, 32, kernel_size=3)
        self.dense = nn.Linear(in_features=768, out_features=32)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 32, 24) -> (N, 32)."""
        x = F.max_pool2d(F.relu(self.conv2d(x)), kernel_size=2)  # (N, 16, 15, 11)
        x = F.max_pool2d(F.relu(self.conv2d_1(x)), kernel_size=2)  # (N, 32, 6, 4)
        x = self.dense(x.flatten(1))  # (N, 32)
        return x


class ConvertedModel(nn.Module):
    """`siamese`: (N, 32, 24, 1), (N, 32, 24, 1) -> (N, 1), 29,473 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.same = nn.Linear(in_features=64, out_features=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Run the model.

        Args:
            left: float32, (N, 32, 24, 1).
            right: float32, (N, 32, 24, 1).

        Returns:
            Sigmoid of `same`, float32, (N, 1).
        """
        x = left.permute(0, 3, 1, 2)  # (N, 1, 32, 24)
        left_encoded = self.encoder(x)  # (N, 32)
        x = right.permute(0, 3, 1, 2)  # (N, 1, 32, 24)
        right_encoded = self.encoder(x)  # (N, 32)
        x = torch.cat(
            [left_encoded - right_encoded, left_encoded * right_encoded], dim=1
        )
        return torch.sigmoid(self.same(x))


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
