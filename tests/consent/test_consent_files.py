"""Tests of records and keys as files: refusals, permissions, and what is never overwritten."""

from __future__ import annotations

import os

import pytest
from consent_making import made

from effigie.consent.canonical import MAX_DOCUMENT_BYTES
from effigie.consent.keys import SigningKey, fingerprint, operator_key, verify_signature
from effigie.consent.record import Consent
from effigie.errors import ConsentError, EffigieError, UsageError


def test_odd_files_are_refused(key, tmp_path):
    huge = tmp_path / "huge.json"
    with huge.open("wb") as stream:
        stream.truncate(MAX_DOCUMENT_BYTES * 1000)  # sparse: 262 MB that are not there
    os.mkfifo(tmp_path / "pipe.json")
    for path in (huge, tmp_path, tmp_path / "none.json", tmp_path / "pipe.json", tmp_path / ("x" * 300)):
        with pytest.raises(ConsentError):
            Consent.load(path)


def test_saving_replaces_nothing_unless_told(key, tmp_path):
    one, two = made(key), made(key, subject="Ben")
    path = tmp_path / "r.json"
    one.save(path)
    one.save(path)
    with pytest.raises(UsageError, match="exists"):
        two.save(path)
    assert Consent.load(path).subject == one.subject
    two.save(path, replace=True)
    assert Consent.load(path).subject == "Ben"
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]
    with pytest.raises(UsageError, match="folder"):
        one.save(tmp_path)


def test_keys_are_private_and_never_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    first = operator_key()
    assert operator_key().public_key == first.public_key
    path = tmp_path / "home" / "keys" / "operator.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UsageError, match="never replaced"):
        SigningKey.create(path)
    assert [file.name for file in path.parent.iterdir()] == ["operator.pem"]
    message = b"this"
    signature = first.sign(message)
    assert verify_signature(first.public_key, signature, message)
    assert not verify_signature(first.public_key, signature, b"that")
    assert not verify_signature(first.public_key, signature[:-1], message)
    assert not verify_signature("nonsense", signature, message)
    assert len(fingerprint(first.public_key)) == 16 == len(first.fingerprint)
    path.write_text("no key")
    with pytest.raises(EffigieError, match="no Ed25519 key"):
        operator_key()
