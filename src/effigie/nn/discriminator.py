"""Patch discriminator: a score for each patch of a picture, high where it looks real."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from effigie.nn.gan import DiscriminatorOutput

SLOPE = 0.2
STEM = 2  # pixels become channels at the entrance: arithmetic at full resolution is dear on a CPU


class PatchDiscriminator(nn.Module):
    """(B, channels, S, S) in [0, 1] -> scores (B, 1, S/8, S/8), each of a patch (Isola et al. 2017, section 3.2.2).

    On the way up it is concatenated with its own finer features (Schönfeld et al. 2020, the decoder of a U-Net), so
    that a patch is judged by its detail and by where in the face it lies. Every layer has spectral norm (Miyato et al.
    2018).

    Args:
        channels: of a picture and its conditions.
        width: channels at half the resolution.
    """

    def __init__(self, channels: int = 3, width: int = 24) -> None:
        super().__init__()
        wide = 2 * width
        self.entrance = nn.Sequential(nn.PixelUnshuffle(STEM), _convolution(channels * STEM**2, width), _act())
        self.halve = nn.Sequential(_convolution(width, wide, stride=2), _act())
        self.quarter = nn.Sequential(_convolution(wide, wide, stride=2), _act(), _convolution(wide, wide), _act())
        self.eighth = nn.Sequential(
            _convolution(wide, 2 * wide, stride=2), _act(), _convolution(2 * wide, wide), _act()
        )
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.join = nn.Sequential(_convolution(2 * wide, wide), _act())
        self.score = _convolution(wide, 1)

    def forward(self, picture: Tensor) -> DiscriminatorOutput:
        """Scores of every patch, high for what looks real.

        Args:
            picture: (B, channels, S, S), S a multiple of 16.
        """
        fine = self.halve(self.entrance(picture - 0.5))
        middle = self.quarter(fine)
        coarse = self.eighth(middle)
        joined = self.join(torch.cat([self.up(coarse), middle], dim=1))
        return DiscriminatorOutput(self.score(joined), [fine, middle, coarse, joined])


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, 3, stride, padding=1))


def _act() -> nn.Module:
    return nn.LeakyReLU(SLOPE)
