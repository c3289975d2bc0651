"""`effigie.extract`: the public call. Plans segments, lets workers analyse them, joins them into parts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from effigie.assets import REQUIRED, fetch_all
from effigie.errors import EffigieError, FaceSetError, MediaError
from effigie.extraction.segment import Segment, SegmentResult, extract_segment, mean_identity
from effigie.extraction.settings import ExtractSettings
from effigie.extraction.size import crop_size
from effigie.faces.detect import iou
from effigie.faceset import FaceSet, SourceInfo
from effigie.files import discard, explain, sha256
from effigie.locks import one_writer
from effigie.media import ClipInfo, expand, probe
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.scale import Executor, LocalProcesses

SHORTEST = 240  # frames; a shorter segment costs more in seeking and warming up than it gains
SAME_PLACE = 0.4  # overlap of two boxes in consecutive frames that makes them one track


@dataclass
class ExtractReport:
    """What an extraction did.

    Attributes:
        output: the face set.
        clips, frames, faces: what was read and found in this call.
        skipped: clips that were done already.
        without_faces: clips in which nobody was found.
        failed: clip -> why it could not be read; the others are done.
        notes: damage that was worked round.
    """

    output: Path
    clips: int = 0
    frames: int = 0
    faces: int = 0
    skipped: list[str] = field(default_factory=list)
    without_faces: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Job:
    """A clip on its way: its segments, and what came of them."""

    info: ClipInfo
    source: SourceInfo
    segments: list[Segment]
    results: dict[int, SegmentResult] = field(default_factory=dict)


@one_writer("output")
def extract(
    clips: Iterable[str | Path],
    output: str | Path,
    settings: ExtractSettings | None = None,
    *,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> ExtractReport:
    """Find, follow, align and store every face of some clips.

    A clip that is in the face set already is skipped, so a rerun continues where the last one stopped. A clip
    that cannot be read is reported and does not stop the others. One without a face is done like any other.

    Args:
        clips: files, folders and glob patterns.
        output: the face set's folder; made, or added to.
        progress: gets frames done and to do.

    Raises:
        MediaError: nothing to read under these names, or not one of the clips could be read.
        FaceSetError: ``output`` is something else, or a face set of other settings.
        EffigieError: the disk is full, or somebody else is writing ``output``.
        Cancelled: asked to stop; finished clips are kept.
    """
    settings = settings or ExtractSettings()
    cancel = cancel or Cancel()
    paths = expand(clips)
    report = ExtractReport(Path(output))
    fetch_all(REQUIRED, progress)
    executor = LocalProcesses(settings.workers, preload=["effigie.extraction.segment"])
    executor.warm_up()
    new = not report.output.exists()
    try:
        if settings.size is None:
            settings = replace(settings, size=crop_size(Path(output), paths, executor, cancel))
        faceset = FaceSet.create(output, settings.stored())
        with faceset.segments() as folder:
            jobs = _plan(paths, faceset, settings, folder, executor.workers, report, progress)
            if jobs:
                _work(jobs, faceset, executor, report, progress, cancel)
    except OSError as error:  # from a worker, whose own file nobody knows
        raise explain(error, report.output) from error
    if report.failed and not report.clips and not report.skipped:
        if new:
            discard(report.output)
        raise MediaError("; ".join(report.failed.values()))
    return report


def _plan(
    paths: list[Path],
    faceset: FaceSet,
    settings: ExtractSettings,
    folder: Path,
    workers: int,
    report: ExtractReport,
    progress: ProgressCallback,
) -> dict[str, _Job]:
    """Probe the clips and cut the long ones into segments, so that the workers finish together."""
    found: list[tuple[ClipInfo, SourceInfo]] = []
    seen: set[str] = set()
    for number, path in enumerate(paths):
        progress(Progress("look at clips", number, len(paths), "clips", path.name))
        try:
            info = probe(path)
            digest = fingerprint(path)
        except EffigieError as error:
            report.failed[str(path)] = str(error)
            continue
        if faceset.has(digest) or digest in seen:
            report.skipped.append(str(path))
            continue
        seen.add(digest)
        source = faceset.new_source(path, digest, width=info.width, height=info.height, rate=info.rate)
        found.append((info, source))
    progress(Progress("look at clips", len(paths), len(paths), "clips"))
    total = sum(info.frames or 1 for info, _ in found)
    wanted = max(SHORTEST, math.ceil(total / (2 * workers)))
    jobs = {}
    for info, source in sorted(found, key=lambda pair: -(pair[0].frames or 0)):
        frames = info.frames or 0
        pieces = 1 if settings.stills or info.kind == "animation" else max(1, round(frames / wanted))
        edges = [round(frames * i / pieces) for i in range(pieces)]
        stops: list[int | None] = [*edges[1:], None]
        segments = [
            Segment(source.name, info.path, folder / f"{source.name}.{i}.parquet", start, stop, settings)
            for i, (start, stop) in enumerate(zip(edges, stops, strict=True))
        ]
        jobs[source.name] = _Job(info, source, segments)
    return jobs


def _work(
    jobs: Mapping[str, _Job],
    faceset: FaceSet,
    executor: Executor,
    report: ExtractReport,
    progress: ProgressCallback,
    cancel: Cancel,
) -> None:
    total = sum(job.info.frames or 0 for job in jobs.values()) or None
    done = 0
    finished = 0

    def tell(message: tuple[str, int]) -> None:
        nonlocal done
        done += message[1]
        note = f"{finished}/{len(jobs)} clips, {report.faces} faces"
        progress(Progress("extract", done, max(total, done) if total else None, "frames", note))

    pieces = [segment for job in jobs.values() for segment in job.segments]
    with faceset.deferred():
        for segment, outcome in executor.run(_guarded, pieces, tell, cancel, _killed):
            job = jobs[segment.clip]
            if isinstance(outcome, str):
                report.failed[str(job.info.path)] = outcome
                continue
            job.results[segment.start] = outcome
            if len(job.results) == len(job.segments):
                _join(job, faceset, report)
                finished += 1
    progress(Progress("extract", done, done, "frames", f"{finished}/{len(jobs)} clips, {report.faces} faces"))


def _guarded(segment: Segment) -> SegmentResult | str:
    """A clip that cannot be read must not stop the others: its error comes back as text."""
    try:
        return extract_segment(segment)
    except (MediaError, FaceSetError) as error:
        return str(error)


def _killed(segment: Segment) -> str:
    return (
        f"{segment.path} killed the process that read it, twice: it makes the decoder crash, or takes more memory than "
        "there is; convert it to H.264 first, or leave it out"
    )


def _join(job: _Job, faceset: FaceSet, report: ExtractReport) -> None:
    """Number tracks through the whole clip, give each its identity, write the part."""
    results = [job.results[segment.start] for segment in job.segments]
    numbers = join_tracks(results)
    identities: dict[int, tuple[np.ndarray, int]] = {}
    for result, mapping in zip(results, numbers, strict=True):
        for track, (total, count) in result.identity.items():
            whole, so_far = identities.get(mapping[track], (np.zeros(128, np.float32), 0))
            identities[mapping[track]] = (whole + total, so_far + count)
    embeddings = {track: mean_identity(*value) for track, value in identities.items()}
    frames = sum(result.frames for result in results)
    size = next(((r.width, r.height) for r in results if r.frames), (job.info.width, job.info.height))
    with faceset.writer(job.source) as writer:
        for segment, mapping in zip(job.segments, numbers, strict=True):
            writer.append_segment(segment.output, mapping, embeddings)
            segment.output.unlink()
        writer.source = replace(job.source, frames=frames, width=size[0], height=size[1])
    report.clips += 1
    report.frames += frames
    report.faces += writer.faces
    if not writer.faces:
        report.without_faces.append(str(job.info.path))
    if damaged := sum(result.damaged for result in results):
        report.notes.append(f"{job.info.path}: {damaged} damaged packets were passed over")


def join_tracks(results: list[SegmentResult]) -> list[dict[int, int]]:
    """For every segment: its own track numbers -> numbers through the whole clip."""
    numbers: list[dict[int, int]] = []
    following = 0
    for position, result in enumerate(results):
        mapping: dict[int, int] = {}
        if position:
            before, named = results[position - 1].last, numbers[-1]
            for track, box in result.first.items():
                near = {named[other]: iou(box, other_box) for other, other_box in before.items()}
                best = max(near, key=lambda number: near[number], default=None)
                if best is not None and near[best] > SAME_PLACE and best not in mapping.values():
                    mapping[track] = best
        for track in sorted({*result.identity, *result.first, *result.last} - {*mapping}):
            mapping[track] = following
            following += 1
        numbers.append(mapping)
        following = max([following, *(number + 1 for number in mapping.values())])
    return numbers


def fingerprint(path: Path) -> str:
    """SHA-256 of a clip: of the file, or of names and contents of a folder of pictures."""
    if path.is_file():
        return sha256(path)
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file():
            digest.update(f"{file.name}\0{sha256(file)}\0".encode())
    return digest.hexdigest()
