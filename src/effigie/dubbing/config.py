"""Settings of dubbing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from effigie.errors import UsageError
from effigie.heads.speech.config import LIPS, LipsName
from effigie.media import EncodeSettings
from effigie.provenance.config import TrustSettings

FitName = Literal["shorten", "fill", "keep"]
OverrunName = Literal["refuse", "cut"]
FITS, OVERRUNS = ("shorten", "fill", "keep"), ("refuse", "cut")


@dataclass(frozen=True)
class DubSettings:
    """Settings of :func:`effigie.dub`.

    Attributes:
        person: whose mouth it is: the n-th largest face of the first picture that shows so many, 0 = the largest, which
            None takes too.
        begin: seconds of the clip at which the sound begins; before it and after it the mouth is at rest.
        fit: how the sound is fitted to the clip. ``shorten``: a longer one gets shorter pauses, then up to 8 % more
            tempo; ``fill``: a little too short, it gets longer pauses and less tempo as well; ``keep`` changes nothing.
        overrun: what becomes of a sound that does not fit: ``refuse`` says how much is too long, ``cut`` leaves out
            what comes after the clip's end.
        phonemes: a file of ``effigie voice speak --times``, so that lips shut on every p, b and m; of a text that is
            spoken here they are known.
        lips: how p, b and m are found in a sound otherwise: ``words`` finds English words in it; ``heard`` leaves it to
            what the mouth's model hears, for other languages and singing.
        occlusion: ``on``: hands, cups and hair before the mouth stay there; ``off``.
        encode: how the output is encoded.
        trust: how the output can be traced: label (on by default), mark, certificate.
        masks: a folder to write where the picture was changed as well, one grey PNG a frame.
        device: torch device; ``auto`` takes CUDA, then MPS, then the CPU.
        max_frames: only the first frames, for a quick look; None takes all.
    """

    person: int | None = None
    begin: float = 0.0
    fit: FitName = "shorten"
    overrun: OverrunName = "refuse"
    phonemes: Path | None = None
    lips: LipsName = "words"
    occlusion: Literal["on", "off"] = "on"
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    trust: TrustSettings = field(default_factory=lambda: TrustSettings(label="corner"))
    masks: Path | None = None
    device: str = "auto"
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.person is not None and self.person < 0:
            raise UsageError(f"person must be 0 or more, not {self.person}")
        if not 0 <= self.begin < float("inf"):
            raise UsageError(f"begin must be 0 s or later, not {self.begin}")
        for name, choices in (("fit", FITS), ("overrun", OVERRUNS), ("lips", LIPS), ("occlusion", ("on", "off"))):
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"max_frames must be 1 or more, not {self.max_frames}")
