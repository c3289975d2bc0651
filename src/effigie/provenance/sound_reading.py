"""Reads what the sound of a file says of its origin: the invisible mark, and what it sounds like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from effigie.errors import MediaError
from effigie.media.sound.reader import SOUND_SUFFIXES, stream_sound
from effigie.progress import CancelToken
from effigie.provenance.ledger.fingerprint import Sample
from effigie.provenance.ledger.sound_fingerprint import QUERY_INTERVAL_S, compute_sound_fingerprints
from effigie.provenance.report import WatermarkReading
from effigie.provenance.sound_watermark import detect_file
from effigie.provenance.sound_watermark.spectrum import RATE

FINGERPRINT_S = 60.0  # of the sound that is compared with the ledger


@dataclass(frozen=True)
class SoundReading:
    """What sound says.

    Attributes:
        mark: the invisible mark, or None.
        fingerprints: of its beginning; empty where they were not asked for.
    """

    mark: WatermarkReading | None
    fingerprints: tuple[Sample, ...] = ()


def read_sound_traces(path: Path, with_fingerprints: bool, cancel: CancelToken) -> SoundReading | None:
    """What the sound of a file says; None if it has none.

    Raises:
        MediaError: it calls itself a sound file, and its sound cannot be read.
    """
    try:
        first = next(iter(stream_sound(path, RATE, FINGERPRINT_S)))
    except MediaError:
        if path.suffix.lower() in SOUND_SUFFIXES:
            raise
        return None
    detection = detect_file(path, cancel)
    fingerprints = compute_sound_fingerprints(first.mono(), QUERY_INTERVAL_S) if with_fingerprints else ()
    mark = None if detection is None else WatermarkReading(detection.hex, float(detection.confidence), detection.edits)
    return SoundReading(mark, fingerprints)
