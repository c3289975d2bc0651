"""Tests of people and consent: records made as jobs, requests, records taken in, locks with their reason."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from running_studio import RunningStudio

from effigie.assets import fetch_asset
from effigie.consent import new_consent


@pytest.fixture(scope="module")
def photo(studio: RunningStudio) -> str:
    return studio.upload("woman.mp4", fetch_asset("sample_woman").read_bytes())


def wait_for_job(studio: RunningStudio, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Run a job to its end; its row."""
    status, answer = studio.start_job(kind, fields)
    assert status == 200, answer
    with studio.connect() as live:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            message = live.recv(timeout=120)
            event = json.loads(message)
            rows = [row for row in event["value"] if event["kind"] == "jobs" and row["id"] == answer["id"]]
            if rows and rows[0]["state"] not in ("queued", "running"):
                return rows[0]
    raise AssertionError("the job did not end")


def list_states(studio: RunningStudio) -> dict[str, str]:
    return {one["subject"]: one["state"] for one in studio.ask("GET", "/api/people")[1]["records"]}


@pytest.mark.slow
def test_a_record_is_made_and_revoked(studio: RunningStudio, photo: str) -> None:
    fields = {"subject": "Anna O'Neil", "photos": [photo], "uses": ["swap"], "basis": "-- signed; release"}
    job = wait_for_job(studio, "consent-new", fields)
    assert job["state"] == "done", job
    assert list_states(studio)["Anna O'Neil"] == "valid"
    record = next(one for one in studio.ask("GET", "/api/people")[1]["records"] if one["subject"] == "Anna O'Neil")
    assert (record["basis"], record["strength"], record["uses"]) == ("-- signed; release", "attested", ["swap"])
    job = wait_for_job(studio, "consent-revoke", {"record": record["id"], "reason": "changed her mind"})
    assert job["state"] == "done", job
    assert list_states(studio)["Anna O'Neil"] == "revoked"
    found = next(one for one in studio.ask("GET", "/api/people")[1]["records"] if one["id"] == record["id"])
    assert "changed her mind" in found["revoked"]


@pytest.mark.slow
def test_a_request_waits_for_the_person(studio: RunningStudio, photo: str) -> None:
    job = wait_for_job(studio, "consent-request", {"subject": "Ben", "photos": [photo], "uses": ["swap", "animate"]})
    assert job["state"] == "done", job
    (asked,) = studio.ask("GET", "/api/people")[1]["requests"]
    assert (asked["subject"], asked["uses"]) == ("Ben", ["swap", "animate"])
    assert asked["command"] == "effigie consent grant ben.request.json -o ben.json"


def test_records_are_taken_in_and_forged_ones_refused(studio: RunningStudio, tmp_path) -> None:
    record = new_consent("Cleo", [fetch_asset("sample_woman")], basis="release")
    record.save(tmp_path / "cleo.json")
    text = (tmp_path / "cleo.json").read_text("utf-8")
    forged = text.replace("Cleo", "Dora")
    for wrong in (forged.encode(), b"{}", b"\xff", b"[" * 5000):
        status, answer = studio.ask("PUT", "/api/people/record?name=cleo.json", wrong)
        assert status == 403 and answer["error"].startswith("cleo.json")
    assert studio.ask("PUT", "/api/people/record", text.encode()) == (200, {"id": record.id})
    states = list_states(studio)
    assert states["Cleo"] == "valid" and "Dora" not in states


def test_a_face_set_without_consent_is_locked_and_says_why(
    tmp_path: Path, few_faces: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    woman = few_faces[0]
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    running = RunningStudio(tmp_path / "work", "--media", str(woman.parent))
    try:
        running.enter()
        roots = running.ask("GET", "/api/roots")[1]
        rows = running.ask("GET", f"/api/folders/{roots[1]['id']}")[1]
        handle = next(row["id"] for row in rows if row["name"] == woman.name)
        status, lock = running.ask("GET", f"/api/locks/{handle}/swap")
        assert status == 200 and not lock["open"]
        assert "there is no consent of the person" in lock["why"]
        record = new_consent("Anna", [fetch_asset("sample_woman")], basis="release")
        record.save(tmp_path / "work" / ".effigie" / "consents" / "anna.json")
        lock = running.ask("GET", f"/api/locks/{handle}/swap")[1]
        assert lock["open"] and lock["records"][0]["subject"] == "Anna"
        lock = running.ask("GET", f"/api/locks/{handle}/animate")[1]
        assert not lock["open"] and "not for animate" in lock["why"]
        target = next(row["id"] for row in rows if row["name"] == few_faces[1].name)
        status, job = running.start_job("train", {"source": handle, "target": target, "name": "m", "minutes": 1})
        assert status == 200 and job["command"].endswith("--consent .effigie/consents/anna.json --minutes 1"), job
        assert running.ask("POST", f"/api/jobs/{job['id']}/stop")[0] == 200
        columns = running.ask("GET", f"/api/faces/{handle}")[1]
        assert len(columns["frame"]) == len(columns["yaw"]) > 0
        assert columns["person"] == sorted(columns["person"])
        jpeg = running.ask("GET", f"/api/faces/{handle}/{columns['revision']}/0")[1]
        assert jpeg[:3] == b"\xff\xd8\xff"
        assert running.ask("GET", f"/api/faces/{handle}/{columns['revision']}/99999999")[0] == 422
    finally:
        running.end()
