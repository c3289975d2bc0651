"""Tests of the gate: what it permits, what it refuses, and with which message."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from benchmarks.fixtures.consent_cases import refused_cases
from consent_making import TODAY, asked, directions, joined, made, shown
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effigie.consent.face_matching import MATCH_THRESHOLD, MIN_MATCHING_SHARE, SubjectFaces, reference_similarity
from effigie.consent.gate import Permit, permit, save_consents
from effigie.consent.record import Consent, grant, revoke
from effigie.consent.store import ConsentStore, default_store
from effigie.errors import RefusedError, UsageError


@pytest.fixture
def store(tmp_path) -> ConsentStore:
    return ConsentStore([tmp_path / "project", tmp_path / "own"])


def refusal(*arguments, **options) -> str:
    with pytest.raises(RefusedError) as caught:
        permit(*arguments, today=TODAY, **options)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_record_is_named_by_object_file_or_id(key, store, tmp_path):
    record = made(key)
    path = store.add(record)
    copied = tmp_path / "elsewhere.json"
    record.save(copied)
    for named in (record, path, str(path), record.id, copied, [record], (record.id, path)):
        given = permit("swap", shown(record), named, store=store, today=TODAY)
        assert set(given.ids) == {record.id}
        assert given.use == "swap"


def test_without_a_name_the_store_is_searched(key, store):
    record = made(key)
    assert "no consent of the person in interview" in refusal("swap", shown(record), store=store)
    store.add(made(key, subject="Ben", embeddings=directions(2, seed=9)))
    store.add(record)
    longer = made(key, until=None)
    store.add(longer)
    assert permit("swap", shown(record), store=store, today=TODAY).ids == (longer.id,)
    assert "for swap, not for voice" in refusal("voice", shown(record), store=store)
    store.add(revoke(longer, key))
    assert permit("swap", shown(record), store=store, today=TODAY).ids == (record.id,)


def test_every_record_that_does_not_hold_is_refused(key, tmp_path):
    lines = refused_cases(tmp_path / "cases", key)
    assert None not in lines.values(), lines
    for case, words in {
        "forged": "forged or was edited",
        "edited": "forged or was edited",
        "newer": "update effigie",
        "damaged": "damaged",
        "expired": "expired on 2026-06-14",
        "not yet valid": "not valid before 2026-06-16",
        "revoked": "was revoked",
        "other person": "0.0 % of the faces agree",
        "wrong use": "for swap, not for animate",
        "wrong project": "'Another'",
        "no project": "--purpose",
        "unknown id": "effigie consent list",
        "none": "effigie consent new",
    }.items():
        assert words in lines[case], lines[case]


def test_first_and_last_day_count(key, store):
    record = made(key)
    for day in (record.begins, record.until):
        assert permit("swap", shown(record), record, store=store, today=day)
    for day in (record.begins - timedelta(days=1), record.until + timedelta(days=1)):
        with pytest.raises(RefusedError):
            permit("swap", shown(record), record, store=store, today=day)
    endless = made(key, until=None)
    assert permit("swap", shown(endless), endless, store=store, today=TODAY.replace(year=2999))


def test_the_project_is_compared_as_people_write(key, store):
    record = made(key, purpose="The Film")
    assert permit("swap", shown(record), record, purpose=" the film ", store=store, today=TODAY)
    refusal("swap", shown(record), record, purpose="the films", store=store)


def test_the_refusal_names_the_clips_that_disagree(key, store):
    record = made(key)
    stranger = SubjectFaces(directions(6, seed=5), np.array(["party"] * 4 + ["street"] * 2, object))
    line = refusal("swap", joined(shown(record), stranger), record, store=store)
    assert "76.9 % of the faces agree" in line and record.id in line and "Anna" in line
    assert "party (4 of 4 faces differ" in line and "street (2 of 2 faces differ" in line
    assert "interview" not in line
    assert line.index("party") < line.index("street")


@pytest.mark.parametrize(("strangers", "passes"), [(5, True), (6, False)])
def test_ninety_five_of_a_hundred_must_agree(key, store, strangers, passes):
    record = made(key)
    faces = joined(
        shown(record, 100 - strangers), SubjectFaces(directions(strangers, seed=5), np.full(strangers, "party", object))
    )
    assert MIN_MATCHING_SHARE == 0.95
    if passes:
        assert permit("swap", faces, record, store=store, today=TODAY)
    else:
        refusal("swap", faces, record, store=store)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cosine=st.floats(-1, 1))
def test_the_threshold_is_a_cosine(key, tmp_path, cosine):
    record = made(key, embeddings=np.eye(1, 128, dtype=np.float32))
    face = np.zeros((1, 128), np.float32)
    face[0, :2] = cosine, np.sqrt(max(0.0, 1 - cosine**2))
    assert reference_similarity(record, face)[0] == pytest.approx(cosine, abs=1e-6)
    if abs(cosine - MATCH_THRESHOLD) < 1e-6:
        return
    faces, store = SubjectFaces(face, np.array(["clip"])), ConsentStore([tmp_path / "empty"])
    if cosine > MATCH_THRESHOLD:
        assert permit("swap", faces, record, store=store, today=TODAY)
    else:
        refusal("swap", faces, record, store=store)


def test_two_people_need_two_records_and_only_who_is_seen_is_named(key, store):
    anna, ben = made(key), made(key, subject="Ben", embeddings=directions(2, seed=9))
    third = made(key, subject="Cem", embeddings=directions(2, seed=11))
    both = joined(shown(anna), shown(ben, clip="street"))
    refusal("swap", both, anna, store=store)
    assert set(permit("swap", both, [anna, ben, third], store=store, today=TODAY).ids) == {anna.id, ben.id}
    expired = made(key, subject="Ben", embeddings=ben.embeddings, until=TODAY - timedelta(days=1))
    assert "expired" in refusal("swap", both, [anna, expired], store=store)


def test_faces_without_an_embedding_and_no_faces_are_refused(key, store):
    record = made(key)
    empty = SubjectFaces(np.zeros((10, 128), np.float32), np.full(10, "clip"))
    refusal("swap", empty, record, store=store)
    assert "no face" in refusal("swap", SubjectFaces(np.zeros((0, 128)), np.zeros(0, object)), record, store=store)
    assert "effigie consent new" in refusal("swap", shown(record), [], store=store)
    with pytest.raises(UsageError, match="no use"):
        permit("clone", shown(record), record, store=store)
    with pytest.raises(ValueError):
        SubjectFaces(directions(3), np.array(["a"]))


def test_not_a_number_agrees_with_nobody(key, store):
    record = made(key)
    strange = SubjectFaces(np.full((10, 128), np.nan, np.float32), np.full(10, "clip"))
    refusal("swap", strange, record, store=store)
    large = SubjectFaces(1000 * directions(40, seed=5), np.full(40, "clip"))
    assert np.abs(reference_similarity(record, large.embeddings)).max() < 1
    refusal("swap", large, record, store=store)


def test_only_the_gate_makes_permits(key, store):
    record = made(key)
    for forged in ((), (record,), (record, None)):
        with pytest.raises(TypeError):
            Permit("swap", (record,), *forged[1:])
    real = permit("swap", shown(record), record, store=store, today=TODAY)
    with pytest.raises(TypeError):
        dataclasses.replace(real, consents=(made(key, subject="Ben"),))
    with pytest.raises(TypeError):
        pickle.dumps(real)
    with pytest.raises(TypeError):
        copy.copy(real)


@pytest.mark.parametrize("where", ["project", "own", "beside", "renamed"])
def test_a_revocation_counts_wherever_it_lies(key, store, tmp_path, where):
    record = made(key)
    path = tmp_path / "files" / "anna.json"
    record.save(path)
    revocation = revoke(record, key, "changed my mind")
    name = f"{record.id}.revoked.json"
    target = {
        "project": store.folders[0] / name,
        "own": store.folders[1] / name,
        "beside": path.parent / name,
        "renamed": store.folders[1] / "letter.json",
    }[where]
    assert permit("swap", shown(record), path, store=store, today=TODAY)
    revocation.save(target)
    assert "changed my mind" in refusal("swap", shown(record), path, store=store)
    assert store.find_revocation(record, path).reason == "changed my mind"
    assert store.consent_state(record, path, today=TODAY) == "revoked"


def test_a_stranger_s_revocation_does_not_count_but_a_damaged_one_does(key, other, store):
    record, foreign = made(key), made(other)
    store.add(record)
    store.folders[0].mkdir(exist_ok=True)
    named = store.folders[0] / f"{record.id}.revoked.json"
    revoke(foreign, other, "mischief").save(named)
    assert permit("swap", shown(record), record.id, store=store, today=TODAY)
    named.write_bytes(revoke(record, key).to_bytes().replace(b"effigie", b"effigy!"))
    assert "counts as revoked" in refusal("swap", shown(record), record.id, store=store)


def test_the_subject_can_take_back_what_they_granted(key, other, store):
    record = grant(asked(key), other)
    store.add(record)
    assert permit("swap", shown(record), record.id, store=store, today=TODAY)
    store.add(revoke(record, other, "enough"))
    assert "enough" in refusal("swap", shown(record), record.id, store=store)


@pytest.mark.parametrize(
    "wanted",
    ["../secret", "c-../../../../etc", "c-0123456789abcdef/../x", "/etc/passwd", "c-0123456789ABCDEF", "", "\0"],
)
def test_ids_are_no_paths(store, wanted, tmp_path):
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(RefusedError):
        store.find(wanted)


def test_a_file_named_by_another_id_is_not_that_record(key, store):
    record, other_record = made(key), made(key, subject="Ben")
    path = store.add(record)
    path.write_bytes(other_record.to_bytes())
    with pytest.raises(RefusedError, match="another record"):
        store.find(record.id)


def test_the_store_lists_what_can_be_read(key, store, monkeypatch, tmp_path):
    anna, ben = made(key), made(key, subject="Ben", until=TODAY - timedelta(days=1))
    store.add(ben)
    ConsentStore(store.folders[1:]).add(anna)
    (store.folders[0] / "broken.json").write_text("{")
    (store.folders[0] / "later.json").write_bytes(made(key, subject="Cem", begins=TODAY + timedelta(days=1)).to_bytes())
    found = store.list(TODAY)
    assert [(one.consent.subject, one.state) for one in found] == [
        ("Anna Ünal", "valid"),
        ("Ben", "expired"),
        ("Cem", "not yet valid"),
    ]
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    own = default_store()
    assert own.folders == (tmp_path / "home" / "consents",)
    assert default_store(tmp_path).folders[0] == tmp_path / ".effigie" / "consents"


def test_a_permit_leaves_its_records_in_the_model(key, store, tmp_path):
    record = made(key)
    given = permit("swap", shown(record), record, store=store, today=TODAY)
    save_consents(tmp_path / "model", given)
    files = list((tmp_path / "model" / "consents").iterdir())
    assert [file.name for file in files] == [f"{record.id}.json"]
    assert Consent.load(Path(files[0])).to_bytes() == record.to_bytes()
