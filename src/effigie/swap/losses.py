"""What training minimises: named, weighted terms behind one interface, so that others can join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from effigie.swap.networks import Made
from effigie.training.together import weighted_mean

WINDOW = 7
C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Truth:
    """What should have been made: picture (B, 3, S, S) in [0, 1], mask and weight (B, 1, S, S)."""

    picture: Tensor
    mask: Tensor
    weight: Tensor


class Loss(Protocol):
    """A term: a scalar to be minimised."""

    def __call__(self, made: Made, truth: Truth) -> Tensor: ...


def weighted_l1(made: Made, truth: Truth) -> Tensor:
    """Mean absolute difference; ``truth.weight`` says how much a pixel counts."""
    difference = (made.picture - truth.picture).abs().mean(1, keepdim=True)
    return weighted_mean(difference, truth.weight)


def weighted_dssim(made: Made, truth: Truth) -> Tensor:
    """(1 - SSIM) / 2 (Wang et al. 2004, uniform 7x7 window), averaged with ``truth.weight``."""
    structure = ssim_map(made.picture, truth.picture).mean(1, keepdim=True)
    return weighted_mean((1 - structure) / 2, truth.weight)


def mask_loss(made: Made, truth: Truth) -> Tensor:
    """Binary cross-entropy of the predicted mask."""
    return F.binary_cross_entropy_with_logits(made.mask_logits, truth.mask)


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, H, W) structural similarity of pictures in [0, 1], -1..1."""
    a, b = a.float(), b.float()
    batch, channels = a.shape[:2]
    stacked = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    padded = F.pad(stacked, [WINDOW // 2] * 4, mode="reflect")
    means = F.avg_pool2d(padded, WINDOW, stride=1).view(batch, 5, channels, *a.shape[2:])
    mean_a, mean_b, square_a, square_b, product = means.unbind(1)
    var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    return ((2 * mean_a * mean_b + C1) * (2 * covariance + C2)) / (
        (mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2)
    )


@dataclass(frozen=True)
class WeightedLosses:
    """A sum of named terms.

    Attributes:
        terms: name -> (weight, loss).
    """

    terms: dict[str, tuple[float, Loss]]

    def __call__(self, made: Made, truth: Truth) -> dict[str, Tensor]:
        """Name -> weighted scalar."""
        return {name: weight * loss(made, truth) for name, (weight, loss) in self.terms.items()}


def default_losses() -> WeightedLosses:
    """Structure first, colour second, and the mask."""
    return WeightedLosses(
        {"dssim": (2.0, weighted_dssim), "l1": (2.0, weighted_l1), "mask": (0.1, mask_loss)}
    )
