"""Terms that count by the share they have of the gradient, whatever their units, so that none can take over."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from effigie.training.distributed import length

TINY = 1e-12
MOST = 1e8  # a term that hardly has a gradient is not blown up without bounds


class Balance:
    """Weighs terms against what is always there, where both meet: at a made picture.

    A discriminator's gradient grows and shrinks as it learns, an embedding's has units of its own. Here each term is
    given the weight at which its gradient is ``share`` times as long as the known ones', anew at every step (Esser et
    al. 2021, equation 7, without a trained layer to measure at). Lengths are those of the whole batch's gradients,
    whichever part of it this process holds.

    Example::

        balance = Balance(restored, 2 * l1 + 2 * dssim)
        terms["identity"] = balance.weighed(identity(swapped), swapped, share=0.5)

    Args:
        picture: (B, 3, S, S) the made pictures that ``known`` was computed from, with gradients.
        known: scalar, what pictures are restored by.
    """

    def __init__(self, picture: Tensor, known: Tensor) -> None:
        (gradient,) = torch.autograd.grad(known, picture, retain_graph=True)
        self.length = length(gradient)

    def weighed(self, term: Tensor, picture: Tensor, share: float) -> Tensor:
        """The scalar ``term`` of ``picture``, times its weight; the gradient is computed here, once.

        Args:
            picture: (B, 3, S, S) the made pictures that the term was computed from.
            share: length of its gradient, as a multiple of what is known's.
        """
        (gradient,) = torch.autograd.grad(term, picture)
        weight = (share * self.length / (length(gradient) + TINY)).clamp(max=MOST)
        value = weight * term.detach().float()
        return torch.as_tensor(_Known.apply(picture, value, weight * gradient))  # type: ignore[no-untyped-call]


class _Known(torch.autograd.Function):
    """A scalar whose gradient at ``picture`` is known already."""

    @staticmethod
    def forward(context: Any, picture: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        context.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(context: Any, *outgoing: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = context.saved_tensors
        return outgoing[0] * gradient, None, None
