"""Tests of granting at the camera as far as the server goes: terms, challenge, clip, command, headers."""

from __future__ import annotations

import numpy as np
import pytest
from running_studio import RunningStudio

from effigie.consent.document import ConsentRequest
from effigie.consent.grant_challenge import GrantChallenge, grant_by_challenge
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.signature import OPERATOR, REQUEST, Signature
from effigie.consent.terms import Terms
from effigie.consent.values import local_today, utc_now
from effigie.consent.witness import Witness


def write_request(studio: RunningStudio, name: str, key: SigningKey) -> ConsentRequest:
    values = {
        "subject": name,
        "uses": ("swap",),
        "purpose": None,
        "territory": None,
        "begins": local_today(),
        "until": None,
        "evidence": (),
        "basis": "she was asked",
        "strength": "granted",
        "embeddings": np.eye(1, 128, dtype=np.float32),
        "created": utc_now(),
    }
    signature = Signature.create(REQUEST, Terms(**values).digest, OPERATOR, key)
    asked = ConsentRequest(**values, signatures=(signature,))
    asked.save(studio.workspace / "requests" / f"{name}.request.json")
    return asked


def find_request(studio: RunningStudio, name: str) -> dict[str, object]:
    return next(one for one in studio.ask("GET", "/api/people")[1]["requests"] if one["subject"] == name)


def draw(studio: RunningStudio, name: str, sound: bool = False) -> dict[str, object]:
    status, drawn = studio.ask("POST", "/api/grants", {"request": find_request(studio, name)["id"], "sound": sound})
    assert status == 200, drawn
    return drawn


def test_terms_are_shown_and_a_challenge_is_drawn(studio: RunningStudio) -> None:
    write_request(studio, "Anna", operator_key())
    handle = find_request(studio, "Anna")["id"]
    status, terms = studio.ask("POST", "/api/grants/terms", {"request": handle})
    assert status == 200 and (terms["subject"], terms["uses"], terms["face"]) == ("Anna", ["swap"], True)
    first, second = draw(studio, "Anna"), draw(studio, "Anna", sound=True)
    assert len(first["steps"]) == 5 and first["sentence"] is None and second["sentence"]
    assert first["nonce"] != second["nonce"]


def test_only_own_requests_are_granted_here(studio: RunningStudio, tmp_path) -> None:
    write_request(studio, "Ben", SigningKey.create(tmp_path / "other.pem"))
    assert find_request(studio, "Ben")["own"] is False
    status, answer = studio.ask("POST", "/api/grants", {"request": find_request(studio, "Ben")["id"], "sound": False})
    assert status in (403, 422) and "who made it draws" in answer["error"]


def test_a_clip_is_taken_for_a_challenge_and_checked_by_a_command(studio: RunningStudio) -> None:
    write_request(studio, "Cleo", operator_key())
    nonce = draw(studio, "Cleo")["nonce"]
    address = f"/api/grants/{nonce}/clip"
    assert studio.start_job("consent-answer", {"nonce": nonce})[0] == 400  # no clip yet
    assert studio.ask("PUT", address, b"film", Content_Type="text/html")[0] == 400
    assert studio.ask("PUT", address, b"film", Content_Type="video/webm;codecs=vp8")[0] == 200
    clip = studio.workspace / "evidence" / f"grant-{nonce}.webm"
    assert clip.read_bytes() == b"film"
    status, job = studio.start_job("consent-answer", {"nonce": nonce})
    assert status == 200
    assert job["command"].startswith(
        f"effigie consent answer .effigie/studio/challenges/{nonce}.json evidence/{clip.name}"
    )


@pytest.mark.parametrize("nonce", ["ab" * 16, "..%2F..%2Fetc", "x", "AB" * 16])
def test_a_clip_without_a_challenge_is_refused(studio: RunningStudio, nonce: str) -> None:
    assert studio.ask("PUT", f"/api/grants/{nonce}/clip", b"film", Content_Type="video/webm")[0] == 404
    assert studio.start_job("consent-answer", {"nonce": nonce})[0] in (400, 404)


def test_a_granted_request_is_no_longer_asked(studio: RunningStudio) -> None:
    write_request(studio, "Dora", operator_key())
    nonce = draw(studio, "Dora")["nonce"]
    challenge = GrantChallenge.load(studio.workspace / ".effigie" / "studio" / "challenges" / f"{nonce}.json")
    peaks = tuple(range(len(challenge.steps)))
    shown = Witness(
        challenge.request.digest, challenge.steps, None, challenge.created, "cd" * 32, peaks, 5000, 900, 700
    )
    record = grant_by_challenge(challenge, shown, "grant.webm")
    record.save(studio.workspace / ".effigie" / "consents" / "dora.json")
    people = studio.ask("GET", "/api/people")[1]
    assert "Dora" not in [one["subject"] for one in people["requests"]]
    found = next(one for one in people["records"] if one["subject"] == "Dora")
    assert found["strength"] == "witnessed" and challenge.steps[0].replace("-", " ") in found["witness"]


def test_the_page_alone_may_ask_for_the_camera(studio: RunningStudio) -> None:
    policies = {
        path: studio.raw("GET", path, studio.headers())[1]["permissions-policy"]
        for path in ("/", "/api/people", "/static/studio.js")
    }
    assert "camera=(self), microphone=(self)" in policies.pop("/")
    assert all("camera=(), microphone=()" in policy for policy in policies.values())
