"""Pronunciation of words that no lexicon holds, by how they are spelled: a small set of rules of our own.

Good for names and coinages; a lexicon is better wherever it has the word.
"""

from __future__ import annotations

import re

# Longest spellings first within a letter; ^ and $ are the word's ends, a lookahead says what must follow.
_RULES: tuple[tuple[str, str], ...] = (
    # Vowels before r.
    ("eer|ear(?=[^aeiouy]?$)", "ɪɹ"),
    ("air|are(?=$)", "ɛɹ"),
    ("oor|our|oar|ore(?=$)|or", "ɔɹ"),
    ("ire(?=$)", "Iəɹ"),
    ("ure(?=$)", "jʊɹ"),
    ("ar(?![aeiou])", "ɑɹ"),
    ("(?:er|ir|ur|yr)(?![aeiou])", "ɜɹ"),
    # Pairs of vowels.
    ("igh", "I"),
    ("eigh|ei(?=n)|ay|ai|ey(?=.)", "A"),
    ("ee|ea|ie(?=.)|ei", "i"),
    ("oo", "u"),
    ("ough", "O"),
    ("ou|ow(?=.)", "W"),
    ("ow|oa|oe(?=$)", "O"),
    ("oi|oy", "Y"),
    ("au|aw", "ɔ"),
    ("ew|eu|ue|ui", "u"),
    ("ey$|ie$|i$", "i"),
    ("tion|sion|cian", "ʃən"),
    ("cious|tious", "ʃəs"),
    ("ture$", "ʧəɹ"),
    ("ous$", "əs"),
    # Consonants.
    ("tch|ch(?![lr])", "ʧ"),
    ("sch", "ʃ"),
    ("ch", "k"),
    ("sh", "ʃ"),
    ("th", "θ"),
    ("ph", "f"),
    ("wh", "w"),
    ("^kn|^gn|^pn", "n"),
    ("^wr", "ɹ"),
    ("^ps", "s"),
    ("mb$", "m"),
    ("gh", "ɡ"),
    ("ng$|ng(?=[^aeiouy])", "ŋ"),
    ("nk", "ŋk"),
    ("ng", "ŋɡ"),
    ("dge|dg(?=[iy])", "ʤ"),
    ("ck", "k"),
    ("cc(?=[eiy])", "ks"),
    ("sc(?=[eiy])", "s"),
    ("c(?=[eiy])", "s"),
    ("g(?=[eiy])(?!et|ir|if)", "ʤ"),
    ("qu", "kw"),
    ("^x", "z"),
    ("x", "ks"),
    # Single vowels: long before one consonant and a silent e, or at the end.
    ("a(?=[^aeiouwxy]e$)", "A"),
    ("i(?=[^aeiouwxy]e$)", "I"),
    ("o(?=[^aeiouwxy]e$)", "O"),
    ("u(?=[^aeiouwxy]e$)", "u"),
    ("e(?=[^aeiouwxy]e$)", "i"),
    ("e$", ""),
    ("es$", "z"),
    ("a$", "ə"),
    ("o$|o(?=[^aeiouwxy][aeiouy])", "O"),
    ("u$", "u"),
    ("^y|(?<=[aeiou])y(?=[aeiou])", "j"),
    ("y$", "i"),
    ("y", "ɪ"),
    ("a", "æ"),
    ("e", "ɛ"),
    ("i", "ɪ"),
    ("o", "ɑ"),
    ("u", "ʌ"),
    *(
        (f"{letter}{letter}?", sound)
        for letter, sound in zip("bcdfghjklmnpqrstvwz", "bkdfɡhʤklmnpkɹstvwz", strict=True)
    ),
)
_PATTERNS = tuple((re.compile(pattern), sound) for pattern, sound in _RULES)
VOWELS = "aAIOWYiuæɑɒɔəɛɜɪʊʌᵊᵻɐ"
STRESS = "ˈ"


def sound_out(word: str) -> str:
    """Phonemes of a word of letters a to z, with one stress."""
    letters, place, sounds = word.lower(), 0, ""
    while place < len(letters):
        for pattern, sound in _PATTERNS:
            match = pattern.match(letters, place)
            if match and match.end() > place:
                sounds, place = sounds + sound, match.end()
                break
        else:
            place += 1  # apostrophes and the like
    return _stress(sounds, letters)


def _stress(sounds: str, letters: str) -> str:
    """Stress the vowel before -ion and -ic; else the last but one before a final vowel, or the first."""
    places = [index for index, sound in enumerate(sounds) if sound in VOWELS]
    if not places:
        return sounds
    if (re.search(r"(ion|ic|ian|ious)$", letters) and len(places) > 1) or (
        re.search(r"[aio]$", letters) and len(places) > 2
    ):
        place = places[-2]
    else:
        place = places[0]
    return sounds[:place] + STRESS + sounds[place:]
