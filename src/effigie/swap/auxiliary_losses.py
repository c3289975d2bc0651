"""What teaches a swap beyond restoring pictures: likeness, an adversary, perceptual features.

Restoring knows the right answer, but only for the source's own frames; there a critic says what still looks made. Of
the swap itself nobody has the answer: a recogniser says whether it looks like the source. A critic is not asked of it:
the target's poses give a swap away whatever it looks like, and what nothing holds in place was driven into patterns
that fool a critic and nobody else (docs/swap.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from effigie.nn.discriminator import PatchCritic
from effigie.nn.gan import Adversary
from effigie.nn.gradient_balancing import Balance
from effigie.nn.images import to_float
from effigie.swap.identity_loss import Likeness
from effigie.swap.loss_weights import Shares
from effigie.swap.network import Made

Perceptual = Callable[[Tensor, Tensor], Tensor]
MATCHING = 10.0  # of the critic's features, beside its scores
CRITIC_RATE = 4e-4
CRITIC_EPS = 1e-8


class Teachers:
    """The teachers whose share is not zero.

    Args:
        shares: how much each counts.
        likeness: of the source; needed where ``shares.identity`` is not zero.
        content: perceptual distance of two (B, 3, S, S) pictures in [0, 1]; likewise.
    """

    def __init__(
        self, shares: Shares, likeness: Likeness | None = None, content: Perceptual | None = None
    ) -> None:
        self._shares = shares
        self._likeness = likeness if shares.identity else None
        self._content = content if shares.perceptual else None
        self._critic = PatchCritic(channels=4) if shares.adversary else None
        self._adversary: Adversary | None = None
        if self._critic is not None:
            self._adversary = Adversary(self._critic, matching=MATCHING, paired=True)

    @property
    def of_swaps(self) -> bool:
        """Whether anybody looks at swapped pictures, which must be made then."""
        return self._likeness is not None

    def networks(self) -> Mapping[str, nn.Module]:
        """What is trained along."""
        return {} if self._critic is None else {"critic": self._critic}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimiser's groups of :meth:`networks`."""
        adversary = self._adversary
        return [] if adversary is None else [adversary.parameter_group(CRITIC_RATE, CRITIC_EPS)]

    def terms(
        self,
        step: int,
        restored: Tensor,
        batch: Mapping[str, Tensor],
        known: Tensor,
        swap: Callable[[], tuple[Made, Mapping[str, Tensor]]],
    ) -> dict[str, Tensor]:
        """Weighted terms of one step.

        Args:
            restored: (B, 3, S, S) the source's pictures, restored.
            batch: what they were restored from: ``picture`` and ``mask`` (B, S, S, C) uint8.
            known: scalar, what they are restored by.
            swap: makes swapped pictures, and gives what they were made from: ``picture`` and ``share`` (B, S, S, C)
                uint8, ``chip`` (B, 2, 3).
        """
        rise = self._shares.at(step)
        if rise == 0:
            return {}
        balance = Balance(restored, known)
        truth = to_float(batch["picture"])
        terms: dict[str, Tensor] = {}
        if self._content is not None:
            distance = self._content(restored, truth)
            terms["perceptual"] = balance.weighed(distance, restored, rise * self._shares.perceptual)
        if self._adversary is not None:
            mask = to_float(batch["mask"])
            said = self._adversary.losses(seen(restored, mask), seen(truth, mask))
            terms["catch"] = said["catch"]
            part = rise * self._shares.adversary
            terms["fool"] = balance.weighed(said["fool"] + said["features"], restored, part)
        if self._likeness is not None:
            made, given = swap()
            share = to_float(given["share"])
            composite = share * made.picture + (1 - share) * to_float(given["picture"])
            distance = self._likeness(composite, given["chip"])
            terms["identity"] = balance.weighed(distance, made.picture, rise * self._shares.identity)
        return terms


def seen(picture: Tensor, mask: Tensor) -> Tensor:
    """(B, 4, S, S) what the critic looks at: the face alone, on grey, and its outline."""
    return torch.cat([mask * picture + (1 - mask) * 0.5, mask], dim=1)
