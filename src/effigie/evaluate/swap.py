"""The protocol for a swapped clip: input and output side by side, frame by frame, through every metric."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np

from effigie.errors import UsageError
from effigie.evaluate.comparison import Comparison
from effigie.evaluate.container import compare_audio, compare_times
from effigie.evaluate.person import WhoIsWho, person_embeddings
from effigie.evaluate.regions import MaskFolder
from effigie.evaluate.scores import SwapScores
from effigie.evaluate.sheet import draw_sheet
from effigie.faces.identity import IdentityModel
from effigie.faces.track import Tracker
from effigie.faceset import FaceSet
from effigie.faceset.drawing import write_png
from effigie.media import ClipInfo, EncodeSettings, Frame, Reader, Writer, probe
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.trust.credentials import read_credentials
from effigie.trust.outgoing import marker_for
from effigie.trust.watermark import Marker

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv")


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of :func:`evaluate_swap`.

    Attributes:
        every: identity is measured on every n-th frame (23 ms a face); everything else on every frame.
        encode: how the output was encoded, so that the input can be encoded likewise for comparison.
        references: single frames of either face set that make up the person's centroid, at most.
        source_who, target_who: the person in either face set; 0 has the most faces.
        worst: frames a row on the sheet.
    """

    every: int = 5
    encode: EncodeSettings = EncodeSettings()  # noqa: RUF009 (frozen)
    references: int = 60
    source_who: int = 0
    target_who: int = 0
    worst: int = 5

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(f"every must be 1 or more, not {self.every}")
        if self.references < 1:
            raise UsageError(f"references must be 1 or more, not {self.references}")
        if not 1 <= self.worst <= 20:
            raise UsageError(f"worst must be 1 to 20 frames, not {self.worst}")


def evaluate_swap(
    output_clip: str | Path,
    input_clip: str | Path,
    source_faces: FaceSet | str | Path,
    target_faces: FaceSet | str | Path,
    masks: str | Path | None = None,
    *,
    sheet: str | Path | None = None,
    settings: EvaluateSettings | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> SwapScores:
    """Measure a swapped clip against the clip it was made from. Memory does not grow with the clip.

    The input is given the output's invisible mark, so that the figures are of the swap alone. It is read twice:
    once to see which tracks are the target person and to encode it as the output was, once beside the output.
    Landmarks are measured afresh on both clips, with the same tracker and without smoothing.

    Args:
        output_clip: what ``convert`` wrote.
        input_clip: what it was given.
        source_faces: face set of the person who is to be seen.
        target_faces: face set of the person in the input.
        masks: the folder that ``convert`` wrote with ``masks``: without it the outline of the mesh stands
            in, for the inside eroded and for the outside half as large again.
        sheet: a PNG to write, of the worst frames by every metric and the first and last.

    Raises:
        UsageError: the clips are of different size, or the masks do not belong to them.
        MediaError: a clip cannot be read.
        FaceSetError: a face set cannot be read, or lacks the person.
        Cancelled: asked to stop.
    """
    settings, cancel = settings or EvaluateSettings(), cancel or Cancel()
    info, made = probe(input_clip), probe(output_clip)
    size = (info.height, info.width)
    _check_size((made.height, made.width), size, output_clip)
    folder = MaskFolder(masks, size) if masks is not None else None
    identity = IdentityModel()
    source = person_embeddings(source_faces, identity, settings.source_who, settings.references)
    target = person_embeddings(target_faces, identity, settings.target_who, settings.references)
    tracker = Tracker()
    with contextlib.ExitStack() as stack:
        encoded = None
        if Path(output_clip).suffix.lower() in VIDEOS:
            space = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="effigie-")))
            encoded = space / f"input{Path(output_clip).suffix.lower()}"
        who = WhoIsWho(target, identity)
        mark = _same_mark(output_clip, info.path, folder)
        _first_look(info, who, tracker, encoded, mark, settings, progress, cancel)
        tracks = who.tracks()
        comparison = Comparison(
            source, target, tracks, identity, tracker, size, settings.every, settings.worst
        )
        times: tuple[list, list] = ([], [])
        reader = stack.enter_context(Reader(input_clip))
        output = stack.enter_context(Reader(output_clip))
        other = stack.enter_context(Reader(encoded)) if encoded else None
        for index, (frame, given, again) in enumerate(_side_by_side(output, reader, other)):
            cancel.check()
            for one, so_far in ((frame, times[0]), (given, times[1])):
                if one is not None:
                    so_far.append(one.time)
            if frame is None or given is None:
                continue
            fitted = _fitted(frame, size, output_clip)
            footage = mark(given.image, index)
            reference = footage if again is None else _fitted(again, size, encoded)
            mask = folder[index] if folder is not None else None
            comparison.add(index, fitted, footage, reference, mask)
            progress(Progress("compare", index + 1, info.frames, "frames"))
        if sheet is not None:
            write_png(Path(sheet), draw_sheet(comparison, f"{Path(output_clip).name}"))
    found = comparison.scores()
    notes = [*comparison.notes(), f"identity was measured on every {settings.every}th frame"]
    if folder is None:
        notes.append("without masks, the outline of the mesh stood in for what was replaced")
    elif len(folder) != len(times[0]):
        notes.append(f"{folder.folder} holds {len(folder)} masks for {len(times[0])} frames")
    return SwapScores(
        **found,
        times=compare_times(*times, info.clock_origin),
        audio=compare_audio(output_clip, input_clip),
        notes=notes,
    )


def _first_look(
    info: ClipInfo,
    who: WhoIsWho,
    tracker: Tracker,
    encoded: Path | None,
    mark: Callable[[np.ndarray, int], np.ndarray],
    settings: EvaluateSettings,
    progress: ProgressCallback,
    cancel: Cancel,
) -> None:
    """See who is in the input, and write it again as the output was written."""
    tracker.restart()
    plain = replace(settings.encode, keep_audio=False)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(Reader(info.path))
        writer = stack.enter_context(Writer(encoded, reader.info, plain)) if encoded else None
        for frame in reader:
            cancel.check()
            who.look(frame.image, tracker(frame.image))
            if writer is not None:
                writer.write(mark(frame.image, frame.index), frame.time, frame.duration)
            progress(Progress("look at the input", frame.index + 1, info.frames, "frames"))


def _same_mark(
    output_clip: str | Path, input_clip: Path, folder: MaskFolder | None
) -> Callable[[np.ndarray, int], np.ndarray]:
    """Gives a frame of the input the invisible mark of the output, if that has one.

    What is measured is the swap; the mark has figures of its own.
    """
    found = read_credentials(Path(output_clip)).mark
    if found is None:
        return lambda image, index: image
    markers: dict[tuple[int, ...], Marker] = {}

    def mark(image: np.ndarray, index: int) -> np.ndarray:
        size = image.shape[:2]
        if size not in markers:
            markers[size] = marker_for(found, size, input_clip)
        return markers[size].mark(image, folder[index] if folder is not None else None)

    return mark


def _side_by_side(
    output: Iterable[Frame], given: Iterable[Frame], again: Iterable[Frame] | None
) -> Iterator[tuple[Frame | None, Frame | None, Frame | None]]:
    """Frame by frame; None where a clip has ended."""
    yield from zip_longest(output, given, again if again is not None else ())


def _fitted(frame: Frame, size: tuple[int, int], path: str | Path | None) -> np.ndarray:
    """The picture without the row and column that 4:2:0 adds to odd sides."""
    _check_size(frame.image.shape[:2], size, path)
    return frame.image[: size[0], : size[1]]


def _check_size(found: tuple[int, ...], size: tuple[int, int], path: str | Path | None) -> None:
    if not all(wanted <= side <= wanted + 1 for side, wanted in zip(found, size, strict=True)):
        raise UsageError(
            f"{path} is {found[1]}x{found[0]}, the input {size[1]}x{size[0]}: it was not made from this clip"
        )
