"""Reconstruction losses of a swap: DSSIM and L1, weighted."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from effigie.swap.network import DecoderOutput
from effigie.training.distributed import weighted_mean

WINDOW = 7
C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class GroundTruth:
    """Ground truth: picture (B, 3, S, S) in [0, 1] and weight (B, 1, S, S)."""

    picture: Tensor
    weight: Tensor


def weighted_l1(output: DecoderOutput, truth: GroundTruth) -> Tensor:
    """Mean absolute difference; ``truth.weight`` says how much a pixel counts."""
    difference = (output.picture - truth.picture).abs().mean(1, keepdim=True)
    return weighted_mean(difference, truth.weight)


def weighted_dssim(output: DecoderOutput, truth: GroundTruth) -> Tensor:
    """(1 - SSIM) / 2 (Wang et al. 2004, uniform 7x7 window), averaged with ``truth.weight``."""
    structure = ssim_map(output.picture, truth.picture).mean(1, keepdim=True)
    return weighted_mean((1 - structure) / 2, truth.weight)


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, H, W) structural similarity of pictures in [0, 1], -1..1; gradients reach ``a`` alone."""
    with torch.autocast(a.device.type, enabled=False):  # differences of squares: bfloat16 would leave nothing
        a, b = a.float(), b.detach().float()
        mean_b = _windows(b)
        # Variances are only needed added up: three maps instead of five.
        mean_a, squares, product = _windows(torch.stack([a, a * a + b * b, a * b])).unbind(0)
        mean_product, square_means = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
        return ((2 * mean_product + C1) * (2 * (product - mean_product) + C2)) / (
            (square_means + C1) * (squares - square_means + C2)
        )


def _windows(pictures: Tensor) -> Tensor:
    """(..., H, W) mean of the window around every pixel, mirrored at the edges.

    As products with a band matrix from either side: with its gradient a third of the time of pooling on a CPU.
    """
    if pictures.device.type == "cpu":
        height, width = pictures.shape[-2:]
        return _band(height).T @ (pictures @ _band(width))
    flat = pictures.reshape(-1, 1, *pictures.shape[-2:])  # a GPU's products would round to TF32
    padded = F.pad(flat, [WINDOW // 2] * 4, mode="reflect")
    return F.avg_pool2d(padded, WINDOW, stride=1).view(pictures.shape)


@functools.cache
def _band(size: int) -> Tensor:
    """(size, size): column i holds the weights of the pixels in the window around pixel i."""
    reach = WINDOW // 2
    neighbors = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    mirrored = (size - 1) - ((size - 1) - neighbors.abs()).abs()
    return torch.zeros(size, size).scatter_add_(0, mirrored.T, torch.full((WINDOW, size), 1 / WINDOW))


LOSSES = {"dssim": (2.0, weighted_dssim), "l1": (2.0, weighted_l1)}
"""Weight and term by name."""


def reconstruction_losses(output: DecoderOutput, truth: GroundTruth) -> dict[str, Tensor]:
    """Weighted scalars by name."""
    return {name: weight * loss(output, truth) for name, (weight, loss) in LOSSES.items()}
