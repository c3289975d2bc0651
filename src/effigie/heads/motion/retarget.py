"""Retargets a driver's motion to a portrait, which keeps its own shape and takes the driver's changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.arrays import Landmarks
from effigie.faces.mesh import Pose, fit_pose
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.features import (
    EYE_LANDMARKS,
    PARTED_CM,
    SHUT_CM,
    LipField,
    compute_openness,
    lid_share,
    lip_gaps,
    region_weights,
    set_lids,
)
from effigie.heads.motion.gains import Gains, brow_weights, corner_weights, limit_mouth_width, mouth_width_range
from effigie.heads.motion.motion import Motion, interpolate_rotation

# Pairs between which faces are compared, left to right, and from hairline to nose, which no jaw moves.
WIDTH_PAIR, HEIGHT_PAIR = (234, 454), (10, 2)
MAX_PROPORTION = 1.25  # times larger that a movement gets on a larger face
MAX_GAP_CM = (3.5, 5.0)  # between inner lips, from which on the jaw is held back, and that it reaches at most
MAX_GAZE_SHIFT = np.array([0.25, 0.15])  # of the eye's width that irises move along and across at most
MAX_SCALE_CHANGE = 1.6  # times its own size that the head grows or shrinks at most
EDGE_KNEE = 0.08  # of the face's size, before the furthest place, within which the head slows down
MAX_OVERHANG = 0.1  # of the face's size that may pass the picture's edge, such as a chin
MAX_SAMPLES = 20_000  # frames in which the range of a mouth is looked for; 13 minutes
MAX_RISE = 0.25, 1.0  # of the face's size, and of what is seen below it, that it may rise: more would have no body


class Retargeter:
    """Landmarks of a portrait that moves as a driver does, one frame a call.

    Args:
        landmarks: (478, 3) of the portrait, px.
        motion: the driver's.
        controls: how strongly.
        size: width and height of the portrait's picture, px: the face is kept inside, or as far inside as it was. None
            lets it go anywhere.
        gains: how much more than the driver's single movements are asked for.

    Example::

        retarget = Retargeter(portrait.landmarks, read_motion("driver.mp4"))
        for index in range(len(retarget)):
            picture = scene.render(retarget(index)).image
    """

    def __init__(
        self,
        landmarks: Landmarks,
        motion: Motion,
        controls: Controls | None = None,
        size: tuple[int, int] | None = None,
        gains: Gains | None = None,
    ) -> None:
        self.controls = controls or Controls()
        self.motion = smooth_motion(motion, self.controls.smoothing)
        self.landmarks = landmarks.astype(np.float64)
        self.pose = fit_pose(self.landmarks)
        self.shape = self.pose.to_canonical(self.landmarks)
        self._size = size
        self._seconds = motion.seconds()
        self._rest = self.motion.rest
        self._neutral = self._rest.unposed.astype(np.float64)
        self._proportions = compute_proportions(self.shape, self._neutral)
        self._lips = LipField.from_shape(self.shape)
        self._mouth_widths = mouth_width_range(sample_shapes(self.motion), self._neutral)
        controls = self.controls
        eyes, mouth = region_weights()
        strengths = (
            eyes * controls.eye_strength + mouth * controls.mouth_strength + (1 - eyes - mouth) * controls.rest_strength
        )
        self._gains = gains = gains or Gains()
        strengths *= (1 + (gains.smile - 1) * corner_weights()) * (1 + (gains.brows - 1) * brow_weights())
        self._strengths = strengths[:, None] * self._proportions

    def __len__(self) -> int:
        return len(self.motion)

    def __call__(self, index: int) -> np.ndarray:
        """(478, 3) float32 landmarks in portrait px for frame ``index`` of the motion."""
        shape, pose = self.transfer(index)
        landmarks = pose.apply(shape)
        if self._size is not None:
            landmarks[:, :2] += compute_frame_shift(landmarks, self.landmarks, self._size)
        return landmarks.astype(np.float32)

    def transfer(self, index: int) -> tuple[np.ndarray, Pose]:
        """(478, 3) float64 unposed shape in cm, and the pose, before the face is kept inside the picture."""
        share = self._ease_in(index)
        return self._transfer_expression(index, share), self._transfer_pose(index, share)

    def _ease_in(self, index: int) -> float:
        """0 at the first frame, 1 when the portrait has taken up the motion."""
        if not self.controls.ease:
            return 1.0
        share = min(float(self._seconds[index]) / self.controls.ease, 1.0)
        return share * share * (3 - 2 * share)

    def _transfer_expression(self, index: int, share: float) -> np.ndarray:
        """(478, 3) float64 unposed, cm: the portrait's shape with the driver's change of expression."""
        own, rest = self.shape, self._neutral
        now = self.motion.unposed[index].astype(np.float64)
        shape = own + limit_mouth_width(own, share * self._strengths * (now - rest), *self._mouth_widths)
        self._match_lip_gaps(shape, now, share * self.controls.mouth_strength)
        strength = share * self.controls.eye_strength
        for eye in EYE_LANDMARKS:
            open_ = compute_openness(eye.opening(now), eye.opening(rest))
            openness = max(0.0, 1 + strength * (open_ - 1))
            set_lids(shape, own, eye, lid_share(openness, max(eye.opening(own), 1e-6)))
            # Of an iris behind a lid the network knows nothing.
            visibility = float(np.clip((open_ - 0.15) / 0.35, 0, 1))
            transfer_rotation = np.clip(eye.gaze(now) - eye.gaze(rest), -MAX_GAZE_SHIFT, MAX_GAZE_SHIFT)
            eye.set_gaze(shape, own, eye.gaze(own) + strength * visibility * transfer_rotation)
        return shape

    def _match_lip_gaps(self, shape: np.ndarray, now: np.ndarray, strength: float) -> None:
        """Give the inner lips of ``shape`` the right gaps, in place.

        A shut portrait opens by as much as a driver whose mouth is shut at rest. Where either shows teeth at rest the
        gaps are the driver's own: by the change alone the mouth would never close, or hardly open.
        """
        own, driver = lip_gaps(self.shape), self._proportions * lip_gaps(now)
        rest = self._proportions * lip_gaps(self._neutral)
        wider = max(own[3:6, 1].mean(), rest[3:6, 1].mean())
        parted = float(np.clip((wider - SHUT_CM) / (PARTED_CM - SHUT_CM), 0, 1))
        gain = self._gains.mouth
        gaps = (1 - parted) * (own + gain * (driver - rest)) + parted * gain * driver
        gaps[:, 1] = np.where(gaps[:, 1] > MAX_GAP_CM[0], _limit_gap(gaps[:, 1]), gaps[:, 1])
        gaps = own + strength * (gaps - own)
        gaps[:, 1] = np.maximum(gaps[:, 1], np.minimum(own[:, 1], 0))
        self._lips.move(shape, gaps - lip_gaps(shape))

    def _transfer_pose(self, index: int, share: float) -> Pose:
        """The portrait's pose with the driver's change of pose."""
        motion, neutral, own = self.motion, self._rest, self.pose
        strength = share * self.controls.head_strength
        now, rest = motion.rotation[index], neutral.rotation
        rotation = transfer_rotation(own.rotation, rest, now) if self.controls.relative else now
        growth = (motion.scale[index] / neutral.scale) ** strength
        shift = (motion.translation[index] - neutral.translation) / neutral.scale
        return Pose(
            interpolate_rotation(own.rotation, rotation, strength),
            own.scale * float(np.clip(growth, 1 / MAX_SCALE_CHANGE, MAX_SCALE_CHANGE)),
            own.translation + strength * own.scale * shift * np.array([1.0, 1.0, 0.0]),
        )


def sample_shapes(motion: Motion) -> np.ndarray:
    """(M, 478, 3) unposed shapes of frames that show the driver; evenly some of those of a very long motion."""
    visible = np.flatnonzero(motion.present)
    return np.asarray(motion.unposed[visible[:: -(-len(visible) // MAX_SAMPLES)]])


def transfer_rotation(own: np.ndarray, rest: np.ndarray, now: np.ndarray) -> np.ndarray:
    """(3, 3) rotation of a head that turns from ``own`` as another did from ``rest`` to ``now``.

    Nods happen about the head's own ears, turns to the side about the neck, leaning in the picture: the angles add up
    in this order. So a nod stays a nod on a face that looks aside, and a turn stays level on one that looks down.
    """
    flips = np.array([1.0, -1.0, -1.0])
    angles = Rotation.from_matrix(np.stack([own, rest, now]) * flips).as_euler("ZYX")
    return np.asarray(Rotation.from_euler("ZYX", angles[0] + angles[2] - angles[1]).as_matrix() * flips)


def _limit_gap(gaps: np.ndarray) -> np.ndarray:
    """Gaps of lips in cm, no more than a jaw can do."""
    start, most = MAX_GAP_CM
    return np.asarray(start + (most - start) * np.tanh((gaps - start) / (most - start)))


def compute_proportions(shape: np.ndarray, driver: np.ndarray) -> np.ndarray:
    """(3,) how much larger one unposed (478, 3) shape is than another: across, up, toward the viewer."""
    x, y = (
        np.linalg.norm(shape[a] - shape[b]) / max(float(np.linalg.norm(driver[a] - driver[b])), 1e-6)
        for a, b in (WIDTH_PAIR, HEIGHT_PAIR)
    )
    return np.clip(np.array([x, y, (x + y) / 2]), 1 / MAX_PROPORTION, MAX_PROPORTION)


def compute_frame_shift(landmarks: Landmarks, own: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(2,) px by which moved landmarks must shift so that the face does not leave the picture.

    Zero inside; toward an edge the face slows down and stops with a tenth of it outside, or where it was if that was
    further out. It rises no further from the lower edge than the picture shows of what is below it, or little more.

    Args:
        landmarks: (N, >= 2) moved.
        own: (N, >= 2) of the portrait itself.
        size: width and height, px.
    """
    shift = np.zeros(2)
    for axis in range(2):
        low, high = own[:, axis].min(), own[:, axis].max()
        knee = EDGE_KNEE * (high - low)
        margins = landmarks[:, axis].min(), size[axis] - landmarks[:, axis].max()
        start = low, size[axis] - high
        for sign, margin, own_margin in zip((1, -1), margins, start, strict=True):
            edge = min(-MAX_OVERHANG * float(high - low), float(own_margin) - knee)
            shift[axis] += sign * (edge + _soften_limit(float(margin) - edge, knee) - float(margin))
    size_y = float(np.ptp(own[:, 1]))
    room = size[1] - float(own[:, 1].max())
    most = MAX_RISE[0] * size_y + MAX_RISE[1] * max(room, 0.0)
    excess = most - (size[1] - float(landmarks[:, 1].max() + shift[1]) - room)
    shift[1] += _soften_limit(excess, EDGE_KNEE * size_y) - excess
    return shift


def _soften_limit(margin: float, knee: float) -> float:
    """``margin`` where it is above ``knee``, smoothly down to 0 where it is far below."""
    if margin >= knee:
        return margin
    return max(margin + knee, 0.0) ** 2 / (4 * knee)


def smooth_motion(motion: Motion, sigma: float) -> Motion:
    """The motion averaged over time with a Gaussian of ``sigma`` seconds; 0 gives the motion itself."""
    if sigma <= 0:
        return motion
    times = motion.seconds()
    base = motion.rest.rotation
    turns = Rotation.from_matrix(base.T @ motion.rotation).as_rotvec()
    scales = np.log(motion.scale)
    first = np.searchsorted(times, times - 3 * sigma)
    last = np.searchsorted(times, times + 3 * sigma, side="right")
    means: dict[str, list[np.ndarray]] = {name: [] for name in ("turn", "scale", "place", "shape")}
    for index, (start, stop) in enumerate(zip(first, last, strict=True)):
        weights = np.exp(-0.5 * ((times[start:stop] - times[index]) / sigma) ** 2)
        weights /= weights.sum()
        means["turn"].append(weights @ turns[start:stop])
        means["scale"].append(weights @ scales[start:stop])
        means["place"].append(weights @ motion.translation[start:stop])
        means["shape"].append(np.tensordot(weights, motion.unposed[start:stop], 1).astype(np.float32))
    return replace(
        motion,
        rotation=base @ Rotation.from_rotvec(np.stack(means["turn"])).as_matrix(),
        scale=np.exp(np.stack(means["scale"])),
        translation=np.stack(means["place"]),
        unposed=np.stack(means["shape"]),
    )
