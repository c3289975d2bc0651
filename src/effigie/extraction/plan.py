"""What there is to extract: clips looked at, the long ones cut into segments."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from effigie.errors import EffigieError
from effigie.execution import Executor
from effigie.extraction.config import ExtractSettings
from effigie.extraction.segment import Segment, SegmentResult
from effigie.faceset import FaceSet, SourceInfo
from effigie.io.atomic import content_digest
from effigie.io.storage import is_remote, near
from effigie.media import ClipInfo, probe
from effigie.progress import Cancel, Progress, ProgressCallback

SHORTEST = 240  # frames; a shorter segment costs more in seeking and warming up than it gains

Looked = tuple[ClipInfo, str] | str
"""What a clip is and its digest; or why it cannot be read."""


@dataclass
class Job:
    """A clip on its way: its segments, and what came of them."""

    info: ClipInfo
    source: SourceInfo
    segments: list[Segment]
    results: dict[int, SegmentResult] = field(default_factory=dict)


def look_at(
    clips: list[str],
    faceset: FaceSet,
    settings: ExtractSettings,
    executor: Executor,
    failed: dict[str, str],
    skipped: list[str],
    progress: ProgressCallback,
    cancel: Cancel,
) -> list[tuple[ClipInfo, SourceInfo]]:
    """What the clips are, and those that are not in the face set yet; remote ones are fetched by workers for it."""
    far: dict[str, Looked] = {}
    remote = [clip for clip in clips if is_remote(clip)]
    for _ in range(settings.retries + 1):
        left = [clip for clip in remote if not isinstance(far.get(clip), tuple)]
        if not left:
            break
        for clip, looked in executor.run(look, left, lambda _: None, cancel, _unfetched):
            far[clip] = looked
            progress(Progress("look at clips", len(far), len(clips), "clips", clip))
    found: list[tuple[ClipInfo, SourceInfo]] = []
    seen: set[str] = set()
    for number, clip in enumerate(clips):
        progress(Progress("look at clips", max(number, len(far)), len(clips), "clips", Path(clip).name))
        looked = far.pop(clip) if clip in far else look(clip)
        if isinstance(looked, str):
            failed[clip] = looked
            continue
        info, digest = looked
        if faceset.has(digest) or digest in seen:
            skipped.append(clip)
            continue
        seen.add(digest)
        found.append(
            (
                info,
                faceset.new_source(clip, digest, width=info.width, height=info.height, rate=info.rate),
            )
        )
    progress(Progress("look at clips", len(clips), len(clips), "clips"))
    return found


def look(clip: str) -> Looked:
    """What a clip is, and the digest of its content; or why it cannot be read."""
    try:
        with near(clip) as path:
            return probe(path), content_digest(path)
    except EffigieError as error:
        return str(error)


def _unfetched(clip: str) -> Looked:
    return f"{clip} killed the process that looked at it, twice"


def plan(
    found: list[tuple[ClipInfo, SourceInfo]], settings: ExtractSettings, folder: Path, workers: int
) -> dict[str, Job]:
    """Cut the long clips into segments, so that the workers finish together."""
    total = sum(info.frames or 1 for info, _ in found)
    wanted = max(SHORTEST, math.ceil(total / (2 * workers)))
    jobs = {}
    for info, source in sorted(found, key=lambda pair: -(pair[0].frames or 0)):
        frames = info.frames or 0
        # Every segment of a remote clip would be fetched for itself.
        whole = settings.stills or info.kind == "animation" or is_remote(source.path)
        pieces = 1 if whole else max(1, round(frames / wanted))
        edges = [round(frames * i / pieces) for i in range(pieces)]
        stops: list[int | None] = [*edges[1:], None]
        segments = [
            Segment(source.name, source.path, folder / f"{source.name}.{i}.parquet", start, stop, settings)
            for i, (start, stop) in enumerate(zip(edges, stops, strict=True))
        ]
        jobs[source.name] = Job(info, source, segments)
    return jobs
