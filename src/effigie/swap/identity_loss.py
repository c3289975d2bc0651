"""How much a swapped face looks like the source, for training: distance of embeddings, with a gradient."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from effigie.nn.images import to_float
from effigie.nn.recognizer import Recognizer, chip_matrix, cut, load_recognizer
from effigie.swap.dataset import Studio

FRAMES = 60  # of the source that say who it is: of its bank the best, uncovered and sharp


class Likeness:
    """Squared distance to the source's embeddings, beyond what the source's own frames have among themselves.

    A face more like somebody than their own pictures are would be a caricature: below that there is no gradient. The
    made face is seen where conversion puts it, among the target's hair and chin: a recogniser looks at those too.

    Args:
        studio: of the source.
        recogniser: None takes :func:`load_recognizer`.
    """

    def __init__(self, studio: Studio, recognizer: Recognizer | None = None) -> None:
        self._recognizer = recognizer or load_recognizer()
        embeddings = self._embeddings(studio)
        self.wanted = embeddings.mean(0)
        self.own = (embeddings - self.wanted).square().sum(1).mean()

    def __call__(self, composite: Tensor, chips: Tensor) -> Tensor:
        """A scalar of (B, 3, S, S) pictures in [0, 1] and (B, 2, 3) maps to their chips."""
        self._recognizer.to(composite.device)
        embeddings = self._recognizer(cut(composite, chips))
        distance = (embeddings - self.wanted.to(embeddings.device)).square().sum(1)
        return (distance - self.own.to(distance.device)).relu().mean()

    @torch.no_grad()
    def _embeddings(self, studio: Studio) -> Tensor:
        """(N, 128) of the source's best frames, at the size that the networks work at."""
        chosen = studio.bank_rows[np.argsort(studio.bank.penalty, kind="stable")[:FRAMES]]
        found = []
        for row in chosen:
            placement = studio.placement()
            picture = to_float(torch.from_numpy(studio.whole(int(row), placement)[None]))
            chip = torch.from_numpy(chip_matrix(studio.landmarks(int(row))).astype(np.float32))[None]
            found.append(self._recognizer(cut(picture, chip)))
        return torch.cat(found)
