"""Tests of Heads: a portrait shown as sliders say, templates saved in the workspace, the command that renders them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from running_studio import RunningStudio
from test_merge import read_message, read_until

from effigie.consent import new_consent
from effigie.heads import load_template
from effigie.studio.jobs.commands import build_command
from effigie.studio.workspace import Workspace

NOD = {
    "rate": 25,
    "over": "replace",
    "keys": [{"time": 0, "ease": "smooth", "smile": 0, "yaw": 0}, {"time": 0.4, "ease": "linear", "yaw": 12}],
}


def connect(studio: RunningStudio, portrait: str) -> Any:
    from websockets.sync.client import connect

    headers, host = {"Cookie": studio.cookie}, studio.host
    address = f"ws://{host}/api/heads/{portrait}"
    return connect(address, origin=f"http://{host}", additional_headers=headers, max_size=1 << 26)


@pytest.fixture(scope="module")
def still(studio: RunningStudio, portrait: np.ndarray) -> str:
    """The man's picture in the workspace; its id."""
    return studio.upload("man.png", cv2.imencode(".png", portrait[..., ::-1])[1].tobytes())


@pytest.mark.slow
def test_sliders_are_shown_and_the_gate_is_asked_again(studio: RunningStudio, still: str, man: Path) -> None:
    record = studio.workspace / ".effigie" / "consents" / "man.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    photo = studio.workspace / "clips" / "man.png"
    new_consent("the man", [photo], ("animate",), basis="sample", evidence=[photo]).save(record)
    with connect(studio, still) as live:
        live.send(json.dumps({"do": "open"}))
        controls = read_until(live, kind="controls")[0]["controls"]
        assert {"smile", "mouth", "blink_left", "gaze_x", "brows", "yaw"} <= {one["name"] for one in controls}
        head = {"kind": "state", "loading": ""}
        while head.get("loading") is not None:  # until the portrait is read
            head = read_message(live)[0]
            assert head["kind"] == "state", head
        assert head["size"] == [640, 360] and abs(head["own"]["smile"]) < 0.3
        wish = {"do": "show", "n": 10, "width": 640, "template": NOD}
        live.send(json.dumps({"seq": 1, **wish}))
        draft, _ = read_until(live, kind="frame", seq=1)
        film, (picture,) = read_until(live, kind="frame", seq=1, state="film")
        assert draft["state"] == "draft" and film["n"] == 10
        assert abs(film["shows"]["yaw"] - 12) < 1.5 and picture.shape == (360, 640, 3)
        live.send(json.dumps({"seq": 2, **wish, "template": {**NOD, "keys": [{"time": 0, "smirk": 1}]}}))
        assert "smirk" in read_until(live, kind="error", seq=2)[0]["error"]
        live.send(json.dumps({"seq": 3, **wish, "n": 11}))
        assert "no frame 11" in read_until(live, kind="error", seq=3)[0]["error"]
        for wrong in ({"width": -5}, {"n": 1e999}, {"template": 7}):  # the process outlives them
            live.send(json.dumps({"seq": 3, **wish, **wrong}))
        live.send(json.dumps({"seq": 3, **wish, "width": -5, "draft": True}))
        head, images = {"kind": "error"}, []
        while head["kind"] == "error":
            head, images = read_message(live)
        assert images[0].shape[1] == 16
        record.unlink()
        seq, said = 4, {"kind": ""}
        while said["kind"] != "error":  # within the interval in which the gate is asked
            live.send(json.dumps({"seq": seq, **wish, "draft": True}))
            said, seq = read_message(live)[0], seq + 1
            assert seq < 400
        assert said["closed"]


@pytest.mark.slow
def test_without_consent_nothing_is_shown(studio: RunningStudio, still: str, tmp_path: Path) -> None:
    copy = studio.upload("again.png", (studio.workspace / "clips" / "man.png").read_bytes())
    with connect(studio, copy) as live:
        live.send(json.dumps({"do": "open"}))
        assert "consent" in read_until(live, kind="error", closed=True)[0]["error"]


def test_a_template_is_saved_in_the_workspace_and_read_back(studio: RunningStudio) -> None:
    status, made = studio.ask("POST", "/api/templates", {"name": "nod", "template": NOD})
    assert status == 200, made
    path = studio.workspace / "templates" / "nod.toml"
    assert load_template(path)(0.4).yaw == 12
    (row,) = studio.ask("GET", "/api/library")[1]["templates"]
    assert (row["id"], row["name"], row["keys"], row["seconds"]) == (made["id"], "nod", 2, 0.4)
    assert studio.ask("GET", f"/api/templates/{made['id']}")[1]["keys"] == NOD["keys"]
    path.write_text("# for the second shot\n" + path.read_text("utf-8"), "utf-8")
    other = {**NOD, "over": "add"}
    assert studio.ask("POST", "/api/templates", {"id": made["id"], "template": other})[0] == 200
    assert load_template(path).over == "add" and "# for the second shot" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"name": "nod", "template": NOD}, "is there already"),
        ({"name": "../nod", "template": NOD}, "a name has letters"),
        ({"name": "bad", "template": {"keys": [{"time": 0, "smile": 9}]}}, "smile must be from -1 to 1"),
        ({"name": "none", "template": None}, "needs keys"),
        ({"name": "huge", "template": {**NOD, "keys": [{"time": t, "smile": 0} for t in range(4000)]}}, "too large"),
        ({"template": NOD}, "name: fill it in"),
    ],
)
def test_what_is_no_template_is_not_saved(studio: RunningStudio, fields: dict[str, Any], line: str) -> None:
    if fields.get("name") == "nod" and not (studio.workspace / "templates" / "nod.toml").exists():
        studio.ask("POST", "/api/templates", fields)
    status, answer = studio.ask("POST", "/api/templates", fields)
    assert status in (400, 422) and line in answer["error"]
    assert [path.name for path in (studio.workspace / "templates").glob("*")] in ([], ["nod.toml"])


def test_files_of_other_kinds_are_no_templates(studio: RunningStudio, still: str) -> None:
    status, answer = studio.ask("GET", f"/api/templates/{still}")
    assert status == 400 and "no control template" in answer["error"]
    assert studio.ask("POST", "/api/templates", {"id": still, "template": NOD})[0] == 400
    assert studio.ask("GET", "/api/templates/" + "0" * 16)[0] == 404


def test_sounds_are_brought_in(studio: RunningStudio) -> None:
    assert studio.ask("PUT", "/api/uploads/sounds?name=hello.wav", b"RIFF0000WAVE")[0] == 200
    assert [row["name"] for row in studio.ask("GET", "/api/library")[1]["sounds"]] == ["hello.wav"]
    assert studio.ask("PUT", "/api/uploads/sounds?name=hello.mp4", b"x")[0] == 400


def test_a_template_is_rendered_by_a_command_that_users_could_type(tmp_path: Path, man: Path) -> None:
    workspace = Workspace.open(tmp_path)
    ids = {}
    for field, name in (("portrait", "clips/man.png"), ("template", "templates/nod.toml"), ("speech", "sounds/a.wav")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        ids[field] = workspace.handles.issue(path)
    command = build_command(workspace, "animate", {**ids, "name": "nod"})
    inputs = ("animate", "clips/man.png", "--template", "templates/nod.toml", "--speech", "sounds/a.wav")
    assert command.arguments[:6] == inputs and command.arguments[6:8] == ("-o", "results/nod.mp4")
    with pytest.raises(Exception, match="nothing moves the portrait"):
        build_command(workspace, "animate", {"portrait": ids["portrait"], "name": "nod"})
