"""Per-frame comparison of one person's face in input and output, by every metric of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.evaluate.metrics import flicker, geometry, sharpness
from effigie.evaluate.metrics.cut_stability import WINDOW_S, compute_mean_color
from effigie.evaluate.metrics.frechet import FaceSampler
from effigie.evaluate.metrics.gaze import OPEN, eye_state
from effigie.evaluate.metrics.geometry import expression_error, pose_error
from effigie.evaluate.metrics.identity import cosines
from effigie.evaluate.metrics.mimicry import measure_mimicry
from effigie.evaluate.metrics.occlusion_preservation import count_occlusion_pixels
from effigie.evaluate.metrics.regions import face_interior, mask_coverage, select_own_mask
from effigie.evaluate.metrics.seam import seam_steps
from effigie.evaluate.metrics.skin_color import PLACES, measure_skin
from effigie.evaluate.report.frames import FrameTable
from effigie.faces.mesh import eye_distance, eye_opening, mouth_opening
from effigie.faces.recognizer import IdentityModel
from effigie.prior.frame_bank import FaceGeometry

MIMICRY = tuple(f"{name}_{side}" for side in ("output", "input") for name in ("lip_gap", "brow_height", "smile_width"))
SKIN = tuple(f"skin_{axis}_{place.replace(' ', '_')}" for place in PLACES for axis in "lab")
COLUMNS = (
    *("frame", "start", "since", "x0", "y0", "x1", "y1", "found"),
    *("to_source", "to_target", "to_other", "input_to_target"),
    *("landmarks", "expression", "pose"),
    *("mouth_output", "mouth_input", "eyes_output", "eyes_input"),
    *MIMICRY,
    *SKIN,
    *("gaze", "gaze_x_output", "gaze_y_output", "gaze_x_input", "gaze_y_input"),
    *("sharpness_output", "sharpness_input", "flicker_output", "flicker_input"),
    *("seam_output", "seam_input", "seam_pairs", "edge_output", "edge_input", "edge_pairs"),
    *("colour_l", "colour_a", "colour_b"),
    *("replaced_share", "in_front", "covered", "replaced", "bare"),
)


@dataclass(frozen=True)
class ComparedFrame:
    """One frame of both clips, (H, W, 3) uint8 RGB each."""

    index: int
    time: float  # s
    output: Image
    original: Image
    encoded: np.ndarray  # the input after encoding as the output was
    mask: np.ndarray | None = None  # (H, W) uint8 of the conversion
    cover: np.ndarray | None = None  # (H, W) uint8, white where something covers a face
    shot: int = 0  # counted by cuts in the input


class FaceComparison:
    """Measures one person's face, frame by frame; keeps numbers, and a few small pictures for the Fréchet distance.

    Args:
        role: which of ``sources`` is to be seen.
        sources: (N, 128) embeddings of the source of every role in the clip.
        target: (M, 128) embeddings of the person replaced.
        interval: identity on every n-th frame.
    """

    def __init__(
        self,
        role: int,
        sources: Sequence[np.ndarray],
        target: np.ndarray,
        identity: IdentityModel,
        sampler: FaceSampler,
        interval: int,
    ) -> None:
        self.source, self.target = sources[role], target
        self._other_sources = [source for number, source in enumerate(sources) if number != role]
        self._identity, self._interval = identity, interval
        self.sampler = sampler
        self.table = FrameTable(COLUMNS)
        self.embeddings: list[np.ndarray] = []
        self._last: tuple[int, int] | None = None  # frame and shot in which the person was last seen
        self._start = 0
        self._since = 0.0
        self._previous: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def add(self, moment: ComparedFrame, landmarks: Landmarks, output_landmarks: Landmarks | None) -> None:
        """A frame that shows the person.

        Args:
            landmarks: (478, 3) in the input.
            output_landmarks: (478, 3) in the output; None where no face was found there.
        """
        if self._last != (moment.index - 1, moment.shot):
            self._start, self._since, self._previous = moment.index, moment.time, None
        self._last = moment.index, moment.shot
        low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
        row = {
            "frame": moment.index,
            "start": self._start,
            "since": moment.time - self._since,
            **dict(zip(("x0", "y0", "x1", "y1"), map(float, (*low, *high)), strict=True)),
            "found": float(output_landmarks is not None),
        }
        if output_landmarks is not None:
            row |= _measure_movement(output_landmarks, landmarks)
            skin = measure_skin(moment.output, output_landmarks) - measure_skin(moment.original, landmarks)
            row |= dict(zip(SKIN, map(float, skin.ravel()), strict=True))
        # A face that the tracker no longer sees is still there to be recognised, where the input's is.
        place = landmarks if output_landmarks is None else output_landmarks
        if moment.index % self._interval == 0:
            row |= self._measure_identity(moment, landmarks, place)
        if self.sampler.should_take():
            self.sampler.add(moment.output, moment.original, place, landmarks)
        if moment.mask is not None:
            row["replaced_share"] = mask_coverage(landmarks, moment.mask.shape, moment.mask)
            row |= _measure_seam(moment, landmarks)
        row |= self._measure_interior(moment, landmarks, row["since"])
        self.table.add(row)

    def add_absent(self) -> None:
        """A frame that does not show the person."""
        self._previous = None

    def _measure_identity(
        self, moment: ComparedFrame, landmarks: Landmarks, output_landmarks: Landmarks
    ) -> dict[str, float]:
        embedding = self._identity.embed(moment.output, output_landmarks)
        self.embeddings.append(embedding)
        row = {
            "to_source": float(cosines(embedding, self.source)),
            "to_target": float(cosines(embedding, self.target)),
            "input_to_target": float(cosines(self._identity.embed(moment.original, landmarks), self.target)),
        }
        if self._other_sources:
            row["to_other"] = max(float(cosines(embedding, other)) for other in self._other_sources)
        return row

    def _measure_interior(self, moment: ComparedFrame, landmarks: Landmarks, since: float) -> dict[str, float]:
        row: dict[str, float] = {}
        inside = face_interior(landmarks, moment.output.shape[:2], moment.mask)
        if moment.cover is not None:
            row |= _measure_occlusion(moment, landmarks)
        if not inside.any():
            self._previous = None
            return row
        pictures = moment.output, moment.original
        output_variance, input_variance = (sharpness.laplacian_variance(picture, inside) for picture in pictures)
        if input_variance > 0:
            row |= {"sharpness_output": output_variance, "sharpness_input": input_variance}
        if self._previous is not None:
            output, original, was = self._previous
            pairs = (output, moment.output), (original, moment.original), (was, inside)
            levels = flicker.compensated_differences(*pairs)
            if levels is not None:
                row |= {"flicker_output": levels[0], "flicker_input": levels[1]}
        if since < 2 * WINDOW_S:
            offset = compute_mean_color(moment.output, inside) - compute_mean_color(moment.original, inside)
            row |= dict(zip(("colour_l", "colour_a", "colour_b"), map(float, offset), strict=True))
        self._previous = moment.output, moment.original, inside
        return row


def _measure_movement(output_landmarks: Landmarks, landmarks: Landmarks) -> dict[str, float]:
    mine, true = FaceGeometry.from_landmarks(output_landmarks), FaceGeometry.from_landmarks(landmarks)
    eyes = [eye_state(points) for points in (output_landmarks, landmarks)]
    row = {
        "landmarks": geometry.landmark_error(output_landmarks, landmarks),
        "expression": expression_error(mine, true),
        "pose": pose_error(mine, true),
        "mouth_output": mouth_opening(output_landmarks),
        "mouth_input": mouth_opening(landmarks),
        "eyes_output": eye_opening(output_landmarks),
        "eyes_input": eye_opening(landmarks),
    }
    row |= dict(zip(MIMICRY, (*measure_mimicry(output_landmarks), *measure_mimicry(landmarks)), strict=True))
    for side, state in zip(("output", "input"), eyes, strict=True):
        row |= {f"gaze_x_{side}": float(state.gaze[0]), f"gaze_y_{side}": float(state.gaze[1])}
    if eyes[1].opening >= OPEN:
        row["gaze"] = float(np.linalg.norm(eyes[0].gaze - eyes[1].gaze))
    return row


def _measure_seam(moment: ComparedFrame, landmarks: Landmarks) -> dict[str, float]:
    assert moment.mask is not None
    own = select_own_mask(landmarks, moment.mask)
    steps = seam_steps(moment.output, moment.encoded, own, eye_distance(landmarks))
    if steps is None:
        return {}
    row: dict[str, float] = {"seam_pairs": steps.pairs, "edge_pairs": steps.all_pairs}
    for side, whole, even in zip(("output", "input"), steps.whole, steps.even, strict=True):
        row[f"edge_{side}"] = whole / steps.all_pairs
        if steps.pairs:
            row[f"seam_{side}"] = even / steps.pairs
    return row


def _measure_occlusion(moment: ComparedFrame, landmarks: Landmarks) -> dict[str, float]:
    assert moment.cover is not None
    face = face_interior(landmarks, moment.cover.shape, None)
    counts = count_occlusion_pixels(moment.output, moment.encoded, face, moment.cover, moment.mask)
    return dict(zip(("in_front", "covered", "replaced", "bare"), map(float, counts), strict=True))
