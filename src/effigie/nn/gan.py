"""GAN loss: a discriminator, and the hinge losses of both sides, plain or relativistic."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DRIFT = 1e-5
"""Weight of squared scores: paired losses do not fix their level, which would drift."""
D_LOSS, G_LOSS, FEATURE_MATCHING = "catch", "fool", "features"
"""Names of the terms: discriminator, generator and feature matching. Curves on disk have these columns."""


@dataclass(frozen=True)
class DiscriminatorOutput:
    """A discriminator's output for a batch.

    Attributes:
        score: (B,), or (B, 1, h, w) of patches; high for what looks real.
        features: its features block by block, for feature matching.
    """

    score: Tensor
    features: Sequence[Tensor]


class GanLoss:
    """Holds the discriminator and both directions of the hinge loss, so that a task never sees a score.

    Both sides are updated in the same optimiser step: the discriminator learns four times as fast as the generator
    (2e-4 against 5e-5) instead of taking two steps for one. :data:`D_LOSS` reaches the discriminator alone,
    :data:`G_LOSS` and :data:`FEATURE_MATCHING` reach the generator of ``fake`` alone.

    Example::

        gan_loss = GanLoss(Discriminator(preset, people=200))
        # parameter_groups(): the generator's, and gan_loss.parameter_group()
        # losses():
        fake = generator(drawing, embedding).picture
        return {"l1": l1, **gan_loss.losses(fake, real, drawing=drawing, person=person)}

    Args:
        discriminator: called with a picture and the conditions by name, returns :class:`DiscriminatorOutput`.
        weight: of the discriminator's and the generator's loss.
        feature_weight: of feature matching, the L1 distance between features of fake and real; 0 leaves it out.
        paired: compare every fake picture with the real one of the same moment (relativistic hinge) instead of all
            fake with all real ones. Where the two are nearly alike, differences between moments drown the one that
            matters: measured on talking heads with a prior, the plain hinge stayed at chance for a thousand steps,
            the paired one told them apart after twelve.
    """

    def __init__(
        self, discriminator: nn.Module, weight: float = 1.0, feature_weight: float = 10.0, paired: bool = False
    ) -> None:
        self.discriminator = discriminator
        self.weight, self.feature_weight, self.paired = weight, feature_weight, paired

    def parameter_group(self, rate: float = 2e-4, eps: float = 1e-5) -> dict[str, Any]:
        """The optimiser's group of the discriminator's parameters that learn.

        Args:
            rate: learning rate; the paper's by default.
            eps: of Adam; the paper's by default. Small networks have gradients that are no larger, and need less.
        """
        parameters = [parameter for parameter in self.discriminator.parameters() if parameter.requires_grad]
        return {"params": parameters, "lr": rate, "betas": (0.0, 0.999), "eps": eps}

    def losses(self, fake: Tensor, real: Tensor, **conditions: Tensor | None) -> dict[str, Tensor]:
        """Weighted terms of one step: :data:`D_LOSS`, :data:`G_LOSS` and :data:`FEATURE_MATCHING`.

        Args:
            fake: (B, 3, S, S) generated pictures, with gradients.
            real: (B, 3, S, S) ground on_real.
            conditions: further inputs of the discriminator; the generator's loss sends no gradient to them.
        """
        # Fake and real differ by less than the precision of bfloat16.
        exact = torch.autocast(fake.device.type, enabled=False) if self.paired else contextlib.nullcontext()
        with exact:
            on_real = self.discriminator(real, **conditions)
            on_fake = self.discriminator(fake.detach(), **conditions)
            detached = {name: None if value is None else value.detach() for name, value in conditions.items()}
            with freeze_parameters(self.discriminator):
                through_fake = self.discriminator(fake, **detached)
        if self.paired:
            d_loss = (
                relativistic_hinge_loss(on_real.score, on_fake.score) + DRIFT * on_real.score.float().square().mean()
            )
            g_loss = relativistic_hinge_loss(through_fake.score, on_real.score.detach())
        else:
            d_loss, g_loss = hinge_loss(on_real.score, on_fake.score), -through_fake.score.float().mean()
        terms = {D_LOSS: self.weight * d_loss, G_LOSS: self.weight * g_loss}
        if self.feature_weight:
            terms[FEATURE_MATCHING] = self.feature_weight * feature_matching_loss(
                through_fake.features, on_real.features
            )
        return terms


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's hinge loss of scores: real should be above 1, fake below -1."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def relativistic_hinge_loss(better: Tensor, worse: Tensor) -> Tensor:
    """Each better score should be above its partner by 1 (Jolicoeur-Martineau 2018, pair by pair)."""
    return F.relu(1 + worse.float() - better.float()).mean()


def feature_matching_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean over blocks of the mean absolute difference; no gradient to ``real``."""
    return torch.stack([(a.float() - b.detach().float()).abs().mean() for a, b in zip(fake, real, strict=True)]).mean()


@contextlib.contextmanager
def freeze_parameters(network: nn.Module) -> Iterator[None]:
    """Within the block, the network's parameters get no gradient; its input does."""
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
