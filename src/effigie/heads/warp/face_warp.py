"""The warp of the face itself: piecewise affine over the mesh, in depth order, joined to what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from scipy.sparse import csr_array

from effigie.arrays import Landmarks
from effigie.faces.mesh import FACE_OVAL, MESH_VERTEX_COUNT, Pose, load_canonical_mesh
from effigie.faces.warp import SHRINK_LIMIT, affine_maps, signed_area
from effigie.heads.warp.head_warp import HeadWarp, smooth_step

FACE_CELLS = 110  # the field is computed at about so many cells from brow to chin
FACE_CM = 17.7
RIM_WIDTH = 3.5  # cm inside the oval where the mesh goes over into the head warp
RIM_SMOOTHING = 8.0  # how strongly expression is evened out at the rim: landmarks slide along the outline there
FADE_WIDTH = 7.0  # cm outside the oval over which expression fades out
JUMP_SIGMA = 0.7  # cells
TRIANGLE_MARGIN = 0.5  # cells beyond its edges that a triangle reaches, so that none is missed between two
PATCH_CELL_CM = 0.03  # around an opening, whose edges meet within less than a cell of the face's field
PATCH_REACH = (0.3, 0.6)  # cm from the edges up to which it is wholly, and at all, computed there
RIM_SHARE, EDGE_ON = 0.3, 0.2  # weight at the rim; cosine to the line of sight
MIN_SMOOTHING_WEIGHT = 1e-4
SOFTEN_SIGMA = 0.8  # cm over which it is evened out there


@dataclass(frozen=True)
class FaceField:
    """The displacement field of a face.

    Attributes:
        box: x0, y0, x1, y1 px, inside the picture.
        displacement: (y1 - y0, x1 - x0, 2) float32 px from a pixel to its source.
        visibility: (y1 - y0, x1 - x0) float32 in [0, 1], see :class:`effigie.faces.warp.WarpResult`.
    """

    box: tuple[int, int, int, int]
    displacement: np.ndarray
    visibility: np.ndarray


class FaceWarp:
    """Warps one portrait's face.

    Args:
        landmarks: (478, 3) of the portrait, px.
        head_warp: the field outside.
    """

    def __init__(self, landmarks: Landmarks, head_warp: HeadWarp) -> None:
        self._landmarks = landmarks
        self._head_warp = head_warp
        # Edge-on parts of the mesh are torn by a turn; at its rim it takes the head warp's gentler depth.
        depth = head_warp.sample_depth(landmarks[:MESH_VERTEX_COUNT, :2])
        self._lift = _rim_weights()[0] * (depth - landmarks[:MESH_VERTEX_COUNT, 2])
        self._reliable_triangles = _reliable_triangles(landmarks)
        self._step = max(1, round(FACE_CM * head_warp.source_pose.scale / FACE_CELLS))

    def compute_field(
        self, source: np.ndarray, target: np.ndarray, pose: Pose, coarse: np.ndarray, shape: tuple[int, ...]
    ) -> FaceField | None:
        """The face's field; it meets the head warp's at its border. None where the face is outside the picture.

        Args:
            source: (478, 3) where in the portrait the vertices take their texture from, px.
            target: (478, 3) wanted landmarks, px of the portrait.
            pose: of the head.
            coarse: the head warp's displacement for that pose.
            shape: (H, W, ...) of the picture.
        """
        step = self._step
        vertices = self._place_vertices(target, pose)
        margin = FADE_WIDTH * self._head_warp.source_pose.scale
        height, width = shape[:2]
        last = -(-np.array([width, height]) // step)
        low = np.clip(np.floor((vertices[:, :2].min(0) - margin) / step).astype(int), 0, last)
        high = np.clip(np.ceil((vertices[:, :2].max(0) + margin) / step).astype(int), 0, last)
        if (high <= low).any():
            return None
        columns, rows = (high - low).tolist()
        axes = (np.arange(a, b) * step + (step - 1) / 2 for a, b in zip(low, high, strict=True))
        grid = np.dstack(np.meshgrid(*axes)).astype(np.float32)
        faces = triangles()
        area = signed_area(vertices[:, :2], faces)
        labels = _rasterize_triangles(
            (vertices - [*grid[0, 0], 0]) / [step, step, 1], area * self._reliable_triangles, rows, columns
        )
        inside = labels >= 0
        if not inside.any():
            return None
        outer = self._head_warp.sample_displacement(coarse, grid)
        rest = np.zeros_like(outer)
        rest[inside] = _map_to_source(
            source[:MESH_VERTEX_COUNT, :2], vertices[:, :2], labels[inside], grid[inside], 1.5 * step
        )
        rest[inside] -= grid[inside] + outer[inside]
        # Where one part of the face hides another the field jumps; so it does within two cells, without jags.
        rest = cv2.GaussianBlur(
            _extrapolate(rest, inside, self._head_warp.source_pose.scale / step), (0, 0), JUMP_SIGMA
        )
        visibility = np.zeros(labels.shape, np.float32)
        visibility[inside] = _triangle_visibility(source[:MESH_VERTEX_COUNT, :2], area, faces)[labels[inside]]
        x, y = (low * step).tolist()
        box = (x, y, min(x + columns * step, width), min(y + rows * step, height))
        size = (columns * step, rows * step)
        fields = (cv2.resize(part, size)[: box[3] - y, : box[2] - x] for part in (outer + rest, visibility))
        return FaceField(box, *fields)

    def refine_opening(
        self,
        field: np.ndarray,
        source: np.ndarray,
        target: np.ndarray,
        pose: Pose,
        coarse: np.ndarray,
        outline: np.ndarray,
    ) -> None:
        """Make the field exact, pixel by pixel, around an eye or shut lips, in place: cells would show a glimmer.

        Args:
            field: (H, W, 2) float32 px of the portrait.
            source, target, pose, coarse: as for :meth:`compute_field`.
            outline: indices of the vertices along its edges.
        """
        scale = pose.scale
        step = max(1, round(PATCH_CELL_CM * scale))
        edge = target[outline, :2]
        low = np.maximum(np.floor(edge.min(0) - PATCH_REACH[1] * scale).astype(int), 0)
        high = np.minimum(np.ceil(edge.max(0) + PATCH_REACH[1] * scale).astype(int) + 1, field.shape[1::-1])
        columns, rows = (-(-np.maximum(high - low, 0) // step)).tolist()
        if not rows or not columns:
            return
        vertices = self._place_vertices(target, pose)
        axes = (
            start + np.arange(count) * step + (step - 1) / 2 for start, count in zip(low, (columns, rows), strict=True)
        )
        grid = np.dstack(np.meshgrid(*axes)).astype(np.float32)
        area = signed_area(vertices[:, :2], triangles())
        reliable_area = np.maximum(area, 0) * self._reliable_triangles
        labels = _rasterize_triangles((vertices - [*grid[0, 0], 0]) / [step, step, 1], reliable_area, rows, columns)
        inside = labels >= 0
        if not inside.any():
            return
        exact = self._head_warp.sample_displacement(coarse, grid) + grid
        exact[inside] = _map_to_source(
            source[:MESH_VERTEX_COUNT, :2], vertices[:, :2], labels[inside], grid[inside], 1.5 * step
        )
        inner = np.zeros((rows, columns), np.uint8)
        cv2.fillPoly(inner, [np.rint((edge - grid[0, 0]) / step).astype(np.int32)], 1)
        cv2.polylines(inner, [np.rint((edge - grid[0, 0]) / step).astype(np.int32)], True, 1)
        away = cv2.distanceTransform(1 - inner, cv2.DIST_L2, 5) * step / scale
        weight = (1 - smooth_step((away - PATCH_REACH[0]) / (PATCH_REACH[1] - PATCH_REACH[0]))) * inside
        box = slice(low[1], high[1]), slice(low[0], high[0])
        parts = exact - grid, cv2.GaussianBlur(weight.astype(np.float32), (0, 0), 0.7) * inside
        size = (columns * step, rows * step)
        displacement, share = (cv2.resize(part, size)[: high[1] - low[1], : high[0] - low[0]] for part in parts)
        x, y = np.meshgrid(np.arange(low[0], high[0], dtype=np.float32), np.arange(low[1], high[1], dtype=np.float32))
        field[box] += share[..., None] * (displacement + np.dstack([x, y]) - field[box])

    def _place_vertices(self, target: np.ndarray, pose: Pose) -> np.ndarray:
        """(V, 3) positions of the vertices."""
        rigid = self._head_warp.move_points(pose, self._landmarks[:MESH_VERTEX_COUNT])
        placed = rigid + _rim_weights()[1] @ (target[:MESH_VERTEX_COUNT] - rigid)
        placed += self._lift[:, None] * self._head_warp.relative_rotation(pose)[:, 2]
        return placed


def _triangle_visibility(source: np.ndarray, area: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(T,) how far the portrait shows what a triangle asks for, softly over neighbours."""
    size = np.abs(area) + 1e-6
    visibility = np.clip(signed_area(source, faces) / size / SHRINK_LIMIT - 1, 0, 1)
    weight = np.bincount(faces.ravel(), np.repeat(size, 3), MESH_VERTEX_COUNT)
    total = np.bincount(faces.ravel(), np.repeat(visibility * size, 3), MESH_VERTEX_COUNT)
    return (total / np.maximum(weight, 1e-9))[faces].mean(1).astype(np.float32)


def _map_to_source(
    source: np.ndarray, vertices: np.ndarray, labels: np.ndarray, points: np.ndarray, out: float
) -> np.ndarray:
    """(N, 2) px of the portrait that (N, 2) ``points`` come from, hardly (``out`` px) outside their triangles."""
    faces = triangles()
    maps = affine_maps(source, vertices, faces)[labels]
    mapped = (maps[:, :, :2] @ points[:, :, None])[..., 0] + maps[:, :, 2]
    # A cell's middle may lie outside its triangle; in one seen edge-on a little outside is far away.
    corners = source[faces].astype(np.float32)
    low, high = corners.min(1), corners.max(1)
    return np.clip(mapped, low[labels] - out, high[labels] + out)


@cache
def triangles() -> np.ndarray:
    """(T, 3) the mesh's triangles, all turned alike, so that the sign of an area tells front from back."""
    faces = load_canonical_mesh().triangles.copy()
    away = signed_area(load_canonical_mesh().vertices[:, :2] * [1, -1], faces) < 0
    faces[away] = faces[away][:, ::-1]
    return faces


@cache
def _rim_weights() -> tuple[np.ndarray, csr_array]:
    """(468,) 1 at the face's oval, 0 from :data:`RIM_WIDTH` inside it; and a (468, 468) smoothing that acts there."""
    flat = load_canonical_mesh().vertices[:, :2]
    oval = flat[FACE_OVAL].astype(np.float32)
    inside = [cv2.pointPolygonTest(oval, (float(x), float(y)), True) for x, y in flat]
    weight = 1 - smooth_step(np.array(inside) / RIM_WIDTH)
    adjacency = np.zeros((MESH_VERTEX_COUNT, MESH_VERTEX_COUNT))
    for i, j in ((0, 1), (1, 2), (2, 0)):
        a, b = load_canonical_mesh().triangles[:, i], load_canonical_mesh().triangles[:, j]
        adjacency[a, b] = adjacency[b, a] = 1
    laplacian = np.eye(MESH_VERTEX_COUNT) - adjacency / adjacency.sum(1, keepdims=True)
    smooth = np.linalg.inv(np.eye(MESH_VERTEX_COUNT) + RIM_SMOOTHING * weight[:, None] * laplacian)
    return weight, csr_array(np.where(np.abs(smooth) > MIN_SMOOTHING_WEIGHT, smooth, 0))


def _reliable_triangles(landmarks: Landmarks) -> np.ndarray:
    """(T,) bool: not those at the rim that the portrait itself hides or shows edge-on; they would flicker."""
    faces = triangles()
    a, b, c = (landmarks[faces[:, i]].astype(np.float64) for i in range(3))
    normal = np.cross(b - a, c - a)
    facing = normal[:, 2] / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    return np.asarray((_rim_weights()[0][faces].mean(1) < RIM_SHARE) | (facing > EDGE_ON))


def _rasterize_triangles(vertices: np.ndarray, area: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(rows, columns) int32: which triangle is seen there, -1 for none. ``vertices`` (V, 3) in cells.

    All cells of all triangles at once: a drawing function called for each of 850 triangles is as fast alone, but two
    threads that warp at once would wait for Python's lock as often (39 frames a second of an animation instead of 50).
    """
    faces = triangles()
    labels = np.full((rows, columns), -1, np.int32)
    # Painter's algorithm: far triangles first; those turned away are never seen.
    depth = vertices[faces, 2].mean(1)
    front = np.flatnonzero(area > 0)
    front = front[np.argsort(-depth[front])]
    corners = vertices[faces[front], :2].astype(np.float32)
    low = np.maximum(np.ceil(corners.min(1) - TRIANGLE_MARGIN), 0).astype(np.int32)
    high = np.minimum(np.floor(corners.max(1) + TRIANGLE_MARGIN), [columns - 1, rows - 1]).astype(np.int32)
    width, height = np.maximum(high - low + 1, 0).T.astype(np.int32)
    count = width * height
    owner = np.repeat(np.arange(len(front), dtype=np.int32), count)
    within = np.arange(len(owner), dtype=np.int32) - np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    down, across = np.divmod(within, width[owner])
    x, y = low[owner, 0] + across, low[owner, 1] + down
    # How far inside each edge, in cells: a x + b y + c.
    along = np.roll(corners, -1, axis=1) - corners
    along /= np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1e-6)
    a, b = -along[..., 1], along[..., 0]
    c = -(a * corners[..., 0] + b * corners[..., 1])
    column, row = x.astype(np.float32), y.astype(np.float32)
    inside = np.ones(len(owner), bool)
    for edge in range(3):
        inside &= a[owner, edge] * column + b[owner, edge] * row + c[owner, edge] >= -TRIANGLE_MARGIN
    labels[y[inside], x[inside]] = front[owner[inside]]  # of several, the last and nearest stays
    return labels


def _extrapolate(rest: np.ndarray, inside: np.ndarray, cells: float) -> np.ndarray:
    """Continue (h, w, 2) ``rest`` beyond the mesh: as at its nearest edge, evened out and fading. cells: a cm."""
    distance, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((int(nearest.max()) + 1, 2), np.float32)
    table[nearest[inside]] = rest[inside]
    extended = table[nearest]
    even = cv2.GaussianBlur(extended, (0, 0), SOFTEN_SIGMA * cells)
    extended += np.minimum(distance / (2 * SOFTEN_SIGMA * cells), 1)[..., None] * (even - extended)
    return extended * (1 - smooth_step(distance / (FADE_WIDTH * cells)))[..., None]
