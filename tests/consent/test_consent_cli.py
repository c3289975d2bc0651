"""Tests of `effigie consent` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from skimage import data

from effigie.consent.canonical import canonical_json
from effigie.consent.keys import SigningKey
from effigie.consent.record import Consent, new_consent, revoke
from effigie.consent.store import default_store, keep_used, used_store


@pytest.fixture
def portrait(tmp_path):
    path = tmp_path / "astronaut.png"
    cv2.imwrite(str(path), data.astronaut()[..., ::-1])
    return path


@pytest.fixture
def consent(here, monkeypatch, tmp_path):
    """consent(*arguments, home="operator") -> how the command ended, in the home folder of one person or another."""

    def run(*arguments, home="operator"):
        monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "homes" / home))
        return here("consent", *arguments)

    return run


@pytest.mark.slow
def test_new_show_list_revoke(consent, portrait, tmp_path):
    release = tmp_path / "release.pdf"
    release.write_bytes(b"signed")
    ended = consent(
        *("new", "E. Collins", "--photo", portrait, "--uses", "animate, swap", "--until", "2099-12-31"),
        *("--evidence", release, "--basis", "signed release", "--territory", "EU", "--json"),
    )
    assert ended.code == 0, ended.err
    made = json.loads(ended.out)
    assert made["uses"] == ["swap", "animate"] and made["until"] == "2099-12-31"
    assert made["path"] == str(tmp_path / "homes" / "operator" / "consents" / f"{made['id']}.json")
    shown = consent("show", made["id"])
    for words in ("E. Collins, attested", "swap, animate", "2099-12-31", "release.pdf", "state: valid", "EU"):
        assert words in shown.out
    described = json.loads(consent("show", made["id"], "--json").out)
    assert described["state"] == "valid" and described["revocation"] is None
    (row,) = json.loads(consent("list", "--json").out)
    assert (row["id"], row["subject"], row["state"]) == (made["id"], "E. Collins", "valid")
    assert made["id"] in consent("list").out
    assert consent("revoke", made["id"], "--reason", "enough").code == 0
    assert "state: revoked" in consent("show", made["path"]).out
    assert "enough" in consent("show", made["path"]).out
    assert json.loads(consent("list", "--json").out)[0]["state"] == "revoked"


def test_request_and_grant_between_two_people(consent, portrait, tmp_path):
    asked = consent("request", "E. Collins", "--photo", portrait, "-o", "asked.json", "--until", "never")
    assert asked.code == 0 and "effigie consent grant" in asked.out
    assert "requested, not granted" in consent("show", "asked.json").out
    assert json.loads(consent("show", "asked.json", "--json").out)["state"] == "requested"
    same = consent("grant", "asked.json", "-o", "record.json", "--yes")
    assert same.code == 3 and "own machine" in same.line()
    assert consent("grant", "asked.json", "-o", "record.json", "--json", home="subject").code == 2
    assert not (tmp_path / "record.json").exists()
    granted = consent("grant", "asked.json", "-o", "record.json", "--yes", home="subject")
    assert granted.code == 0, granted.err
    record = Consent.load(tmp_path / "record.json")
    assert record.strength == "granted" and record.until is None
    SigningKey.create(tmp_path / "stranger.pem")
    foreign = consent("revoke", "record.json", "--key", "stranger.pem")
    assert foreign.code == 3 and "not signed with" in foreign.line()
    assert consent("revoke", "record.json", "--reason", "enough", home="subject").code == 0
    # What the subject revoked beside the record holds for the operator too.
    assert "by the subject: enough" in consent("show", "record.json").out


def test_an_existing_record_is_not_replaced_unasked(consent, portrait, tmp_path):
    arguments = ("new", "E. Collins", "--photo", portrait, "-o", "record.json")
    assert consent(*arguments).code == 0
    before = (tmp_path / "record.json").read_bytes()
    again = consent(*arguments, "--uses", "voice")
    assert again.code == 2 and "--replace" in again.line()
    assert (tmp_path / "record.json").read_bytes() == before
    assert consent(*arguments, "--uses", "voice", "--replace").code == 0
    assert Consent.load(tmp_path / "record.json").uses == ("voice",)
    assert not list(tmp_path.glob(".*partial*"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("new", "X", "--photo", "none.jpg"), 1, "none.jpg"),
        (("new", "X", "--photo", "none.jpg", "--uses", "clone"), 2, "clone"),
        (("new", "X", "--photo", "none.jpg", "--until", "soon"), 2, "YYYY-MM-DD"),
        (("new", "X", "--photo", "none.jpg", "--until", "2001-01-01"), 2, "before it begins"),
        (("new", "X", "--photo", "none.jpg", "--key", "none.pem"), 1, "none.pem"),
        (("show", "none.json"), 3, "none.json"),
        (("show", "c-0123456789abcdef"), 3, "effigie consent list"),
        (("revoke", "../../x"), 3, "x"),
        (("grant", "none.json", "-o", "r.json"), 3, "none.json"),
    ],
)
def test_mistakes_are_one_line(consent, arguments, code, words):
    ended = consent(*arguments)
    assert ended.code == code
    assert words in ended.line()


def test_an_edited_record_is_not_shown_as_one(consent, portrait, tmp_path):
    path = tmp_path / "record.json"
    assert consent("new", "E. Collins", "--photo", portrait, "-o", path).code == 0
    document = json.loads(path.read_bytes())
    document["terms"]["uses"] = ["swap", "animate", "voice"]
    path.write_bytes(canonical_json(document) + b"\n")
    ended = consent("show", path)
    assert ended.code == 3 and "forged or was edited" in ended.line()


def test_an_empty_store_says_how_to_begin(consent):
    ended = consent("list")
    assert ended.code == 0 and "effigie consent new" in ended.out
    assert json.loads(consent("list", "--json").out) == []


def test_a_record_written_to_a_file_is_in_the_store_too(consent, portrait, tmp_path):
    assert consent("new", "Anna", "--photo", portrait, "-o", tmp_path / "anna.json").code == 0
    (row,) = json.loads(consent("list", "--json").out)
    assert row["subject"] == "Anna" and row["state"] == "valid"
    written = json.loads((tmp_path / "anna.json").read_text("utf-8"))
    assert json.loads(Path(row["path"]).read_text("utf-8")) == written


def test_records_that_outputs_rest_on_can_be_looked_at_and_permit_nothing(consent, portrait, tmp_path, monkeypatch):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    record = new_consent("Anna", [portrait], ["swap"])
    keep_used([record])
    assert used_store().find(record.id).subject == "Anna"
    assert default_store().list() == []
    default_store().add(revoke(record))
    assert used_store().consent_state(record) == "revoked"
