"""`effigie voice convert`: a performance in, its words, timing and melody in another voice out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from effigie.consent.gate import ConsentLike
from effigie.errors import MediaError
from effigie.media.sound.reader import stream_sound
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.provenance.signed_sound_writer import SignedSoundWriter
from effigie.voice.checkpoint import load_voice
from effigie.voice.config import VoiceConvertSettings
from effigie.voice.dataset import BLOCK_S, Utterance, analyze_utterance, cut_sentences
from effigie.voice.inference.notice import speak_notice
from effigie.voice.inference.speak import resample
from effigie.voice.inference.speech import GAIN, limit_peaks
from effigie.voice.melody import Melody, carry_over
from effigie.voice.network.generator import RATE
from effigie.voice.symbols import encode_phonemes, filter_phonemes
from effigie.voice.voice_model import VoiceModel

FADE_S = 0.02


@dataclass(frozen=True)
class VoiceConvertReport:
    """What was converted.

    Attributes:
        output: the file.
        output_id: in its mark, credentials and ledger entry.
        utterances: converted.
        unsure_s: seconds of speech whose words were not understood: they are silent in the output.
        duration_s: of the sound but for a spoken notice: that of the performance.
        seconds: that it took.
        notes: what a user should know, a sentence each.
    """

    output: Path
    output_id: str
    utterances: int
    unsure_s: float
    duration_s: float
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Samples of a part of the output, utterances in it, and seconds of speech that were not understood."""

    samples: np.ndarray
    utterances: int
    unsure_s: float


def convert(
    voice: str | Path | VoiceModel,
    performance: str | Path,
    output: str | Path,
    settings: VoiceConvertSettings | None = None,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> VoiceConvertReport:
    """Convert a performance into a voice: marked, signed and entered in the ledger, or not written at all.

    The output, after a spoken notice if there is one, is as long as the performance; what is not speech is silent.
    Nothing of the performer's sound gets into it.

    Args:
        voice: as for :func:`effigie.voice.speak`.
        performance: a sound or video file in which one person speaks English.
        output: .wav, .flac, .mp3, .m4a, .opus or .ogg.
        consent, purpose: as for loading a model.

    Raises:
        RefusedError: no valid consent of the voice's owner.
        MediaError: the performance cannot be read, or no word in it is understood.
        CancelledError: asked to stop; nothing is left.
    """
    settings, path, start = settings or VoiceConvertSettings(), Path(performance), time.perf_counter()
    model = load_voice(voice, consent=consent, purpose=purpose, progress=progress)
    utterances, unsure_s, samples = 0, 0.0, 0
    writer = SignedSoundWriter(
        Path(output),
        settings.rate,
        1,
        model.permit,
        "voice convert",
        model.manifest_sha256,
        settings.trust,
        settings.sound,
        path,
    )
    with writer:
        notice = speak_notice(writer.settings)
        writer.write(resample(notice, settings.rate))
        for block in convert_blocks(model, path, settings, cancel):
            writer.write(resample(block.samples[None], settings.rate))
            utterances += block.utterances
            unsure_s += block.unsure_s
            samples += len(block.samples)
            progress(Progress("convert", samples / RATE, None, "s", f"{utterances} utterances"))
        if not utterances:
            raise MediaError(
                f"no English words are understood in {path}: choose a clearer recording of one person, without music"
            )
    notes = list(writer.notes)
    if notice.shape[1]:
        notes.append(f"the spoken notice takes {notice.shape[1] / RATE:.2f} s before the performance begins")
    if unsure_s > 0.5:
        notes.append(
            f"{unsure_s:.0f} s of speech were not understood and are silent: noise, another language, or others"
        )
    return VoiceConvertReport(
        Path(output), writer.output_id, utterances, unsure_s, samples / RATE, time.perf_counter() - start, tuple(notes)
    )


def convert_blocks(
    voice: VoiceModel, path: Path, settings: VoiceConvertSettings, cancel: CancelToken | None
) -> Iterator[Block]:
    """Yield blocks of samples as long as those of the performance."""
    for block in stream_sound(path, RATE, BLOCK_S):
        if cancel is not None:
            cancel.check()
        samples = block.mono()
        output = np.zeros(len(samples), np.float32)
        count, unsure = 0, 0.0
        for start_s, end_s, words in cut_sentences(samples, cancel):
            if cancel is not None:
                cancel.check()
            start, stop = round(start_s * RATE), round(end_s * RATE)
            utterance = analyze_utterance(voice.network, samples[start:stop], words)
            if utterance is None:
                unsure += end_s - start_s
                continue
            speech = convert_utterance(voice, utterance, settings)[: stop - start]
            output[start : start + len(speech)] += _fade(speech)
            count += 1
        yield Block(limit_peaks(output), count, unsure)


@torch.inference_mode()
def convert_utterance(voice: VoiceModel, utterance: Utterance, settings: VoiceConvertSettings) -> np.ndarray:
    """(n,) samples of 24 kHz: the utterance in the voice, as long as it."""
    f0 = utterance.f0
    own, target = Melody.measure(f0), voice.melody
    if own is not None:
        target = target or own
        f0 = carry_over(f0, own, target, settings.melody, settings.semitones)
    sounds = voice.network.text(encode_phonemes(utterance.phonemes))
    frames = sounds.repeat_interleave(torch.from_numpy(utterance.durations), dim=2)
    timbre, _ = voice.choose(len(filter_phonemes(utterance.phonemes)))
    melody, energy = (torch.from_numpy(curve.astype(np.float32))[None] for curve in (f0, utterance.energy))
    output = voice.decode(frames, melody, energy, timbre, settings.likeness)
    return np.asarray(output.numpy() * GAIN, np.float32)


def _fade(samples: np.ndarray) -> np.ndarray:
    count = min(len(samples) // 2, round(FADE_S * RATE))
    if not count:
        return samples
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    faded = samples.copy()
    faded[:count] *= ramp
    faded[-count:] *= ramp[::-1]
    return faded
