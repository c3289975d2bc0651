"""One person of a clip, input and output side by side: every frame of theirs through every metric of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.evaluate.metrics import flicker, geometry, sharpness
from effigie.evaluate.metrics.cut_stability import WINDOW, mean_color
from effigie.evaluate.metrics.distribution import Crowd
from effigie.evaluate.metrics.expression import expression_error
from effigie.evaluate.metrics.gaze import OPEN, eye_state
from effigie.evaluate.metrics.identity import cosines
from effigie.evaluate.metrics.occlusion_preservation import occlusion
from effigie.evaluate.metrics.pose import pose_error
from effigie.evaluate.metrics.regions import covered, inside_face, own_part
from effigie.evaluate.metrics.seam import seam_steps
from effigie.evaluate.report.frames import FrameTable
from effigie.faces.mesh import eye_distance, eye_opening, mouth_opening
from effigie.faces.recognizer import IdentityModel
from effigie.prior.frame_bank import Geometry

COLUMNS = (
    *("frame", "start", "since", "x0", "y0", "x1", "y1", "found"),
    *("to_source", "to_target", "to_other", "input_to_target"),
    *("landmarks", "expression", "pose"),
    *("mouth_output", "mouth_input", "eyes_output", "eyes_input"),
    *("gaze", "gaze_x_output", "gaze_y_output", "gaze_x_input", "gaze_y_input"),
    *("sharpness_output", "sharpness_input", "flicker_output", "flicker_input"),
    *("seam_output", "seam_input", "seam_pairs", "edge_output", "edge_input", "edge_pairs"),
    *("colour_l", "colour_a", "colour_b"),
    *("replaced_share", "in_front", "covered", "replaced", "bare"),
)


@dataclass(frozen=True)
class Moment:
    """One frame of both clips.

    Attributes:
        index: of the frame.
        time: s.
        shot: number of the shot, counted by cuts in the input.
        output, given: (H, W, 3) uint8 RGB.
        encoded: the input after encoding as the output was.
        mask: (H, W) uint8 of the conversion.
        cover: (H, W) uint8, white where something covers a face.
    """

    index: int
    time: float
    shot: int
    output: np.ndarray
    given: np.ndarray
    encoded: np.ndarray
    mask: np.ndarray | None = None
    cover: np.ndarray | None = None


class FaceComparison:
    """What is measured of one person's face; only numbers are kept, and a few small pictures for the crowd.

    Args:
        role: which of ``sources`` is to be seen.
        sources: (N, 128) embeddings of the source of every role in the clip.
        target: (M, 128) embeddings of the person replaced.
        identity: SFace.
        crowd: takes faces for the Fréchet distance.
        every: identity on every n-th frame.
    """

    def __init__(
        self,
        role: int,
        sources: Sequence[np.ndarray],
        target: np.ndarray,
        identity: IdentityModel,
        crowd: Crowd,
        every: int,
    ) -> None:
        self.source, self.target = sources[role], target
        self._others = [source for number, source in enumerate(sources) if number != role]
        self._identity, self._every = identity, every
        self.crowd = crowd
        self.table = FrameTable(COLUMNS)
        self.embeddings: list[np.ndarray] = []
        self._last: tuple[int, int] | None = None  # frame and shot in which the person was last seen
        self._start = 0
        self._since = 0.0
        self._previous: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def add(self, moment: Moment, landmarks: np.ndarray, made: np.ndarray | None) -> None:
        """A frame that shows the person.

        Args:
            landmarks: (478, 3) in the input.
            made: (478, 3) in the output; None where no face was found there.
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
            "found": float(made is not None),
        }
        if made is not None:
            row |= _movement(made, landmarks)
        # A face that the tracker no longer sees is still there to be recognised, where the input's is.
        where = landmarks if made is None else made
        if moment.index % self._every == 0:
            row |= self._who(moment, landmarks, where)
        if self.crowd.wants():
            self.crowd.take(moment.output, moment.given, where, landmarks)
        if moment.mask is not None:
            row["replaced_share"] = covered(landmarks, moment.mask.shape, moment.mask)
            row |= _seam(moment, landmarks)
        row |= self._picture(moment, landmarks, row["since"])
        self.table.add(row)

    def absent(self) -> None:
        """A frame that does not show the person."""
        self._previous = None

    def _who(self, moment: Moment, landmarks: np.ndarray, made: np.ndarray) -> dict[str, float]:
        embedding = self._identity.of(moment.output, made)
        self.embeddings.append(embedding)
        row = {
            "to_source": float(cosines(embedding, self.source)),
            "to_target": float(cosines(embedding, self.target)),
            "input_to_target": float(cosines(self._identity.of(moment.given, landmarks), self.target)),
        }
        if self._others:
            row["to_other"] = max(float(cosines(embedding, other)) for other in self._others)
        return row

    def _picture(self, moment: Moment, landmarks: np.ndarray, since: float) -> dict[str, float]:
        """What is measured inside the face, away from its seam."""
        row: dict[str, float] = {}
        inside = inside_face(landmarks, moment.output.shape[:2], moment.mask)
        if moment.cover is not None:
            row |= _occlusion(moment, landmarks)
        if not inside.any():
            self._previous = None
            return row
        after, before = (sharpness.laplacian_variance(each, inside) for each in (moment.output, moment.given))
        if before > 0:
            row |= {"sharpness_output": after, "sharpness_input": before}
        if self._previous is not None:
            output, given, was = self._previous
            levels = flicker.differences((output, moment.output), (given, moment.given), (was, inside))
            if levels is not None:
                row |= {"flicker_output": levels[0], "flicker_input": levels[1]}
        if since < 2 * WINDOW:
            offset = mean_color(moment.output, inside) - mean_color(moment.given, inside)
            row |= dict(zip(("colour_l", "colour_a", "colour_b"), map(float, offset), strict=True))
        self._previous = moment.output, moment.given, inside
        return row


def _movement(made: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    mine, true = Geometry.of(made), Geometry.of(landmarks)
    eyes = [eye_state(each) for each in (made, landmarks)]
    row = {
        "landmarks": geometry.landmark_error(made, landmarks),
        "expression": expression_error(mine, true),
        "pose": pose_error(mine, true),
        "mouth_output": mouth_opening(made),
        "mouth_input": mouth_opening(landmarks),
        "eyes_output": eye_opening(made),
        "eyes_input": eye_opening(landmarks),
    }
    for side, state in zip(("output", "input"), eyes, strict=True):
        row |= {f"gaze_x_{side}": float(state.gaze[0]), f"gaze_y_{side}": float(state.gaze[1])}
    if eyes[1].opening >= OPEN:
        row["gaze"] = float(np.linalg.norm(eyes[0].gaze - eyes[1].gaze))
    return row


def _seam(moment: Moment, landmarks: np.ndarray) -> dict[str, float]:
    assert moment.mask is not None
    own = own_part(landmarks, moment.mask)
    steps = seam_steps(moment.output, moment.encoded, own, eye_distance(landmarks))
    if steps is None:
        return {}
    row: dict[str, float] = {"seam_pairs": steps.pairs, "edge_pairs": steps.all_pairs}
    row |= {
        f"edge_{side}": v / steps.all_pairs for side, v in zip(("output", "input"), steps.whole, strict=True)
    }
    if steps.pairs:
        row |= {
            f"seam_{side}": v / steps.pairs for side, v in zip(("output", "input"), steps.even, strict=True)
        }
    return row


def _occlusion(moment: Moment, landmarks: np.ndarray) -> dict[str, float]:
    assert moment.cover is not None
    face = inside_face(landmarks, moment.cover.shape, None)
    counts = occlusion(moment.output, moment.encoded, face, moment.cover, moment.mask)
    return dict(zip(("in_front", "covered", "replaced", "bare"), map(float, counts), strict=True))
