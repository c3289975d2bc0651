"""Fits a sound's length to a clip's: pauses first, then tempo, and never more than is hardly heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.dubbing.config import FitName

LEAD_S, TRAIL_S = 0.1, 0.15  # around what is loud enough for speech, that belong to it
LEAST_PAUSE_S, LEAST_EDGE_S = 0.15, 0.05  # that a pause within, and the silence at either end, keep
MOST_PAUSE = 1.5  # times longer that a pause gets
FASTEST, SLOWEST = 1.08, 0.95  # tempo
EXACT_S = 0.005  # that need no fitting


@dataclass(frozen=True)
class Piece:
    """A part of a sound, seconds, and how long it becomes."""

    begin_s: float
    end_s: float
    length_s: float
    is_speech: bool

    @property
    def own_s(self) -> float:
        return self.end_s - self.begin_s


@dataclass(frozen=True)
class Fit:
    """How a sound is put into a clip.

    Attributes:
        begin_s: when it begins, seconds of the output.
        pieces: of it, in order, without gaps.
        over_s: by how much it ends after the clip all the same; negative where it ends earlier.
    """

    begin_s: float
    pieces: tuple[Piece, ...]
    over_s: float

    @property
    def is_changed(self) -> bool:
        return any(abs(piece.own_s - piece.length_s) > 1e-9 for piece in self.pieces)

    @property
    def tempo(self) -> float:
        """Of the speech; 1 is its own."""
        speech = [piece for piece in self.pieces if piece.is_speech]
        return sum(piece.own_s for piece in speech) / max(sum(piece.length_s for piece in speech), 1e-9) or 1.0

    @property
    def length_s(self) -> float:
        return sum(piece.length_s for piece in self.pieces)

    def map_time(self, time_s: float) -> float:
        """Seconds of the output at which a moment of the sound is heard."""
        source_times = np.cumsum([0.0, *(piece.own_s for piece in self.pieces)])
        output_times = np.cumsum([0.0, *(piece.length_s for piece in self.pieces)])
        return self.begin_s + float(np.interp(time_s, source_times, output_times))


def fit_sound(
    phrases: Sequence[tuple[float, float]], length_s: float, begin_s: float, room_s: float, mode: FitName
) -> Fit:
    """Fit a sound of ``length_s`` with speech in ``phrases`` (begin and end, seconds, in order) into ``room_s``."""
    pieces = _cut(phrases, length_s)
    missing = room_s - length_s
    if missing < -EXACT_S and mode != "keep":
        pieces = _shorten(pieces, -missing)
    elif missing > EXACT_S and mode == "fill":
        pieces = _fill(pieces, missing)
    return Fit(begin_s, tuple(pieces), sum(piece.length_s for piece in pieces) - room_s)


def _cut(phrases: Sequence[tuple[float, float]], length_s: float) -> list[Piece]:
    """Speech and pauses by turns."""
    spans: list[tuple[float, float]] = []
    for begin, end in phrases:
        begin, end = max(0.0, begin - LEAD_S), min(length_s, end + TRAIL_S)
        if spans and begin - spans[-1][1] < LEAST_PAUSE_S:
            spans[-1] = spans[-1][0], end
        elif end > begin:
            spans.append((begin, end))
    pieces, position = list[Piece](), 0.0
    for begin, end in [*spans, (length_s, length_s)]:
        if begin > position:
            pieces.append(Piece(position, begin, begin - position, False))
        if end > begin:
            pieces.append(Piece(begin, end, end - begin, True))
        position = end
    return pieces


def _shorten(pieces: list[Piece], excess: float) -> list[Piece]:
    last = len(pieces) - 1
    least = [
        piece.own_s if piece.is_speech else min(piece.own_s, LEAST_EDGE_S if number in (0, last) else LEAST_PAUSE_S)
        for number, piece in enumerate(pieces)
    ]
    lengths, excess = _take(pieces, least, excess)
    if excess > 0:
        least = [
            piece.own_s / FASTEST if piece.is_speech else length for piece, length in zip(pieces, lengths, strict=True)
        ]
        speech = [_with_length(piece, length) for piece, length in zip(pieces, lengths, strict=True)]
        lengths, excess = _take(speech, least, excess)
    return [_with_length(piece, length) for piece, length in zip(pieces, lengths, strict=True)]


def _fill(pieces: list[Piece], missing: float) -> list[Piece]:
    """Longer pauses, then less tempo; pieces as they were where that is not enough: silence follows then."""
    inner = [0 < number < len(pieces) - 1 and not piece.is_speech for number, piece in enumerate(pieces)]
    pauses = sum(piece.own_s for piece, is_inner in zip(pieces, inner, strict=True) if is_inner)
    speech = sum(piece.own_s for piece in pieces if piece.is_speech)
    by_pauses = min(missing, (MOST_PAUSE - 1) * pauses)
    by_tempo = missing - by_pauses
    if by_tempo > (1 / SLOWEST - 1) * speech:
        return pieces
    return [
        _with_length(
            piece,
            piece.own_s * (1 + by_pauses / pauses if is_inner else 1 + by_tempo / speech if piece.is_speech else 1),
        )
        for piece, is_inner in zip(pieces, inner, strict=True)
    ]


def _take(pieces: list[Piece], least: list[float], excess: float) -> tuple[list[float], float]:
    """Lengths with ``excess`` taken in shares of what each can give, and what is left of it."""
    spare = np.array([max(piece.length_s - low, 0.0) for piece, low in zip(pieces, least, strict=True)])
    reduction = min(excess, float(spare.sum()))
    shares = spare / max(float(spare.sum()), 1e-12) * reduction
    return [piece.length_s - float(share) for piece, share in zip(pieces, shares, strict=True)], excess - reduction


def _with_length(piece: Piece, length_s: float) -> Piece:
    return Piece(piece.begin_s, piece.end_s, length_s, piece.is_speech)
