"""Row: how much speech and conversion in a learned voice are like the person, natural and understood, and how fast."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from effigie.evaluate.report.figures import Figure
from effigie.media.sound.reader import Sound
from effigie.progress import Progress
from effigie.speech.numbers import spell_cardinal
from effigie.speech.recognizer import recognize

RATE = 24000
SENTENCES = (  # Harvard sentences (IEEE 1969)
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
)


def voice(context: RowContext) -> RowResult:
    """Speak ten Harvard sentences in every stock voice; measured by a recognizer without a prompt.

    Likeness is measured by ``python -m benchmarks.voice_likeness`` on recordings of people.
    """
    from effigie.voice import STOCK_VOICES, load_voice, stream_speech

    details: list[dict[str, Any]] = []
    wrong = total = 0
    made_s = took_s = 0.0
    sentences = SENTENCES[:2] if context.quick else SENTENCES
    names = list(STOCK_VOICES)[-1:] if context.quick else list(STOCK_VOICES)
    for number, name in enumerate(names):
        model = load_voice(name)
        for sentence in sentences:
            context.cancel.check()
            context.progress(Progress("speak", number, len(names), "voices", sentence))
            begun = time.perf_counter()
            sound = np.concatenate([one.sound.samples for one in stream_speech(model, sentence)], axis=1)
            took_s += time.perf_counter() - begun
            made_s += sound.shape[1] / RATE
            heard = " ".join(word.text for word in recognize(Sound(sound, RATE)))
            errors, words = count_errors(sentence, heard)
            wrong, total = wrong + errors, total + words
            details.append({"voice": name, "sentence": sentence, "heard": heard, "wrong": errors})
    figures = [
        Figure("words wrong, stock voices", 100 * wrong / max(1, total), "%", at_most=5),
        Figure("speaking, seconds a second", took_s / max(1e-9, made_s), "", at_most=0.7),
    ]
    notes = [f"{len(names)} voices, {len(sentences)} Harvard sentences each; words by Whisper base without a prompt"]
    return RowResult("Voice", figures, notes=notes, details={"sentences": details})


def count_errors(wanted: str, heard: str) -> tuple[int, int]:
    """Words wrong, missing or too many, and the words wanted; digits count as words."""
    one, other = _words(wanted), _words(heard)
    costs = np.arange(len(other) + 1)
    for row, word in enumerate(one, 1):
        before, costs[0] = costs.copy(), row
        for column, found in enumerate(other, 1):
            costs[column] = min(before[column] + 1, costs[column - 1] + 1, before[column - 1] + (word != found))
    return int(costs[-1]), len(one)


def _words(text: str) -> list[str]:
    import re

    spelled = re.sub(r"\d+", lambda found: f" {spell_cardinal(int(found[0]))} ", text.lower())
    return re.findall(r"[a-z']+", spelled)
