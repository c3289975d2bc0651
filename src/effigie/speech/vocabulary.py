"""Whisper's vocabulary: tokens to text, and the tokens that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from effigie.errors import UsageError


class Vocabulary:
    """Reads token numbers as text.

    Args:
        listing: one token a line, its bytes written as in GPT-2's byte-level encoding.
        config: what the model's ``config.json`` says.
    """

    def __init__(self, listing: str, config: dict[str, Any]) -> None:
        self._tokens = listing.split("\n")
        self._numbers = {token: number for number, token in enumerate(self._tokens)}
        self.end = self._numbers["<|endoftext|>"]
        # Ids from here on steer and are no text.
        self._first_special = self.end
        languages = {self._tokens[number][2:-2] for number in config["lang_ids"]}
        self.languages = sorted(languages)

    def prompt(self, language: str) -> list[int]:
        """What the decoder begins with: a transcript in a language, without time stamps.

        Raises:
            UsageError: the network does not know the language.
        """
        if language not in self.languages:
            raise UsageError(f"no language {language!r}: choose one of {', '.join(self.languages)}")
        names = ("<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>")
        return [self._numbers[name] for name in names]

    def is_text(self, token: int) -> bool:
        return token < self._first_special

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens; bytes that are no whole character become U+FFFD."""
        letters = "".join(self._tokens[token] for token in tokens if self.is_text(token))
        table = _byte_table()
        return bytes(table[letter] for letter in letters).decode("utf-8", "replace")

    def split_words(self, tokens: Sequence[int]) -> list[tuple[str, int, int]]:
        """Words as text, first and last + 1 of their tokens; marks of punctuation belong to the word before.

        In languages written without spaces a word is a token or the tokens of one character.
        """
        spans: list[tuple[str, int, int]] = []
        start = 0
        for stop in range(1, len(tokens) + 1):
            text = self.decode(tokens[start:stop])
            if text.endswith("\ufffd") and stop < len(tokens):
                continue  # within a character
            begins = text.startswith(" ") or not spans or not _is_spaced(text)
            if begins and text.strip() and any(map(str.isalnum, text)):
                spans.append((text, start, stop))
            elif spans:
                previous, first, _ = spans[-1]
                spans[-1] = (previous + text, first, stop)
            else:
                spans.append((text, start, stop))
            start = stop
        return [(text.strip(), first, stop) for text, first, stop in spans if text.strip()]


def _is_spaced(text: str) -> bool:
    """Whether the script of a text puts spaces between words; Han, kana, Thai, Lao, Burmese and Khmer do not."""
    letter = ord(text.strip()[:1] or " ")
    return not (0x0E00 <= letter < 0x0F00 or 0x1000 <= letter < 0x10A0 or 0x1780 <= letter < 0x1800 or letter >= 0x2E80)


@cache
def _byte_table() -> dict[str, int]:
    """The byte that each letter stands for (GPT-2): printable ones for themselves, the rest from U+0100 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + index): byte for index, byte in enumerate(rest)}
