"""Tests of the page Faces: what a review found, as rows of the grid, and what of it is left after drops."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from running_studio import RunningStudio
from spoilt_faces import DARK, UNSURE, write_spoilt_faces

from effigie.faceset import FaceSet
from effigie.studio.handles import UnknownIdError
from effigie.studio.jobs.commands import build_command
from effigie.studio.jobs.job import Job
from effigie.studio.views.face_findings import describe_findings
from effigie.studio.views.face_grid import FaceGrids
from effigie.studio.workspace import Workspace


def name_faces(path: Path) -> list[str]:
    """Names of all faces, as they come in the grid."""
    known = FaceGrids().describe(path)
    rows = zip(known["clip"], known["frame"], known["track"], strict=True)
    return [f"{known['clips'][clip]}:{frame}:{track}" for clip, frame, track in rows]


def wait_for(studio: RunningStudio, faces: str, seconds: float = 60) -> dict:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, found = studio.ask("GET", f"/api/faces/{faces}/findings")
        assert status == 200, found
        if found is not None:
            return found
        time.sleep(0.2)
    raise AssertionError("the review has not ended")


def test_a_review_is_a_job_whose_findings_are_rows_of_the_grid(studio: RunningStudio) -> None:
    path = write_spoilt_faces(studio.workspace / "faces" / "spoilt.faces")
    (known,) = studio.ask("GET", "/api/library")[1]["facesets"]
    assert studio.ask("GET", f"/api/faces/{known['id']}/findings") == (200, None)
    status, job = studio.start_job("review-faces", {"faces": known["id"]})
    assert (status, job["command"]) == (200, "effigie faces review faces/spoilt.faces --json")
    found = wait_for(studio, known["id"])
    rows = {one["kind"]: one["rows"] for one in found["findings"]}
    assert rows["badly lit"] == list(DARK) and rows["unsure"] == [UNSURE]
    assert all(one["drop"] and one["why"] for one in found["findings"])
    assert any(line.startswith("this person never") for line in found["advice"])
    assert found["revision"] == studio.ask("GET", f"/api/faces/{known['id']}")[1]["revision"]
    assert not found["changed"] and len(FaceSet.open(path)) == 24  # nothing is dropped by looking


def test_findings_of_the_last_review_are_kept_without_what_was_dropped(tmp_path: Path) -> None:
    workspace, grids = Workspace.open(tmp_path), FaceGrids()
    path = write_spoilt_faces(tmp_path / "faces" / "a.faces")
    names, written = name_faces(path), (path / "faceset.json").stat().st_mtime

    def review(name: str, ended: float, chosen: list[str]) -> tuple[Job, dict]:
        arguments = ("faces", "review", f"faces/{name}.faces", "--json")
        lit = {"kind": "badly lit", "why": "dark", "names": chosen, "drop": True}
        return Job(name + str(ended), "Review", arguments, started=ended, ended=ended), {"findings": [lit]}

    reviews = [
        review("a", written - 5, names[:1]),
        review("a", written + 5, [*names[3:1:-1], "gone.mp4:0:0"]),
        review("b", written + 9, names[:4]),
        (review("a", written + 9, [])[0], {}),  # its log was cut
    ]
    found = describe_findings(workspace, grids, path, reviews)
    assert found is not None and not found["changed"]
    assert [one["rows"] for one in found["findings"]] == [[2, 3]]
    found = describe_findings(workspace, grids, path, reviews[:1])
    assert found is not None and found["changed"]
    gone = describe_findings(workspace, grids, path, [review("a", written + 5, ["gone.mp4:0:0"])])
    assert gone is not None and gone["findings"] == []
    assert describe_findings(workspace, grids, path, reviews[2:3]) is None


def test_a_review_for_footage_names_its_faces(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    ids = [
        workspace.handles.issue(write_spoilt_faces(tmp_path / "faces" / f"{name}.faces")) for name in ("anna", "ben")
    ]
    command = build_command(workspace, "review-faces", dict(zip(("faces", "target"), ids, strict=True)))
    assert command.arguments == ("faces", "review", "faces/anna.faces", "--target", "faces/ben.faces", "--json")
    assert command.lane == "quick"
    with pytest.raises(UnknownIdError):
        build_command(workspace, "review-faces", {"faces": "0" * 16})
