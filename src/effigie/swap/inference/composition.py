"""Puts the made faces of a frame into it, and joins the fields of interlaced frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from effigie.compositing.canvas import Canvas
from effigie.edit import Edit
from effigie.faces.analyzer import Face
from effigie.media import Frame
from effigie.provenance.watermark import Anchor
from effigie.swap.editing.shot_settings import ComposeSchedule
from effigie.swap.inference.people.state import FaceCompositor
from effigie.swap.inference.swapper import SwappedFace

RenderedFace = tuple[str, FaceCompositor, Face, SwappedFace]  # with its model's name


@dataclass(frozen=True, eq=False)
class ComposedFrame:
    """A frame, or a field, with its faces in it.

    Attributes:
        canvas: what it shows now, and what was changed.
        mask: (H, W) uint8, 255 where a made face shows alone; None where none was put in.
    """

    frame: Frame
    canvas: Canvas
    mask: np.ndarray | None
    faces: Sequence[RenderedFace]


@dataclass(frozen=True, eq=False)
class ComposedPicture:
    """What is written of a frame: itself, or both of its fields joined.

    Attributes:
        image: (H, W, 3) uint8 RGB as it is shown; of two fields the first.
        edits: of the decoded picture.
        anchors: of the made faces, which the mark is tied to.
        parts: the frame, or its fields, the earlier first.
    """

    image: np.ndarray
    mask: np.ndarray | None
    edits: list[Edit]
    duration: Fraction | None
    anchors: list[Anchor]
    parts: Sequence[ComposedFrame]

    @property
    def frame(self) -> Frame:
        """As it was decoded; of two fields the first."""
        return self.parts[0].frame


def compose_faces(
    frame: Frame, matte: np.ndarray | None, rendered: Sequence[RenderedFace], schedule: ComposeSchedule
) -> ComposedFrame:
    """Put made faces into a frame, in their order, with the settings and the paint of this frame.

    Args:
        schedule: of the clip.
        matte: (H, W) float32 in 0..1 by which masks are multiplied.
    """
    canvas, mask = Canvas(frame.image, None if frame.image_native is None else frame.image_native.read), None
    compose = schedule(frame.index)
    for name, compositor, face, swapped in rendered:
        compositor.adjust(compose)
        paint = schedule.paint(frame.index, name, swapped.mask.shape[0])
        face_mask = compositor(canvas, frame, face, swapped, matte, paint)
        mask = face_mask if mask is None else np.maximum(mask, face_mask)
    return ComposedFrame(frame, canvas, mask, rendered)


class FieldJoiner:
    """Joins the fields of interlaced frames, which come one after the other; whole frames go through."""

    def __init__(self) -> None:
        self._first: ComposedFrame | None = None

    def __call__(self, item: ComposedFrame) -> ComposedPicture | None:
        """The picture that is complete with this frame or field; None after the first of two fields."""
        frame, parts = item.frame, [item]
        edits, mask, duration, faces = item.canvas.edits, item.mask, frame.duration, item.faces
        if frame.field is not None:
            if not frame.is_second_field:
                self._first = item
                return None
            assert self._first is not None
            parts.insert(0, self._first)
            edits = [replace(edit, field=part.frame.field) for part in parts for edit in part.canvas.edits]
            masks = [part.mask for part in parts if part.mask is not None]
            mask = np.maximum.reduce(masks) if masks else None
            faces = parts[0].faces or faces  # the head is where it was in the first field
            duration = None if duration is None else 2 * duration
        anchors = [Anchor.from_placement(face.placement) for _, _, face, _ in faces]
        return ComposedPicture(parts[0].canvas.image, mask, edits, duration, anchors, parts)
