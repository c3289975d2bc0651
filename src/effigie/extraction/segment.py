"""Worker of extraction: analyses a segment of a clip and writes its faces to a segment file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from effigie.errors import CancelledError
from effigie.execution import report, stop_requested
from effigie.execution.pipeline import shared_cores
from effigie.extraction.config import ExtractSettings
from effigie.faces.analyzer import AnalyzedFrame, Face, SmoothingSettings, analyze
from effigie.faces.crop import crop, sharpness
from effigie.faces.recognizer import IdentityModel
from effigie.faces.tracker import Tracker
from effigie.faceset.part_file import write_segment
from effigie.faceset.schema import FaceRecord
from effigie.io.storage import local_copy
from effigie.media import Frame, VideoReader

# A track's identity is the mean of a few looks, at these counts of its frames: each takes 23 ms.
EMBEDDED_FRAMES = frozenset({0, 25, 100, 400, 1500})
REPORT_EVERY_S = 0.2


@dataclass(frozen=True)
class Segment:
    """A segment of a clip: frames ``start`` to ``stop`` (exclusive; None = the end) of a clip, a path or a URL."""

    clip: str
    path: str
    output: Path
    start: int
    stop: int | None
    settings: ExtractSettings


@dataclass
class SegmentResult:
    """Result of a segment.

    Attributes:
        frames: how many were read.
        width, height: of the frames, upright.
        faces: rows written.
        first_boxes, last_boxes: track -> (4,) box in the first and in the last frame, to join segments by.
        embedding_sums: track -> (sum of embeddings (128,), how many).
        damaged_packets: packets that could not be decoded.
        rows: the file of rows itself, where it cannot be left for the caller.
    """

    frames: int = 0
    width: int = 0
    height: int = 0
    faces: int = 0
    first_boxes: dict[int, np.ndarray] = field(default_factory=dict)
    last_boxes: dict[int, np.ndarray] = field(default_factory=dict)
    embedding_sums: dict[int, tuple[np.ndarray, int]] = field(default_factory=dict)
    damaged_packets: int = 0
    rows: bytes | None = None


# Once a process: their networks are kept, a tracker's tracks are reset for every segment.
get_identity_model = cache(IdentityModel)
get_tracker = cache(Tracker)


def extract_segment(segment: Segment) -> SegmentResult:
    """Analyse a segment; the rows land in ``segment.output``."""
    result = SegmentResult()
    reach, footage = SmoothingSettings().max_radius, segment.settings.footage
    # A few frames before and after, so that smoothing is the same as without segments.
    lead, stop = min(segment.start, reach), None if segment.stop is None else segment.stop + reach
    with (
        shared_cores(),
        local_copy(segment.path) as path,
        VideoReader(path, start=segment.start - lead, stop=stop, threads=1, footage=footage) as reader,
    ):
        get_tracker().restart()
        frames = _count_frames(iter(reader), segment, result)
        records = _make_records(frames, segment, result, float(reader.info.rate or 25))
        result.faces = write_segment(segment.output, records, segment.settings.crop_size)
        result.damaged_packets = reader.damaged_packets
    return result


def _count_frames(frames: Iterator[Frame], segment: Segment, result: SegmentResult) -> Iterator[Frame]:
    reported, unreported = time.monotonic(), 0
    for frame in frames:
        if stop_requested():
            raise CancelledError("stopped on request")
        yield frame
        if segment.start <= frame.index and (segment.stop is None or frame.index < segment.stop):
            result.frames += 1
            unreported += 1
            result.height, result.width = frame.image.shape[:2]
        if time.monotonic() - reported > REPORT_EVERY_S:
            report((segment.clip, unreported))
            reported, unreported = time.monotonic(), 0
    report((segment.clip, unreported))


def _make_records(
    frames: Iterator[Frame], segment: Segment, result: SegmentResult, rate: float
) -> Iterator[FaceRecord]:
    counts: dict[int, int] = {}
    if segment.settings.stills:
        analyzed = _analyze_stills(frames)
    else:
        analyzed = analyze(frames, get_tracker(), rate=rate)
    for item in analyzed:
        index = item.frame.index
        if index < segment.start or (segment.stop is not None and index >= segment.stop):
            continue
        boxes = {face.track: face.box for face in item.faces}
        if index == segment.start:
            result.first_boxes = boxes
        result.last_boxes = boxes
        if index % segment.settings.frame_interval:
            continue
        for face in item.faces:
            if np.exp(face.placement[2]) < segment.settings.min_face_size:
                continue
            counts[face.track] = counts.get(face.track, -1) + 1
            if counts[face.track] in EMBEDDED_FRAMES:
                _add_embedding(item, face, result)
            yield _make_record(item, face, segment)


def _add_embedding(item: AnalyzedFrame[Frame], face: Face, result: SegmentResult) -> None:
    embedding = get_identity_model().embed(item.frame.image, face.landmarks)
    total, number = result.embedding_sums.get(face.track, (np.zeros(128, np.float32), 0))
    result.embedding_sums[face.track] = (total + embedding, number + 1)


def _make_record(item: AnalyzedFrame[Frame], face: Face, segment: Segment) -> FaceRecord:
    settings = segment.settings
    matrix = face.matrix(settings.crop_size)
    picture = crop(item.frame.image, matrix, settings.crop_size)
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


def _analyze_stills(frames: Iterator[Frame]) -> Iterator[AnalyzedFrame[Frame]]:
    for frame in frames:
        get_tracker().reset()
        yield from analyze([frame], get_tracker())
