"""Auxiliary losses of a swap beside reconstruction: identity, adversarial and perceptual.

Reconstruction knows the right answer, but only for the source's own frames; a discriminator judges those too. Of the
swap itself there is no ground truth: a recogniser says whether it looks like the source. The discriminator does not
judge swaps: the target's poses give a swap away whatever it looks like, and without ground truth it drove the generator
into patterns that fooled the discriminator and nobody else (docs/swap.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.nn.discriminator import PatchDiscriminator
from effigie.nn.gan import D_LOSS, FEATURE_MATCHING, G_LOSS, GanLoss
from effigie.nn.gradient_balancing import GradientBalancer
from effigie.nn.images import to_float
from effigie.nn.recognizer import Recognizer, compute_chip_matrix, crop_chips, load_recognizer
from effigie.swap.dataset import SwapDataset
from effigie.swap.network import DecoderOutput
from effigie.swap.presets import SwapLossWeights

Perceptual = Callable[[Tensor, Tensor], Tensor]
FEATURE_MATCHING_WEIGHT = 10.0  # of the discriminator's features, beside its scores
DISCRIMINATOR_LR = 4e-4
DISCRIMINATOR_EPS = 1e-8
IDENTITY_FRAMES = 60  # of the source that say who it is: of its bank the best, uncovered and sharp


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
        rows = dataset.bank_rows[np.argsort(dataset.bank.penalty, kind="stable")[:IDENTITY_FRAMES]]
        embeddings = []
        for row in rows:
            placement = dataset.placement()
            picture = to_float(torch.from_numpy(dataset.place_crop(int(row), placement)[None]))
            chip = torch.from_numpy(compute_chip_matrix(dataset.landmarks(int(row))).astype(np.float32))[None]
            embeddings.append(self._recognizer(crop_chips(picture, chip)))
        return torch.cat(embeddings)


class AuxiliaryLosses:
    """The auxiliary losses whose share is not zero.

    Args:
        shares: of each loss.
        identity_loss: of the source; needed where ``shares.identity`` is not zero.
        perceptual_loss: perceptual distance of two (B, 3, S, S) pictures in [0, 1]; likewise.
    """

    def __init__(
        self,
        shares: SwapLossWeights,
        identity_loss: IdentityLoss | None = None,
        perceptual_loss: Perceptual | None = None,
    ) -> None:
        self._shares = shares
        self._identity_loss = identity_loss if shares.identity else None
        self._perceptual_loss = perceptual_loss if shares.perceptual else None
        self._discriminator = PatchDiscriminator(channels=4) if shares.adversary else None
        self._gan_loss: GanLoss | None = None
        if self._discriminator is not None:
            self._gan_loss = GanLoss(self._discriminator, feature_weight=FEATURE_MATCHING_WEIGHT, paired=True)

    @property
    def needs_swaps(self) -> bool:
        """Whether a loss is computed on swapped pictures."""
        return self._identity_loss is not None

    def networks(self) -> Mapping[str, nn.Module]:
        """Networks that are trained with the swap."""
        return {} if self._discriminator is None else {"critic": self._discriminator}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimiser's groups of :meth:`networks`."""
        gan_loss = self._gan_loss
        return [] if gan_loss is None else [gan_loss.parameter_group(DISCRIMINATOR_LR, DISCRIMINATOR_EPS)]

    def compute_terms(
        self,
        step: int,
        restored: Tensor,
        batch: Mapping[str, Tensor],
        reconstruction_loss: Tensor,
        swap: Callable[[], tuple[DecoderOutput, Mapping[str, Tensor]]],
    ) -> dict[str, Tensor]:
        """Weighted terms of one step.

        Args:
            restored: (B, 3, S, S) reconstructions of the source's pictures.
            batch: what they were reconstructed from: ``picture`` and ``mask`` (B, S, S, C) uint8.
            reconstruction_loss: scalar, of ``restored``.
            swap: decodes swapped pictures; also returns their inputs: ``picture`` and ``share`` (B, S, S, C)
                uint8, ``chip`` (B, 2, 3).
        """
        ramp = self._shares.ramp(step)
        if ramp == 0:
            return {}
        balancer = GradientBalancer(restored, reconstruction_loss)
        truth = to_float(batch["picture"])
        terms: dict[str, Tensor] = {}
        if self._perceptual_loss is not None:
            distance = self._perceptual_loss(restored, truth)
            terms["perceptual"] = balancer.balance_term(distance, restored, ramp * self._shares.perceptual)
        if self._gan_loss is not None:
            mask = to_float(batch["mask"])
            gan_terms = self._gan_loss.losses(
                build_discriminator_input(restored, mask), build_discriminator_input(truth, mask)
            )
            terms[D_LOSS] = gan_terms[D_LOSS]
            share = ramp * self._shares.adversary
            terms[G_LOSS] = balancer.balance_term(gan_terms[G_LOSS] + gan_terms[FEATURE_MATCHING], restored, share)
        if self._identity_loss is not None:
            output, inputs = swap()
            mask = to_float(inputs["share"])
            composite = mask * output.picture + (1 - mask) * to_float(inputs["picture"])
            distance = self._identity_loss(composite, inputs["chip"])
            terms["identity"] = balancer.balance_term(distance, output.picture, ramp * self._shares.identity)
        return terms


def build_discriminator_input(picture: Tensor, mask: Tensor) -> Tensor:
    """(B, 4, S, S) input of the discriminator: the face alone, on grey, and its mask."""
    return torch.cat([mask * picture + (1 - mask) * 0.5, mask], dim=1)
