"""Identity loss: distance of a swapped face's embedding to the source's, differentiable."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from effigie.nn.images import to_float
from effigie.nn.recognizer import Recognizer, compute_chip_matrix, crop_chips, load_recognizer
from effigie.swap.dataset import SwapDataset

MAX_FRAMES = 60  # of the source that say who it is: of its bank the best, uncovered and sharp


class IdentityLoss:
    """Squared distance to the source's embeddings, beyond what the source's own frames have among themselves.

    A face more like somebody than their own pictures are would be a caricature: below that there is no gradient. The
    generated face is embedded where conversion puts it, among the target's hair and chin: a recogniser looks at those
    too.

    Args:
        dataset: of the source.
        recognizer: None takes :func:`load_recognizer`.
    """

    def __init__(self, dataset: SwapDataset, recognizer: Recognizer | None = None) -> None:
        self._recognizer = recognizer or load_recognizer()
        embeddings = self._embeddings(dataset)
        self.target_embedding = embeddings.mean(0)
        self.intra_variance = (embeddings - self.target_embedding).square().sum(1).mean()

    def __call__(self, composite: Tensor, chips: Tensor) -> Tensor:
        """A scalar of (B, 3, S, S) pictures in [0, 1] and (B, 2, 3) maps to their chips."""
        self._recognizer.to(composite.device)
        embeddings = self._recognizer(crop_chips(composite, chips))
        distance = (embeddings - self.target_embedding.to(embeddings.device)).square().sum(1)
        return (distance - self.intra_variance.to(distance.device)).relu().mean()

    @torch.no_grad()
    def _embeddings(self, dataset: SwapDataset) -> Tensor:
        """(N, 128) of the source's best frames, at the size that the networks work at."""
        chosen = dataset.bank_rows[np.argsort(dataset.bank.penalty, kind="stable")[:MAX_FRAMES]]
        found = []
        for row in chosen:
            placement = dataset.placement()
            picture = to_float(torch.from_numpy(dataset.place_crop(int(row), placement)[None]))
            chip = torch.from_numpy(compute_chip_matrix(dataset.landmarks(int(row))).astype(np.float32))[None]
            found.append(self._recognizer(crop_chips(picture, chip)))
        return torch.cat(found)
