"""Fresh sentences to be read aloud, and how much of one was heard.

A recording that exists already, of other words, does not help: the words are drawn anew and are worth some 78 bits.
"""

from __future__ import annotations

import difflib
import re
import secrets
from typing import Any

MIN_WORDS_RIGHT = 0.75
"""Of the words that are drawn, in order: the recognizer, which is given no hint, mishears one now and then."""

CLAUSES = 2
"""Of eight drawn words each: by one alone, four seconds, many of the right people are not known (docs/trust.md)."""

# Each list has words that are common, that a recognizer tells apart and that sound unlike each other.
ADJECTIVES = (
    *(
        "brown",
        "cold",
        "early",
        "famous",
        "gentle",
        "heavy",
        "hungry",
        "little",
        "modern",
        "narrow",
        "orange",
        "plastic",
    ),
    *("purple", "quiet", "rapid", "silver", "simple", "sleepy", "sudden", "tiny", "upper", "warm"),
    *("western", "yellow", "ancient", "broken", "careful", "double", "empty", "foreign", "golden", "happy"),
)
NOUNS = (
    *("apple", "basket", "button", "camera", "castle", "chicken", "doctor", "dragon", "engine", "farmer", "forest"),
    *("garden", "hammer", "island", "jacket", "kitchen", "ladder", "lemon", "market", "monkey", "mountain", "number"),
    *("office", "paper", "pencil", "pocket", "rabbit", "river", "school", "shoulder", "summer", "table", "teacher"),
    *("ticket", "tiger", "tomato", "tower", "valley", "village", "window", "winter", "writer", "banana", "bicycle"),
    *("blanket", "bottle", "bridge", "candle", "circle", "coffee", "corner", "cotton", "dinner", "father", "flower"),
    *("guitar", "hospital", "letter", "machine", "museum", "palace", "planet", "potato", "station"),
)
VERBS = (
    *("carries", "follows", "visits", "paints", "discovers", "remembers", "forgets", "borrows", "watches", "measures"),
    *("protects", "repairs", "answers", "describes", "collects", "delivers"),
)
PLACES = ("behind", "under", "beside", "without", "before", "near", "after", "against")


def draw_sentence() -> str:
    """Twice three things and what they do, by the system's randomness: some nine seconds, by which a voice is known."""
    return ", ".join(_draw_clause(secrets.choice) for _ in range(CLAUSES))


def measure_words(sentence: str, transcript: str) -> float:
    """Share of a sentence's words that were heard, in their order, 0 to 1; words between them do not count."""
    sentence_words, transcript_words = _words(sentence), _words(transcript)
    matcher = difflib.SequenceMatcher(None, sentence_words, transcript_words, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / max(1, len(sentence_words))


def shorten_transcript(text: str) -> str:
    """What was heard, for a message: printable and not long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return printable if len(printable) <= 120 else printable[:117] + "..."


def _draw_clause(draw: Any) -> str:
    first, second, third = (_pair(draw) for _ in range(3))
    return f"the {first} {draw(VERBS)} the {second} {draw(PLACES)} the {third}"


def _pair(draw: Any) -> str:
    return f"{draw(ADJECTIVES)} {draw(NOUNS)}"


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+", text.lower()) if word != "the"]
