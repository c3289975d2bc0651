"""What can be chosen about animating a portrait."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from effigie.errors import UsageError
from effigie.heads.motion.controls import Controls
from effigie.media import EncodeSettings
from effigie.provenance.config import TrustSettings

Paste = Literal["portrait", "crop"]
PASTES = ("portrait", "crop")
Paint = Literal["network", "geometry"]
PAINTS = ("network", "geometry")
SMALLEST_SIDE, LARGEST_SIDE = 64, 4096


@dataclass(frozen=True)
class AnimateSettings:
    """Settings of :func:`effigie.animate`.

    Attributes:
        controls: how strongly, and with which parts, the portrait follows the driver.
        paint: ``network`` makes what geometry cannot show; ``geometry`` bends the portrait and no more.
        heads: the meta-learned model that paints a portrait; None takes the one that ships. A tuned person has its own.
        paste: ``portrait`` shows the whole picture, ``crop`` a square around the head.
        size: px; the output's larger side. None keeps the picture's, up to 1280.
        who: which face of the portrait, by size (0 = the largest), or which person of a face set; None if there is one.
        driver_who: the same of the driver's clip; None takes the largest.
        neutral: index of the driver's frame that motion is measured from; None finds the calmest.
        save_motion: where to keep the driver's motion as a template; None keeps none.
        encode: how the output is encoded.
        trust: how the output can be traced: label (on by default), mark, certificate.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        stop_after: animate only this many frames (for a quick look); None animates all.
    """

    controls: Controls = field(default_factory=Controls)
    paint: Paint = "network"
    heads: Path | None = None
    paste: Paste = "portrait"
    size: int | None = None
    who: int | None = None
    driver_who: int | None = None
    neutral: int | None = None
    save_motion: Path | None = None
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    trust: TrustSettings = field(default_factory=lambda: TrustSettings(label="corner"))
    device: str = "auto"
    stop_after: int | None = None

    def __post_init__(self) -> None:
        if self.paint not in PAINTS:
            raise UsageError(f"paint must be one of {', '.join(PAINTS)}, not {self.paint!r}")
        if self.paste not in PASTES:
            raise UsageError(f"paste must be one of {', '.join(PASTES)}, not {self.paste!r}")
        if self.size is not None and not SMALLEST_SIDE <= self.size <= LARGEST_SIDE:
            raise UsageError(f"size must be from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, not {self.size}")
        for name in ("who", "driver_who", "neutral"):
            if (value := getattr(self, name)) is not None and value < 0:
                raise UsageError(f"{name} must be 0 or more, not {value}")
        if self.stop_after is not None and self.stop_after < 1:
            raise UsageError(f"stop_after must be 1 or more, not {self.stop_after}")
