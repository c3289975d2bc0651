"""Tests of Merge: a project on a model, shown as draft and as the film's frame, saved, rendered."""

from __future__ import annotations

import copy
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from running_studio import RunningStudio

from effigie.media import EncodeSettings, VideoReader
from effigie.studio.jobs.commands import build_command
from effigie.studio.workspace import Workspace
from effigie.swap import ConvertSettings, convert
from effigie.swap.editing.project import load_project, save_project


def read_message(live: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
    message = live.recv(timeout=120)
    (length,) = struct.unpack_from("<I", message)
    head, offset, images = json.loads(message[4 : 4 + length]), 4 + length, []
    for size in head.get("sizes", ()):
        images.append(cv2.imdecode(np.frombuffer(message[offset : offset + size], np.uint8), cv2.IMREAD_COLOR))
        offset += size
    return head, images


def read_until(live: Any, **wanted: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The first message that has these values; errors are failures unless they are wanted."""
    while True:
        head, images = read_message(live)
        if all(head.get(name) == value for name, value in wanted.items()):
            return head, images
        assert wanted.get("kind") == "error" or head["kind"] not in ("error", "ended"), head


def connect(studio: RunningStudio, project: str) -> Any:
    from websockets.sync.client import connect

    headers, host = {"Cookie": studio.cookie}, studio.host
    address = f"ws://{host}/api/merge/{project}"
    return connect(address, origin=f"http://{host}", additional_headers=headers, max_size=1 << 26)


@pytest.fixture(scope="module")
def desk(studio: RunningStudio, model: Path, man: Path) -> tuple[str, Path]:
    """A project in the studio: its id, and its file."""
    shutil.copytree(model, studio.workspace / "models" / "woman")
    clip = studio.upload("man.mp4", man.read_bytes())
    found = studio.ask("GET", "/api/library")[1]["models"]
    asked = {"model": found[0]["id"], "clip": clip, "name": "scene"}
    status, made = studio.ask("POST", "/api/projects", asked)
    assert status == 200, made
    assert studio.ask("POST", "/api/projects", asked)[0] == 400  # it is there
    return made["id"], studio.workspace / "projects" / "scene.toml"


@pytest.mark.slow
def test_the_library_lists_projects(studio: RunningStudio, desk: tuple[str, Path]) -> None:
    (row,) = studio.ask("GET", "/api/library")[1]["projects"]
    assert (row["id"], row["name"], row["clip"], row["models"]) == (desk[0], "scene", "man.mp4", ["woman"])


@pytest.mark.slow
def test_what_is_shown_is_what_the_saved_project_becomes(studio: RunningStudio, desk: tuple[str, Path]) -> None:
    project, path = desk
    path.write_text(path.read_text("utf-8").replace("[compose]", "# the look of the film\n[compose]"), "utf-8")
    with connect(studio, project) as live:
        assert read_message(live)[0]["kind"] == "clip"
        live.send(json.dumps({"do": "open"}))
        opened = read_until(live, kind="project")[0]
        by_name = {control["path"][-1]: control for control in opened["controls"]}
        assert by_name["feather"]["path"] == ["mask", "feather"]
        assert (by_name["feather"]["low"], by_name["feather"]["high"]) == (0, 0.5)
        assert "local" in by_name["colour"]["choices"] and by_name["colour"]["help"]
        values = opened["project"]
        values["compose"]["mask"]["feather"] = 0.2
        values["shots"] = [{"first": 0, "last": 2, "skip": True, "without": []}]
        wish = {"do": "show", "n": 6, "width": 640, "project": values}
        live.send(json.dumps({"seq": 1, **wish}))
        draft = read_until(live, kind="frame", seq=1)[0]
        assert draft["state"] == "draft"
        film, images = read_until(live, kind="frame", seq=1, state="film")
        assert film["n"] == 6 and film["size"] == [640, 360] and film["faces"][0]["model"] == "woman"
        live.send(json.dumps({"do": "save", "seq": 2, "project": values}))
        read_until(live, kind="saved", seq=2)
        values["compose"]["mask"]["feather"] = 7
        live.send(json.dumps({"seq": 3, **wish, "project": values}))
        assert "feather" in read_until(live, kind="error", seq=3)[0]["error"]
        live.send("{")
        assert read_until(live, kind="error")[0]["error"] == "the message is no JSON"
    assert "# the look of the film" in path.read_text("utf-8")
    saved = load_project(path)
    assert saved.settings.compose.mask.feather == 0.2 and saved.settings.shots[0].skip
    output = studio.workspace / "results" / "scene.mkv"
    lossless = ConvertSettings(
        compose=saved.settings.compose, shots=saved.settings.shots, max_frames=9, encode=EncodeSettings(codec="ffv1")
    )
    output.parent.mkdir(exist_ok=True)
    convert(saved.people, saved.clip, output, lossless)
    with VideoReader(output, 6) as reader:
        written = next(iter(reader)).image
    _, after, mask = images
    face = mask[..., 0] > 250
    assert face.any()
    difference = cv2.cvtColor(after, cv2.COLOR_BGR2RGB).astype(float) - written
    assert abs(difference[face].mean()) < 0.5  # of the mark and of JPEG's rounding no more is left on average
    assert np.abs(difference[face]).mean() < 2.5


@pytest.mark.slow
def test_the_newest_wish_wins(studio: RunningStudio, desk: tuple[str, Path]) -> None:
    with connect(studio, desk[0]) as live:
        live.send(json.dumps({"do": "open"}))
        values = read_until(live, kind="project")[0]["project"]
        for seq in range(1, 41):
            wish = copy.deepcopy(values)
            wish["compose"]["mask"]["feather"] = seq / 100
            live.send(json.dumps({"do": "show", "seq": seq, "n": 6, "width": 640, "project": wish}))
        seen = []
        while not seen or (seen[-1]["seq"], seen[-1]["state"]) != (40, "film"):
            head = read_message(live)[0]
            seen += [head] if head["kind"] == "frame" else []
        assert len({head["seq"] for head in seen}) < 40
        assert [head["seq"] for head in seen] == sorted(head["seq"] for head in seen)


@pytest.mark.slow
def test_a_model_that_is_gone_is_said_to_every_page(studio: RunningStudio, desk: tuple[str, Path]) -> None:
    path = studio.workspace / "projects" / "lost.toml"
    path.write_text(desk[1].read_text("utf-8").replace("woman", "nobody"), "utf-8")
    lost = next(row["id"] for row in studio.ask("GET", "/api/library")[1]["projects"] if row["name"] == "lost")
    for _ in range(2):  # the second page comes when it has been said
        with connect(studio, lost) as live:
            live.send(json.dumps({"do": "open"}))
            said = read_until(live, kind="error", closed=True)[0]
            assert "nobody" in said["error"]
    assert studio.is_alive()


def test_a_socket_on_what_is_no_project_says_so(studio: RunningStudio) -> None:
    with connect(studio, "0" * 16) as live:
        assert "no such file" in read_message(live)[0]["error"]


def test_a_project_is_rendered_by_its_file_alone(tmp_path: Path, man: Path) -> None:
    workspace = Workspace.open(tmp_path)
    path = tmp_path / "projects" / "scene.toml"
    path.parent.mkdir()
    path.write_text(f'clip = "{man}"\n[[people]]\nmodel = "../models/woman"\n', "utf-8")
    command = build_command(workspace, "render", {"project": workspace.handles.issue(path), "name": "scene"})
    assert command.arguments == ("convert", "projects/scene.toml", "-o", "results/scene.mp4")
    assert command.made == {"output": str(tmp_path / "results" / "scene.mp4"), "input": str(man)}
    save_project(load_project(path), path)
