"""PyTorch version of the Keras model `text_encoder`.

Source:  text_encoder.json (Keras 3, sha256 2df31627…),
         converted by k2t-gen 0.1.0 (13ba44a1)
Weights: text_encoder.pt, next to this file
Inputs:  tokens float32 (N, 64, 128)
Outputs: logits float32 (N, 5)

    model = load_model()
    output = model(torch.rand(1, 64, 128))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class Attention(nn.Module):
    """Attention, used 4 times."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(in_features=128, out_features=128)
        self.key = nn.Linear(in_features=128, out_features=128)
        self.value = nn.Linear(in_features=128, out_features=128)
        self.output = nn.Linear(in_features=128, out_features=128)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 64, 128) -> (N, 64, 128)."""
        query = self.query(x).unflatten(-1, (4, 32)).transpose(1, 2)  # (N, 4, 64, 32)
        key = self.key(x).unflatten(-1, (4, 32)).transpose(1, 2)  # (N, 4, 64, 32)
        x = self.value(x).unflatten(-1, (4, 32)).transpose(1, 2)  # (N, 4, 64, 32)
        x = F.scaled_dot_product_attention(query, key, x).transpose(1, 2).flatten(2)
        x = self.output(x)
        return x


class TransformerEncoder(nn.Module):
    """Self-attention and a feed-forward network, both residual, used 4 times."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = Attention()
        self.norm_1 = nn.LayerNorm(128, eps=1e-6)
        self.expand = nn.Linear(in_features=128, out_features=512)
        self.contract = nn.Linear(in_features=512, out_features=128)
        self.dropout = nn.Dropout(p=0.1)
        self.norm_2 = nn.LayerNorm(128, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 64, 128) -> (N, 64, 128)."""
        x = self.norm_1(x + self.block1(x))
        y = F.gelu(self.expand(x))  # (N, 64, 512)
        x = self.norm_2(x + self.dropout(self.contract(y)))
        return x


class ConvertedModel(nn.Module):
    """`text_encoder`: (N, 64, 128) -> (N, 5), 793,733 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(TransformerEncoder() for _ in range(4)))
        self.logits = nn.Linear(in_features=128, out_features=5)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, 64, 128) -> `logits`, (N, 5)."""
        x = self.blocks(tokens).mean(dim=1)  # (N, 128)
        logits: Tensor = self.logits(x)  # (N, 5)
        return logits


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
