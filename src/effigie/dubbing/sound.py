"""What a dubbed person says: read from a file or spoken from a text, fitted into the clip, by blocks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from scipy.signal import resample_poly

from effigie.dubbing.fit import Fit, Piece
from effigie.errors import MediaError
from effigie.heads.speech.coarticulation import BILABIALS, Span
from effigie.heads.speech.loudness import Loudness, measure_loudness
from effigie.media.sound.reader import Sound, stream_sound
from effigie.media.sound.track import LAYOUTS
from effigie.progress import CancelToken
from effigie.speech.spectrogram import RATE

MAX_HOURS = 6
SHORT_S = 0.1  # a piece that is too short for the tempo to be changed at one pitch
FADE_S = 0.01  # of one end of a shortened pause into the other


class SpeechSource(Protocol):
    """Sound with speech, that can be read again and again."""

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> int: ...

    def blocks(self, rate: int) -> Iterator[np.ndarray]:
        """(channels, n) float32 each, of any length."""
        ...


@dataclass(frozen=True)
class SpeechFile:
    """The sound of a file: of one channel or two; of more it is mixed to one."""

    path: Path
    channels: int

    @classmethod
    def open(cls, path: Path) -> SpeechFile:
        """MediaError where there is no sound."""
        first = next(stream_sound(path, RATE, 1.0))
        return cls(path, first.channels if first.channels in LAYOUTS else 1)

    @property
    def name(self) -> str:
        return self.path.name

    def blocks(self, rate: int) -> Iterator[np.ndarray]:
        for block in stream_sound(self.path, rate):
            yield block.samples if block.channels == self.channels else block.mono()[None].repeat(self.channels, 0)


@dataclass(frozen=True)
class SpeechText:
    """A text as it was spoken, in memory: 96 KB a second.

    Attributes:
        sound: of one channel.
        bilabials: when each p, b and m of it is said.
    """

    sound: Sound
    bilabials: tuple[Span, ...]
    name: str = "the text"
    channels: int = 1

    def blocks(self, rate: int) -> Iterator[np.ndarray]:
        ratio = Fraction(rate, self.sound.rate)
        yield np.asarray(resample_poly(self.sound.samples, ratio.numerator, ratio.denominator, axis=1), np.float32)


def speak_text(voice: Any, text: str | Iterable[str], cancel: CancelToken) -> SpeechText:
    """Speak a text in a loaded voice.

    Raises:
        UsageError: nothing in it can be said.
        CancelledError: asked to stop.
    """
    from effigie.voice.inference.speech import stream_speech

    samples, spans, rate = list[np.ndarray](), list[Span](), RATE
    for speech in stream_speech(voice, text, None, cancel):
        samples.append(speech.sound.samples)
        rate = speech.sound.rate
        spans += [(one.start_s, one.end_s) for one in speech.phonemes if one.symbol in BILABIALS]
    return SpeechText(Sound(np.concatenate(samples, axis=1), rate), tuple(spans))


def listen(source: SpeechSource, cancel: CancelToken) -> tuple[float, Loudness]:
    """Seconds, and loudness.

    Raises:
        MediaError: silent throughout, or longer than six hours.
        CancelledError: asked to stop.
    """
    count = 0

    def count_samples() -> Iterator[np.ndarray]:
        nonlocal count
        for piece in mix(source.blocks(RATE)):
            cancel.check()
            count += len(piece)
            if count > MAX_HOURS * 3600 * RATE:
                raise MediaError(f"{source.name} is longer than {MAX_HOURS} hours: cut it into parts")
            yield piece

    loudness = measure_loudness(count_samples())
    if loudness.is_silent:
        raise MediaError(f"{source.name} is silent: choose a sound in which somebody speaks")
    return count / RATE, loudness


def mix(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Blocks of one channel, (n,) float32."""
    for block in blocks:
        yield block[0] if len(block) == 1 else block.mean(axis=0, dtype=np.float32)


def stream_fitted(
    source: SpeechSource, fit: Fit, rate: int, length_s: float, cancel: CancelToken
) -> Iterator[np.ndarray]:
    """The sound as it is heard in a clip of ``length_s``: silence before and after it, pauses and tempo as fitted.

    Yields: (channels, n) float32, ``round(length_s * rate)`` samples in all.
    """
    remainder = round(length_s * rate)
    for block in itertools.chain(_lead(source, fit, rate), _fit_blocks(source, fit, rate)):
        cancel.check()
        if remainder <= 0:
            return
        yield block[:, :remainder]
        remainder -= min(remainder, block.shape[1])
    while remainder > 0:
        count = min(remainder, 10 * rate)
        yield np.zeros((source.channels, count), np.float32)
        remainder -= count


def _lead(source: SpeechSource, fit: Fit, rate: int) -> Iterator[np.ndarray]:
    if count := round(fit.begin_s * rate):
        yield np.zeros((source.channels, count), np.float32)


def _fit_blocks(source: SpeechSource, fit: Fit, rate: int) -> Iterator[np.ndarray]:
    if not fit.is_changed:
        yield from source.blocks(rate)
        return
    buffer, end_s, sample_count = _Buffer(source.blocks(rate), source.channels), 0.0, 0
    for piece in fit.pieces:
        samples = buffer.take(round(piece.end_s * rate) - round(piece.begin_s * rate))
        end_s += piece.length_s
        count = round(end_s * rate) - sample_count
        sample_count += count
        yield _resize(samples, piece, count, rate)


class _Buffer:
    """Takes any number of samples from blocks."""

    def __init__(self, blocks: Iterator[np.ndarray], channels: int) -> None:
        self._blocks, self._samples = blocks, np.zeros((channels, 0), np.float32)

    def take(self, count: int) -> np.ndarray:
        """(channels, n): n is ``count``, less at the end."""
        parts, size = [self._samples], self._samples.shape[1]
        while size < count and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            size += block.shape[1]
        whole = np.concatenate(parts, axis=1)
        self._samples = whole[:, count:]
        return whole[:, :count]


def _resize(samples: np.ndarray, piece: Piece, count: int, rate: int) -> np.ndarray:
    """A piece of ``count`` samples."""
    if samples.shape[1] == count or not samples.shape[1]:
        result = samples
    elif not piece.is_speech and count < samples.shape[1]:
        result = _cut_middle(samples, count, rate)
    elif samples.shape[1] < SHORT_S * rate:
        places = np.linspace(0, samples.shape[1] - 1, count)
        result = np.stack([np.interp(places, np.arange(len(one)), one) for one in samples]).astype(np.float32)
    else:
        result = change_tempo(samples, rate, samples.shape[1] / max(count, 1))
    if (missing := count - result.shape[1]) > 0:
        result = np.pad(result, ((0, 0), (0, missing)))
    return result[:, :count]


def _cut_middle(samples: np.ndarray, count: int, rate: int) -> np.ndarray:
    """A pause without its middle, its ends faded into each other."""
    fade = min(round(FADE_S * rate), count // 2)
    first = (count + fade) // 2
    begin, end = samples[:, :first].copy(), samples[:, samples.shape[1] - (count + fade - first) :]
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    begin[:, first - fade :] = begin[:, first - fade :] * (1 - ramp) + end[:, :fade] * ramp
    return np.concatenate([begin, end[:, fade:]], axis=1)


def change_tempo(samples: np.ndarray, rate: int, tempo: float) -> np.ndarray:
    """Samples (channels, n) at another tempo, 0.5 to 2, at the same pitch (FFmpeg's ``atempo``, WSOLA)."""
    layout = LAYOUTS[samples.shape[0]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))
    # It gives samples of all channels by turns.
    chain = [graph.add("atempo", f"{tempo:.6f}"), graph.add("aformat", "sample_fmts=fltp"), graph.add("abuffersink")]
    for one, following in itertools.pairwise([source, *chain]):
        one.link_to(following)
    sink = chain[-1]
    graph.configure()
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), "fltp", layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    source.push(frame)
    source.push(None)
    parts: list[np.ndarray] = []
    while True:
        try:
            output = sink.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            break
        assert isinstance(output, AudioFrame)
        parts.append(output.to_ndarray())
    return np.concatenate(parts, axis=1) if parts else samples[:, :0]
