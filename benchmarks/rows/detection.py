"""Row: share of faces found, and false detections."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np

import effigie
from benchmarks.fixtures.material import LabeledClip
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.evaluate.report.figures import Figure
from effigie.faces.detector import YuNetDetector, iou
from effigie.faceset import Faces, FaceSet
from effigie.media import VideoReader, probe
from effigie.progress import Progress

SEEN = 0.7  # score from which the judge is believed
SAME_FACE = 0.2  # overlap of two boxes drawn by different networks around one face
OFTEN = 0.5  # share of a clip's frames that somebody must be in to count as one of its people


def detection(context: RowContext) -> RowResult:
    """Extract every labelled clip, and check it with another detector (YuNet) on every frame.

    A person is in view where the judge sees a face, and in gaps of up to a second between two such frames:
    a hand or a turn of the head hides a face from the judge too, and must not excuse the extraction.
    """
    clips = context.material.labeled_clips()
    if context.quick:
        clips = [clip for clip in clips if (probe(clip.path).frames or 0) <= 100][:4]
    folder = context.work / "found.faces"
    effigie.extract([clip.path for clip in clips], folder, progress=context.progress, cancel=context.cancel)
    faceset = FaceSet.open(folder, allow_empty=True)
    names = {Path(source.path).name: name for name, source in faceset.sources.items()}
    every = faceset.load(["box", "cluster"]) if len(faceset) else None
    shares: dict[str, float] = {}
    invented, people, frames = 0, [], 0
    for number, clip in enumerate(clips):
        context.progress(Progress("judge", number, len(clips), "clips", clip.path.name))
        context.cancel.check()
        mine = every.take(every.clip == names[clip.path.name]) if every is not None else None
        if clip.people == 0:
            invented += 0 if mine is None else len(mine)
        elif clip.people == 1:
            shares[clip.path.name], count = _found_share(clip, mine)
            frames += count
        elif mine is not None:
            people.append(_people(mine))
    context.progress(Progress("judge", len(clips), len(clips), "clips"))
    # A clip in which the judge sees nobody proves nothing: it comes first, and NaN reaches no bound.
    least = min(shares, key=lambda name: -1.0 if np.isnan(shares[name]) else shares[name])
    figures = [
        Figure("least found in any clip, of the frames in view", 100 * shares[least], "%", at_least=99),
        Figure("faces found where nobody is", invented, "", at_most=0),
    ]
    if people:
        figures.append(Figure("people found in clips of two", min(people), "", at_least=2, at_most=2))
    notes = [f"{len(shares)} clips of one person, {frames} frames in view; the least is {least}"]
    return RowResult("Faces found", figures, notes=notes, details={"share": shares})


def _found_share(clip: LabeledClip, faces: Faces | None) -> tuple[float, int]:
    """Share of the frames in view in which the person was found, and how many are in view."""
    judge = YuNetDetector(SEEN)
    boxes: list[np.ndarray | None] = []
    with VideoReader(clip.path) as reader:
        rate = reader.info.rate or Fraction(25)
        for frame in reader:
            detections = judge(frame.image)
            largest = max(detections, key=lambda d: float(np.prod(d.box[2:] - d.box[:2])), default=None)
            boxes.append(None if largest is None else largest.box)
    view = in_view(np.array([box is not None for box in boxes]), round(rate))
    if not view.any():
        return float("nan"), 0
    hits = 0
    for index in np.flatnonzero(view):
        rows = [] if faces is None else faces.box[faces.frame == index]
        box = boxes[index]
        hits += any(box is None or iou(row, box) >= SAME_FACE for row in rows)
    return hits / int(view.sum()), int(view.sum())


def in_view(seen: np.ndarray, longest: int) -> np.ndarray:
    """(N,) bool ``seen`` with gaps of up to ``longest`` frames between two sightings filled."""
    view = seen.copy()
    sightings = np.flatnonzero(seen)
    for before, after in itertools.pairwise(sightings.tolist()):
        if after - before - 1 <= longest:
            view[before:after] = True
    return view


def _people(faces: Faces) -> int:
    """How many people are in at least half of a clip's frames."""
    total = len(np.unique(faces.frame))
    clusters = [label for label in np.unique(faces.cluster) if label >= 0]
    return sum(len(np.unique(faces.frame[faces.cluster == label])) >= OFTEN * total for label in clusters)
