"""Who speaks: embeddings of a voice by two encoders that were trained apart.

One encoder alone is fooled by what it has never heard; of two, both must agree. Each is a stack of three LSTMs over a
mel spectrogram (Wan et al. 2018, "Generalized end-to-end loss for speaker verification"): ``resemblyzer`` (Resemble AI;
256 wide, 1.6 s at a time) and ``voicefilter`` (Wang et al. 2019; 768 wide, 0.8 s at a time). They tell voices apart;
nothing is made with them.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np

from effigie.assets import fetch_asset
from effigie.errors import AssetError, MediaError
from effigie.media.sound.reader import Sound
from effigie.speech.recognizer import find_loud
from effigie.speech.spectrogram import RATE, slaney_filters, to_mono

ENCODERS = ("resemblyzer", "voicefilter")
EMBEDDING_SIZE = 256
MIN_SPEECH_S = 1.6
"""Seconds of speech, pauses left out, that an embedding needs."""

HOP, WINDOW, BANDS = 160, 400, 40
LEVEL_DB = -30.0  # of full scale, to which speech is brought: what the encoders were trained at
GAP_S = 0.2  # pauses up to this belong to speech
_LOADING = threading.Lock()


def embed_speaker(sound: Sound) -> dict[str, np.ndarray]:
    """Encoder → (256,) float32 of length one: the mean over all that is said.

    Raises:
        MediaError: less than :data:`MIN_SPEECH_S` of speech in it.
        AssetError: an encoder cannot be fetched.
    """
    return {name: _mean(windows) for name, windows in embed_windows(sound).items()}


def embed_windows(sound: Sound) -> dict[str, np.ndarray]:
    """Encoder → (n, 256) float32 of length one, of windows that overlap by half; errors as :func:`embed_speaker`."""
    speech = extract_speech(to_mono(sound.samples, sound.rate))
    if len(speech) < MIN_SPEECH_S * RATE:
        raise MediaError(
            f"{len(speech) / RATE:.1f} s of speech are too little to know a voice by, and {MIN_SPEECH_S} s are "
            "needed: record more"
        )
    return {"resemblyzer": _embed_resemblyzer(speech), "voicefilter": _embed_voicefilter(speech)}


def extract_speech(samples: np.ndarray) -> np.ndarray:
    """(n,) what is said in samples at 16 kHz, without longer pauses, at :data:`LEVEL_DB`."""
    step = RATE // 100
    loud = find_loud(samples) if len(samples) else np.zeros(0, bool)
    reach = round(GAP_S * 100 / 2)
    mask = np.convolve(loud, np.ones(2 * reach + 1), "same") > 0 if loud.any() else loud
    speech = samples[: len(mask) * step][np.repeat(mask, step)[: len(samples)]]
    power = float(np.mean(np.square(speech, dtype=np.float64))) if len(speech) else 0.0
    if power < 1e-9:
        return np.zeros(0, np.float32)
    return np.asarray(speech * 10 ** (LEVEL_DB / 20) / np.sqrt(power), np.float32)


def _embed_resemblyzer(speech: np.ndarray) -> np.ndarray:
    import torch

    network = _load_resemblyzer()
    padded = np.pad(speech, WINDOW // 2)
    power = _power(padded, np.hanning(WINDOW + 1)[:-1], WINDOW) @ slaney_filters(WINDOW, BANDS).T
    windows = _cut(power, 160)
    with torch.no_grad():
        _, (hidden, _) = network["lstm"](torch.from_numpy(windows))
        embeddings = torch.relu(network["linear"](hidden[-1])).numpy()
    return _normalize(embeddings)


def _embed_voicefilter(speech: np.ndarray) -> np.ndarray:
    window = np.hamming(WINDOW + 1)[:-1]
    size = 512
    padding = (size - WINDOW) // 2
    power = _power(speech, np.pad(window, padding), size) @ slaney_filters(size, BANDS).T
    windows = _cut(np.log10(power + 1e-10), 80)
    return _normalize(_load_voicefilter().run(None, {"mel_window": windows})[0])


def _power(samples: np.ndarray, window: np.ndarray, size: int) -> np.ndarray:
    """(frames, size // 2 + 1) float32."""
    pieces = np.lib.stride_tricks.sliding_window_view(samples, size)[::HOP]
    return np.asarray(np.abs(np.fft.rfft(pieces * window.astype(np.float32), axis=1)) ** 2, np.float32)


def _cut(frames: np.ndarray, length: int) -> np.ndarray:
    """(n, length, bands) windows that overlap by half; of what is shorter one, padded by its last frame."""
    if len(frames) < length:
        frames = np.pad(frames, ((0, length - len(frames)), (0, 0)), mode="edge")
    starts = range(0, len(frames) - length + 1, length // 2)
    return np.stack([frames[start : start + length] for start in starts]).astype(np.float32)


def _normalize(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def _mean(windows: np.ndarray) -> np.ndarray:
    return _normalize(windows.mean(axis=0))


def _load_resemblyzer() -> Any:
    with _LOADING:  # two threads that want it at once load it once
        return _read_resemblyzer()


@lru_cache(maxsize=1)
def _read_resemblyzer() -> Any:
    import torch

    path = fetch_asset("speaker_resemblyzer")
    try:
        # A pickle, whose digest was checked; nothing in it but tensors is read.
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        network = torch.nn.ModuleDict(
            {"lstm": torch.nn.LSTM(BANDS, 256, 3, batch_first=True), "linear": torch.nn.Linear(256, EMBEDDING_SIZE)}
        )
        network.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity")})
    except (RuntimeError, KeyError, ValueError) as error:
        raise AssetError(
            f"the encoder of voices cannot be loaded ({error}): clear the cache and fetch it again"
        ) from error
    return network.eval()


def _load_voicefilter() -> Any:
    with _LOADING:
        return _read_voicefilter()


@lru_cache(maxsize=1)
def _read_voicefilter() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(fetch_asset("speaker_voicefilter")), options, providers=["CPUExecutionProvider"]
    )
