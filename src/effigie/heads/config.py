"""Settings of animation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from effigie.errors import UsageError
from effigie.heads.motion.controls import Controls
from effigie.heads.speech.config import SpeechSettings
from effigie.io.stored_names import STORED_NAME
from effigie.media import EncodeSettings, FootageSettings
from effigie.provenance.config import TrustSettings

PasteMode = Literal["portrait", "crop"]
PASTE_MODES = ("portrait", "crop")
RendererName = Literal["network", "geometry"]
RENDERERS = ("network", "geometry")
SMALLEST_SIDE, LARGEST_SIDE = 64, 4096


@dataclass(frozen=True)
class AnimateSettings:
    """Settings of :func:`effigie.animate`.

    Attributes:
        controls: how strongly, and with which parts, the portrait follows the driver.
        renderer: ``network`` makes what geometry cannot show; ``geometry`` warps the portrait and no more.
        heads: a folder made by meta-train; None takes the model that ships. A tuned person has its own.
        paste: ``portrait`` shows the whole picture, ``crop`` a square around the head.
        size: larger side of the output in pixels; None takes the portrait's, up to 1280.
        person: which face of the portrait, by size (0 = the largest), or which person of a face set; None takes the
            only one.
        driver_person: which face of the driver's clip, by size; None takes the largest.
        neutral_frame: index of the driver's frame that motion is measured from; None takes the calmest.
        speech: how a face that follows sound speaks.
        save_motion: keep the driver's motion in this file, as a template that drives again.
        encode: how the output is encoded.
        footage: what a driver that is a sequence of pictures does not say itself.
        trust: how the output can be traced: label (on by default), mark, certificate.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        max_frames: only the first frames, for a quick look; None takes all.
    """

    controls: Controls = field(default_factory=Controls)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    renderer: RendererName = field(default="network", metadata={STORED_NAME: "paint"})
    heads: Path | None = None
    paste: PasteMode = "portrait"
    size: int | None = None
    person: int | None = field(default=None, metadata={STORED_NAME: "who"})
    driver_person: int | None = field(default=None, metadata={STORED_NAME: "driver_who"})
    neutral_frame: int | None = field(default=None, metadata={STORED_NAME: "neutral"})
    save_motion: Path | None = None
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    footage: FootageSettings = field(default_factory=FootageSettings)
    trust: TrustSettings = field(default_factory=lambda: TrustSettings(label="corner"))
    device: str = "auto"
    max_frames: int | None = field(default=None, metadata={STORED_NAME: "stop_after"})

    def __post_init__(self) -> None:
        if self.renderer not in RENDERERS:
            raise UsageError(f"renderer must be one of {', '.join(RENDERERS)}, not {self.renderer!r}")
        if self.paste not in PASTE_MODES:
            raise UsageError(f"paste must be one of {', '.join(PASTE_MODES)}, not {self.paste!r}")
        if self.size is not None and not SMALLEST_SIDE <= self.size <= LARGEST_SIDE:
            raise UsageError(f"size must be from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, not {self.size}")
        for name in ("person", "driver_person", "neutral_frame"):
            if (value := getattr(self, name)) is not None and value < 0:
                raise UsageError(f"{name} must be 0 or more, not {value}")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"max_frames must be 1 or more, not {self.max_frames}")
