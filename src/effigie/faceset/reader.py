"""Reads rows of a face set as columns, some row groups at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa

from effigie.errors import FaceSetError, UsageError
from effigie.faceset import schema
from effigie.faceset.clustering import PersonCluster
from effigie.faceset.columns import CropReader, Faces
from effigie.faceset.filter import Filter
from effigie.faceset.part_file import PartFile

BATCH_GROUPS = 32
KEY_COLUMNS = {"clip", "frame", "track"}
STORED_COLUMNS = tuple(name for name in schema.COLUMNS if name != "crop")
COMPUTED_COLUMNS = ("cluster", "identity")


class FaceSetReader:
    """Reads the parts of one face set.

    Args:
        parts: clip name -> part, in order.
        people: who is in the whole set; called only when ``cluster`` or ``identity`` is asked for.
    """

    def __init__(
        self, parts: Mapping[str, PartFile], crop_size: int, people: Callable[[], list[PersonCluster]]
    ) -> None:
        self._clips = list(parts)
        self._crop_size = crop_size
        self._people = people
        self._crops = CropReader(list(parts.values()))

    def batches(self, columns: Collection[str] | None, where: str | Filter | None) -> Iterator[Faces]:
        """Yield the filtered faces with the wanted columns, in batches."""
        selection = Filter(where) if isinstance(where, str) else where
        names = _resolve_columns(columns)
        for number, part in enumerate(self._crops.parts):
            for first in range(0, len(part.group_starts) - 1, BATCH_GROUPS):
                groups = range(first, min(first + BATCH_GROUPS, len(part.group_starts) - 1))
                if selection is None:
                    yield self._read(number, groups, names)
                    continue
                mask = selection(self._read(number, groups, {"clip", "track", *selection.columns}))
                if mask.any():
                    yield self._read(number, groups, names).take(mask)

    def load_clip(self, name: str, columns: Collection[str] | None = None) -> Faces:
        """Load the faces of one clip; no other part is read. Crops of all faces of this reader share one cache."""
        if name not in self._clips:
            raise KeyError(name)
        number = self._clips.index(name)
        groups = range(len(self._crops.parts[number].group_starts) - 1)
        return self._read(number, groups, _resolve_columns(columns)) if len(groups) else self.empty(columns)

    def empty(self, columns: Collection[str] | None) -> Faces:
        """No face, with the wanted columns in their types."""
        table = schema.schema(self._crop_size).empty_table()
        values: dict[str, np.ndarray] = {"cluster": np.empty(0, np.int64), "identity": np.empty(0, np.float32)}
        values |= {name: _column(name, table[name]) for name in STORED_COLUMNS}
        values = {name: values[name] for name in _resolve_columns(columns)}
        return Faces(self._crop_size, values, np.empty(0, np.int64), np.empty(0, np.int64), self._crops)

    def _read(self, number: int, groups: range, names: set[str]) -> Faces:
        part, clip = self._crops.parts[number], self._clips[number]
        stored = names.difference(COMPUTED_COLUMNS) | ({"embedding"} if "identity" in names else set())
        table = part.read(groups, schema.leaf_paths(name for name in schema.COLUMNS if name in stored))
        values = {name: _column(name, table[name]) for name in table.column_names}
        if set(values["clip"]) - {clip}:
            raise FaceSetError(f"{part.path} holds faces of another clip than {clip!r}: extract its clip again")
        if "cluster" in names:
            owner = {pair: person.cluster for person in self._people() for pair in person.tracks}
            values["cluster"] = np.array([owner[clip, track] for track in values["track"].tolist()], np.int64)
        if "identity" in names:
            values["identity"] = 1.0 - values["embedding"] @ self._people()[0].embedding
        rows = np.arange(part.group_starts[groups[0]], part.group_starts[groups[-1] + 1])
        values = {name: values[name] for name in names}
        return Faces(self._crop_size, values, np.full(len(rows), number), rows, self._crops)


def _resolve_columns(columns: Collection[str] | None) -> set[str]:
    names = {*KEY_COLUMNS, *(STORED_COLUMNS if columns is None else columns)}
    if unknown := names.difference(STORED_COLUMNS, COMPUTED_COLUMNS):
        raise UsageError(
            f"no such column: {', '.join(sorted(unknown))}; there are {', '.join(STORED_COLUMNS + COMPUTED_COLUMNS)}"
        )
    return names


def _column(name: str, column: pa.ChunkedArray) -> np.ndarray:
    if name in schema.LIST_COLUMNS:
        return schema.list_values(name, column)
    if name == "clip":
        return np.array(column.to_pylist(), object)
    return np.array(column.to_numpy())
