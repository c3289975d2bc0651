"""What the answer to a challenge showed: the part of a witnessed record that says how the person granted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from effigie.consent.values import SHA256_PATTERN, TIME_FORMAT, check_text, parse_time
from effigie.errors import UsageError

TURN_LEFT, TURN_RIGHT, LOOK_UP = "turn-left", "turn-right", "look-up"
SMILE, BLINK, OPEN_MOUTH = "smile", "blink", "open-mouth"
STEPS = (TURN_LEFT, TURN_RIGHT, LOOK_UP, SMILE, BLINK, OPEN_MOUTH)
"""Motions that a challenge may ask for. Left and right are the person's own."""
INSTRUCTIONS = {
    TURN_LEFT: "turn your head to your left, and back",
    TURN_RIGHT: "turn your head to your right, and back",
    LOOK_UP: "look up, and back",
    SMILE: "smile broadly, and stop",
    BLINK: "close both eyes for a moment",
    OPEN_MOUTH: "open your mouth wide, and close it",
}
MAX_STEPS = 12
MAX_SENTENCE_LENGTH = 300

_NUMBERS = ("duration", "relief", "similarity", "words_right", "voice")
_KEYS = {"request", "steps", "sentence", "asked", "clip", "peaks", *_NUMBERS}


@dataclass(frozen=True)
class Witness:
    """How a challenge was answered. Numbers are whole: milliseconds, and shares per mille.

    Attributes:
        request: hex SHA-256 of the terms that were put to the person.
        steps: the motions that were asked for, in order, of :data:`STEPS`; none for a voice alone.
        sentence: that was to be read aloud, or None.
        asked: when the challenge was drawn, UTC.
        clip: hex SHA-256 of the recording, which whoever asked keeps.
        peaks: when each motion was furthest, ms of the clip.
        duration: of the clip, ms.
        relief: how much worse a sheet explains the turned face than a head does; None without pictures.
        similarity: of the face to the record's, median of the frames looked at; None without pictures.
        words_right: of the sentence; None without one.
        voice: similarity to the record's; None where the record holds none.
    """

    request: str
    steps: tuple[str, ...]
    sentence: str | None
    asked: datetime
    clip: str
    peaks: tuple[int, ...]
    duration: int
    relief: int | None = None
    similarity: int | None = None
    words_right: int | None = None
    voice: int | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(one, str) and SHA256_PATTERN.fullmatch(one) for one in (self.request, self.clip)):
            raise UsageError("an answer names terms and a recording by their hashes")
        check_steps(self.steps, self.sentence)
        if len(self.peaks) != len(self.steps) or not all(type(one) is int for one in self.peaks):
            raise UsageError("an answer says when each motion was made")
        if not all(value is None or type(value) is int for value in map(self.__getattribute__, _NUMBERS)):
            raise UsageError("an answer says what was measured in whole numbers")

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "request": self.request,
            "steps": list(self.steps),
            "sentence": self.sentence,
            "asked": self.asked.strftime(TIME_FORMAT),
            "clip": self.clip,
            "peaks": list(self.peaks),
        } | {name: getattr(self, name) for name in _NUMBERS}

    @classmethod
    def from_json(cls, value: Any) -> Witness:
        """What a document describes; ValueError or UsageError if it describes nothing of the kind."""
        if not isinstance(value, dict) or set(value) != _KEYS:
            raise ValueError("its fields are not those of an answer")
        if not isinstance(value["steps"], list) or not isinstance(value["peaks"], list):
            raise ValueError("steps and peaks are lists")
        lists = {"steps": tuple(value["steps"]), "peaks": tuple(value["peaks"])}
        return cls(**{**value, **lists, "asked": parse_time(value["asked"])})

    def describe(self) -> str:
        """What the person did, in words."""
        actions = [" ".join(step.split("-")) for step in self.steps]
        if self.sentence is not None:
            actions.append(f"read aloud {self.sentence!r}")
        return f"{', '.join(actions)}; in {self.duration / 1000:.0f} s, asked {self.asked:%Y-%m-%d %H:%M} UTC"


def check_steps(steps: tuple[str, ...], sentence: str | None) -> None:
    """Refuse steps that are none, or nothing to do at all."""
    if len(steps) > MAX_STEPS or not all(isinstance(step, str) and step in STEPS for step in steps):
        raise UsageError(f"the steps of a challenge are of {', '.join(STEPS)}")
    if sentence is not None:
        check_text("the sentence", sentence, MAX_SENTENCE_LENGTH)
    if not steps and sentence is None:
        raise UsageError("a challenge asks for motions or for a sentence")
