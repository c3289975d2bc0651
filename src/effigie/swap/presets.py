"""Presets of a swap: the sizes of its networks, and the weights of its auxiliary losses."""

from __future__ import annotations

from dataclasses import dataclass

from effigie.errors import UsageError


@dataclass(frozen=True)
class SwapPreset:
    """One size of network.

    Attributes:
        size: side of the networks' pictures in pixels.
        width: channels at a quarter of the size; the widest layers have four times as many.
        depth: residual blocks at a quarter of the size in the decoder.
        stem: side of the blocks of pixels that become channels at the entrance; arithmetic is cheapest at low
            resolution with many channels (2 CPU cores: 420 GFLOP/s at 32x32 against 75 at 128x128).
        batch: pictures a step, both people together.
        block: of residual layers: ``plain``, or ``bottleneck``, which is a fifth of the arithmetic. Networks of version
            0.1 are plain, whatever their preset.
    """

    size: int
    width: int
    depth: int
    stem: int
    batch: int
    block: str = "plain"


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
                raise UsageError(f"{name} is a share of restoring's gradient, 0 to 4, not {getattr(self, name)}")
        if self.start_step < 0:
            raise UsageError(f"start_step must be 0 or more steps, not {self.start_step}")

    def ramp(self, step: int) -> float:
        """Factor of the shares at a step, 0..1: the linear warm-up."""
        return min(1.0, max(0, step - self.start_step) / max(self.start_step, 1))


PRESETS = {
    "tiny": SwapPreset(size=128, width=64, depth=2, stem=4, batch=16, block="bottleneck"),
    "base": SwapPreset(size=256, width=96, depth=3, stem=4, batch=16),
    "large": SwapPreset(size=384, width=128, depth=4, stem=4, batch=8),
}

# No preset has the identity loss: on two pairs it brought dlib's embedding nearer to the source, SFace's, which
# measures, not at all, and cost a few per cent of sharpness (docs/swap.md).
PRESET_WEIGHTS = {
    "tiny": SwapLossWeights(),
    "base": SwapLossWeights(adversary=0.3, perceptual=0.3, start_step=1000),
    "large": SwapLossWeights(adversary=0.3, perceptual=0.3, start_step=1000),
}


def get_preset(name: str) -> SwapPreset:
    """The preset of this name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"no preset named {name!r}: choose one of {', '.join(PRESETS)}") from None
