"""Sheet of a review: spectrogram and pitch of every recording, with what was measured of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.io.atomic_write import atomic_write
from effigie.speech.activity import find_speech
from effigie.speech.f0 import HIGHEST_HZ, LOWEST_HZ, measure_f0
from effigie.voice.network.generator import RATE
from effigie.voice.review.recording import RecordingReview, VoiceReview
from effigie.voice.sound_view import draw_spectrogram

WIDTH, BANDS, PITCH, HEADING, GAP = 1000, 200, 90, 40, 10  # px
BACKGROUND, TEXT, DIM, LINE = (28, 28, 32), (240, 240, 240), (160, 160, 170), (255, 200, 80)
MOST_ROWS = 20


def draw_review_sheet(path: Path, review: VoiceReview) -> None:
    """Write a PNG with a row for each recording, the first twenty."""
    rows = [draw_recording(one) for one in review.recordings[:MOST_ROWS]]
    is_encoded, encoded = cv2.imencode(".png", np.concatenate(rows)[..., ::-1])
    assert is_encoded
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def draw_recording(one: RecordingReview) -> Image:
    """(H, W, 3) uint8 RGB: the spectrogram up to 8 kHz above, the fundamental frequency on a line of octaves below."""
    image = np.full((HEADING + BANDS + PITCH + GAP, WIDTH, 3), BACKGROUND, np.uint8)
    quality = one.quality
    noise = "no pause to hear noise in" if quality.noise_db is None else f"{quality.noise_db:.0f} dB above noise"
    title = (
        f"{one.name}: {quality.speech_s:.1f} s of speech, {quality.level_db:.0f} dB, {noise}, {quality.f0_hz[0]:.0f} Hz"
    )
    _write(image, title, 16, TEXT)
    _write(image, "; ".join(one.advice) or "nothing to object to", 33, DIM)
    image[HEADING : HEADING + BANDS] = draw_spectrogram(one.excerpt, WIDTH, BANDS)
    _draw_pitch(image[HEADING + BANDS : HEADING + BANDS + PITCH], one.excerpt)
    return image


def _write(image: Image, text: str, row: int, color: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(image, plain, (6, row), cv2.FONT_HERSHEY_SIMPLEX, 0.42, color, 1, cv2.LINE_AA)


def _draw_pitch(image: Image, samples: np.ndarray) -> None:
    length = max(len(samples) / RATE, 1e-3)
    for begin, end in find_speech(samples, RATE):
        image[:, int(begin / length * WIDTH) : int(end / length * WIDTH)] += np.uint8(14)
    f0 = measure_f0(samples, RATE, 100.0)
    octaves = np.log2(HIGHEST_HZ / LOWEST_HZ)
    for hertz in (100, 200, 400):
        row = round((1 - np.log2(hertz / LOWEST_HZ) / octaves) * (PITCH - 1))
        image[row] = np.maximum(image[row], 60)
        _write(image, f"{hertz} Hz", row + 4, DIM)
    for index in np.flatnonzero(f0 > 0):
        row = round((1 - np.log2(np.clip(f0[index], LOWEST_HZ, HIGHEST_HZ) / LOWEST_HZ) / octaves) * (PITCH - 1))
        cv2.circle(image, (round(index / 100 / length * (WIDTH - 1)), row), 1, LINE, -1)
