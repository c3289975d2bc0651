"""Faces in memory: one numpy array per column, and crops that are read and decoded only when asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import pyarrow as pa

from effigie.errors import FaceSetError
from effigie.faceset.part_file import PartFile
from effigie.faceset.schema import crop_bytes, picture_name

CACHE_BYTES = 2 << 30


class CropReader:
    """Encoded crops of some parts, read by row group and kept; beyond ``limit`` bytes the least recently used go."""

    def __init__(self, parts: Sequence[PartFile], limit: int = CACHE_BYTES) -> None:
        self.parts = list(parts)
        self.limit = limit
        self._lock = threading.Lock()
        self._groups: OrderedDict[tuple[int, int], pa.Array] = OrderedDict()
        self._bytes = 0

    def __getstate__(self) -> dict[str, object]:
        return {"parts": self.parts, "limit": self.limit}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def jpeg_bytes(self, part: int, row: int) -> bytes:
        """JPEG bytes of one row of one part; safe from several threads."""
        group = int(np.searchsorted(self.parts[part].group_starts, row, side="right")) - 1
        with self._lock:
            crops = self._group(part, group)
        return crops[row - int(self.parts[part].group_starts[group])].as_py()

    def _group(self, part: int, group: int) -> pa.Array:
        key = (part, group)
        if key in self._groups:
            self._groups.move_to_end(key)
            return self._groups[key]
        table = self.parts[part].read([group], ["crop.bytes"])
        crops = crop_bytes(table)
        self._groups[key] = crops
        self._bytes += crops.nbytes
        while self._bytes > self.limit and len(self._groups) > 1:
            self._bytes -= self._groups.popitem(last=False)[1].nbytes
        return crops


class _Column:
    """A column of :class:`Faces`, read as an attribute."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, faces: Faces, owner: type) -> np.ndarray:
        return faces[self._name]


class Faces:
    """N faces, a column an array; only the columns that were loaded are there.

    Attributes:
        crop_size: edge of the stored crops, px.
        values: column -> array of N rows. ``time_num`` and ``time_den`` hold the exact time; ``cluster`` and
            ``identity`` are there when asked for in loading.
        part: (N,) which part of the face set each face lies in.
        row: (N,) its row there.
    """

    clip = _Column()  # (N,) names, objects of type str
    frame = _Column()  # (N,) int64 index in the clip
    track = _Column()  # (N,) int64, unique within its clip
    box = _Column()  # (N, 4) float32 x0 y0 x1 y1, px in the frame
    landmarks = _Column()  # (N, 478, 3) float32 px in the frame
    blendshapes = _Column()  # (N, 52) float32 in 0..1
    pose = _Column()  # (N, 3) float32 yaw, pitch, roll in degrees
    matrix = _Column()  # (N, 2, 3) float32, frame px to crop px
    embedding = _Column()  # (N, 128) float32 unit identity embedding of the face's track
    sharpness = _Column()  # (N,) float64 variance of the Laplacian
    confidence = _Column()  # (N,) float64 in 0..1
    cluster = _Column()  # (N,) int64 person, 0 = the one with the most faces, -1 = no embedding

    def __init__(
        self, crop_size: int, values: Mapping[str, np.ndarray], part: np.ndarray, row: np.ndarray, reader: CropReader
    ) -> None:
        self.crop_size = crop_size
        self.values = dict(values)
        self.part = part
        self.row = row
        self._reader = reader

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, column: str) -> np.ndarray:
        if column not in self.values:
            raise FaceSetError(f"column {column!r} was not loaded; loaded: {', '.join(self.values)}")
        return self.values[column]

    @property
    def time(self) -> np.ndarray:
        """(N,) float64 seconds."""
        return self["time_num"] / self["time_den"]

    def name(self, index: int) -> str:
        """File name under which one face is exported."""
        return picture_name(self.clip[index], int(self.frame[index]), int(self.track[index]))

    def take(self, selection: np.ndarray | Sequence[int]) -> Faces:
        """The faces under a boolean mask (N,) or at indices, in their order."""
        index = np.asarray(selection)
        if index.dtype != bool:
            index = index.astype(np.int64)
        values = {name: column[index] for name, column in self.values.items()}
        return Faces(self.crop_size, values, self.part[index], self.row[index], self._reader)

    def with_columns(self, values: Mapping[str, np.ndarray]) -> Faces:
        """The same faces with replaced columns, arrays of N rows."""
        return Faces(self.crop_size, values, self.part, self.row, self._reader)

    def limit_cache(self, size: int) -> None:
        """Keep at most ``size`` bytes of encoded crops in memory, and what was read last; 2 GiB by default."""
        self._reader.limit = size

    def jpeg_bytes(self, index: int) -> bytes:
        """JPEG bytes of one crop, as stored."""
        return self._reader.jpeg_bytes(int(self.part[index]), int(self.row[index]))

    def crop(self, index: int, size: int | None = None) -> np.ndarray:
        """One crop, (S, S, 3) uint8 RGB; ``size`` px, or as stored."""
        size = size or self.crop_size
        # Decoding at half scale averages 2x2 px in the inverse transform, in under half the time.
        flags = cv2.IMREAD_REDUCED_COLOR_2 if 2 * size <= self.crop_size else cv2.IMREAD_COLOR
        encoded = np.frombuffer(self.jpeg_bytes(index), np.uint8)
        image = cv2.imdecode(encoded, flags) if encoded.size else None
        if image is None:
            path = self._reader.parts[int(self.part[index])].path
            raise FaceSetError(f"a crop in {path} (row {int(self.row[index])}) is no JPEG: drop it or extract again")
        if image.shape[:2] != (size, size):
            way = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
            image = cv2.resize(image, (size, size), interpolation=way)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    def crops(self, indices: np.ndarray | Sequence[int], size: int | None = None) -> np.ndarray:
        """Some crops, (n, S, S, 3) uint8 RGB; only these are decoded. Reads each row group once."""
        positions = np.asarray(indices, np.int64)
        size = size or self.crop_size
        images = np.empty((len(positions), size, size, 3), np.uint8)
        for position in np.lexsort((self.row[positions], self.part[positions])):
            images[position] = self.crop(int(positions[position]), size)
        return images

    @staticmethod
    def concatenate(batches: Sequence[Faces]) -> Faces:
        """Concatenate batches of the same face set with the same columns, at least one."""
        first = batches[0]
        if len(batches) == 1:
            return first
        values = {name: np.concatenate([batch.values[name] for batch in batches]) for name in first.values}
        part, row = (np.concatenate([getattr(batch, name) for batch in batches]) for name in ("part", "row"))
        return Faces(first.crop_size, values, part, row, first._reader)

    def __iter__(self) -> Iterator[int]:
        raise TypeError("iterate over range(len(faces)), or over FaceSet.batches()")
