"""Selection of a clip's worst frames, by each metric and by all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from effigie.evaluate.report.frames import FrameTable

MIN_FRAME_DISTANCE = 8  # frames; neighbours look alike, so only the worst of a neighbourhood is shown
# The power of the mean of ranks: one thing that is very bad counts more than four that are mediocre.
RANK_POWER = 4
MAX_REASONS = 2  # named of a frame that is bad altogether


@dataclass(frozen=True)
class SelectedFrame:
    """A selected frame, and the reason."""

    row: int  # in the table
    frame: int  # of the clip
    text: str  # the measured values


@dataclass(frozen=True)
class FrameMetric:
    """One metric as frames are ordered by it."""

    name: str  # the heading
    badness: Callable[[FrameTable], np.ndarray]  # (N,) more is worse, NaN where it was not measured
    text: str  # how a frame's value is written, from its row's numbers by name
    columns: tuple[str, ...]  # that the text takes

    def format_value(self, table: FrameTable, row: int) -> str:
        return self.text.format(*(table[name][row] for name in self.columns))


def _excess(name: str, text: str, columns: tuple[str, str]) -> FrameMetric:
    """Levels that stand beside the footage's, ordered by difference: a ratio to next to nothing says little."""
    output_column, input_column = columns
    return FrameMetric(name, lambda table: table[output_column] - table[input_column], text, columns)


FRAME_METRICS = (
    FrameMetric("similarity to the source", lambda t: -t["to_source"], "like source {:.2f}", ("to_source",)),
    FrameMetric("expression", lambda t: t["expression"], "expression {:.1%}", ("expression",)),
    FrameMetric("gaze", lambda t: t["gaze"], "gaze off {:.2f}", ("gaze",)),
    FrameMetric("landmark error", lambda t: t["landmarks"], "landmarks {:.1%}", ("landmarks",)),
    FrameMetric("pose", lambda t: t["pose"], "pose off {:.1f} deg", ("pose",)),
    _excess("colour seam", "seam {:.1f} for {:.1f}", ("seam_output", "seam_input")),
    FrameMetric(
        "sharpness",
        lambda t: -t["sharpness_output"] / np.maximum(t["sharpness_input"], 1e-6),
        "sharp {:.0f} for {:.0f}",
        ("sharpness_output", "sharpness_input"),
    ),
    _excess("flicker", "flicker {:.1f} for {:.1f}", ("flicker_output", "flicker_input")),
    FrameMetric(
        "covers",
        lambda t: np.where(t["covered"] > 0, 1 - t["in_front"] / np.maximum(t["covered"], 1), np.nan),
        "in front {:.0f} of {:.0f} px",
        ("in_front", "covered"),
    ),
)


def worst_rows(frames: np.ndarray, badness: np.ndarray, most: int, min_distance: int = MIN_FRAME_DISTANCE) -> list[int]:
    """At most ``most`` rows, worst first, whose (N,) frames are ``min_distance`` or more apart; NaN are left out."""
    selection: list[int] = []
    for row in np.argsort(-badness, kind="stable"):
        if len(selection) == most or np.isnan(badness[row]):
            break
        if all(abs(frames[row] - frames[other]) >= min_distance for other in selection):
            selection.append(int(row))
    return selection


def ranks(badness: np.ndarray) -> np.ndarray:
    """(N,) in [0, 1]: the share of the measured rows that are less bad; NaN where nothing was measured."""
    finite = badness[~np.isnan(badness)]
    lower_count = np.searchsorted(np.sort(finite), badness, side="left")
    return np.where(np.isnan(badness), np.nan, lower_count / max(1, len(finite) - 1))


def combine_ranks(ranks_by_metric: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N,) in [0, 1]: the power mean of each row's ranks over the metrics that were measured there; NaN for none."""
    stacked = np.stack(list(ranks_by_metric.values()))
    is_finite = ~np.isnan(stacked)
    total = np.where(is_finite, stacked, 0) ** RANK_POWER
    count = is_finite.sum(0)
    return np.where(count > 0, (total.sum(0) / np.maximum(count, 1)) ** (1 / RANK_POWER), np.nan)


def select_worst(table: FrameTable, measure: FrameMetric, most: int) -> list[SelectedFrame]:
    frames = table["frame"]
    rows = worst_rows(frames, measure.badness(table), most)
    return [SelectedFrame(row, int(frames[row]), measure.format_value(table, row)) for row in rows]


def worst_overall(table: FrameTable, most: int) -> list[SelectedFrame]:
    """The worst frames by the ranks of all metrics together, each with the metrics in which it is worst."""
    ranks_by_metric = {measure.name: ranks(measure.badness(table)) for measure in FRAME_METRICS}
    frames = table["frame"]
    selection = []
    # Less apart in a short clip, which would not fill the sheet.
    min_distance = int(np.clip(len(frames) // (2 * most), 1, MIN_FRAME_DISTANCE))
    for row in worst_rows(frames, combine_ranks(ranks_by_metric), most, min_distance):
        metrics = [measure for measure in FRAME_METRICS if not np.isnan(ranks_by_metric[measure.name][row])]
        metrics.sort(key=lambda measure: -ranks_by_metric[measure.name][row])
        text = ", ".join(measure.format_value(table, row) for measure in metrics[:MAX_REASONS])
        selection.append(SelectedFrame(row, int(frames[row]), text))
    return selection
