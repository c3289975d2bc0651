"""Warps what surrounds a face with the head: hair as one with the skull, the body as it follows, the neck between.

A smooth field over the portrait, made once, says how deep every pixel lies and how much of the head's motion it
takes part in. A new pose mixes four precomputed layers and inverts the result, on a grid of centimetres, so that it
costs two milliseconds whatever the picture's size.
"""

from __future__ import annotations

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mesh import MESH_VERTEX_COUNT, Pose, fit_pose, load_canonical_mesh
from effigie.heads.warp.body import BodyMotion

CELLS_PER_CM = 1.6
HEAD_CENTER = np.array([[0.0, 2.0, -2.0]])  # of the head, canonical cm
SKULL_CENTRE = np.array([0.0, 2.0, -3.5])
SKULL_RADII = np.array([8.4, 11.0, 8.0])
PLATEAU_DEPTH = 4.5  # cm behind the canonical origin: hair beside the head, throat and background lie flat there
MAX_DEPTH_SLOPE = 1.1  # depth may change by this much a cm, or a turn of 40 degrees would fold the field over
HEAD_EXTENT = (9.0, 11.5, 11.0)  # cm from the middle of the head to its outline: side, top, chin
HAIR_MARGIN = 2.5  # cm of hair around that outline which moves as one with it
NECK_START = 13.2  # cm below the middle of the head, where all is neck
MIN_FADE = 9.0  # cm over which the motion fades out, at least
FADE_PER_MOTION = 2.2  # cm of that for a cm of motion, or the field would fold over
MAX_FADE = 28.0  # cm of that at most
BELOW_FADE_SHARE = 0.8  # of that between chin and shoulders
BORDER_STRETCH = 3.0  # what is missing at the picture's border is made up by stretching so many times as much
BORDER_MARGIN = 3.0  # cm along the border that this reaches from where the person touches it
EAR_LEVEL = 4.0  # cm below the head's middle, from which on hair moves less and less with the skull
MAX_HAIR_DISTANCE = 24.0  # cm from the head's middle
BELOW_EARS_WEIGHT = 1.2  # cm that it counts as further away for every cm lower
NEWTON_STEPS = 4


def smooth_step(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, nowhere steeper than 1.5."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


class HeadWarp:
    """The warp of one portrait around its face.

    Args:
        landmarks: (478, 3) of the portrait, px.
        height, width: of the portrait.
        body_follows: the body is carried along where the head goes, and everything can move. False: what is far from
            the head stays, and the neck stretches; for crops that show little more than the head.

    Attributes:
        box: x0, y0, x1, y1 px of the part of the picture that can move.
        source_pose: the portrait's own pose.
    """

    def __init__(self, landmarks: Landmarks, height: int, width: int, *, body_follows: bool = False) -> None:
        self.source_pose = fit_pose(landmarks)
        self._body = BodyMotion(self.source_pose) if body_follows else None
        self._shape = self.source_pose.to_canonical(landmarks)
        self._last_pixel = np.array([width - 1, height - 1])
        middle = self.source_pose.apply(HEAD_CENTER)[0, :2]
        reach = (max(HEAD_EXTENT) + HAIR_MARGIN + MAX_FADE) * self.source_pose.scale
        if body_follows:
            reach = np.inf
        low = np.clip(np.floor(middle - reach), 0, self._last_pixel).astype(int)
        high = np.clip(np.ceil(middle + reach), low + 1, self._last_pixel + 1).astype(int)
        self.box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        cells = np.clip(np.ceil((high - low) / self.source_pose.scale * CELLS_PER_CM), 2, high - low + 1).astype(int)
        self._step = ((high - low) / cells).astype(np.float32)
        axes = ((np.arange(n) + 0.5) * s + start - 0.5 for n, s, start in zip(cells, self._step, low, strict=True))
        self._points = np.dstack(np.meshgrid(*axes)).astype(np.float32)
        self._distance, self._fade_rate = self._head_distance()
        self._person_borders = [np.ones(self._points.shape[:2], np.float32)] * 2
        depth = self._depth(landmarks)
        offset = np.dstack([self._points, depth]) - self.source_pose.translation
        self._layers = np.dstack([offset, np.ones_like(depth)]).astype(np.float32)

    def to_head_coordinates(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many cm (..., 2) px of the portrait lie to the right of and below the head's middle, head upright."""
        roll = np.radians(float(self.source_pose.angles[2]))
        across, down = np.moveaxis(
            (points - self.source_pose.apply(HEAD_CENTER)[0, :2]) / self.source_pose.scale, -1, 0
        )
        return np.cos(roll) * across + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * across

    def set_person_mask(self, person: np.ndarray) -> None:
        """Set which part of the box shows the person: all their hair moves as one, however high it is.

        Args:
            person: (h, w) bool over the box, in cells of any size.
        """
        share = cv2.resize(person.astype(np.float32), self._points.shape[1::-1], interpolation=cv2.INTER_AREA)
        across, down = self.to_head_coordinates(self._points)
        hair = (share > 0.5) & (down < HEAD_EXTENT[2]) & (np.hypot(across, down) < MAX_HAIR_DISTANCE)
        away = cv2.distanceTransform((~hair).astype(np.uint8), cv2.DIST_L2, 5) / CELLS_PER_CM
        # Above the chin the person's outline counts, below the neck's fade does.
        away = 0.9 * np.maximum(away - 1, 0) + BELOW_EARS_WEIGHT * np.maximum(down - EAR_LEVEL, 0)
        self._distance = np.minimum(self._distance, cv2.GaussianBlur(away.astype(np.float32), (0, 0), 1.0))
        # A picture's border that shows only background need not be stretched; what is beside may come there.
        along = int(2 * BORDER_MARGIN * CELLS_PER_CM) | 1
        self._person_borders = [
            cv2.blur(cv2.dilate(share, np.ones(kernel, np.uint8)), kernel[::-1]) for kernel in ((along, 1), (1, along))
        ]

    def _head_distance(self) -> tuple[np.ndarray, np.ndarray]:
        """How far (cm) every cell lies outside head and hair, and how quickly motion fades there (1 = REACH)."""
        across, down = self.to_head_coordinates(self._points)
        neck = smooth_step(down / NECK_START)
        tall = np.where(down < 0, HEAD_EXTENT[1], HEAD_EXTENT[2])
        relative = np.maximum(np.hypot(across / HEAD_EXTENT[0], down / tall), 1)
        distance = np.hypot(across, down) * (1 - 1 / relative) - HAIR_MARGIN * (1 - neck)
        # A neck between a head and a body that moves with it need not be over quickly.
        share = BELOW_FADE_SHARE if self._body is None else 1.0
        return np.maximum(distance, 0).astype(np.float32), (1 - (1 - share) * neck).astype(np.float32)

    def _depth(self, landmarks: Landmarks) -> np.ndarray:
        """(h, w) z in px of the portrait: face, skull and a plateau behind them, without steep slopes."""
        shape = self._points.shape[:2]
        r, t, s = self.source_pose.rotation, self.source_pose.translation, self.source_pose.scale
        # The ray of a pixel in canonical space is origin + z * direction; its first point on the skull counts.
        flat = self._points.reshape(-1, 2).astype(np.float64)
        origin = (np.column_stack([flat - t[:2], np.zeros(len(flat))]) / s @ r - SKULL_CENTRE) / SKULL_RADII
        direction = r[2] / SKULL_RADII
        a, b, c = direction @ direction, origin @ direction, (origin**2).sum(1) - 1
        inner = np.maximum(b * b - a * c, 0)
        skull = np.where(inner > 0, (-b - np.sqrt(inner)) / a, PLATEAU_DEPTH).reshape(shape)
        depth = np.minimum(np.minimum(skull, PLATEAU_DEPTH), self._face_depth(landmarks)).astype(np.float32)
        run = np.hypot(*(np.mgrid[-1:2, -1:2] * self._step[::-1, None, None])) / s * MAX_DEPTH_SLOPE
        for _ in range(int(16 * CELLS_PER_CM)):
            frame = cv2.copyMakeBorder(depth, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
            for y, x in np.ndindex(3, 3):
                np.minimum(depth, frame[y : y + shape[0], x : x + shape[1]] + np.float32(run[y, x]), depth)
        return cv2.GaussianBlur(depth, (0, 0), 0.7 * CELLS_PER_CM) * s + t[2]

    def _face_depth(self, landmarks: Landmarks) -> np.ndarray:
        """(h, w) cm: depth of the face's mesh, infinite outside it."""
        faces = load_canonical_mesh().triangles
        corners = np.round((landmarks[:MESH_VERTEX_COUNT, :2] - self._points[0, 0]) / self._step * 16).astype(np.int32)[
            faces
        ]
        z = (landmarks[faces, 2].mean(1) - self.source_pose.translation[2]) / self.source_pose.scale
        depth = np.full(self._points.shape[:2], np.inf, np.float32)
        for index in np.argsort(-z).tolist():
            cv2.fillConvexPoly(depth, corners[index], float(z[index]), cv2.LINE_8, 4)
        return depth

    def sample_depth(self, points: np.ndarray) -> np.ndarray:
        """(N,) z px of the field at (N, 2) px of the portrait."""
        return _sample_field(self._layers[..., 2], self._to_cells(points)[None])[0] + self.source_pose.translation[2]

    def estimate_pose(self, target: np.ndarray) -> Pose:
        """The pose of (478, 3) landmarks of the same person in the portrait's pixels."""
        return fit_pose(target, self._shape)

    def relative_rotation(self, pose: Pose) -> np.ndarray:
        """(3, 3) rotation and scale by which a pose changes offsets between points of the portrait, in px."""
        return pose.scale / self.source_pose.scale * pose.rotation @ self.source_pose.rotation.T

    def move_points(self, pose: Pose, points: np.ndarray) -> np.ndarray:
        """(N, 3) points of the portrait's head where a pose takes them."""
        return (points - self.source_pose.translation) @ self.relative_rotation(pose).T + pose.translation

    def compute_displacement(self, pose: Pose) -> np.ndarray:
        """(h, w, 2) float32: how many pixels from a cell of the box its source lies, x and y.

        Args:
            pose: of the head that is wanted, from :meth:`estimate_pose`.
        """
        mix = np.empty((4, 2), np.float32)
        mix[:3] = self.relative_rotation(pose)[:2].T
        mix[:2] -= np.eye(2)
        mix[3] = pose.translation[:2] - self.source_pose.translation[:2]
        body = np.zeros_like(mix) if self._body is None else self._body.layer_mix(self.relative_rotation(pose), pose)
        motion = self._layers @ (mix - body)
        on_head = self._distance < 0.5
        most = np.linalg.norm(motion[on_head], axis=1).max() / self.source_pose.scale if on_head.any() else 0.0
        reach = min(np.hypot(MIN_FADE, FADE_PER_MOTION * most), MAX_FADE)
        weight = 1 - smooth_step(self._distance / (reach * self._fade_rate))
        forward = (motion * weight[..., None] + self._layers @ body).astype(np.float32)
        displacement = self._invert_field(forward) - self._points
        return displacement if self._body is not None else self._stretch_border(displacement)

    def sample_displacement(self, displacement: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(..., 2) of a :meth:`compute_displacement` at (..., 2) px."""
        return _sample_field(displacement, self._to_cells(points))

    def _to_cells(self, points: np.ndarray) -> np.ndarray:
        return ((points - self._points[0, 0]) / self._step).astype(np.float32)

    def _invert_field(self, forward: np.ndarray) -> np.ndarray:
        """(h, w, 2): where the points that ``forward`` moves onto the cells come from, by Newton's method."""
        slope_x, slope_y = (np.gradient(forward, axis=1) / self._step[0], np.gradient(forward, axis=0) / self._step[1])
        slopes = np.dstack([1 + slope_x[..., 0], slope_y[..., 0], slope_x[..., 1], 1 + slope_y[..., 1]])
        source = self._points - forward
        for _ in range(NEWTON_STEPS):
            cell = self._to_cells(source)
            wrong_x, wrong_y = cv2.split(self._points - source - _sample_field(forward, cell))
            a, b, c, d = cv2.split(_sample_field(slopes, cell))
            determinant = np.maximum(a * d - b * c, 0.2)
            source[..., 0] += (d * wrong_x - b * wrong_y) / determinant
            source[..., 1] += (a * wrong_y - c * wrong_x) / determinant
        return source

    def _stretch_border(self, displacement: np.ndarray) -> np.ndarray:
        """Stretch what is next to the picture's border where the border would come into view."""
        for index in (0, 1):
            # One coordinate after the other, lying along the rows.
            field, place, mask = (
                part if index == 0 else part.T
                for part in (displacement[..., index], self._points[..., index], self._person_borders[index])
            )
            for edge, border, sign in ((0, 0, 1), (-1, self._last_pixel[index], -1)):
                if abs(place[0, edge] - border) > self._step[index]:
                    continue  # the box ends inside the picture
                missing = mask[:, edge] * np.maximum(-sign * field[:, edge], 0)
                length = np.maximum(BORDER_STRETCH * missing, 1.0)
                away = np.maximum(1 - np.abs(place - border) / length[:, None], 0)
                field += (sign * missing)[:, None] * away * away
        return displacement


def _sample_field(field: np.ndarray, cells: np.ndarray) -> np.ndarray:
    return cv2.remap(field, cells, None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
