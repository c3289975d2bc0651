"""Evaluation protocol of a swapped clip: input and output side by side, frame by frame, by every metric."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from effigie.errors import UsageError
from effigie.evaluate.metrics.container import compare_audio, compare_times
from effigie.evaluate.metrics.frechet import FaceSampler, FrechetScores
from effigie.evaluate.metrics.identity import is_same_person
from effigie.evaluate.metrics.regions import OCCLUDER_MASKS, MaskFolder
from effigie.evaluate.protocols.comparison import ClipComparison
from effigie.evaluate.protocols.face_comparison import ComparedFrame, FaceComparison
from effigie.evaluate.protocols.paired_reader import (
    MarkFunction,
    check_size,
    create_mark_function,
    crop_to_size,
    prepare_reference,
)
from effigie.evaluate.protocols.person import TrackMatcher, gallery_embeddings, person_embeddings, sample_source_faces
from effigie.evaluate.report.frames import write_csv
from effigie.evaluate.report.scores import PeopleScores, SwapScores
from effigie.evaluate.report.sheet import draw_sheet
from effigie.evaluate.report.summary import face_scores
from effigie.faces.recognizer import IdentityModel
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet
from effigie.faceset.plots.drawing import write_png
from effigie.media import ClipInfo, EncodeSettings, VideoReader, probe
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv")


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of :func:`evaluate_swap`."""

    # Identity (23 ms a face) and SSIM are measured on every n-th frame, everything else on every frame.
    interval: int = 5
    # How the output was encoded, so that the input can be encoded likewise for comparison.
    encode: EncodeSettings = EncodeSettings()  # noqa: RUF009 (frozen)
    references: int = 60  # single frames of either face set that make up the person's centroid, at most
    source_person: int = 0  # in the face set; 0 has the most faces
    target_person: int = 0  # likewise
    worst: int = 5  # frames a row on the sheet
    # Faces of the output, the input and the source that the Fréchet distances are taken of; 0 leaves them out,
    # and the network that they need (14 MB) is not fetched.
    frechet_faces: int = 64

    def __post_init__(self) -> None:
        for name in ("interval", "references"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not 1 <= self.worst <= 20:
            raise UsageError(f"worst must be 1 to 20 frames, not {self.worst}")
        if self.frechet_faces < 0:
            raise UsageError(f"frechet_faces must be 0 or more faces, not {self.frechet_faces}")


@dataclass(frozen=True)
class SwappedPerson:
    """One person of a clip, and the source whose face replaces theirs."""

    source: FaceSet | str | Path  # face set of who is to be seen
    target: FaceSet | str | Path  # of who is in the input
    source_person: int = 0  # the person in either; 0 has the most faces
    target_person: int = 0


def evaluate_swap(
    output_clip: str | Path,
    input_clip: str | Path,
    source_faces: FaceSet | str | Path,
    target_faces: FaceSet | str | Path,
    masks: str | Path | None = None,
    *,
    occluders: str | Path | None = None,
    sheet: str | Path | None = None,
    csv: str | Path | None = None,
    gallery: Sequence[FaceSet | str | Path] = (),
    settings: EvaluateSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> SwapScores:
    """Measure a swapped clip against the clip it was made from. Memory does not grow with the clip but for numbers.

    The input is given the output's invisible mark, so that the figures are of the swap alone. It is read twice:
    once to see which tracks are the target person and to encode it as the output was, once beside the output; for
    the sheet both are read once more. Landmarks are measured afresh on both clips, with the same tracker and without
    smoothing.

    Args:
        output_clip: what ``convert`` wrote.
        input_clip: what it was given.
        masks: the folder that ``convert`` wrote with ``masks``: without it the outline of the mesh stands
            in, for the inside eroded and for the outside half as large again, and no seam is measured.
        occluders: a folder of grey PNGs, one a frame, white where something covers a face; without it nothing is
            said about covers.
        sheet: a PNG to write, of the worst frames of all and by every metric, and the first and last.
        csv: a file to write, every figure of every frame.
        gallery: face sets of other people, among whom the source is to be the nearest to every made face.

    Raises:
        UsageError: the clips are of different size, or masks or occluders do not belong to them.
        MediaError: a clip cannot be read.
        FaceSetError: a face set cannot be read, or lacks the person.
        AssetError: a network that judges cannot be fetched.
        CancelledError: asked to stop.
    """
    settings = settings or EvaluateSettings()
    one = SwappedPerson(source_faces, target_faces, settings.source_person, settings.target_person)
    return evaluate_people(
        output_clip,
        input_clip,
        [one],
        masks,
        occluders=occluders,
        sheet=sheet,
        csv=csv,
        gallery=gallery,
        settings=settings,
        progress=progress,
        cancel=cancel,
    ).people[0]


def evaluate_people(
    output_clip: str | Path,
    input_clip: str | Path,
    people: Sequence[SwappedPerson],
    masks: str | Path | None = None,
    *,
    occluders: str | Path | None = None,
    sheet: str | Path | None = None,
    csv: str | Path | None = None,
    gallery: Sequence[FaceSet | str | Path] = (),
    settings: EvaluateSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> PeopleScores:
    """Measure a clip in which several people were swapped at once, each as :func:`evaluate_swap` measures one.

    Besides, it is measured whether everybody has their own new face in every frame and never another's.

    Args:
        people: everybody whose face was swapped; ``source_person`` and ``target_person`` of ``settings`` are not used.

    Raises:
        UsageError: also when nobody is named.
    """
    settings, cancel = settings or EvaluateSettings(), cancel or CancelToken()
    if not people:
        raise UsageError("name somebody whose face was swapped: a source and a target")
    info, output_info = probe(input_clip), probe(output_clip)
    size = (info.height, info.width)
    check_size((output_info.height, output_info.width), size, output_clip)
    folder = MaskFolder(masks, size) if masks is not None else None
    covers = MaskFolder(occluders, size, OCCLUDER_MASKS) if occluders is not None else None
    identity = IdentityModel()
    sources = [person_embeddings(one.source, identity, one.source_person, settings.references) for one in people]
    targets = [person_embeddings(one.target, identity, one.target_person, settings.references) for one in people]
    tracker, matcher = Tracker(), TrackMatcher(identity)
    with contextlib.ExitStack() as stack:
        encoded = None
        if Path(output_clip).suffix.lower() in VIDEOS:
            space = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="effigie-")))
            encoded = space / f"input{Path(output_clip).suffix.lower()}"
        mark = create_mark_function(output_clip, info.path, folder)
        prepare_reference(info, matcher, tracker, encoded, mark, settings.encode, progress, cancel)
        tracks = matcher.match_tracks(targets)
        faces = []
        for role, (target, mine) in enumerate(zip(targets, tracks, strict=True)):
            sampler = FaceSampler(settings.frechet_faces, matcher.count_frames(mine))
            faces.append(FaceComparison(role, sources, target, identity, sampler, settings.interval))
        comparison = ClipComparison(faces, tracks, tracker, settings.interval)
        times = _compare(comparison, output_clip, info, encoded, mark, folder, covers, progress, cancel)
    crowds = [sample_source_faces(one.source, one.source_person, settings.frechet_faces) for one in people]
    gallery_people = gallery_embeddings(gallery)
    gallery_people += [
        target
        for target in targets
        if gallery_people and not any(is_same_person(target, one) for one in gallery_people)
    ]
    scores = [face_scores(comparison, role, sources, crowd, gallery_people) for role, crowd in enumerate(crowds)]
    if sheet is not None:
        name = Path(output_clip).name
        tables = [face.table for face in faces]
        write_png(Path(sheet), draw_sheet(output_clip, input_clip, tables, name, settings.worst, cancel))
    if csv is not None:
        write_csv(Path(csv), comparison.table, [face.table for face in faces])
    notes = _notes(comparison, settings, folder, covers, len(times[0]))
    exact, audio = compare_times(*times, info.clock_origin), compare_audio(output_clip, input_clip)
    shared: dict[str, Any] = {"times": exact, "audio": audio, "pictures": comparison.table}
    return PeopleScores(
        [
            SwapScores(**each, **shared, notes=_own_notes(face, each["frechet"]) + notes, faces=face.table)
            for each, face in zip(scores, faces, strict=True)
        ]
    )


def _compare(
    comparison: ClipComparison,
    output_clip: str | Path,
    info: ClipInfo,
    encoded: Path | None,
    mark: MarkFunction,
    folder: MaskFolder | None,
    covers: MaskFolder | None,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> tuple[list, list]:
    """Measure every frame by every metric; returns the times of both clips' frames."""
    size = (info.height, info.width)
    times: tuple[list, list] = ([], [])
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(VideoReader(info.path, native=True))
        output = stack.enter_context(VideoReader(output_clip))
        encoded_reader = stack.enter_context(VideoReader(encoded)) if encoded else None
        for index, (frame, original, reencoded) in enumerate(zip_longest(output, reader, encoded_reader or ())):
            cancel.check()
            for one, so_far in ((frame, times[0]), (original, times[1])):
                if one is not None:
                    so_far.append(one.time)
            if frame is None or original is None:
                continue
            footage = mark(original)
            alike = footage if reencoded is None else crop_to_size(reencoded, size, encoded)
            pictures = crop_to_size(frame, size, output_clip), footage, alike
            mask = folder[index] if folder is not None else None
            cover = covers[index] if covers is not None else None
            comparison.add(ComparedFrame(index, float(original.time), *pictures, mask, cover))
            progress(Progress("compare", index + 1, info.frames, "frames"))
    return times


def _own_notes(face: FaceComparison, crowd: FrechetScores | None) -> list[str]:
    if not len(face.table):
        return ["the target person was not found in the input: is it the right face set?"]
    return [f"Fréchet distances are of {crowd.faces} faces each"] if crowd is not None else []


def _notes(
    comparison: ClipComparison,
    settings: EvaluateSettings,
    folder: MaskFolder | None,
    covers: MaskFolder | None,
    frames: int,
) -> list[str]:
    notes = []
    if comparison.strangers:
        notes.append(
            f"{format_count(comparison.strangers, 'frame')} changed although the target person is not in the picture"
        )
    notes.append(f"identity was measured on every {settings.interval}th frame")
    if folder is None:
        notes.append("without masks, the outline of the mesh stood in for what was replaced, and no seam was measured")
    for pictures, name in ((folder, "masks"), (covers, "covers")):
        if pictures is not None and len(pictures) != frames:
            notes.append(f"{pictures.folder} holds {len(pictures)} {name} for {frames} frames")
    if covers is None:
        notes.append("nothing was measured of what covers the face: no covers were given")
    return notes
