"""Numbers of the phonemes that the network reads."""

from __future__ import annotations

import json
from functools import cache

import torch
from torch import Tensor

from effigie.assets import fetch_asset
from effigie.voice.network.text import MAX_SYMBOLS


@cache
def load_symbols() -> dict[str, int]:
    """Number of each phoneme."""
    return dict(json.loads(fetch_asset("kokoro_symbols").read_text("utf-8"))["vocab"])


def encode_phonemes(phonemes: str) -> Tensor:
    """(1, N + 2) int64, with the pad at both ends; what the network does not know is passed over."""
    return torch.tensor([[0, *number_phonemes(phonemes), 0]])


def filter_phonemes(phonemes: str) -> str:
    """Those that the network knows, up to as many as it takes."""
    symbols = load_symbols()
    return "".join(symbol for symbol in phonemes if symbol in symbols)[:MAX_SYMBOLS]


def number_phonemes(phonemes: str) -> list[int]:
    """Numbers of :func:`filter_phonemes`."""
    symbols = load_symbols()
    return [symbols[symbol] for symbol in filter_phonemes(phonemes)]
