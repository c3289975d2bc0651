"""A frame of a preview: the footage with its made faces, marked as it would be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from effigie.arrays import Image
from effigie.faces.analyzer import Face
from effigie.media.fields import deinterlace
from effigie.provenance.frame_marker import FrameMarker
from effigie.swap.inference.composition import ComposedFrame, ComposedPicture, FieldJoiner


@dataclass(frozen=True, eq=False)
class PreviewFrame:
    """A frame as it would be written, marked and labelled as everything that leaves effigie.

    Attributes:
        index: counted from 0.
        time: s, on the clip's clock.
        image: (H, W, 3) uint8 RGB; of interlaced footage the earlier field.
        footage: (H, W, 3) uint8 RGB, the input frame.
        mask: (H, W) uint8, 255 where a made face shows alone; 0 everywhere where none was put in.
        faces: those that were replaced, with the model's name.
        state: ``film``: to the last bit what a conversion writes, before it is encoded; ``settled``: composed from a
            few frames before on, within a fraction of a grey level of that; ``draft``: by itself.
    """

    index: int
    time: Fraction
    image: Image
    footage: Image
    mask: np.ndarray
    faces: Sequence[tuple[str, Face]]
    state: Literal["draft", "settled", "film"]


def finish_frame(
    parts: Sequence[ComposedFrame], marker: FrameMarker, state: Literal["draft", "settled", "film"]
) -> PreviewFrame:
    """The frame of its composed parts: itself, or both of its fields."""
    joiner, joined = FieldJoiner(), None
    for part in parts:
        joined = joiner(part)
    assert joined is not None
    frame = joined.frame
    return PreviewFrame(
        frame.index,
        frame.time,
        _mark(marker, joined),
        frame.image,
        np.zeros(frame.image.shape[:2], np.uint8) if joined.mask is None else joined.mask,
        [(name, face) for name, _, face, _ in joined.parts[-1].faces],
        state,
    )


def _mark(marker: FrameMarker, picture: ComposedPicture) -> Image:
    """What is written of a picture, as it is shown."""
    native, time = picture.frame.native, float(picture.frame.time)
    if native is None:
        return marker.mark(picture.image, picture.mask, picture.anchors, time)
    with native.restore_samples():
        native.apply(picture.edits)
        marker.mark_native(native, picture.mask, picture.anchors, time)
        if native.field_order == "progressive":
            return native.to_rgb()
        # Of two fields the earlier is shown, as readers do.
        frame = deinterlace(native.frame, 0 if native.field_order == "top" else 1)
        return native.with_frame(frame).to_rgb()
