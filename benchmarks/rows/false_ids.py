"""Row: ids that nobody wrote, in segments of unmarked faces and of marks with other ids, edited at random.

Twenty thousand segments take ten hours of a core: what was looked at is kept, and the same command goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attacks import (
    Change,
    add_borders,
    adjust_tone,
    blur,
    chain,
    crop,
    mirror,
    resize,
    show_in_picture,
    turn,
)
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.arrays import Image
from effigie.evaluate.report.figures import Figure
from effigie.execution.worker import available_cores
from effigie.faces.tracker import Tracker
from effigie.io.atomic_write import read_json, write_json
from effigie.media import VideoReader, probe
from effigie.progress import Progress
from effigie.provenance.watermark import WatermarkEmbedder, detect, measure_anchor

SEGMENTS, QUICK_SEGMENTS = 20_000, 4
FRAMES = 8
MARKED_EVERY = 2  # every second segment carries an id of its own, so that any other one is false
SAVED_EVERY = 40
RATE = Fraction(25)


def false_ids(context: RowContext) -> RowResult:
    """Look for an id in every segment; those that carry none, and those that carry another one than is found."""
    with ProcessPoolExecutor(available_cores(), get_context("spawn")) as pool:
        return count_false_ids(context, QUICK_SEGMENTS if context.quick else SEGMENTS, pool.map)


def count_false_ids(
    context: RowContext, wanted: int, map_segments: Callable[..., Iterable[dict[str, Any]]]
) -> RowResult:
    """The same for so many segments, whose numbers a function like ``map`` gives to :func:`_look`."""
    clips = [labeled.path for labeled in context.material.labeled_clips() if labeled.people]
    kept = context.work / "false-ids.json"
    done: list[dict[str, Any]] = read_json(kept)["segments"] if kept.is_file() else []
    look = functools.partial(_look, clips)
    for first in range(len(done), wanted, SAVED_EVERY):
        context.cancel.check()
        context.progress(Progress("segments", first, wanted, "segments"))
        done += map_segments(look, range(first, min(first + SAVED_EVERY, wanted)))
        write_json(kept, {"segments": done})
    unmarked = [segment for segment in done if not segment["marked"]]
    others = [segment for segment in done if segment["marked"]]
    figures = [
        Figure("segments without a mark", len(unmarked)),
        Figure("ids found in them", sum(segment["false"] for segment in unmarked), "", at_most=0),
        Figure("segments with a mark", len(others)),
        Figure("other ids found in them", sum(segment["false"] for segment in others), "", at_most=0),
        Figure("their own ids found", sum(segment["right"] for segment in others)),
    ]
    notes = [
        f"{FRAMES} frames each of {len(clips)} clips, as they are or cut, turned, mirrored, scaled, toned, blurred, "
        "shown in another picture or between borders, at random"
    ]
    return RowResult("False ids", figures, notes=notes)


def _look(clips: Sequence[Path], number: int) -> dict[str, Any]:
    """Whether a false id is found in a segment, and its own if it has one."""
    random = np.random.default_rng([7, number])
    clip = clips[number % len(clips)]
    start = int(random.integers(max(1, _count(clip) - FRAMES)))
    with VideoReader(clip, start, start + FRAMES) as reader:
        frames = [frame.image for frame in reader]
    own = int(random.integers(1 << 48)) if number % MARKED_EVERY else None
    if own is not None:
        frames = _mark(frames, own)
    found = detect(_draw_edit(random)(frames, RATE)[0])
    return {
        "marked": own is not None,
        "right": found is not None and found.id == own,
        "false": found is not None and found.id != own,
    }


@functools.cache
def _count(clip: Path) -> int:
    return probe(clip).frames or FRAMES


def _mark(frames: list[Image], output_id: int) -> list[Image]:
    marker, tracker = WatermarkEmbedder(output_id, frames[0].shape[:2]), Tracker()
    faces = [[measure_anchor(face.landmark_result.landmarks) for face in tracker(frame)] for frame in frames]
    return [marker.embed(frame, None, anchors) for frame, anchors in zip(frames, faces, strict=True)]


def _draw_edit(random: np.random.Generator) -> Change:
    """One or two edits of any strength."""
    edits = (
        crop(*random.uniform((0, 0, 0), (0.5, 1, 1))),
        resize(random.uniform(0.4, 1.2)),
        adjust_tone(random.uniform(0.7, 1.3)),
        mirror,
        turn(random.uniform(-12, 12)),
        blur(random.uniform(0.5, 2)),
        show_in_picture(random.uniform(0.33, 0.8)),
        add_borders(random.uniform(0.05, 0.2)),
    )
    return chain(*(edits[place] for place in random.choice(len(edits), random.integers(3), replace=False)))
