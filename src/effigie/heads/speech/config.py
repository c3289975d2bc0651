"""Settings of speaking faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from effigie.errors import UsageError

LipsName = Literal["words", "heard"]
LIPS = ("words", "heard")
MIN_RATE, MAX_RATE = 10, 120


@dataclass(frozen=True)
class SpeechSettings:
    """How a face speaks that follows sound. How strongly it does: :class:`~effigie.heads.Controls`.

    Attributes:
        frame_rate: frames a second where no driver's clip says it.
        seed: of every random choice. Another number draws other blinks, nods, brows and glances for the same sound.
        phonemes: a file of ``effigie voice speak --times``, so that lips shut on every p, b and m. None hears them.
        lips: how p, b and m are found where ``phonemes`` does not say: ``words`` finds English words in the sound and
            shuts lips on theirs; ``heard`` leaves it to what the mouth's model hears, for other languages and singing.
        gestures: strength of the head, brows and glances that go with the speech, 0 to 2; blinks and breath stay.
    """

    frame_rate: int = 25
    seed: int = 0
    phonemes: Path | None = None
    lips: LipsName = "words"
    gestures: float = 1.0

    def __post_init__(self) -> None:
        if not MIN_RATE <= self.frame_rate <= MAX_RATE:
            raise UsageError(f"frame_rate must be from {MIN_RATE} to {MAX_RATE} frames a second, not {self.frame_rate}")
        if self.seed < 0:
            raise UsageError(f"seed must be 0 or more, not {self.seed}")
        if self.lips not in LIPS:
            raise UsageError(f"lips must be one of {', '.join(LIPS)}, not {self.lips!r}")
        if not 0 <= self.gestures <= 2:
            raise UsageError(f"gestures must be from 0 to 2, not {self.gestures}")
