"""Tests of the vocabulary: bytes to text, words and their tokens."""

from __future__ import annotations

import pytest

from effigie.errors import UsageError
from effigie.speech.vocabulary import Vocabulary

TOKENS = ["Hello", "Ġworld", ".", "ĠfianÃ", "§", "ailles", "ä½ł", "å¥", "½"]
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|transcribe|>", "<|notimestamps|>"]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary("\n".join([*TOKENS, *SPECIAL]), {"lang_ids": [11, 12]})


def test_tokens_become_text_and_steering_ones_do_not(vocabulary: Vocabulary) -> None:
    assert vocabulary.decode([10, 0, 1, 2, 9]) == "Hello world."
    assert vocabulary.decode([3, 4, 5]) == " fiançailles"


def test_words_keep_their_punctuation_and_whole_characters(vocabulary: Vocabulary) -> None:
    assert vocabulary.split_words([0, 1, 2, 3, 4, 5]) == [("Hello", 0, 1), ("world.", 1, 3), ("fiançailles", 3, 6)]


def test_scripts_without_spaces_are_split_by_character(vocabulary: Vocabulary) -> None:
    assert vocabulary.split_words([6, 7, 8]) == [("你", 0, 1), ("好", 1, 3)]


def test_the_prompt_names_a_language_that_is_known(vocabulary: Vocabulary) -> None:
    assert vocabulary.prompt("zh") == [10, 12, 13, 14]
    with pytest.raises(UsageError, match="choose one of en, zh"):
        vocabulary.prompt("xx")
