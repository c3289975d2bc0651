"""Weights of the auxiliary losses in training a swap."""

from __future__ import annotations

from dataclasses import dataclass

from effigie.errors import UsageError


@dataclass(frozen=True)
class SwapLossWeights:
    """Shares of the auxiliary losses: the norm of each one's gradient at the picture, relative to reconstruction's.

    Attributes:
        identity: the swapped face looks like the source.
        adversary: reconstructed faces look real to a discriminator.
        perceptual: reconstructed faces have the truth's features in a network trained on photographs.
        start_step: steps of reconstruction alone before; from then on the shares rise over as many again.
    """

    identity: float = 0.0
    adversary: float = 0.0
    perceptual: float = 0.0
    start_step: int = 200

    def __post_init__(self) -> None:
        for name in ("identity", "adversary", "perceptual"):
            if not 0 <= getattr(self, name) <= 4:
                raise UsageError(
                    f"{name} is a share of restoring's gradient, 0 to 4, not {getattr(self, name)}"
                )
        if self.start_step < 0:
            raise UsageError(f"start_step must be 0 or more steps, not {self.start_step}")

    def ramp(self, step: int) -> float:
        """Factor of the shares at a step, 0..1: the linear warm-up."""
        return min(1.0, max(0, step - self.start_step) / max(self.start_step, 1))


# No preset has the identity loss: on two pairs it brought dlib's embedding nearer to the source, SFace's, which
# measures, not at all, and cost a few per cent of sharpness (docs/swap.md).
PRESET_WEIGHTS = {
    "tiny": SwapLossWeights(),
    "base": SwapLossWeights(adversary=0.3, perceptual=0.3, start_step=1000),
    "large": SwapLossWeights(adversary=0.3, perceptual=0.3, start_step=1000),
}
