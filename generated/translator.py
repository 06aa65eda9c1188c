"""PyTorch version of the Keras model `translator`.

Source:  translator.json (Keras 3, sha256 a0782288…),
         converted by k2t-gen 0.1.0 (6bcbc9e1)
Weights: translator.pt, next to this file
Inputs:  source int32 (N, T)
         target int32 (N, T)
Outputs: logits float32 (N, T, 300)

    model = load_model()
    output = model(source, target)
"""

from pathlib import Path

import torch
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


def take_steps(x: Tensor, steps: Tensor) -> Tensor:
    """Steps of each row: (N, T, F) and their numbers, (N, S) -> (N, S, F)."""
    rows = torch.arange(x.shape[0], device=x.device).unsqueeze(1)
    return x[rows, steps]


def compact_steps(x: Tensor, mask: Tensor) -> Tensor:
    """Move the unmasked steps of each row to the front, in order.

    Keras carries the state over masked steps, wherever they are: a recurrent layer of
    torch does the same if it meets them last.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), False where a step is skipped.
    """
    steps = torch.arange(mask.shape[1], device=mask.device)
    order = torch.where(mask, steps, steps + mask.shape[1]).argsort(dim=1)
    return take_steps(x, order)


def last_step(x: Tensor, mask: Tensor) -> Tensor:
    """The last output for what `compact_steps` made; zeros where all steps are masked.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), as given to `compact_steps`.
    """
    last = mask.sum(dim=1, keepdim=True) - 1
    x = take_steps(x, last.clamp(min=0)).squeeze(1)
    return torch.where(last >= 0, x, 0.0)


def spread_steps(x: Tensor, mask: Tensor) -> Tensor:
    """Put outputs for what `compact_steps` made back to the steps that they belong to.

    A masked step has the output of the last unmasked step before it, or zeros if there
    is none.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), as given to `compact_steps`.
    """
    source = mask.int().cumsum(dim=1) - 1
    keep = source >= 0
    x = take_steps(x, source.clamp(min=0))
    return torch.where(keep.unsqueeze(-1), x, 0.0)


class ConvertedModel(nn.Module):
    """`translator`: (N, T), (N, T) -> (N, T, 300), 185,836 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(num_embeddings=400, embedding_dim=64)
        self.encoder = nn.GRU(input_size=64, hidden_size=96, batch_first=True)
        self.target_embedding = nn.Embedding(num_embeddings=300, embedding_dim=64)
        self.decoder = nn.GRU(input_size=64, hidden_size=96, batch_first=True)
        self.attention_scale = nn.Parameter(torch.empty(96))
        self.dense = nn.Linear(in_features=192, out_features=96)
        self.logits = nn.Linear(in_features=96, out_features=300)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)
        for module in self.modules():
            if isinstance(module, nn.GRU):
                for name, parameter in module.named_parameters():
                    if name.startswith("weight_hh"):
                        nn.init.orthogonal_(parameter)
        nn.init.uniform_(self.source_embedding.weight, -0.05, 0.05)
        nn.init.uniform_(self.target_embedding.weight, -0.05, 0.05)
        nn.init.uniform_(self.attention_scale, -0.1767767, 0.1767767)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Run the model.

        Args:
            source: int32, (N, T).
            target: int32, (N, T).

        Returns:
            `logits`, float32, (N, T, 300).
        """
        x = self.source_embedding(source)  # (N, T, 64)
        mask = source != 0
        x = compact_steps(x, mask)
        x, _ = self.encoder(x)
        encoder = spread_steps(x, mask)
        y = last_step(x, mask).unsqueeze(0)  # (1, T, 96)
        x = self.target_embedding(target)  # (N, T, 64)
        y, _ = self.decoder(x, y)
        x = torch.tanh(y.unsqueeze(-2) + encoder.unsqueeze(-3)) @ self.attention_scale
        x = (x + (~mask[:, None, :]).to(y.dtype) * -1e9).softmax(dim=-1)
        x = torch.cat([y, x @ encoder * (target != 0)[:, :, None]], dim=2)
        x = torch.tanh(self.dense(x))  # (N, T, 96)
        logits: Tensor = self.logits(x)  # (N, T, 300)
        return logits


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
