"""Stock voices and the voices that a fit can begin with."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.errors import UsageError
from effigie.voice.stock_names import BLENDS, STOCK_VOICES
from effigie.voice.stock_voices import list_bases, load_stock_voice


@pytest.mark.parametrize("name", BLENDS)
def test_a_blend_is_nobody_s(name: str) -> None:
    """It is farther from every voice that it is made of than rounding, and within what these span."""
    blend = load_stock_voice(name)
    parts = np.stack([load_stock_voice(one).styles for one in list_bases() if one.startswith(BLENDS[name])])
    assert blend.styles.shape == parts.shape[1:]
    assert np.abs(parts - blend.styles).mean(axis=(1, 2)).min() > 0.03
    assert (blend.styles <= parts.max(0) + 1e-2).all() and (blend.styles >= parts.min(0) - 1e-2).all()


@pytest.mark.parametrize("name", ["hazel", "kumo", "bm_george"])
def test_styles_change_evenly_with_the_sentence_s_length(name: str) -> None:
    voice = load_stock_voice(name)
    low, middle, high = (np.concatenate([part[0] for part in voice.choose(count)]) for count in (46, 55, 64))
    assert np.abs(middle - (low + high) / 2).max() < (1e-6 if name != "kumo" else 0.05)
    assert np.array_equal(voice.choose(10_000)[0], voice.choose(510)[0])


def test_unknown_names_are_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match=", ".join(STOCK_VOICES)):
        load_stock_voice("nobody")
