"""Utterances cut out of recordings: which words lie in which stretch of speech."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.speech.recognizer import Word
from effigie.voice import dataset

RATE = 24000


def cut(monkeypatch: pytest.MonkeyPatch, stretches: list[tuple[float, float]], words: list[Word]) -> list[list[str]]:
    """The words of each utterance, by stretches and words that networks found in some sound."""
    monkeypatch.setattr(dataset, "find_speech", lambda samples, rate: stretches)
    monkeypatch.setattr(dataset, "recognize", lambda sound, language, cancel: words)
    found = dataset.cut_sentences(np.zeros(6 * RATE, np.float32))
    return [[word.text for word in inside] for _, _, inside in found]


def test_a_first_word_that_was_heard_from_the_noise_on_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # As measured in a clip of GRID whose room is loud: the word is said from 0.48 s on.
    words = [Word("been", 0.01, 0.64, 1), Word("read", 0.64, 0.86, 1), Word("now", 1.64, 2.46, 1)]
    assert cut(monkeypatch, [(0.484, 2.204)], words) == [["been", "read", "now"]]


def test_a_word_lies_in_one_stretch_and_in_none_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        Word("one", 0.1, 0.9, 1),
        Word("noise", 2.0, 2.4, 1),
        Word("two", 1.05, 3.9, 1),
        Word("three", 3.9, 4.4, 1),
    ]
    assert cut(monkeypatch, [(0.1, 1.1), (3.2, 4.4)], words) == [["one"], ["two", "three"]]
