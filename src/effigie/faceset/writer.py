"""Writes a part from records, or from the segment files of several processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from effigie.errors import FaceSetError
from effigie.faceset import schema
from effigie.faceset.index import SourceInfo
from effigie.faceset.part_file import PartFile, RowGroupWriter
from effigie.faceset.schema import FaceRecord


class PartWriter:
    """Streams one source's faces into its part; :meth:`~effigie.faceset.store.FaceSet.writer` makes it."""

    def __init__(self, groups: RowGroupWriter, source: SourceInfo) -> None:
        self.source = source  # may be replaced before the block ends, when frames are known only then
        self.faces = 0  # written
        self._groups = groups

    def write(self, records: Iterable[FaceRecord]) -> None:
        """Add faces in order of frame; a row group at a time is in memory."""
        self.faces += self._groups.write(self._check_record(record) for record in records)

    def append_segment(
        self,
        path: str | Path,
        tracks: Mapping[int, int] | None = None,
        embeddings: Mapping[int, np.ndarray] | None = None,
    ) -> int:
        """Stream the rows of a segment file in; returns how many.

        Args:
            tracks: old -> new track number, for a face that goes on from the segment before; others stay.
            embeddings: new track number -> (128,) unit embedding, once the whole track is known; others stay.
        """
        segment = PartFile.open(Path(path))
        if segment.crop_size != self._groups.crop_size:
            raise FaceSetError(f"{path} holds crops of {segment.crop_size} px, not {self._groups.crop_size}")
        for group in range(len(segment.group_starts) - 1):
            table = segment.read([group])
            for clip in set(table["clip"].to_pylist()):
                self._check_clip(clip)
            self._groups.write_table(_relabel(table, tracks or {}, embeddings or {}))
        self.faces += segment.rows
        return segment.rows

    def _check_record(self, record: FaceRecord) -> FaceRecord:
        self._check_clip(record.clip)
        return record

    def _check_clip(self, clip: str) -> None:
        if clip != self.source.name:
            raise FaceSetError(f"a face of clip {clip!r} cannot go into the part of {self.source.name!r}")


def _relabel(table: pa.Table, tracks: Mapping[int, int], embeddings: Mapping[int, np.ndarray]) -> pa.Table:
    if not tracks and not embeddings:
        return table
    numbers = [tracks.get(track, track) for track in table["track"].to_pylist()]
    vectors = schema.list_values("embedding", table["embedding"])
    for row, track in enumerate(numbers):
        vectors[row] = embeddings.get(track, vectors[row])
    names = list(map(schema.picture_name, table["clip"].to_pylist(), table["frame"].to_pylist(), numbers))
    columns = {
        "track": pa.array(numbers, pa.int64()),
        "embedding": schema.list_array("embedding", vectors),
        "crop": schema.crop_array(schema.crop_bytes(table), names),
    }
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def copy_rows(part: PartFile, path: Path, keep: np.ndarray, source: SourceInfo) -> None:
    """Write the rows of ``part`` where ``keep`` (rows,) is true to ``path``, a row group in memory."""
    with RowGroupWriter(path, part.crop_size) as writer:
        for group in range(len(part.group_starts) - 1):
            rows = keep[part.group_starts[group] : part.group_starts[group + 1]]
            if rows.any():
                writer.write_table(part.read([group]).filter(pa.array(rows)))
        writer.finalize(source.to_json())
