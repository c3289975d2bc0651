"""Part files of a face set: atomic writing, and reading by row groups."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from effigie.errors import FaceSetError
from effigie.faceset import schema
from effigie.faceset.schema import FaceRecord
from effigie.io.atomic_write import atomic_write, discard, is_abandoned, is_older, parse_json, temporary_path
from effigie.io.locks import CAN_REMOVE_OPEN_FILES, try_lock

ROW_GROUP = 128
STALE_SECONDS = 3600.0
LOCK_GRACE_SECONDS = 10.0
SOURCE_KEY = b"effigie.source"
# ArrowInvalid is a ValueError; running out of memory is not damage.
READ_ERRORS = (OSError, ValueError, KeyError, pa.ArrowNotImplementedError, pa.ArrowTypeError)


@contextlib.contextmanager
def write_part(path: Path) -> Iterator[Path]:
    """Like :func:`effigie.io.atomic_write.atomic_write`, with a lock held on the temporary file while its writer lives.

    The lock is how :func:`remove_abandoned_parts` tells a running writer's file from one that a killed run left behind.
    """
    with contextlib.ExitStack() as stack, atomic_write(path) as temporary:
        if CAN_REMOVE_OPEN_FILES:
            try_lock(stack.enter_context(temporary.open("wb")))
        yield temporary


@contextlib.contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """Context manager of a temporary folder in ``parent``; after a kill :func:`remove_abandoned_parts` removes it."""
    folder = temporary_path(parent / "segments")
    folder.mkdir()
    try:
        with (folder / "lock").open("wb") as stream:
            try_lock(stream)
            yield folder
    finally:
        discard(folder)


def remove_abandoned_parts(folder: Path) -> None:
    """Remove temporary files that killed runs left in ``folder``; those of live processes stay."""
    for path in folder.glob(".*.partial*"):
        # Between making a file and locking it lies a moment in which it would look abandoned.
        if not is_older(path, LOCK_GRACE_SECONDS):
            continue
        if path.is_dir():
            abandoned = not _is_locked(path / "lock")
        else:
            abandoned = not _is_locked(path) if path.suffix == ".parquet" else is_abandoned(path)
        if abandoned:
            discard(path)


def _is_locked(path: Path) -> bool:
    if not CAN_REMOVE_OPEN_FILES:  # age decides about the rest
        return not is_older(path, STALE_SECONDS)
    try:
        with path.open("rb") as stream:
            return not try_lock(stream)
    except OSError:
        return False


class RowGroupWriter:
    """Writes records or tables as row groups of a Parquet file of ``crop_size`` px crops.

    Numbers are packed with zstd; JPEG bytes are stored as they are. Every page carries a checksum.
    """

    def __init__(self, path: Path, crop_size: int) -> None:
        self.crop_size = crop_size
        self._pending: list[FaceRecord] = []
        compression = dict.fromkeys(schema.leaf_paths(schema.COLUMNS), "ZSTD")
        self._writer = pq.ParquetWriter(
            path,
            schema.schema(crop_size),
            compression=compression | {"crop.bytes": "NONE"},
            use_dictionary=["clip"],
            write_statistics=["frame", "track", "time_num"],
            write_page_checksum=True,
        )

    def __enter__(self) -> RowGroupWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.close()

    def write(self, records: Iterable[FaceRecord]) -> int:
        """Add records; holds at most one row group in memory. Returns how many."""
        count = 0
        for record in records:
            self._pending.append(record)
            count += 1
            if len(self._pending) >= ROW_GROUP:
                self.flush()
        return count

    def flush(self) -> None:
        if self._pending:
            table, self._pending = schema.to_table(self._pending, self.crop_size), []
            self._writer.write_table(table, row_group_size=ROW_GROUP)

    def write_table(self, table: pa.Table) -> None:
        """Add the rows of a table as they are, after what is pending."""
        self.flush()
        if table.num_rows:
            self._writer.write_table(table.replace_schema_metadata(), row_group_size=ROW_GROUP)

    def finalize(self, source: Mapping[str, Any] | None = None) -> None:
        """Write what is pending, and the source's description into the footer."""
        self.flush()
        if source is not None:
            self._writer.add_key_value_metadata({SOURCE_KEY: json.dumps(source).encode()})


def write_segment(path: Path, records: Iterable[FaceRecord], crop_size: int) -> int:
    """Write records to a file of their own, a row group in memory; returns how many.

    For extraction of one long clip by several processes;
    :meth:`~effigie.faceset.writer.PartWriter.append_segment` reads it.
    """
    with write_part(Path(path)) as temporary, RowGroupWriter(temporary, crop_size) as writer:
        count = writer.write(records)
        writer.finalize()
    return count


@dataclass(frozen=True)
class PartFile:
    """A finished part or segment, its footer read; no file stays open.

    Of thousands of parts only what every one needs stays in memory: a footer takes 47 KB there.
    """

    path: Path
    stamp: tuple[int, int]  # modification time and size when the footer was read
    group_starts: np.ndarray  # (groups + 1,) first row of each row group
    crop_size: int  # edge of its crops, px
    source_json: bytes | None  # JSON of its source as the footer has it; None in a segment

    @classmethod
    def open(cls, path: Path) -> PartFile:
        """Open a part; raises FaceSetError: missing, damaged, or of a newer version."""
        try:
            stamp = _stamp(path)
            metadata = _footer(path, stamp)
            footer = metadata.metadata or {}
            version = int(footer[b"effigie.version"])
            crop_size = int(footer[b"effigie.crop_size"])
        except FileNotFoundError:
            raise FaceSetError(f"part missing: {path}; run `effigie extract` on its clip again") from None
        except READ_ERRORS as error:
            raise make_damaged_part_error(path, error) from error
        if version > schema.VERSION:
            raise FaceSetError(
                f"{path} is of version {version}, this effigie reads up to {schema.VERSION}: update effigie"
            )
        rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        return cls(path, stamp, np.cumsum([0, *rows]), crop_size, footer.get(SOURCE_KEY))

    @property
    def rows(self) -> int:
        return int(self.group_starts[-1])

    @property
    def source(self) -> dict[str, Any] | None:
        """The source's description in the footer; None in a segment."""
        try:
            return parse_json(self.source_json.decode()) if self.source_json else None
        except ValueError as error:
            raise make_damaged_part_error(self.path, error) from error

    def read(self, groups: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Some row groups, checksums verified."""
        try:
            if _stamp(self.path) != self.stamp:
                raise FaceSetError(f"{self.path.parent} was changed by another command meanwhile: open it again")
            metadata = _footer(self.path, self.stamp)
            with pq.ParquetFile(self.path, metadata=metadata, page_checksum_verification=True) as file:
                return file.read_row_groups(list(groups), columns=None if columns is None else list(columns))
        except READ_ERRORS as error:
            raise make_damaged_part_error(self.path, error) from error


@functools.lru_cache(maxsize=256)
def _footer(path: Path, stamp: tuple[int, int]) -> Any:
    return pq.read_metadata(path)


def make_damaged_part_error(path: Path, error: Exception) -> FaceSetError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return FaceSetError(f"damaged part {path} ({reason}): delete it and run `effigie extract` on its clip again")


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
