"""Plans an extraction: chooses the size of crops, inspects clips, and splits long ones into segments."""

from __future__ import annotations

import contextlib
import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from effigie.errors import EffigieError, FaceSetError
from effigie.execution import Executor
from effigie.extraction.config import ExtractSettings
from effigie.extraction.segment import Segment, SegmentResult
from effigie.faces.align import compute_placement
from effigie.faces.mesh import fit_pose
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet, SourceInfo
from effigie.io.atomic_write import content_digest
from effigie.io.storage import is_remote, local_copy
from effigie.media import ClipInfo, FootageSettings, VideoReader, probe
from effigie.progress import CancelToken, Progress, ProgressCallback

MIN_SEGMENT_FRAMES = 240  # frames; a shorter segment costs more in seeking and warming up than it gains
MIN_CROP_SIZE, MAX_CROP_SIZE, STEP = 256, 512, 32
SAMPLED_CLIPS = 6  # looked at, spread over all that are given
SAMPLED_FRAMES = 8  # of each clip, from its start, until a face is seen

ClipInspection = tuple[ClipInfo, str] | str  # a clip's description and digest, or why it cannot be read


@dataclass
class ClipJob:
    """A clip to extract: its segments and their results."""

    info: ClipInfo
    source: SourceInfo
    segments: list[Segment]
    results: dict[int, SegmentResult] = field(default_factory=dict)


def choose_crop_size(output: Path, clips: list[str], executor: Executor, cancel: CancelToken) -> int:
    """Choose the crop size: that of an existing face set, else one at which the largest of a few faces loses no pixels.

    Workers look for them, so that the caller's own process need not hold the networks. Clips that cannot be read are
    passed over: extraction reports them.
    """
    with contextlib.suppress(FaceSetError):
        return FaceSet.open(output, allow_empty=True).crop_size
    indices = sorted({int(i) for i in np.linspace(0, len(clips) - 1, min(SAMPLED_CLIPS, len(clips)))})
    results = executor.run(
        measure_crop_sides, [clips[index] for index in indices], lambda _: None, cancel, lambda _: []
    )
    sides = [side for _, clip_sides in results for side in clip_sides]
    crop_size = STEP * int(np.ceil(max(sides, default=0.0) / STEP))
    return int(np.clip(crop_size, MIN_CROP_SIZE, MAX_CROP_SIZE))


def measure_crop_sides(clip: str) -> list[float]:
    """Measure the sides in pixels of the crops of the first faces in a clip."""
    tracker = Tracker()
    with contextlib.suppress(EffigieError), local_copy(clip) as path, VideoReader(path, stop=SAMPLED_FRAMES) as reader:
        for frame in itertools.islice(reader, SAMPLED_FRAMES):
            if faces := tracker(frame.image):
                poses = [fit_pose(face.landmark_result.landmarks) for face in faces]
                return [float(np.exp(compute_placement(pose)[2])) for pose in poses]
    return []


def inspect_clips(
    clips: list[str],
    faceset: FaceSet,
    settings: ExtractSettings,
    executor: Executor,
    failed: dict[str, str],
    skipped: list[str],
    progress: ProgressCallback,
    cancel: CancelToken,
) -> list[tuple[ClipInfo, SourceInfo]]:
    """Inspect clips; returns those that are not in the face set yet. Workers fetch remote ones."""
    inspected_remote: dict[str, ClipInspection] = {}
    remote = [clip for clip in clips if is_remote(clip)]
    for _ in range(settings.retries + 1):
        pending = [clip for clip in remote if not isinstance(inspected_remote.get(clip), tuple)]
        if not pending:
            break
        requests = [(clip, settings.footage) for clip in pending]
        for (clip, _), inspection in executor.run(inspect_clip, requests, lambda _: None, cancel, _describe_crash):
            inspected_remote[clip] = inspection
            progress(Progress("look at clips", len(inspected_remote), len(clips), "clips", clip))
    new_clips: list[tuple[ClipInfo, SourceInfo]] = []
    digests: set[str] = set()
    for number, clip in enumerate(clips):
        count = max(number, len(inspected_remote))
        progress(Progress("look at clips", count, len(clips), "clips", Path(clip).name))
        inspection = inspected_remote.pop(clip) if clip in inspected_remote else inspect_clip((clip, settings.footage))
        if isinstance(inspection, str):
            failed[clip] = inspection
            continue
        info, digest = inspection
        if faceset.has_source(digest) or digest in digests:
            skipped.append(clip)
            continue
        digests.add(digest)
        source = faceset.create_source(clip, digest, width=info.width, height=info.height, rate=info.rate)
        new_clips.append((info, source))
    progress(Progress("look at clips", len(clips), len(clips), "clips"))
    return new_clips


def inspect_clip(request: tuple[str, FootageSettings]) -> ClipInspection:
    """Inspect one clip, as it is to be read; returns description and digest, or why it cannot be read."""
    clip, footage = request
    try:
        with local_copy(clip) as path:
            return probe(path, footage), content_digest(path)
    except EffigieError as error:
        return str(error)


def _describe_crash(request: tuple[str, FootageSettings]) -> ClipInspection:
    return f"{request[0]} killed the process that looked at it, twice"


def plan_jobs(
    new_clips: list[tuple[ClipInfo, SourceInfo]], settings: ExtractSettings, folder: Path, workers: int
) -> dict[str, ClipJob]:
    """Split long clips into segments, so that the workers finish at the same time."""
    total = sum(info.frames or 1 for info, _ in new_clips)
    segment_frames = max(MIN_SEGMENT_FRAMES, math.ceil(total / (2 * workers)))
    jobs = {}
    for info, source in sorted(new_clips, key=lambda pair: -(pair[0].frames or 0)):
        frames = info.frames or 0
        # Every segment of a remote clip would be fetched for itself.
        whole = settings.stills or info.kind == "animation" or is_remote(source.path)
        pieces = 1 if whole else max(1, round(frames / segment_frames))
        edges: list[int | None] = [*(round(frames * i / pieces) for i in range(pieces)), None]
        segments = [
            Segment(source.name, source.path, folder / f"{source.name}.{i}.parquet", start or 0, stop, settings)
            for i, (start, stop) in enumerate(itertools.pairwise(edges))
        ]
        jobs[source.name] = ClipJob(info, source, segments)
    return jobs
