"""An adversary: a network that learns to tell made from real, and what it teaches the maker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DRIFT = 1e-5
"""Of squared scores: paired ones say nothing about where they lie, and would wander off."""


@dataclass(frozen=True)
class Judged:
    """What a discriminator says of a batch.

    Attributes:
        score: (B,), or (B, 1, h, w) of patches; high for what it takes to be real.
        features: its features block by block, for feature matching.
    """

    score: Tensor
    features: Sequence[Tensor]


class Adversary:
    """Holds the discriminator and both directions of the hinge loss, so that a task never sees a score.

    Both sides are updated in the same optimiser step: the discriminator learns four times as fast as the generator
    (2e-4 against 5e-5) instead of taking two steps for one. ``catch`` reaches the discriminator alone, ``fool`` and
    ``features`` reach the maker of ``made`` alone.

    Example::

        adversary = Adversary(Discriminator(preset, people=200))
        # parameter_groups(): the maker's, and adversary.parameter_group()
        # losses():
        made = generator(drawing, embedding).picture
        return {"l1": l1, **adversary.losses(made, real, drawing=drawing, person=person)}

    Args:
        discriminator: called with a picture and the conditions by name, returns :class:`Judged`.
        weight: of ``catch`` and ``fool``.
        matching: weight of ``features``, the L1 distance between features of made and real; 0 leaves it out.
        paired: compare every made picture with the real one of the same moment (relativistic hinge) instead of all
            made with all real ones. Where the two are nearly alike, differences between moments drown the one that
            matters: measured on talking heads with a prior, the plain hinge stayed at chance for a thousand steps,
            the paired one told them apart after twelve.
    """

    def __init__(
        self, discriminator: nn.Module, weight: float = 1.0, matching: float = 10.0, paired: bool = False
    ) -> None:
        self.discriminator = discriminator
        self.weight, self.matching, self.paired = weight, matching, paired

    def parameter_group(self, rate: float = 2e-4, eps: float = 1e-5) -> dict[str, Any]:
        """The optimiser's group of the discriminator's parameters that learn.

        Args:
            rate: learning rate; the paper's by default.
            eps: of Adam; the paper's by default. Small networks have gradients that are no larger, and need less.
        """
        parameters = [parameter for parameter in self.discriminator.parameters() if parameter.requires_grad]
        return {"params": parameters, "lr": rate, "betas": (0.0, 0.999), "eps": eps}

    def losses(self, made: Tensor, real: Tensor, **conditions: Tensor | None) -> dict[str, Tensor]:
        """Weighted terms of one step: ``catch``, ``fool`` and ``features``.

        Args:
            made: (B, 3, S, S) the maker's pictures, with gradients.
            real: (B, 3, S, S) what they should look like.
            conditions: what else the discriminator is told; ``fool`` sends no gradient to them.
        """
        # Partners differ by less than bfloat16 can tell.
        exact = torch.autocast(made.device.type, enabled=False) if self.paired else contextlib.nullcontext()
        with exact:
            truth = self.discriminator(real, **conditions)
            caught = self.discriminator(made.detach(), **conditions)
            fixed = {name: None if given is None else given.detach() for name, given in conditions.items()}
            with frozen(self.discriminator):
                judged = self.discriminator(made, **fixed)
        if self.paired:
            catch = paired_hinge(truth.score, caught.score) + DRIFT * truth.score.float().square().mean()
            fool = paired_hinge(judged.score, truth.score.detach())
        else:
            catch, fool = hinge(truth.score, caught.score), -judged.score.float().mean()
        terms = {"catch": self.weight * catch, "fool": self.weight * fool}
        if self.matching:
            terms["features"] = self.matching * feature_distance(judged.features, truth.features)
        return terms


def hinge(real: Tensor, made: Tensor) -> Tensor:
    """The discriminator's loss of scores: real should be above 1, made below -1."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + made.float()).mean()


def paired_hinge(better: Tensor, worse: Tensor) -> Tensor:
    """Scores should be above those of their partners by 1 (Jolicoeur-Martineau 2018, pair by pair)."""
    return F.relu(1 + worse.float() - better.float()).mean()


def feature_distance(made: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean over blocks of the mean absolute difference; no gradient to ``real``."""
    return torch.stack(
        [(a.float() - b.detach().float()).abs().mean() for a, b in zip(made, real, strict=True)]
    ).mean()


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Graphs made inside send no gradient to the network's parameters, only through it to its input."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
