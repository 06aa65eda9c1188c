"""A transformer encoder and a bidirectional LSTM over tokens, by hand."""

from __future__ import annotations

from torch import Tensor, nn


class TransformerEncoder(nn.Module):
    """Six blocks with normalisation last: (N, 128) -> (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8000, 256)
        block = nn.TransformerEncoderLayer(256, 8, 1024, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(block, 6)
        self.head = nn.Linear(256, 8)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.head(self.encoder(self.embedding(tokens)).mean(dim=1))
        return result


class BiLSTM(nn.Module):
    """Two bidirectional layers: (N, 100) -> (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8000, 128)
        self.lstm = nn.LSTM(128, 128, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(256, 8)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.head(self.lstm(self.embedding(tokens))[0].mean(dim=1))
        return result
