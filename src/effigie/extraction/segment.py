"""What one worker does: analyse a stretch of a clip and write its faces to a segment file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from effigie.errors import Cancelled
from effigie.execution import report, stop_requested
from effigie.extraction.config import ExtractSettings
from effigie.faces.analyzer import Analyzed, Face, SmoothSettings, analyze
from effigie.faces.crop import crop
from effigie.faces.quality import sharpness
from effigie.faces.recognizer import IdentityModel, unit
from effigie.faces.tracker import Tracker
from effigie.faceset.part_file import write_segment
from effigie.faceset.schema import FaceRecord
from effigie.io.storage import near
from effigie.media import Frame, Reader

# A track's identity is the mean of a few looks, at these counts of its frames: each takes 23 ms.
LOOK_AT = frozenset({0, 25, 100, 400, 1500})
REPORT_EVERY_S = 0.2


@dataclass(frozen=True)
class Segment:
    """A stretch of work: frames ``start`` to ``stop`` (exclusive; None = the end) of a clip, a path or an address."""

    clip: str
    path: str
    output: Path
    start: int
    stop: int | None
    settings: ExtractSettings


@dataclass
class SegmentResult:
    """What a worker found.

    Attributes:
        frames: how many were read.
        width, height: of the frames, upright.
        faces: rows written.
        first, last: track -> (4,) box in the first and in the last frame, to join segments by.
        identity: track -> (sum of embeddings (128,), how many).
        damaged: packets that could not be decoded.
        rows: the file of rows itself, where it cannot be left for the caller.
    """

    frames: int = 0
    width: int = 0
    height: int = 0
    faces: int = 0
    first: dict[int, np.ndarray] = field(default_factory=dict)
    last: dict[int, np.ndarray] = field(default_factory=dict)
    identity: dict[int, tuple[np.ndarray, int]] = field(default_factory=dict)
    damaged: int = 0
    rows: bytes | None = None


@cache
def identity_model() -> IdentityModel:
    """One per process."""
    return IdentityModel()


@cache
def tracker() -> Tracker:
    """One per process; its networks are kept, its memory of faces is reset for every segment."""
    return Tracker()


def extract_segment(segment: Segment) -> SegmentResult:
    """Analyse a segment; the rows land in ``segment.output``."""
    cv2.setNumThreads(1)
    result = SegmentResult()
    reach = SmoothSettings().most
    # A few frames before and after, so that smoothing is the same as without segments.
    before, after = min(segment.start, reach), None if segment.stop is None else segment.stop + reach
    with (
        near(segment.path) as path,
        Reader(path, start=segment.start - before, stop=after, threads=1) as reader,
    ):
        tracker().restart()
        frames = _counted(iter(reader), segment, result)
        rate = float(reader.info.rate or 25)
        records = _records(frames, segment, result, rate)
        result.faces = write_segment(segment.output, records, segment.settings.pixels)
        result.damaged = reader.damaged
    return result


def _counted(frames: Iterator[Frame], segment: Segment, result: SegmentResult) -> Iterator[Frame]:
    told, unreported = time.monotonic(), 0
    for frame in frames:
        if stop_requested():
            raise Cancelled("stopped on request")
        yield frame
        if segment.start <= frame.index and (segment.stop is None or frame.index < segment.stop):
            result.frames += 1
            unreported += 1
            result.height, result.width = frame.image.shape[:2]
        if time.monotonic() - told > REPORT_EVERY_S:
            report((segment.clip, unreported))
            told, unreported = time.monotonic(), 0
    report((segment.clip, unreported))


def _records(
    frames: Iterator[Frame], segment: Segment, result: SegmentResult, rate: float
) -> Iterator[FaceRecord]:
    counts: dict[int, int] = {}
    if segment.settings.stills:
        analyzed = _each_by_itself(frames)
    else:
        analyzed = analyze(frames, tracker(), rate=rate)
    for item in analyzed:
        index = item.frame.index
        if index < segment.start or (segment.stop is not None and index >= segment.stop):
            continue
        boxes = {face.track: face.box for face in item.faces}
        if index == segment.start:
            result.first = boxes
        result.last = boxes
        if index % segment.settings.every:
            continue
        for face in item.faces:
            if np.exp(face.place[2]) < segment.settings.smallest:
                continue
            counts[face.track] = counts.get(face.track, -1) + 1
            if counts[face.track] in LOOK_AT:
                _look(item, face, result)
            yield _record(item, face, segment)


def _look(item: Analyzed[Frame], face: Face, result: SegmentResult) -> None:
    embedding = identity_model().of(item.frame.image, face.landmarks)
    total, number = result.identity.get(face.track, (np.zeros(128, np.float32), 0))
    result.identity[face.track] = (total + embedding, number + 1)


def _record(item: Analyzed[Frame], face: Face, segment: Segment) -> FaceRecord:
    settings = segment.settings
    matrix = face.matrix(settings.pixels)
    picture = crop(item.frame.image, matrix, settings.pixels)
    # A view of reversed channels would cost OpenCV twice what the JPEG does.
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, settings.quality])
    return FaceRecord(
        clip=segment.clip,
        frame=item.frame.index,
        time=item.frame.time,
        track=face.track,
        box=face.box,
        landmarks=face.landmarks,
        blendshapes=face.blendshapes,
        pose=face.pose.angles,
        matrix=matrix,
        embedding=np.zeros(128, np.float32),
        sharpness=sharpness(picture),
        confidence=face.presence,
        crop=encoded.tobytes(),
    )


def _each_by_itself(frames: Iterator[Frame]) -> Iterator[Analyzed[Frame]]:
    for frame in frames:
        tracker().reset()
        yield from analyze([frame], tracker())


def mean_identity(total: np.ndarray, number: int) -> np.ndarray:
    """(128,) unit embedding of a track."""
    return unit(total / max(number, 1))
