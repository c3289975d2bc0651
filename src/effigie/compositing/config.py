"""Settings of the compositing of a made face."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from effigie.compositing import color
from effigie.compositing.blend import BLEND_METHODS
from effigie.compositing.grain import GrainSettings
from effigie.compositing.mask import MaskSettings
from effigie.errors import UsageError
from effigie.io.stored_names import STORED_NAME

OCCLUSION_MODES = ("on", "off")


@dataclass(frozen=True)
class ComposeSettings:
    """Settings of the compositing of a made face.

    Attributes:
        color: how the made face gets the footage's light and colour; ``local`` looks at each place by itself.
        blend: how the made face is joined with the footage.
        mask: erosion per side and feather.
        occlusion: ``on``: hands, hair, glasses and whatever else is before the face stay there; ``off``.
        grain: sharpness and noise.
        color_time: s, time constant of the colour's and the grain's smoothing; 0 switches it off.
        temporal: 0..1 (below 1), how much of the previous made face calms the new one; 0 switches it off.
        motion_blur: 0..1, how much of the footage's motion blur the made face is given; 0 switches it off.
        complexion: whose skin the result has, 0 (the source's, in the footage's light) to 1 (the target's own, place by
            place, so that the face fits the neck).
    """

    color: str = field(default="local", metadata={STORED_NAME: "colour", "choices": tuple(color.COLOR_METHODS)})
    blend: str = field(default="multiband", metadata={"choices": tuple(BLEND_METHODS)})
    mask: MaskSettings = field(default_factory=MaskSettings)
    occlusion: Literal["on", "off"] = "on"
    grain: GrainSettings = field(default_factory=GrainSettings)
    color_time: float = field(default=0.1, metadata={STORED_NAME: "colour_time", "range": (0.0, 2.0)})
    temporal: float = field(default=0.8, metadata={"range": (0.0, 0.99)})
    motion_blur: float = field(default=1.0, metadata={"range": (0.0, 1.0)})
    complexion: float = field(default=1.0, metadata={"range": (0.0, 1.0)})

    def __post_init__(self) -> None:
        color.check_method(self.color)
        if self.blend not in BLEND_METHODS:
            raise UsageError(f"no blend method {self.blend!r}: choose one of {', '.join(BLEND_METHODS)}")
        for name in ("motion_blur", "complexion"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is 0..1, got {getattr(self, name)}")
        if self.occlusion not in OCCLUSION_MODES:
            raise UsageError(f"occlusion is {' or '.join(OCCLUSION_MODES)}, not {self.occlusion!r}")
        if self.color_time < 0 or not 0 <= self.temporal < 1:
            values = f"{self.color_time} and {self.temporal}"
            raise UsageError(f"colour_time is >= 0 s and temporal 0..1 (below 1), got {values}")
