"""Voice matching: recordings of an output's subject, and their cosine similarity to a record's voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.consent.terms import MAX_VOICE_REFERENCES, VOICE_NETWORKS, Terms
from effigie.errors import MediaError, UsageError
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

THRESHOLDS = {"resemblyzer": 0.70, "voicefilter": 0.50}
PIECE_S = 8.0  # seconds of a recording that are one opinion
MAX_PIECES = 40  # of a recording, spread over it
MIN_MATCHING_SHARE = 0.95  # of the pieces must agree
RATE = 16000


@dataclass(frozen=True)
class SubjectVoice:
    """Recordings of the person whose voice will be heard.

    Attributes:
        embeddings: network → (N, 256) float32 unit, of pieces of some seconds.
        recordings: (N,) names of what they are from, for messages.
    """

    embeddings: Mapping[str, np.ndarray]
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
            for found in _embed_pieces(recording, cancel):
                names.append(recording.name)
                for network, vector in found.items():
                    embeddings[network].append(vector)
        progress(Progress("listen to recordings", len(recordings), len(recordings), "files"))
        if not names:
            raise UsageError("a voice needs a recording of the person who speaks: name one")
        return cls({name: np.stack(vectors) for name, vectors in embeddings.items()}, np.array(names, object))


def _embed_pieces(path: Path, cancel: CancelToken | None) -> list[dict[str, np.ndarray]]:
    from effigie.media.sound import Sound, stream_sound
    from effigie.speech.speaker import embed_speaker

    found: list[dict[str, np.ndarray]] = []
    step, problem = 1, ""
    for number, block in enumerate(stream_sound(path, RATE, PIECE_S)):
        if cancel is not None:
            cancel.check()
        if number % step:
            continue
        try:
            found.append(embed_speaker(Sound(block.mono()[None], RATE)))
        except MediaError as error:
            problem = str(error)
        if len(found) > MAX_PIECES:  # of a long one fewer, from all over it
            found, step = found[::2], 2 * step
    if not found:
        raise MediaError(f"{path}: {problem or 'it holds no speech'}")
    return found


def compute_voice_references(
    recordings: Sequence[Path], progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> dict[str, np.ndarray]:
    """Network → (n, 256) float32 unit, n of 1 to 4, of the one person who speaks in recordings.

    Raises:
        UsageError: somebody else speaks in a part of them.
        MediaError: no speech.
    """
    voice = SubjectVoice.from_recordings(recordings, progress, cancel)
    agree = np.ones(len(voice.recordings), bool)
    for network, vectors in voice.embeddings.items():
        cosines = vectors @ vectors.T
        agree &= cosines[int(np.argmax(np.median(cosines, axis=1)))] >= THRESHOLDS[network]
    if agree.mean() < MIN_MATCHING_SHARE:
        names = sorted(set(voice.recordings[~agree].astype(str)))
        raise UsageError(f"several people speak in {', '.join(names)}, or there is music: a record is for one person")
    parts = np.array_split(np.flatnonzero(agree), min(MAX_VOICE_REFERENCES, int(agree.sum())))
    return {
        network: np.stack([_normalize(vectors[part].mean(axis=0)) for part in parts])
        for network, vectors in voice.embeddings.items()
    }


def voice_agreement(consent: Terms, embeddings: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N,) how far each piece agrees with a record's voice: the least cosine over its threshold, 0 and more agree.

    Args:
        embeddings: network → (N, 256); longer vectors than unit ones count as unit ones.
    """
    least: np.ndarray | None = None
    for network in VOICE_NETWORKS:
        vectors = np.asarray(embeddings[network], np.float32)
        references = consent.voices.get(network)
        if references is None:
            return np.full(len(vectors), -2, np.float32)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
        above = (vectors / lengths @ references.T).max(axis=1) - THRESHOLDS[network]
        least = above if least is None else np.minimum(least, above)
    assert least is not None
    return np.asarray(least, np.float32)


def _normalize(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
