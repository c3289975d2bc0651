"""What a sound looks like: its spectrogram, its pitch over time, and what is measured of it.

As a program, for whoever shows it and loads no network: ``python -m effigie.voice.sound_view FILE`` writes JSON, in
which the spectrogram is a PNG in base64.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.errors import EffigieError
from effigie.media.sound.reader import read_sound
from effigie.speech.f0 import measure_f0
from effigie.speech.mel import power_spectrum
from effigie.speech.quality import SpeechQuality, measure_quality

RATE = 24000  # samples a second that are looked at
MOST_S = 60.0  # of a file that are shown
WIDTH, BANDS = 1200, 200  # px
PITCH_RATE = 50.0  # values a second
RANGE_DB = 70.0  # that the spectrogram shows
QUIET_DB = -10.0  # of its loudest place, at which silence is drawn dark
HIGHEST_BAND_HZ = 8000.0


@dataclass(frozen=True, eq=False)
class SoundView:
    """A sound, or its first minute.

    Attributes:
        quality: level, noise, band, melody; its ``duration_s`` is what is shown.
        f0: (n,) float32 Hz, 50 a second, 0 where unvoiced.
        spectrogram: (200, 1200, 3) uint8 RGB, up to 8 kHz, over all that is shown.
    """

    quality: SpeechQuality
    f0: np.ndarray
    spectrogram: Image

    def to_json(self) -> dict[str, Any]:
        """JSON values; the spectrogram as a PNG in base64."""
        is_encoded, encoded = cv2.imencode(".png", self.spectrogram[..., ::-1])
        assert is_encoded
        quality = self.quality
        return {
            "seconds": quality.duration_s,
            "speech_s": quality.speech_s,
            "level_db": quality.level_db,
            "noise_db": quality.noise_db,
            "bandwidth_hz": quality.bandwidth_hz,
            "f0_hz": list(quality.f0_hz),
            "f0_rate": PITCH_RATE,
            "f0": [round(float(one), 1) for one in self.f0],
            "advice": list(quality.advice),
            "spectrogram": base64.b64encode(encoded.tobytes()).decode("ascii"),
        }


def view_sound(path: str | Path) -> SoundView:
    """Look at a sound or video file; nothing is made of it, and so nobody is asked.

    Raises:
        MediaError: it cannot be read, or has no sound.
    """
    samples = read_sound(path, RATE, duration=MOST_S).mono()
    f0 = measure_f0(samples, RATE, PITCH_RATE)
    return SoundView(measure_quality(samples, RATE), f0, draw_spectrogram(samples, WIDTH, BANDS))


def draw_spectrogram(samples: np.ndarray, width: int, height: int) -> Image:
    """(height, width, 3) uint8 RGB of (n,) samples of 24 kHz: up to 8 kHz, the highest above."""
    power = power_spectrum(samples, 600, 150, 1024)[: round(HIGHEST_BAND_HZ / RATE * 1024)]
    level = 10 * np.log10(power + 1e-10)
    shade = np.clip((level - max(float(level.max()), QUIET_DB)) / RANGE_DB + 1, 0, 1)
    small = cv2.resize(shade[::-1], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.cvtColor(cv2.applyColorMap((255 * small).astype(np.uint8), cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB)
    )


def main(arguments: list[str]) -> None:
    """Write what the named file looks like to standard output; an error as one line, with exit code 1."""
    try:
        print(json.dumps(view_sound(arguments[0]).to_json()))
    except EffigieError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
