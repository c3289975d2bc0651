"""The ledger: one SQLite file in the user's folder that knows every output made here.

Several processes may write at once. It is a memory, not a proof: whoever owns the file can change it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import EffigieError
from effigie.io.atomic_write import convert_os_error
from effigie.io.home import home
from effigie.provenance.ledger.fingerprint import Match, Sample, match_clips
from effigie.provenance.ledger.sound_fingerprint import match_sounds

WRITE_TIMEOUT_S = 30.0  # how long a writer waits for the others; one entry takes milliseconds
READ_TIMEOUT_S = 2.0  # how long a reader waits, where there is no write-ahead log
BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE outputs (
            output_id TEXT PRIMARY KEY,
            time TEXT NOT NULL,
            command TEXT NOT NULL,
            name TEXT NOT NULL,
            model_hash TEXT,
            consents TEXT NOT NULL,
            file_sha256 TEXT,
            fingerprints BLOB NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX outputs_by_hash ON outputs (file_sha256)",
    ),
    ("ALTER TABLE outputs ADD COLUMN sound_fingerprints BLOB NOT NULL DEFAULT x''",),
    ("ALTER TABLE outputs ADD COLUMN free_bits INTEGER",),
)
"""Statements that lead from version k to k + 1. A change of the format is one more entry at the end."""

COLUMNS = (
    "output_id, time, command, name, model_hash, consents, file_sha256, fingerprints, sound_fingerprints, free_bits"
)
COLUMN_ADDITIONS = {"sound_fingerprints": (2, "x''"), "free_bits": (3, "NULL")}
"""Columns that came later: the version of the first file that has them, and what stands in their place before."""
SAMPLE_DTYPE = np.dtype([("time", "<f8"), ("hash", "<u8")])


@dataclass(frozen=True)
class LedgerEntry:
    """One output in the ledger.

    Attributes:
        output_id: 48 bits as 12 hex digits; the same in mark and credentials.
        time: when it was finished, with its time zone.
        command: the verb that made it.
        name: its file name, without folders.
        model_hash: SHA-256 of the model's manifest, hex; of several separated by commas.
        consents: ids of the consent records it rests on.
        file_sha256: of the finished file, hex; None for a folder of pictures.
        fingerprints: (seconds, hash) of frames a second apart, see :mod:`effigie.provenance.ledger.fingerprint`.
        sound_fingerprints: (seconds, hash) of the sound, see :mod:`effigie.provenance.ledger.sound_fingerprint`.
        free_bits: which of its id's codewords the pictures carry; None without a mark, and before it was entered.
    """

    output_id: str
    time: datetime
    command: str
    name: str
    model_hash: str | None = None
    consents: tuple[str, ...] = ()
    file_sha256: str | None = None
    fingerprints: tuple[Sample, ...] = ()
    sound_fingerprints: tuple[Sample, ...] = ()
    free_bits: int | None = None


class Ledger:
    """The ledger in a file; made when the first output is recorded.

    Args:
        path: ``home()/ledger.sqlite`` by default. A missing one is empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or home() / "ledger.sqlite"

    def add(self, entry: LedgerEntry) -> None:
        """Add an output; on return it is on the disk."""
        values = (
            entry.output_id,
            entry.time.astimezone(UTC).isoformat(),
            entry.command,
            entry.name,
            entry.model_hash,
            json.dumps(list(entry.consents), ensure_ascii=False),
            entry.file_sha256,
            np.array(list(entry.fingerprints), SAMPLE_DTYPE).tobytes(),
            np.array(list(entry.sound_fingerprints), SAMPLE_DTYPE).tobytes(),
            entry.free_bits,
        )
        with self._transaction() as connection:
            try:
                connection.execute(f"INSERT INTO outputs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            except sqlite3.IntegrityError as error:
                raise EffigieError(
                    f"output {entry.output_id} is in {self.path} already: every output needs an id of its own"
                ) from error

    def find_by_id(self, output_id: str) -> LedgerEntry | None:
        """The output of that id (12 hex digits)."""
        return next(self._select("WHERE output_id = ?", output_id.lower()), None)

    def find_by_hash(self, sha256: str) -> LedgerEntry | None:
        """The latest output whose file had this SHA-256 (hex)."""
        return next(self._select("WHERE file_sha256 = ? ORDER BY time DESC", sha256.lower()), None)

    def find_similar(self, fingerprints: Sequence[Sample]) -> tuple[LedgerEntry, Match] | None:
        """The output whose fingerprints match a clip best, if any does.

        A swap looks much like the clip it was made from, so this says where to look and proves nothing.
        """
        pairs = ((entry, match_clips(fingerprints, entry.fingerprints)) for entry in self.entries())
        matches = [(entry, match) for entry, match in pairs if match is not None]
        return min(matches, key=lambda pair: pair[1].bits, default=None)

    def find_similar_sound(self, fingerprints: Sequence[Sample]) -> tuple[LedgerEntry, Match] | None:
        """The output whose sound matches best, if any does; a hint as :meth:`find_similar`."""
        pairs = ((entry, match_sounds(fingerprints, entry.sound_fingerprints)) for entry in self.entries())
        matches = [(entry, match) for entry, match in pairs if match is not None]
        return min(matches, key=lambda pair: pair[1].bits, default=None)

    def entries(self) -> Iterator[LedgerEntry]:
        """Every output, the latest first."""
        return self._select("ORDER BY time DESC")

    def list_marks(self, count: int) -> list[tuple[str, int]]:
        """Ids and free bits of the latest outputs of which both are known, the latest first."""
        marks = ((entry.output_id, entry.free_bits) for entry in self.entries() if entry.free_bits is not None)
        return list(itertools.islice(marks, count))

    def _select(self, clause: str, *values: str) -> Iterator[LedgerEntry]:
        if not self.path.exists():
            return
        with self._explain_errors(), contextlib.closing(self._open_reader()) as connection:
            version = self._version(connection)
        if version == 0:  # begun a moment ago, or by a process that was killed
            return
        # One of an earlier version is read as it is: it may lie where nothing can be written.
        columns = COLUMNS
        for column, (since, instead) in COLUMN_ADDITIONS.items():
            columns = columns if version >= since else columns.replace(column, instead)
        with self._explain_errors(), contextlib.closing(self._open_reader()) as connection:
            for row in connection.execute(f"SELECT {columns} FROM outputs {clause}", values):
                yield self._parse_row(row)

    def _parse_row(self, row: tuple[Any, ...]) -> LedgerEntry:
        output_id, time, command, name, model_hash, consents, file_sha256, blob, sound, free_bits = row
        try:
            samples = np.frombuffer(blob, SAMPLE_DTYPE).tolist()
            sound_samples = np.frombuffer(sound, SAMPLE_DTYPE).tolist()
            consent_ids = tuple(str(consent) for consent in json.loads(consents))
            moment = datetime.fromisoformat(time)
        except (ValueError, TypeError) as error:
            raise self._damage_error(error) from error
        return LedgerEntry(
            output_id,
            moment,
            command,
            name,
            model_hash,
            consent_ids,
            file_sha256,
            tuple(samples),
            tuple(sound_samples),
            free_bits,
        )

    def _open_reader(self) -> sqlite3.Connection:
        address = self.path.absolute().as_uri()
        connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=READ_TIMEOUT_S)
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            # Where nothing may be written, the log's index cannot be made; then nobody writes the file either.
            if os.access(self.path.parent, os.W_OK):
                raise
            return sqlite3.connect(f"{address}?immutable=1", uri=True)
        return connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, the schema up to date; committed when the block ends well."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise convert_os_error(error, self.path) from error
        with self._explain_errors():
            connection = sqlite3.connect(self.path, timeout=WRITE_TIMEOUT_S, isolation_level=None)
            with contextlib.closing(connection):
                _enable_write_ahead_log(connection)
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self._migrate(connection)
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        if version < len(MIGRATIONS):
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise EffigieError(
                f"{self.path} is of version {version}, and up to {len(MIGRATIONS)} is understood: update effigie"
            )
        return version

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._convert_error(error) from error

    def _convert_error(self, error: sqlite3.Error) -> EffigieError:
        code = _primary_code(error)
        if code == sqlite3.SQLITE_FULL:
            return EffigieError(f"disk full while writing the ledger {self.path}: free space and try again")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return EffigieError(
                f"the ledger {self.path} cannot be opened or written ({error}): check its permissions and its "
                "folder's, or name another folder by EFFIGIE_HOME"
            )
        if code in BUSY_CODES:
            return EffigieError(f"another process holds the ledger {self.path}: try again when it is done")
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            return self._damage_error(error)
        return EffigieError(f"the ledger {self.path} cannot be used ({error}): check the disk")

    def _damage_error(self, error: Exception) -> EffigieError:
        return EffigieError(
            f"the ledger {self.path} is damaged ({error}): move it away; a new one is begun with the next output"
        )


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _enable_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Enable write-ahead logging, so that readers never wait for a writer; network disks may refuse it."""
    # Turning it on does not wait for others as statements do: two processes that begin a ledger at once collide.
    deadline = clock.monotonic() + WRITE_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _primary_code(error) not in BUSY_CODES or clock.monotonic() > deadline:
                raise
            clock.sleep(0.02)
        else:
            return
