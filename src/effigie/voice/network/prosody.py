"""How it is said: durations, fundamental frequency and energy, predicted from phonemes and a style."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from effigie.voice.network.layers import STYLE_SIZE, BidirectionalLSTM, StyleBlock
from effigie.voice.network.text import WIDTH

MAX_DURATION = 50  # frames of 25 ms


class StyleLayerNorm(nn.Module):
    """Layer norm whose gain and shift come from the style."""

    def __init__(self) -> None:
        super().__init__()
        self.affine = nn.Linear(STYLE_SIZE, 2 * WIDTH)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, N, 512), (B, 128) -> (B, N, 512)."""
        gain, shift = self.affine(style)[:, None].chunk(2, dim=2)
        return (1 + gain) * F.layer_norm(x, (WIDTH,)) + shift


class ProsodyPredictor(nn.Module):
    """Durations of phonemes, and F0 and energy over time."""

    def __init__(self) -> None:
        super().__init__()
        self.lstms = nn.ModuleList(BidirectionalLSTM(WIDTH + STYLE_SIZE, WIDTH) for _ in range(3))
        self.norms = nn.ModuleList(StyleLayerNorm() for _ in range(3))
        self.duration_lstm = BidirectionalLSTM(WIDTH + STYLE_SIZE, WIDTH)
        self.duration = nn.Linear(WIDTH, MAX_DURATION)
        self.shared = BidirectionalLSTM(WIDTH + STYLE_SIZE, WIDTH)
        self.f0_blocks, self.energy_blocks = _make_blocks(), _make_blocks()
        self.f0, self.energy = nn.Conv1d(WIDTH // 2, 1, 1), nn.Conv1d(WIDTH // 2, 1, 1)

    def encode(self, phonemes: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, 512) of the transformer, (B, 128) -> (B, N, 640) features, (B, N) durations in frames of 25 ms."""
        repeated = style[:, None].expand(-1, phonemes.shape[1], -1)
        x = torch.cat([phonemes, repeated], dim=2)
        for lstm, norm in zip(self.lstms, self.norms, strict=True):
            x = torch.cat([norm(lstm(x), style), repeated], dim=2)
        return x, torch.sigmoid(self.duration(self.duration_lstm(x))).sum(dim=2)

    def contours(self, features: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 640) of frames -> (B, 2 T) F0 in Hz, about 0 where unvoiced, and (B, 2 T) energy in nepers."""
        x = self.shared(features).transpose(1, 2)
        outputs = []
        for blocks, project in ((self.f0_blocks, self.f0), (self.energy_blocks, self.energy)):
            y = x
            for block in blocks:
                y = block(y, style)
            outputs.append(project(y)[:, 0])
        return outputs[0], outputs[1]


def _make_blocks() -> nn.ModuleList:
    half = WIDTH // 2
    return nn.ModuleList([StyleBlock(WIDTH, WIDTH), StyleBlock(WIDTH, half, upsample=True), StyleBlock(half, half)])
