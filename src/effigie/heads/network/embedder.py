"""The embedder E: an embedding of a person from pictures with their landmarks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.heads.network.layers import ATTENTION_SIDE, DownsamplingEncoder
from effigie.heads.presets import Preset


class Embedder(nn.Module):
    """E(x, y): down to 4x4, ReLU, summed over space; the embedding of K pictures is the mean of theirs."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.size = preset.size
        self.halving = build_encoder(preset)

    def forward(self, picture: Tensor, drawing: Tensor) -> Tensor:
        """(B, N) embeddings.

        Args:
            picture: (B, 3, S, S) RGB in [0, 1].
            drawing: (B, 3, S, S) its landmarks, drawn, in [0, 1].
        """
        inputs = concat_drawing(picture, drawing, self.size)
        return F.relu(self.halving(inputs)[-1]).float().sum((2, 3))


def build_encoder(preset: Preset) -> DownsamplingEncoder:
    """The encoder of embedder and discriminator: 6 channels of :func:`concat_drawing` down to 4x4."""
    return DownsamplingEncoder(
        6,
        preset.judge_widths,
        preset.size,
        preset.stem,
        "none",
        preset.narrow,
        ATTENTION_SIDE if preset.attention else None,
    )


def concat_drawing(picture: Tensor, drawing: Tensor, size: int) -> Tensor:
    """(B, 6, S, S): the picture in [-1, 1] and its drawing, black staying 0 as the padding is."""
    if picture.shape != drawing.shape or picture.shape[1:] != (3, size, size):
        raise ValueError(
            f"picture and drawing must be (B, 3, {size}, {size}), not {tuple(picture.shape)} and {tuple(drawing.shape)}"
        )
    return torch.cat([2 * picture - 1, drawing], dim=1)
