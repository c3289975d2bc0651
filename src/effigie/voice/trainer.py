"""`effigie voice learn`: recordings of a person who consented in, their voice out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from effigie._version import __version__
from effigie.consent.challenge import VoiceAnswer
from effigie.consent.gate import ConsentLike, save_consents
from effigie.consent.voice_matching import SubjectVoice
from effigie.errors import MediaError, UsageError
from effigie.io.atomic_write import require_empty_folder, sha256, write_json
from effigie.io.folder_names import CONFIG, MANIFEST
from effigie.io.locks import with_output_lock
from effigie.media.sound.reader import read_sound
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress
from effigie.speech.quality import SpeechQuality, measure_quality
from effigie.voice.adapters import apply_adapters
from effigie.voice.checkpoint import VoiceConfig, load_voice_config, save_voice, save_voice_config
from effigie.voice.config import LearnSettings
from effigie.voice.consent import permit_learning, store_subject
from effigie.voice.dataset import Utterance, collect_utterances, save_utterances
from effigie.voice.exemplars import Exemplars, collect_exemplars
from effigie.voice.melody import Melody
from effigie.voice.network.speech_network import SpeechNetwork
from effigie.voice.pretrained import load_speech_network
from effigie.voice.symbols import encode_phonemes
from effigie.voice.task import VoiceTask, choose_base

SET = "set.parquet"
LEAST_SPEECH_S = 8.0  # of utterances whose words are sure
ADVISED_SPEECH_S = 50.0
TYPICAL_VOWEL = 3.0  # frames of 25 ms: the mean of what the stock voices say
JUDGED_S = 60.0  # of a recording, by whose quality it is judged
PHONEMES = "æɑɔəɛɜɪiʊuʌAIOWYbdðfɡhʤjklmnŋpɹsʃtʧθvwzʒ"  # of American English, as texts are read here


@dataclass(frozen=True)
class LearnReport:
    """What was learned.

    Attributes:
        output: the voice's folder.
        utterances: count of them.
        speech_s: their length.
        steps: of the fit, and the held-out error before and after.
        held_out: error before and after, nepers.
        base: voice that it began with.
        missing: phonemes of English that were never said.
        seconds: that it took.
        notes: what a user should know of the recordings, a sentence each.
    """

    output: Path
    utterances: int
    speech_s: float
    steps: int
    held_out: tuple[float, float]
    base: str
    missing: str
    seconds: float
    notes: tuple[str, ...]


@with_output_lock("output")
def learn(
    recordings: Sequence[str | Path],
    output: str | Path,
    settings: LearnSettings | None = None,
    *,
    consent: ConsentLike = None,
    answer: VoiceAnswer | None = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> LearnReport:
    """Learn a person's voice.

    Args:
        recordings: sound or video files in which nobody else speaks, 30 s to an hour. Beside a recording of up to 12 s
            may lie what is said in it, as a text file of its name: that is surer than what is recognized.
        output: folder of the voice; a voice that lies there is replaced.
        consent: record of the person, with the use ``voice`` and a voice in it; by default looked for.
        answer: what their reading of a fresh sentence showed, see :mod:`effigie.consent.challenge`.
        purpose: what it is for, if the record is limited to that.

    Raises:
        RefusedError: no valid consent, another's voice, or no fresh sentence.
        MediaError: a recording cannot be read, or holds no speech.
        UsageError: too little speech whose words are sure.
        CancelledError: asked to stop; nothing is left.
    """
    settings, output, start = settings or LearnSettings(), Path(output), time.perf_counter()
    paths = [Path(one) for one in recordings]
    if not paths:
        raise UsageError("name recordings of the person: sound or video files")
    _check_place(output)
    subject = SubjectVoice.from_recordings(paths, progress, cancel)
    permit = permit_learning(subject, consent, answer, purpose)
    notes = [f"{path.name}: {advice}" for path in paths for advice in _judge(path).advice]
    network = load_speech_network(progress)
    utterances = collect_utterances(network, paths, settings.speech_s, progress, cancel)
    speech_s = sum(one.duration_s for one in utterances)
    if speech_s < LEAST_SPEECH_S:
        reason = f" ({notes[0]})" if notes else ""
        raise UsageError(
            f"only {speech_s:.0f} s of speech could be understood, and {LEAST_SPEECH_S:.0f} s are needed{reason}: "
            "record a minute of clear English, without music or others"
        )
    if speech_s < ADVISED_SPEECH_S:
        notes.append(f"{speech_s:.0f} s of speech were used; a minute or more sounds more like the person")
    melody = Melody.measure(np.concatenate([one.f0 for one in utterances]))
    if melody is None:
        raise UsageError("no voiced sound is heard in the recordings: a whisper has no voice to learn; speak aloud")
    person = average_person(subject)
    base = choose_base(network, utterances, person)
    task = VoiceTask(network, utterances, base, person, settings.adapters, settings.seed)

    def report(step: int, error: float | None) -> None:
        if cancel is not None:
            cancel.check()
        note = "" if error is None else f"held-out error {error:.3f}"
        progress(Progress("learn", step, settings.steps, "steps", note))

    result = task.fit(settings.steps, report)
    exemplars = learn_exemplars(network, result.timbre, result.adapters, utterances, cancel)
    save_voice_config(output, VoiceConfig(base, melody, measure_tempo(utterances)))
    save_consents(output, permit)
    save_utterances(output / SET, utterances)
    save_voice(output, result.timbre, result.adapters, exemplars, store_subject(subject))
    missing = "".join(sorted(set(PHONEMES) - set("".join(one.phonemes for one in utterances))))
    errors = [error for _, error in result.errors]
    write_json(
        output / MANIFEST,
        {
            "effigie": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "consents": list(permit.ids),
            "recordings": [{"name": path.name, "sha256": sha256(path)} for path in paths],
            "settings": asdict(settings),
            "steps": result.steps,
            "held_out": {"first": errors[0], "best": min(errors)},
            "missing_phonemes": missing,
        },
    )
    return LearnReport(
        output,
        len(utterances),
        speech_s,
        result.steps,
        (errors[0], min(errors)),
        base,
        missing,
        time.perf_counter() - start,
        tuple(notes),
    )


def average_person(subject: SubjectVoice) -> Tensor:
    """(256,) of length one: who speaks in the recordings, by the encoder that voices are fitted by."""
    mean = torch.from_numpy(subject.embeddings["voicefilter"].mean(axis=0))
    return torch.nn.functional.normalize(mean, dim=0)


@torch.inference_mode()
def learn_exemplars(
    network: SpeechNetwork,
    timbre: Tensor,
    adapters: Mapping[str, Tensor],
    utterances: Sequence[Utterance],
    cancel: CancelToken | None = None,
) -> Exemplars | None:
    """The person's own spectra beside those that the fitted network makes of the same words, times and melody."""
    decoder = apply_adapters(network.decoder, adapters)

    def say_again(one: Utterance) -> tuple[Tensor, Tensor, np.ndarray]:
        if cancel is not None:
            cancel.check()
        sounds = network.text(encode_phonemes(one.phonemes))
        frames = sounds.repeat_interleave(torch.from_numpy(one.durations), dim=2)
        f0, energy = torch.from_numpy(one.f0)[None], torch.from_numpy(one.energy)[None]
        shaped = decoder.shape(frames, f0, energy, timbre)
        return shaped[0], decoder.generator(shaped, timbre, f0)[0], one.samples

    return collect_exemplars(map(say_again, utterances))


def _check_place(output: Path) -> None:
    """Raise unless the folder is empty or holds a voice."""
    if (output / CONFIG).is_file():
        load_voice_config(output)
    else:
        require_empty_folder(output, "a voice")


def _judge(path: Path) -> SpeechQuality:
    quality = measure_quality(read_sound(path, 24000, duration=JUDGED_S).mono())
    if quality.speech_s < 0.5:
        raise MediaError(f"{path}: {quality.advice[0] if quality.advice else 'no speech is heard in it'}")
    return quality


def measure_tempo(utterances: Sequence[Utterance]) -> float:
    """Median duration of the person's vowels against the stock voice's, which says a vowel in three frames."""
    lengths: list[int] = []
    for one in utterances:
        for symbol, frames in zip(one.phonemes, one.durations[1:], strict=False):
            if symbol in "aæɑɔəɛɜɪiʊuʌAIOWY":
                lengths.append(int(frames))
    with contextlib.suppress(ValueError):
        return float(np.clip(np.mean(lengths) / TYPICAL_VOWEL, 0.8, 1.25))
    return 1.0


def describe_learned(report: LearnReport) -> str:
    """The report in a line."""
    return (
        f"{format_count(report.utterances, 'utterance')}, {report.speech_s:.0f} s of speech; "
        f"{format_count(report.steps, 'step')}, held-out error {report.held_out[0]:.2f} -> {report.held_out[1]:.2f} "
        f"in {report.seconds:.0f} s"
    )
