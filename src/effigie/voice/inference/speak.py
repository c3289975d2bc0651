"""`effigie voice speak`: a text in, signed speech in a file out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.signal import resample_poly

from effigie.consent.gate import ConsentLike
from effigie.errors import UsageError
from effigie.io.atomic_write import write_json
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.provenance.signed_sound_writer import SignedSoundWriter
from effigie.voice.checkpoint import load_voice
from effigie.voice.config import SpeakSettings
from effigie.voice.inference.notice import speak_notice
from effigie.voice.inference.speech import TimedPhoneme, TimedWord, stream_speech
from effigie.voice.network.generator import RATE
from effigie.voice.voice_model import VoiceModel

Timed = TypeVar("Timed", TimedPhoneme, TimedWord)
MAX_TEXT_BYTES = 64 << 20  # a file of more is no text


@dataclass(frozen=True)
class SpeakReport:
    """What was spoken.

    Attributes:
        output: the file.
        output_id: in its mark, credentials and ledger entry.
        sentences: spoken.
        duration_s: of the sound, a spoken notice included.
        seconds: that it took.
        phonemes, words: with their times in the output, if they were asked for.
        notes: what a user should know, a sentence each.
    """

    output: Path
    output_id: str
    sentences: int
    duration_s: float
    seconds: float
    phonemes: tuple[TimedPhoneme, ...]
    words: tuple[TimedWord, ...]
    notes: tuple[str, ...]

    def write_times(self, path: str | Path) -> None:
        """Write when each phoneme and word is said as JSON, for ``animate --phonemes``."""
        phonemes, words = ([asdict(one) for one in ones] for ones in (self.phonemes, self.words))
        write_json(Path(path), {"phonemes": phonemes, "words": words})


def speak(
    voice: str | Path | VoiceModel,
    text: str | Iterable[str],
    output: str | Path,
    settings: SpeakSettings | None = None,
    *,
    times: bool = False,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> SpeakReport:
    """Speak a text into a file: marked, signed and entered in the ledger, or not written at all.

    Args:
        voice: a stock voice's name, or a loaded voice.
        text: English; or its paragraphs one by one, so that a book is never in memory as a whole.
        output: .wav, .flac, .mp3, .m4a, .opus or .ogg.
        times: keep the times of all phonemes and words for the report.
        consent, purpose: as for loading a model.

    Raises:
        RefusedError: no valid consent of the voice's owner.
        UsageError: nothing in the text can be said, or no such file can be written.
        CancelledError: asked to stop; nothing is left.
    """
    settings, start = settings or SpeakSettings(), time.perf_counter()
    model = load_voice(voice, consent=consent, purpose=purpose, progress=progress)
    phonemes: list[TimedPhoneme] = []
    words: list[TimedWord] = []
    sentences = 0
    writer = SignedSoundWriter(
        Path(output),
        settings.rate,
        1,
        model.permit,
        "voice speak",
        model.manifest_sha256,
        settings.trust,
        settings.sound,
    )
    with writer:
        notice = speak_notice(writer.settings)
        writer.write(resample(notice, settings.rate))
        samples = notice.shape[1]
        for speech in stream_speech(model, text, settings, cancel):
            writer.write(resample(speech.sound.samples, settings.rate))
            samples += speech.sound.samples.shape[1]
            sentences += 1
            if times:
                phonemes += _delay(speech.phonemes, notice.shape[1] / RATE)
                words += _delay(speech.words, notice.shape[1] / RATE)
            progress(Progress("speak", sentences, None, "sentences", f"{samples / RATE:.0f} s of sound"))
    return SpeakReport(
        Path(output),
        writer.output_id,
        sentences,
        samples / RATE,
        time.perf_counter() - start,
        tuple(phonemes),
        tuple(words),
        tuple(writer.notes),
    )


def _delay(items: Iterable[Timed], seconds: float) -> list[Timed]:
    return [replace(one, start_s=one.start_s + seconds, end_s=one.end_s + seconds) for one in items]


def read_paragraphs(path: str | Path) -> Iterator[str]:
    """Yield the paragraphs of a text file, UTF-8, one by one.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise UsageError(f"{path} is larger than {MAX_TEXT_BYTES >> 20} MB: cut it into parts")
        with path.open(encoding="utf-8-sig") as stream:
            lines: list[str] = []
            for line in stream:
                if "\0" in line:
                    raise UsageError(f"{path} is no text: write what is to be said into a text file")
                if line.strip():
                    lines.append(line.strip())
                elif lines:
                    yield " ".join(lines)
                    lines = []
            if lines:
                yield " ".join(lines)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: save it as such") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): check the name") from error


def resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """(1, n) float32 of 24 kHz at another multiple of it."""
    if rate == RATE:
        return samples
    return np.asarray(resample_poly(samples, rate // RATE, 1, axis=1), dtype=np.float32)
