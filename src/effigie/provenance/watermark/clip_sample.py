"""What the marker learns from a clip before it marks: which codeword it speaks for, and how faces lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.provenance.watermark.anchor import Anchor
from effigie.provenance.watermark.anchored_search import AnchoredPose, AnchoredSearch
from effigie.provenance.watermark.face_patch import find_anchors, gather_patches
from effigie.provenance.watermark.frames import sample_luma
from effigie.provenance.watermark.geometry import PatternPose, PatternSearch
from effigie.provenance.watermark.payload import SYMBOL_COUNT, encode_into, normalize
from effigie.provenance.watermark.residual import ResidualAccumulator

SAMPLE_FRAMES, SAMPLE_SPAN_S = 8, 60.0  # of the clip, and from its start
FACE_STEP = 3  # of these frames one in so many is enough for a face: what matters there is the same in all
FACE_SAY = 1.5  # of a face's carriers, against 1 of the frame's, in which codeword is chosen
_COARSE = 25  # JPEG quality that stands for what an encoder will leave of a picture at half size


@dataclass(frozen=True)
class ClipSample:
    """Some frames of an unmarked clip.

    Attributes:
        frames: (H, W) luma.
        anchors: of the faces in one of FACE_STEP of them, by track.
    """

    frames: list[NDArray[np.uint8]]
    anchors: list[dict[int, Anchor]]

    @classmethod
    def read(cls, clip: Path) -> ClipSample:
        """Frames from all over the beginning of a clip."""
        frames = [
            np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame, np.uint8)
            for frame, _ in sample_luma(clip, SAMPLE_SPAN_S, SAMPLE_FRAMES)
        ]
        return cls(frames, find_anchors(frames[::FACE_STEP]))

    def select_codeword(self, output_id: int) -> NDArray[np.float32]:
        """The codeword of an id that the clip speaks for most: as it is, and as an encoder may leave it.

        The frame's carriers have a say, and those of the face that is seen most.
        """
        evidence = np.zeros(SYMBOL_COUNT, np.float32)
        rough = [_encode_roughly(frame) for frame in self.frames]
        for frames, shrink in ((self.frames, 1.0), (rough, 0.5)):
            total = ResidualAccumulator()
            for frame in frames:
                total.add(frame)
            evidence += normalize(PatternSearch(total.residual()).evidence(PatternPose())[:SYMBOL_COUNT])
            faces = [{track: anchor.resize(shrink) for track, anchor in anchors.items()} for anchors in self.anchors]
            for patch in gather_patches(frames[::FACE_STEP], faces)[:1]:
                search = AnchoredSearch(patch.residual())
                evidence += FACE_SAY * normalize(search.evidence(AnchoredPose())[:SYMBOL_COUNT])
        return encode_into(output_id, evidence)

    def faces_of_size(self, size: tuple[int, int]) -> list[tuple[NDArray[np.uint8], list[Anchor]]]:
        """Those frames of (height, width) that show faces, with their anchors."""
        pairs = zip(self.frames[::FACE_STEP], self.anchors, strict=True)
        return [(frame, list(anchors.values())) for frame, anchors in pairs if anchors and frame.shape == size]


def _encode_roughly(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if min(gray.shape) > 1:
        gray = np.asarray(cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, _COARSE])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
