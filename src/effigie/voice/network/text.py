"""What is said: a transformer over phonemes (PL-BERT, an ALBERT) and the encoder of their sound."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from effigie.voice.network.layers import BidirectionalLSTM

SYMBOLS = 178
MAX_SYMBOLS = 510  # of a sentence, without the pad at both ends
WIDTH = 512
_HIDDEN, _HEADS, _LAYERS, _INNER, _EMBEDDING = 768, 12, 12, 2048, 128


class PhonemeTransformer(nn.Module):
    """Twelve passes through one transformer layer (ALBERT), then a projection to the width of the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = nn.Embedding(SYMBOLS, _EMBEDDING)
        self.positions = nn.Embedding(MAX_SYMBOLS + 2, _EMBEDDING)
        self.kinds = nn.Embedding(2, _EMBEDDING)
        self.embedding_norm = nn.LayerNorm(_EMBEDDING, eps=1e-12)
        self.input = nn.Linear(_EMBEDDING, _HIDDEN)
        self.query, self.key, self.value, self.attended = (nn.Linear(_HIDDEN, _HIDDEN) for _ in range(4))
        self.attention_norm = nn.LayerNorm(_HIDDEN, eps=1e-12)
        self.inner, self.outer = nn.Linear(_HIDDEN, _INNER), nn.Linear(_INNER, _HIDDEN)
        self.layer_norm = nn.LayerNorm(_HIDDEN, eps=1e-12)
        self.output = nn.Linear(_HIDDEN, WIDTH)

    def forward(self, symbols: Tensor) -> Tensor:
        """(B, N) int64 -> (B, N, 512)."""
        batch, count = symbols.shape
        place = torch.arange(count, device=symbols.device)
        x = self.symbols(symbols) + self.positions(place) + self.kinds.weight[0]
        x = self.input(self.embedding_norm(x))
        for _ in range(_LAYERS):
            heads = [
                project(x).reshape(batch, count, _HEADS, -1).transpose(1, 2)
                for project in (self.query, self.key, self.value)
            ]
            attended = F.scaled_dot_product_attention(*heads).transpose(1, 2).reshape(batch, count, _HIDDEN)
            x = self.attention_norm(x + self.attended(attended))
            x = self.layer_norm(x + self.outer(F.gelu(self.inner(x), approximate="tanh")))
        return self.output(x)


class TextEncoder(nn.Module):
    """How each phoneme sounds beside its neighbors."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = nn.Embedding(SYMBOLS, WIDTH)
        self.convs = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 5, padding=2) for _ in range(3))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.lstm = BidirectionalLSTM(WIDTH, WIDTH)

    def forward(self, symbols: Tensor) -> Tensor:
        """(B, N) int64 -> (B, 512, N)."""
        x = self.symbols(symbols)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x.transpose(1, 2)).transpose(1, 2)), 0.2)
        return self.lstm(x).transpose(1, 2)
