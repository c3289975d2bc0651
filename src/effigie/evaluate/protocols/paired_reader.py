"""What an output is measured against: its input with the same mark, encoded alike, read frame by frame beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np

from effigie.errors import UsageError
from effigie.evaluate.metrics.regions import MaskFolder
from effigie.evaluate.protocols.person import WhoIsWho
from effigie.faces.shot_detector import Cuts
from effigie.faces.tracker import Tracker
from effigie.media import ClipInfo, EncodeSettings, Frame, Reader, Writer
from effigie.progress import Cancel, Progress, ProgressCallback
from effigie.provenance.c2pa.credentials import read_credentials
from effigie.provenance.signed_writer import marker_for
from effigie.provenance.watermark import Marker

Mark = Callable[[np.ndarray, int], np.ndarray]


def first_look(
    info: ClipInfo,
    who: WhoIsWho,
    tracker: Tracker,
    encoded: Path | None,
    mark: Mark,
    encode: EncodeSettings,
    progress: ProgressCallback,
    cancel: Cancel,
) -> None:
    """See who is in the input, and write it again as the output was written.

    Where a shot is cut everybody is met anew: another person in the same place would keep the track.
    """
    tracker.restart()
    cuts, plain = Cuts(), replace(encode, keep_audio=False)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(Reader(info.path))
        writer = stack.enter_context(Writer(encoded, reader.info, plain)) if encoded else None
        for frame in reader:
            cancel.check()
            image = mark(
                frame.image, frame.index
            )  # as it is measured later, so that tracks are numbered alike
            if cuts(image):
                tracker.reset()
            who.look(image, tracker(image))
            if writer is not None:
                writer.write(image, frame.time, frame.duration)
            progress(Progress("look at the input", frame.index + 1, info.frames, "frames"))


def same_mark(output_clip: str | Path, input_clip: Path, folder: MaskFolder | None) -> Mark:
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


def side_by_side(
    output: Iterable[Frame], given: Iterable[Frame], again: Iterable[Frame] | None
) -> Iterator[tuple[Frame | None, Frame | None, Frame | None]]:
    """Frame by frame; None where a clip has ended."""
    yield from zip_longest(output, given, again if again is not None else ())


def fitted(frame: Frame, size: tuple[int, int], path: str | Path | None) -> np.ndarray:
    """The picture without the row and column that 4:2:0 adds to odd sides.

    Raises:
        UsageError: it is of another size.
    """
    check_size(frame.image.shape[:2], size, path)
    return frame.image[: size[0], : size[1]]


def check_size(found: tuple[int, ...], size: tuple[int, int], path: str | Path | None) -> None:
    """Raise UsageError unless (height, width) are those wanted, or one more for 4:2:0."""
    if not all(wanted <= side <= wanted + 1 for side, wanted in zip(found, size, strict=True)):
        raise UsageError(
            f"{path} is {found[1]}x{found[0]}, the input {size[1]}x{size[0]}: it was not made from this clip"
        )
