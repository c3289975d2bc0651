"""How much each teacher counts in training a swap."""

from __future__ import annotations

from dataclasses import dataclass

from effigie.errors import UsageError


@dataclass(frozen=True)
class Shares:
    """How much each teacher counts: the length of its gradient at the made picture, over restoring's.

    Attributes:
        identity: the swapped face looks like the source.
        adversary: restored faces do not look made.
        perceptual: restored faces have the truth's features in a network trained on photographs.
        begin: steps of restoring alone before; from then on the shares rise over as many again.
    """

    identity: float = 0.0
    adversary: float = 0.0
    perceptual: float = 0.0
    begin: int = 200

    def __post_init__(self) -> None:
        for name in ("identity", "adversary", "perceptual"):
            if not 0 <= getattr(self, name) <= 4:
                raise UsageError(
                    f"{name} is a share of restoring's gradient, 0 to 4, not {getattr(self, name)}"
                )
        if self.begin < 0:
            raise UsageError(f"begin must be 0 or more steps, not {self.begin}")

    def at(self, step: int) -> float:
        """0..1: how far the shares have risen."""
        return min(1.0, max(0, step - self.begin) / max(self.begin, 1))


# Likeness is taught to none by itself: on two pairs it brought dlib's embedding nearer to the source, SFace's, which
# measures, not at all, and cost a few per cent of sharpness (docs/swap.md).
OF_PRESET = {
    "tiny": Shares(),
    "base": Shares(adversary=0.3, perceptual=0.3, begin=1000),
    "large": Shares(adversary=0.3, perceptual=0.3, begin=1000),
}
