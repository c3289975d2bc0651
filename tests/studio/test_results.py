"""Tests of results: what verify finds in them and in dropped files, what training wrote, and sessions of the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running_studio import RunningStudio
from studio_clips import write_clip

from effigie.consent import ConsentStore
from effigie.errors import UsageError
from effigie.studio.handles import Handles
from effigie.studio.jobs.commands import build_command
from effigie.studio.jobs.job import Job
from effigie.studio.verification import verify_file
from effigie.studio.views.training_view import MAX_POINTS, describe_training
from effigie.studio.views.worst_frames import VERB, describe_worst
from effigie.studio.workspace import Workspace


def test_a_dropped_file_is_verified_and_removed(studio: RunningStudio, tmp_path) -> None:
    clip = write_clip(tmp_path / "anything.mp4", 12).read_bytes()
    status, found = studio.ask("PUT", "/api/verify?name=any%20thing.mp4", clip)
    assert status == 200, found
    assert found["verdict"] == "nothing-found"
    assert any("This does not mean that it is authentic" in line for line in found["lines"])
    incoming = studio.workspace / ".effigie" / "studio" / "incoming"
    assert [path for path in incoming.iterdir() if path.is_file()] == []
    assert studio.ask("GET", "/api/library")[1]["results"] == []


def test_credentials_of_a_dropped_file_are_told_in_full(studio: RunningStudio) -> None:
    signed = Path(__file__).parents[1] / "compatibility" / "version1" / "output.mp4"
    status, found = studio.ask("PUT", "/api/verify?name=output.mp4", signed.read_bytes())
    assert (status, found["verdict"]) == (200, "made-by-effigie"), found
    said = found["credentials"]
    assert (said["state"], said["output_id"], said["mark"]) == ("valid", "23a0725361ae", "23a0725361ae")
    assert len(said["model_hash"]) == 64 and said["actions"] == ["c2pa.opened", "c2pa.edited"]
    assert [part["title"] for part in said["ingredients"]] == ["target.mp4"]
    assert found["watermark"]["id"] == said["output_id"] and found["sound_watermark"] is None
    assert [one["id"] for one in found["consent"]["records"]] == said["consents"]


def test_files_that_are_no_media_are_looked_at_and_never_shown(studio: RunningStudio) -> None:
    for name, data in (("noise.mp4", b"\x00noise" * 100), ("page.html", b"<script>alert(1)</script>"), ("..", b"x")):
        status, found = studio.ask("PUT", f"/api/verify?name={name}", data)
        assert (status, found["verdict"]) == (200, "nothing-found"), found
    assert studio.is_alive()


def test_a_name_that_looks_like_an_option_is_a_name(tmp_path) -> None:
    clip = write_clip(tmp_path / "-c.mp4", 5)
    assert verify_file(clip, ConsentStore([tmp_path]))["verdict"] == "nothing-found"


def test_curves_and_previews_are_read_while_they_are_written(tmp_path) -> None:
    handles = Handles([tmp_path])
    assert describe_training(tmp_path, handles) == {"curve": [], "previews": []}
    (tmp_path / "previews").mkdir()
    for name in ("step-000010.png", "step-000002.png", "step-x.png", ".step-000003.png", "other.png"):
        (tmp_path / "previews" / name).write_bytes(b"png")
    lines = [
        "step,seconds,held_out_error,loss",
        "0,0.5,0.08,",
        "3,6.4,,0.7",
        "x,1,2,3",
        "5,9,inf,0.6",
        "6,10,nan",
        "7,11",
    ]
    (tmp_path / "curve.csv").write_text("\n".join(lines), "utf-8")
    found = describe_training(tmp_path, handles)
    assert found["curve"] == [
        {"step": 0.0, "seconds": 0.5, "held_out_error": 0.08},
        {"step": 3.0, "seconds": 6.4, "loss": 0.7},
    ]
    assert [one["step"] for one in found["previews"]] == [2, 10]
    json.dumps(found, allow_nan=False)


def test_long_curves_are_thinned_out_but_keep_evaluations(tmp_path) -> None:
    rows = [f"{step},{step},{0.1 if step % 1000 == 7 else ''},0.5" for step in range(20_000)]
    (tmp_path / "curve.csv").write_text("\n".join(["step,seconds,held_out_error,loss", *rows, ""]), "utf-8")
    curve = describe_training(tmp_path, Handles([tmp_path]))["curve"]
    assert len(curve) <= MAX_POINTS + 21
    assert [row["step"] for row in curve if "held_out_error" in row] == [1000 * k + 7 for k in range(20)]
    assert curve[-1]["step"] == 19_999


def test_worst_frames_are_those_of_the_last_measurement_of_the_file_as_it_is(tmp_path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"x")
    written = path.stat().st_mtime

    def measure(started: float, frame: int) -> tuple[Job, dict]:
        figures = [{"name": "pose error", "reached": None}, {"name": "flicker", "reached": False}]
        worst = [{"person": 0, "frame": frame, "why": "pose off 9 deg"}]
        job = Job("a", "Measure", (*VERB, "out.mp4"), started=started, ended=started + 1)
        return job, {"worst": worst, "figures": figures}

    assert describe_worst(path, [measure(written - 5, 3)]) is None  # rendered again since
    assert describe_worst(path, [(measure(written + 1, 3)[0], {})]) is None  # its log was cut
    found = describe_worst(path, [measure(written + 9, 7), measure(written + 5, 3)])
    assert found is not None and [one["frame"] for one in found["worst"]] == [7]
    assert [one["name"] for one in found["figures"]] == ["flicker"]


def test_a_result_is_measured_beside_its_original_by_a_command(studio: RunningStudio, tmp_path) -> None:
    workspace = Workspace.open(tmp_path)
    names = {"result": "-out.mp4", "clip": "-in.mp4", "source": "b.faces", "target": "-a.faces"}
    for name in names.values():
        (tmp_path / name).write_bytes(b"x")
    ids = {field: workspace.handles.issue(tmp_path / name) for field, name in names.items()}
    files = ("--input=./-in.mp4", "--source=b.faces", "--target=./-a.faces")
    assert build_command(workspace, "measure", ids).arguments == (*VERB, "./-out.mp4", *files, "--json")
    with pytest.raises(UsageError):
        build_command(workspace, "measure", {**ids, "target": ""})
    clip = studio.upload("some.mp4", write_clip(tmp_path / "some.mp4", 5).read_bytes())
    assert studio.ask("GET", f"/api/results/{clip}/worst") == (200, None)
