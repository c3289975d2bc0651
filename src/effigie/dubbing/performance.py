"""The performance of a dub: the sound fitted to a take, and what the mouth does in each of its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from effigie.dubbing.config import DubSettings
from effigie.dubbing.fit import Fit, fit_sound
from effigie.dubbing.sound import SpeechSource, SpeechText, listen, mix, stream_fitted
from effigie.dubbing.take import Take
from effigie.errors import UsageError
from effigie.heads.speech.coarticulation import Span, read_bilabials, shut_lips
from effigie.heads.speech.inference.bilabials import find_bilabials
from effigie.heads.speech.inference.mouth import MouthTrack, predict_mouth
from effigie.heads.speech.loudness import Loudness, measure_loudness
from effigie.heads.speech.network import MouthModel
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.speech.recognizer import measure_speech
from effigie.speech.spectrogram import RATE

PROBE_S = 28  # of the sound in which speech is looked for: the loudest
LEAST_SPEECH = 0.4  # probability below which a note says that it may be none


@dataclass(frozen=True)
class DubPerformance:
    """What is heard and what the mouth does.

    Attributes:
        fit: of the sound.
        mouth: at the take's pictures.
        bilabials: when p, b and m are said, seconds of the output.
        notes: what a user should know, a sentence each.
    """

    fit: Fit
    mouth: MouthTrack
    bilabials: tuple[Span, ...]
    notes: tuple[str, ...]


def perform_dub(
    source: SpeechSource,
    take: Take,
    settings: DubSettings,
    model: MouthModel,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> DubPerformance:
    """Fit the sound to the take and find what the mouth does.

    Raises:
        UsageError: the sound does not fit, or begins after the clip's end.
        MediaError: it is silent, or too long; no times of phonemes.
        AssetError: the recognizer's network cannot be fetched.
        CancelledError: asked to stop.
    """
    cancel = cancel or CancelToken()
    bilabials = None if settings.phonemes is None else read_bilabials(settings.phonemes)
    if isinstance(source, SpeechText):
        bilabials = list(source.bilabials)
    room = float(take.length) - settings.begin
    if room <= 0:
        raise UsageError(f"the clip ends at {float(take.length):.2f} s: --begin must be earlier")
    length, loudness = listen(source, cancel)
    fit = fit_sound(loudness.phrases(), length, settings.begin, room, settings.fit)
    if fit.over_s > 1 / RATE and settings.overrun == "refuse":
        raise UsageError(_explain_overrun(source, length, room, fit, settings))

    def blocks() -> Iterator[np.ndarray]:
        return mix(stream_fitted(source, fit, RATE, float(take.length), cancel))

    output_loudness = measure_loudness(blocks())
    seconds = take.seconds

    def report(count: int) -> None:
        progress(Progress("speech", count, len(seconds), "frames"))

    mouth = predict_mouth(blocks(), output_loudness, seconds, model, report, cancel)
    if bilabials is not None:
        spans = [(fit.map_time(begin), fit.map_time(end)) for begin, end in bilabials]
    elif settings.lips == "words":
        spans = find_bilabials((output_loudness.gain * piece for piece in blocks()), cancel)
    else:
        spans = []
    spans = [span for span in spans if span[0] <= seconds[-1]]
    if spans:
        mouth = shut_lips(mouth, seconds, spans)
    report(len(seconds))
    notes = [*_describe_fit(fit), *_describe_speech(blocks(), output_loudness, source)]
    return DubPerformance(fit, mouth, tuple(spans), tuple(notes))


def _explain_overrun(source: SpeechSource, length: float, room: float, fit: Fit, settings: DubSettings) -> str:
    attempt = "" if settings.fit == "keep" else ", with short pauses and 8 % more tempo too"
    return (
        f"{source.name} is {length:.2f} s long and the clip has {room:.2f} s for it: {fit.over_s:.2f} s are too much"
        f"{attempt}; say less, or cut what comes after the clip's end with --overrun cut"
    )


def _describe_fit(fit: Fit) -> Iterator[str]:
    pauses = sum(piece.length_s - piece.own_s for piece in fit.pieces if not piece.is_speech)
    changes = []
    if abs(pauses) > 0.01:
        changes.append(f"pauses were made {'longer' if pauses > 0 else 'shorter'} by {abs(pauses):.2f} s in all")
    if abs(fit.tempo - 1) > 0.001:
        changes.append(f"speech {'faster' if fit.tempo > 1 else 'slower'} by {abs(100 * (fit.tempo - 1)):.1f} %")
    if changes:
        yield f"so that the sound fits, {' and '.join(changes)}"
    if fit.over_s > 0.01:
        yield f"the last {fit.over_s:.2f} s of the sound were cut: the clip is over"
    if fit.over_s < -0.1:
        yield f"the sound ends {-fit.over_s:.2f} s before the clip: silence follows, and the mouth rests"


def _describe_speech(blocks: Iterator[np.ndarray], loudness: Loudness, source: SpeechSource) -> Iterator[str]:
    """Whether what is heard is speech, by the loudest part of it."""
    activity = (
        np.convolve(loudness.audible, np.ones(PROBE_S * 100), "valid") if len(loudness.audible) > PROBE_S * 100 else [0]
    )
    first = int(np.argmax(activity)) * RATE // 100
    samples, place = list[np.ndarray](), 0
    for block in blocks:
        samples.append(block[max(0, first - place) : max(0, first + PROBE_S * RATE - place)])
        place += len(block)
        if place >= first + PROBE_S * RATE:
            break
    if measure_speech(np.clip(loudness.gain * np.concatenate(samples), -1, 1)) < LEAST_SPEECH:
        yield f"no speech was made out in {source.name}: the mouth follows what sounds, music or noise"
