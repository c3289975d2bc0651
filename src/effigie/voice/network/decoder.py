"""Sounds of phonemes, F0, energy and the style of a voice to samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from effigie.voice.network.generator import Generator
from effigie.voice.network.layers import StyleBlock
from effigie.voice.network.text import WIDTH

_INNER, _RESIDUAL = 1024, 64


class Decoder(nn.Module):
    """The part that makes the sound; the voice is in its style."""

    def __init__(self) -> None:
        super().__init__()
        self.f0, self.energy = nn.Conv1d(1, 1, 3, 2, padding=1), nn.Conv1d(1, 1, 3, 2, padding=1)
        self.residual = nn.Conv1d(WIDTH, _RESIDUAL, 1)
        self.first = StyleBlock(WIDTH + 2, _INNER)
        inputs = _INNER + _RESIDUAL + 2
        self.blocks = nn.ModuleList(
            [*(StyleBlock(inputs, _INNER) for _ in range(3)), StyleBlock(inputs, WIDTH, upsample=True)]
        )
        self.generator = Generator()

    def shape(self, phonemes: Tensor, f0: Tensor, energy: Tensor, style: Tensor) -> Tensor:
        """Frames of 12.5 ms that the generator makes sound of, (B, 512, 2 T); arguments as for decoding."""
        dtype = self.residual.weight.dtype
        curves = torch.cat([self.f0(f0[:, None].to(dtype)), self.energy(energy[:, None].to(dtype))], dim=1)
        residual = self.residual(phonemes)
        x = self.first(torch.cat([phonemes, curves], dim=1), style)
        for block in self.blocks:
            x = block(torch.cat([x, residual, curves], dim=1), style)
        return x

    def forward(self, phonemes: Tensor, f0: Tensor, energy: Tensor, style: Tensor, noise: float = 0.0) -> Tensor:
        """Decode.

        Args:
            phonemes: (B, 512, T) sounds of the phonemes of frames of 25 ms.
            f0: (B, 2 T) Hz, 0 where unvoiced.
            energy: (B, 2 T) nepers.
            style: (B, 128).
            noise: how much noise the source has, 1 as in the network's training.

        Returns: (B, 600 T) samples of 24 kHz in -1..1.
        """
        return self.generator(self.shape(phonemes, f0, energy, style), style, f0, noise)
