"""Voice matching: recordings of an output's subject, and their similarity to a record's voice.

Thresholds are measured by ``python -m benchmarks --only voice-consent`` and explained in docs/trust.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.consent.terms import MAX_VOICE_REFERENCES, VOICE_NETWORKS, Terms
from effigie.errors import MediaError, UsageError
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

WEIGHTS = {"resemblyzer": 0.4, "voicefilter": 0.6}  # of the cosines in the similarity
MATCH_THRESHOLD = 0.91  # of what is read, or of a whole recording: nobody else came to it (docs/trust.md)
PIECE_THRESHOLD = 0.70  # of single seconds of a recording: below it somebody else speaks
MIN_MATCHING_SHARE = 0.95  # of a recording's pieces must agree
PIECE_S = 8.0  # seconds of a recording that are one opinion
MAX_PIECES = 40  # of a recording, spread over it
REFERENCE_S = 24.0  # seconds of a recording that its references are made of
RATE = 16000

Embeddings = Mapping[str, np.ndarray]
"""Network → (N, 256) float32 unit."""


@dataclass(frozen=True)
class SubjectVoice:
    """Recordings of the person whose voice will be heard.

    Attributes:
        embeddings: network → (N, 256) float32 unit, of pieces of some seconds.
        recordings: (N,) names of what they are from; pieces of one name are judged together.
    """

    embeddings: Embeddings
    recordings: np.ndarray

    def __post_init__(self) -> None:
        if set(self.embeddings) != set(VOICE_NETWORKS):
            raise ValueError(f"embeddings by {sorted(self.embeddings)}")
        if any(vectors.ndim != 2 or len(vectors) != len(self.recordings) for vectors in self.embeddings.values()):
            raise ValueError("as many embeddings as recordings are needed, by each network")

    @classmethod
    def from_recordings(
        cls,
        recordings: Sequence[str | Path],
        progress: ProgressCallback = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> SubjectVoice:
        """Measure sound or video files; pieces without speech are passed over.

        Raises:
            MediaError: a file has no sound, or too little speech.
        """
        embeddings: dict[str, list[np.ndarray]] = {name: [] for name in VOICE_NETWORKS}
        names: list[str] = []
        for number, recording in enumerate(map(Path, recordings)):
            progress(Progress("listen to recordings", number, len(recordings), "files", recording.name))
            for piece in _embed_pieces(recording, cancel):
                names.append(recording.name)
                for network, vector in piece.items():
                    embeddings[network].append(vector)
        progress(Progress("listen to recordings", len(recordings), len(recordings), "files"))
        if not names:
            raise UsageError("a voice needs a recording of the person who speaks: name one")
        return cls({name: np.stack(vectors) for name, vectors in embeddings.items()}, np.array(names, object))


def measure_similarity(references: Embeddings, embeddings: Embeddings) -> np.ndarray:
    """(N,) weighted cosine with the nearest references, -1..1.

    Args:
        references: network → (n, 256), of a record; -1 where it holds none.
        embeddings: network → (N, 256); longer vectors than unit ones count as unit ones.
    """
    count = len(embeddings[VOICE_NETWORKS[0]])
    if not references:
        return np.full(count, -1, np.float32)
    total = np.zeros(count, np.float32)
    for network, weight in WEIGHTS.items():
        vectors = np.asarray(embeddings[network], np.float32)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
        total += weight * (vectors / lengths @ references[network].T).max(axis=1)
    return total


def match_recordings(consent: Terms, voice: SubjectVoice) -> np.ndarray:
    """(N,) bool: the pieces that are the voice of a record, in recordings that are, as a whole."""
    pieces = measure_similarity(consent.voices, voice.embeddings)
    agrees = pieces >= PIECE_THRESHOLD
    names = voice.recordings.astype(str)
    for name in np.unique(names):
        own = names == name
        mean = {network: _normalize(vectors[own].mean(axis=0))[None] for network, vectors in voice.embeddings.items()}
        agrees[own] &= measure_similarity(consent.voices, mean)[0] >= MATCH_THRESHOLD
    return agrees


def compute_voice_references(
    recordings: Sequence[Path], progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> dict[str, np.ndarray]:
    """Network → (n, 256) float32 unit, n up to 21, of the one person who speaks in recordings.

    Up to three recordings, best of different days and microphones, count, each under all conditions of
    :mod:`effigie.speech.conditions` that leave enough speech of it.

    Raises:
        UsageError: somebody else speaks in a part of them.
        MediaError: no speech.
    """
    from effigie.media.sound.reader import Sound, read_sound
    from effigie.speech.conditions import CONDITIONS
    from effigie.speech.speaker import embed_speaker

    voice = SubjectVoice.from_recordings(recordings, progress, cancel)
    middle = {network: _normalize(vectors.mean(axis=0))[None] for network, vectors in voice.embeddings.items()}
    agrees = measure_similarity(middle, voice.embeddings) >= PIECE_THRESHOLD
    if agrees.mean() < MIN_MATCHING_SHARE:
        names = sorted(set(voice.recordings[~agrees].astype(str)))
        raise UsageError(f"several people speak in {', '.join(names)}, or there is music: a record is for one person")
    references: dict[str, list[np.ndarray]] = {network: [] for network in VOICE_NETWORKS}
    problem: MediaError | None = None
    for recording in list(recordings)[: MAX_VOICE_REFERENCES // len(CONDITIONS)]:
        sound = read_sound(recording, RATE, duration=REFERENCE_S).mono()
        for change in CONDITIONS.values():
            if cancel is not None:
                cancel.check()
            try:
                vectors = embed_speaker(Sound(change(sound)[None], RATE))
            except MediaError as error:  # short as it is, noise or a narrow band leaves too little of it
                problem = error
                continue
            for network, vector in vectors.items():
                references[network].append(vector)
    if problem is not None and not all(references.values()):
        raise problem
    return {network: np.stack(vectors) for network, vectors in references.items()}


def _embed_pieces(path: Path, cancel: CancelToken | None) -> list[dict[str, np.ndarray]]:
    from effigie.media.sound.reader import Sound, stream_sound
    from effigie.speech.speaker import embed_speaker

    pieces: list[dict[str, np.ndarray]] = []
    step, problem = 1, ""
    for number, block in enumerate(stream_sound(path, RATE, PIECE_S)):
        if cancel is not None:
            cancel.check()
        if number % step:
            continue
        try:
            pieces.append(embed_speaker(Sound(block.mono()[None], RATE)))
        except MediaError as error:
            problem = str(error)
        if len(pieces) > MAX_PIECES:  # of a long one fewer, from all over it
            pieces, step = pieces[::2], 2 * step
    if not pieces:
        raise MediaError(f"{path}: {problem or 'it holds no speech'}")
    return pieces


def _normalize(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
