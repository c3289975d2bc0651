"""Detector of the mark in sound.

An id is believed only if its whole codeword agrees with what was measured. The signs of the key are the only thing
that is taken to be random. Poses are chosen by the known symbols alone, whose signs have nothing to do with those of
the codeword; so, whatever the sound is, only the poses that are decoded count, :data:`MAX_DECODED` a minute, and the
2^48 codewords. By the bound of Pinelis (1994) :data:`MIN_AGREEMENT` keeps the chance of a false id below one in 10^10 a
minute, of an hour, the most that is looked at, below one in 10^8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from effigie.media.sound.reader import stream_sound
from effigie.progress import CancelToken
from effigie.provenance.sound_watermark.pattern import layout
from effigie.provenance.sound_watermark.search import SoundPose, SoundSearch
from effigie.provenance.sound_watermark.spectrum import RATE, mix
from effigie.provenance.watermark.payload import ID_BITS, decode, normalize

PIECE_S = 60.0  # seconds that are looked at together
MAX_PIECES = 60  # an hour
THOROUGH_PIECES, THOROUGH_STEP = 3, 10
"""Another speed is looked for in the first minutes and in every so many of those behind."""
MIN_S = 1.0
STRAIGHT_POSES, REFINED_POSES, CHANGED_POSES = 2, 10, 4
MIN_SCORE = 3.0  # standard deviations of the known symbols below which no changed speed is believed
FALSE_ALARM_RATE = 1e-10  # of a minute
MAX_DECODED = 2 * (STRAIGHT_POSES + 2 * CHANGED_POSES)
"""Poses times what of them is decoded: both halves or the lower one, of another speed in a window and in all."""
_TRIALS = 2 * math.e**3 / 9 * 2.0**ID_BITS * MAX_DECODED
MIN_AGREEMENT = -NormalDist().inv_cdf(FALSE_ALARM_RATE / _TRIALS)


@dataclass(frozen=True)
class DetectedSoundMark:
    """A detected mark.

    Attributes:
        id: the 48 bits.
        confidence: 1 less the probability that unmarked sound agrees as well, 0 to 1.
        agreement: of the codeword with what was measured, in standard deviations of chance.
        speed: how many times as fast the sound plays as when it was marked.
        edits: what was done to the sound, in words.
    """

    id: int
    confidence: float
    agreement: float
    speed: float
    edits: tuple[str, ...] = ()

    @property
    def hex(self) -> str:
        """The id as 12 hexadecimal digits."""
        return f"{self.id:012x}"


def detect(
    samples: NDArray[np.float32], cancel: CancelToken | None = None, any_speed: bool = True
) -> DetectedSoundMark | None:
    """The mark in a piece of sound, or None.

    Args:
        samples: (n,) float32 at 16 kHz, a minute at most; what is beyond is left out.
        any_speed: look for sound that is played faster or slower, too.
    """
    samples = np.asarray(samples[: round(PIECE_S * RATE)], np.float32)
    if len(samples) < MIN_S * RATE or not np.any(samples):
        return None
    search = SoundSearch(samples)
    for pose in search.find_straight(STRAIGHT_POSES):
        if mark := _decode(search, pose):
            return mark
    if cancel is not None:
        cancel.check()
    for pose in search.find_changed(REFINED_POSES)[:CHANGED_POSES] if any_speed else ():
        if cancel is not None:
            cancel.check()
        if pose.score < MIN_SCORE:
            break
        if mark := _decode(search, pose) or _decode(search, search.extend(pose)):
            return mark
    return None


def detect_file(path: str | Path, cancel: CancelToken | None = None) -> DetectedSoundMark | None:
    """The mark in the sound of any sound or video file, or None; up to an hour is looked at.

    Raises:
        MediaError: the file has no sound, or is damaged.
    """
    for number, block in enumerate(stream_sound(path, RATE, PIECE_S)):
        if number == MAX_PIECES:
            break
        thorough = number < THOROUGH_PIECES or number % THOROUGH_STEP == 0
        if mark := detect(mix(block.samples), cancel, any_speed=thorough):
            return mark
    return None


def _decode(search: SoundSearch, pose: SoundPose) -> DetectedSoundMark | None:
    low, high = layout().collect(search.measure(pose))
    # The upper half may be gone, and then it is noise.
    for evidence in (low + high, low):
        word = decode(normalize(evidence), free=0)
        if word is None:
            continue
        output_id, symbols = word
        agreement = float(symbols @ evidence) / max(float(np.linalg.norm(evidence)), 1e-12)
        if agreement >= MIN_AGREEMENT:
            chance = math.erfc(agreement / math.sqrt(2)) / 2
            return DetectedSoundMark(output_id, 1 - _TRIALS * chance, agreement, pose.speed, _describe(pose))
    return None


def _describe(pose: SoundPose) -> tuple[str, ...]:
    change = 100 * (pose.speed - 1)
    if abs(change) < 0.1:
        return ()
    return (f"played {abs(change):.1f} % {'faster' if change > 0 else 'slower'}",)
