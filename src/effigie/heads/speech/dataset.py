"""What a mouth is learned from: clips of people who speak, as motions and features of their sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.faces.mesh import INNER_LIPS, OUTER_LIPS, middle_lip_gaps
from effigie.heads.motion.features import region_weights
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.retarget import compute_proportions
from effigie.heads.speech.loudness import Loudness, measure_loudness
from effigie.media.sound.reader import read_sound
from effigie.progress import CancelToken
from effigie.speech.encoder import analyze_stream
from effigie.speech.spectrogram import RATE

SHUT_CM = 0.12  # between the inner lips, as the landmark network sees shut ones
LIP_WEIGHT = 4.0  # of a landmark of the lips, when shapes are compared
CHEEK_SHARE = 0.6  # of what moves between eyes and mouth
LEAST_REST = 5  # frames in which somebody is at rest
PACK_S = 30.0
MOST_LEAD_S = 12.0  # of silence before the first clip of a pack


@dataclass(frozen=True)
class SpokenClip:
    """One person who speaks.

    Attributes:
        name: of the clip.
        person: of whom models are learned apart.
        times: (n,) seconds of the pictures on the sound's clock.
        unposed: (n, 478, 3) cm.
        blendshapes: (n, 52).
        samples: (m,) float32 at 16 kHz, brought to one loudness.
        loudness: of the sound.
    """

    name: str
    person: str
    times: np.ndarray
    unposed: np.ndarray
    blendshapes: np.ndarray
    samples: np.ndarray
    loudness: Loudness

    @property
    def gaps(self) -> np.ndarray:
        """(n,) between the inner lips, cm, 0 or more."""
        return np.maximum(np.array([middle_lip_gaps(shape)[:, 1].mean() for shape in self.unposed]), 0)

    @property
    def audible(self) -> np.ndarray:
        """(n,) bool, whether speech is heard at a picture's time."""
        places = np.clip(np.rint(self.times * 100).astype(int), 0, len(self.loudness.audible) - 1)
        return self.loudness.audible[places]


def read_spoken_clip(clip: str | Path, person: str, motion: Motion, sound_late_s: float = 0.0) -> SpokenClip:
    """A clip with its sound.

    Args:
        motion: read from it.
        sound_late_s: by how much the recording's sound is later than its picture, measured by hand at its stops.

    Raises:
        MediaError: it has no sound.
    """
    mono = read_sound(clip, RATE).mono()
    loudness = measure_loudness([mono])
    keep = motion.present
    times = np.array([float(time) for time in motion.times])[keep] + sound_late_s
    samples = np.clip(loudness.gain * mono, -1, 1).astype(np.float32)
    return SpokenClip(Path(clip).stem, person, times, motion.unposed[keep], motion.blendshapes[keep], samples, loudness)


def find_rest(clips: Sequence[SpokenClip]) -> np.ndarray:
    """(478, 3) a person's shape with shut lips and without speech, from all clips of that person."""
    shapes = np.concatenate([clip.unposed for clip in clips])
    gaps = np.concatenate([clip.gaps for clip in clips])
    calm = ~np.concatenate([clip.audible for clip in clips]) & (gaps < SHUT_CM)
    if calm.sum() <= LEAST_REST:
        calm = gaps <= np.percentile(gaps, 15)
    return np.asarray(np.median(shapes[calm], axis=0))


def mouth_mask() -> np.ndarray:
    """(478,) how far a landmark goes with speech: mouth, jaw and cheeks; nothing about the eyes."""
    eyes, mouth = region_weights()
    mask = np.clip(mouth + CHEEK_SHARE * (1 - eyes - mouth), 0, 1)
    mask[468:] = 0
    return mask


def landmark_weights() -> np.ndarray:
    """(478,) how much a landmark counts when shapes are compared."""
    weights = mouth_mask()
    weights[np.concatenate([INNER_LIPS, OUTER_LIPS])] *= LIP_WEIGHT
    return weights


def measure_displacements(clip: SpokenClip, rest: np.ndarray, mean_rest: np.ndarray) -> np.ndarray:
    """(n, 478, 3) cm by which mouth, jaw and cheeks differ from the person's rest, on the mean face."""
    scale = mouth_mask()[:, None] * compute_proportions(mean_rest, rest)
    return np.asarray(scale * (clip.unposed - rest))


def encode_alone(clip: SpokenClip, cancel: CancelToken | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(m, 512) features and (2m, 80) spectrogram of a clip by itself, at the beginning of a window."""
    blocks = list(analyze_stream([clip.samples], cancel))
    return np.concatenate([block[0] for block in blocks]), np.concatenate([block[1] for block in blocks])


def encode_packed(
    clips: Sequence[SpokenClip], random: np.random.Generator, cancel: CancelToken | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features and spectrogram of clips by name, put behind each other in a random order.

    Whisper's features also say where in its window of 30 s a sound lies; clips of 3 s would always lie at its
    beginning. Among others they lie anywhere, as in long speech.
    """
    features: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    order = [clips[index] for index in random.permutation(len(clips))]
    while order:
        lead = int(random.uniform(0, MOST_LEAD_S) * 50) * 320
        pieces, places = [np.zeros(lead, np.float32)], list[tuple[SpokenClip, int]]()
        size = lead
        while order and (not places or size + len(order[0].samples) <= PACK_S * RATE):
            clip = order.pop(0)
            places.append((clip, size // 320))
            pause = int(random.uniform(0, 0.6) * 50) * 320
            loudness = 10 ** (random.uniform(-6, 6) / 20)
            pieces += [np.pad(loudness * clip.samples, (0, -len(clip.samples) % 320 + pause))]
            size += len(pieces[-1])
        blocks = list(analyze_stream([np.concatenate(pieces)], cancel))
        encoded, mel = (np.concatenate([block[part] for block in blocks]) for part in (0, 1))
        for clip, first in places:
            count = -(-len(clip.samples) // 320)
            features[clip.name] = encoded[first : first + count], mel[2 * first : 2 * (first + count)]
    return features
