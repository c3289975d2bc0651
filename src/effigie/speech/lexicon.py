"""Pronunciation of English words: the lexicons of misaki, endings added to their words, and rules for what is left.

Phonemes are the speech network's: IPA without ties, with A I O W Y for the diphthongs of day, my, go, how, boy.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from effigie.assets import fetch_asset
from effigie.speech.spelling import STRESS, VOWELS, sound_out

SECONDARY = "ˌ"
_TAPPED = "AIOWYiuæɑəɛɪɹʊʌ"  # after these, t before a vowel is a tap
_NOUN_SIGNS = {
    *("a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "this", "that"),
    *("each", "every", "some", "any", "no", "of"),
}
_VERB_SIGNS = {
    *("to", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "i", "you"),
    *("we", "they", "don't", "didn't", "won't", "can't", "let's", "please"),
}
_PREFIXES = {"un": "ʌn", "re": "ɹi", "pre": "pɹi", "non": "nɑn", "over": "Ovəɹ", "anti": "ænti", "multi": "mʌlti"}
_SUFFIXES = {"ly": "li", "less": "ləs", "ness": "nəs", "ful": "fəl", "ment": "mənt", "able": "əbᵊl", "er": "əɹ"}
SPELLED_LETTERS = 5  # capitals that no lexicon has are read as letters up to so many


@cache
def _load() -> tuple[dict[str, Any], dict[str, Any]]:
    gold, silver = (json.loads(fetch_asset(name).read_text("utf-8")) for name in ("lexicon_gold", "lexicon_silver"))
    return gold, silver


def pronounce(word: str, previous: str | None = None, is_last: bool = False, next_vowel: bool | None = None) -> str:
    """Phonemes of a word.

    Args:
        word: letters, apostrophes and hyphens.
        previous: the word before it, lower case: tells nouns from verbs that are spelled alike.
        is_last: whether a pause follows.
        next_vowel: whether the next word begins with a vowel's sound; None where a pause follows.
    """
    if "-" in word.strip("-"):
        parts = [part for part in word.split("-") if part]
        return " ".join(pronounce(part, previous) for part in parts)
    special = _pronounce_function_word(word, next_vowel)
    if special is not None:
        return special
    return _look_up(word, previous, is_last) or _derive(word) or _compose(word) or sound_out(word)


def spell_letters(letters: str) -> str:
    """Phonemes of an abbreviation that is read letter by letter; the last letter has the stress."""
    gold = _load()[0]
    sounds = [gold[letter.upper()] for letter in letters if letter.isalpha()]
    plain = [sound.replace(STRESS, SECONDARY) for sound in sounds]
    return "".join([*plain[:-1], sounds[-1]]) if sounds else ""


def begins_with_vowel(phonemes: str) -> bool:
    """Whether the first sound is a vowel."""
    stripped = phonemes.lstrip(STRESS + SECONDARY)
    return bool(stripped) and stripped[0] in VOWELS


def _pronounce_function_word(word: str, next_vowel: bool | None) -> str | None:
    lower = word.lower()
    if lower == "a":
        return "ɐ" if next_vowel is not None else "ˈA"
    if lower == "an":
        return "ɐn"
    if lower == "the":
        return "ði" if next_vowel else "ðə"
    if lower == "to":
        return {None: "tu", False: "tə", True: "tʊ"}[next_vowel]
    if word == "I":
        return SECONDARY + "I"
    if lower == "in":
        return ("" if next_vowel is not None else STRESS) + "ɪn"
    if len(word) == 1 and word.isalpha():
        return spell_letters(word)
    return None


def _look_up(word: str, previous: str | None = None, is_last: bool = False) -> str | None:
    for name in dict.fromkeys((word, word.lower(), word.capitalize(), word.lower().replace("'", ""))):
        for lexicon in _load():
            entry = lexicon.get(name)
            if isinstance(entry, dict):
                entry = _choose(entry, previous, is_last)
            if entry:
                return str(entry)
        if name.isupper() and len(name) > 1 and word.isupper() and _is_initials(word):
            return spell_letters(word)
    return None


def _is_initials(word: str) -> bool:
    """Capitals that are no word of the lexicon: USB, but not STOP."""
    return len(word) <= SPELLED_LETTERS and not any(word.lower() in lexicon for lexicon in _load())


def _choose(entry: dict[str, str | None], previous: str | None, is_last: bool) -> str | None:
    if is_last and entry.get("None"):
        return entry["None"]
    if previous in _NOUN_SIGNS and entry.get("NOUN"):
        return entry["NOUN"]
    if previous in _VERB_SIGNS and entry.get("VERB"):
        return entry["VERB"]
    if previous in ("have", "has", "had", "was", "were", "been", "is", "are", "be") and entry.get("VBN"):
        return entry["VBN"]
    return entry["DEFAULT"]


def _derive(word: str) -> str | None:
    """A known word with the ending of a plural, a past, a participle, an adverb or the like."""
    lower = word.lower()
    for stem, add in _find_stems(lower):
        sound = _look_up(stem) or (_derive(stem) if len(stem) < len(lower) - 1 else None)
        if sound:
            return add(sound)
    for prefix, sounds in _PREFIXES.items():
        rest = lower.removeprefix(prefix)
        if rest != lower and len(rest) > 3 and (sound := _look_up(rest) or _derive(rest)):
            return sounds + sound
    return None


def _find_stems(word: str) -> list[tuple[str, Any]]:
    stems: list[tuple[str, Any]] = []
    if word.endswith("'s") or word.endswith("s'"):
        stems.append((word[:-2], _add_s))
    if word.endswith("s") and not word.endswith("ss"):
        stems.append((word[:-1], _add_s))
        if word.endswith("ies"):
            stems.append((word[:-3] + "y", _add_s))
        elif word.endswith("es"):
            stems.append((word[:-2], _add_s))
    if word.endswith("ed") and len(word) > 4:
        stems += [(word[:-1], _add_ed), (word[:-2], _add_ed)]
        if word.endswith("ied"):
            stems.append((word[:-3] + "y", _add_ed))
        if len(word) > 5 and word[-3] == word[-4]:
            stems.append((word[:-3], _add_ed))
    if word.endswith(("ing", "in'")) and len(word) > 5:
        stems += [(word[:-3], _add_ing), (word[:-3] + "e", _add_ing)]
        if word[-4] == word[-5]:
            stems.append((word[:-4], _add_ing))
    for suffix, sounds in _SUFFIXES.items():
        if word.endswith(suffix) and len(word) > len(suffix) + 2:
            stem = word.removesuffix(suffix)
            endings = [stem, stem + "e"] if suffix in ("er", "able") else [stem]
            if stem.endswith("i"):
                endings.append(stem[:-1] + "y")
            stems += [(one, lambda sound, sounds=sounds: sound + sounds) for one in endings]
    return [(stem, add) for stem, add in stems if len(stem) > 1]


def _add_s(stem: str) -> str:
    if stem[-1] in "ptkfθ":
        return stem + "s"
    return stem + ("ᵻz" if stem[-1] in "szʃʒʧʤ" else "z")


def _add_ed(stem: str) -> str:
    if stem[-1] in "pkfθʃsʧ":
        return stem + "t"
    if stem[-1] == "d":
        return stem + "ᵻd"
    if stem[-1] != "t":
        return stem + "d"
    return stem[:-1] + "ɾᵻd" if len(stem) > 1 and stem[-2] in _TAPPED else stem + "ᵻd"


def _add_ing(stem: str) -> str:
    return (stem[:-1] + "ɾ" if len(stem) > 1 and stem[-1] == "t" and stem[-2] in _TAPPED else stem) + "ɪŋ"


def _compose(word: str) -> str | None:
    """Two known words written as one; camel case."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+", word)
    if len(parts) > 1 and not word.islower() and not word.istitle():
        return "".join(_look_up(part) or _derive(part) or sound_out(part) for part in parts)
    lower = word.lower()
    for place in sorted(range(3, len(lower) - 2), key=lambda place: abs(2 * place - len(lower))):
        first, second = _look_up(lower[:place]), _look_up(lower[place:]) or _derive(lower[place:])
        if first and second:
            return first + second.replace(STRESS, SECONDARY)
    return None
