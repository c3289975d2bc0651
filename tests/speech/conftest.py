"""Fixtures of speech."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from effigie.speech.phonemizer import phonemize
from effigie.voice.pretrained import load_speech_network
from effigie.voice.stock_voices import load_stock_voice
from effigie.voice.symbols import encode_phonemes, filter_phonemes


@pytest.fixture(scope="session")
def sample_speech() -> np.ndarray:
    """(n,) of 24 kHz: a stock voice says a sentence of four seconds; no sample clip holds speech."""
    network, voice = load_speech_network(), load_stock_voice("kumo")
    (sentence,) = phonemize("The birch canoe slid on the smooth planks, and sank at once.")
    timbre, manner = voice.choose(len(filter_phonemes(sentence.phonemes)))
    with torch.inference_mode():
        return network.render(network.plan(encode_phonemes(sentence.phonemes), manner), timbre)[0].numpy()
