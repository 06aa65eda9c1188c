"""PyTorch version of the Keras model `text_encoder`.

Source:  text_encoder.json (Keras 3, sha256 2df31627…), converted by k2t-gen 0.1.0
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


def attention_bias(mask: Tensor, scores: Tensor) -> Tensor:
    """What to add to attention scores: nothing where `mask` is True, else a huge penalty.

    The result has the dtype of `scores`. A row without True is left with equal scores.
    """
    penalty = torch.finfo(scores.dtype).min / 2
    return torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, penalty)


class MultiHeadAttention(nn.Module):
    """Attention with several heads, whose size does not depend on the model's.

    Args:
        embed_dim: Features of the query.
        num_heads: Heads of the query.
        head_dim: Features of a head of query and key.
        key_dim: Features of the key, if not `embed_dim`.
        value_dim: Features of the value, if not `embed_dim`.
        value_head_dim: Features of a head of the value, if not `head_dim`.
        output_dim: Features of the result, if not `embed_dim`.
        num_key_value_heads: Heads of key and value, if not `num_heads`, which it divides.
        bias: Whether the projections have a bias.
        gate: Whether a sigmoid of the query gates what the heads yield.
        dropout: Rate at which attention weights are dropped.
        zero_unattended: Whether a query that may attend to nothing gets zero, not the
            mean of all values.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        head_dim: int,
        *,
        key_dim: int | None = None,
        value_dim: int | None = None,
        value_head_dim: int | None = None,
        output_dim: int | None = None,
        num_key_value_heads: int | None = None,
        bias: bool = True,
        gate: bool = False,
        dropout: float = 0.0,
        zero_unattended: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.dropout = dropout
        self.zero_unattended = zero_unattended
        value_head_dim = value_head_dim or head_dim
        key_size = self.num_key_value_heads * head_dim
        value_size = self.num_key_value_heads * value_head_dim
        output_size = num_heads * value_head_dim
        self.query = nn.Linear(embed_dim, num_heads * head_dim, bias, dtype=dtype)
        self.key = nn.Linear(key_dim or embed_dim, key_size, bias, dtype=dtype)
        self.value = nn.Linear(value_dim or embed_dim, value_size, bias, dtype=dtype)
        self.gate = (
            nn.Linear(embed_dim, output_size, bias, dtype=dtype) if gate else None
        )
        self.output = nn.Linear(output_size, output_dim or embed_dim, bias, dtype=dtype)

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Attend.

        Args:
            query: (..., T, embed_dim).
            value: (..., S, value_dim).
            key: (..., S, key_dim); the value if not given.
            mask: bool, broadcastable to (..., heads, T, S), False where not to attend.
            is_causal: Whether to attend to no later step. Not with a mask.

        Returns:
            (..., T, output_dim).
        """
        q, k, v = self.project(query, value, key)
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=None if mask is None else attention_bias(mask, q),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=is_causal,
        )
        if mask is not None and self.zero_unattended:
            x = x * mask.any(dim=-1, keepdim=True)
        return self.merge(x, query)

    def with_weights(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attend, and return the attention weights too, (..., heads, T, S)."""
        q, k, v = self.project(query, value, key)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if mask is not None:
            scores = scores + attention_bias(mask, q)
        weights = scores.softmax(dim=-1)
        if mask is not None and self.zero_unattended:
            weights = weights * mask.any(dim=-1, keepdim=True)
        x = F.dropout(weights, self.dropout, self.training) @ v
        return self.merge(x, query), weights

    def project(
        self, query: Tensor, value: Tensor, key: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value as (..., heads, steps, features of a head)."""
        q = self.query(query).unflatten(-1, (self.num_heads, -1))
        k = self.key(value if key is None else key)
        k = k.unflatten(-1, (self.num_key_value_heads, -1))
        v = self.value(value).unflatten(-1, (self.num_key_value_heads, -1))
        if self.num_key_value_heads != self.num_heads:
            repeats = self.num_heads // self.num_key_value_heads
            k = k.repeat_interleave(repeats, dim=-2)
            v = v.repeat_interleave(repeats, dim=-2)
        return q.transpose(-2, -3), k.transpose(-2, -3), v.transpose(-2, -3)

    def merge(self, x: Tensor, query: Tensor) -> Tensor:
        """Join the heads of (..., heads, T, features) and project the result."""
        x = x.transpose(-2, -3).flatten(-2)
        if self.gate is not None:
            x = x * torch.sigmoid(self.gate(query))
        result: Tensor = self.output(x)
        return result


class TransformerEncoder(nn.Module):
    """Self-attention and a feed-forward network, each with a residual connection, used 4 times."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(embed_dim=128, num_heads=4, head_dim=32)
        self.norm_1 = nn.LayerNorm(128, eps=1e-06)
        self.expand = nn.Linear(in_features=128, out_features=512)
        self.contract = nn.Linear(in_features=512, out_features=128)
        self.dropout = nn.Dropout(p=0.1)
        self.norm_2 = nn.LayerNorm(128, eps=1e-06)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 64, 128) -> (N, 64, 128)."""
        norm_1: Tensor = self.norm_1(x + self.attention(x, x))
        x = F.gelu(self.expand(norm_1))  # (N, 64, 512)
        x = self.norm_2(norm_1 + self.dropout(self.contract(x)))
        return x


class ConvertedModel(nn.Module):
    """`text_encoder`: (N, 64, 128) -> (N, 5), 793,733 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(TransformerEncoder() for _ in range(4)))
        self.logits = nn.Linear(in_features=128, out_features=5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Run the model.

        Args:
            tokens: float32, (N, 64, 128).

        Returns:
            `logits`, float32, (N, 5).
        """
        x: Tensor = self.blocks(tokens).mean(dim=1)  # (N, 128)
        x = self.logits(x)  # (N, 5)
        return x


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    model = ConvertedModel()
    state_dict = torch.load(weights_path, map_location="cpu", weights_only=True)
    model.load_state_dict(state_dict)
    return model.eval()
