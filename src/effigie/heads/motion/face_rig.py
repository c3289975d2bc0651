"""A portrait's face as something that can be set: measures its smile, gaze, lids ..., and gives them other values.

Every value is measured from the same landmarks that it moves, so that what is asked for is what is there afterwards,
whether the face was the portrait's own or a driver had moved it. What 0 is, the calm face behind the portrait's
expression, is guessed as in :mod:`effigie.prior.expression_model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.arrays import Landmarks
from effigie.faces.landmarker import BLENDSHAPES, BlendshapeModel
from effigie.faces.mesh import LEFT_BROW, RIGHT_BROW, SHUT_LIDS, Pose, fit_pose
from effigie.heads.motion.face_controls import FaceControls, control_range
from effigie.heads.motion.features import EYE_LANDMARKS, LipField, lid_share, lip_gaps, region_weights, set_lids
from effigie.heads.motion.gains import CORNERS, EYE_CORNERS_APART, brow_weights, corner_weights
from effigie.heads.motion.motion import Rest
from effigie.prior.expression_model import MOVING, load_expressions

# Of a broad smile: by how much it widens a calm mouth, over the distance of the eyes' outer corners (120 pictures:
# calm 0.54, smiling 0.75; the last of it is what teeth are shown for).
SMILE_WIDENS = 0.17
CALM_WIDTH = 0.56  # of the same distance, that no calm mouth is wider than by much
FROWN_CM = np.array([-0.15, -0.45, 0.0])  # of a mouth's corner, away from its middle, up, toward the viewer
SMILE_PARTS_CM = 0.4  # that a broad smile parts the lips, which it takes along when it goes
BROW_CM = 0.75  # that brows rise at most
OPEN_CM = 3.0  # between the inner lips of a mouth that is open
MAX_GAZE = np.array([0.2, 0.13])  # of the eye's width that irises move, along and across
STRAIGHT_GAZE = np.array([-0.032, 0.067])  # of a mean face that looks ahead, in eye widths
REST_OPENNESS = 0.36  # lid gap over width that no eye at rest passes
NECK_CM = np.array([0.0, -9.0, -6.0])  # about which a head turns, canonical space
ROUNDS = 3
FLIPS = np.array([1.0, -1.0, -1.0])
BROWS = np.concatenate([LEFT_BROW, RIGHT_BROW])
OUTWARD = (1.0, -1.0)  # x of the unposed space along the eye's axis, from the outer corner to the inner one


@dataclass(frozen=True)
class _Direction:
    """A movement of one unit.

    Attributes:
        moves: (478, 3) cm.
        points: landmarks by which it is measured.
    """

    moves: np.ndarray
    points: np.ndarray

    def measure(self, change: np.ndarray) -> float:
        """How many units of it a (478, 3) change holds."""
        own = self.moves[self.points].ravel()
        return float(change[self.points].ravel() @ own / (own @ own))


class FaceRig:
    """One portrait's face.

    Args:
        landmarks: (478, 3) of the portrait, px.
        blendshapes: (52,) of the same picture, in [0, 1].
        size: width and height of the picture, px, in which a motion keeps the face; None lets it go anywhere.

    Attributes:
        pose: the portrait's.
        shape: (478, 3) float64 the portrait's, unposed, cm.
        neutral: (478, 3) float64 the calm face behind it.
    """

    def __init__(self, landmarks: Landmarks, blendshapes: np.ndarray, size: tuple[int, int] | None = None) -> None:
        self.size = size
        landmarks = landmarks.astype(np.float64)
        self.pose = fit_pose(landmarks)
        self.shape = self.pose.to_canonical(landmarks)
        self.neutral = load_expressions().remove_expression(self.shape, blendshapes)[0]
        self._lips = LipField.from_shape(self.shape)
        wide = float(np.linalg.norm(np.subtract(*self.neutral[[*EYE_CORNERS_APART], :2])))
        self._smile = _smile_moves(SMILE_WIDENS * wide), _frown_moves()
        # The broader a smile, the less of it blendshapes tell; a mouth that is wider than calm ones still smiles.
        excess = float(np.linalg.norm(np.subtract(*self.neutral[[*CORNERS], :2]))) - CALM_WIDTH * wide
        self.neutral -= max(excess, 0.0) / (SMILE_WIDENS * wide) * self._smile[0].moves
        self._shut(self.neutral)
        self._brows = _brow_moves(up=True), _brow_moves(up=False)
        # An eye at rest is as open as in the portrait, or more where the portrait's is half shut.
        self._rest = [
            min(max(eye.opening(self.shape), eye.opening(self.neutral)), REST_OPENNESS) for eye in EYE_LANDMARKS
        ]

    @cached_property
    def rest(self) -> Rest:
        """What motions of this face are a change from: the portrait itself."""
        blendshapes = BlendshapeModel()(self.pose.apply(self.shape))
        return Rest(
            self.pose.rotation, self.pose.scale, self.pose.translation, self.shape.astype(np.float32), blendshapes
        )

    def measure(self, shape: np.ndarray, pose: Pose) -> FaceControls:
        """What a (478, 3) unposed shape and a pose show; values beyond a control's range are brought into it."""
        yaw, pitch, roll = pose.angles.tolist()
        gaze = self._measure_gaze(shape)
        return _within_ranges(
            smile=self._measure_pair(self._smile, shape),
            mouth=_gap(shape) / OPEN_CM,
            blink_left=self._measure_blink(shape, 1),
            blink_right=self._measure_blink(shape, 0),
            gaze_x=gaze[0],
            gaze_y=gaze[1],
            brows=self._measure_pair(self._brows, shape),
            yaw=yaw,
            pitch=pitch,
            roll=roll,
        )

    def set(self, shape: np.ndarray, pose: Pose, controls: FaceControls) -> tuple[np.ndarray, Pose]:
        """The (478, 3) unposed shape and the pose that show what is wanted; what is None stays."""
        shape = shape.copy()
        gap, lids = _gap(shape), [eye.opening(shape) for eye in EYE_LANDMARKS]
        gaze = self._measure_gaze(shape)
        if controls.mouth is not None:
            gap = OPEN_CM * controls.mouth
        elif controls.smile is not None:
            less = max(self._measure_pair(self._smile, shape) - controls.smile, 0.0)
            gap = max(gap - SMILE_PARTS_CM * less, 0.0)
        if controls.brows is not None:
            self._set_pair(self._brows, shape, controls.brows)
        if controls.smile is not None or controls.mouth is not None:
            for _ in range(2):  # cheeks push at the lips, and lips that are shut draw at their corners
                if controls.smile is not None:
                    self._set_pair(self._smile, shape, controls.smile)
                self._set_gap(shape, gap)
        # What nobody asked for stays as it was.
        for number, blink in ((1, controls.blink_left), (0, controls.blink_right)):
            if blink is not None:
                self._set_blink(shape, number, blink)
            elif controls.smile is not None or controls.brows is not None:
                self._open_lids(shape, number, lids[number])
        self._set_gaze(
            shape,
            np.array(
                [
                    gaze[0] if controls.gaze_x is None else controls.gaze_x,
                    gaze[1] if controls.gaze_y is None else controls.gaze_y,
                ]
            ),
        )
        return shape, turn_head(pose, controls)

    def _measure_pair(self, pair: tuple[_Direction, _Direction], shape: np.ndarray) -> float:
        change = shape - self.neutral - _gap(shape) * _jaw_moves()  # an open jaw draws at the corners too
        up, down = (max(one.measure(change), 0.0) for one in pair)
        return up if up >= down else -down

    def _set_pair(self, pair: tuple[_Direction, _Direction], shape: np.ndarray, target: float) -> None:
        for _ in range(ROUNDS):  # up and down are not quite opposite
            now = self._measure_pair(pair, shape)
            for value, sign in ((now, -1), (target, 1)):
                shape += sign * abs(value) * pair[0 if value >= 0 else 1].moves

    def _set_gap(self, shape: np.ndarray, target: float) -> None:
        """Open or shut the lips to a gap at their middle, cm, the jaw with them."""
        jaw = _jaw_moves()
        shape += (target - _gap(shape)) * jaw
        change = np.zeros((9, 3))
        now = lip_gaps(shape)[:, 1]
        # Lips meet from corner to corner before they would overlap.
        change[:, 1] = np.maximum(now, 0) - now if target > 0 else -now
        self._lips.move(shape, change)

    def _shut(self, shape: np.ndarray) -> None:
        change = np.zeros((9, 3))
        change[:, 1] = -np.maximum(lip_gaps(shape)[:, 1], 0)
        self._lips.move(shape, change)

    def _measure_blink(self, shape: np.ndarray, number: int) -> float:
        rest = self._rest[number]
        return 1 - (EYE_LANDMARKS[number].opening(shape) - SHUT_LIDS) / max(rest - SHUT_LIDS, 0.03)

    def _set_blink(self, shape: np.ndarray, number: int, blink: float) -> None:
        self._open_lids(shape, number, self._rest[number] * lid_share(1 - blink, self._rest[number]))

    def _open_lids(self, shape: np.ndarray, number: int, opening: float) -> None:
        """Give an eye a lid gap over its width; the form of the gap is the portrait's own."""
        eye = EYE_LANDMARKS[number]
        own = max(eye.opening(self.shape), 1e-6) * eye.width(self.shape) / eye.width(shape)
        set_lids(shape, self.shape, eye, opening / own)

    def _measure_gaze(self, shape: np.ndarray) -> np.ndarray:
        """(2,) to the picture's right and down, of both eyes together."""
        shifts = [(eye.gaze(shape) - STRAIGHT_GAZE) / MAX_GAZE for eye in EYE_LANDMARKS]
        return np.mean([[sign * shift[0], -shift[1]] for sign, shift in zip(OUTWARD, shifts, strict=True)], axis=0)

    def _set_gaze(self, shape: np.ndarray, target: np.ndarray) -> None:
        change = target - self._measure_gaze(shape)
        for sign, eye in zip(OUTWARD, EYE_LANDMARKS, strict=True):
            shift = np.array([sign * change[0], -change[1]]) * MAX_GAZE
            eye.set_gaze(shape, self.shape, eye.gaze(shape) + shift)


def turn_head(pose: Pose, controls: FaceControls) -> Pose:
    """The pose with other angles, turned about the neck."""
    if controls.yaw is None and controls.pitch is None and controls.roll is None:
        return pose
    yaw, pitch, roll = (
        own if value is None else value
        for own, value in zip(pose.angles.tolist(), (controls.yaw, controls.pitch, controls.roll), strict=True)
    )
    rotation = Rotation.from_euler("ZYX", [roll, -yaw, pitch], degrees=True).as_matrix() * FLIPS
    shift = pose.scale * (pose.rotation - rotation) @ NECK_CM
    return Pose(rotation, pose.scale, pose.translation + shift * np.array([1.0, 1.0, 0.0]))


def _gap(shape: np.ndarray) -> float:
    """Between the inner lips, cm; 0 where they touch or overlap."""
    return max(float(lip_gaps(shape)[3:6, 1].mean()), 0.0)


def _within_ranges(**values: float) -> FaceControls:
    return FaceControls(**{name: float(np.clip(value, *control_range(name))) for name, value in values.items()})


def _displacement(*names: str) -> np.ndarray:
    """(478, 3) cm that whole blendshapes of these names move together."""
    order = [BLENDSHAPES[index] for index in MOVING]
    return np.asarray(sum(load_expressions().displacements[order.index(name)] for name in names))


@cache
def _smile_moves(widens_cm: float) -> _Direction:
    """Of a smile that widens the mouth so much; eyes stay."""
    moves = _displacement("mouthSmileLeft", "mouthSmileRight") * (1 - region_weights()[0][:, None])
    widened = float(np.subtract(*moves[[CORNERS[1], CORNERS[0]], 0]))
    return _Direction(widens_cm / widened * moves, np.array(CORNERS))


@cache
def _frown_moves() -> _Direction:
    moves = corner_weights()[:, None] * FROWN_CM
    moves[:, 0] *= np.sign(_displacement("mouthSmileLeft", "mouthSmileRight")[:, 0])
    return _Direction(moves, np.array(CORNERS))


@cache
def _brow_moves(up: bool) -> _Direction:
    names = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight") if up else ("browDownLeft", "browDownRight")
    moves = _displacement(*names) * brow_weights()[:, None]
    risen = float(np.abs(moves[BROWS, 1]).mean())
    return _Direction((BROW_CM if up else 0.6 * BROW_CM) / risen * moves, BROWS)


@cache
def _jaw_moves() -> np.ndarray:
    """(478, 3) cm of a jaw that opens the lips by one centimetre; eyes stay."""
    moves = _displacement("jawOpen") * (1 - region_weights()[0][:, None])
    return np.asarray(moves / lip_gaps(moves)[3:6, 1].mean())
