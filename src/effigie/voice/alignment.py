"""Where each phoneme of known words lies in a recording: its spectrum is laid over what the network would say.

The network's own sound is not made for that: a linear map reads the spectrum out of what goes into the generator, a
twentieth of the work.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from effigie.io.tensors import load_arrays
from effigie.speech.mel import compute_cepstra, compute_log_mel
from effigie.speech.time_warp import warp
from effigie.voice.network.speech_network import FRAME_S, HEARD_EARLIER_S, Score, SpeechNetwork
from effigie.voice.stock_voices import load_stock_voice
from effigie.voice.symbols import encode_phonemes, filter_phonemes

TEMPLATES = ("kumo", "alpha")  # a man and a woman; whoever is nearer
FRAME = 600  # samples of a duration's frame
HEARD_EARLIER = round(2 * HEARD_EARLIER_S / FRAME_S)  # frames of 12.5 ms
QUIET_FRAMES = 3  # of the network's silence at both ends, that a recording is expected to have too


@dataclass(frozen=True)
class Alignment:
    """Phonemes in a recording.

    Attributes:
        phonemes: known to the network.
        sounds: (512, N + 2) of the phonemes with the pad at both ends.
        durations: (N + 2,) frames of 25 ms; their sum is the recording's length in frames, rounded up.
        cost: mean distance of the spectra; below 4 the words are most likely right, above 6 they are not.
    """

    phonemes: str
    sounds: np.ndarray
    durations: np.ndarray
    cost: float


@torch.inference_mode()
def align(
    network: SpeechNetwork, samples: np.ndarray, phonemes: str, templates: tuple[str, ...] = TEMPLATES
) -> Alignment:
    """Find the phonemes of what is said.

    Args:
        samples: (n,) float32 of 24 kHz, a sentence of up to 20 s.
        phonemes: of :mod:`effigie.speech.phonemizer`.
        templates: stock voices to compare with.
    """
    valid_phonemes = filter_phonemes(phonemes)
    symbols = encode_phonemes(valid_phonemes)
    observed = compute_cepstra(compute_log_mel(samples))
    best: tuple[float, Score, np.ndarray] | None = None
    for name in templates:
        timbre, manner = load_stock_voice(name).choose(len(valid_phonemes))
        score = network.plan(symbols, manner)
        # The network is silent for 0.3 s before and after what it says, and the recording most likely is not.
        lead, tail = (max(0, int(score.durations[end]) - QUIET_FRAMES) * 2 for end in (0, -1))
        template = predict_log_mel(network, score, timbre)
        path, cost = warp(compute_cepstra(template[:, lead : template.shape[1] - tail]), observed)
        if best is None or cost < best[0]:
            best = cost, score, np.add(path, (lead, 0))
    assert best is not None
    cost, score, path = best
    frames = -(-len(samples) // FRAME)
    return Alignment(
        valid_phonemes, score.phonemes[0].numpy(), carry_over_durations(score.durations.numpy(), path, frames), cost
    )


def predict_log_mel(network: SpeechNetwork, score: Score, timbre: Tensor) -> np.ndarray:
    """(40, 2 T) about :func:`compute_log_mel` of what the network would say."""
    shaped = network.decoder.shape(score.frames, score.f0, score.energy, timbre)[0].numpy()
    weight, bias = _load_spectrum_map()
    return np.asarray(weight @ shaped + bias[:, None], np.float32)


def fit_spectrum_map(
    network: SpeechNetwork, phonemes: list[str], names: tuple[str, ...] = TEMPLATES
) -> dict[str, np.ndarray]:
    """The map of :func:`predict_log_mel` by ridge regression on stock voices: how the shipped one was made."""
    shaped, spectra = [], []
    with torch.inference_mode():
        for name in names:
            for sentence in phonemes:
                timbre, manner = load_stock_voice(name).choose(len(filter_phonemes(sentence)))
                score = network.plan(encode_phonemes(sentence), manner)
                x = network.decoder.shape(score.frames, score.f0, score.energy, timbre)
                sound = network.decoder.generator(x, timbre, score.f0)[0].numpy()
                shaped.append(x[0].numpy())
                spectra.append(compute_log_mel(sound)[:, : x.shape[2]])
    inputs, outputs = np.concatenate(shaped, axis=1), np.concatenate(spectra, axis=1)
    centered, mean = inputs - inputs.mean(axis=1, keepdims=True), outputs.mean(axis=1)
    gram = centered @ centered.T
    gram += 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram))
    weight = np.linalg.solve(gram, centered @ (outputs - mean[:, None]).T).T
    return {"weight": weight.astype(np.float32), "bias": (mean - weight @ inputs.mean(axis=1)).astype(np.float32)}


@cache
def _load_spectrum_map() -> tuple[np.ndarray, np.ndarray]:
    path = Path(str(importlib.resources.files("effigie.voice") / "shipped" / "spectrum_map.safetensors"))
    arrays = load_arrays(path)
    return arrays["weight"], arrays["bias"]


def carry_over_durations(durations: np.ndarray, path: np.ndarray, frames: int) -> np.ndarray:
    """Durations in a recording: the ends of the template's phonemes, carried over by the path.

    What is heard is carried over: it comes before the durations by as much in fast speech as in slow.

    Args:
        durations: (N,) of the template, frames of 25 ms.
        path: (K, 2) frames of 12.5 ms of the template and of the recording that belong together.
        frames: of 25 ms, of the recording.

    Returns: (N,) int64 frames of 25 ms, each at least one as long as there are enough; their sum is ``frames``.
    """
    ends = np.interp(np.cumsum(durations) * 2 - HEARD_EARLIER, path[:, 0], path[:, 1]) + HEARD_EARLIER
    ends = np.rint(ends / 2).astype(np.int64)
    ends[-1] = frames
    count = len(ends)
    for index in range(count):  # each phoneme has a frame as long as there are enough of them
        least = 0 if index == 0 else ends[index - 1] + 1
        ends[index] = min(max(ends[index], least), max(frames - (count - 1 - index), 0))
    ends[-1] = frames
    return np.maximum(np.diff(np.concatenate([[0], ends])), 0)
