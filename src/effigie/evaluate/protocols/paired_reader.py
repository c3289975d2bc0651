"""Paired reading of an output and its reference: the input with the same mark, encoded alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from effigie.errors import UsageError
from effigie.evaluate.metrics.regions import MaskFolder
from effigie.evaluate.protocols.person import TrackMatcher
from effigie.faces.shot_detector import ShotDetector
from effigie.faces.tracker import Tracker
from effigie.media import ClipInfo, EncodeSettings, Frame, VideoReader, VideoWriter
from effigie.progress import CancelToken, Progress, ProgressCallback
from effigie.provenance.c2pa.reader import read_credentials
from effigie.provenance.frame_marker import create_embedder
from effigie.provenance.watermark import Anchor, WatermarkEmbedder, measure_anchor

MarkFunction = Callable[[Frame], np.ndarray]
"""Marks a frame, as decoded too if that was kept, and returns its (H, W, 3) uint8 RGB."""


def prepare_reference(
    info: ClipInfo,
    matcher: TrackMatcher,
    tracker: Tracker,
    encoded: Path | None,
    mark: MarkFunction,
    encode: EncodeSettings,
    progress: ProgressCallback,
    cancel: CancelToken,
    max_frames: int | None = None,
) -> None:
    """Track the people of the input, and encode it again as the output was encoded.

    Where a shot is cut everybody is met anew: another person in the same place would keep the track.
    """
    tracker.restart()
    cuts, plain = ShotDetector(), replace(encode, keep_audio=False)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(VideoReader(info.path, stop=max_frames, native=True))
        writer = stack.enter_context(VideoWriter(encoded, reader.info, plain)) if encoded else None
        for frame in reader:
            cancel.check()
            image = mark(frame)  # as it is measured later: tracks are numbered alike
            if cuts(image):
                tracker.reset()
            matcher.add_frame(image, tracker(image))
            if writer is not None:
                writer.write(image if frame.native is None else frame.native, frame.time, frame.duration)
            progress(Progress("look at the input", frame.index + 1, info.frames, "frames"))


def create_mark_function(output_clip: str | Path, input_clip: Path, folder: MaskFolder | None) -> MarkFunction:
    """Create the function that embeds the output's watermark, if it has one, into frames of the input.

    What is measured is the swap; the mark has figures of its own.
    """
    mark_record = read_credentials(Path(output_clip)).mark
    if mark_record is None:
        return lambda frame: frame.image
    markers: dict[tuple[int, ...], WatermarkEmbedder] = {}
    # The input is read twice, and tracked once.
    tracker, anchors_by_frame = Tracker(), dict[int, list[Anchor]]()

    def mark(frame: Frame) -> np.ndarray:
        size = frame.image.shape[:2]
        if size not in markers:
            markers[size] = create_embedder(mark_record, size, input_clip)
        face = folder[frame.index] if folder is not None else None
        if frame.index not in anchors_by_frame:
            anchors_by_frame[frame.index] = [
                measure_anchor(one.landmark_result.landmarks) for one in tracker(frame.image)
            ]
        anchors = anchors_by_frame[frame.index]
        if face is not None:
            anchors = [anchor for anchor in anchors if _is_made(anchor, face)]
        if frame.native is None:
            return markers[size].embed(frame.image, face, anchors)
        markers[size].embed_native(frame.native, face, anchors)
        return frame.native.to_rgb()

    return mark


def _is_made(anchor: Anchor, mask: np.ndarray) -> bool:
    """Whether the middle of a face lies in the mask of those that were made."""
    row, column = int(anchor.y), int(anchor.x)
    return 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and bool(mask[row, column] > 0)


def crop_to_size(frame: Frame, size: tuple[int, int], path: str | Path | None) -> np.ndarray:
    """The picture without the row and column that 4:2:0 adds to odd sides."""
    check_size(frame.image.shape[:2], size, path)
    return frame.image[: size[0], : size[1]]


def check_size(shape: tuple[int, ...], size: tuple[int, int], path: str | Path | None) -> None:
    """Raise UsageError unless (height, width) are those wanted, or one more for 4:2:0."""
    if not all(length <= side <= length + 1 for side, length in zip(shape, size, strict=True)):
        raise UsageError(
            f"{path} is {shape[1]}x{shape[0]}, the input {size[1]}x{size[0]}: it was not made from this clip"
        )
