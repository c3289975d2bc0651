"""The voice set: what a person said in recordings, each sentence with its sound, words, phonemes, melody and energy.

One Parquet file; its rows can be read with pandas. It lies in the voice's folder and is the person's.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from effigie.errors import MediaError, ModelError, UsageError
from effigie.io.atomic_write import atomic_write
from effigie.media.sound.reader import Sound, read_sound, stream_sound
from effigie.media.sound.writer import SoundWriter
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.speech.activity import find_speech
from effigie.speech.f0 import measure_f0
from effigie.speech.mel import measure_energy
from effigie.speech.phonemizer import Sentence, phonemize
from effigie.speech.recognizer import Word, recognize
from effigie.voice.alignment import FRAME, Alignment, align
from effigie.voice.network.generator import RATE
from effigie.voice.network.speech_network import SpeechNetwork

LOG = logging.getLogger(__name__)

BLOCK_S = 30.0  # of a recording that is heard at a time
LONGEST_S, SHORTEST_S = 12.0, 0.8  # of an utterance
WORD_S = 0.1  # by which a word's times and those of what is heard as speech may differ
MARGIN_S = 0.06  # of silence that is added around what is heard as speech
# Of an alignment: with the right words it is 4.6 to 4.8, with wrong ones 5.0 and more. Of what is converted more is let
# through: something like the words is better than silence.
MAX_COST, MAX_LEARNED_COST = 6.2, 5.2
MAX_SCRIPT = 2000  # letters of it
TRANSCRIPT = ".txt"  # suffix of what is said in a recording, beside it
# Of what a stock voice says: how loud its loudest 0.75 s are, and the line from measured to predicted energy (r .988).
LOUD_ENERGY, LOUD_FRAMES, ENERGY_MAP = 7.80, 60, (0.873, 1.539)
QUIET_ENERGY, QUIET_SLOPE = 4.0, 0.4  # of what it predicts: below, recordings have a floor of noise, at about 0
GATE = 0.2  # gain of what lies near the noise floor: noise that is learned is heard in everything that is said

SCHEMA = pa.schema(
    [
        ("recording", pa.string()),
        ("start_s", pa.float64()),
        ("text", pa.string()),
        ("phonemes", pa.string()),
        ("durations", pa.list_(pa.int64())),
        ("f0", pa.list_(pa.float32())),
        ("energy", pa.list_(pa.float32())),
        ("cost", pa.float64()),
        ("flac", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Utterance:
    """Something that was said.

    Attributes:
        recording: the file's name.
        start_s: where it begins in it.
        text: the words that were recognized.
        phonemes: of the words, known to the network.
        durations: (N + 2,) int64 frames of 25 ms, with the pad at both ends.
        f0: (2 T,) Hz at 80 frames a second, 0 where unvoiced; T is the sum of the durations.
        energy: (2 T,) nepers, as the network knows it.
        cost: of the alignment.
        samples: (600 T,) float32 of 24 kHz, at the network's level.
    """

    recording: str
    start_s: float
    text: str
    phonemes: str
    durations: np.ndarray
    f0: np.ndarray
    energy: np.ndarray
    cost: float
    samples: np.ndarray

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE


def collect_utterances(
    network: SpeechNetwork,
    recordings: Sequence[Path],
    most_s: float,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> list[Utterance]:
    """Utterances out of recordings, about equally many seconds of each, ``most_s`` seconds of speech at most.

    Raises:
        MediaError: a recording has no sound.
    """
    utterances: list[Utterance] = []
    share = most_s / max(1, len(recordings))
    for number, path in enumerate(recordings):
        seconds = 0.0
        for utterance in listen(network, path, cancel):
            progress(Progress("listen", number, len(recordings), "recordings", f"{path.name}: {utterance.text[:40]}"))
            utterances.append(utterance)
            seconds += utterance.duration_s
            if seconds >= share:
                break
    progress(Progress("listen", len(recordings), len(recordings), "recordings"))
    return utterances


def listen(network: SpeechNetwork, path: Path, cancel: CancelToken | None = None) -> Iterator[Utterance]:
    """Yield what is said in a recording, as far as its words are sure; memory does not grow with it."""
    if path.with_suffix(TRANSCRIPT).is_file():
        yield from _listen_to_script(network, path)
        return
    begin = 0.0
    for block in stream_sound(path, RATE, BLOCK_S):
        samples = block.mono()
        for start_s, end_s, words in cut_sentences(samples, cancel):
            piece = samples[round(start_s * RATE) : round(end_s * RATE)]
            utterance = analyze_utterance(network, piece, words, path.name, begin + start_s)
            if utterance is not None and utterance.cost <= MAX_LEARNED_COST:
                yield utterance
        begin += len(samples) / RATE


def _listen_to_script(network: SpeechNetwork, path: Path) -> Iterator[Utterance]:
    """The whole recording, whose words lie beside it."""
    script = path.with_suffix(TRANSCRIPT)
    samples = read_sound(path, RATE, duration=4 * LONGEST_S).mono()
    stretches = find_speech(samples, RATE)
    if not stretches:
        return
    start, end = max(0.0, stretches[0][0] - MARGIN_S), stretches[-1][1] + MARGIN_S
    if end - start > LONGEST_S:
        raise UsageError(
            f"{path} has {end - start:.0f} s of speech beside {script.name}: cut it into sentences of 12 s"
        )
    try:
        text = script.read_text("utf-8")[:MAX_SCRIPT]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{script} cannot be read as UTF-8: save it as such, or move it away") from error
    piece = samples[round(start * RATE) : round(end * RATE)]
    utterance = analyze_utterance(network, piece, [Word(text, start, end, 1.0)], path.name, start)
    if utterance is not None:
        yield utterance


def cut_sentences(samples: np.ndarray, cancel: CancelToken | None = None) -> Iterator[tuple[float, float, list[Word]]]:
    """Yield (start, end, words) of stretches of speech of up to 12 s, cut in pauses; times in seconds.

    Args:
        samples: (n,) float32 of 24 kHz, up to 30 s.
    """
    stretches = _join(find_speech(samples, RATE))
    if not stretches:
        return
    words = recognize(Sound(samples[None], RATE), "en", cancel)
    places = [_find_stretch(word, stretches) for word in words]
    for number, (start, end) in enumerate(stretches):
        inside = [word for word, place in zip(words, places, strict=True) if place == number]
        if inside and end - start >= SHORTEST_S:
            yield max(0.0, start - MARGIN_S), min(len(samples) / RATE, end + MARGIN_S), inside


def _find_stretch(word: Word, stretches: list[tuple[float, float]]) -> int | None:
    """The stretch of speech that a word lies in for the most part; None of a word in a pause.

    By its middle the first word would be lost: the recognizer counts the noise of the room before a word to it.
    """
    shared = [min(word.end_s, end + WORD_S) - max(word.start_s, start - WORD_S) for start, end in stretches]
    best = int(np.argmax(shared))
    return best if shared[best] > 0 else None


def _join(stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join neighbors into utterances of up to 12 s; cut what is longer."""
    spans: list[tuple[float, float]] = []
    for start, end in stretches:
        if spans and end - spans[-1][0] <= LONGEST_S and start - spans[-1][1] < 0.6:
            spans[-1] = (spans[-1][0], end)
            continue
        while end - start > LONGEST_S:
            spans.append((start, start + LONGEST_S))
            start += LONGEST_S
        spans.append((start, end))
    return spans


def analyze_utterance(
    network: SpeechNetwork, samples: np.ndarray, words: Sequence[Word], recording: str = "", start_s: float = 0.0
) -> Utterance | None:
    """An utterance of known words; None where its sound is not that of the words.

    Args:
        samples: (n,) float32 of 24 kHz.
    """
    text = " ".join(word.text.strip() for word in words)
    phonemes = " ".join(sentence.phonemes for sentence in _phonemize(text))
    if not phonemes:
        return None
    samples = level_samples(np.pad(samples, (0, -len(samples) % FRAME)))
    alignment = align(network, samples, phonemes)
    if alignment.cost > MAX_COST:
        LOG.info("left out of %s at %.1f s: %s (cost %.1f)", recording, start_s, text, alignment.cost)
        return None
    return _measure(samples, alignment, text, recording, start_s)


def _phonemize(text: str) -> list[Sentence]:
    try:
        return list(phonemize(text))
    except UsageError:  # the recognizer heard a noise as symbols
        return []


def _measure(samples: np.ndarray, alignment: Alignment, text: str, recording: str, start_s: float) -> Utterance:
    count = 2 * len(samples) // FRAME
    f0, energy = (
        np.pad(curve[:count], (0, max(0, count - len(curve))))
        for curve in (measure_f0(samples, RATE), measure_network_energy(samples))
    )
    return Utterance(
        recording,
        start_s,
        text,
        alignment.phonemes,
        alignment.durations,
        f0,
        energy.astype(np.float32),
        alignment.cost,
        samples,
    )


def level_samples(samples: np.ndarray) -> np.ndarray:
    """(n,) at the network's own level, what is near the noise floor lowered; see :data:`LOUD_ENERGY`."""
    energy = measure_energy(samples)
    loud = np.sort(energy)[-min(LOUD_FRAMES, len(energy)) :].mean()
    leveled = samples * np.exp((LOUD_ENERGY - loud) / 2)
    energy = energy + (LOUD_ENERGY - loud)
    loudness = np.clip((energy - np.quantile(energy, 0.1) - 1.0) / 1.5, 0, 1)
    gain = np.interp(np.arange(len(samples)), np.arange(len(loudness)) * 300, GATE + (1 - GATE) * loudness)
    return np.asarray(leveled * gain, np.float32)


def raise_to_learned(energy: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """(T,) energy that the network predicts, within the range of the leveled recordings that voices are learned from.

    Its voices differ by a neper and more in how loud they mean to be, and what they mean as quiet is quieter than any
    room; a style that was fitted to recordings is rough beyond their range.

    Args:
        silent: (T,) bool, where nothing is said: there it stays quieter than any room.
    """
    slope, offset = ENERGY_MAP
    loud = np.sort(energy)[-min(LOUD_FRAMES, len(energy)) :].mean()
    level = energy + (slope * LOUD_ENERGY + offset - loud)
    quiet_level = QUIET_ENERGY + QUIET_SLOPE * (level - QUIET_ENERGY)
    return np.asarray(np.where((level < QUIET_ENERGY) & ~silent, quiet_level, level), np.float32)


def measure_network_energy(samples: np.ndarray) -> np.ndarray:
    """(T,) energy at 80 frames a second, of leveled samples, as the network would predict it."""
    slope, offset = ENERGY_MAP
    return np.asarray(slope * measure_energy(samples) + offset, np.float32)


def save_utterances(path: Path, utterances: Sequence[Utterance]) -> None:
    """Write the set, whole or not at all; the sound as FLAC."""
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    for one in utterances:
        for name in SCHEMA.names:
            columns[name].append(_encode_flac(one.samples) if name == "flac" else getattr(one, name))
    with atomic_write(path) as temporary:
        pq.write_table(pa.table(columns, SCHEMA), temporary, compression="zstd")


def load_utterances(path: Path) -> list[Utterance]:
    """Read a set.

    Raises:
        ModelError: missing, damaged, or no voice set.
    """
    try:
        rows = pq.read_table(path, schema=SCHEMA).to_pylist()
        return [
            Utterance(
                str(row["recording"]),
                float(row["start_s"]),
                str(row["text"]),
                str(row["phonemes"]),
                np.array(row["durations"], np.int64),
                np.array(row["f0"], np.float32),
                np.array(row["energy"], np.float32),
                float(row["cost"]),
                _decode_flac(row["flac"]),
            )
            for row in rows
        ]
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError, MediaError) as error:
        raise ModelError(f"{path} is no voice set, or damaged ({str(error).splitlines()[0]}): learn again") from error


def _encode_flac(samples: np.ndarray) -> bytes:
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        path = Path(folder) / "utterance.flac"
        with SoundWriter(path, RATE, 1) as writer:
            writer.write(samples[None])
        return path.read_bytes()


def _decode_flac(data: bytes) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        path = Path(folder) / "utterance.flac"
        path.write_bytes(data)
        return read_sound(path, RATE).mono()
