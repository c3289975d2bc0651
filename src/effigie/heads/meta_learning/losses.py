"""Losses besides perceptual and adversarial ones: L1 at every scale, and the embedding match.

Feature matching is the adversary's (:func:`effigie.nn.gan.feature_matching_loss`). Nothing that results are
measured with may become a loss: no structural similarity, no identity network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from effigie.training.distributed import weighted_mean

SCALES = 4


def pyramid_l1(output: Tensor, real: Tensor, weight: Tensor | None = None, scales: int = SCALES) -> Tensor:
    """Mean absolute difference, averaged over the full size and ``scales - 1`` halvings of it.

    Coarse scales forgive what is a pixel off and insist on colour and light.

    Args:
        output: (B, 3, S, S) RGB in [0, 1], S a multiple of ``2 ** (scales - 1)``.
        real: (B, 3, S, S).
        weight: (B, 1, S, S) how much each pixel counts, not negative; None counts all alike.
    """
    shape = (len(output), 1, *output.shape[2:])
    if output.shape != real.shape or (weight is not None and weight.shape != shape):
        weight_shape = None if weight is None else tuple(weight.shape)
        raise ValueError(
            f"output, real and weight must be alike but for weight's one channel, not {tuple(output.shape)}, "
            f"{tuple(real.shape)} and {weight_shape}"
        )
    difference = output.float() - real.float()
    counts = torch.ones_like(difference[:, :1]) if weight is None else weight.float()
    terms = []
    for scale in range(scales):
        if scale:
            difference, counts = F.avg_pool2d(difference, 2), F.avg_pool2d(counts, 2)
        level = difference.abs().mean(1, keepdim=True)
        terms.append(weighted_mean(level, counts, 1e-6))
    return torch.stack(terms).mean()


def embedding_match(embedding: Tensor, column: Tensor) -> Tensor:
    """L_MCH: mean absolute difference of embeddings (B, N) and the discriminator's columns W_i (B, N).

    Gradients reach both. Only the fine-tuned variant needs it: there w0 + e takes the place of W_i.
    """
    return (embedding.float() - column.float()).abs().mean()
