"""PyTorch version of the Keras model `gated`.

Source:  gated.keras (Keras 3.15.1, sha256 25fcdc56…),
         converted by k2t-gen 0.1.0 (2ee13f77)
Weights: gated.pt, next to this file
Inputs:  features float32 (N, 12)
Outputs: score float32 (N, 1)

    model = load_model()
    output = model(torch.rand(1, 12))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class ConvertedModel(nn.Module):
    """`gated`: (N, 12) -> (N, 1), 193 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(in_features=12, out_features=8)
        self.scaled_gate_gate = nn.Linear(in_features=8, out_features=8)
        self.scaled_gate_scale = nn.Parameter(torch.empty(8))
        self.score = nn.Linear(in_features=8, out_features=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)
        nn.init.ones_(self.scaled_gate_scale)

    def forward(self, features: Tensor) -> Tensor:
        """(N, 12) -> `score`, (N, 1)."""
        x = F.gelu(self.project(features))  # (N, 8)
        x = x * torch.sigmoid(self.scaled_gate_gate(x)) * self.scaled_gate_scale
        x = x * 0.5
        score: Tensor = self.score(x)  # (N, 1)
        return score


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
