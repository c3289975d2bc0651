"""Speech from text, sentence by sentence, with the exact times of phonemes and words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from effigie.media.sound.reader import Sound
from effigie.progress import CancelToken
from effigie.speech.phonemizer import Sentence, phonemize
from effigie.voice.config import SpeakSettings
from effigie.voice.dataset import raise_to_learned
from effigie.voice.melody import Melody, carry_over
from effigie.voice.network.generator import RATE
from effigie.voice.network.speech_network import FRAME_S, HEARD_EARLIER_S, Score
from effigie.voice.symbols import encode_phonemes, filter_phonemes, load_symbols
from effigie.voice.voice_model import VoiceModel

LEAD_S, TAIL_S = 0.05, 0.15  # of the network's own silence around a sentence that is kept
FADE_S = 0.005
GAIN = 1.3  # the network speaks at -24 dB of full scale and its peaks reach 0.5: what is usual for speech, with room
PEAK = 0.97
PAUSES = frozenset(",.!?;:—…")  # symbols in which nothing is said


@dataclass(frozen=True)
class TimedPhoneme:
    """A phoneme, stress mark or punctuation of the network's alphabet, and when it begins and ends, in seconds."""

    symbol: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class TimedWord:
    """A word as it is spoken, and when it begins and ends, in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Speech:
    """A spoken sentence, with the pause after it.

    Attributes:
        text: as written.
        sound: (1, n) at 24 kHz, from ``start_s`` on.
        start_s: seconds from the beginning of the text.
        phonemes, words: with their times from the beginning of the text.
    """

    text: str
    sound: Sound
    start_s: float
    phonemes: tuple[TimedPhoneme, ...]
    words: tuple[TimedWord, ...]


def stream_speech(
    voice: VoiceModel,
    text: str | Iterable[str],
    settings: SpeakSettings | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Speech]:
    """Yield the sentences of a text as they are made; memory does not grow with the text.

    Args:
        text: a text, or its paragraphs one by one.

    Raises:
        UsageError: nothing in it can be said.
        CancelledError: asked to stop.
    """
    settings = settings or SpeakSettings()
    begin = 0
    for sentence in phonemize(text):
        if cancel is not None:
            cancel.check()
        speech = _speak_sentence(voice, sentence, settings, begin / RATE)
        yield speech
        begin += speech.sound.samples.shape[1]


def plan_sentence(voice: VoiceModel, phonemes: str, settings: SpeakSettings) -> Score:
    """How the voice will say it."""
    symbols = encode_phonemes(phonemes)
    score = voice.network.plan(symbols, voice.choose(symbols.shape[1] - 2)[1], settings.speed / voice.tempo)
    f0 = score.f0[0].numpy()
    own = Melody.measure(f0)
    if own is not None:
        # Half of the way to the person's range: recordings of commands or single words say little about sentences.
        target = carry_over(f0, own, voice.melody or own, 0.5, settings.semitones)
        score = replace(score, f0=torch.from_numpy(target)[None])
    if voice.timbre is None:
        return score
    silent = [True, *(symbol in PAUSES for symbol in filter_phonemes(phonemes)), True]
    energy = raise_to_learned(score.energy[0].numpy(), np.repeat(silent, 2 * score.durations.numpy()))
    return replace(score, energy=torch.from_numpy(energy)[None])


def _speak_sentence(voice: VoiceModel, sentence: Sentence, settings: SpeakSettings, begin_s: float) -> Speech:
    score = plan_sentence(voice, sentence.phonemes, settings)
    timbre, _ = voice.choose(len(score.durations) - 2)
    samples = voice.decode(score.frames, score.f0, score.energy, timbre, settings.likeness).numpy() * GAIN
    ends = np.cumsum(score.durations.numpy()) * FRAME_S
    audible_ends = ends - HEARD_EARLIER_S
    first = max(0.0, float(audible_ends[0]) - LEAD_S)
    last = min(float(ends[-1]), float(audible_ends[-2]) + TAIL_S)
    samples = samples[round(first * RATE) : round(last * RATE)]
    samples = _soften(samples)
    pause = np.zeros(round(sentence.pause_s * settings.pauses * RATE), np.float32)
    sound = Sound(np.concatenate([samples, pause])[None].astype(np.float32), RATE)
    offset = begin_s - first
    symbols = [(place, symbol) for place, symbol in enumerate(sentence.phonemes) if symbol in load_symbols()]
    begins = {place: index for index, (place, _) in enumerate(symbols)}
    phonemes = tuple(
        TimedPhoneme(symbol, offset + float(audible_ends[index]), offset + float(audible_ends[index + 1]))
        for index, (_, symbol) in enumerate(symbols[: len(audible_ends) - 2])
    )
    return Speech(sentence.text, sound, begin_s, phonemes, _time_words(sentence, begins, phonemes))


def _time_words(
    sentence: Sentence, begins: dict[int, int], phonemes: tuple[TimedPhoneme, ...]
) -> tuple[TimedWord, ...]:
    """Words end where the space or the punctuation after them begins."""
    words = []
    for word, place in sentence.words:
        index = begins.get(place)
        if index is None or index >= len(phonemes):
            continue
        stop = index
        while stop + 1 < len(phonemes) and phonemes[stop + 1].symbol not in ' ,.!?;:—…()"':
            stop += 1
        words.append(TimedWord(word, phonemes[index].start_s, phonemes[stop].end_s))
    return tuple(words)


def _soften(samples: np.ndarray) -> np.ndarray:
    """Fade both ends, and round peaks beyond full scale off instead of cutting them."""
    count = min(len(samples) // 2, round(FADE_S * RATE))
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        samples = samples.copy()
        samples[:count] *= ramp
        samples[-count:] *= ramp[::-1]
    return limit_peaks(samples)


def limit_peaks(samples: np.ndarray) -> np.ndarray:
    """(n,) samples within -0.97..0.97; what is within -0.7..0.7 stays as it is."""
    knee = 0.7
    size = np.abs(samples)
    over = size > knee
    rounded = knee + (PEAK - knee) * np.tanh((size[over] - knee) / (PEAK - knee))
    result = samples.copy()
    result[over] = np.sign(samples[over]) * rounded
    return result
