"""Settings of voices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from effigie.errors import UsageError
from effigie.media.sound.writer import SoundSettings
from effigie.provenance.config import TrustSettings

OutputRate = Literal[24000, 48000]


@dataclass(frozen=True)
class SpeakSettings:
    """Settings of :func:`effigie.voice.speak`.

    Attributes:
        speed: of the speech, 0.5 to 2; 1 is the voice's own.
        pauses: length of the pauses between sentences, 0 to 5; 1 is natural.
        semitones: by which the melody is raised, -12 to 12; 0 is the voice's own height.
        likeness: how far the sound is brought to the recordings of a learned voice, 0 to 1; less is more natural.
        rate: samples a second of the output. What is made has 24000; 48000 holds no more.
        sound: how the file is stored.
        trust: how the output can be traced: notice, mark, certificate.
    """

    speed: float = 1.0
    pauses: float = 1.0
    semitones: float = 0.0
    likeness: float = 1.0
    rate: OutputRate = 24000
    sound: SoundSettings = field(default_factory=SoundSettings)
    trust: TrustSettings = field(default_factory=TrustSettings)

    def __post_init__(self) -> None:
        _check_range("speed", self.speed, 0.5, 2.0)
        _check_range("pauses", self.pauses, 0.0, 5.0)
        _check_range("semitones", self.semitones, -12.0, 12.0)
        _check_range("likeness", self.likeness, 0.0, 1.0)
        check_rate(self.rate)


@dataclass(frozen=True)
class VoiceConvertSettings:
    """Settings of the conversion of performances.

    Attributes:
        semitones: by which the melody is raised, -12 to 12; 0 is the voice's own height.
        melody: how far the performance's range of melody is kept: 1 wholly, 0 takes the voice's own.
        likeness: how far the sound is brought to the recordings of a learned voice, 0 to 1; less is more natural.
        rate: samples a second of the output. What is made has 24000; 48000 holds no more.
        sound: how the file is stored.
        trust: how the output can be traced: notice, mark, certificate.
    """

    semitones: float = 0.0
    melody: float = 0.5
    likeness: float = 1.0
    rate: OutputRate = 24000
    sound: SoundSettings = field(default_factory=SoundSettings)
    trust: TrustSettings = field(default_factory=TrustSettings)

    def __post_init__(self) -> None:
        _check_range("semitones", self.semitones, -12.0, 12.0)
        _check_range("melody", self.melody, 0.0, 1.0)
        _check_range("likeness", self.likeness, 0.0, 1.0)
        check_rate(self.rate)


@dataclass(frozen=True)
class LearnSettings:
    """Settings of learning a voice.

    Attributes:
        steps: How many steps to train in all.
        speech_s: seconds of speech that are used at most; what is used is spread over the recordings.
        adapters: fit low-rank adapters of the decoder too: more like the person, less natural.
        seed: Of every random choice.
    """

    steps: int = 60
    speech_s: float = 120.0
    adapters: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("steps", self.steps, 1, 100_000)
        _check_range("speech_s", self.speech_s, 10, 3600)


def check_rate(rate: int) -> None:
    """Raise a UsageError for a rate that is not made."""
    if rate not in get_args(OutputRate):
        raise UsageError(f"rate must be 24000 or 48000, not {rate}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} must be {low:g} to {high:g}, not {value:g}")
