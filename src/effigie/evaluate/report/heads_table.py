"""The table of talking heads: figures of every row at every T, as JSON and Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from effigie.evaluate.metrics.flicker import compare_flicker
from effigie.evaluate.metrics.frechet import frechet_distance
from effigie.evaluate.metrics.gaze import compare_eyes
from effigie.evaluate.metrics.sharpness import compare_sharpness
from effigie.evaluate.protocols.heads_metrics import CrossReenactment, SelfReenactment
from effigie.io.stored_names import STORED_NAME, to_stored


@dataclass(frozen=True)
class HeadScores:
    """A row's figures, means over all moments; NaN where there was nothing to measure.

    The last four are of moments with another driver.
    """

    ssim: float  # of the whole crop, 1 is identical
    ssim_face: float
    perceptual_distance: float = field(metadata={STORED_NAME: "lpips"})  # of MobileNetV2 features, 0 is identical
    frechet: float  # of MobileNetV2 features over all moments
    csim: float  # cosine of SFace embeddings, made to true
    landmarks: float  # mean landmark error, share of the eye distance
    expression: float  # the same with the pose taken out
    pose: float  # angle between the heads, degrees
    opening: float  # mean error of the eyes' opening
    blink: float  # correlation of the eyes' opening
    gaze_error: float  # eye widths
    gaze: float  # correlation of where the eyes look
    sharpness: float  # variance of the Laplacian in the face, made over true
    flicker: float  # made over true
    moments: int  # that these are of
    to_portrait: float  # cosine to the portrait
    to_driver: float  # cosine to the driver
    asked: float  # error of the landmarks against those asked for, share of the eye distance
    driven: int  # moments

    @classmethod
    def from_records(cls, own: Sequence[SelfReenactment], cross: Sequence[CrossReenactment]) -> HeadScores:
        """Aggregate the moments of a row."""
        eyes = compare_eyes(
            [record.eyes[0] for record in own], [record.eyes[1] for record in own], [record.person for record in own]
        )
        pooled = [np.stack([record.pooled[side] for record in own]) for side in (0, 1)]
        means = ("ssim", "ssim_face", "perceptual_distance", "csim", "landmarks", "expression", "pose")
        return cls(
            **{name: _mean(own, name) for name in means},
            frechet=frechet_distance(*pooled),
            opening=eyes.opening_error,
            blink=eyes.blink,
            gaze_error=eyes.gaze_error,
            gaze=eyes.gaze,
            sharpness=compare_sharpness(np.array([record.sharpness for record in own])).ratio,
            flicker=compare_flicker(np.array([record.flicker for record in own if record.flicker])).ratio,
            moments=len(own),
            to_portrait=_mean(cross, "to_portrait"),
            to_driver=_mean(cross, "to_driver"),
            asked=_mean(cross, "landmarks"),
            driven=len(cross),
        )


def _mean(records: Sequence[SelfReenactment] | Sequence[CrossReenactment], name: str) -> float:
    values = [getattr(record, name) for record in records]
    return float(np.mean(values)) if values else math.nan


@dataclass(frozen=True)
class MetricColumn:
    """A metric's column in the table."""

    name: str
    heading: str
    # 1 if more is better, -1 if less is, 0 if nearer to one; None if rows are not to be compared by it.
    better: int | None
    text: str = "{:.3f}"  # how the figure is written, times ``scale``
    scale: float = 1.0

    def format_value(self, scores: HeadScores) -> str:
        value = getattr(scores, self.name)
        return "-" if math.isnan(value) else self.text.format(self.scale * value)

    def badness(self, scores: HeadScores) -> float:
        """Value by which rows are compared; less is better."""
        value = float(getattr(scores, self.name))
        return abs(math.log(max(value, 1e-6))) if not self.better else -self.better * value


COLUMNS = (
    MetricColumn("ssim", "SSIM ↑", 1),
    MetricColumn("ssim_face", "in the face ↑", 1),
    MetricColumn("perceptual_distance", "LPIPS-style ↓", -1),
    MetricColumn("frechet", "Fréchet ↓", -1, "{:.1f}"),
    MetricColumn("csim", "CSIM ↑", 1),
    MetricColumn("landmarks", "landmarks, % ↓", -1, "{:.2f}", 100),
    MetricColumn("expression", "expression, % ↓", -1, "{:.2f}", 100),
    MetricColumn("pose", "pose, ° ↓", -1, "{:.2f}"),
    MetricColumn("opening", "lids ↓", -1),
    MetricColumn("blink", "blink, corr. ↑", 1, "{:.2f}"),
    MetricColumn("gaze_error", "gaze ↓", -1),
    MetricColumn("gaze", "gaze, corr. ↑", 1, "{:.2f}"),
    MetricColumn("sharpness", "sharpness → 1", 0, "{:.2f}"),
    # Calmer than the truth is no merit: what is calm is its noise, or it is a still picture.
    MetricColumn("flicker", "flicker ≤ 1.3", None, "{:.2f}"),
)
CROSS = (
    MetricColumn("to_portrait", "CSIM to portrait ↑", 1),
    MetricColumn("to_driver", "CSIM to driver ↓", -1),
    MetricColumn("asked", "landmarks, % ↓", -1, "{:.2f}", 100),
)


@dataclass(frozen=True)
class HeadsTable:
    """All rows."""

    scores: dict[int, dict[str, HeadScores]]  # T -> row -> figures
    people: list[str]  # names of the clips of whom was measured
    notes: list[str] = field(default_factory=list)  # sentences on what was and what was not measured
    settings: dict[str, Any] = field(default_factory=dict)  # as JSON values
    # T -> row -> clip -> figures of one person.
    person_scores: dict[int, dict[str, dict[str, HeadScores]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "notes": self.notes,
            "settings": self.settings,
            "scores": {
                str(count): {row: to_finite_json(scores) for row, scores in rows.items()}
                for count, rows in self.scores.items()
            },
            "each": {
                str(count): {
                    row: {name: to_finite_json(scores) for name, scores in people.items()}
                    for row, people in rows.items()
                }
                for count, rows in self.person_scores.items()
            },
        }

    def markdown(self) -> str:
        """A table for each T, of the people's own motion and of others'."""
        parts = []
        for count, rows in self.scores.items():
            example = next(iter(rows.values()))
            parts.append(f"### T = {count}\n\nTheir own motion, {example.moments} moments held out:\n")
            parts.append(_table(COLUMNS, rows))
            if example.driven:
                parts.append(f"\nSomebody else's motion, {example.driven} moments:\n")
                parts.append(_table(CROSS, rows))
            parts.append("")
        return "\n".join([*parts, *(f"- {note}" for note in self.notes)]) + "\n"

    def find_worse(self, count: int, row: str, than: str) -> list[str]:
        """Names of the metrics in which ``row`` does not beat ``than`` at T = ``count``."""
        return list_not_better(self.scores[count][row], self.scores[count][than])


def list_not_better(mine: HeadScores, theirs: HeadScores) -> list[str]:
    """Names of the metrics in which ``mine`` do not beat ``theirs``."""
    return [
        column.name
        for column in (*COLUMNS, *CROSS)
        if column.better is not None
        and not math.isnan(getattr(theirs, column.name))
        and not column.badness(mine) < column.badness(theirs)
    ]


def to_finite_json(scores: HeadScores) -> dict[str, Any]:
    """JSON values; what is not finite becomes a string, which JSON can hold."""
    return {
        name: value if isinstance(value, int) or math.isfinite(value) else str(value)
        for name, value in to_stored(scores).items()
    }


def _table(columns: Sequence[MetricColumn], rows: dict[str, HeadScores]) -> str:
    lines = [["row", *(column.heading for column in columns)], ["---"] * (len(columns) + 1)]
    lines += [[row, *(column.format_value(scores) for column in columns)] for row, scores in rows.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
