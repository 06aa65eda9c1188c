"""PyTorch version of the Keras model `mlp`.

Source:  mlp.h5 (Keras 3.15.1, sha256 106c5ca1…), converted by k2t-gen 0.1.0 (d2797c97)
Weights: mlp.pt, next to this file
Inputs:  pixels float32 (N, 64)
Outputs: predictions float32 (N, 10)

    model = load_model()
    output = model(torch.rand(1, 64))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class ConvertedModel(nn.Module):
    """`mlp`: (N, 64) -> (N, 10), 2,778 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_1 = nn.Linear(in_features=64, out_features=32)
        self.hidden_2 = nn.Linear(in_features=32, out_features=16)
        self.dropout = nn.Dropout(p=0.2)
        self.predictions = nn.Linear(in_features=16, out_features=10)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 64) -> softmax of `predictions`, (N, 10)."""
        x = F.relu(self.hidden_1(pixels))  # (N, 32)
        x = self.dropout(F.relu(self.hidden_2(x)))  # (N, 16)
        return F.softmax(self.predictions(x), dim=-1)


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
