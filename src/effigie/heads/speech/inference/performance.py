"""A performance of a sound: the motion that an animation follows when somebody speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from effigie.errors import MediaError
from effigie.faces.landmarker import BLENDSHAPES
from effigie.heads.motion.motion import Motion
from effigie.heads.speech.checkpoint import load_mouth
from effigie.heads.speech.coarticulation import read_bilabials, shut_lips
from effigie.heads.speech.config import SpeechSettings
from effigie.heads.speech.inference.bilabials import find_bilabials
from effigie.heads.speech.inference.gestures import Gestures, make_gestures
from effigie.heads.speech.inference.mouth import MouthTrack, predict_mouth
from effigie.heads.speech.inference.shapes import DriverFace, SpokenShapes
from effigie.heads.speech.loudness import Loudness, measure_loudness
from effigie.heads.speech.network import MouthModel
from effigie.media.sound.reader import stream_sound
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.speech.recognizer import measure_speech
from effigie.speech.spectrogram import RATE

PICTURE = (512, 512)  # of nobody: a motion's places are in a picture's pixels
FACE_CM = 28.0  # that its height shows
LIDS = [BLENDSHAPES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
BROWS = [BLENDSHAPES.index(name) for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")]
LOWER_FACE = [index for index, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "cheekPuff"))]
MAX_HOURS = 6
PROBE_S = 28  # of the sound in which speech is looked for: the loudest
LEAST_SPEECH = 0.4  # probability below which a note says that it may be none


@dataclass(frozen=True)
class Performance:
    """A motion made of sound, and what to say about it."""

    motion: Motion
    notes: tuple[str, ...] = ()


def perform(
    sound: str | Path,
    settings: SpeechSettings | None = None,
    driver: Motion | None = None,
    *,
    model: MouthModel | None = None,
    max_frames: int | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Performance:
    """Make the motion of somebody who says what is heard.

    Pictures come at exact times k / rate from the sound's beginning; memory grows by 0.4 KB a picture.

    Args:
        sound: a sound or video file.
        driver: gives the head, eyes and brows, and the rate; played to and fro where the sound is longer. None
            generates them.
        model: of the mouth; None takes the one that ships.
        max_frames: only the first pictures.

    Raises:
        MediaError: the file has no sound, is silent throughout, or is longer than six hours; no times of phonemes.
        AssetError: the recognizer's network cannot be fetched.
        CancelledError: asked to stop.
    """
    settings, cancel, sound = settings or SpeechSettings(), cancel or CancelToken(), Path(sound)
    model = model or load_mouth()
    bilabials = None if settings.phonemes is None else read_bilabials(settings.phonemes)
    duration, loudness = _listen(sound, cancel)
    rate = Fraction(settings.frame_rate) if driver is None or driver.rate is None else driver.rate
    count = max(1, -(-duration * rate // 1))
    frame_count = int(count if max_frames is None else min(count, max_frames + 1))  # the next one's time ends the sound
    times = tuple(k / rate for k in range(frame_count))
    seconds = np.array([float(time) for time in times])

    def report(position: int) -> None:
        progress(Progress("speech", position, frame_count, "frames"))

    mouth = predict_mouth(_stream(sound, cancel), loudness, seconds, model, report, cancel)
    if bilabials is None and settings.lips == "words":
        leveled = (loudness.gain * piece for piece in _stream(sound, cancel))
        bilabials = [span for span in find_bilabials(leveled, cancel) if span[0] <= seconds[-1]]
    if bilabials:
        mouth = shut_lips(mouth, seconds, bilabials)
    report(frame_count)
    notes = list(_describe(sound, loudness, duration))
    if driver is None:
        gestures = make_gestures(loudness, seconds, settings.seed, settings.gestures)
        return Performance(_build_motion(times, rate, mouth, gestures, model), tuple(notes))
    frames = _play(driver, seconds)
    length = float(driver.times[-1] - driver.times[0])
    if seconds[-1] > length + 1:
        notes.append(f"the driver's {length:.1f} s are shorter than the sound: played to and fro")
    return Performance(_join_driver(times, rate, mouth, driver, frames, model), tuple(notes))


def _stream(sound: Path, cancel: CancelToken) -> Iterator[np.ndarray]:
    for block in stream_sound(sound, RATE):
        cancel.check()
        yield block.mono()


def _listen(sound: Path, cancel: CancelToken) -> tuple[Fraction, Loudness]:
    """Exact length in seconds, and loudness."""
    count = 0

    def count_samples() -> Iterator[np.ndarray]:
        nonlocal count
        for piece in _stream(sound, cancel):
            count += len(piece)
            if count > MAX_HOURS * 3600 * RATE:
                raise MediaError(f"{sound} is longer than {MAX_HOURS} hours: cut it into parts")
            yield piece

    loudness = measure_loudness(count_samples())
    if loudness.is_silent:
        raise MediaError(f"{sound} is silent: choose a sound in which somebody speaks")
    return Fraction(count, RATE), loudness


def _describe(sound: Path, loudness: Loudness, duration: Fraction) -> Iterator[str]:
    """What is doubtful about the sound, a sentence each."""
    activity = np.convolve(loudness.audible, np.ones(PROBE_S * 100), "valid") if duration > PROBE_S else np.zeros(1)
    start = float(np.argmax(activity)) / 100
    pieces = [block.mono() for block in stream_sound(sound, RATE, start=start, duration=float(PROBE_S))]
    share = measure_speech(np.clip(loudness.gain * np.concatenate(pieces), -1, 1))
    if share < LEAST_SPEECH:
        yield f"no speech was made out in {sound.name}: the mouth follows what sounds, music or noise"


def _build_motion(
    times: tuple[Fraction, ...], rate: Fraction, mouth: MouthTrack, gestures: Gestures, model: MouthModel
) -> Motion:
    """Of a generated head; its first picture is at rest and is what the others are a change from."""
    mouth.coefficients[0], mouth.activity[0] = 0, 0
    shapes, scale = SpokenShapes(model, mouth, gestures), PICTURE[1] / FACE_CM
    blendshapes = model.to_blendshapes(mouth.coefficients)
    blendshapes[:, LIDS] = (1 - gestures.lids)[:, None]
    blendshapes[:, BROWS] += np.clip(gestures.brows, 0, 0.4)[:, None]
    return Motion(
        times=times,
        durations=tuple(1 / rate for _ in times),
        present=np.ones(len(times), bool),
        rotation=gestures.rotation,
        scale=scale * gestures.growth,
        translation=scale * gestures.shift + np.array([PICTURE[0] / 2, PICTURE[1] / 2, 0]),
        unposed=cast(np.ndarray, shapes),
        blendshapes=np.clip(blendshapes, 0, 1),
        neutral_frame=0,
        rate=rate,
        size=PICTURE,
        time_base=1 / rate,
    )


def _play(driver: Motion, seconds: np.ndarray) -> np.ndarray:
    """(N,) which of a driver's frames are shown at N times: to and fro, so that nothing jumps."""
    own = driver.seconds()
    length = float(own[-1]) if len(own) > 1 else 0.0
    if length <= 0:
        return np.zeros(len(seconds), int)
    place = np.mod(seconds, 2 * length)
    place = np.where(place > length, 2 * length - place, place)
    upper = np.clip(np.searchsorted(own, place), 1, len(own) - 1)
    return np.where(place - own[upper - 1] <= own[upper] - place, upper - 1, upper)


def _join_driver(
    times: tuple[Fraction, ...],
    rate: Fraction,
    mouth: MouthTrack,
    driver: Motion,
    frames: np.ndarray,
    model: MouthModel,
) -> Motion:
    """The driver's head, eyes and brows with the sound's mouth."""
    rest = driver.rest
    shapes = SpokenShapes(model, mouth, None, DriverFace(driver.unposed, frames, rest.unposed))
    mouth_blendshapes = model.to_blendshapes(mouth.coefficients)
    blendshapes = driver.blendshapes[frames]
    blendshapes[:, LOWER_FACE] = mouth_blendshapes[:, LOWER_FACE]
    return replace(
        driver,
        times=times,
        durations=tuple(1 / rate for _ in times),
        present=driver.present[frames],
        rotation=driver.rotation[frames],
        scale=driver.scale[frames],
        translation=driver.translation[frames],
        unposed=cast(np.ndarray, shapes),
        blendshapes=blendshapes,
        neutral_frame=0,
        own_rest=rest,
        rate=rate,
        time_base=1 / rate,
        clock_origin=Fraction(0),
        clip=None,
        sha256="",
    )
