"""The discriminator D: scores whether a picture of a person with given landmarks is real."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from effigie.heads.network.embedder import build_encoder, concat_drawing
from effigie.heads.network.layers import ResidualBlock, apply_spectral_norm, float_weight, spectral_linear
from effigie.heads.presets import Preset
from effigie.nn.gan import DiscriminatorOutput

TABLE_INIT_RANGE = 0.1
"""Columns of W start uniform in plus or minus this."""


class Discriminator(nn.Module):
    """The projection discriminator D(x, y, i): v = V(x, y), score <v, W_i> + <v, w0> + b.

    V has the embedder's layers and one residual block at 4x4 more. W has a column for every person of the training
    data, which :func:`effigie.heads.meta_learning.losses.embedding_match` brings to what the embedder says of them.
    """

    def __init__(self, preset: Preset, people: int) -> None:
        super().__init__()
        self.size = preset.size
        self.halving = build_encoder(preset)
        self.last = ResidualBlock(preset.embedding, preset.embedding, "none")
        self.everyone = spectral_linear(preset.embedding, 1)
        table = nn.Embedding(people, preset.embedding)
        nn.init.uniform_(table.weight, -TABLE_INIT_RANGE, TABLE_INIT_RANGE)
        self.table = apply_spectral_norm(table)

    def column(self, person: Tensor) -> Tensor:
        """(B, N) columns W_i of the people (B,) int64."""
        return F.embedding(person, float_weight(self.table, person))

    def init_column(self, embedding: Tensor) -> Tensor:
        """(N,) w' = w0 + e of a new person of this embedding (N,): what ``column`` of :meth:`forward` starts from."""
        return (float_weight(self.everyone, embedding)[0] + embedding).detach().clone()

    def forward(
        self, picture: Tensor, drawing: Tensor, person: Tensor | None = None, column: Tensor | None = None
    ) -> DiscriminatorOutput:
        """Judge pictures; a high score says real.

        Args:
            picture: (B, 3, S, S) RGB in [0, 1].
            drawing: (B, 3, S, S) its landmarks, drawn, in [0, 1].
            person: (B,) int64 rows of W; None judges without asking who it is.
            column: (N,) or (B, N) in the place of W_i + w0, for a person the table does not hold.
        """
        if person is not None and column is not None:
            raise ValueError("give the person or a column, not both")
        features = self.halving(concat_drawing(picture, drawing, self.size))
        features.append(self.last(features[-1]))
        v = F.relu(features[-1]).float().sum((2, 3))
        if column is not None:
            return DiscriminatorOutput((v * column).sum(1) + self.everyone.bias, features)
        score = self.everyone(v)[:, 0].float()
        if person is not None:
            score = score + (v * self.column(person)).sum(1)
        return DiscriminatorOutput(score, features)
