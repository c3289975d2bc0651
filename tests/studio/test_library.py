"""Tests of files: what the library finds, what ids open, what comes in and what may not."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from running_studio import RunningStudio
from studio_clips import write_clip

from effigie.errors import EffigieError, UsageError
from effigie.studio.handles import Handles, UnknownIdError
from effigie.studio.jobs.commands import build_command
from effigie.studio.library import Library
from effigie.studio.uploads import choose_name, clip_suffixes, receive_file
from effigie.studio.workspace import Workspace


@pytest.fixture
def root(studio: RunningStudio) -> Path:
    """The running studio's workspace."""
    return studio.workspace


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 8).read_bytes()


def test_ids_stay_and_open_only_what_lies_in_the_roots(tmp_path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "a.mp4").write_bytes(b"a")
    (outside / "secret.mp4").write_bytes(b"s")
    (root / "link.mp4").symlink_to(outside / "secret.mp4")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    handles = Handles([root])
    assert handles.issue(root / "a.mp4") == Handles([root]).issue(root / "a.mp4")
    assert handles.resolve(handles.issue(root / "a.mp4")) == root / "a.mp4"
    escapes = ("link.mp4", "folder/secret.mp4", "loop", "../outside/secret.mp4", "gone.mp4")
    for name in escapes:
        with pytest.raises(UnknownIdError):
            handles.resolve(handles.issue(root / name))
    for odd in ("", "0" * 16, "../a", str(root / "a.mp4")):
        with pytest.raises(UnknownIdError):
            handles.resolve(odd)


def test_what_becomes_a_link_later_is_refused(tmp_path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.mp4").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"s")
    handles = Handles([root])
    known = handles.issue(root / "a.mp4")
    (root / "a.mp4").unlink()
    (root / "a.mp4").symlink_to(tmp_path / "secret")
    with pytest.raises(UnknownIdError, match="leads out"):
        handles.resolve(known)


def test_the_library_finds_things_by_what_they_are(tmp_path) -> None:
    workspace = Workspace.open(tmp_path)
    for folder in ("clips", "results", "faces/ben.faces", "models/m", "models/heads", "models/broken"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("clips/ben.mp4", "clips/anna.jpg", "clips/.hidden.mp4", "clips/notes.txt", "results/out.mp4"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "results/out.mp4.notice.txt").write_text("made with effigie", "utf-8")
    (tmp_path / "faces/ben.faces/faceset.json").write_text(
        '{"sources": {"a": {"faces": 3}, "b": {"faces": 4}}}', "utf-8"
    )
    (tmp_path / "models/m/config.json").write_text('{"kind": "swap"}', "utf-8")
    (tmp_path / "models/heads/config.json").write_text('{"kind": "heads"}', "utf-8")
    (tmp_path / "models/broken/config.json").write_text("{", "utf-8")
    (tmp_path / "clips/out").symlink_to("/etc")
    found = Library(workspace).to_json({str(tmp_path / "results/out.mp4"): str(tmp_path / "clips/ben.mp4")})
    assert [one["name"] for one in found["clips"]] == ["anna.jpg", "ben.mp4"]
    assert [(one["name"], one["faces"], one["clips"]) for one in found["facesets"]] == [("ben.faces", 7, 2)]
    assert [(one["name"], one["finished"]) for one in found["models"]] == [("m", False)]
    assert [(one["name"], one["video"]) for one in found["results"]] == [("out.mp4", True)]
    assert found["results"][0]["input"] == next(one["id"] for one in found["clips"] if one["name"] == "ben.mp4")
    listed = Library(workspace).list_folder(tmp_path / "clips")
    assert [row["name"] for row in listed] == ["anna.jpg", "ben.mp4"]


def test_picked_clips_are_not_copied_and_outside_ones_forgotten(tmp_path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    (media / "film.mov").write_bytes(b"x")
    workspace = Workspace.open(tmp_path / "work", media=[media])
    library = Library(workspace)
    library.pick([media / "film.mov"])
    assert [(one["name"], one["origin"]) for one in library.to_json({})["clips"]] == [("film.mov", "picked")]
    assert not list((tmp_path / "work").rglob("*.mov"))
    (media / "notes.txt").write_text("x", "utf-8")
    for wrong in (media, media / "notes.txt"):
        with pytest.raises(UsageError, match="no clip or picture"):
            library.pick([wrong])
    assert (
        Library(Workspace.open(tmp_path / "work")).list_picks() == []
    )  # without --media the folder is not open any more


def test_uploads_arrive_whole_under_a_safe_name(studio: RunningStudio, root: Path, clip: bytes) -> None:
    for name in ("../../up.mp4", "/etc/up.mp4", "a\\b\\up.mp4", ".up.mp4"):
        studio.upload(name, clip)
    names = sorted(path.name for path in (root / "clips").glob("*up*.mp4"))
    assert len(names) == 4
    assert not list(root.parent.glob("up*.mp4"))
    assert all((root / "clips" / name).read_bytes() == clip for name in names)


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "run.sh", "noname", ""])
def test_other_kinds_of_files_are_not_taken(studio: RunningStudio, name: str) -> None:
    assert studio.ask("PUT", f"/api/uploads/clips?name={name}", b"x")[0] == 400
    assert studio.ask("PUT", "/api/uploads/other?name=a.mp4", b"x")[0] == 400


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("noise.mp4", bytes(range(256)) * 20, "clips/noise.mp4 is not a clip that can be read"),
        ("noise.jpg", bytes(range(256)) * 20, "clips/noise.jpg is not a clip that can be read"),
        ("nothing.mp4", b"", "clips/nothing.mp4 is empty"),
    ],
)
def test_a_clip_that_is_none_is_said_and_not_kept(
    studio: RunningStudio, root: Path, name: str, data: bytes, said: str
) -> None:
    status, answer = studio.ask("PUT", f"/api/uploads/clips?name={name}", data)
    assert status == 422 and answer["error"].startswith(said)
    assert not (root / "clips" / name).exists()


def test_a_clip_that_is_cut_short_is_said_and_not_kept(studio: RunningStudio, root: Path, clip: bytes) -> None:
    status, answer = studio.ask("PUT", "/api/uploads/clips?name=half.mp4", clip[: len(clip) // 2])
    assert status == 422 and "cut short" in answer["error"]
    assert not (root / "clips" / "half.mp4").exists()


def test_an_upload_that_breaks_off_leaves_nothing(studio: RunningStudio, root: Path) -> None:
    lines = ["PUT /api/uploads/clips?name=broken.mp4 HTTP/1.1", "Content-Length: 1000000"]
    lines += [f"{name}: {value}" for name, value in studio.headers().items()]
    with socket.create_connection(("127.0.0.1", studio.port)) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * 5000)
    assert studio.is_alive()
    assert not list((root / "clips").glob("*broken*")) or not (root / "clips" / "broken.mp4").exists()


def test_an_upload_larger_than_the_disk_is_refused_at_once(studio: RunningStudio) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=30)
    connection.putrequest("PUT", "/api/uploads/clips?name=huge.mp4", skip_host=True)
    for header, value in (studio.headers() | {"Content-Length": str(10**15)}).items():
        connection.putheader(header, value)
    connection.endheaders()
    connection.send(b"x")
    response = connection.getresponse()
    assert response.status in (400, 422)
    assert "huge.mp4" in json.loads(response.read())["error"]


def test_files_are_sent_in_parts_and_other_kinds_not(studio: RunningStudio, root: Path, clip: bytes) -> None:
    handle = studio.upload("sent.mp4", clip)
    status, headers, body = studio.raw("GET", f"/api/files/{handle}", studio.headers(Range="bytes=10-19"))
    assert (status, body, headers["content-type"]) == (206, clip[10:20], "video/mp4")
    handles = Handles([root])
    (root / "page.html").write_text("<script>", "utf-8")
    assert studio.ask("GET", f"/api/files/{handles.issue(root / 'page.html')}")[0] == 404  # never listed, never opened


def test_static_files_do_not_lead_out(studio: RunningStudio) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py", "/static//etc/passwd"):
        assert studio.raw("GET", path, studio.headers())[0] in (404, 405), path


def test_commands_are_built_of_ids_and_checked(tmp_path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "-o x.mp4").write_bytes(b"x")
    workspace = Workspace.open(tmp_path)
    clip = workspace.handles.issue(tmp_path / "clips" / "-o x.mp4")
    command = build_command(workspace, "extract", {"clips": [clip], "name": "ben"})
    assert command.arguments == ("extract", "clips/-o x.mp4", "-o", "faces/ben.faces")
    wrong = [
        ("extract", {"clips": [], "name": "ben"}),
        ("extract", {"clips": [clip], "name": "../ben"}),
        ("extract", {"clips": [clip], "name": "--help"}),
        ("extract", {"clips": str(clip), "name": "ben"}),
        ("demo", {"minutes": "1"}),
        ("demo", {"minutes": 1e9}),
        ("demo", {"minutes": True}),
        ("consent-new", {"subject": "--photo", "photos": [clip], "uses": ["swap"]}),
        ("consent-new", {"subject": "A\nB", "photos": [clip], "uses": ["swap"]}),
        ("consent-new", {"subject": "A", "photos": [clip], "uses": ["all"]}),
        ("consent-revoke", {"record": "../../x"}),
        ("drop-faces", {"faces": clip, "names": ["--cluster"]}),
        ("convert", {}),
        ("rm", {}),
    ]
    for kind, fields in wrong:
        with pytest.raises(UsageError):
            build_command(workspace, kind, fields)
    with pytest.raises(UnknownIdError):
        build_command(workspace, "extract", {"clips": ["0" * 16], "name": "ben"})
    (tmp_path / "faces" / "ben.faces").mkdir(parents=True)
    with pytest.raises(UsageError, match="is there already"):
        build_command(workspace, "extract", {"clips": [clip], "name": "ben"})


def test_a_chosen_name_is_free(tmp_path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    assert choose_name(tmp_path, "a.mp4", clip_suffixes()).name == "a-2.mp4"
    with pytest.raises(EffigieError):
        choose_name(tmp_path, os.devnull, clip_suffixes())


def test_a_disk_that_fills_during_an_upload_is_one_line_and_leaves_nothing(tmp_path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(EffigieError, match="disk full while writing"):
        asyncio.run(receive_file(chunks(), tmp_path / "clips" / "a.mp4", None))
    assert list((tmp_path / "clips").iterdir()) == []


def test_an_upload_that_is_longer_than_it_said_is_refused(tmp_path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 1000

    for announced in (10, 2000):
        with pytest.raises(UsageError):
            asyncio.run(receive_file(chunks(), tmp_path / "a.mp4", announced))
    with pytest.raises(UsageError):
        asyncio.run(receive_file(chunks(), tmp_path / "a.mp4", None, limit=999))
    assert list(tmp_path.iterdir()) == []
