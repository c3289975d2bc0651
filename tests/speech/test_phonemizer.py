"""Text becomes sentences of phonemes: numbers in words, known and unknown words, long texts in parts."""

from __future__ import annotations

import json
import re
from itertools import islice

import pytest

from effigie.assets import fetch_asset
from effigie.errors import UsageError
from effigie.speech.lexicon import pronounce
from effigie.speech.numbers import spell_cardinal, spell_ordinal, spell_year
from effigie.speech.phonemizer import MAX_PHONEMES, phonemize, split_sentences
from effigie.speech.spelling import sound_out
from effigie.speech.written_text import speak_written


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It cost $3.50.", "It cost three dollars and fifty cents."),
        ("£1 or $2 million", "one pound or two million dollars"),
        ("on March 3rd, 2021", "on March third, twenty twenty one"),
        ("2026-11-29", "November twenty ninth, twenty twenty six"),
        ("at 5:30 p.m. or 12:00", "at five thirty P M or twelve o'clock"),
        ("Dr. Lee vs. Mr. No", "Doctor Lee versus Mister No"),
        ("50% of 1,200 km", "fifty percent of one thousand two hundred kilometers"),
        ("-3.14 and 1/2", "minus three point one four and one half"),
        ("pages 10-12", "pages ten to twelve"),
        ("the 21st", "the twenty first"),
        ("in 1984 & 2005", "in nineteen eighty four and two thousand five"),
        ("007", "zero zero seven"),
        ("café naïve", "cafe naive"),
    ],
)
def test_what_is_written_is_spoken(written: str, spoken: str) -> None:
    assert speak_written(written) == spoken


def test_numbers() -> None:
    assert spell_cardinal(1_000_001) == "one million one"
    assert spell_cardinal(-15) == "minus fifteen"
    assert spell_ordinal(112) == "one hundred twelfth" and spell_ordinal(40) == "fortieth"
    assert spell_year(1906) == "nineteen oh six" and spell_year(1900) == "nineteen hundred"


def test_words_sound_by_what_stands_beside_them() -> None:
    assert [s.phonemes for s in phonemize("They record the record. The apple to eat, the pear to see.")] == [
        "ðA ɹəkˈɔɹd ðə ɹˈɛkəɹd.",
        "ði ˈæpᵊl tʊ ˈit, ðə pˈɛɹ tə sˈi.",
    ]


def test_endings_and_compounds_of_known_words() -> None:
    assert pronounce("canoes") == pronounce("canoe") + "z"
    assert pronounce("unhelpfully").startswith(("ʌn", "ˌʌn"))
    assert pronounce("GitHub").replace("ˌ", "ˈ") == "ɡˈɪthˈʌb"
    assert pronounce("HTTP").endswith("pˈi")


def test_unknown_words_have_a_vowel_and_one_stress() -> None:
    for word in ("zorblatt", "quixly", "brenthwaite", "snorgation", "ophelica"):
        sounds = sound_out(word)
        assert sounds.count("ˈ") == 1 and re.search("ˈ[aAIOWYiuæɑɔəɛɜɪʊʌ]", sounds), sounds


def test_all_phonemes_are_the_networks() -> None:
    symbols = set(json.loads(fetch_asset("kokoro_symbols").read_text("utf-8"))["vocab"])
    text = 'She said: "Zyx, why?" (Nobody knew; not even Dr. O\'Hara — 93 years old…) GPU-driven e-mail costs €5!'
    for sentence in phonemize(text):
        assert set(sentence.phonemes) <= symbols, set(sentence.phonemes) - symbols


def test_words_know_where_their_phonemes_begin() -> None:
    (sentence,) = phonemize("Bin blue (at F two) now!")
    assert [word for word, _ in sentence.words] == ["Bin", "blue", "at", "F", "two", "now"]
    assert all(start == 0 or sentence.phonemes[start - 1] in " (" for _, start in sentence.words)


def test_sentences_end_where_they_do() -> None:
    text = 'Mr. Fox met Dr. J. Owl at 5 p.m. on Elm St. in town. Did he? "Yes!" he said.\n\nNew paragraph without end'
    assert [s.split()[0] for s in split_sentences(text)] == ["Mr.", "Did", '"Yes!"', "New"]


def test_long_sentences_are_cut_and_an_endless_text_is_streamed() -> None:
    parts = list(phonemize("the quick brown fox jumps over the lazy dog, and " * 60))
    assert len(parts) > 3 and all(len(part.phonemes) <= MAX_PHONEMES + 40 for part in parts)
    assert sum(len(part.words) for part in parts) == 600
    endless = ("One more sentence." for _ in iter(int, 1))
    assert len(list(islice(phonemize(endless), 5))) == 5


@pytest.mark.parametrize("text", ["", "  \n ", "¿¡ ☺ … ---", "?!."])
def test_nothing_to_say(text: str) -> None:
    with pytest.raises(UsageError, match="nothing that can be said"):
        list(phonemize(text))


def test_other_scripts_are_refused() -> None:
    with pytest.raises(UsageError, match="not in Latin letters"):
        list(phonemize("これはテストです。"))
