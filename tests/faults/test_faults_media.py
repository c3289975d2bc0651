"""Tests of readers on broken media, of files that change while they are read, and of the process watchdog."""

from __future__ import annotations

import os
import shutil
from multiprocessing.connection import Connection

import pytest
from benchmarks.fixtures.broken_corpus import MOVING, STILLS, create_media, recipes
from benchmarks.fixtures.watchdog import run_watched
from benchmarks.mutations import MUTATIONS, mutate
from every_end import SIGNS, ask

import effigie
from effigie.errors import EffigieError
from effigie.extraction import ExtractSettings
from effigie.faceset import FaceSet
from effigie.media import VideoReader, probe
from effigie.progress import CancelToken


@pytest.fixture(scope="module")
def bases(man, tmp_path_factory):
    return create_media(man, tmp_path_factory.mktemp("whole"))


def test_what_is_whole_is_read_in_every_format(bases):
    assert {path.name for path in bases} == {*MOVING, *STILLS, "moving.webp"}
    for path in bases:
        with VideoReader(path) as reader:
            assert sum(1 for _ in reader) == (1 if path.name in STILLS else 4), path.name


def test_damage_is_the_same_each_time_and_never_too_much(bases):
    for kind in MUTATIONS:
        for path in bases[:3]:
            data = path.read_bytes()
            broken = mutate(data, kind, 7)
            assert broken == mutate(data, kind, 7)
            assert len(broken) <= 2 * len(data) + 64
    changed = sum(mutate(bases[0].read_bytes(), kind, 7) != bases[0].read_bytes() for kind in MUTATIONS)
    assert changed >= len(MUTATIONS) - 1


@pytest.mark.slow
def test_broken_files_are_read_or_refused(bases, tmp_path):
    """A tenth of the bench's row, read only; an error of any other kind would end the test."""
    read = refused = 0
    for recipe in recipes(bases, 200, first_seed=50_000):
        path = recipe.make(tmp_path)
        try:
            probe(path)
            with VideoReader(path) as reader:
                read += sum(1 for _ in reader) > 0
        except EffigieError as error:
            assert "\n" not in str(error)
            refused += 1
        path.unlink()
    assert read > 40
    assert refused > 40


@pytest.mark.parametrize("name", ["end.mp4", "h264.mkv", "moving.gif"])
@pytest.mark.parametrize("what", ["gone", "cut", "emptied", "another"])
def test_a_file_that_changes_while_it_is_read(bases, tmp_path, name, what):
    """Frames to the end, fewer frames, or one error line, depending on what the system still has of the file."""
    (base,) = [path for path in bases if path.name == name]
    path = tmp_path / name
    shutil.copy(base, path)
    frames = 0
    try:
        with VideoReader(path) as reader:
            for _ in reader:
                frames += 1
                if frames == 1:
                    if what == "gone":
                        path.unlink()
                    elif what == "another":
                        path.write_bytes((bases[4]).read_bytes())
                    else:
                        os.truncate(path, 0 if what == "emptied" else path.stat().st_size // 2)
    except EffigieError as error:
        assert "\n" not in str(error)
        assert str(path) in str(error)
    assert 1 <= frames <= 4


def test_a_clip_that_vanishes_between_planning_and_reading(bases, tmp_path):
    """The missing clip is reported; the others are done."""
    gone, stays = tmp_path / "gone.mp4", tmp_path / "stays.mp4"
    shutil.copy(bases[0], gone)
    shutil.copy(bases[1], stays)

    def progress(report):
        if report.stage == "look at clips" and report.done == 2:
            gone.unlink(missing_ok=True)

    settings = ExtractSettings(size=256, workers=1)
    report = effigie.extract([gone, stays], tmp_path / "faces", settings, progress=progress)
    assert list(report.failed) == [str(gone)]
    assert "does not exist" in report.failed[str(gone)]
    assert report.clips == 1
    assert len(FaceSet.open(tmp_path / "faces")) == 4


@pytest.mark.slow
def test_the_watch_tells_every_end_from_every_other(monkeypatch):
    wanted = {
        "fine": "done",
        "hang": "hang",
        "slow": "done",
        "crash": "crash",
        "refuse": "refused",
        "lines": "traceback",
        "error": "traceback",
        "after": "done",
    }
    limit, found, waits = 123.0, {}, dict.fromkeys(wanted, 0)
    poll = Connection.poll

    def patient(connection, seconds=0.0):
        """The time limit suits the slowest machine; it is shortened only for calls that do hang."""
        if seconds != limit:
            return poll(connection, seconds)
        task = list(wanted)[len(found)]
        waits[task] += 1
        return poll(connection, 0.5 if task == "hang" else limit)

    monkeypatch.setattr(Connection, "poll", patient)
    run_watched(ask, (), list(wanted), 1, limit, CancelToken(), lambda outcome: found.update({outcome.task: outcome}))
    # Whenever the slow one says that it gets on, it has the whole limit again.
    assert waits == dict.fromkeys(wanted, 1) | {"slow": SIGNS + 1}
    assert {task: outcome.how for task, outcome in found.items()} == wanted
    assert "KeyError" in found["error"].said
    assert found["fine"].megabytes > 1
