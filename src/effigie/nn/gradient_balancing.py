"""Gradient balancing: loss terms weighted by their share of the gradient, whatever their units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from effigie.training.distributed import compute_gradient_norm

EPS = 1e-12
MAX_WEIGHT = 1e8  # a term that hardly has a gradient is not scaled up without bounds


class GradientBalancer:
    """Scales loss terms relative to a reference loss, by the norms of their gradients at the generated picture.

    A discriminator's gradient grows and shrinks as it learns, an embedding's has units of its own. Here each term is
    given the weight at which its gradient is ``share`` times as long as the reference loss's, anew at every step
    (Esser et al. 2021, equation 7, without a trained layer to measure at). Norms are those of the whole batch's
    gradients, whichever shard of it this process holds.

    Example::

        balancer = GradientBalancer(restored, 2 * l1 + 2 * dssim)
        terms["identity"] = balancer.balance_term(identity(swapped), swapped, share=0.5)

    Args:
        picture: (B, 3, S, S) the generated pictures that ``reference_loss`` was computed from, with gradients.
        reference_loss: scalar.
    """

    def __init__(self, picture: Tensor, reference_loss: Tensor) -> None:
        (gradient,) = torch.autograd.grad(reference_loss, picture, retain_graph=True)
        self.reference_norm = compute_gradient_norm(gradient)

    def balance_term(self, term: Tensor, picture: Tensor, share: float) -> Tensor:
        """Scale the scalar ``term`` of ``picture``; its gradient is computed here, once.

        Args:
            picture: (B, 3, S, S) the generated pictures that the term was computed from.
            share: norm of its gradient, as a multiple of the reference loss's.
        """
        (gradient,) = torch.autograd.grad(term, picture)
        weight = (share * self.reference_norm / (compute_gradient_norm(gradient) + EPS)).clamp(max=MAX_WEIGHT)
        value = weight * term.detach().float()
        return torch.as_tensor(_PrecomputedGradient.apply(picture, value, weight * gradient))  # type: ignore[no-untyped-call]


class _PrecomputedGradient(torch.autograd.Function):
    """A scalar whose gradient at ``picture`` is given."""

    @staticmethod
    def forward(context: Any, picture: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        context.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = context.saved_tensors
        return gradients[0] * gradient, None, None
