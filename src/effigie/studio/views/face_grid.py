"""The faces of a set for the page's grid: a row of figures each, and its crop when it comes into view."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import EffigieError

if TYPE_CHECKING:
    import numpy as np

    from effigie.faceset import Faces

MAX_SETS = 3  # that are kept open
CROP_SIZE = 128  # px
CROP_QUALITY = 85
CROP_CACHE_BYTES = 64 << 20


class FaceGrids:
    """Open face sets, read again when they change."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, tuple[int, Faces, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def describe(self, path: Path) -> dict[str, Any]:
        """Columns of all faces, by person and then as they come: names, yaw, pitch, sharpness, person; and a revision.

        Raises:
            FaceSetError: no face set, or damaged.
        """
        return self._load(path)[2]

    def crop(self, path: Path, row: int) -> bytes:
        """The crop of a face, 128 px JPEG; ``row`` as in :meth:`describe`.

        Raises:
            EffigieError: there is no such row, or its crop is damaged.
        """
        import cv2

        faces = self._load(path)[1]
        if not 0 <= row < len(faces):
            raise EffigieError("there is no such face: load the page again")
        image = cv2.cvtColor(faces.crop(row, CROP_SIZE), cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])[1].tobytes()

    def find_rows(self, path: Path, names: Iterable[str]) -> list[int]:
        """Rows of faces by their names, ``clip:frame:track``, in order; those that were dropped are left out."""
        faces = self._load(path)[1]
        name_set = set(names)
        parts = zip(faces.clip.tolist(), faces.frame.tolist(), faces.track.tolist(), strict=True)
        return [row for row, (clip, frame, track) in enumerate(parts) if f"{clip}:{frame}:{track}" in name_set]

    def _load(self, path: Path) -> tuple[int, Faces, dict[str, Any]]:
        from effigie.faceset import FaceSet

        stamp = (path / "faceset.json").stat().st_mtime_ns if (path / "faceset.json").is_file() else 0
        with self._lock:
            entry = self._open.get(path)
            if entry is None or entry[0] != stamp:
                faceset = FaceSet.open(path, allow_empty=True)
                rows = faceset.load(["pose", "sharpness", "confidence", "cluster"])
                order = _order(rows)
                rows = rows.take(order)
                rows.limit_cache(CROP_CACHE_BYTES)
                entry = self._open[path] = (stamp, rows, _columns(rows, stamp))
            self._open.move_to_end(path)
            while len(self._open) > MAX_SETS:
                self._open.popitem(last=False)
            return entry


def _order(faces: Faces) -> Any:
    """Rows by person, unknown ones last, then clip, track and frame."""
    import numpy as np

    person = np.where(faces.cluster < 0, 1 << 30, faces.cluster)
    return np.lexsort((faces.frame, faces.track, faces.clip.astype(str), person))


def _columns(faces: Faces, stamp: int) -> dict[str, Any]:
    clips = sorted(set(faces.clip.astype(str)))
    number = {clip: index for index, clip in enumerate(clips)}
    return {
        "revision": str(stamp),
        "clips": clips,
        "clip": [number[str(clip)] for clip in faces.clip],
        "frame": faces.frame.tolist(),
        "track": faces.track.tolist(),
        "person": faces.cluster.tolist(),
        "yaw": _round(faces.pose[:, 0]),
        "pitch": _round(faces.pose[:, 1]),
        "sharpness": _round(faces.sharpness),
        "confidence": _round(faces.confidence, 2),
    }


def _round(values: np.ndarray, digits: int = 1) -> list[float]:
    return values.astype(float).round(digits).tolist()
