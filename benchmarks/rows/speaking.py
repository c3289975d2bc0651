"""Row: a portrait speaks ten seconds of sound, from the command to the signed file; sound and picture stay together."""

from __future__ import annotations

import shutil
import time
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.animation import build_portrait, run_command
from effigie.assets import ASSETS, REQUIRED_ASSETS, fetch_assets
from effigie.evaluate.report.figures import Figure
from effigie.media import VideoReader
from effigie.media.sound.reader import read_sound
from effigie.speech.whisper import ASSETS as WHISPER

RATE = 48000
LENGTH_S, QUICK_S = 10.0, 1.0
REACH_S = 0.1  # within which the sound is looked for


def speaking(context: RowContext) -> RowResult:
    """`effigie animate PORTRAIT --speech SOUND` as a command of a user who has no keys yet."""
    fetch_assets((*REQUIRED_ASSETS, *WHISPER))
    portrait, sound = build_portrait(context), _write_sound(context)
    home, output = context.work / "speaking-home", context.work / "speaking.mp4"
    shutil.rmtree(home, ignore_errors=True)
    output.unlink(missing_ok=True)
    record, terms = home / "man.consent.json", ASSETS["sample_man"].license
    run_command(home, "consent", "new", "man", "--photo", portrait, "--uses", "animate", "--basis", terms, "-o", record)
    begun = time.perf_counter()
    run_command(home, "animate", portrait, "--speech", sound, "--consent", record, "-o", output)
    seconds = time.perf_counter() - begun
    late_ms, last = _measure_sync(sound, output)
    figures = [
        Figure("a portrait and a sound of 10 s", seconds, "s", at_most=40),
        Figure("the output's sound, from where it was", late_ms, "ms", at_most=40),
        Figure("the last picture, from its exact time", last, "ms", at_most=0),
    ]
    notes = [
        "the sound rises and falls like speech and says nothing; networks were fetched before, which is not counted"
    ]
    return RowResult("Speaking", figures, notes=notes)


def _write_sound(context: RowContext) -> Path:
    length = QUICK_S if context.quick else LENGTH_S
    clock = np.arange(round(length * RATE)) / RATE
    swell = np.abs(np.sin(2 * np.pi * 2.3 * clock)) * (np.sin(2 * np.pi * 0.2 * clock) > -0.5)
    tone = np.sign(np.sin(2 * np.pi * 140 * clock)) + np.random.default_rng(0).normal(0, 0.3, len(clock))
    path = context.work / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((3000 * swell * tone).astype("<i2").tobytes())
    return path


def _measure_sync(sound: Path, output: Path) -> tuple[float, float]:
    """Milliseconds by which the output's sound lies off the given one, and its last picture off k / 25 s."""
    given, made = (read_sound(path, RATE).mono() for path in (sound, output))
    reach = round(REACH_S * RATE)
    window = given[len(given) // 2 : len(given) // 2 + RATE // 4]
    first = len(given) // 2 - reach
    place = int(np.argmax(np.correlate(made[first : first + 2 * reach + len(window)], window, "valid")))
    with VideoReader(output) as reader:
        times = [frame.time for frame in reader]
    return 1000 * abs(place - reach) / RATE, float(1000 * abs(times[-1] - times[0] - Fraction(len(times) - 1, 25)))
