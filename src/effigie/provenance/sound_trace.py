"""Makes sound traceable as it streams: sets the mark and takes the fingerprints for the ledger."""

from __future__ import annotations

import time as clock

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.ledger.fingerprint import Sample
from effigie.provenance.ledger.sound_fingerprint import SOUND_INTERVAL_S, compute_sound_fingerprints
from effigie.provenance.sound_watermark import SoundMarker
from effigie.provenance.sound_watermark.spectrum import resample

BLOCK_S = 30.0  # seconds that are looked at together


class SoundTrace:
    """Marks sound given by blocks and remembers what it sounds like.

    Args:
        output_id: 12 hex digits.
        rate: samples a second.
        watermark: whether it is marked.

    Attributes:
        seconds: spent.
    """

    def __init__(self, output_id: str, rate: int, channels: int, watermark: bool = True) -> None:
        self.seconds = 0.0
        self._rate, self._channels = rate, channels
        self._marker = SoundMarker(int(output_id, 16), rate, channels) if watermark else None
        self._blocks: list[NDArray[np.float32]] = []
        self._sample_count = self._first = 0
        self._fingerprints: list[Sample] = []

    @property
    def fingerprints(self) -> tuple[Sample, ...]:
        """(seconds, hash) of what was written; whole after :meth:`finalize`."""
        return tuple(self._fingerprints)

    def write(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take (channels, n) samples, give (channels, m) that are finished; as many come out in the end."""
        start = clock.perf_counter()
        samples = np.clip(np.nan_to_num(np.asarray(samples, np.float32)), -1.0, 1.0)
        self._blocks.append(samples.mean(axis=0, dtype=np.float32))
        self._sample_count += samples.shape[1]
        if self._sample_count >= BLOCK_S * self._rate:
            self._take_fingerprints()
        marked = samples if self._marker is None else self._marker.write(samples)
        self.seconds += clock.perf_counter() - start
        return marked

    def finalize(self) -> NDArray[np.float32]:
        """(channels, m) the rest."""
        start = clock.perf_counter()
        if self._blocks:
            self._take_fingerprints()
        rest = np.zeros((self._channels, 0), np.float32) if self._marker is None else self._marker.finalize()
        self.seconds += clock.perf_counter() - start
        return rest

    def _take_fingerprints(self) -> None:
        mono = np.concatenate(self._blocks)
        begin = self._first / self._rate
        hashes = compute_sound_fingerprints(resample(mono, self._rate))
        self._fingerprints += [(begin + time, value) for time, value in hashes]
        position = round(len(hashes) * SOUND_INTERVAL_S * self._rate)  # the next hash begins there
        self._blocks, self._first, self._sample_count = [mono[position:]], self._first + position, len(mono) - position
