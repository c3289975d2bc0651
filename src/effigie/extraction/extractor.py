"""`effigie.extract`: plans segments, has workers analyse them, and joins them into parts."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.errors import FaceSetError, MediaError
from effigie.execution import Executor, create_executor
from effigie.extraction.config import ExtractSettings
from effigie.extraction.plan import ClipJob, choose_crop_size, inspect_clips, plan_jobs
from effigie.extraction.remote_copy import local_faceset
from effigie.extraction.segment import Segment, SegmentResult, extract_segment
from effigie.faces.detector import iou
from effigie.faces.recognizer import normalize_embedding
from effigie.faceset import FaceSet
from effigie.io.atomic_write import convert_os_error, discard
from effigie.io.locks import with_output_lock
from effigie.io.storage import is_remote
from effigie.media.inputs import find_clips
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress

CRASHED_TWICE = (
    "twice: it makes the decoder crash, or takes too much memory; convert it to H.264 first, or leave it out"
)
MIN_TRACK_IOU = 0.4  # overlap of two boxes in consecutive frames that makes them one track


@dataclass
class ExtractReport:
    """Result of an extraction.

    Attributes:
        output: the face set.
        clips, frames, faces: what was read and found in this call.
        skipped: clips that were done already.
        without_faces: clips in which nobody was found.
        failed: clip -> why it could not be read; the others are done.
        notes: damage that was worked round.
    """

    output: Path | str
    clips: int = 0
    frames: int = 0
    faces: int = 0
    skipped: list[str] = field(default_factory=list)
    without_faces: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def extract(
    clips: Iterable[str | Path],
    output: str | Path,
    settings: ExtractSettings | None = None,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ExtractReport:
    """Find, follow, align and store every face of some clips.

    A clip that is in the face set already is skipped, so a rerun continues where the last one stopped. A clip that
    cannot be read is tried again, then reported, and does not stop the others. One without a face is done like any
    other.

    Args:
        clips: files, folders and glob patterns, and addresses that fsspec knows (``s3://bucket/*.mp4``).
        output: the face set's folder; made, or added to. At an address it is fetched and put back whole.
        progress: gets frames done and to do.

    Raises:
        MediaError: nothing to read under these names, or not one of the clips could be read.
        FaceSetError: ``output`` is something else, or a face set of other settings.
        EffigieError: the disk is full, or somebody else is writing ``output``.
        CancelledError: asked to stop; finished clips are kept.
    """
    settings, cancel = settings or ExtractSettings(), cancel or CancelToken()
    names = find_clips(clips)
    fetch_assets(REQUIRED_ASSETS, progress)
    with local_faceset(output) as folder:
        report = _extract_local(names, folder, settings, progress, cancel)
    return replace(report, output=output if is_remote(output) else report.output)


@with_output_lock("output")
def _extract_local(
    clips: list[str], output: Path, settings: ExtractSettings, progress: ProgressCallback, cancel: CancelToken
) -> ExtractReport:
    """Extract into a face set on this machine."""
    report = ExtractReport(output)
    in_memory = any(clip.startswith("memory://") for clip in clips)  # no other process would find them
    engine = "inline" if in_memory else settings.engine
    new = not output.exists()
    with contextlib.closing(create_executor(engine, settings.workers, [extract_segment.__module__])) as executor:
        executor.warm_up()
        try:
            if settings.size is None:
                settings = replace(settings, size=choose_crop_size(output, clips, executor, cancel))
            faceset = FaceSet.create(output, settings.to_json())
            with faceset.segment_folder() as folder:
                inspections = inspect_clips(
                    clips, faceset, settings, executor, report.failed, report.skipped, progress, cancel
                )
                jobs = plan_jobs(inspections, settings, folder, executor.workers)
                if jobs:
                    _run_jobs(jobs, faceset, executor, settings, report, progress, cancel)
        except OSError as error:  # from a worker, whose own file nobody knows
            raise convert_os_error(error, output) from error
    if report.failed and not report.clips and not report.skipped:
        if new:
            discard(output)
        raise MediaError("; ".join(report.failed.values()))
    return report


def _run_jobs(
    jobs: dict[str, ClipJob],
    faceset: FaceSet,
    executor: Executor,
    settings: ExtractSettings,
    report: ExtractReport,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> None:
    total = sum(job.info.frames or 0 for job in jobs.values()) or None
    frame_count, clips = 0, len(jobs)

    def report_progress(message: tuple[str, int]) -> None:
        nonlocal frame_count
        frame_count += message[1]
        note = f"{report.clips}/{format_count(clips, 'clip')}, {format_count(report.faces, 'face')}"
        progress(Progress("extract", frame_count, max(total, frame_count) if total else None, "frames", note))

    # Workers of another machine do not see this one's disk.
    function = _extract_or_error if settings.engine == "local" else _extract_rows
    with faceset.defer_index():
        for attempt in range(settings.retries + 1):
            failed: dict[str, str] = {}
            for segment, outcome in executor.run(
                function, _pending_segments(jobs), report_progress, cancel, _describe_crash
            ):
                job = jobs[segment.clip]
                if isinstance(outcome, str):
                    failed[segment.clip] = outcome
                    continue
                if outcome.rows is not None:
                    segment.output.write_bytes(outcome.rows)
                job.results[segment.start] = replace(outcome, rows=None)
                if len(job.results) == len(job.segments):
                    _write_part(job, faceset, report)
                    del jobs[segment.clip]
            for clip, reason in failed.items():
                if attempt == settings.retries or reason.endswith(CRASHED_TWICE):
                    report.failed[jobs.pop(clip).source.path] = reason
            if not jobs:
                break
    progress(
        Progress(
            "extract",
            frame_count,
            frame_count,
            "frames",
            f"{report.clips}/{format_count(clips, 'clip')}, {format_count(report.faces, 'face')}",
        )
    )


def _pending_segments(jobs: Mapping[str, ClipJob]) -> Iterator[Segment]:
    """The segments still to be analysed; skips clips that are finished meanwhile."""
    for job in list(jobs.values()):
        yield from (segment for segment in job.segments if segment.start not in job.results)


def _extract_or_error(segment: Segment) -> SegmentResult | str:
    """Extract a segment; returns the error of an unreadable clip as text, so that it does not stop the others."""
    try:
        return extract_segment(segment)
    except (MediaError, FaceSetError) as error:
        return str(error)


def _extract_rows(segment: Segment) -> SegmentResult | str:
    """As :func:`_extract_or_error`, with the rows in the result."""
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        output = Path(folder) / segment.output.name
        result = _extract_or_error(replace(segment, output=output))
        return result if isinstance(result, str) else replace(result, rows=output.read_bytes())


def _describe_crash(segment: Segment) -> str:
    return f"{segment.path} killed the process that read it, {CRASHED_TWICE}"


def _write_part(job: ClipJob, faceset: FaceSet, report: ExtractReport) -> None:
    """Number tracks through the whole clip, give each its identity, write the part."""
    results = [job.results[segment.start] for segment in job.segments]
    numbers = join_tracks(results)
    identities: dict[int, tuple[np.ndarray, int]] = {}
    for result, mapping in zip(results, numbers, strict=True):
        for track, (total, count) in result.embedding_sums.items():
            whole, so_far = identities.get(mapping[track], (np.zeros(128, np.float32), 0))
            identities[mapping[track]] = (whole + total, so_far + count)
    embeddings = {track: normalize_embedding(total / max(number, 1)) for track, (total, number) in identities.items()}
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
        report.without_faces.append(job.source.path)
    if damaged_packets := sum(result.damaged_packets for result in results):
        report.notes.append(f"{job.source.path}: {damaged_packets} damaged packets were passed over")


def join_tracks(results: list[SegmentResult]) -> list[dict[int, int]]:
    """Join tracks of consecutive segments; returns for each its track numbers -> numbers in the whole clip."""
    numbers: list[dict[int, int]] = []
    following = 0
    for position, result in enumerate(results):
        mapping: dict[int, int] = {}
        if position:
            last_boxes, previous_numbers = results[position - 1].last_boxes, numbers[-1]
            for track, box in result.first_boxes.items():
                overlaps = {previous_numbers[other]: iou(box, other_box) for other, other_box in last_boxes.items()}
                best = max(overlaps, key=lambda number: overlaps[number], default=None)
                if best is not None and overlaps[best] > MIN_TRACK_IOU and best not in mapping.values():
                    mapping[track] = best
        for track in sorted({*result.embedding_sums, *result.first_boxes, *result.last_boxes} - {*mapping}):
            mapping[track] = following
            following += 1
        numbers.append(mapping)
        following = max([following, *(number + 1 for number in mapping.values())])
    return numbers
