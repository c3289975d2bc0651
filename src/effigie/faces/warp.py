"""Warps a picture of a face to another geometry: piecewise affine over the face mesh.

The mesh is extended by a ring around the face, so that the seam, the hairline and the jaw are warped smoothly, and
the irises' centres become vertices, so that the gaze follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.mesh import FACE_OVAL, LEFT_EYE, MESH_VERTEX_COUNT, RIGHT_EYE, load_canonical_mesh

RING_EXTENT = 0.22  # the ring lies this share of the way further out from the face's middle
EYES = np.stack([LEFT_EYE, RIGHT_EYE])
IRIS_CENTERS = np.array([468, 473])
EYELIDS = np.array([[159, 145], [386, 374]])  # middle of the upper and lower lid of either eye
SLIT = np.ones((3, 3), np.uint8)  # px: holes in the mesh up to two wide
MAX_SLOPE = 8.0  # source pixels a pixel of the target: four times an enlarged picture's, twice that of its coarse field
SHRINK_LIMIT = 0.15  # a source triangle seen at less than this share of its target area has nothing to show
EXTENDED_VERTEX_COUNT = MESH_VERTEX_COUNT + len(IRIS_CENTERS) + len(FACE_OVAL)

PixelBox = tuple[slice, ...]
"""Rows and columns."""


@dataclass(frozen=True)
class WarpResult:
    """A warped picture."""

    image: Image  # (S, S, 3) of the source's dtype
    # (S, S) float32 in [0, 1]: 1 where the source really shows what is asked for, 0 where the picture is
    # stretched from nearly nothing, turned away, or outside the mesh.
    visibility: np.ndarray


@cache
def extended_triangles() -> np.ndarray:
    """(T, 3) indices into :func:`extend_mesh`: the mesh with a fan around either iris and a ring outside the oval."""
    mesh, eyes = load_canonical_mesh(), (LEFT_EYE, RIGHT_EYE)
    faces = [tri for tri in mesh.triangles if not any(set(tri) <= set(eye) for eye in eyes)]
    for number, eye in enumerate(eyes):
        center = MESH_VERTEX_COUNT + number
        faces += [np.array([center, eye[i], eye[(i + 1) % len(eye)]]) for i in range(len(eye))]
    first = MESH_VERTEX_COUNT + len(IRIS_CENTERS)
    count = len(FACE_OVAL)
    for i in range(count):
        j = (i + 1) % count
        faces.append(np.array([FACE_OVAL[i], first + i, first + j]))
        faces.append(np.array([FACE_OVAL[i], first + j, FACE_OVAL[j]]))
    result = np.array(faces, dtype=np.intp)
    # One orientation for all, measured on the canonical face, so that the sign of the area tells front from back.
    shape = extend_mesh(np.vstack([mesh.vertices, np.zeros((10, 3))]) * [1, -1, -1], iris=False)
    flip = signed_area(shape[:, :2], result) < 0
    result[flip] = result[flip][:, ::-1]
    return result


def extend_mesh(landmarks: Landmarks, iris: bool = True) -> np.ndarray:
    """Extend (478, 3) landmarks to (V, 3) vertices: the 468, two iris centres kept between their lids, and the ring."""
    mesh = landmarks[:MESH_VERTEX_COUNT]
    middle = mesh[EYES].mean(axis=1)
    center = landmarks[IRIS_CENTERS].copy() if iris else middle.copy()
    # A closed lid hides the iris: its centre slides to the slit, or the fan around it would fold over.
    upper, lower = mesh[EYELIDS, :2].transpose(1, 0, 2)
    opening = np.linalg.norm(upper - lower, axis=1)[:, None]
    axis = (lower - upper) / np.maximum(opening, 1e-6)
    offset = ((center[:, :2] - (upper + lower) / 2) * axis).sum(axis=1, keepdims=True)
    center[:, :2] -= (offset - np.clip(offset, -0.3 * opening, 0.3 * opening)) * axis
    center[:, 2] = middle[:, 2]
    oval = mesh[FACE_OVAL]
    ring = oval + RING_EXTENT * (oval - oval.mean(0))
    return np.concatenate([mesh, center, ring])


def signed_area(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(T,) twice the signed area of triangles over (V, 2) points."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])


def affine_maps(source: np.ndarray, target: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(T, 2, 3) float32 maps from target pixels to source pixels, one a triangle."""
    a = target[faces[:, 0]]
    u, v = target[faces[:, 1]] - a, target[faces[:, 2]] - a
    p, q = source[faces[:, 1]] - source[faces[:, 0]], source[faces[:, 2]] - source[faces[:, 0]]
    determinant = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    safe = np.where(np.abs(determinant) < 1e-6, np.inf, determinant)[:, None]
    column_x = (p * v[:, 1:2] - q * u[:, 1:2]) / safe
    column_y = (q * u[:, 0:1] - p * v[:, 0:1]) / safe
    shift = source[faces[:, 0]] - column_x * a[:, 0:1] - column_y * a[:, 1:2]
    return np.stack([column_x, column_y, shift], axis=2).astype(np.float32)


class MeshWarper:
    """Warps pictures to ``target``, (478, 3) px at ``size``; what depends on it alone is computed once."""

    def __init__(self, target: np.ndarray, size: int) -> None:
        self.target, self.size = target, size
        # The field is smooth, so half the resolution is enough for large pictures and costs a quarter.
        self._coarse = size if size <= 128 else size // 2
        self._scale = self._coarse / size
        faces = extended_triangles()
        points = extend_mesh(target).astype(np.float64)
        points[:, :2] = (points[:, :2] + 0.5) * self._scale - 0.5
        self._points, self._area = points, signed_area(points[:, :2], faces)
        labels = _rasterize_triangles(points, self._area, faces, self._coarse)
        self._inside, self._triangle = labels >= 0, np.maximum(labels, 0).astype(np.intp)

    def warp(
        self, image: Image, source: np.ndarray, box: PixelBox | None = None, is_enlarged: bool = False
    ) -> WarpResult:
        """Warp (H, W, 3) uint8 or float32 from the landmarks (478, 3) ``source`` in its pixels to the target.

        Args:
            box: rows and columns of the result that are wanted, the same pixels as in the whole; None for all.
            is_enlarged: ``image`` is twice as large as the picture that ``source`` lies in, see :func:`enlarge`.
        """
        map_x, map_y, visibility = self._compute_fields(source, _full_box(self.size) if box is None else box)
        height, width = (side // 2 if is_enlarged else side for side in image.shape[:2])
        inside = cv2.bitwise_and(cv2.inRange(map_x, 0, width - 1), cv2.inRange(map_y, 0, height - 1))
        if is_enlarged:
            map_x, map_y = (coordinate * 2 + np.float32(0.5) for coordinate in (map_x, map_y))
        interpolation = cv2.INTER_LINEAR if is_enlarged else cv2.INTER_CUBIC
        picture = cv2.remap(image, map_x, map_y, interpolation, borderMode=cv2.BORDER_REPLICATE)
        return WarpResult(picture, np.asarray(cv2.copyTo(visibility, inside), np.float32))

    def _compute_fields(self, source: np.ndarray, box: PixelBox) -> tuple[np.ndarray, ...]:
        """:meth:`_maps` at full resolution."""
        if self._coarse == self.size:
            return self._maps(source, box)
        coarse_box = _full_box(self._coarse)
        if 2 * self._coarse == self.size:
            # What lies around decides nothing, but for the pixel beside it, which enlarging looks at.
            coarse_box = tuple(slice(max(s.start // 2 - 1, 0), min(s.stop // 2 + 2, self._coarse)) for s in box)
        rows, columns = coarse_box
        scale = self.size / self._coarse
        shape = (round((columns.stop - columns.start) * scale), round((rows.stop - rows.start) * scale))
        crop_box = tuple(
            slice(s.start - 2 * n.start, s.stop - 2 * n.start) for s, n in zip(box, coarse_box, strict=True)
        )
        return tuple(
            np.ascontiguousarray(cv2.resize(field, shape, interpolation=cv2.INTER_LINEAR)[crop_box])
            for field in self._maps(source, coarse_box)
        )

    def _maps(self, source: np.ndarray, box: PixelBox) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source pixels ``x`` and ``y`` and the visibility of the (coarse) pixels in ``box``, float32 each."""
        faces = extended_triangles()
        points = extend_mesh(source).astype(np.float64)
        maps = affine_maps(points[:, :2], self._points[:, :2], faces)
        area = signed_area(points[:, :2], faces)
        size = np.abs(self._area)
        visible = np.clip(area * self._scale**2 / np.maximum(size, 1e-6) / SHRINK_LIMIT - 1, 0, 1)
        visible = smooth_over_vertices(visible, size, faces)
        inside, triangle = self._inside[box], self._triangle[box]
        y = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None]
        x = np.arange(box[1].start, box[1].stop, dtype=np.float32)
        map_x, map_y = (
            np.where(inside, by_x[triangle] * x + by_y[triangle] * y + shift[triangle], np.float32(-1))
            for by_x, by_y, shift in np.ascontiguousarray(maps.transpose(1, 2, 0))
        )
        _limit_slivers((map_x, map_y), points[faces][..., :2], maps, inside, triangle)
        return map_x, map_y, np.where(inside, visible[triangle], np.float32(0))


def _limit_slivers(
    coordinates: tuple[np.ndarray, np.ndarray],
    corners: np.ndarray,
    maps: np.ndarray,
    inside: np.ndarray,
    triangle: np.ndarray,
) -> None:
    """Keep what slivers show within what they are of the source, in place.

    Where lips or lids meet, triangles are thinner than a pixel: its center lies outside of them, and their maps, steep
    as they are, lead from there to skin or teeth far off, which showed as specks at the corners of shut lips.

    Args:
        coordinates: (h, w) source pixels x and y.
        corners: (T, 3, 2) of the triangles in the source.
        maps: (T, 2, 3) of :func:`affine_maps`.
        inside, triangle: (h, w) whether and in which triangle a pixel lies.
    """
    above = np.abs(maps) > MAX_SLOPE
    steep = above[:, 0, 0] | above[:, 0, 1] | above[:, 1, 0] | above[:, 1, 1]
    pixels = np.nonzero(inside & steep[triangle])
    slivers = corners[triangle[pixels]]
    for axis, coordinate in enumerate(coordinates):
        ends = slivers[:, :, axis]
        coordinate[pixels] = np.clip(coordinate[pixels], ends.min(1), ends.max(1))


def _rasterize_triangles(points: np.ndarray, area: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """Rasterize to (size, size) int32: the index of the triangle at each pixel, -1 outside."""
    labels = np.full((size, size), -1, np.int32)
    corners = np.round(points[faces][..., :2] * 16).astype(np.int32)
    # Painter's algorithm: far triangles first; those turned away are never seen.
    depth = points[faces][..., 2].mean(1)
    front = np.flatnonzero(area > 0)
    front = front[np.argsort(-depth[front])]
    for index, triangle in zip(front.tolist(), corners[front], strict=True):
        cv2.fillConvexPoly(labels, triangle, index, cv2.LINE_8, 4)
    return _fill_slits(labels)


def _fill_slits(labels: np.ndarray) -> np.ndarray:
    """Give pixels in narrow holes a triangle beside them.

    At the corners of shut lips triangles are turned away; the picture's corner was seen through the hole they leave.
    """
    covered = (labels >= 0).astype(np.uint8)
    slits = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, SLIT) > covered
    if slits.any():
        labels[slits] = cv2.dilate(labels.astype(np.float32), SLIT)[slits]
    return labels


def _full_box(size: int) -> PixelBox:
    return slice(0, size), slice(0, size)


def mask_bounds(mask: np.ndarray) -> PixelBox | None:
    """Rows and columns in which an (S, S) mask is above 0.004; None if nowhere."""
    rows, columns = np.flatnonzero(mask.max(1) > 0.004), np.flatnonzero(mask.max(0) > 0.004)
    if not rows.size or not columns.size:
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def smooth_over_vertices(values: np.ndarray, areas: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Average (T,) triangle values over shared vertices, so that they change smoothly across the mesh."""
    weight = np.bincount(faces.ravel(), np.repeat(areas, 3) + 1e-6, EXTENDED_VERTEX_COUNT)
    total = np.bincount(faces.ravel(), np.repeat(values * (areas + 1e-6), 3), EXTENDED_VERTEX_COUNT)
    first, second, third = (total / np.maximum(weight, 1e-9))[faces.T]
    return np.asarray((first + second + third) / 3, np.float32)


def enlarge(image: Image) -> Image:
    """A picture (H, W, C) at twice its size, for one that is warped often.

    Bilinear sampling of it is cubic sampling of the picture (54 dB and more, 99 % of its sharpness), in half the time.
    """
    return np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


def warp(image: Image, source: np.ndarray, target: np.ndarray, size: int) -> WarpResult:
    """Warp (H, W, 3) uint8 or float32 from the landmarks (478, 3) ``source`` to ``target`` at ``size`` px."""
    return MeshWarper(target, size).warp(image, source)
