"""Presets: the sizes of the three networks."""

from __future__ import annotations

from dataclasses import dataclass

from effigie.errors import UsageError


@dataclass(frozen=True)
class Preset:
    """One size of the three networks.

    Attributes:
        name: what users call it.
        size: side of the pictures in pixels.
        stem: side of the blocks of pixels that become channels at the entrance (1: none, the paper's form).
            Arithmetic is cheapest at low resolution with many channels (2 CPU cores: 420 GFLOP/s at 32x32
            against 75 at 128x128).
        width: the generator's channels at its finest scale; each coarser one has twice as many, up to ``most``.
        most: channels at the generator's coarsest scale, where the residual blocks work.
        down: how often the generator halves the resolution, its stem not counted.
        residual: residual blocks at the coarsest scale.
        paint: residual blocks at the finest scale, after the up-sampling part.
        embedding: length N of a person's embedding; the widest layer of embedder and discriminator too.
        judge: channels of embedder and discriminator at their finest scale, doubling likewise up to N.
        narrow: the first convolution of a block keeps its input's channels, which halves the cost; the paper
            widens at once.
        attention: self-attention at 32x32 in the parts that halve and at 64x64 in the part that doubles.
    """

    name: str
    size: int
    stem: int
    width: int
    most: int
    down: int
    residual: int
    paint: int
    embedding: int
    judge: int
    narrow: bool
    attention: bool

    @property
    def widths(self) -> tuple[int, ...]:
        """The generator's channels from its finest scale to its coarsest."""
        scales = self.down if self.stem == 1 else self.down + 1
        return (*(min(self.width << scale, self.most) for scale in range(scales - 1)), self.most)

    @property
    def judge_widths(self) -> tuple[int, ...]:
        """Channels of embedder and discriminator from the finest scale to 4x4, where there are N."""
        halvings = (self.size // self.stem // 4).bit_length() - 1
        scales = halvings if self.stem == 1 else halvings + 1
        return (*(min(self.judge << scale, self.embedding) for scale in range(scales - 1)), self.embedding)


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("pico", 64, 4, 32, 64, 1, 1, 0, 64, 32, True, False),
        Preset("nano", 128, 4, 64, 256, 2, 2, 1, 192, 48, True, False),
        Preset("base", 256, 1, 48, 384, 4, 4, 0, 384, 48, False, True),
        Preset("paper", 256, 1, 64, 512, 4, 4, 0, 512, 64, False, True),
    )
}


def preset(name: str) -> Preset:
    """The preset of this name: ``pico`` (64 px, for tests), ``nano`` (128 px, for CPUs), ``base``, ``paper``."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"no preset named {name!r}: choose one of {', '.join(PRESETS)}") from None
