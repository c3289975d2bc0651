"""Tests of the ledger: round trip, many processes, versions, and errors in one clear line."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from effigie.errors import EffigieError
from effigie.provenance.ledger import ledger as room
from effigie.provenance.ledger.ledger import Ledger, LedgerEntry


def entry(output_id="0123456789ab", **changes):
    values = {
        "output_id": output_id,
        "time": datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC),
        "command": "convert",
        "name": "straße [1].mp4",
        "model_hash": "ab" * 32,
        "consents": ("c-0123456789abcdef", "c-fedcba9876543210"),
        "file_sha256": "cd" * 32,
        "fingerprints": ((0.0, 2**64 - 1), (1.04, 1), (2.08, 0)),
    }
    return LedgerEntry(**(values | changes))


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "home" / "ledger.sqlite")


def test_what_was_entered_comes_back(ledger):
    first = entry()
    second = entry("ffffffffffff", model_hash=None, consents=(), file_sha256=None, fingerprints=())
    ledger.add(first)
    ledger.add(second)
    assert ledger.find_by_id("0123456789ab") == first
    assert ledger.find_by_id("FFFFFFFFFFFF") == second
    assert ledger.find_by_hash("cd" * 32) == first
    assert ledger.find_by_id("000000000000") is None
    assert ledger.find_by_hash("00" * 32) is None
    assert {found.output_id for found in ledger.entries()} == {"0123456789ab", "ffffffffffff"}


def test_by_default_in_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "mine"))
    Ledger().add(entry())
    assert (tmp_path / "mine" / "ledger.sqlite").stat().st_mode & 0o077 == 0


def test_asking_a_ledger_that_is_not_there_makes_none(ledger):
    assert ledger.find_by_id("0123456789ab") is None
    assert ledger.find_similar([(0.0, 1)]) is None
    assert not ledger.path.parent.exists()


def test_an_id_is_entered_once(ledger):
    ledger.add(entry())
    with pytest.raises(EffigieError, match="0123456789ab"):
        ledger.add(entry(name="other.mp4"))
    assert ledger.find_by_id("0123456789ab").name == "straße [1].mp4"


def test_the_nearest_by_its_pictures(ledger):
    random = np.random.default_rng(1)
    hashes = random.integers(1, 2**64, (5, 8), np.uint64)
    for number, row in enumerate(hashes):
        samples = tuple((float(second), int(value)) for second, value in enumerate(row))
        ledger.add(entry(f"{number:012x}", fingerprints=samples, file_sha256=None))
    asked = [(second + 0.1, int(value) ^ 0b101) for second, value in enumerate(hashes[3][2:])]
    found, match = ledger.find_similar(asked)
    assert found.output_id == "000000000003"
    assert match.bits == 2 and match.frames == 6 and match.offset == pytest.approx(1.9, abs=0.11)
    assert ledger.find_similar([(0.0, int(random.integers(1, 2**64, dtype=np.uint64)))]) is None


WRITE_TWENTY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from effigie.provenance.ledger.ledger import Ledger, LedgerEntry
for number in range(20):
    Ledger(Path(sys.argv[1])).add(
        LedgerEntry(f"{int(sys.argv[2]):06x}{number:06x}", datetime.now(UTC), "convert", "a.mp4"))
"""


@pytest.mark.slow
def test_many_processes_at_once_from_the_very_first_entry(ledger):
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITE_TWENTY, str(ledger.path), str(number)]) for number in range(4)
    ]
    assert [process.wait(300) for process in processes] == [0] * 4
    assert len({found.output_id for found in ledger.entries()}) == 80


def test_reading_does_not_wait_for_a_writer(ledger):
    ledger.add(entry())
    writer = sqlite3.connect(ledger.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM outputs")
    assert ledger.find_by_id("0123456789ab") == entry()
    writer.close()


def test_a_writer_that_never_ends_is_named(ledger, monkeypatch):
    monkeypatch.setattr(room, "WRITE_TIMEOUT_S", 0.1)
    ledger.add(entry())
    writer = sqlite3.connect(ledger.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(EffigieError, match="another process"):
        ledger.add(entry("ffffffffffff"))
    writer.close()


def test_a_newer_version_is_refused_and_left_alone(ledger):
    ledger.add(entry())
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = ledger.path.read_bytes()
    for ask in (lambda: ledger.find_by_id("0123456789ab"), lambda: ledger.add(entry("ffffffffffff"))):
        with pytest.raises(EffigieError, match="version 99"):
            ask()
    assert ledger.path.read_bytes() == before


def test_an_older_version_is_brought_up_to_date(ledger, monkeypatch):
    ledger.add(entry())
    monkeypatch.setattr(room, "MIGRATIONS", (*room.MIGRATIONS, ("ALTER TABLE outputs ADD COLUMN note TEXT",)))
    assert ledger.find_by_id("0123456789ab") == entry()
    ledger.add(entry("ffffffffffff"))
    with sqlite3.connect(ledger.path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(room.MIGRATIONS),)
        assert connection.execute("SELECT note FROM outputs").fetchall() == [(None,), (None,)]


def test_a_ledger_without_sound_is_read_where_nothing_can_be_written(ledger, monkeypatch):
    """As version 0.1 made it."""
    ledger.path.parent.mkdir()
    with sqlite3.connect(ledger.path) as connection:
        for statement in room.MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        row = ("0123456789ab", "2026-01-01T00:00:00+00:00", "convert", "out.mp4", None, "[]", None, b"")
        connection.execute("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    before = ledger.path.read_bytes()
    found = ledger.find_by_id("0123456789ab")
    assert found is not None and found.name == "out.mp4" and found.sound_fingerprints == ()
    assert found.free_bits is None and ledger.list_marks(9) == []
    assert ledger.path.read_bytes() == before
    ledger.add(entry("ffffffffffff", sound_fingerprints=((0.0, 7),)))
    assert ledger.find_by_id("ffffffffffff").sound_fingerprints == ((0.0, 7),)


def test_codewords_are_known_of_the_latest_outputs(ledger):
    for number in range(4):
        when = datetime(2026, 1, 1 + number, tzinfo=UTC)
        ledger.add(entry(f"{number:012x}", time=when, free_bits=None if number == 2 else 10 * number))
    assert ledger.list_marks(2) == [("000000000003", 30), ("000000000001", 10)]


def test_a_ledger_just_begun_is_empty(ledger):
    ledger.path.parent.mkdir()
    ledger.path.touch()
    assert ledger.find_by_id("0123456789ab") is None
    ledger.add(entry())
    assert ledger.find_by_id("0123456789ab") == entry()


@pytest.mark.parametrize("content", [b"no database at all " * 300, b"SQLite format 3\0" + bytes(4080)])
def test_a_damaged_ledger_is_one_clear_line(ledger, content):
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(content)
    for ask in (lambda: ledger.find_by_id("0123456789ab"), lambda: ledger.add(entry())):
        with pytest.raises(EffigieError, match=r"ledger.sqlite") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_cut_ledger_is_one_clear_line(ledger):
    for number in range(9):
        ledger.add(entry(f"{number:012x}", fingerprints=tuple((float(k), k) for k in range(1000))))
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    os.truncate(ledger.path, ledger.path.stat().st_size // 2)
    with pytest.raises(EffigieError, match="damaged"):
        list(ledger.entries())


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "ledger.sqlite", tmp_path / "folder"):
        with pytest.raises(EffigieError):
            Ledger(path).add(entry())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(ledger):
    ledger.add(entry())
    ledger.path.chmod(0o400)
    ledger.path.parent.chmod(0o500)
    try:
        assert ledger.find_by_id("0123456789ab") == entry()
        with pytest.raises(EffigieError, match="permission"):
            ledger.add(entry("ffffffffffff"))
    finally:
        ledger.path.parent.chmod(0o700)


def test_a_disk_that_takes_no_more(ledger):
    ledger.add(entry())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(EffigieError, match=r"ledger.sqlite"):
            ledger.add(entry("ffffffffffff", fingerprints=tuple((float(k), k) for k in range(9999))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    ledger.add(entry("ffffffffffff"))
    assert ledger.find_by_id("0123456789ab") == entry()
