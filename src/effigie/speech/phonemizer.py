"""English text to sentences of phonemes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from effigie.errors import UsageError
from effigie.speech.lexicon import begins_with_vowel, pronounce
from effigie.speech.written_text import speak_written

PUNCTUATION = ',.!?;:—…()"'
MAX_PHONEMES = 400  # of a sentence; the network takes 510 and grows unsure near them
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])|\n\s*\n|(?<=[.!?…])\s*\n")
_NO_END = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|Fig|Jr|Sr|Gen|Capt|Col|Rev)|\b[A-Z])\.$")


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a part of a long one.

    Attributes:
        text: as written.
        phonemes: of the speech network's alphabet, words apart by spaces, with punctuation.
        words: of the spoken form, and the index of each one's first phoneme.
        pause_s: seconds of silence after it.
    """

    text: str
    phonemes: str
    words: tuple[tuple[str, int], ...]
    pause_s: float


def phonemize(text: str | Iterable[str]) -> Iterator[Sentence]:
    """Yield the sentences of a text, or of its paragraphs, one by one.

    Raises:
        UsageError: there is nothing in it that could be said, or it is not in Latin letters.
    """
    has_speech = False
    foreign = 0
    for paragraph in [text] if isinstance(text, str) else text:
        for passage in split_sentences(paragraph):
            for sentence in _phonemize_sentence(passage):
                has_speech = True
                yield sentence
            foreign += sum(letter.isalpha() and ord(letter) > 0x24F for letter in passage)
    if not has_speech:
        if foreign:
            raise UsageError("the text is not in Latin letters, and only English can be spoken: write it in English")
        raise UsageError("the text holds nothing that can be said: write some words")


def split_sentences(text: str) -> list[str]:
    """Sentences of a text, as written."""
    pieces, begin = [], 0
    for end in _SENTENCE_END.finditer(text):
        passage = text[begin : end.start()].strip()
        if _NO_END.search(passage.rstrip("\"')]")) and "\n\n" not in end[0]:
            continue
        pieces.append(passage + end[0].strip())
        begin = end.end()
    pieces.append(text[begin:].strip())
    return [re.sub(r"\s+", " ", piece) for piece in pieces if piece]


def _phonemize_sentence(passage: str) -> Iterator[Sentence]:
    reading = speak_written(passage)
    tokens = re.findall(rf"[A-Za-z]+(?:[-'][A-Za-z]+)*'?|[{re.escape(PUNCTUATION)}]", reading)
    if not any(token[0].isalpha() for token in tokens):
        return
    if tokens[-1] not in ".!?…":
        tokens.append(".")
    parts = _split_long(_pronounce_all(tokens))
    for number, part in enumerate(parts):
        phonemes, words = "", []
        for token, sound in part:
            if token in PUNCTUATION:
                phonemes = phonemes.rstrip(" ") + token + " " if token not in "(" else phonemes + token
            else:
                words.append((token, len(phonemes)))
                phonemes += sound + " "
        is_end = number == len(parts) - 1
        text = passage if len(parts) == 1 else " ".join(token for token, _ in part)
        yield Sentence(text, phonemes.strip(), tuple(words), _find_pause(phonemes.strip(), is_end))


def _pronounce_all(tokens: list[str]) -> list[tuple[str, str]]:
    """Words from the last to the first: the sound of "the" and "to" depends on what follows."""
    sounds: list[tuple[str, str]] = []
    next_vowel: bool | None = None
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place]
        if not token[0].isalpha():
            sounds.append((token, token))
            next_vowel = next_vowel if token in '"()' else None
            continue
        previous = tokens[place - 1].lower() if place and tokens[place - 1][0].isalpha() else None
        sound = pronounce(token, previous, next_vowel is None, next_vowel)
        next_vowel = begins_with_vowel(sound)
        sounds.append((token, sound))
    return sounds[::-1]


def _split_long(sounds: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Cut what is longer than the network takes, at the last punctuation before that, or else between words."""
    parts: list[list[tuple[str, str]]] = [[]]
    length = 0
    for token, sound in sounds:
        length += len(sound) + 1
        if length > MAX_PHONEMES and parts[-1] and token not in PUNCTUATION:
            part = parts[-1]
            stop = max((i + 1 for i, (one, _) in enumerate(part) if one in ",;:—"), default=0)
            if sum(len(one) + 1 for _, one in part[:stop]) < MAX_PHONEMES // 3:
                stop = len(part)
            parts[-1], rest = part[:stop], part[stop:]
            parts.append(rest)
            length = sum(len(one) + 1 for _, one in rest) + len(sound) + 1
        parts[-1].append((token, sound))
    return [part for part in parts if any(one[0].isalpha() for one, _ in part)]


def _find_pause(phonemes: str, is_end: bool) -> float:
    if not is_end:
        return 0.12
    return 0.45 if phonemes.rstrip('")')[-1:] in ".!?…" else 0.25
