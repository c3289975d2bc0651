"""Embeds the mark into sound as it streams: cells of the spectrum raised or lowered by up to a few decibels.

The embedder knows what the detector will measure, so it does not add the same amount everywhere: a cell that agrees
already is left alone, one that can be made to agree is moved just as far, one that speech holds far away gets little
("informed embedding", Miller, Doërr and Cox 2004). That says two to three times as much at the same loss of quality.
What is moved lies within the bands of the ear, which hears the sum (Moore and Glasberg 1990), so that high bands,
where these are wide, are moved further than low ones; where it is silent nothing is moved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from effigie.provenance.sound_watermark.pattern import BANDS, CENTERS, EDGES, SLOT_S, SLOTS, layout
from effigie.provenance.sound_watermark.spectrum import (
    HOPS_A_SLOT,
    RATE,
    accumulate,
    band_weights,
    compute_levels,
    deviations,
    estimate_floor,
    mix,
    power_spectrum,
    resample,
)
from effigie.provenance.watermark.payload import encode

OVERLAP = 4  # windows over each sample
HOP_S = 0.016  # seconds between windows
BLOCK_SLOTS = SLOTS  # planned at once
CONTEXT_SLOTS = 8  # on either side, which are looked at too
REPETITIONS = 5
STRENGTH_DB = 1.1  # at 1 kHz
MIN_STRENGTH_DB, MAX_STRENGTH_DB = 0.7, 4.5
START_DB = 0.5
TARGET_DB = 1.4  # agreement that is aimed at, at 1 kHz
REACH = 2.0  # cells that lack more than this many strengths count as out of reach
STEP = 0.7  # of what lacks, in each repetition


class SoundMarker:
    """Marks sound that is given by blocks of any size; comes out as long as it went in.

    Args:
        output_id: 48 bits.
        rate: samples a second, 8000 or more.
        channels: all get the same mark.

    Raises:
        UsageError: no such id.
    """

    def __init__(self, output_id: int, rate: int, channels: int = 1) -> None:
        self.rate, self.channels = rate, channels
        self._pattern = layout().render(encode(output_id))
        self._hop = 2 * max(1, round(HOP_S * rate / 2))
        size = OVERLAP * self._hop
        self._window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)).astype(np.float32)
        self._lead = (size - self._hop) // 2  # samples of the first window before the sound
        self._buffer = np.zeros((channels, self._lead), np.float32)
        self._start = -self._lead  # of the buffer, in samples of the sound
        self._frame = 0  # the next one to be written
        self._tail = np.zeros((channels, size), np.float32)  # of windows that reach beyond what was given out
        self._samples_out = self._samples_in = 0
        self._gains = np.zeros((BANDS, 0), np.float32)  # dB, of slots from ``_first`` on
        self._first = 0
        self._usable = np.asarray(EDGES[1:] < 0.45 * rate)[:, None]
        self._bins = np.searchsorted(EDGES, np.arange(size // 2 + 1) * rate / size, side="right") - 1

    def write(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take (channels, n) samples; give (channels, m), those that are finished: some three seconds wait."""
        self._buffer = np.concatenate([self._buffer, np.asarray(samples, np.float32)], axis=1)
        self._samples_in += samples.shape[1]
        parts = []
        while self._samples_in >= self._find_sample(self._slot_count + BLOCK_SLOTS + CONTEXT_SLOTS):
            self._plan(BLOCK_SLOTS)
            parts.append(self._synthesize(self._find_sample(self._slot_count)))
        return np.concatenate(parts, axis=1) if parts else np.zeros((self.channels, 0), np.float32)

    def finalize(self) -> NDArray[np.float32]:
        """(channels, m) the rest."""
        end = self._samples_in
        slots = int(np.ceil(end / self.rate / SLOT_S)) + 1
        if slots > self._slot_count:
            self._plan(slots - self._slot_count)
        self._buffer = np.pad(self._buffer, ((0, 0), (0, OVERLAP * self._hop)))
        parts = [self._synthesize(end)]
        remainder = end - self._samples_out
        if remainder > 0:  # what lies under the last windows
            frames = -(-remainder // self._hop) + OVERLAP
            self._buffer = np.pad(self._buffer, ((0, 0), (0, frames * self._hop)))
            parts.append(self._synthesize(end + frames * self._hop)[:, :remainder])
        return np.concatenate(parts, axis=1)

    @property
    def _slot_count(self) -> int:
        return self._first + self._gains.shape[1]

    def _find_sample(self, slot: int) -> int:
        return round(slot * SLOT_S * self.rate)

    def _plan(self, slots: int) -> None:
        """Settle the gains of the next slots, by looking at them and at those around them."""
        begin, old = self._slot_count, min(CONTEXT_SLOTS, self._slot_count)
        first, last = begin - old, begin + slots + CONTEXT_SLOTS
        low, high = self._find_sample(first) - self._start, min(self._find_sample(last), self._samples_in) - self._start
        mono = mix(self._buffer[:, low:high])
        pattern = np.take(self._pattern, np.arange(first, last) % SLOTS, axis=1)
        gains = _plan_gains(resample(mono, self.rate), pattern, self._gains[:, self._gains.shape[1] - old :])
        gains = np.where(self._usable, gains, 0)[:, : old + slots]
        self._gains = np.concatenate([self._gains, gains[:, old:]], axis=1)

    def _synthesize(self, end: int) -> NDArray[np.float32]:
        """Write the windows whose middle lies before ``end``; give the samples that no later one touches."""
        hop, size = self._hop, OVERLAP * self._hop
        blocks: list[NDArray[np.float32]] = []
        while (self._frame + 0.5) * hop < end:
            place = self._frame * hop - self._lead - self._start
            if place + size > self._buffer.shape[1]:
                break
            slot = min(int((self._frame + 0.5) * hop / self.rate / SLOT_S), self._slot_count - 1)
            spectrum = np.fft.rfft(self._buffer[:, place : place + size] * self._window, axis=1)
            spectrum *= 10 ** (self._bin_gains(slot) / 20)
            self._tail += np.fft.irfft(spectrum, size, axis=1).astype(np.float32) * self._window * (2 / OVERLAP)
            blocks.append(self._tail[:, :hop].copy())
            self._tail = np.concatenate([self._tail[:, hop:], np.zeros((self.channels, hop), np.float32)], axis=1)
            self._frame += 1
        self._forget()
        out = np.concatenate(blocks, axis=1) if blocks else np.zeros((self.channels, 0), np.float32)
        skip = min(max(0, self._lead - (self._frame * hop - out.shape[1])), out.shape[1])  # before the sound begins
        out = out[:, skip:]
        self._samples_out += out.shape[1]
        return out

    def _bin_gains(self, slot: int) -> NDArray[np.float32]:
        padded = np.concatenate([[0.0], self._gains[:, slot - self._first], [0.0]])
        return np.asarray(padded[np.clip(self._bins, -1, BANDS) + 1], np.float32)

    def _forget(self) -> None:
        """Drop what neither windows nor plans need any more."""
        slot = max(self._first, self._slot_count - CONTEXT_SLOTS - 1)
        frame_slot = int((self._frame + 0.5) * self._hop / self.rate / SLOT_S)
        keep = max(self._first, min(slot, frame_slot))
        self._gains, self._first = self._gains[:, keep - self._first :], keep
        sample = min(self._find_sample(keep), self._frame * self._hop - self._lead)
        if sample > self._start:
            self._buffer, self._start = self._buffer[:, sample - self._start :], sample


def strengths() -> NDArray[np.float32]:
    """(BANDS, 1) dB by which the cells of a band may be moved: as the width of the ear's own bands there."""
    widths = 24.7 + 0.108 * CENTERS  # equivalent rectangular bandwidth, Hz
    strength = STRENGTH_DB * widths / (24.7 + 0.108 * 1000)
    return np.clip(strength, MIN_STRENGTH_DB, MAX_STRENGTH_DB).astype(np.float32)[:, None]


def _plan_gains(
    samples: NDArray[np.float32], pattern: NDArray[np.float32], fixed_gains: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(BANDS, slots) dB.

    Args:
        samples: (n,) at the rate that is looked at, of these slots.
        pattern: (BANDS, slots) of -1 and 1.
        fixed_gains: (BANDS, k) gains of the first slots, which are written already.
    """
    slots, old = pattern.shape[1], fixed_gains.shape[1]
    samples = np.pad(samples, (0, max(0, round(slots * SLOT_S * RATE) - len(samples))))
    most = strengths() * _audibility(samples, slots)
    gains = pattern * np.minimum(START_DB, most)
    gains[:, :old] = fixed_gains
    target = TARGET_DB / STRENGTH_DB * most
    for _ in range(REPETITIONS):
        power = power_spectrum(_apply(samples, gains))
        levels = compute_levels(power, estimate_floor(power)) @ band_weights()
        agreement = pattern * deviations(accumulate(levels), 0, HOPS_A_SLOT, slots).T
        lacking = target - agreement
        reach_share = np.clip(1 - (lacking - REACH * most), 0, 1)
        strength = pattern * gains + STEP * np.clip(lacking, -1, 1.5) * reach_share
        gains[:, old:] = (pattern * np.clip(strength, 0, most))[:, old:]
    return gains


def _audibility(samples: NDArray[np.float32], slots: int) -> NDArray[np.float32]:
    """(BANDS, slots) 0 to 1: how far a cell stands above what counts as silence."""
    power = power_spectrum(samples)
    share = power / (power + estimate_floor(power))
    cells = share[: HOPS_A_SLOT * slots].reshape(slots, HOPS_A_SLOT, -1).mean(axis=1)
    return np.asarray(cells @ band_weights(), np.float32).T


def _apply(samples: NDArray[np.float32], gains: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples with the gains of (BANDS, slots), as they will be written."""
    hop = round(HOP_S * RATE)
    size = OVERLAP * hop
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)).astype(np.float32)
    lead = (size - hop) // 2
    frames = len(samples) // hop
    padded = np.pad(samples, (lead, size))
    spectrum = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, size)[: frames * hop : hop] * window)
    slots = np.minimum(((np.arange(frames) + 0.5) * hop / RATE / SLOT_S).astype(np.int64), gains.shape[1] - 1)
    bins = np.searchsorted(EDGES, np.arange(size // 2 + 1) * RATE / size, side="right") - 1
    outer = np.pad(gains, ((1, 1), (0, 0)))
    spectrum *= 10 ** (outer[np.clip(bins, -1, BANDS) + 1][:, slots].T / 20)
    pieces = (np.fft.irfft(spectrum, size).astype(np.float32) * window * (2 / OVERLAP)).reshape(frames, OVERLAP, hop)
    out = np.zeros((frames + OVERLAP, hop), np.float32)
    for part in range(OVERLAP):
        out[part : part + frames] += pieces[:, part]
    return out.ravel()[lead : lead + len(samples)]
