"""What recordings hold: level, noise, melody, words, and which sounds of English are said how often."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.errors import UsageError
from effigie.media.sound.reader import Sound, read_sound
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.speech.phonemizer import phonemize
from effigie.speech.quality import SpeechQuality, measure_quality
from effigie.speech.recognizer import recognize
from effigie.voice.checkpoint import load_voice_config
from effigie.voice.dataset import Utterance, load_utterances
from effigie.voice.network.generator import RATE
from effigie.voice.trainer import PHONEMES, SET

MOST_S = 600.0  # of a recording that are looked at
SHEET_S = 10.0  # of it that are drawn
GAP_S = 0.4  # of silence between utterances of a voice set
RARE = 3  # times or fewer that a sound is said
LEAST_SPEECH_S = 30.0  # to learn from
UNSURE = 0.5  # mean probability of words below which they are doubtful
EXAMPLES = {
    **{
        "æ": "cat",
        "ɑ": "father",
        "ɔ": "law",
        "ɛ": "bed",
        "ɜ": "bird",
        "ɪ": "sit",
        "i": "see",
        "ʊ": "book",
        "u": "food",
    },
    **{"ʌ": "cup", "ə": "about", "A": "day", "I": "my", "O": "go", "W": "now", "Y": "boy", "ð": "this", "θ": "thin"},
    **{"ʃ": "she", "ʒ": "measure", "ʤ": "job", "ʧ": "chin", "ŋ": "sing", "ɹ": "red", "j": "yes", "ɡ": "go"},
}


@dataclass(frozen=True, eq=False)
class RecordingReview:
    """Of one recording.

    Attributes:
        name: the file's.
        quality: level, noise, clipping, band, melody.
        words: that were recognized, or that the voice set holds.
        sureness: mean probability of the recognized words, 0 to 1; None of a voice set.
        phonemes: how often each sound of English is said.
        advice: what stands against learning from it, a sentence each.
        excerpt: (n,) float32 of 24 kHz, its first seconds with speech.
    """

    name: str
    quality: SpeechQuality
    words: tuple[str, ...]
    sureness: float | None
    phonemes: dict[str, int]
    advice: tuple[str, ...]
    excerpt: np.ndarray


@dataclass(frozen=True)
class VoiceReview:
    """Of all recordings.

    Attributes:
        recordings: each by itself.
        missing, rare: sounds of English that are said never, and seldom.
        advice: on all of them together, a sentence each.
    """

    recordings: tuple[RecordingReview, ...]
    missing: str
    rare: str
    advice: tuple[str, ...]


def review(
    recordings: str | Path | Sequence[str | Path],
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> VoiceReview:
    """Review recordings before a voice is learned from them, or those that a voice was learned from.

    Nothing is made, and so nobody is asked. Of a recording the first ten minutes are heard.

    Args:
        recordings: sound or video files of one person, or one folder made by ``effigie voice learn``.

    Raises:
        MediaError: a file cannot be read, or has no sound.
        ModelError: a folder that holds no voice.
        UsageError: none is named.
        CancelledError: asked to stop.
    """
    paths = [Path(one) for one in ([recordings] if isinstance(recordings, (str, Path)) else recordings)]
    if not paths:
        raise UsageError("name recordings, or a voice's folder")
    reviews: list[RecordingReview] = []
    if len(paths) == 1 and paths[0].is_dir():
        load_voice_config(paths[0])  # says so where it is none
        utterances = sorted(load_utterances(paths[0] / SET), key=lambda one: (one.recording, one.start_s))
        for name, group in itertools.groupby(utterances, key=lambda one: one.recording):
            reviews.append(_review_set(name, list(group)))
    else:
        for number, path in enumerate(paths):
            if cancel is not None:
                cancel.check()
            reviews.append(_review_file(path, cancel))
            progress(Progress("review", number + 1, len(paths), "recordings"))
    counts = sum((Counter(one.phonemes) for one in reviews), Counter())
    missing = "".join(symbol for symbol in PHONEMES if not counts[symbol])
    rare = "".join(symbol for symbol in PHONEMES if 0 < counts[symbol] <= RARE)
    return VoiceReview(tuple(reviews), missing, rare, tuple(_advise(reviews, missing)))


def _review_file(path: Path, cancel: CancelToken | None) -> RecordingReview:
    samples = read_sound(path, RATE, duration=MOST_S).mono()
    quality = measure_quality(samples, RATE)
    words = recognize(Sound(samples[None], RATE), "en", cancel) if quality.speech_s else []
    sureness = float(np.mean([word.probability for word in words])) if words else None
    advice = list(quality.advice)
    if words and sureness is not None and sureness < UNSURE:
        advice.append("its words are hardly understood: it is no English, several people speak, or it is too noisy")
    if quality.speech_s >= 1 and not words:
        advice.append("no words were understood: only English is known")
    return RecordingReview(
        path.name,
        quality,
        tuple(word.text for word in words),
        sureness,
        _count(" ".join(word.text for word in words)),
        tuple(advice),
        _excerpt(samples),
    )


def _review_set(name: str, utterances: list[Utterance]) -> RecordingReview:
    silence = np.zeros(round(GAP_S * RATE), np.float32)
    samples = np.concatenate([part for one in utterances for part in (one.samples, silence)])
    quality = measure_quality(samples, RATE)
    counts = Counter(symbol for one in utterances for symbol in one.phonemes if symbol in PHONEMES)
    words = tuple(" ".join(one.text for one in utterances).split())
    return RecordingReview(name, quality, words, None, dict(counts), quality.advice, _excerpt(samples))


def _count(text: str) -> dict[str, int]:
    try:
        sentences = list(phonemize(text))
    except UsageError:  # nothing that can be said
        return {}
    return dict(Counter(symbol for one in sentences for symbol in one.phonemes if symbol in PHONEMES))


def _excerpt(samples: np.ndarray) -> np.ndarray:
    """The loudest seconds."""
    size = round(SHEET_S * RATE)
    if len(samples) <= size:
        return samples
    power = np.cumsum(samples.astype(np.float64) ** 2)
    starts = np.arange(0, len(samples) - size, RATE)
    best = int(starts[np.argmax(power[starts + size - 1] - power[starts])])
    return samples[best : best + size]


def _advise(reviews: Iterable[RecordingReview], missing: str) -> list[str]:
    advice, speech_s = [], sum(one.quality.speech_s for one in reviews)
    if speech_s < LEAST_SPEECH_S:
        advice.append(
            f"{speech_s:.0f} s of speech are little to learn a voice from: record {LEAST_SPEECH_S:.0f} s or more"
        )
    if missing:
        examples = ", ".join(f"{one} as in {EXAMPLES[one]}" if one in EXAMPLES else one for one in missing)
        advice.append(f"never said: {examples}; read a text in which they occur")
    return advice
