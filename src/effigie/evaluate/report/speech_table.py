"""Scores of mouths made from sound, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

HEADER = (
    "talker",
    "clips",
    "lip gap",
    "jaw",
    "width",
    "size of the gap",
    "shut when shut",
    "shut when open",
    "onset ms",
    "best lag ms",
    "shake",
    "motion in silence cm",
)


@dataclass(frozen=True)
class ClipScores:
    """Of one clip; see :mod:`effigie.evaluate.metrics.spoken_mouth`.

    Attributes:
        correlations, sizes: of lip gap, jaw and width.
        closures, shut: closures seen, and those in which the made lips are shut within 40 ms.
        quiet_cm: largest range of a series while the sound is at rest.
    """

    name: str
    person: str
    pictures: int
    correlations: tuple[float, ...]
    sizes: tuple[float, ...]
    closures: int
    shut: int
    wrongly_shut: float
    onset_ms: float
    lag_s: float
    shake: float
    quiet_cm: float


@dataclass(frozen=True)
class SpeechScores:
    """Of all clips."""

    clips: tuple[ClipScores, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """A row for each talker, and one for the mean over talkers."""
        people = sorted({clip.person for clip in self.clips})
        columns = {person: _average([clip for clip in self.clips if clip.person == person]) for person in people}
        rows = [
            _format(person, sum(clip.person == person for clip in self.clips), values)
            for person, values in columns.items()
        ]
        mean = _nanmean(np.array(list(columns.values())))
        # Closures are few in a clip: of all of them, not of the talkers' means.
        mean[4] = _share_shut(self.clips)
        return [*rows, _format("mean of talkers", len(self.clips), mean)]

    def markdown(self) -> str:
        lines = [HEADER, ("---",) * len(HEADER), *self.rows()]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def to_json(self) -> dict[str, Any]:
        return {"clips": [asdict(clip) for clip in self.clips]}


def _average(clips: Sequence[ClipScores]) -> np.ndarray:
    """(10,) means over clips; onsets and lags by their size."""
    rows = [
        (
            *clip.correlations,
            clip.sizes[0],
            np.nan,
            clip.wrongly_shut,
            abs(clip.onset_ms),
            1000 * clip.lag_s,
            clip.shake,
            clip.quiet_cm,
        )
        for clip in clips
    ]
    averages = _nanmean(np.array(rows))
    averages[4] = _share_shut(clips)
    return averages


def _share_shut(clips: Sequence[ClipScores]) -> float:
    closures = sum(clip.closures for clip in clips)
    return sum(clip.shut for clip in clips) / closures if closures else float("nan")


def _nanmean(rows: np.ndarray) -> np.ndarray:
    counts = np.isfinite(rows).sum(0)
    return np.where(counts > 0, np.nansum(rows, axis=0) / np.maximum(counts, 1), np.nan)


def _format(name: str, count: int, values: np.ndarray) -> tuple[str, ...]:
    forms = ("{:.2f}",) * 6 + ("{:.0f}", "{:.0f}", "{:.2f}", "{:.3f}")
    return (name, str(count), *("–" if np.isnan(v) else f.format(v) for f, v in zip(forms, values, strict=True)))
